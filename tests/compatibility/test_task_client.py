"""TaskClient of conductor-python: polls, results, logs, queues, and updates by reference name."""

from collections.abc import Callable

import pytest
from conductor.client.http.models import (
    PollData,
    StartWorkflowRequest,
    Task,
    TaskDef,
    TaskExecLog,
    TaskResult,
    Workflow,
    WorkflowDef,
    WorkflowTask,
)
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

Start = Callable[..., str]


@pytest.fixture
def start(metadata: OrkesMetadataClient, workflows: OrkesWorkflowClient, name: str) -> Start:
    """Start a workflow of two tasks, `a` and `b`, of a type that is named after the test."""
    metadata.register_task_def(TaskDef(name=name, retry_count=0, timeout_seconds=0, response_timeout_seconds=600))
    steps = [
        WorkflowTask(name=name, task_reference_name=ref, type="SIMPLE", input_parameters={"n": "${workflow.input.n}"})
        for ref in ("a", "b")
    ]
    outputs = {"x": "${b.output.x}"}
    metadata.register_workflow_def(
        WorkflowDef(name=name, version=1, tasks=steps, schema_version=2, output_parameters=outputs, timeout_seconds=0)
    )

    def started(n: int = 0, domain: str | None = None) -> str:
        request = StartWorkflowRequest(name=name, version=1, input={"n": n})
        request.task_to_domain = {"*": domain} if domain else {}
        return workflows.start_workflow(request)

    return started


def result(task: Task, status: str = "COMPLETED", **output: object) -> TaskResult:
    return TaskResult(task.workflow_instance_id, task.task_id, status=status, output_data=output, worker_id="me")


# ---- polls


def test_a_poll_takes_a_task(tasks: OrkesTaskClient, start: Start, name: str) -> None:
    workflow_id = start(5)

    task = tasks.poll_task(name, worker_id="w1")
    nothing = tasks.poll_task(name, worker_id="w1")

    assert isinstance(task, Task)
    assert (task.task_type, task.task_def_name, task.reference_task_name) == (name, name, "a")
    assert (task.status, task.worker_id, task.poll_count, task.seq) == ("IN_PROGRESS", "w1", 1, 1)
    assert (task.workflow_instance_id, task.workflow_type) == (workflow_id, name)
    assert (task.input_data, task.response_timeout_seconds, task.retry_count) == ({"n": 5}, 600, 0)
    assert task.workflow_task.task_reference_name == "a"
    assert task.task_definition.name == name
    assert task.start_time >= task.scheduled_time > 0
    assert nothing.task_id is None, "the SDK makes an empty task of an empty answer"


def test_a_batch_takes_as_many_as_there_are(tasks: OrkesTaskClient, start: Start, name: str) -> None:
    ids = {start(n) for n in range(5)}

    three = tasks.batch_poll_tasks(name, "w", count=3, timeout_in_millisecond=100)
    rest = tasks.batch_poll_tasks(name, "w", count=10, timeout_in_millisecond=100)
    none = tasks.batch_poll_tasks(name, "w", count=10, timeout_in_millisecond=10)

    assert (len(three), len(rest), none) == (3, 2, [])
    assert {task.workflow_instance_id for task in three + rest} == ids


def test_a_domain_has_its_own_queue(tasks: OrkesTaskClient, start: Start, name: str) -> None:
    workflow_id = start(domain="red")

    assert tasks.poll_task(name).task_id is None
    assert tasks.batch_poll_tasks(name, "w", 1, 10) == []
    task = tasks.poll_task(name, worker_id="w", domain="red")

    assert (task.workflow_instance_id, task.domain) == (workflow_id, "red")


# ---- results


def test_a_result_moves_the_workflow_on(
    tasks: OrkesTaskClient, workflows: OrkesWorkflowClient, start: Start, name: str
) -> None:
    workflow_id = start()
    first = tasks.poll_task(name)

    answer = tasks.update_task(result(first, x=1))
    tasks.update_task(result(tasks.poll_task(name), x={"deep": [1, None]}))
    done = workflows.get_workflow(workflow_id)

    assert answer == first.task_id
    assert (done.status, done.output) == ("COMPLETED", {"x": {"deep": [1, None]}})
    assert tasks.get_task(first.task_id).output_data == {"x": 1}
    assert tasks.get_task(first.task_id).worker_id == "me"


