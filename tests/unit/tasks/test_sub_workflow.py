"""SUB_WORKFLOW: parents and children."""

import pytest

from podium.engine.commands import Pause, Remove, Restart, Resume, Terminate, UpdateTask
from podium.testing import Rehearsal
from podium.testing.steps import fork, inline, simple, step, sub_workflow, workflow

Given = dict[str, object]


def nested(**param: object) -> Given:
    return step("s", "SUB_WORKFLOW", {"a": "${workflow.input.a}"}, subWorkflowParam={"name": "child", **param})


@pytest.fixture
def stage() -> Rehearsal:
    made = Rehearsal()
    made.register(workflow("child", simple("c"), outputParameters={"got": "${c.output.x}"}))
    return made


def child_of(stage: Rehearsal, key: str) -> str:
    return stage.children(key)[-1]


def test_the_child_runs_with_the_parameters_and_its_output_comes_back(stage: Rehearsal):
    stage.register(workflow("w", nested()))
    key = stage.start("w", {"a": 3}, correlationId="cor")
    child = child_of(stage, key)
    assert stage.given(key, "s") == {
        "subWorkflowName": "child", "subWorkflowVersion": 1, "subWorkflowTaskToDomain": None, "subWorkflowDefinition": None,
        "priority": None, "idempotencyKey": None, "idempotencyStrategy": None, "workflowInput": {"a": 3},
    }  # fmt: skip
    assert (stage.status(key, "s"), stage.output(key, "s")) == ("IN_PROGRESS", {"subWorkflowId": child})
    assert stage.given(child) == {"a": 3}
    head = stage.workflow(child).head
    assert (head.parent_id, head.correlation_id, head.priority) == (key, "cor", 0)

    stage.complete(child, "c", {"x": 1})

    assert (stage.status(key, "s"), stage.output(key, "s")) == ("COMPLETED", {"subWorkflowId": child, "got": 1})
    assert stage.view(child)["parentWorkflowTaskId"] == stage.view(key)["tasks"][0]["taskId"]
    assert stage.view(key)["tasks"][0]["subWorkflowId"] == child


def test_the_latest_version_is_chosen_when_the_task_is_created(stage: Rehearsal):
    """Upstream shows it in the input; a definition that nobody knows yet leaves it open until the task starts."""
    stage.register({**workflow("child", simple("c")), "version": 7})
    named = {**sub_workflow("s", "${workflow.input.name}"), "startDelay": 5}
    stage.register(workflow("w", named))

    known, unknown = stage.start("w", {"name": "child"}), stage.start("w", {"name": "later"})

    assert stage.given(known, "s")["subWorkflowVersion"] == 7
    assert stage.given(unknown, "s")["subWorkflowVersion"] is None


def test_the_input_of_the_child_may_be_empty(stage: Rehearsal):
    """Upstream gives it the whole input of the task then."""
    stage.register(workflow("w", sub_workflow("s", "child")))

    assert stage.given(child_of(stage, stage.start("w"))) == {}


@pytest.mark.parametrize(
    ("status", "parent_status"), [("FAILED", "FAILED"), ("TIMED_OUT", "TIMED_OUT"), ("TERMINATED", "TERMINATED")]
)
def test_how_the_child_ends_is_how_the_parent_ends(stage: Rehearsal, status: str, parent_status: str):
    stage.register({"name": "c", "retryCount": 0, "pollTimeoutSeconds": 5})
    stage.register(workflow("w", nested()))
    key = stage.start("w")
    child = child_of(stage, key)

    if status == "FAILED":
        stage.fail(child, "c", "no")
    elif status == "TIMED_OUT":
        stage.advance(5)
    else:
        stage.send(child, Terminate("enough"))

    assert stage.status(child) == status
    assert stage.status(key, "s") == {"TERMINATED": "CANCELED"}.get(status, status)
    assert stage.reason(key, "s") == f"Sub workflow child.1/{child} failure reason: {stage.reason(child)}"
    assert stage.status(key) == parent_status


