"""The answers to operations that are not possible now."""

from typing import Any

import pytest

from .conftest import Api, child, simple, wait
from .refusals import UNKNOWN, assert_error, assert_violation

NO_TASKS_TO_RETRY = "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again."


@pytest.fixture
def api(wire: Api) -> Api:
    """The store in memory is enough here."""
    return wire


def long_name(workflow_id: str, status: str) -> str:
    return f"w.1/{workflow_id}.{status}"


def test_pause_of_an_ended_workflow(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.finish()

    answer = api.call("PUT", f"/workflow/{workflow_id}/pause")

    assert_error(answer, 409, f"Workflow w.1/{workflow_id} has ended, status cannot be updated.")


def test_pausing_twice(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    answers = [api.call("PUT", f"/workflow/{workflow_id}/pause").status_code for _ in range(2)]

    assert answers == [200, 200]


def test_resume_of_what_is_not_paused(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    answer = api.call("PUT", f"/workflow/{workflow_id}/resume")

    assert_error(answer, 409, f"The workflow {workflow_id} is not PAUSED so cannot resume. Current status is RUNNING")


@pytest.mark.parametrize(("operation", "body"), [("restart", ...), ("rerun", {})])
def test_restart_and_rerun_while_running(api: Api, operation: str, body: Any) -> None:
    api.define()
    workflow_id = api.start()

    answer = api.call("POST", f"/workflow/{workflow_id}/{operation}", body)

    name = long_name(workflow_id, "RUNNING")
    assert_error(answer, 409, f"Workflow: {name} is not in terminal state, unable to {operation}.")


def test_retry_while_running(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    answer = api.call("POST", f"/workflow/{workflow_id}/retry")

    assert_error(answer, 404, "Workflow is still running.  status=RUNNING")


def test_retry_without_a_failed_task(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.finish()

    assert_error(api.call("POST", f"/workflow/{workflow_id}/retry"), 409, NO_TASKS_TO_RETRY)


def test_rerun_from_an_unknown_task(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.finish()

    for task in ("x", workflow_id[:-1] + "9", UNKNOWN[:-1] + "1"):
        answer = api.call("POST", f"/workflow/{workflow_id}/rerun", {"reRunFromTaskId": task})
        assert_error(answer, 400, f"Task {task} not found")


def test_restart_of_what_may_not_be(api: Api) -> None:
    api.define(restartable=False)
    workflow_id = api.start()
    api.finish()

    answer = api.call("POST", f"/workflow/{workflow_id}/restart")

    assert_error(answer, 404, f"Workflow: {long_name(workflow_id, 'COMPLETED')} is non-restartable")


def test_restart_with_a_latest_definition_that_is_gone(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.finish()
    api.call("DELETE", "/metadata/workflow/w/1")

    answer = api.call("POST", f"/workflow/{workflow_id}/restart?useLatestDefinitions=true")

    assert_error(answer, 404, f"Unable to find latest definition for {workflow_id}")


def test_page_of_tasks_with_a_negative_count(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    assert_error(api.call("GET", f"/workflow/{workflow_id}/tasks?count=-1"), 400, "fromIndex(0) > toIndex(-1)")


def test_resetting_callbacks_of_an_ended_workflow(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    api.call("DELETE", f"/workflow/{workflow_id}")

    answer = api.call("POST", f"/workflow/{workflow_id}/resetcallbacks")

    assert_error(answer, 409, "Workflow is in terminal state. Status = TERMINATED")


def test_terminating_what_has_ended(api: Api) -> None:
    api.define()
    completed, terminated = api.start(), api.start()
    api.finish()
    api.call("DELETE", f"/workflow/{terminated}")

    assert_error(api.call("DELETE", f"/workflow/{completed}"), 409, "Cannot terminate a COMPLETED workflow.")
    assert api.call("DELETE", f"/workflow/{terminated}").status_code == 200


def test_archiving_a_running_workflow(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    answer = api.call("DELETE", f"/workflow/{workflow_id}/remove")

    assert_error(answer, 400, f"Cannot archive workflow: {workflow_id} with status: RUNNING")


def test_tasks_that_can_not_be_skipped(api: Api) -> None:
    api.define(simple("a"), simple("b"))
    workflow_id = api.start()
    ended = api.start()
    api.call("DELETE", f"/workflow/{ended}")
    at = f"/workflow/{workflow_id}/skiptask"

    assert_error(api.call("PUT", f"{at}/x"), 400, "The task referenced by x does not exist in the WorkflowDefinition w")
    assert_error(api.call("PUT", f"{at}/a"), 400, "The task referenced a has already been processed, cannot be skipped")
    assert_error(
        api.call("PUT", f"/workflow/{ended}/skiptask/b"),
        409,
        f"The workflow {ended} is not running so the task referenced by b cannot be skipped",
    )


def test_poll_that_would_wait_too_long(api: Api) -> None:
    answer = api.call("GET", "/tasks/poll/batch/a?timeout=5001")

    assert_error(answer, 400, "Long Poll Timeout value cannot be more than 5 seconds")


@pytest.mark.parametrize("path", ["search", "search-v2"])
def test_search_for_too_many(api: Api, path: str) -> None:
    message = "Cannot return more than 5000 workflows. Please use pagination."

    assert_violation(api.call("GET", f"/workflow/{path}?size=5001"), "searchWorkflows.arg1", message)


@pytest.mark.parametrize(
    ("method", "path", "where"),
    [
        ("PUT", "pause", "pauseWorkflow"),
        ("PUT", "resume", "resumeWorkflow"),
        ("POST", "restart", "restart"),
        ("POST", "retry", "retry"),
        ("POST", "terminate", "terminate"),
        ("DELETE", "remove", "deleteWorkflow"),
        ("POST", "search", "searchWorkflow"),
        ("DELETE", "terminate-remove", "terminateRemove"),
    ],
)
def test_bulk_calls_with_no_ids_or_too_many(wire: Api, method: str, path: str, where: str) -> None:
    too_many = "Cannot process more than 1000 workflows. Please use multiple requests."

    none = wire.call(method, f"/workflow/bulk/{path}", [])
    many = wire.call(method, f"/workflow/bulk/{path}", ["x"] * 1001)

    assert_violation(none, f"{where}.arg0", "WorkflowIds list cannot be null.")
    assert_violation(many, f"{where}.arg0", too_many)


def test_simple_task_without_a_definition_gets_the_default_one(api: Api) -> None:
    api.define(child("c", "inner"), name="outer")
    api.define(simple("a"), wait(), name="inner")
    api.start("inner")

    task = api.poll()

    assert (task["taskDefinition"]["retryCount"], task["responseTimeoutSeconds"]) == (3, 3600)