def test_the_second_update_call_answers_with_the_next_task(tasks: OrkesTaskClient, start: Start, name: str) -> None:
    start()
    first = tasks.poll_task(name)

    second = tasks.taskResourceApi.update_task_v2(result(first))
    nothing = tasks.taskResourceApi.update_task_v2(result(second))

    assert (second.reference_task_name, second.status) == ("b", "IN_PROGRESS")
    assert nothing is None


def test_a_result_that_comes_twice_changes_nothing(
    tasks: OrkesTaskClient, workflows: OrkesWorkflowClient, start: Start, name: str
) -> None:
    workflow_id = start()
    task = tasks.poll_task(name)
    tasks.update_task(result(task, x=1))

    again = tasks.update_task(result(task, "FAILED", x=2))

    assert again == task.task_id
    assert tasks.get_task(task.task_id).output_data == {"x": 1}
    assert workflows.get_workflow(workflow_id).status == "RUNNING"


def test_a_failed_task_shows_its_reason(
    tasks: OrkesTaskClient, workflows: OrkesWorkflowClient, start: Start, name: str
) -> None:
    workflow_id = start()
    task = tasks.poll_task(name)
    failed = result(task, "FAILED", code=7)
    failed.reason_for_incompletion = "broken"

    tasks.update_task(failed)

    found = tasks.get_task(task.task_id)
    assert (found.status, found.reason_for_incompletion, found.output_data) == ("FAILED", "broken", {"code": 7})
    assert workflows.get_workflow(workflow_id).status == "FAILED"


def test_a_task_in_progress_is_hidden_until_its_callback(tasks: OrkesTaskClient, start: Start, name: str) -> None:
    start()
    task = tasks.poll_task(name)
    progress = result(task, "IN_PROGRESS", done=50)
    progress.callback_after_seconds = 1

    tasks.update_task(progress)

    found = tasks.get_task(task.task_id)
    assert (found.status, found.callback_after_seconds, found.output_data) == ("SCHEDULED", 1, {"done": 50})
    assert tasks.poll_task(name).task_id is None
    assert tasks.batch_poll_tasks(name, "w", 1, timeout_in_millisecond=5_000)[0].poll_count == 2


# ---- updates by reference name


def test_a_task_is_updated_by_its_reference_name(
    executor: WorkflowExecutor, tasks: OrkesTaskClient, start: Start
) -> None:
    workflow_id = start()

    answer = tasks.update_task_by_ref_name(workflow_id, "a", "COMPLETED", {"y": 1})
    executor.update_task_by_ref_name({"x": 2}, workflow_id, "b", "COMPLETED")
    found = executor.get_workflow(workflow_id, include_tasks=True)

    assert answer == found.tasks[0].task_id
    assert found.tasks[0].output_data == {"result": {"y": 1}}
    assert (found.status, found.output) == ("COMPLETED", {"x": 2})
    assert not tasks.update_task_by_ref_name(workflow_id, "a", "COMPLETED", {}), "nothing left to update"


def test_a_synchronous_update_answers_with_the_workflow(
    executor: WorkflowExecutor, tasks: OrkesTaskClient, start: Start
) -> None:
    workflow_id = start()

    first = tasks.update_task_sync(workflow_id, "a", "COMPLETED", {"y": 1})
    second = executor.update_task_by_ref_name_sync({"x": 3}, workflow_id, "b", "COMPLETED")

    assert isinstance(first, Workflow)
    assert {task.reference_task_name: task.status for task in first.tasks} == {"a": "COMPLETED", "b": "SCHEDULED"}
    assert (second.status, second.output) == ("COMPLETED", {"x": 3})
    with pytest.raises(ApiException) as error:
        tasks.update_task_sync(workflow_id, "b", "COMPLETED", {})
    assert error.value.status == 404
    assert error.value.message == f"Found no running task b of workflow {workflow_id} to update"


def test_the_executor_updates_by_id(
    executor: WorkflowExecutor, tasks: OrkesTaskClient, start: Start, name: str
) -> None:
    workflow_id = start()
    task = tasks.poll_task(name)

    assert executor.update_task(task.task_id, workflow_id, {"y": 1}, "COMPLETED") == task.task_id
    assert executor.get_task(task.task_id).status == "COMPLETED"


