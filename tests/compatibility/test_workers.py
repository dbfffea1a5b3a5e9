"""Workers of conductor-python: what they return, raise and ask for has its effect."""

import asyncio
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest
from conductor.client.automator.task_runner import TaskRunner
from conductor.client.context.task_context import TaskInProgress, get_task_context
from conductor.client.event.task_runner_events import PollCompleted
from conductor.client.http.models import StartWorkflowRequest, Task, TaskDef, TaskResult, Workflow, WorkflowRun
from conductor.client.http.models.task_result_status import TaskResultStatus
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.worker.exception import NonRetryableException
from conductor.client.worker.worker_interface import WorkerInterface
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from conductor.client.workflow.task.fork_task import ForkTask
from conductor.client.workflow.task.simple_task import SimpleTask, simple_task

from tests.compatibility.eventually import eventually
from tests.compatibility.runners import Runners

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


def one_step(executor: WorkflowExecutor, name: str, **given: Any) -> ConductorWorkflow:
    """A workflow of one task, named like it, whose output is its own."""
    step = SimpleTask(name, "step")
    for key, value in given.items():
        step.input_parameter(key, value)
    workflow = ConductorWorkflow(executor, name, 1) >> step
    return workflow.output_parameters({"out": step.output()})


def run(workflow: ConductorWorkflow, **given: Any) -> WorkflowRun:
    return workflow.execute(given, wait_for_seconds=20)


def last_task(found: WorkflowRun | Workflow) -> Task:
    return found.tasks[-1]


# ---- what functions take and return


def test_a_function_gets_its_parameters_and_returns_a_dict(
    executor: WorkflowExecutor, runners: Runners, name: str
) -> None:
    def greet(who: str, times: int = 2, missing: str | None = None) -> dict[str, Any]:
        return {"text": f"{who}!" * times, "missing": missing}

    runners.work(name, greet)

    done = run(one_step(executor, name, who="${workflow.input.who}"), who="Ann")

    assert done.status == "COMPLETED"
    assert done.output == {"out": {"text": "Ann!Ann!", "missing": None}}


def test_a_coroutine_function_works_too(executor: WorkflowExecutor, runners: Runners, name: str) -> None:
    async def greet(who: str) -> dict[str, str]:
        await asyncio.sleep(0)
        return {"text": f"hello {who}"}

    runners.work(name, greet, thread_count=3)

    assert run(one_step(executor, name, who="Ann")).output == {"out": {"text": "hello Ann"}}


def test_a_scalar_becomes_the_result(executor: WorkflowExecutor, runners: Runners, name: str) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    runners.work(name, add)

    assert run(one_step(executor, name, a=2, b=3)).output == {"out": {"result": 5}}


def test_nothing_returned_is_a_result_too(executor: WorkflowExecutor, runners: Runners, name: str) -> None:
    def look(a: int) -> None:
        assert a == 1

    runners.work(name, look)

    done = run(one_step(executor, name, a=1))

    assert done.status == "COMPLETED"
    assert done.output == {"out": {"result": None}}


@dataclass
class Item:
    name: str
    count: int


@dataclass
class Order:
    id: str
    items: list[Item]


def test_dataclasses_are_read_and_written(executor: WorkflowExecutor, runners: Runners, name: str) -> None:
    def total(order: Order) -> Item:
        assert isinstance(order, Order)
        return Item(order.id, sum(item.count for item in order.items))

    runners.work(name, total)
    order = {"id": "o1", "items": [{"name": "a", "count": 2}, {"name": "b", "count": 3}]}

    assert run(one_step(executor, name, order="${workflow.input}"), **order).output == {
        "out": {"name": "o1", "count": 5}
    }


def test_a_task_result_is_sent_as_it_is(executor: WorkflowExecutor, runners: Runners, name: str) -> None:
    def decide(task: Task) -> TaskResult:
        result = TaskResult(task.task_id, task.workflow_instance_id, worker_id="me")
        result.status = TaskResultStatus.COMPLETED
        result.add_output_data("got", task.input_data["x"])
        result.log("a line")
        return result

    runners.work(name, decide)

    done = run(one_step(executor, name, x=[1, {"y": None}]))

    assert done.output == {"out": {"got": [1, {"y": None}]}}
    assert last_task(done).worker_id == "me"