def test_the_definition_of_the_task_governs_its_retries_each_with_a_new_child(stage: Rehearsal):
    stage.register({"name": "s", "retryCount": 1, "retryDelaySeconds": 5}, {"name": "c", "retryCount": 0})
    stage.register(workflow("w", nested()))
    key = stage.start("w", {"a": 1})
    first = child_of(stage, key)

    stage.fail(first, "c")
    assert stage.lines(key)[1] == "2 s SUB_WORKFLOW SCHEDULED"
    assert stage.children(key) == [first]
    stage.advance(5)

    second = child_of(stage, key)
    assert second != first
    assert stage.given(second) == {"a": 1}
    stage.complete(second, "c")
    assert stage.status(key) == "COMPLETED"


def test_a_delayed_child_starts_at_its_time(stage: Rehearsal):
    stage.register(workflow("w", {**nested(), "startDelay": 7}))
    key = stage.start("w")
    stage.send(key, UpdateTask(1, "IN_PROGRESS", b'{"note":1}'))  # somebody touches it meanwhile
    stage.advance(6.9)
    assert stage.children(key) == []

    stage.advance(0.1)

    assert (len(stage.children(key)), stage.status(key, "s")) == (1, "IN_PROGRESS")


def test_a_terminated_parent_terminates_its_children_down_to_the_last(stage: Rehearsal):
    stage.register(workflow("middle", sub_workflow("m", "child")))
    stage.register(workflow("w", sub_workflow("s", "middle")))
    key = stage.start("w")
    middle = child_of(stage, key)
    child = child_of(stage, middle)

    stage.send(key, Terminate("enough"))

    assert [stage.status(one) for one in (key, middle, child)] == ["TERMINATED"] * 3
    assert stage.reason(middle) == "Parent workflow has been terminated with reason: enough"
    assert stage.status(key, "s") == "CANCELED"


def test_a_parent_that_ends_without_a_reason_names_its_status(stage: Rehearsal):
    stage.register(workflow("w", nested()))
    key = stage.start("w")

    stage.send(key, Terminate())

    assert stage.reason(child_of(stage, key)) == "Parent workflow has been terminated with status TERMINATED"


def test_a_paused_parent_takes_the_result_and_goes_on_when_resumed(stage: Rehearsal):
    stage.register(workflow("w", nested(), simple("after")))
    key = stage.start("w")
    stage.send(key, Pause())

    stage.complete(child_of(stage, key), "c")
    assert stage.lines(key) == ["1 s SUB_WORKFLOW COMPLETED"]
    stage.send(key, Resume())

    assert stage.lines(key)[1] == "2 after after SCHEDULED"


def test_a_paused_child_keeps_its_parent_waiting(stage: Rehearsal):
    stage.register(workflow("w", nested()))
    key = stage.start("w")
    child = child_of(stage, key)

    stage.send(child, Pause())
    stage.complete(child, "c")
    assert stage.status(key, "s") == "IN_PROGRESS"
    stage.send(child, Resume())

    assert stage.status(key) == "COMPLETED"


def test_the_end_of_a_child_that_nobody_waits_for_is_dropped(stage: Rehearsal):
    stage.register(workflow("w", nested()))
    key = stage.start("w")
    old = child_of(stage, key)
    stage.send(key, UpdateTask(1, "FAILED"))
    stage.send(key, Restart())

    stage.complete(old, "c")

    assert stage.status(key) == "RUNNING"
    assert len(stage.children(key)) == 2


def test_a_child_that_is_removed_ends_its_task(stage: Rehearsal):
    """Upstream's parent waits for ever."""
    stage.register(workflow("w", nested()))
    key = stage.start("w")
    child = child_of(stage, key)

    stage.send(child, Remove(archive=False))

    assert (stage.status(key, "s"), stage.status(key)) == ("CANCELED", "TERMINATED")
    assert str(stage.reason(key, "s")).endswith(f"Workflow {child} was removed")


def test_a_worker_can_not_make_the_task_forget_its_child(stage: Rehearsal):
    stage.register(workflow("w", nested()))
    key = stage.start("w")

    stage.send(key, UpdateTask(1, "IN_PROGRESS", sub_workflow_id="another"))
    stage.complete(child_of(stage, key), "c")

    assert stage.status(key) == "COMPLETED"


def test_an_embedded_definition(stage: Rehearsal):
    embedded = workflow("inner", simple("e", {"v": "${workflow.input.a}"}), version=7)
    stage.register(workflow("w", nested(workflowDefinition=embedded)))

    key = stage.start("w", {"a": 5})

    child = child_of(stage, key)
    assert (stage.workflow(child).head.name, stage.workflow(child).head.def_version) == ("inner", 7)
    assert stage.given(child) == {"a": 5, "_systemMetadata": {"dynamic": True}}
    assert stage.given(child, "e") == {"v": 5}  # its expressions are its own, not the parent's
    assert stage.given(key, "s")["subWorkflowName"] == "inner"