# ---- logs


def test_logs_are_written_and_read(tasks: OrkesTaskClient, start: Start, name: str) -> None:
    start()
    task = tasks.poll_task(name)

    tasks.add_task_log(task.task_id, "first line")
    tasks.add_task_log(task.task_id, 'with "quotes" and ünï 漢')
    with_log = result(task)
    with_log.log("third")
    tasks.update_task(with_log)

    logs = tasks.get_task_logs(task.task_id)
    assert all(isinstance(one, TaskExecLog) for one in logs)
    assert [one.task_id for one in logs] == [task.task_id] * 3
    assert logs[0].log == "first line"
    assert logs[0].created_time > 0
    assert logs[2].log == "third"


# ---- queues


def test_queue_sizes_and_polls_are_shown(tasks: OrkesTaskClient, start: Start, name: str) -> None:
    api = tasks.taskResourceApi
    start()
    start()
    start(domain="red")
    tasks.poll_task(name, worker_id="w1")
    tasks.poll_task(f"{name}_nobody", worker_id="w2")

    assert tasks.get_queue_size_for_task(name) == 1
    assert api.size(task_type=[name, f"red:{name}"]) == {name: 1, f"red:{name}": 1}
    assert {key: size for key, size in api.all().items() if name in key} == {name: 1, f"red:{name}": 1}
    assert name in api.all_verbose()
    (data,) = tasks.get_task_poll_data(name)
    assert isinstance(data, PollData)
    assert (data.queue_name, data.worker_id, data.domain) == (name, "w1", None)
    assert data.last_poll_time > 0
    assert {one.queue_name for one in api.get_all_poll_data()} >= {name, f"{name}_nobody"}
    assert int(api.requeue_pending_task(name)) >= 0


# ---- search


def test_tasks_are_found(tasks: OrkesTaskClient, start: Start, name: str) -> None:
    workflow_id = start(3)
    task = tasks.poll_task(name)
    tasks.update_task(result(task, x=1))

    found = tasks.taskResourceApi.search1(query=f"taskType='{name}' AND status='COMPLETED'", size=10)
    full = tasks.taskResourceApi.search_v21(query=f"taskId='{task.task_id}'")

    assert (found.total_hits, len(found.results)) == (1, 1)
    summary = found.results[0]
    assert (summary.task_id, summary.workflow_id, summary.status) == (task.task_id, workflow_id, "COMPLETED")
    assert (summary.task_def_name, summary.workflow_type) == (name, name)
    assert [(one.task_id, one.output_data) for one in full.results] == [(task.task_id, {"x": 1})]


# ---- errors


def test_what_is_not_there_is_not_found(tasks: OrkesTaskClient, start: Start) -> None:
    workflow_id = start()

    with pytest.raises(ApiException) as no_task:
        tasks.get_task("none")
    with pytest.raises(ApiException) as no_workflow:
        tasks.update_task(TaskResult("none", "none", status="COMPLETED"))
    with pytest.raises(ApiException) as not_in_it:
        tasks.update_task(TaskResult(workflow_id, "none", status="COMPLETED"))

    assert (no_task.value.status, no_task.value.message) == (404, "Task not found for taskId: none")
    assert (no_workflow.value.status, no_workflow.value.message) == (404, "No such workflow found by id: none")
    assert (not_in_it.value.status, not_in_it.value.message) == (404, "No such task found by id: none")


def test_a_result_without_ids_is_refused(tasks: OrkesTaskClient) -> None:
    with pytest.raises(ApiException) as error:
        tasks.update_task(TaskResult("", "", status="COMPLETED"))

    assert error.value.status == 400
    assert error.value.message == "Validation failed, check below errors for detail."


def test_a_poll_that_wants_to_wait_too_long_is_refused(tasks: OrkesTaskClient, name: str) -> None:
    with pytest.raises(ApiException) as error:
        tasks.batch_poll_tasks(name, "w", 1, 5_001)

    assert error.value.status == 400
    assert error.value.message == "Long Poll Timeout value cannot be more than 5 seconds"
