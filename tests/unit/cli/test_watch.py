"""Watching a workflow to its end."""

import io
from typing import Any

import pytest
from rich.console import Console

from podium.cli import watch
from podium.cli.client import Client
from podium.cli.failure import FAILED, UNREACHABLE, Failure

from .conftest import Stub

Out = pytest.CaptureFixture[str]


def task(number: int, status: str, **fields: Any) -> dict[str, Any]:
    return {
        "taskId": f"t{number}",
        "referenceTaskName": f"step_{number}",
        "taskType": "pick",
        "status": status,
        "seq": number,
        "retryCount": 0,
        "startTime": 1_000,
        "endTime": 2_500,
    } | fields


def workflow(status: str, *tasks: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "workflowId": "w1",
        "workflowName": "order",
        "status": status,
        "startTime": 1_000,
        "endTime": 4_000,
        "tasks": list(tasks),
    } | fields


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.0)
    monkeypatch.setattr(watch, "LOAD_SHARE", 0)


def test_each_change_of_a_task_is_one_line(server: Stub, capsys: Out) -> None:
    server.answer(
        "GET /api/workflow/w1",
        workflow("RUNNING", task(1, "IN_PROGRESS")),
        workflow("RUNNING", task(1, "IN_PROGRESS")),
        workflow("COMPLETED", task(1, "COMPLETED"), task(2, "FAILED", retryCount=1, reasonForIncompletion="no stock")),
    )

    assert watch.watch_workflow(Client(server.url), "w1", as_json=False) == 0

    assert capsys.readouterr().out.splitlines() == [
        "step_1 (pick) IN_PROGRESS",
        "step_1 (pick) COMPLETED 1.5 s",
        "step_2 (pick) attempt 2 FAILED 1.5 s: no stock",
        "order w1 COMPLETED after 3.0 s",
    ]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "TERMINATED"])
def test_any_other_end_is_a_failure_with_its_reason(server: Stub, capsys: Out, status: str) -> None:
    server.answer("GET /api/workflow/w1", workflow(status, reasonForIncompletion="no stock"))

    assert watch.watch_workflow(Client(server.url), "w1", as_json=False) == FAILED

    assert "reason: no stock" in capsys.readouterr().out


def test_json_prints_the_end_only(server: Stub, capsys: Out) -> None:
    server.answer("GET /api/workflow/w1", workflow("PAUSED", task(1, "SCHEDULED")), workflow("COMPLETED"))

    assert watch.watch_workflow(Client(server.url), "w1", as_json=True) == 0

    assert capsys.readouterr().out.count('"workflowId"') == 1


def test_an_unknown_workflow_is_a_failure_at_once(server: Stub) -> None:
    with pytest.raises(Failure, match="HTTP 404"):
        watch.watch_workflow(Client(server.url), "w1", as_json=False)
    assert len(server.asked) == 1


class Away(Client):
    """A client whose server goes away for some looks."""

    def __init__(self, url: str, absences: list[bool]) -> None:
        super().__init__(url)
        self.absences = absences

    def get(self, *path: object, **query: Any) -> Any:
        if self.absences.pop(0):
            raise Failure("away", exit_code=UNREACHABLE)
        return super().get(*path, **query)


def test_a_server_that_goes_away_for_a_while_is_waited_for(server: Stub) -> None:
    server.answer("GET /api/workflow/w1", workflow("RUNNING"), workflow("COMPLETED"))

    assert watch.watch_workflow(Away(server.url, [False, True, True, False]), "w1", as_json=False) == 0


def test_a_server_that_was_never_there_is_not_waited_for(server: Stub) -> None:
    with pytest.raises(Failure, match="away"):
        watch.watch_workflow(Away(server.url, [True, False]), "w1", as_json=False)


def test_the_picture_counts_all_tasks_and_shows_the_open_ones_first() -> None:
    tasks = [task(number, "COMPLETED") for number in range(1, 100)] + [task(100, "IN_PROGRESS", endTime=0)]
    console = Console(file=io.StringIO(), width=120)

    console.print(watch.picture(workflow("RUNNING", *tasks), 5))

    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    assert "COMPLETED 99  IN_PROGRESS 1" in text
    shown = [line.split()[0] for line in text.splitlines() if line.startswith("step_")]
    assert shown == ["step_96", "step_97", "step_98", "step_99", "step_100"]
