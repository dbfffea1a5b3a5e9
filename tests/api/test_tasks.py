"""Polling, reporting, logging, and looking into queues."""

import asyncio
from typing import Any

import pytest

from .conftest import Api, result, simple

# ---- polls


def test_poll(api: Api) -> None:
    api.define(simple("a", inputParameters={"x": "${workflow.input.x}"}))
    workflow_id = api.start(given={"x": 1}, correlationId="c")

    task = api.poll()

    assert (task["workflowInstanceId"], task["inputData"], task["status"]) == (workflow_id, {"x": 1}, "IN_PROGRESS")
    assert (task["workerId"], task["pollCount"], task["correlationId"]) == ("me", 1, "c")
    assert task["workflowTask"]["taskReferenceName"] == "a"


def test_poll_without_a_task(api: Api) -> None:
    answer = api.call("GET", "/tasks/poll/a")

    assert (answer.status_code, answer.content) == (204, b"")


def test_batch_poll(api: Api) -> None:
    api.define()
    for _ in range(3):
        api.start()

    assert len(api.get("/tasks/poll/batch/a?count=2")) == 2
    assert len(api.get("/tasks/poll/batch/a?count=5&timeout=0")) == 1
    assert api.get("/tasks/poll/batch/a?count=5&timeout=0") == []


def test_batch_poll_waits_for_a_task(api: Api) -> None:
    api.define()

    async def meet() -> Any:
        poll = asyncio.create_task(api.request("GET", "/api/tasks/poll/batch/a?timeout=5000"))
        await asyncio.sleep(0)
        await api.request("POST", "/api/workflow", json={"name": "w"})
        return (await poll).json()

    assert len(api.run(meet())) == 1


def test_domains(api: Api) -> None:
    api.define()
    api.start(taskToDomain={"a": "d"})

    assert api.call("GET", "/tasks/poll/a?domain=").status_code == 204
    assert api.get("/tasks/poll/a?domain=d")["domain"] == "d"


def test_secrets_reach_the_worker_and_nobody_else(api: Api) -> None:
    secret = {
        "p": "${workflow.secrets.PASSWORD}",
        "t": "key ${workflow.secrets.PASSWORD}",
        "n": "${workflow.secrets.NO}",
    }
    api.define(simple("a", inputParameters=secret))
    workflow_id = api.start()

    task = api.poll()

    assert task["inputData"] == {"p": "s3cret", "t": "key s3cret", "n": None}
    assert task["workflowTask"]["inputParameters"] == secret
    assert "s3cret" not in api.call("GET", f"/workflow/{workflow_id}").text


def test_values_that_a_definition_wants_at_run_time(api: Api) -> None:
    api.call("POST", "/metadata/taskdefs", [{"name": "a", "runtimeMetadata": ["PASSWORD", "REGION", "NONE"]}])
    api.define()
    workflow_id = api.start()

    assert api.get("/tasks/poll/batch/a")[0]["runtimeMetadata"] == {"PASSWORD": "s3cret", "REGION": "eu"}
    assert "runtimeMetadata" not in api.workflow(workflow_id)["tasks"][0]


# ---- results


def test_result(api: Api) -> None:
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()
    task = api.poll()

    answer = api.report(task, outputData={"x": 1}, reasonForIncompletion="none", workerId="other")

    assert (answer.status_code, answer.text) == (200, task["taskId"])
    first, second = api.workflow(workflow_id)["tasks"]
    assert (first["status"], first["outputData"], first["workerId"]) == ("COMPLETED", {"x": 1}, "other")
    assert second["status"] == "SCHEDULED"


