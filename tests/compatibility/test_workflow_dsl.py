"""Workflows written with conductor-python's ConductorWorkflow: every operator that it has and podium serves."""

import time
from typing import Any

import pytest
from conductor.client.http.models import StartWorkflowRequest
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.worker.worker_task import worker_task
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from conductor.client.workflow.task.do_while_task import DoWhileTask, ForEachTask, LoopTask
from conductor.client.workflow.task.dynamic_fork_task import DynamicForkTask
from conductor.client.workflow.task.fork_task import ForkTask
from conductor.client.workflow.task.human_task import HumanTask
from conductor.client.workflow.task.join_task import JoinTask
from conductor.client.workflow.task.set_variable_task import SetVariableTask
from conductor.client.workflow.task.simple_task import SimpleTask, simple_task
from conductor.client.workflow.task.start_workflow_task import StartWorkflowTask
from conductor.client.workflow.task.sub_workflow_task import InlineSubWorkflowTask, SubWorkflowTask
from conductor.client.workflow.task.switch_task import SwitchTask
from conductor.client.workflow.task.task import TaskInterface
from conductor.client.workflow.task.timeout_policy import TimeoutPolicy
from conductor.client.workflow.task.wait_task import WaitForDurationTask, WaitTask, WaitUntilTask

from tests.compatibility.eventually import eventually
from tests.compatibility.runners import Runners
from tests.compatibility.runs import completed, js, refs, task_of

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


# ---- the workflow itself


def test_steps_follow_each_other_and_pass_values_on(workflow: ConductorWorkflow, runners: Runners, name: str) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    runners.work(name, add)
    first = SimpleTask(name, "first")
    first.input_parameter("a", workflow.input("a"))
    first.input_parameter("b", 1)
    second = simple_task(name, "second", {"a": first.result, "b": "${first.input.b}"})
    workflow >> first >> second
    workflow.output_parameter("sum", second.output("result")).output_parameter("whole", second.output())

    assert completed(workflow(a=5)) == {"sum": 7, "whole": {"result": 7}}


def test_settings_of_a_workflow_are_registered(
    workflow: ConductorWorkflow, executor: WorkflowExecutor, name: str
) -> None:
    workflow.timeout_policy(TimeoutPolicy.TIME_OUT_WORKFLOW).timeout_seconds(90).owner_email("me@example.org")
    workflow.failure_workflow("clean").restartable(False).variables({"v": 1}).input_parameters(["a"])
    workflow.input_template({"a": 7}).output_parameters({"a": workflow.input("a"), "v": "${workflow.variables.v}"})
    workflow >> SetVariableTask("s").input(key="w", value=2)

    workflow.register(overwrite=True)
    found = executor.metadata_client.get(name, version=1)
    run = executor.execute(name, 1, {"b": 1})

    assert (found.timeout_policy, found.timeout_seconds, found.owner_email) == ("TIME_OUT_WF", 90, "me@example.org")
    assert (found.failure_workflow, found.variables, found.input_template) == ("clean", {"v": 1}, {"a": 7})
    assert (found.description, found.input_parameters, found.schema_version) == ("a test", ["a"], 2)
    assert completed(run) == {"a": 7, "v": 1}


def test_a_definition_that_was_not_registered_runs_too(
    workflow: ConductorWorkflow, workflows: OrkesWorkflowClient
) -> None:
    workflow >> js("j", "$.x + 1", x="${workflow.input.x}")

    workflow_id = workflow.start_workflow_with_input({"x": 1}, correlation_id="c", priority=2, idempotency_key="one")
    found = eventually(lambda: terminal(workflows, workflow_id), "the workflow ends")

    assert (found.status, found.correlation_id, found.priority) == ("COMPLETED", "c", 2)
    assert found.output == {"result": 2}, "without output parameters it is the output of the last task"


def terminal(workflows: OrkesWorkflowClient, workflow_id: str) -> Any:
    found = workflows.get_workflow(workflow_id)
    return found if found.status != "RUNNING" else None


def test_a_decorated_function_is_a_step_and_a_worker(workflow: ConductorWorkflow, runners: Runners, name: str) -> None:
    @worker_task(task_definition_name=name)
    def double(x: int) -> dict[str, int]:
        return {"y": 2 * x}

    runners.work(name, double.__wrapped__)
    workflow >> double(task_ref_name="d1", x=4) >> double(task_ref_name="d2", x="${d1.output.y}")
    workflow.output_parameters({"y": "${d2.output.y}"})

    assert double(x=3) == {"y": 6}
    assert completed(workflow()) == {"y": 16}


