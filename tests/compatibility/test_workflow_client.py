"""WorkflowClient of conductor-python: starts, reads and operations on one workflow."""

from collections.abc import Callable
from typing import Any

import pytest
from conductor.client.http.models import (
    RerunWorkflowRequest,
    SignalResponse,
    SkipTaskRequest,
    StartWorkflowRequest,
    SubWorkflowParams,
    TaskDef,
    TaskResult,
    Workflow,
    WorkflowDef,
    WorkflowRun,
    WorkflowStatus,
    WorkflowTask,
)
from conductor.client.http.models.start_workflow_request import IdempotencyStrategy
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor

from tests.compatibility.eventually import eventually

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

Register = Callable[..., None]


def step(kind: str, ref: str, **more: Any) -> WorkflowTask:
    return WorkflowTask(name=more.pop("name", ref), task_reference_name=ref, type=kind, **more)


@pytest.fixture
def register(metadata: OrkesMetadataClient, name: str) -> Register:
    """Register the test's workflow from its steps; simple tasks are named after the test, and are not retried."""

    def made(*steps: WorkflowTask, version: int = 1, **more: Any) -> None:
        metadata.register_task_def(TaskDef(name=name, retry_count=0, timeout_seconds=0))
        metadata.register_workflow_def(
            WorkflowDef(name=name, version=version, tasks=list(steps), schema_version=2, timeout_seconds=0, **more)
        )

    return made


def ends_with(ref: str) -> dict[str, str]:
    return {"x": f"${{{ref}.output.x}}"}


def finish(tasks: OrkesTaskClient, workflow: Workflow, ref: str, status: str = "COMPLETED", **output: Any) -> None:
    """Report a task of a workflow as a worker would."""
    task = next(task for task in reversed(workflow.tasks) if task.reference_task_name == ref)
    result = TaskResult(workflow.workflow_id, task.task_id, status=status, output_data=output)
    result.reason_for_incompletion = "as the test says" if status == "FAILED" else None
    assert tasks.update_task(result) == task.task_id


# ---- starts


def test_a_workflow_is_started_with_all_that_a_request_can_say(
    workflows: OrkesWorkflowClient, register: Register, name: str
) -> None:
    register(step("SIMPLE", "a", name=name), version=1)
    register(step("SIMPLE", "a", name=name), version=2)
    request = StartWorkflowRequest(name=name, version=1, correlation_id="c1", input={"n": 1, "deep": {"x": [None]}})
    request.priority, request.created_by, request.task_to_domain = 7, "me", {"*": "blue"}

    found = workflows.get_workflow(workflows.start_workflow(request))

    assert isinstance(found, Workflow)
    assert (found.status, found.workflow_name, found.workflow_version) == ("RUNNING", name, 1)
    assert (found.correlation_id, found.priority, found.input) == ("c1", 7, {"n": 1, "deep": {"x": [None]}})
    assert found.created_by == "me"
    assert found.task_to_domain == {"*": "blue"}
    assert found.start_time > 0
    assert found.workflow_definition.name == name
    (task,) = found.tasks
    assert (task.task_type, task.reference_task_name, task.status, task.domain) == (name, "a", "SCHEDULED", "blue")
    assert (task.workflow_instance_id, task.workflow_priority, task.retry_count) == (found.workflow_id, 7, 0)


def test_a_workflow_is_started_by_name(workflows: OrkesWorkflowClient, register: Register, name: str) -> None:
    register(step("WAIT", "w"), version=1)
    register(step("WAIT", "w"), version=2)

    latest = workflows.get_workflow(workflows.start_workflow_by_name(name, {"n": 1}))
    first = workflows.get_workflow(workflows.start_workflow_by_name(name, {}, 1, correlationId="c", priority=3))

    assert (latest.workflow_version, latest.input) == (2, {"n": 1})
    assert (first.workflow_version, first.correlation_id, first.priority) == (1, "c", 3)


def test_a_workflow_is_started_from_an_inline_definition(workflows: OrkesWorkflowClient, name: str) -> None:
    inline = WorkflowDef(name=name, version=4, tasks=[step("WAIT", "w")], schema_version=2)

    found = workflows.get_workflow(workflows.start_workflow(StartWorkflowRequest(name=name, workflow_def=inline)))

    assert (found.workflow_name, found.workflow_version) == (name, 4)
    assert found.tasks[0].status == "IN_PROGRESS"