def test_a_definition_may_come_from_an_expression(stage: Rehearsal):
    stage.register(workflow("w", nested(workflowDefinition="${workflow.input.def}")))

    key = stage.start("w", {"def": workflow("given", simple("g"))})

    assert stage.workflow(child_of(stage, key)).head.name == "given"


@pytest.mark.parametrize("definition", [5, {"name": "x", "tasks": [{"name": 1, "type": {}}]}])
def test_a_definition_that_is_none_fails_the_task(stage: Rehearsal, definition: object):
    stage.register(workflow("w", nested(workflowDefinition="${workflow.input.def}")))

    key = stage.start("w", {"def": definition})

    assert (stage.status(key, "s"), stage.status(key)) == ("FAILED", "FAILED")


def test_name_version_and_priority_may_be_expressions(stage: Rehearsal):
    stage.register(workflow("child", simple("c2"), version=2))
    stage.register(workflow("w", nested(name="${workflow.input.n}", version=1, priority="${workflow.input.p}")))

    key = stage.start("w", {"n": "child", "p": 9})

    head = stage.workflow(child_of(stage, key)).head
    assert (head.def_version, head.priority) == (1, 9)


def test_without_a_version_it_is_the_latest_one_at_the_start_of_the_parent(stage: Rehearsal):
    stage.register(workflow("w", simple("first"), nested()))
    key = stage.start("w")
    stage.register(workflow("child", simple("c2"), version=2))

    stage.complete(key, "first")

    assert stage.workflow(child_of(stage, key)).head.def_version == 1


@pytest.mark.parametrize(("version", "shown"), [(3, "3"), (None, "null")])
def test_an_unknown_definition_fails_the_task(stage: Rehearsal, version: int | None, shown: str):
    stage.register(workflow("w", nested(name="nosuch", version=version)))

    key = stage.start("w")

    assert stage.reason(key, "s") == f"No such workflow defined. name=nosuch, version={shown}"


def test_a_step_without_parameters_fails_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", step("s", "SUB_WORKFLOW")))

    text = "Task s is defined as sub-workflow and is missing subWorkflowParams. Please check the workflow definition"
    assert stage.reason(stage.start("w")) == text


def test_domains_are_those_of_the_step_or_of_the_parent(stage: Rehearsal):
    stage.register(
        workflow("w", *fork("f", [nested()], [{**nested(taskToDomain={"c": "own"}), "taskReferenceName": "t"}]))
    )

    key = stage.start("w", taskToDomain={"*": "parents"})

    assert [stage.workflow(child).head.task_to_domain for child in stage.children(key)] == [
        {"*": "parents"},
        {"c": "own"},
    ]


def test_a_child_of_inline_steps_is_over_at_once(stage: Rehearsal):
    stage.register(workflow("quick", inline("q", "6")))
    stage.register(workflow("w", sub_workflow("s", "quick"), inline("after", "$.v", {"v": "${s.output.result}"})))

    assert stage.output(stage.start("w")) == {"result": 6}


def test_the_id_of_the_task_is_no_part_of_the_childs_input(stage: Rehearsal):
    """Which name a token gets must not depend on what was resolved before."""
    stage.register(
        workflow("w", simple("x", {"me": "${CPEWF_TASK_ID}"}), sub_workflow("s", "child", {"me": "${CPEWF_TASK_ID}"}))
    )
    key = stage.start("w")

    stage.complete(key, "x")

    assert stage.given(key, "s")["workflowInput"] == {"me": "${CPEWF_TASK_ID}"}


def test_the_id_of_the_child_is_shown_whatever_the_child_puts_out(stage: Rehearsal):
    stage.register(workflow("child", simple("x"), outputParameters={"subWorkflowId": "mine", "o": 1}))
    stage.register(workflow("w", sub_workflow("c", "child"), simple("z")))
    key = stage.start("w")
    child = stage.task(key, "c").sub_workflow_id

    stage.complete(child, "x")

    assert stage.output(key, "c") == {"subWorkflowId": child, "o": 1}
