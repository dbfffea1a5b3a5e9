"""Starting, reading and steering workflows."""

import asyncio
from typing import Any

import pytest

from .conftest import Api, child, result, simple, wait


def loop(ref: str, *body: Any, times: int) -> dict[str, Any]:
    condition = f"$.{ref}.iteration < {times}"
    return {
        "name": ref,
        "taskReferenceName": ref,
        "type": "DO_WHILE",
        "loopCondition": condition,
        "loopOver": list(body),
    }


# ---- starts


def test_start_with_everything(api: Api) -> None:
    api.define(inputTemplate={"x": 1, "y": 2})

    workflow_id = api.start(given={"y": 3}, correlationId="c", priority=7, taskToDomain={"a": "d"})

    found = api.workflow(workflow_id)
    assert (found["input"], found["correlationId"], found["priority"]) == ({"x": 1, "y": 3}, "c", 7)
    assert found["taskToDomain"] == {"a": "d"}
    assert (found["workflowName"], found["workflowVersion"], found["status"]) == ("w", 1, "RUNNING")


def test_start_by_name(api: Api) -> None:
    api.define(version=1)
    api.define(version=2)

    latest = api.call("POST", "/workflow/w?correlationId=c&priority=3", {"x": 1}).text
    first = api.call("POST", "/workflow/w?version=1", {}).text
    in_path = api.call("POST", "/workflow/start/w/1", {}).text

    found = api.workflow(latest)
    assert (found["input"], found["correlationId"], found["priority"]) == ({"x": 1}, "c", 3)
    assert [api.workflow(one)["workflowVersion"] for one in (latest, first, in_path)] == [2, 1, 1]


def test_start_of_an_inline_definition(api: Api) -> None:
    definition = {"name": "inline", "version": 7, "tasks": [simple("a")]}

    workflow_id = api.start("other", workflowDef=definition)

    found = api.workflow(workflow_id)
    assert (found["workflowName"], found["workflowVersion"]) == ("inline", 7)
    assert api.get("/metadata/workflow") == []


def keyed(strategy: str | None) -> dict[str, Any]:
    return {"idempotencyKey": "k", "idempotencyStrategy": strategy}


def test_start_with_a_key_returns_the_existing_workflow(api: Api) -> None:
    api.define()
    api.define(name="v")

    first, second = api.start(**keyed("RETURN_EXISTING")), api.start(**keyed("RETURN_EXISTING"))

    assert first == second
    assert api.workflow(first)["idempotencyKey"] == "k"
    assert api.start("v", **keyed("RETURN_EXISTING")) != first


@pytest.mark.parametrize("strategy", ["FAIL", "FAIL_ON_RUNNING"])
def test_start_with_a_key_fails(api: Api, strategy: str) -> None:
    api.define()
    first = api.start(**keyed(strategy))

    answer = api.call("POST", "/workflow", {"name": "w", **keyed(strategy)})

    assert answer.status_code == 409
    assert first in answer.json()["message"]


def test_start_with_a_key_fails_only_while_the_other_runs(api: Api) -> None:
    api.define()
    first = api.start(**keyed("FAIL_ON_RUNNING"))
    api.finish()

    assert api.start(**keyed("FAIL_ON_RUNNING")) != first
    assert api.call("POST", "/workflow", {"name": "w", **keyed("FAIL")}).status_code == 409


def test_key_without_a_strategy_has_no_effect(api: Api) -> None:
    api.define()

    assert api.start(**keyed(None)) != api.start(**keyed(None))


def test_starts_with_a_key_at_the_same_time(api: Api) -> None:
    api.define()
    body = {"name": "w", **keyed("RETURN_EXISTING")}

    async def together() -> set[str]:
        calls = [api.request("POST", "/api/workflow", json=body) for _ in range(20)]
        return {answer.text for answer in await asyncio.gather(*calls)}

    assert len(api.run(together())) == 1
    assert api.get("/workflow/search")["totalHits"] == 1


# ---- reading