def test_an_idempotency_key_starts_one_workflow_only(
    workflows: OrkesWorkflowClient, register: Register, name: str
) -> None:
    register(step("WAIT", "w"))

    def start(strategy: IdempotencyStrategy) -> str:
        return workflows.start_workflow(
            StartWorkflowRequest(name=name, idempotency_key="k1", idempotency_strategy=strategy)
        )

    first = start(IdempotencyStrategy.FAIL)

    assert start(IdempotencyStrategy.RETURN_EXISTING) == first
    with pytest.raises(ApiException) as error:
        start(IdempotencyStrategy.FAIL)
    assert error.value.status == 409


def test_many_workflows_are_started_by_the_executor(executor: WorkflowExecutor, register: Register, name: str) -> None:
    register(step("WAIT", "w"))

    ids = executor.start_workflows(*(StartWorkflowRequest(name=name, input={"n": n}) for n in range(5)))

    assert [executor.get_workflow(one, include_tasks=True).input for one in ids] == [{"n": n} for n in range(5)]


# ---- synchronous execution


def test_execute_waits_for_the_end(workflows: OrkesWorkflowClient, register: Register, name: str) -> None:
    register(step("SET_VARIABLE", "s", input_parameters={"v": 1}), output_parameters={"v": "${workflow.variables.v}"})
    request = StartWorkflowRequest(name=name, version=1, correlation_id="c1", input={"a": 1})

    run = workflows.execute_workflow(request, request_id="r1", wait_for_seconds=10)

    assert isinstance(run, WorkflowRun)
    assert (run.status, run.output, run.variables, run.input) == ("COMPLETED", {"v": 1}, {"v": 1}, {"a": 1})
    assert (run.correlation_id, run.request_id) == ("c1", "r1")
    assert run.is_completed()
    assert run.is_successful()
    assert [(task.reference_task_name, task.status) for task in run.tasks] == [("s", "COMPLETED")]
    assert workflows.get_workflow(run.workflow_id).status == "COMPLETED"


def test_execute_returns_when_a_named_task_has_ended(
    workflows: OrkesWorkflowClient, register: Register, name: str
) -> None:
    register(step("SET_VARIABLE", "s", input_parameters={"v": 1}), step("SIMPLE", "a", name=name))
    request = StartWorkflowRequest(name=name, version=1)

    run = workflows.execute_workflow(request, wait_until_task_ref="s", wait_for_seconds=10)

    assert run.status == "RUNNING"
    assert run.is_running()
    assert {task.reference_task_name: task.status for task in run.tasks} == {"s": "COMPLETED", "a": "SCHEDULED"}


def test_execute_gives_up_waiting_but_not_the_workflow(
    workflows: OrkesWorkflowClient, register: Register, name: str
) -> None:
    register(step("SIMPLE", "a", name=name))

    run = workflows.execute_workflow(StartWorkflowRequest(name=name, version=1), wait_for_seconds=1)

    assert run.status == "RUNNING"
    assert workflows.get_workflow_status(run.workflow_id).status == "RUNNING"


def test_execute_by_name_as_the_executor_does_it(executor: WorkflowExecutor, register: Register, name: str) -> None:
    register(step("SET_VARIABLE", "s", input_parameters={"v": 1}), output_parameters={"i": "${workflow.input.i}"})

    run = executor.execute(name, 1, {"i": 5}, correlation_id="c2")

    assert (run.status, run.output, run.correlation_id) == ("COMPLETED", {"i": 5}, "c2")