# ---- forks


def test_a_list_is_a_fork_that_is_joined(workflow: ConductorWorkflow) -> None:
    workflow >> [[js("a1", "1"), js("a2", "$.x + 1", x="${a1.output.result}")], js("b", "10")]
    workflow >> js("sum", "$.a + $.b", a="${a2.output.result}", b="${b.output.result}")
    workflow.output_parameters({"sum": "${sum.output.result}"})

    run = workflow()

    assert completed(run) == {"sum": 12}
    assert [task.task_type for task in run.tasks if task.task_type in ("FORK", "JOIN")] == ["FORK", "JOIN"]


def test_a_fork_joins_only_what_it_is_told_to(workflow: ConductorWorkflow, tasks: OrkesTaskClient) -> None:
    slow: list[TaskInterface] = [WaitTask("slow")]
    workflow >> ForkTask("fork", [[js("quick", "1")], slow], ["quick"]) >> WaitTask("after")

    run = workflow.execute(wait_until_task_ref="fork_join")

    assert {"quick", "fork_join"} <= set(refs(run))
    assert set(refs(run, "IN_PROGRESS")) == {"slow", "after"}
    assert task_of(run, "fork_join").output_data == {"quick": {"result": 1}}


def test_the_join_shows_what_the_branches_gave(workflow: ConductorWorkflow) -> None:
    workflow >> ForkTask("fork", [[js("a", "1")], [js("b", "({z: 2})")]], ["a", "b"])
    workflow.output_parameters({"all": "${fork_join.output}"})

    assert completed(workflow()) == {"all": {"a": {"result": 1}, "b": {"result": {"z": 2}}}}


def test_a_dynamic_fork_runs_what_its_input_names(workflow: ConductorWorkflow, runners: Runners, name: str) -> None:
    def square(x: int) -> int:
        return x * x

    runners.work(name, square, thread_count=3)
    fork = DynamicForkTask("fork", "dynamicTasks", "dynamicTasksInputs", JoinTask("join"))
    fork.input_parameter("dynamicTasks", workflow.input("tasks"))
    fork.input_parameter("dynamicTasksInputs", workflow.input("inputs"))
    workflow >> fork
    workflow.output_parameters({"all": "${join.output}"})
    tasks = [{"name": name, "taskReferenceName": f"t{n}", "type": "SIMPLE"} for n in range(5)]
    inputs = {f"t{n}": {"x": n} for n in range(5)}

    output = completed(workflow.execute({"tasks": tasks, "inputs": inputs}))

    assert {ref: one["result"] for ref, one in output["all"].items()} == {"t0": 0, "t1": 1, "t2": 4, "t3": 9, "t4": 16}


def test_a_dynamic_fork_of_nothing_is_passed(workflow: ConductorWorkflow) -> None:
    fork = DynamicForkTask("fork", join_task=JoinTask("join"))
    fork.input_parameter("dynamicTasks", [])
    fork.input_parameter("dynamicTasksInputs", {})

    run = (workflow >> fork >> js("after", "1"))()

    assert completed(run) == {"result": 1}


# ---- choices


@pytest.mark.parametrize(("kind", "taken"), [("a", ["a1", "a2"]), ("b", ["b1"]), ("other", ["d1"])])
def test_a_switch_takes_the_case_of_a_value(workflow: ConductorWorkflow, kind: str, taken: list[str]) -> None:
    switch = SwitchTask("switch", workflow.input("kind"))
    switch.switch_case("a", [js("a1", "1"), js("a2", "2")]).switch_case("b", js("b1", "3")).default_case(js("d1", "4"))
    workflow >> switch >> js("after", "5")

    run = workflow(kind=kind)

    assert completed(run) == {"result": 5}
    assert refs(run) == ["switch", *taken, "after"]
    assert task_of(run, "switch").output_data["evaluationResult"] == [kind]


