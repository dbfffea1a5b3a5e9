"""What each command asks of the server, what it prints, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from podium import __version__
from podium.cli import main
from podium.cli.failure import FAILED, UNREACHABLE, USAGE

from .conftest import Stub

Out = pytest.CaptureFixture[str]

WORKFLOW = {
    "workflowId": "w1",
    "workflowName": "order",
    "workflowVersion": 2,
    "status": "FAILED",
    "startTime": 1_000,
    "endTime": 3_500,
    "reasonForIncompletion": "no stock",
    "input": {"a": 1},
    "output": {},
    "tasks": [
        {
            "taskId": "t1",
            "referenceTaskName": "pick_ref",
            "taskType": "pick",
            "status": "FAILED",
            "retryCount": 1,
            "seq": 1,
            "startTime": 1_000,
            "endTime": 2_000,
            "reasonForIncompletion": "no stock",
        }
    ],
}


def run(server: Stub, *words: str) -> int:
    return main([*words, "--server", server.url])


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PODIUM_SERVER", "CONDUCTOR_SERVER_URL", "PODIUM_DATABASE", "PODIUM_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def definition(tmp_path: Path, *values: Any) -> str:
    file = tmp_path / "def.json"
    file.write_text(json.dumps(values[0] if len(values) == 1 else list(values)))
    return str(file)


# ---- workflow


def test_start_sends_the_input_and_prints_the_id(server: Stub, capsys: Out) -> None:
    server.answer("POST /api/workflow", "w1")

    words = ("--input", '{"a": 1}', "-p", "b=2", "--version", "3", "--priority", "5", "--domain", "pick=eu")
    assert run(server, "workflow", "start", "order", *words) == 0

    assert capsys.readouterr().out == "w1\n"
    assert server.asked[0][2] == {
        "name": "order",
        "version": 3,
        "input": {"a": 1, "b": 2},
        "priority": 5,
        "taskToDomain": {"pick": "eu"},
    }


def test_start_of_an_unknown_definition_says_how_to_register_it(server: Stub, capsys: Out) -> None:
    server.answer("POST /api/workflow", {"message": "No such workflow defined. name=x"}, status=404)

    assert run(server, "workflow", "start", "x") == FAILED

    assert "podium def put FILE" in capsys.readouterr().err


def test_start_and_watch_ends_with_the_workflow(server: Stub, capsys: Out) -> None:
    server.answer("POST /api/workflow", "w1")
    server.answer("GET /api/workflow/w1", WORKFLOW)

    assert run(server, "workflow", "start", "order", "--watch") == FAILED

    assert "order w1 FAILED after 2.5 s" in capsys.readouterr().out


def test_get_shows_a_workflow_and_its_tasks(server: Stub, capsys: Out) -> None:
    server.answer("GET /api/workflow/w1", WORKFLOW)

    assert run(server, "workflow", "get", "w1") == 0

    output = capsys.readouterr().out
    for text in ("order version 2", "FAILED", "no stock", '{"a": 1}', "pick_ref", "1.0 s"):
        assert text in output


def test_get_prints_json_on_demand(server: Stub, capsys: Out) -> None:
    server.answer("GET /api/workflow/w1", WORKFLOW)

    assert run(server, "workflow", "get", "w1", "--json", "--no-tasks") == 0

    assert json.loads(capsys.readouterr().out) == WORKFLOW
    assert server.asked[0][1] == {"includeTasks": ["false"]}


def test_search_puts_the_conditions_together(server: Stub, capsys: Out) -> None:
    hit = {
        "workflowId": "w1",
        "workflowType": "order",
        "version": 2,
        "status": "RUNNING",
        "startTime": "2026-01-01T00:00:00Z",
    }
    server.answer("GET /api/workflow/search", {"totalHits": 7, "results": [hit]})

    words = ("--status", "running", "--name", 'a"b', "priority > 5 OR version = 1")
    assert run(server, "workflow", "search", *words) == 0

    query = server.asked[0][1]
    assert query["query"] == ['(priority > 5 OR version = 1) AND workflowType = "a\\"b" AND status = "RUNNING"']
    assert (query["sort"], query["size"]) == (["startTime:DESC"], ["20"])
    output = capsys.readouterr().out
    assert "order v2" in output
    assert "1 of 7" in output


@pytest.mark.parametrize(
    ("words", "call", "query"),
    [
        (["pause"], "PUT /api/workflow/w1/pause", {}),
        (["resume"], "PUT /api/workflow/w1/resume", {}),
        (["retry", "--sub-workflows"], "POST /api/workflow/w1/retry", {"resumeSubworkflowTasks": ["true"]}),
        (["restart", "--latest"], "POST /api/workflow/w1/restart", {"useLatestDefinitions": ["true"]}),
        (["terminate", "--reason", "old"], "DELETE /api/workflow/w1", {"reason": ["old"]}),
        (["terminate", "--compensate"], "DELETE /api/workflow/w1", {"triggerFailureWorkflow": ["true"]}),
        (["remove"], "DELETE /api/workflow/w1/remove", {"archiveWorkflow": ["true"]}),
        (["remove", "--open"], "DELETE /api/workflow/w1/remove", {"archiveWorkflow": ["false"]}),
    ],
)
def test_steering_asks_for_the_right_thing(server: Stub, words: list[str], call: str, query: dict[str, Any]) -> None:
    server.answer(call, None)

    assert run(server, "workflow", words[0], "w1", *words[1:]) == 0

    assert server.asked[0][:2] == (call, query)


def test_remove_says_what_to_do_about_an_open_one(server: Stub, capsys: Out) -> None:
    server.answer("DELETE /api/workflow/w1/remove", {"message": "Cannot archive workflow: w1"}, status=400)

    assert run(server, "workflow", "remove", "w1") == FAILED

    assert "--open" in capsys.readouterr().err


def test_steering_goes_on_after_one_that_fails(server: Stub, capsys: Out) -> None:
    server.answer("PUT /api/workflow/w1/pause", {"message": "it has ended"}, status=409)
    server.answer("PUT /api/workflow/w2/pause", None)

    assert run(server, "workflow", "pause", "w1", "w2") == FAILED

    captured = capsys.readouterr()
    assert captured.out == "w2 paused\n"
    assert "w1: it has ended (HTTP 409)" in captured.err


def test_rerun_begins_at_a_task_with_new_input(server: Stub) -> None:
    server.answer("POST /api/workflow/w1/rerun", "w1")

    assert run(server, "workflow", "rerun", "w1", "--from-task", "t1", "--task-input", '{"a": 2}') == 0

    assert server.asked[0][2] == {"reRunFromTaskId": "t1", "taskInput": {"a": 2}}


# ---- definitions


def test_put_registers_workflows_as_a_list(server: Stub, capsys: Out, tmp_path: Path) -> None:
    server.answer("PUT /api/metadata/workflow", {"bulkErrorResults": {}, "bulkSuccessfulResults": ["a"]})

    assert run(server, "def", "put", definition(tmp_path, {"name": "a", "version": 2})) == 0

    assert server.asked[0][2] == [{"name": "a", "version": 2}]
    assert capsys.readouterr().out == "registered a version 2\n"


def test_put_fails_when_the_server_takes_only_some(server: Stub, capsys: Out, tmp_path: Path) -> None:
    server.answer("PUT /api/metadata/workflow", {"bulkErrorResults": {"a": "broken"}})

    assert run(server, "def", "put", definition(tmp_path, {"name": "a"})) == FAILED

    assert "a: broken" in capsys.readouterr().err


def test_put_of_an_empty_list_registers_nothing(server: Stub, capsys: Out, tmp_path: Path) -> None:
    file = tmp_path / "none.json"
    file.write_text("[]")

    assert run(server, "def", "put", "--task", str(file)) == 0

    assert capsys.readouterr().out == "nothing to register\n"
    assert server.asked == []


def test_put_registers_task_definitions(server: Stub, tmp_path: Path) -> None:
    server.answer("POST /api/metadata/taskdefs", None)

    assert run(server, "def", "put", "--task", definition(tmp_path, {"name": "a"}, {"name": "b"})) == 0

    assert server.asked[0][2] == [{"name": "a"}, {"name": "b"}]


def test_put_refuses_what_is_no_definition(server: Stub, capsys: Out, tmp_path: Path) -> None:
    assert run(server, "def", "put", definition(tmp_path, 1, 2)) == USAGE

    assert "expected a JSON object" in capsys.readouterr().err
    assert server.asked == []


def test_get_and_list_of_definitions(server: Stub, capsys: Out) -> None:
    server.answer("GET /api/metadata/workflow/a", {"name": "a"})
    server.answer("GET /api/metadata/workflow", [{"name": "a", "version": 1, "tasks": [{}, {}]}])
    server.answer("GET /api/metadata/taskdefs", [{"name": "pick", "retryCount": 3, "responseTimeoutSeconds": 60}])

    assert run(server, "def", "get", "a", "--version", "1") == 0
    assert json.loads(capsys.readouterr().out) == {"name": "a"}
    assert server.asked[0][1] == {"version": ["1"]}

    assert run(server, "def", "list") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["a", "1", "2"]
    assert run(server, "def", "list", "--task") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["pick", "3", "60"]


# ---- tasks and queues


def test_a_task_is_shown(server: Stub, capsys: Out) -> None:
    found = WORKFLOW["tasks"][0] | {"workflowType": "order", "workflowInstanceId": "w1", "workerId": "me"}  # type: ignore[index]
    server.answer("GET /api/tasks/t1", found)

    assert run(server, "task", "get", "t1") == 0

    output = capsys.readouterr().out
    assert "pick_ref (pick)" in output
    assert "no stock" in output


def test_a_task_is_updated_by_its_id(server: Stub) -> None:
    server.answer("GET /api/tasks/t1", {"workflowInstanceId": "w1", "workerId": "me"})
    server.answer("POST /api/tasks", "t1")

    assert run(server, "task", "update", "t1", "failed", "-p", "a=1", "--reason", "no stock") == 0

    assert server.asked[1][2] == {
        "taskId": "t1",
        "workflowInstanceId": "w1",
        "status": "FAILED",
        "outputData": {"a": 1},
        "workerId": "me",
        "reasonForIncompletion": "no stock",
    }


def test_a_task_is_updated_by_its_reference_name(server: Stub, capsys: Out) -> None:
    server.answer("POST /api/tasks/w1/pick_ref/COMPLETED", "t1", None)

    assert run(server, "task", "update", "pick_ref", "completed", "--workflow", "w1") == 0
    assert run(server, "task", "update", "pick_ref", "completed", "--workflow", "w1") == FAILED
    assert "No open task pick_ref" in capsys.readouterr().err


def test_an_unknown_status_is_wrong_usage(server: Stub) -> None:
    assert run(server, "task", "update", "t1", "done") == USAGE


def test_poll_prints_the_tasks_that_are_now_ours(server: Stub, capsys: Out) -> None:
    server.answer("GET /api/tasks/poll/batch/pick", [{"taskId": "t1"}])

    assert run(server, "task", "poll", "pick", "--count", "2", "--domain", "eu") == 0

    assert json.loads(capsys.readouterr().out) == [{"taskId": "t1"}]
    expected = {"count": ["2"], "timeout": ["100"], "domain": ["eu"], "workerid": ["podium-cli"]}
    assert server.asked[0][1] == expected


def test_logs_are_printed_and_added(server: Stub, capsys: Out) -> None:
    server.answer("GET /api/tasks/t1/log", [{"log": "half done", "createdTime": 0}])
    server.answer("POST /api/tasks/t1/log", None)

    assert run(server, "task", "logs", "t1") == 0
    assert capsys.readouterr().out.strip() == "half done"
    assert run(server, "task", "logs", "t1", "--add", "all done") == 0
    assert server.asked[-1][2] == "all done"


def test_queues_without_a_worker_are_pointed_out(server: Stub, capsys: Out) -> None:
    server.answer("GET /api/tasks/queue/all", {"pick": 3, "eu:pack": 0})
    polls = [{"queueName": "pack", "domain": "eu", "workerId": "me", "lastPollTime": 1_000}]
    server.answer("GET /api/tasks/queue/polldata/all", polls)

    assert run(server, "queue", "list") == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:2] == ["eu:pack", "0"]
    assert lines[1].split()[-1] == "me"
    assert lines[-1] == "tasks wait, but no worker has asked since the server started: pick"


# ---- the rest


def test_the_server_comes_from_the_environment(server: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answer("GET /api/tasks/queue/all", {})
    server.answer("GET /api/tasks/queue/polldata/all", [])
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server.url + "/api")

    assert main(["queue", "list"]) == 0


def test_a_server_that_is_away_is_exit_code_3(capsys: Out) -> None:
    assert main(["queue", "list", "--server", "http://127.0.0.1:1"]) == UNREACHABLE
    assert "podium serve" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["workflow", "bogus"], ["workflow", "get"], ["workflow", "start", "x", "--priority", "100"]]
)
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert main(words) == USAGE


def test_version(capsys: Out) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out == f"podium {__version__}\n"


def test_settings_in_effect_and_where_they_come_from(
    capsys: Out, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)  # a short name fits the table
    file = Path("podium.toml")
    file.write_text("cache_mb = 7")
    monkeypatch.setenv("PODIUM_PORT", "1234")

    assert main(["settings", "--config", str(file), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["cache_mb"], values["port"], values["host"]) == (7, 1234, "127.0.0.1")

    assert main(["settings", "--config", str(file)]) == 0
    output = capsys.readouterr().out
    assert "environment" in output
    assert str(file) in output


def test_help_lists_every_command(capsys: Out) -> None:
    assert main(["--help"]) == 0

    output = capsys.readouterr().out
    for name in ("serve", "workflow", "def", "task", "queue", "db", "version", "settings", "--install-completion"):
        assert name in output


def test_cluster_status_lists_the_nodes_and_names_those_that_are_silent(server: Stub, capsys: Out) -> None:
    known = {"address": "http://a:8080", "version": "1.0", "startedMs": 1_000, "lastBeatMs": 2_000}
    nodes = [
        {"id": "n1", **known, "isAsked": True, "counts": {"commits": 42, "waitingPolls": 7}},
        {"id": "n2", **known},
    ]
    server.answer("GET /api/admin/cluster", nodes)

    assert main(["cluster", "status", "--server", server.url]) == 0
    out = capsys.readouterr()
    assert "n1 *" in out.out
    assert "42" in out.out
    assert "no answer within a second: n2" in out.out + out.err
    assert main(["cluster", "status", "--json", "--server", server.url]) == 0
    assert json.loads(capsys.readouterr().out) == nodes