def test_a_worker_class_is_a_worker(executor: WorkflowExecutor, runners: Runners, name: str) -> None:
    class Doubler(WorkerInterface):
        def execute(self, task: Task) -> TaskResult:
            result = self.get_task_result_from_task(task)
            result.status = TaskResultStatus.COMPLETED
            result.output_data = {"double": task.input_data["x"] * 2, "poll": task.poll_count}
            return result

    runners.run(Doubler(name))

    done = run(one_step(executor, name, x=4))

    assert done.output == {"out": {"double": 8, "poll": 1}}
    assert last_task(done).worker_id


def test_text_of_any_script_and_size_arrives_as_it_was(executor: WorkflowExecutor, runners: Runners, name: str) -> None:
    def echo(text: str, big: str) -> dict[str, Any]:
        return {"text": text, "big": big}

    runners.work(name, echo)
    text, big = 'ünï "quoted" \\ 漢字 🙂 \u2028', "x" * 500_000

    done = run(one_step(executor, name, text="${workflow.input.text}", big="${workflow.input.big}"), text=text, big=big)

    assert done.output == {"out": {"text": text, "big": big}}


# ---- failures and retries


def test_a_raised_exception_fails_the_task_and_it_is_tried_again(
    executor: WorkflowExecutor, runners: Runners, metadata: OrkesMetadataClient, tasks: OrkesTaskClient, name: str
) -> None:
    metadata.register_task_def(TaskDef(name=name, retry_count=3, retry_delay_seconds=0, timeout_seconds=0))

    def flaky() -> dict[str, int]:
        attempt = get_task_context().get_retry_count()
        if attempt < 2:
            raise ValueError(f"attempt {attempt} failed")
        return {"attempt": attempt}

    runners.work(name, flaky)

    done = run(one_step(executor, name))

    assert done.status == "COMPLETED"
    assert done.output == {"out": {"attempt": 2}}
    assert [task.status for task in done.tasks] == ["FAILED", "FAILED", "COMPLETED"]
    assert [task.retry_count for task in done.tasks] == [0, 1, 2]
    assert done.tasks[0].reason_for_incompletion == "attempt 0 failed"
    assert done.tasks[1].retried_task_id == done.tasks[0].task_id
    assert "ValueError: attempt 0 failed" in tasks.get_task_logs(done.tasks[0].task_id)[0].log


def test_an_exception_in_a_coroutine_fails_the_task(
    executor: WorkflowExecutor, runners: Runners, metadata: OrkesMetadataClient, name: str
) -> None:
    metadata.register_task_def(TaskDef(name=name, retry_count=1, retry_delay_seconds=0, timeout_seconds=0))

    async def flaky() -> dict[str, int]:
        attempt = get_task_context().get_retry_count()
        if attempt < 1:
            raise ValueError("not yet")
        return {"attempt": attempt}

    runners.work(name, flaky)

    done = run(one_step(executor, name))

    assert [task.status for task in done.tasks] == ["FAILED", "COMPLETED"]
    assert done.output == {"out": {"attempt": 1}}


def test_retries_come_to_an_end(
    executor: WorkflowExecutor,
    runners: Runners,
    metadata: OrkesMetadataClient,
    workflows: OrkesWorkflowClient,
    name: str,
) -> None:
    metadata.register_task_def(TaskDef(name=name, retry_count=1, retry_delay_seconds=0, timeout_seconds=0))

    def broken() -> None:
        raise RuntimeError("always")

    runners.work(name, broken)

    done = run(one_step(executor, name))

    assert done.status == "FAILED"
    assert [task.status for task in done.tasks] == ["FAILED", "FAILED"]
    reason = f"Task {done.tasks[1].task_id} failed with status: FAILED and reason: 'always'"
    assert workflows.get_workflow(done.workflow_id).reason_for_incompletion == reason


def test_a_non_retryable_exception_ends_the_workflow_at_once(
    executor: WorkflowExecutor,
    runners: Runners,
    metadata: OrkesMetadataClient,
    workflows: OrkesWorkflowClient,
    name: str,
) -> None:
    metadata.register_task_def(TaskDef(name=name, retry_count=5, retry_delay_seconds=0, timeout_seconds=0))

    def refuse() -> None:
        raise NonRetryableException("no such account")

    runners.work(name, refuse)

    done = run(one_step(executor, name))

    assert done.status == "FAILED"
    assert [task.status for task in done.tasks] == ["FAILED_WITH_TERMINAL_ERROR"]
    assert done.tasks[0].reason_for_incompletion == "no such account"
    assert "no such account" in workflows.get_workflow(done.workflow_id).reason_for_incompletion


# ---- long tasks