@pytest.mark.parametrize("strategy", ["TARGET_WORKFLOW", "BLOCKING_WORKFLOW", "BLOCKING_TASK", "BLOCKING_TASK_INPUT"])
def test_execute_returns_what_the_strategy_asks_for(
    workflows: OrkesWorkflowClient, register: Register, name: str, strategy: str
) -> None:
    register(step("WAIT", "w", input_parameters={"x": "${workflow.input.x}"}))
    request = StartWorkflowRequest(name=name, version=1, input={"x": 1})

    found = workflows.execute_workflow_with_return_strategy(request, return_strategy=strategy)

    assert isinstance(found, SignalResponse)
    assert found.response_type == strategy
    assert found.target_workflow_status == "RUNNING"
    assert found.workflow_id == found.target_workflow_id
    if strategy in ("BLOCKING_TASK", "BLOCKING_TASK_INPUT"):
        assert (found.task_type, found.reference_task_name, found.status.value) == ("WAIT", "w", "IN_PROGRESS")
        assert found.input["x"] == 1
    else:
        assert found.status == "RUNNING"
        assert found.tasks[0]["referenceTaskName"] == "w"
        assert found.input == {"x": 1}


# ---- signals


def test_a_signal_completes_what_the_workflow_waits_at(
    executor: WorkflowExecutor, register: Register, name: str
) -> None:
    register(step("WAIT", "w1"), step("WAIT", "w2"), output_parameters={"a": "${w1.output.a}", "b": "${w2.output.b}"})
    workflow_id = executor.start_workflow(StartWorkflowRequest(name=name, version=1))

    answer = executor.signal(workflow_id, "COMPLETED", {"a": 1}, "BLOCKING_TASK")
    executor.signal_async(workflow_id, "COMPLETED", {"b": 2})

    assert isinstance(answer, SignalResponse)
    assert (answer.reference_task_name, answer.target_workflow_id) == ("w2", workflow_id)
    found = executor.get_workflow(workflow_id, include_tasks=True)
    assert (found.status, found.output) == ("COMPLETED", {"a": 1, "b": 2})


def test_a_signal_can_fail_the_task(executor: WorkflowExecutor, register: Register, name: str) -> None:
    register(step("WAIT", "w"))
    workflow_id = executor.start_workflow(StartWorkflowRequest(name=name, version=1))

    answer = executor.signal(workflow_id, "FAILED_WITH_TERMINAL_ERROR", {"why": "no"})

    assert answer.response_type == "TARGET_WORKFLOW"
    assert answer.target_workflow_status == "FAILED"
    with pytest.raises(ApiException) as error:
        executor.signal(workflow_id, "COMPLETED", {})
    assert error.value.status == 404


# ---- reads


def test_the_status_shows_output_and_variables_when_asked(
    workflows: OrkesWorkflowClient, register: Register, name: str
) -> None:
    register(step("SET_VARIABLE", "s", input_parameters={"v": 1}), output_parameters={"o": 2})
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name, correlation_id="c"))

    short = workflows.get_workflow_status(workflow_id)
    full = workflows.get_workflow_status(workflow_id, include_output=True, include_variables=True)

    assert isinstance(short, WorkflowStatus)
    assert (short.status, short.correlation_id, short.workflow_id) == ("COMPLETED", "c", workflow_id)
    assert (short.output, short.variables) == (None, None)
    assert (full.output, full.variables) == ({"o": 2}, {"v": 1})


def test_workflows_are_found_by_correlation_id(workflows: OrkesWorkflowClient, register: Register, name: str) -> None:
    register(step("WAIT", "w"))
    first, second, other = (
        workflows.start_workflow(StartWorkflowRequest(name=name, correlation_id=one)) for one in ("c1", "c1", "c2")
    )
    workflows.terminate_workflow(second)

    running = workflows.get_by_correlation_ids(name, ["c1", "c2", "none"])
    all_of_them = workflows.get_by_correlation_ids(name, ["c1"], include_completed=True, include_tasks=True)
    of_one = workflows.workflowResourceApi.get_workflows2(name, "c2")

    assert {key: [one.workflow_id for one in found] for key, found in running.items()} == {
        "c1": [first],
        "c2": [other],
        "none": [],
    }
    assert {one.workflow_id for one in all_of_them["c1"]} == {first, second}
    assert all(len(one.tasks) == 1 for one in all_of_them["c1"])
    assert [one.workflow_id for one in of_one] == [other]


def test_running_workflows_are_listed(workflows: OrkesWorkflowClient, register: Register, name: str) -> None:
    register(step("WAIT", "w"))
    running, ended = (workflows.start_workflow(StartWorkflowRequest(name=name)) for _ in range(2))
    workflows.terminate_workflow(ended)

    assert workflows.workflowResourceApi.get_running_workflow(name, version=1) == [running]


