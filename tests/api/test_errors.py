"""The answers to wrong calls: one case for each row of the contract's table of errors."""

from typing import Any

import pytest

from .conftest import Api, child, simple, wait

UNKNOWN = "01a20595-5b97-8ea6-ac47-f87000000000"
NO_TASKS_TO_RETRY = "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again."


def assert_error(answer: Any, status: int, message: str) -> None:
    assert (answer.status_code, answer.json()["message"]) == (status, message)
    assert answer.json()["status"] == status
    assert answer.json()["retryable"] is False


def assert_violation(answer: Any, path: str, message: str) -> None:
    body = answer.json()
    assert answer.status_code == 400
    assert body["message"] == "Validation failed, check below errors for detail."
    assert "instance" not in body
    assert (path, message) in [(one["path"], one["message"]) for one in body["validationErrors"]]


@pytest.fixture
def api(wire: Api) -> Api:
    """The store in memory is enough here."""
    return wire


# ---- starts


def test_start_of_an_unknown_definition(api: Api) -> None:
    assert_error(
        api.call("POST", "/workflow", {"name": "nope"}), 404, "No such workflow defined. name=nope, version=null"
    )


def test_start_of_an_unknown_version(api: Api) -> None:
    api.define()

    assert_error(
        api.call("POST", "/workflow", {"name": "w", "version": 7}), 404, "No such workflow defined. name=w, version=7"
    )


def test_version_0_is_taken_literally_by_a_start(api: Api) -> None:
    api.define()

    assert_error(
        api.call("POST", "/workflow", {"name": "w", "version": 0}), 404, "No such workflow defined. name=w, version=0"
    )


def test_start_by_an_unknown_name(api: Api) -> None:
    assert_error(api.call("POST", "/workflow/nope", {}), 404, "No such workflow found by name: nope, version: null")


def test_execution_of_an_unknown_definition(api: Api) -> None:
    answer = api.call("POST", "/workflow/execute/nope/1", {"name": "x"})

    assert_error(answer, 404, "No such workflow defined. name=nope, version=1")


def test_start_without_a_name(api: Api) -> None:
    answer = api.call("POST", "/workflow", {"input": {}})

    assert_violation(answer, "startWorkflow.arg0.name", "Workflow name cannot be null or empty")


@pytest.mark.parametrize(
    ("priority", "message"),
    [(100, "priority: 100 should be maximum 99"), (-1, "priority: -1 should be minimum 0")],
)
def test_start_with_a_wrong_priority(api: Api, priority: int, message: str) -> None:
    answer = api.call("POST", "/workflow", {"name": "w", "priority": priority})

    assert_violation(answer, "startWorkflow.arg0.priority", message)


@pytest.mark.parametrize(
    ("priority", "message"), [(100, "99 is the maximum priority value"), (-1, "0 is the minimum priority value")]
)
def test_start_by_name_with_a_wrong_priority(api: Api, priority: int, message: str) -> None:
    assert_violation(api.call("POST", f"/workflow/w?priority={priority}", {}), "startWorkflow.arg3", message)


def test_start_with_null_for_the_input(api: Api) -> None:
    api.define()

    assert_error(
        api.call("POST", "/workflow", {"name": "w", "input": None}), 400, "NULL input passed when starting workflow"
    )


# ---- unknown workflows and tasks


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", ...),
        ("GET", "/status", ...),
        ("GET", "/tasks", ...),
        ("PUT", "/pause", ...),
        ("PUT", "/resume", ...),
        ("PUT", "/skiptask/a", {}),
        ("POST", "/rerun", {}),
        ("POST", "/rerun", {"reRunFromTaskId": "x"}),
        ("POST", "/restart", ...),
        ("POST", "/restart?useLatestDefinitions=true", ...),
        ("POST", "/retry", ...),
        ("POST", "/resetcallbacks", ...),
        ("POST", "/variables", {"a": 1}),
        ("DELETE", "", ...),
        ("DELETE", "/remove", ...),
        ("DELETE", "/terminate-remove", ...),
    ],
)
def test_unknown_workflow(api: Api, method: str, path: str, body: Any) -> None:
    answer = api.call(method, f"/workflow/{UNKNOWN}{path}", body)

    assert_error(answer, 404, f"No such workflow found by id: {UNKNOWN}")


def test_decision_on_an_unknown_workflow(api: Api) -> None:
    answer = api.call("PUT", f"/workflow/decide/{UNKNOWN}")

    assert_error(answer, 404, f"No such workflow found by id: {UNKNOWN}")


