"""Calls that wait for a workflow: execute, and signals."""

import asyncio
from typing import Any

import pytest

from .conftest import Api, child, simple, wait

RUN = {"responseType", "targetWorkflowId", "targetWorkflowStatus", "requestId", "workflowId", "input", "output",
    "signalTimeout", "priority", "variables", "tasks", "createTime", "status", "updateTime"}  # fmt: skip


def execute(api: Api, name: str = "w", body: Any = None, **parameters: Any) -> Any:
    answer = api.call("POST", f"/workflow/execute/{name}/0", body or {"name": "ignored"}, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_execution_that_ends_at_once(api: Api) -> None:
    api.define(variables={"v": 1})
    api.define({"name": "n", "taskReferenceName": "n", "type": "NOOP"}, version=2, variables={"v": 1})

    found = execute(api, body={"input": {"x": 1}, "correlationId": "c", "version": 9}, requestId="r")

    assert set(found) == RUN | {"correlationId"}
    assert (found["status"], found["targetWorkflowStatus"], found["requestId"]) == ("COMPLETED", "COMPLETED", "r")
    assert (found["signalTimeout"], found["responseType"]) == (False, "TARGET_WORKFLOW")
    assert (found["input"], found["variables"], found["correlationId"]) == ({"x": 1}, {"v": 1}, "c")
    assert found["workflowId"] == found["targetWorkflowId"]
    assert [task["taskType"] for task in found["tasks"]] == ["NOOP"]


def test_execution_that_waits_for_a_worker(api: Api) -> None:
    api.define()

    async def meet() -> Any:
        call = asyncio.create_task(api.request("POST", "/api/workflow/execute/w/1", json={}))
        task = (await api.request("GET", "/api/tasks/poll/batch/a?timeout=5000")).json()[0]
        ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
        await api.request("POST", "/api/tasks", json={**ids, "status": "COMPLETED", "outputData": {"y": 1}})
        return (await call).json()

    found = api.run(meet())

    assert (found["status"], found["output"], found["signalTimeout"]) == ("COMPLETED", {"y": 1}, False)


def test_execution_that_takes_too_long_shows_how_far_it_came(wire: Api) -> None:
    wire.define()

    found = execute(wire, waitForSeconds=1)

    assert (found["status"], found["signalTimeout"]) == ("RUNNING", True)
    assert found["tasks"][0]["status"] == "SCHEDULED"


def test_execution_stops_at_a_wait(api: Api) -> None:
    api.define(wait())

    for strategy in ("TARGET_WORKFLOW", "BLOCKING_WORKFLOW"):
        found = execute(api, returnStrategy=strategy)
        assert (found["responseType"], found["status"], found["signalTimeout"]) == (strategy, "RUNNING", False)


def test_yield_takes_signals_also_in_a_child(api: Api) -> None:
    steps = [{"name": ref, "taskReferenceName": ref, "type": "YIELD"} for ref in ("y1", "y2")]
    api.define(*steps, name="inner")
    api.define(child("c", "inner"))
    found = execute(api, returnStrategy="BLOCKING_TASK")
    assert (found["referenceTaskName"], found["taskType"]) == ("y1", "YIELD")

    call = f"/tasks/{found['targetWorkflowId']}/COMPLETED/signal"
    answer = api.call("POST", f"{call}/sync?returnStrategy=BLOCKING_TASK", {"k": 1})
    assert (answer.status_code, answer.json()["referenceTaskName"]) == (200, "y2")
    assert api.call("POST", call, {}).status_code == 200

    assert api.workflow(found["targetWorkflowId"])["status"] == "COMPLETED"
    assert api.workflow(found["workflowId"])["tasks"][0]["outputData"] == {"k": 1}


@pytest.mark.parametrize("strategy", ["BLOCKING_TASK", "BLOCKING_TASK_INPUT"])
def test_execution_shows_the_task_that_it_waits_at(api: Api, strategy: str) -> None:
    api.define({**wait(), "inputParameters": {"k": "${workflow.input.x}"}})

    found = execute(api, body={"input": {"x": 5}, "priority": 2}, returnStrategy=strategy)

    assert (found["responseType"], found["referenceTaskName"], found["taskType"]) == (strategy, "wait", "WAIT")
    assert (found["input"], found["status"], found["priority"]) == ({"k": 5}, "IN_PROGRESS", 2)
    assert found["workflowId"] == found["targetWorkflowId"]
    assert "tasks" not in found


def test_execution_without_a_blocking_task_shows_the_workflow(api: Api) -> None:
    api.define({"name": "n", "taskReferenceName": "n", "type": "NOOP"})

    found = execute(api, returnStrategy="BLOCKING_TASK")

    assert (found["responseType"], found["status"]) == ("TARGET_WORKFLOW", "COMPLETED")


def test_execution_stops_at_a_wait_of_a_sub_workflow(api: Api) -> None:
    api.define(wait(), name="inner")
    api.define(child("c", "inner"), name="outer")

    shown = execute(api, "outer", returnStrategy="BLOCKING_WORKFLOW")
    task = execute(api, "outer", returnStrategy="BLOCKING_TASK")

    assert shown["workflowId"] != shown["targetWorkflowId"]
    assert shown["tasks"][0]["taskType"] == "WAIT"
    assert task["workflowId"] != task["targetWorkflowId"]


def test_execution_until_a_task_has_ended(api: Api) -> None:
    noop = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}
    api.define(noop, simple("a"))

    found = execute(api, waitUntilTaskRef="x, n", waitForSeconds=30)

    assert (found["signalTimeout"], found["status"]) == (False, "RUNNING")