def test_a_task_in_progress_comes_back_after_its_callback_time(
    executor: WorkflowExecutor, runners: Runners, workflows: OrkesWorkflowClient, name: str
) -> None:
    polls: list[tuple[int, float]] = []

    def slow() -> dict[str, Any] | TaskInProgress:
        polls.append((get_task_context().get_poll_count(), time.monotonic()))
        if len(polls) < 2:
            return TaskInProgress(callback_after_seconds=1, output={"progress": 50})
        return {"progress": 100}

    runners.work(name, slow)
    workflow_id = one_step(executor, name).start_workflow(StartWorkflowRequest())

    waiting = eventually(
        lambda: [task for task in workflows.get_workflow(workflow_id).tasks if task.output_data], "first report"
    )[0]
    assert waiting.output_data == {"progress": 50}
    assert waiting.status in ("SCHEDULED", "IN_PROGRESS")
    assert waiting.callback_after_seconds == 1
    done = eventually(lambda: ended(workflows, workflow_id), "the workflow ends")

    assert done.output == {"out": {"progress": 100}}
    assert [poll for poll, _ in polls] == [1, 2]
    assert polls[1][1] - polls[0][1] >= 0.95


def ended(workflows: OrkesWorkflowClient, workflow_id: str) -> Workflow | None:
    found = workflows.get_workflow(workflow_id)
    return found if found.status != "RUNNING" else None


def test_a_lease_is_extended_while_a_task_takes_longer_than_its_response_timeout(
    executor: WorkflowExecutor, runners: Runners, metadata: OrkesMetadataClient, name: str
) -> None:
    definition = TaskDef(name=name, retry_count=3, retry_delay_seconds=0, timeout_seconds=0)
    definition.response_timeout_seconds = 2
    metadata.register_task_def(definition)

    def long() -> dict[str, int]:
        threading.Event().wait(3.6)
        return {"retries": get_task_context().get_retry_count()}

    runners.work(name, long, lease_extend_enabled=True)

    done = run(one_step(executor, name))

    assert [task.status for task in done.tasks] == ["COMPLETED"]
    assert done.output == {"out": {"retries": 0}}


def test_without_an_extension_the_task_times_out_and_is_given_to_another_attempt(
    executor: WorkflowExecutor, runners: Runners, metadata: OrkesMetadataClient, name: str
) -> None:
    definition = TaskDef(name=name, retry_count=3, retry_delay_seconds=0, timeout_seconds=0)
    definition.response_timeout_seconds = 1
    metadata.register_task_def(definition)
    released = threading.Event()

    def hangs_once() -> dict[str, int]:
        attempt = get_task_context().get_retry_count()
        if attempt == 0:
            released.wait(10)
        released.set()
        return {"attempt": attempt}

    runners.work(name, hangs_once, thread_count=2)

    done = run(one_step(executor, name))

    assert [task.status for task in done.tasks] == ["TIMED_OUT", "COMPLETED"]
    assert done.output == {"out": {"attempt": 1}}


# ---- the context of a task


def test_the_task_context_knows_the_task_and_writes_its_log(
    executor: WorkflowExecutor, runners: Runners, tasks: OrkesTaskClient, name: str
) -> None:
    def look(x: int) -> dict[str, Any]:
        context = get_task_context()
        context.add_log("begin")
        context.add_log(f"x is {x}")
        return {
            "task": context.get_task_id(),
            "workflow": context.get_workflow_instance_id(),
            "name": context.get_task_def_name(),
            "input": context.get_input(),
            "retries": context.get_retry_count(),
            "polls": context.get_poll_count(),
        }

    runners.work(name, look)

    done = run(one_step(executor, name, x=7))

    task = last_task(done)
    assert done.output["out"] == {
        "task": task.task_id,
        "workflow": done.workflow_id,
        "name": name,
        "input": {"x": 7},
        "retries": 0,
        "polls": 1,
    }
    logs = tasks.get_task_logs(task.task_id)
    assert [entry.log for entry in logs] == ["begin", "x is 7"]
    assert all(entry.created_time and entry.task_id == task.task_id for entry in logs)


# ---- task definitions


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK leaves its sockets open
@pytest.mark.parametrize("overwrite", [True, False])
def test_a_worker_registers_its_task_definition(
    executor: WorkflowExecutor, runners: Runners, metadata: OrkesMetadataClient, name: str, *, overwrite: bool
) -> None:
    """Schemas are left out where the server does not know them."""
    metadata.register_task_def(TaskDef(name=name, description="before"))

    def add(a: int, b: int) -> int:
        return a + b

    template = TaskDef(name="the SDK replaces it", description="by the worker", retry_count=1)
    options = {"register_task_def": True, "register_schema": True, "overwrite_task_def": overwrite}
    runners.work(name, add, task_def_template=template, **options)

    assert run(one_step(executor, name, a=1, b=2)).output == {"out": {"result": 3}}
    assert metadata.get_task_def(name).description == ("by the worker" if overwrite else "before")