def test_reading_without_tasks(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    found = api.get(f"/workflow/{workflow_id}?includeTasks=false")

    assert (found["tasks"], found["status"]) == ([], "RUNNING")
    assert found["workflowDefinition"]["name"] == "w"


def test_tasks_are_in_their_order_whatever_was_retried(api: Api) -> None:
    api.call("POST", "/metadata/taskdefs", [{"name": "a", "retryDelaySeconds": 0, "retryCount": 3}])
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()
    api.finish(status="FAILED", reasonForIncompletion="first")
    api.finish()
    api.finish("b")

    tasks = api.workflow(workflow_id)["tasks"]

    assert [(task["seq"], task["status"], task["retried"]) for task in tasks] == [
        (1, "FAILED", True),
        (2, "COMPLETED", False),
        (3, "COMPLETED", False),
    ]
    assert tasks[1]["retriedTaskId"] == tasks[0]["taskId"]


def test_open_loop_shows_its_iterations(api: Api) -> None:
    api.define(loop("l", simple("a"), times=3))
    workflow_id = api.start()
    api.finish(outputData={"x": 1})
    api.finish(outputData={"x": 2})

    found = next(task for task in api.workflow(workflow_id)["tasks"] if task["taskType"] == "DO_WHILE")

    expected = {"1": {"a": {"x": 1}}, "2": {"a": {"x": 2}}, "3": {"a": {}}, "iteration": 3}
    assert found["outputData"] == expected
    assert api.get(f"/tasks/{found['taskId']}")["outputData"] == expected
    refs = [task["referenceTaskName"] for task in api.workflow(workflow_id)["tasks"]]
    assert refs == ["l", "a__1", "a__2", "a__3"]


def test_status(api: Api) -> None:
    api.define(variables={"v": 1}, outputParameters={"y": "${a.output.x}"})
    workflow_id = api.start(correlationId="c")
    api.finish(outputData={"x": 5})

    short = api.get(f"/workflow/{workflow_id}/status")
    long = api.get(f"/workflow/{workflow_id}/status?includeOutput=true&includeVariables=true")

    assert short == {"workflowId": workflow_id, "correlationId": "c", "status": "COMPLETED"}
    assert long == {**short, "output": {"y": 5}, "variables": {"v": 1}}


def test_page_of_tasks(api: Api) -> None:
    api.define(*[simple(f"t{number}", "a") for number in range(4)])
    workflow_id = api.start()
    for _ in range(3):
        api.finish()

    everything = api.get(f"/workflow/{workflow_id}/tasks")
    page = api.get(f"/workflow/{workflow_id}/tasks?start=1&count=2")
    done = api.get(f"/workflow/{workflow_id}/tasks?status=completed,failed")

    assert everything["totalHits"] == 4
    assert [task["referenceTaskName"] for task in page["results"]] == ["t1", "t2"]
    assert (done["totalHits"], len(done["results"])) == (3, 3)
    assert api.get(f"/workflow/{workflow_id}/tasks?start=9")["results"] == []


def test_correlated_workflows(api: Api) -> None:
    api.define()
    ended = api.start(correlationId="c 1")
    api.finish()
    running, paused = api.start(correlationId="c 1"), api.start(correlationId="c 1")
    api.call("PUT", f"/workflow/{paused}/pause")

    open_ones = api.get("/workflow/w/correlated/c%201")
    every_one = api.get("/workflow/w/correlated/c%201?includeClosed=true&includeTasks=true")
    several = api.call("POST", "/workflow/w/correlated", ["c 1", "none"]).json()

    assert [one["workflowId"] for one in open_ones] == [running]
    assert open_ones[0]["tasks"] == []
    assert {one["workflowId"] for one in every_one} == {ended, running, paused}
    assert all(len(one["tasks"]) == 1 for one in every_one)
    assert ([one["workflowId"] for one in several["c 1"]], several["none"]) == ([running], [])


def test_running_workflows(api: Api) -> None:
    api.define()
    api.define(version=2)
    first, second = api.start(version=1), api.start(version=2)
    created_ms = api.workflow(first)["createTime"]

    assert api.get("/workflow/running/w") == [first]
    assert api.get("/workflow/running/w?version=2") == [second]
    assert api.get(f"/workflow/running/w?startTime={created_ms}&endTime={created_ms + 60_000}") == [first]
    assert api.get("/workflow/running/w?startTime=1&endTime=2") == []


def test_masked_fields(api: Api) -> None:
    api.define(simple("a", inputParameters={"card": "${workflow.input.card}"}), maskedFields=["card"])
    workflow_id = api.start(given={"card": 1, "deep": [{"card": {"n": 1}}], "other": 2})
    polled = api.poll()
    api.report(polled, outputData={"card": "x"})

    found = api.workflow(workflow_id)

    assert found["input"] == {"card": "***", "deep": [{"card": "***"}], "other": 2}
    assert found["tasks"][0]["inputData"] == {"card": "***"}
    assert found["tasks"][0]["outputData"] == {"card": "***"}
    assert found["output"] == {"card": "***"}
    assert polled["inputData"] == {"card": 1}
    assert api.get(f"/tasks/{polled['taskId']}")["inputData"] == {"card": "***"}
    assert api.get("/workflow/search")["results"][0]["input"] == "{card=***, deep=[{card=***}], other=2}"
    assert api.get("/tasks/search")["results"][0]["output"] == "{card=***}"
    assert api.get("/tasks/search-v2")["results"][0]["outputData"] == {"card": "***"}


# ---- steering


def test_pause_and_resume(api: Api) -> None:
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()

    api.call("PUT", f"/workflow/{workflow_id}/pause")
    api.finish()
    while_paused = api.statuses(workflow_id)
    answer = api.call("PUT", f"/workflow/{workflow_id}/resume")

    assert while_paused == {"a": "COMPLETED"}
    assert (answer.status_code, answer.content) == (200, b"")
    assert api.statuses(workflow_id) == {"a": "COMPLETED", "b": "SCHEDULED"}


def test_restart(api: Api) -> None:
    api.define(simple("a"))
    workflow_id = api.start()
    api.finish()
    api.define(simple("a"), simple("b"), version=2)

    plain = api.call("POST", f"/workflow/{workflow_id}/restart")
    version = api.workflow(workflow_id)["workflowVersion"]
    api.finish()
    latest = api.call("POST", f"/workflow/{workflow_id}/restart?useLatestDefinitions=true")

    assert (plain.status_code, version, latest.status_code) == (204, 1, 204)
    assert api.workflow(workflow_id)["workflowVersion"] == 2
    assert api.statuses(workflow_id) == {"a": "SCHEDULED"}


def test_retry(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.finish(status="FAILED_WITH_TERMINAL_ERROR")

    answer = api.call("POST", f"/workflow/{workflow_id}/retry")

    assert answer.status_code == 204
    assert [task["status"] for task in api.workflow(workflow_id)["tasks"]] == [
        "FAILED_WITH_TERMINAL_ERROR",
        "SCHEDULED",
    ]


def test_rerun_of_everything(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.finish()

    answer = api.call("POST", f"/workflow/{workflow_id}/rerun", {"workflowInput": {"x": 2}, "correlationId": "c"})

    found = api.workflow(workflow_id)
    assert (answer.status_code, answer.text) == (200, workflow_id)
    assert (found["input"], found["correlationId"], found["status"]) == ({"x": 2}, "c", "RUNNING")


def test_rerun_from_a_task(api: Api) -> None:
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()
    api.finish()
    task = api.finish("b")

    body = {"reRunFromTaskId": task["taskId"], "taskInput": {"again": True}}
    api.call("POST", f"/workflow/{workflow_id}/rerun", body)

    assert api.statuses(workflow_id) == {"a": "COMPLETED", "b": "SCHEDULED"}
    assert api.poll("b")["inputData"] == {"again": True}


def nested(api: Api) -> tuple[str, str]:
    api.define(simple("a"), name="inner")
    api.define(child("c", "inner"), name="outer")
    outer = api.start("outer")
    api.run(api.node.settle())
    return outer, api.workflow(outer)["tasks"][0]["subWorkflowId"]


def test_rerun_from_a_task_of_a_sub_workflow(api: Api) -> None:
    outer, inner = nested(api)
    task = api.finish()
    api.run(api.node.settle())
    assert api.workflow(outer)["status"] == "COMPLETED"

    answer = api.call("POST", f"/workflow/{outer}/rerun", {"reRunFromTaskId": task["taskId"]})

    assert answer.status_code == 200
    assert [api.workflow(one)["status"] for one in (outer, inner)] == ["RUNNING", "RUNNING"]


def test_retry_of_a_sub_workflow_is_seen_at_once_by_its_parent(api: Api) -> None:
    outer, inner = nested(api)
    api.finish(status="FAILED_WITH_TERMINAL_ERROR")
    api.run(api.node.settle())
    assert api.workflow(outer)["status"] == "FAILED"

    api.call("POST", f"/workflow/{inner}/retry")

    assert [api.workflow(one)["status"] for one in (outer, inner)] == ["RUNNING", "RUNNING"]


def test_termination_reaches_sub_workflows_at_once(api: Api) -> None:
    outer, inner = nested(api)

    answer = api.call("DELETE", f"/workflow/{outer}?reason=enough")

    assert (answer.status_code, answer.content) == (200, b"")
    assert [api.workflow(one)["status"] for one in (outer, inner)] == ["TERMINATED", "TERMINATED"]
    assert api.workflow(outer)["reasonForIncompletion"] == "enough"


def test_only_what_has_relatives_waits_for_messages(wire: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    outer, inner = nested(wire)
    wire.define()
    plain = wire.start()
    settled = []

    async def settle(timeout_s: float) -> bool:
        settled.append(timeout_s)
        return True

    monkeypatch.setattr(wire.node, "settle", settle)

    wire.call("DELETE", f"/workflow/{plain}")
    for_plain = len(settled)
    wire.call("DELETE", f"/workflow/{inner}")
    wire.call("DELETE", f"/workflow/{outer}")

    assert (for_plain, len(settled)) == (0, 2)


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", {"taskInput": {"i": 1}, "taskOutput": {"o": "2"}}),
        ("?taskInput[i]=1&taskOutput[o]=2", ...),
        ("?taskOutput%5Bo%5D=2", {}),
    ],
)
def test_skip(api: Api, query: str, body: Any) -> None:
    api.define(simple("a"), simple("b"), simple("c"))
    workflow_id = api.start()

    answer = api.call("PUT", f"/workflow/{workflow_id}/skiptask/b{query}", body)
    api.finish()

    assert (answer.status_code, answer.content) == (200, b"")
    assert api.statuses(workflow_id) == {"a": "COMPLETED", "b": "SKIPPED", "c": "SCHEDULED"}
    skipped = next(task for task in api.workflow(workflow_id)["tasks"] if task["referenceTaskName"] == "b")
    assert skipped["outputData"] == {"o": "2"}


def test_resetting_callbacks(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.report(api.poll(), "IN_PROGRESS", callbackAfterSeconds=600)
    assert api.call("GET", "/tasks/poll/a").status_code == 204

    answer = api.call("POST", f"/workflow/{workflow_id}/resetcallbacks")

    assert answer.status_code == 204
    assert api.poll()["pollCount"] == 2


def test_decide(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    assert api.call("PUT", f"/workflow/decide/{workflow_id}").content == b""


def test_variables_from_outside(api: Api) -> None:
    api.define(variables={"a": 1})
    workflow_id = api.start()

    answer = api.call("POST", f"/workflow/{workflow_id}/variables", {"b": [2]})

    assert answer.json()["variables"] == {"a": 1, "b": [2]}
    assert api.workflow(workflow_id)["variables"] == {"a": 1, "b": [2]}


@pytest.mark.parametrize("query", ["", "?archiveWorkflow=false"])
def test_removal(api: Api, query: str) -> None:
    api.define()
    workflow_id = api.start()
    api.finish()

    answer = api.call("DELETE", f"/workflow/{workflow_id}/remove{query}")

    assert (answer.status_code, answer.content) == (200, b"")
    assert api.call("GET", f"/workflow/{workflow_id}").status_code == 404
    assert api.get("/workflow/search")["totalHits"] == 0


def test_termination_and_removal(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    assert api.call("DELETE", f"/workflow/{workflow_id}/terminate-remove?reason=x").status_code == 200
    assert api.call("GET", f"/workflow/{workflow_id}").status_code == 404
    assert api.call("GET", "/tasks/poll/a").status_code == 204


@pytest.mark.parametrize(("call", "body"), [("DELETE /workflow/{}", None), ("POST /workflow/bulk/terminate", [])])
def test_termination_may_start_the_failure_workflow(api: Api, call: str, body: list[str] | None) -> None:
    api.define(name="undo")
    api.define(failureWorkflow="undo")
    workflow_id = api.start()
    method, path = call.split()

    body = body if body is None else [workflow_id]
    assert api.call(method, f"{path.format(workflow_id)}?triggerFailureWorkflow=true", body).status_code == 200

    started = api.workflow(workflow_id)["output"]["conductor.failure_workflow"]
    assert api.workflow(started)["input"]["failureStatus"] == "TERMINATED"


# ---- many at once


def test_bulk_operations(api: Api) -> None:
    api.define()
    running, ended = api.start(), api.start()
    api.call("DELETE", f"/workflow/{ended}")
    ids = [running, ended, "x"]

    paused = api.call("PUT", "/workflow/bulk/pause", ids).json()
    resumed = api.call("PUT", "/workflow/bulk/resume", ids).json()
    terminated = api.call("POST", "/workflow/bulk/terminate?reason=enough", ids).json()
    retried = api.call("POST", "/workflow/bulk/retry", ids).json()

    assert paused == {
        "bulkErrorResults": {
            ended: f"Workflow w.1/{ended} has ended, status cannot be updated.",
            "x": "No such workflow found by id: x",
        },
        "bulkSuccessfulResults": [running],
    }
    assert resumed["bulkSuccessfulResults"] == [running]
    assert terminated["bulkSuccessfulResults"] == [running, ended]
    assert retried["bulkSuccessfulResults"] == [running, ended]
    assert api.workflow(running)["status"] == "RUNNING"


def test_bulk_search(api: Api) -> None:
    api.define()
    first, second = api.start(), api.start()

    found = api.call("POST", "/workflow/bulk/search", [second, "x", first]).json()
    bare = api.call("POST", "/workflow/bulk/search?includeTasks=false", [first]).json()

    assert [one["workflowId"] for one in found["bulkSuccessfulResults"]] == [second, first]
    assert [len(one["tasks"]) for one in found["bulkSuccessfulResults"]] == [1, 1]
    assert found["bulkErrorResults"] == {"x": "No such workflow found by id: x"}
    assert bare["bulkSuccessfulResults"][0]["tasks"] == []


def test_bulk_restart_and_removal(api: Api) -> None:
    api.define()
    first, second = api.start(), api.start()
    for _ in range(2):
        api.finish()

    restarted = api.call("POST", "/workflow/bulk/restart?useLatestDefinitions=true", [first]).json()
    removed = api.call("DELETE", "/workflow/bulk/remove", [first, second]).json()
    both = api.call("DELETE", "/workflow/bulk/terminate-remove?reason=x", [first, "x"]).json()

    gone = api.call("POST", "/workflow/bulk/delete", [second]).json()

    assert restarted["bulkSuccessfulResults"] == [first]
    assert list(gone["bulkErrorResults"]) == [second]  # a second time
    assert removed["bulkSuccessfulResults"] == [second]
    assert list(removed["bulkErrorResults"]) == [first]
    assert both["bulkSuccessfulResults"] == [first, first]
    assert both["bulkErrorResults"] == {"x": "No such workflow found by id: x"}


def test_update_reports_of_waits(api: Api) -> None:
    api.define(wait())
    workflow_id = api.start()
    task = api.workflow(workflow_id)["tasks"][0]

    answer = api.call("POST", "/tasks", result(task, outputData={"who": "me"}))

    assert answer.text == task["taskId"]
    assert api.workflow(workflow_id)["status"] == "COMPLETED"