def test_execution_until_an_iteration_that_is_over(api: Api) -> None:
    loop = {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopCondition": "$.l.iteration < 3"}
    noop = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}
    api.define({**loop, "loopOver": [noop]}, simple("a"))

    assert execute(api, waitUntilTaskRef="n__1", waitForSeconds=30)["signalTimeout"] is False


def test_execution_of_an_inline_definition_says_so(api: Api) -> None:
    noop = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}

    found = execute(api, "x", {"input": {"a": 1}, "workflowDef": {"name": "x", "tasks": [noop]}})

    assert found["input"] == {"a": 1, "_systemMetadata": {"dynamic": True}}


def test_strategy_that_is_none(api: Api) -> None:
    api.define()

    answer = api.call("POST", "/workflow/execute/w/1?returnStrategy=ALL", {})

    assert answer.status_code == 400
    assert "'returnStrategy'" in answer.json()["message"]
    assert api.get("/workflow/search")["totalHits"] == 0


def test_signal(api: Api) -> None:
    api.define(wait("first"), wait("second"))
    workflow_id = api.start()

    answer = api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal", {"x": 1})

    assert (answer.status_code, answer.content) == (200, b"")
    first, second = api.workflow(workflow_id)["tasks"]
    assert (first["status"], first["outputData"]) == ("COMPLETED", {"x": 1})
    assert second["status"] == "IN_PROGRESS"


def test_waiting_signal_answers_at_the_next_wait(api: Api) -> None:
    api.define(wait("first"), wait("second"))
    workflow_id = api.start()

    second = api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal/sync?returnStrategy=BLOCKING_TASK", {}).json()
    ended = api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal/sync", {"x": 1}).json()

    assert (second["referenceTaskName"], second["responseType"]) == ("second", "BLOCKING_TASK")
    assert (ended["status"], ended["signalTimeout"]) == ("COMPLETED", False)


def test_waiting_signal_that_takes_too_long(api: Api) -> None:
    api.define(wait(), simple("a"))
    workflow_id = api.start()

    found = api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal/sync?timeoutMillis=1", {}).json()

    assert (found["status"], found["signalTimeout"]) == ("RUNNING", True)


def test_signal_reaches_a_wait_with_a_deadline(api: Api) -> None:
    api.define({**wait(), "inputParameters": {"duration": "1 hours"}})
    workflow_id = api.start()

    api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal", {})

    assert api.workflow(workflow_id)["status"] == "COMPLETED"


def test_signal_reaches_a_sub_workflow(api: Api) -> None:
    api.define(wait(), name="inner")
    api.define(child("c", "inner"), name="outer")
    workflow_id = execute(api, "outer")["targetWorkflowId"]

    found = api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal/sync", {"x": 1}).json()

    assert (found["workflowId"], found["status"]) == (workflow_id, "COMPLETED")


def test_callers_that_wait_are_released_when_the_server_stops(api: Api) -> None:
    api.define()

    async def stop() -> Any:
        call = asyncio.create_task(api.request("POST", "/api/workflow/execute/w/1?waitForSeconds=600", json={}))
        while not api.services._watch._events:  # noqa: ASYNC110 (nothing tells when a call begins to wait)
            await asyncio.sleep(0)
        api.services.release_waiting()
        return (await call).json()

    assert api.run(stop())["signalTimeout"] is True


def test_waiters_are_forgotten(api: Api) -> None:
    api.define(wait(), simple("a"))
    workflow_id = api.start()

    api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal/sync?timeoutMillis=1", {})

    assert api.services._watch._events == {}
