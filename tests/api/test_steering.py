"""Steering workflows, one and many at once."""

from typing import Any

import pytest

from .conftest import Api, child, result, simple, wait

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