# ---- many tasks


def test_a_worker_takes_as_many_tasks_at_once_as_it_has_threads(
    executor: WorkflowExecutor, runners: Runners, name: str
) -> None:
    together = threading.Barrier(4)

    def meet() -> dict[str, int]:
        together.wait(10)  # passes only when four tasks are at work
        return {"met": 1}

    branches = [[SimpleTask(name, f"t{number}")] for number in range(4)]
    workflow = ConductorWorkflow(executor, name, 1) >> ForkTask("fork", branches, [f"t{n}" for n in range(4)])
    runners.work(name, meet, thread_count=4)

    done = run(workflow)

    assert done.status == "COMPLETED"
    assert sum(task.output_data.get("met", 0) for task in done.tasks if task.task_def_name == name) == 4


def test_many_tasks_at_once_are_each_done_once(executor: WorkflowExecutor, runners: Runners, name: str) -> None:
    seen: list[str] = []

    async def note(number: int) -> dict[str, int]:
        seen.append(get_task_context().get_task_id())
        return {"number": number}

    branches = [[simple_task(name, f"t{n}", {"number": n})] for n in range(60)]
    workflow = ConductorWorkflow(executor, name, 1) >> ForkTask("fork", branches, [f"t{n}" for n in range(60)])
    runners.work(name, note, thread_count=10)

    done = run(workflow)

    assert done.status == "COMPLETED"
    assert len(seen) == len(set(seen)) == 60


class Polls:
    """Counts the polls that brought tasks."""

    def __init__(self) -> None:
        self.received = 0

    def on_poll_completed(self, event: PollCompleted) -> None:
        self.received += event.tasks_received


def test_the_answer_to_a_result_brings_the_next_task(
    executor: WorkflowExecutor, runners: Runners, workflows: OrkesWorkflowClient, name: str
) -> None:
    workflow = ConductorWorkflow(executor, name, 1) >> SimpleTask(name, "a") >> SimpleTask(name, "b")
    workflow = workflow >> SimpleTask(name, "c")
    ids = [workflow.start_workflow(StartWorkflowRequest()) for _ in range(3)]

    def step() -> dict[str, int]:
        return {}

    runner = runners.work(name, step)
    polls = Polls()
    assert isinstance(runner, TaskRunner)
    runner.event_dispatcher.register(PollCompleted, polls.on_poll_completed)

    for workflow_id in ids:
        assert eventually(lambda: ended(workflows, workflow_id), "the workflow ends").status == "COMPLETED"  # noqa: B023
    assert polls.received < 9, "nine tasks, and most of them came with the answer to the one before"
    assert runner._use_update_v2


def test_a_domain_worker_gets_the_tasks_of_its_domain_only(
    executor: WorkflowExecutor, runners: Runners, name: str
) -> None:
    def in_domain() -> dict[str, str]:
        return {"by": "red"}

    def elsewhere() -> dict[str, str]:
        return {"by": "any"}

    runners.work(name, in_domain, domain="red")
    runners.work(name, elsewhere)
    workflow = one_step(executor, name)

    red = workflow.execute(wait_for_seconds=20, task_to_domain={name: "red"})
    all_red = workflow.execute(wait_for_seconds=20, task_to_domain={"*": "red"})
    plain = workflow.execute(wait_for_seconds=20)

    assert (red.output, red.tasks[0].domain) == ({"out": {"by": "red"}}, "red")
    assert all_red.output == {"out": {"by": "red"}}
    assert (plain.output, plain.tasks[0].domain) == ({"out": {"by": "any"}}, None)


def test_a_paused_worker_takes_nothing(
    executor: WorkflowExecutor, runners: Runners, tasks: OrkesTaskClient, workflows: OrkesWorkflowClient, name: str
) -> None:
    def step() -> dict[str, int]:
        return {"done": 1}

    runner = runners.work(name, step, paused=True)
    workflow_id = one_step(executor, name).start_workflow(StartWorkflowRequest())
    assert tasks.get_queue_size_for_task(name) == 1

    runner.worker.paused = False

    assert eventually(lambda: ended(workflows, workflow_id), "the workflow ends").output == {"out": {"done": 1}}