@pytest.mark.parametrize("task", [UNKNOWN[:-1] + "1", "x"])
def test_unknown_task(api: Api, task: str) -> None:
    assert_error(api.call("GET", f"/tasks/{task}"), 404, f"Task not found for taskId: {task}")


def test_result_for_an_unknown_workflow(api: Api) -> None:
    for task in (UNKNOWN[:-1] + "1", "x"):
        answer = api.call("POST", "/tasks", {"workflowInstanceId": UNKNOWN, "taskId": task, "status": "COMPLETED"})
        assert_error(answer, 404, f"No such workflow found by id: {UNKNOWN}")


def test_result_for_an_unknown_task(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    for task in (workflow_id[:-1] + "9", "x", UNKNOWN[:-1] + "1"):
        answer = api.call("POST", "/tasks", {"workflowInstanceId": workflow_id, "taskId": task, "status": "COMPLETED"})
        assert_error(answer, 404, f"No such task found by id: {task}")


def test_result_that_names_another_workflow(api: Api) -> None:
    """Upstream looks the task up by its id alone."""
    api.define()
    owner, other = api.start(), api.start()
    task = api.workflow(owner)["tasks"][0]["taskId"]

    answer = api.call("POST", "/tasks", {"workflowInstanceId": other, "taskId": task, "status": "COMPLETED"})

    assert (answer.status_code, answer.text) == (200, task)
    assert [api.workflow(one)["status"] for one in (owner, other)] == ["COMPLETED", "RUNNING"]


@pytest.mark.parametrize("path", ["/tasks", "/tasks/update-v2"])
def test_empty_result(api: Api, path: str) -> None:
    answer = api.call("POST", path, {})

    assert_violation(answer, "updateTask.arg0.taskId", "Task ID cannot be null or empty")
    assert_violation(answer, "updateTask.arg0.workflowInstanceId", "Workflow Id cannot be null or empty")


def test_result_without_a_status(api: Api) -> None:
    api.define()
    api.start()
    task = api.poll()

    answer = api.call("POST", "/tasks", {key: task[key] for key in ("workflowInstanceId", "taskId")})

    assert_violation(answer, "updateTask.arg0.status", "Task status cannot be null")


def test_result_for_an_ended_task_changes_nothing(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    task = api.finish(outputData={"x": 1})

    answer = api.report(task, "FAILED")

    assert (answer.status_code, answer.text) == (200, task["taskId"])
    assert api.workflow(workflow_id)["tasks"][0]["outputData"] == {"x": 1}
    assert api.workflow(workflow_id)["status"] == "COMPLETED"


def test_result_for_a_terminated_workflow_changes_nothing(api: Api) -> None:
    api.define()
    workflow_id = api.start()
    task = api.poll()
    api.call("DELETE", f"/workflow/{workflow_id}")

    assert api.report(task).status_code == 200
    assert api.statuses(workflow_id) == {"a": "CANCELED"}


@pytest.mark.parametrize("is_known", [True, False])
def test_update_by_name_without_such_a_task(api: Api, is_known: bool) -> None:
    api.define()
    workflow_id = api.start() if is_known else UNKNOWN

    answer = api.call("POST", f"/tasks/{workflow_id}/nope/COMPLETED", {})

    assert (answer.status_code, answer.content) == (200, b"")


def test_waiting_update_by_name_without_such_a_task(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    answer = api.call("POST", f"/tasks/{workflow_id}/nope/COMPLETED/sync", {})

    assert_error(answer, 404, f"Found no running task nope of workflow {workflow_id} to update")


@pytest.mark.parametrize("status", ["completed", "SCHEDULED", "SKIPPED"])
def test_update_with_a_status_that_is_none(api: Api, status: str) -> None:
    answer = api.call("POST", f"/tasks/{UNKNOWN}/a/{status}", {})

    assert answer.status_code == 400
    assert "parameter 'status'" in answer.json()["message"]


def test_signal_when_nothing_waits(api: Api) -> None:
    api.define()
    workflow_id = api.start()

    answer = api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal", {})
    waiting = api.call("POST", f"/tasks/{workflow_id}/COMPLETED/signal/sync", {})

    assert (answer.status_code, answer.content) == (200, b"")
    assert_error(waiting, 404, f"Found no blocked task in workflow {workflow_id} to signal")


@pytest.mark.parametrize("end", ["", "/sync"])
def test_signal_of_an_unknown_workflow(api: Api, end: str) -> None:
    answer = api.call("POST", f"/tasks/{UNKNOWN}/COMPLETED/signal{end}", {})

    assert_error(answer, 404, f"No such workflow found by id: {UNKNOWN}")


# ---- definitions


def test_registration_of_a_version_that_exists(api: Api) -> None:
    api.define()

    answer = api.call("POST", "/metadata/workflow", {"name": "w", "tasks": []})

    assert_error(answer, 409, "Workflow with w.1 already exists!")


def test_unknown_definitions(api: Api) -> None:
    api.define()
    found = [
        ("GET", "/metadata/workflow/w?version=2", "No such workflow found by name: w, version: 2"),
        ("GET", "/metadata/workflow/x", "No such workflow found by name: x, version: null"),
        ("DELETE", "/metadata/workflow/w/2", "No such workflow definition: w version: 2"),
        ("GET", "/metadata/taskdefs/x", "No such taskType found by name: x"),
        ("DELETE", "/metadata/taskdefs/x", "No such task definition"),
        ("DELETE", "/event/x", "EventHandler with name x not found!"),
    ]

    for method, path, message in found:
        assert_error(api.call(method, path), 404, message)


def test_update_of_an_unknown_task_definition(api: Api) -> None:
    assert_error(api.call("PUT", "/metadata/taskdefs", {"name": "x"}), 404, "No such task by name x")


def test_event_handlers_that_exist_and_that_do_not(api: Api) -> None:
    start = {"action": "start_workflow", "start_workflow": {"name": "w"}}
    handler = {"name": "h", "event": "conductor:q", "actions": [start]}
    api.call("POST", "/event", handler)

    assert_error(api.call("POST", "/event", handler), 409, "EventHandler with name h already exists!")
    assert_error(api.call("PUT", "/event", {**handler, "name": "x"}), 404, "EventHandler with name x not found!")


NO_TASKS, NO_NAME = "WorkflowTask list cannot be empty", "WorkflowDef name cannot be null or empty"
WORKFLOWS, TASKS = "/metadata/workflow", "/metadata/taskdefs"


@pytest.mark.parametrize(
    ("method", "path", "body", "place", "message"),
    [
        ("POST", WORKFLOWS, {"name": "x"}, "registerWorkflowDef.arg0.tasks", NO_TASKS),
        ("PUT", WORKFLOWS, [], "updateWorkflowDef.arg0", "WorkflowDefList is empty"),
        ("PUT", WORKFLOWS, [{"name": "y"}], "updateWorkflowDef.arg0[0].tasks", NO_TASKS),
        ("POST", f"{WORKFLOWS}/validate", {"tasks": [simple("a")]}, "validateWorkflowDef.arg0.name", NO_NAME),
        ("POST", TASKS, [], "registerTaskDef.arg0", "TaskDefList is empty"),
        ("POST", TASKS, [{"name": ""}], "registerTaskDef.arg0[0].name", "TaskDef name cannot be null or empty"),
        ("PUT", TASKS, {"name": ""}, "updateTaskDef.arg0.name", "TaskDef name cannot be null or empty"),
        ("POST", "/event", {"event": "e"}, "addEventHandler.arg0.name", "Missing event handler name"),
        ("PUT", "/event", {"name": "e"}, "updateEventHandler.arg0.event", "Missing event location"),
    ],
)
def test_definitions_that_break_a_rule(api: Api, method: str, path: str, body: Any, place: str, message: str) -> None:
    assert_violation(api.call(method, path, body), place, message)


def test_overwriting_names_the_other_method(api: Api) -> None:
    api.define()

    answer = api.call("POST", "/metadata/workflow?overwrite=true", {"name": "w"})

    assert_violation(answer, "updateWorkflowDef.arg0.tasks", "WorkflowTask list cannot be empty")


def test_reference_that_is_no_path(api: Api) -> None:
    task = simple("a", inputParameters={"k": "${workflow.input.[}"})

    answer = api.call("POST", "/metadata/workflow", {"name": "x", "tasks": [task]})

    message = "key: k input parameter value: workflow.input.[ is not valid"
    assert_violation(answer, "registerWorkflowDef.arg0", message)


def test_inline_definition_that_breaks_a_rule(api: Api) -> None:
    answer = api.call("POST", "/workflow", {"name": "x", "workflowDef": {"name": "x"}})

    assert_violation(answer, "startWorkflow.arg0.workflowDef.tasks", "WorkflowTask list cannot be empty")


# ---- operations


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