# ---- operations


def test_a_paused_workflow_goes_on_after_its_resume(
    workflows: OrkesWorkflowClient, tasks: OrkesTaskClient, register: Register, name: str
) -> None:
    register(step("SIMPLE", "a", name=name), step("SIMPLE", "b", name=name))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name))

    workflows.pause_workflow(workflow_id)
    paused = workflows.get_workflow(workflow_id)
    finish(tasks, paused, "a")
    still = workflows.get_workflow(workflow_id)
    workflows.resume_workflow(workflow_id)
    resumed = workflows.get_workflow(workflow_id)

    assert paused.status == "PAUSED"
    assert (still.status, [task.status for task in still.tasks]) == ("PAUSED", ["COMPLETED"])
    assert (resumed.status, [task.status for task in resumed.tasks]) == ("RUNNING", ["COMPLETED", "SCHEDULED"])


def test_a_workflow_is_terminated(workflows: OrkesWorkflowClient, register: Register, name: str) -> None:
    register(step("SIMPLE", "a", name=name))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name))

    workflows.terminate_workflow(workflow_id, "because")
    found = workflows.get_workflow(workflow_id)

    assert (found.status, found.reason_for_incompletion) == ("TERMINATED", "because")
    assert [task.status for task in found.tasks] == ["CANCELED"]


def test_a_failed_workflow_is_retried(
    workflows: OrkesWorkflowClient, tasks: OrkesTaskClient, register: Register, name: str
) -> None:
    register(step("SIMPLE", "a", name=name), output_parameters=ends_with("a"))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name))
    finish(tasks, workflows.get_workflow(workflow_id), "a", "FAILED")
    failed = workflows.get_workflow(workflow_id)

    workflows.retry_workflow(workflow_id)
    retried = workflows.get_workflow(workflow_id)
    finish(tasks, retried, "a", x=1)
    done = workflows.get_workflow(workflow_id)

    assert (failed.status, failed.failed_reference_task_names) == ("FAILED", {"a"})
    assert "as the test says" in failed.reason_for_incompletion
    assert (retried.status, [task.status for task in retried.tasks]) == ("RUNNING", ["FAILED", "SCHEDULED"])
    assert (done.status, done.output) == ("COMPLETED", {"x": 1})


def test_a_retry_can_resume_the_sub_workflow(
    workflows: OrkesWorkflowClient, tasks: OrkesTaskClient, metadata: OrkesMetadataClient, register: Register, name: str
) -> None:
    child = WorkflowDef(name=f"{name}_child", version=1, tasks=[step("SIMPLE", "a", name=name)], schema_version=2)
    metadata.register_workflow_def(child)
    register(step("SUB_WORKFLOW", "s", sub_workflow_param=SubWorkflowParams(name=f"{name}_child", version=1)))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name))
    child_id = workflows.get_workflow(workflow_id).tasks[0].sub_workflow_id
    finish(tasks, workflows.get_workflow(child_id), "a", "FAILED")
    eventually(lambda: workflows.get_workflow_status(workflow_id).status == "FAILED", "the parent fails")

    workflows.retry_workflow(workflow_id, resume_subworkflow_tasks=True)

    found, inner = workflows.get_workflow(workflow_id), workflows.get_workflow(child_id)
    assert (found.status, inner.status) == ("RUNNING", "RUNNING")
    assert found.tasks[-1].sub_workflow_id == child_id
    finish(tasks, inner, "a")
    eventually(lambda: workflows.get_workflow_status(workflow_id).status == "COMPLETED", "the parent completes")


def test_a_workflow_is_restarted_with_the_latest_definition(
    workflows: OrkesWorkflowClient, register: Register, name: str
) -> None:
    register(step("WAIT", "old"))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name))
    workflows.terminate_workflow(workflow_id)
    register(step("WAIT", "new"))

    workflows.restart_workflow(workflow_id)
    same = workflows.get_workflow(workflow_id)
    workflows.terminate_workflow(workflow_id)
    workflows.restart_workflow(workflow_id, use_latest_def=True)
    latest = workflows.get_workflow(workflow_id)

    assert [(same.status, task.reference_task_name) for task in same.tasks] == [("RUNNING", "old")]
    assert [(latest.status, task.reference_task_name) for task in latest.tasks] == [("RUNNING", "new")]


