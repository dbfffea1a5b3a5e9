"""The answers to wrong calls: one case for each row of the contract's table of errors; see also `test_wrong_operations`."""

from typing import Any

import pytest

from .conftest import Api, simple
from .refusals import UNKNOWN, assert_error, assert_violation


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
