"""`podium schedule`."""

import json

import pytest

from podium.cli import main
from podium.cli.failure import FAILED

from .conftest import Stub

AT = "/api/scheduler"
Out = pytest.CaptureFixture[str]
NIGHTLY = {
    "name": "nightly", "cronExpression": "0 0 3 * * *", "zoneId": "UTC", "cronSchedules": [],
    "startWorkflowRequest": {"name": "close"}, "nextRunTime": 1_000, "paused": True, "pausedReason": "audit",
}  # fmt: skip


def run(server: Stub, *words: str) -> int:
    return main(["schedule", *words, "--server", server.url])


def test_put_sends_what_is_started_and_when(server: Stub, capsys: Out) -> None:
    server.answer(f"POST {AT}/schedules", NIGHTLY)

    assert (
        run(server, "put", "nightly", "close", "0 0 3 * * *", "--zone", "Europe/Paris", "-p", "a=1", "--catch-up") == 0
    )

    assert server.asked[0][2] == {
        "name": "nightly",
        "cronExpression": "0 0 3 * * *",
        "zoneId": "Europe/Paris",
        "runCatchupScheduleInstances": True,
        "startWorkflowRequest": {"name": "close", "input": {"a": 1}},
    }
    assert "nightly runs next at 1970-01-01" in capsys.readouterr().out


def test_list_shows_when_each_runs_next_and_which_are_paused(server: Stub, capsys: Out) -> None:
    server.answer(f"GET {AT}/schedules", [NIGHTLY])

    assert run(server, "list") == 0

    assert capsys.readouterr().out.splitlines()[1].split() == [
        "nightly", "close", "0", "0", "3", "*", "*", "*", "UTC", "1970-01-01", "00:00:01", "paused", "audit",
    ]  # fmt: skip


def test_runs_show_the_workflow_or_why_there_is_none(server: Stub, capsys: Out) -> None:
    runs = [
        {"scheduledTime": 1_000, "scheduleName": "nightly", "state": "EXECUTED", "workflowId": "w1"},
        {"scheduledTime": 2_000, "scheduleName": "nightly", "state": "FAILED", "reason": "No such workflow"},
    ]
    server.answer(f"GET {AT}/search/executions", {"totalHits": 2, "results": runs})

    assert run(server, "runs", "nightly") == 0

    output = capsys.readouterr().out
    assert "w1" in output
    assert "No such workflow" in output
    assert server.asked[0][1]["query"] == ["scheduleName = nightly"]


def test_get_prints_a_schedule(server: Stub, capsys: Out) -> None:
    server.answer(f"GET {AT}/schedules/nightly", NIGHTLY)

    assert run(server, "get", "nightly") == 0

    assert json.loads(capsys.readouterr().out) == NIGHTLY


def test_delete_says_when_there_is_no_such_schedule(server: Stub, capsys: Out) -> None:
    server.answer(f"GET {AT}/schedules/n", {"message": "Schedule 'n' not found"}, status=404)

    assert run(server, "delete", "n") == FAILED

    captured = capsys.readouterr()
    assert "Schedule 'n' not found" in captured.err
    assert captured.out == ""


def test_pause_resume_and_delete(server: Stub) -> None:
    server.answer(f"GET {AT}/schedules/n", NIGHTLY)
    for call in (f"PUT {AT}/schedules/n/pause", f"PUT {AT}/schedules/n/resume", f"DELETE {AT}/schedules/n"):
        server.answer(call, None)

    assert run(server, "pause", "n", "--reason", "audit") == 0
    assert run(server, "resume", "n") == 0
    assert run(server, "delete", "n") == 0
    assert server.asked[0][1] == {"reason": ["audit"]}