@pytest.mark.parametrize(("amount", "taken"), [(5, ["small"]), (50, ["big"]), (500, [])])
def test_a_switch_evaluates_javascript(workflow: ConductorWorkflow, amount: int, taken: list[str]) -> None:
    script = "(function () { if ($.amount < 10) { return 'small'; } return $.amount < 100 ? 'big' : 'huge'; })()"
    switch = SwitchTask("switch", script, use_javascript=True)
    switch.input_parameter("amount", workflow.input("amount"))
    switch.switch_case("small", js("small", "1")).switch_case("big", js("big", "2"))
    workflow >> switch

    run = workflow(amount=amount)

    assert run.status == "COMPLETED"
    assert refs(run) == ["switch", *taken]


def test_a_switch_holds_forks_and_switches(workflow: ConductorWorkflow) -> None:
    inner = SwitchTask("inner", workflow.input("x")).switch_case("1", js("one", "1")).default_case(js("many", "2"))
    fork = ForkTask("fork", [[js("left", "1")], [js("right", "2")]], ["left", "right"])
    workflow >> SwitchTask("outer", workflow.input("kind")).switch_case("f", [fork, inner])
    workflow >> js("after", "3")

    run = workflow(kind="f", x="1")

    assert completed(run) == {"result": 3}
    assert refs(run) == ["outer", "fork", "left", "right", "fork_join", "inner", "one", "after"]


# ---- loops


def test_a_loop_goes_on_while_its_condition_holds(workflow: ConductorWorkflow) -> None:
    body = js("body", "$.before * 2", before="${workflow.variables.value}")
    keep = SetVariableTask("keep").input(key="value", value="${body.output.result}")
    workflow.variables({"value": 1})
    workflow >> DoWhileTask("loop", "if ($.body.result < 40) { true; } else { false; }", [body, keep])
    workflow.output_parameters({"value": "${workflow.variables.value}", "rounds": "${loop.output.iteration}"})

    run = workflow()

    assert completed(run) == {"value": 64, "rounds": 6}
    assert [task.iteration for task in run.tasks if task.reference_task_name.startswith("body__")] == [1, 2, 3, 4, 5, 6]


def test_a_counted_loop_runs_so_many_times(workflow: ConductorWorkflow) -> None:
    loop = LoopTask("loop", 3, [js("body", "$.i", i="${loop.output.iteration}")])
    workflow >> loop
    workflow.output_parameters({"loop": loop.output()})

    rounds = {str(n): {"body": {"result": n}} for n in (1, 2, 3)}
    assert completed(workflow()) == {"loop": {**rounds, "iteration": 3}}


def test_a_loop_over_a_list_runs_for_each_item(workflow: ConductorWorkflow) -> None:
    body = js("body", "$.item + '!'", item="${loop.output.loopItem}", place="${loop.output.loopIndex}")
    loop = DoWhileTask("loop", "true", [body])
    loop.input_parameter("_items", workflow.input("items"))
    workflow >> loop
    workflow.output_parameters({"two": "${loop.output['2'].body.result}", "count": "${loop.output.iteration}"})

    run = workflow(items=["a", "b", "c"])

    assert completed(run) == {"two": "b!", "count": 3}
    assert [task.input_data["place"] for task in run.tasks if task.task_type == "INLINE"] == [0, 1, 2]
    assert completed(workflow(items=[])) == {"two": None, "count": 0}


def test_for_each_runs_once_as_it_does_upstream(workflow: ConductorWorkflow) -> None:
    """The SDK sends a condition that is never true and a list that only another server looks at."""
    workflow >> ForEachTask("loop", [js("body", "1")], "${workflow.input.items}")

    run = workflow(items=[1, 2, 3])

    assert [task.reference_task_name for task in run.tasks] == ["loop", "body__1"]
    assert run.status == "COMPLETED"


def test_a_loop_holds_forks_and_switches(workflow: ConductorWorkflow) -> None:
    fork = ForkTask("fork", [[js("a", "1")], [js("b", "2")]], ["a", "b"])
    switch = SwitchTask("switch", "${loop.output.iteration}").switch_case("2", js("second", "1"))
    workflow >> LoopTask("loop", 2, [fork, switch]) >> js("after", "9")

    run = workflow()

    assert completed(run) == {"result": 9}
    assert sorted(ref for ref in refs(run) if ref.partition("__")[0] in ("a", "b", "second")) == [
        "a__1",
        "a__2",
        "b__1",
        "b__2",
        "second__2",
    ]


# ---- workflows in workflows