def test_result_replaces_the_output(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.report(api.poll(), "IN_PROGRESS", outputData={"x": 1, "y": 1})

    api.report(api.poll(), outputData={"x": 2})

    assert api.workflow(workflow_id)["tasks"][0]["outputData"] == {"x": 2}


def test_lease_is_extended_and_nothing_else(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    task = api.poll()

    answer = api.report(task, "COMPLETED", extendLease=True, outputData={"x": 1})
    next_one = api.call("POST", "/tasks/update-v2", result(task, "IN_PROGRESS", extendLease=True))

    found = api.workflow(workflow_id)["tasks"][0]
    assert (answer.text, next_one.status_code) == (task["taskId"], 204)
    assert (found["status"], found["outputData"]) == ("IN_PROGRESS", {})


def test_result_and_next_task(api: Api) -> None:
    api.define(simple("x", "a"), simple("y", "a"))
    api.start()

    second = api.call("POST", "/tasks/update-v2", result(api.poll()))
    none = api.call("POST", "/tasks/update-v2", result(second.json()))

    assert (second.json()["referenceTaskName"], second.json()["workerId"]) == ("y", "me")
    assert (none.status_code, none.content) == (204, b"")


def test_next_task_is_of_the_same_domain(api: Api) -> None:
    api.define(simple("x", "a"), simple("y", "a"))
    api.start(taskToDomain={"a": "d"})
    api.start()

    task = api.get("/tasks/poll/a?domain=d&workerid=me")
    next_one = api.call("POST", "/tasks/update-v2", result(task)).json()

    assert (next_one["domain"], next_one["referenceTaskName"]) == ("d", "y")


def test_no_next_task_while_the_first_is_not_done(api: Api) -> None:
    api.define()
    api.start()
    api.start()

    answer = api.call("POST", "/tasks/update-v2", result(api.poll(), "IN_PROGRESS", callbackAfterSeconds=60))

    assert answer.status_code == 204


def test_next_task_after_a_result_that_came_too_late(api: Api) -> None:
    api.define()
    api.start()
    task = api.finish()
    api.start()

    answer = api.call("POST", "/tasks/update-v2", result(task))

    assert (answer.status_code, answer.json()["status"]) == (200, "IN_PROGRESS")


def test_logs_that_come_with_a_result(api: Api) -> None:
    api.define()
    api.start()
    task = api.poll()

    api.report(task, logs=[{"log": "one", "createdTime": 5}, {"log": "two"}])

    assert api.get(f"/tasks/{task['taskId']}/log") == [
        {"log": "one", "taskId": task["taskId"], "createdTime": 5},
        {"log": "two", "taskId": task["taskId"], "createdTime": 0},
    ]


# ---- by reference name


def test_update_by_name_merges_the_output(api: Api) -> None:
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()
    task = api.poll()
    api.report(task, "IN_PROGRESS", outputData={"x": 1, "y": 1}, callbackAfterSeconds=60)

    answer = api.call("POST", f"/tasks/{workflow_id}/a/COMPLETED", {"y": 2})

    found = api.workflow(workflow_id)["tasks"][0]
    assert (answer.text, answer.headers["content-type"]) == (task["taskId"], "text/plain;charset=UTF-8")
    assert (found["status"], found["outputData"], found["workerId"]) == ("COMPLETED", {"x": 1, "y": 2}, "me")


def test_waiting_update_by_name_returns_the_workflow(api: Api) -> None:
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()

    answer = api.call("POST", f"/tasks/{workflow_id}/a/COMPLETED/sync?workerid=w7", {"x": 1}).json()

    assert [task["status"] for task in answer["tasks"]] == ["COMPLETED", "SCHEDULED"]
    assert answer["tasks"][0]["workerId"] == "w7"


def test_update_by_name_without_the_suffix_of_the_loop(api: Api) -> None:
    loop = {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [simple("a")]}
    api.define({**loop, "loopCondition": "$.l.iteration < 2"})
    workflow_id = api.start()

    api.call("POST", f"/tasks/{workflow_id}/a/COMPLETED", {})
    api.call("POST", f"/tasks/{workflow_id}/a__2/COMPLETED", {})

    assert api.workflow(workflow_id)["status"] == "COMPLETED"


# ---- reading and logging


def test_reading_a_task(api: Api) -> None:
    api.define()
    api.start()
    task = api.finish(outputData={"x": 1})

    found = api.get(f"/tasks/{task['taskId']}")

    assert (found["taskId"], found["status"], found["outputData"]) == (task["taskId"], "COMPLETED", {"x": 1})
    assert found["workflowTask"] == task["workflowTask"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/json", None])
def test_log_lines_are_kept_as_they_are(api: Api, content_type: str | None) -> None:
    api.define()
    api.start()
    task_id = api.poll()["taskId"]

    answer = api.call(
        "POST",
        f"/tasks/{task_id}/log",
        content='"a\\n" ä'.encode(),
        headers={"content-type": content_type} if content_type else {},
    )

    lines = api.get(f"/tasks/{task_id}/log")
    assert (answer.status_code, answer.content) == (200, b"")
    assert [(line["log"], line["taskId"]) for line in lines] == [('"a\\n" ä', task_id)]
    assert lines[0]["createdTime"] > 0


@pytest.mark.parametrize("task_id", ["x", "01a20595-5b97-8ea6-ac47-f87000000001"])
def test_log_of_an_unknown_task(api: Api, task_id: str) -> None:
    assert api.call("POST", f"/tasks/{task_id}/log", content=b"x").status_code == 200
    assert api.call("GET", f"/tasks/{task_id}/log").status_code == 204


def test_log_line_that_is_too_long_or_no_text(api: Api) -> None:
    assert api.call("POST", "/tasks/x/log", content=b"x" * 1_000_001).status_code == 413
    assert api.call("POST", "/tasks/x/log", content=b"\xff").status_code == 400


# ---- queues


def test_queue_sizes(api: Api) -> None:
    api.define()
    api.start()
    api.start(taskToDomain={"a": "d"})

    assert api.get("/tasks/queue/all") == {"a": 1, "d:a": 1}
    assert api.get("/tasks/queue/all/verbose")["a"]["a"]["size"] == 1
    assert api.get("/tasks/queue/size?taskType=a&domain=d") == 1
    assert api.get("/tasks/queue/size?taskType=a&isolationGroupId=g&executionNamespace=n") == 0
    assert api.get("/tasks/queue/sizes?taskType=a&taskType=x") == {"a": 1, "x": 0}


def test_poll_data(api: Api) -> None:
    api.call("GET", "/tasks/poll/a?workerid=me&domain=d")
    api.call("GET", "/tasks/poll/b")

    of_one = api.get("/tasks/queue/polldata?taskType=a")

    assert [{**one, "lastPollTime": 0} for one in of_one] == [
        {"queueName": "a", "domain": "d", "workerId": "me", "lastPollTime": 0}
    ]
    assert [one["queueName"] for one in api.get("/tasks/queue/polldata/all") if one["queueName"] in "ab"] == ["a", "b"]


def test_requeue_counts_and_keeps_callbacks(api: Api) -> None:
    api.define()
    api.start(taskToDomain={"a": "d"})
    api.start()
    api.report(api.poll(), "IN_PROGRESS", callbackAfterSeconds=600)

    answer = api.call("POST", "/tasks/queue/requeue/a")

    assert (answer.text, answer.headers["content-type"]) == ("2", "text/plain;charset=UTF-8")
    assert api.call("GET", "/tasks/poll/a").status_code == 204
    assert api.call("GET", "/tasks/poll/a?domain=d").status_code == 200