def test_a_workflow_is_rerun_from_a_task(
    workflows: OrkesWorkflowClient, tasks: OrkesTaskClient, register: Register, name: str
) -> None:
    register(step("SIMPLE", "a", name=name), step("SIMPLE", "b", name=name), output_parameters=ends_with("b"))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name, input={"i": 1}))
    for ref in ("a", "b"):
        finish(tasks, workflows.get_workflow(workflow_id), ref, x=ref)
    done = workflows.get_workflow(workflow_id)

    again = RerunWorkflowRequest(re_run_from_task_id=done.tasks[1].task_id, task_input={"t": 2})
    answer = workflows.rerun_workflow(workflow_id, again)
    rerun = workflows.get_workflow(workflow_id)
    finish(tasks, rerun, "b", x="second")

    assert answer == workflow_id
    assert (rerun.status, [task.reference_task_name for task in rerun.tasks]) == ("RUNNING", ["a", "b"])
    assert (rerun.tasks[1].status, rerun.tasks[1].input_data) == ("SCHEDULED", {"t": 2})
    assert workflows.get_workflow(workflow_id).output == {"x": "second"}


def test_a_workflow_is_rerun_from_the_beginning(
    workflows: OrkesWorkflowClient, tasks: OrkesTaskClient, register: Register, name: str
) -> None:
    register(step("SIMPLE", "a", name=name))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name, input={"i": 1}))
    finish(tasks, workflows.get_workflow(workflow_id), "a")

    workflows.rerun_workflow(workflow_id, RerunWorkflowRequest(workflow_input={"i": 2}, correlation_id="c9"))

    found = workflows.get_workflow(workflow_id)
    assert (found.status, found.input, found.correlation_id) == ("RUNNING", {"i": 2}, "c9")


def test_a_task_is_skipped(
    workflows: OrkesWorkflowClient, tasks: OrkesTaskClient, register: Register, name: str
) -> None:
    register(step("SIMPLE", "a", name=name), step("SIMPLE", "b", name=name), step("SIMPLE", "c", name=name))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name))

    workflows.skip_task_from_workflow(workflow_id, "b", SkipTaskRequest(task_output={"x": 1}))
    finish(tasks, workflows.get_workflow(workflow_id), "a")
    found = workflows.get_workflow(workflow_id)

    assert {task.reference_task_name: task.status for task in found.tasks} == {
        "a": "COMPLETED",
        "b": "SKIPPED",
        "c": "SCHEDULED",
    }


def test_callbacks_are_reset_and_decisions_asked_for(
    workflows: OrkesWorkflowClient, tasks: OrkesTaskClient, register: Register, name: str
) -> None:
    register(step("SIMPLE", "a", name=name))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name))
    task = tasks.poll_task(name)
    later = TaskResult(workflow_id, task.task_id, status="IN_PROGRESS", callback_after_seconds=600)
    tasks.update_task(later)
    assert tasks.poll_task(name).task_id is None

    workflows.workflowResourceApi.reset_workflow(workflow_id)
    workflows.workflowResourceApi.decide(workflow_id)

    assert tasks.poll_task(name).task_id == task.task_id


def test_a_workflow_is_removed(workflows: OrkesWorkflowClient, register: Register, name: str) -> None:
    register(step("WAIT", "w"))
    gone, ended = (workflows.start_workflow(StartWorkflowRequest(name=name)) for _ in range(2))
    workflows.terminate_workflow(ended)

    workflows.delete_workflow(gone, archive_workflow=False)
    workflows.remove_workflow(ended)

    for workflow_id in (gone, ended):
        with pytest.raises(ApiException) as error:
            workflows.get_workflow(workflow_id)
        assert error.value.is_not_found()
        assert error.value.message == f"No such workflow found by id: {workflow_id}"


def test_variables_are_updated(workflows: OrkesWorkflowClient, register: Register, name: str) -> None:
    register(step("WAIT", "w"), variables={"a": 1, "b": 1})
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=name))

    workflows.update_variables(workflow_id, {"b": 2, "c": {"d": 3}})

    assert workflows.get_workflow(workflow_id).variables == {"a": 1, "b": 2, "c": {"d": 3}}