def test_a_sub_workflow_gets_input_and_gives_output(
    executor: WorkflowExecutor, workflow: ConductorWorkflow, workflows: OrkesWorkflowClient, name: str
) -> None:
    child = ConductorWorkflow(executor, f"{name}_child", 1) >> js("j", "$.x * 10", x="${workflow.input.x}")
    child.output_parameters({"y": "${j.output.result}"}).register(overwrite=True)
    sub = SubWorkflowTask("sub", f"{name}_child", 1)
    sub.input_parameter("x", workflow.input("x"))
    workflow >> sub
    workflow.output_parameters({"y": "${sub.output.y}"})

    run = workflow(x=7)

    assert completed(run) == {"y": 70}
    inner = workflows.get_workflow(task_of(run, "sub").sub_workflow_id)
    assert (inner.workflow_name, inner.parent_workflow_id, inner.input) == (f"{name}_child", run.workflow_id, {"x": 7})


def test_a_sub_workflow_can_be_inline(executor: WorkflowExecutor, workflow: ConductorWorkflow, name: str) -> None:
    first = ConductorWorkflow(executor, f"{name}_1", 1) >> js("j1", "$.x + 1", x="${workflow.input.x}")
    first.output_parameters({"y": "${j1.output.result}"})
    second = ConductorWorkflow(executor, f"{name}_2", 1) >> js("j2", "$.x + 2", x="${workflow.input.x}")
    second.output_parameters({"y": "${j2.output.result}"}).input_template({"x": "${sub.output.y}"})
    sub = InlineSubWorkflowTask("sub", first)
    sub.input_parameter("x", workflow.input("x"))
    workflow >> sub >> second

    assert completed(workflow(x=1))["y"] == 4, "the output of the last sub-workflow"


def test_a_workflow_starts_another_and_goes_on(
    executor: WorkflowExecutor, workflow: ConductorWorkflow, workflows: OrkesWorkflowClient, name: str
) -> None:
    (ConductorWorkflow(executor, f"{name}_other", 1) >> WaitTask("w")).register(overwrite=True)
    request = StartWorkflowRequest(input={"x": "${workflow.input.x}"}, correlation_id="c7")
    workflow >> StartWorkflowTask("start", f"{name}_other", request, 1)
    workflow.output_parameters({"id": "${start.output.workflowId}"})

    other = workflows.get_workflow(completed(workflow(x=3))["id"])

    assert (other.workflow_name, other.status) == (f"{name}_other", "RUNNING")
    assert (other.input["x"], other.correlation_id) == (3, "c7")


# ---- waiting


def test_a_wait_for_a_duration_ends_by_itself(workflow: ConductorWorkflow) -> None:
    began = time.monotonic()

    run = (workflow >> WaitForDurationTask("w", 1) >> js("after", "1"))()

    assert completed(run) == {"result": 1}
    assert 0.95 < time.monotonic() - began < 4


def test_a_wait_until_a_past_time_is_over_at_once(workflow: ConductorWorkflow) -> None:
    workflow >> WaitUntilTask("w", "2020-01-01 00:00") >> js("after", "1")

    assert completed(workflow()) == {"result": 1}


def test_a_wait_without_an_end_waits_for_an_update(workflow: ConductorWorkflow, executor: WorkflowExecutor) -> None:
    workflow >> WaitTask("w")
    workflow.output_parameters({"x": "${w.output.x}"})

    run = workflow()
    done = executor.update_task_by_ref_name_sync({"x": 1}, run.workflow_id, "w", "COMPLETED")

    assert (run.status, refs(run, "IN_PROGRESS")) == ("RUNNING", ["w"])
    assert (done.status, done.output) == ("COMPLETED", {"x": 1})


def test_a_human_task_waits_for_a_person(workflow: ConductorWorkflow, executor: WorkflowExecutor) -> None:
    workflow >> HumanTask("review", "Review it", "form", 1)
    workflow.output_parameters({"ok": "${review.output.ok}"})

    workflow_id = workflow.start_workflow_with_input({})
    waiting = executor.get_workflow(workflow_id, include_tasks=True).tasks[0]
    done = executor.update_task_by_ref_name_sync({"ok": True}, workflow_id, "review", "COMPLETED")

    assert (waiting.task_type, waiting.status) == ("HUMAN", "IN_PROGRESS")
    assert waiting.input_data["__humanTaskDefinition"]["displayName"] == "Review it"
    assert (done.status, done.output) == ("COMPLETED", {"ok": True})
