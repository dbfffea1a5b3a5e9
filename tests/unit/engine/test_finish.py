"""The end of a workflow: output, leftovers, failure workflow."""

import pytest

from podium.engine.commands import Terminate
from podium.engine.context import Limits
from podium.model.errors import Conflict
from podium.testing import Rehearsal
from podium.testing.steps import fork, inline, simple, sub_workflow, workflow

Given = dict[str, object]

# ---- output


def test_output_parameters_make_the_output(stage: Rehearsal):
    parameters = {
        "r": "${a.output.result}", "no": "${a.output.missing}", "s": "${workflow.status}", "id": "${CPEWF_TASK_ID}",
    }  # fmt: skip
    stage.register(workflow("w", inline("a"), outputParameters=parameters))

    assert stage.output(stage.start("w")) == {"r": 1, "no": None, "s": "RUNNING", "id": "${CPEWF_TASK_ID}"}


def test_else_it_is_the_output_of_the_task_that_was_created_last(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a1"), simple("a2")], [simple("b")])))
    key = stage.start("w")
    for ref in ("a1", "a2", "b"):
        stage.complete(key, ref, {"of": ref})

    assert stage.output(key) == {"of": "a2"}


def test_output_is_set_for_failures_and_terminations_too(stage: Rehearsal):
    stage.register({"name": "b", "retryCount": 0})
    stage.register(workflow("w", simple("a"), simple("b"), outputParameters={"a": "${a.output.o}"}))
    failed, terminated = stage.start("w"), stage.start("w")
    for key in (failed, terminated):
        stage.complete(key, "a", {"o": 1})

    stage.fail(failed, "b")
    stage.send(terminated, Terminate())

    assert stage.output(failed) == stage.output(terminated) == {"a": 1}


def test_an_output_over_the_limit_fails_the_workflow():
    stage = Rehearsal(limits=Limits(workflow_payload_bytes=100))
    stage.register(workflow("undo", simple("u")))
    stage.register(workflow("w", simple("a"), failureWorkflow="undo"))
    key = stage.start("w")

    stage.complete(key, "a", {"x": "y" * 200})

    text = f"The payload size: 208 of workflow: {key} is greater than the permissible limit: 100 bytes"
    assert (stage.status(key), stage.reason(key)) == ("FAILED", text)
    assert "conductor.failure_workflow" in stage.output(key)


def test_an_output_that_grows_without_bounds_fails_the_workflow(stage: Rehearsal):
    much = {str(number): "${a.output.o} ${a.output.o}" for number in range(40)}
    stage.register(workflow("w", simple("a"), outputParameters=much))
    key = stage.start("w")

    stage.complete(key, "a", {"o": "x" * 200_000})

    assert (stage.status(key), stage.output(key)) == ("FAILED", {})
    assert "characters" in str(stage.reason(key))


def test_an_input_that_grows_without_bounds_fails_the_workflow(stage: Rehearsal):
    much = {str(number): "${a.output.o} ${a.output.o}" for number in range(40)}
    stage.register(workflow("w", simple("a"), simple("b", much)))
    key = stage.start("w")

    stage.complete(key, "a", {"o": "x" * 200_000})

    assert stage.status(key) == "FAILED"


# ---- leftovers


def test_open_tasks_are_cancelled_without_a_reason(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b")])))
    key = stage.start("w")
    stage.poll("b")

    stage.send(key, Terminate("enough"))

    assert [stage.status(key, ref) for ref in ("a", "b", "f_join")] == ["CANCELED"] * 3
    assert [stage.reason(key, ref) for ref in ("a", "b", "f_join")] == [None] * 3
    assert (stage.queue("a"), stage.workflow(key).head.wake_ms) == ([], 0)
    assert (stage.status(key), stage.reason(key)) == ("TERMINATED", "enough")


def test_a_termination_without_a_reason_has_none(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")

    stage.send(key, Terminate())

    assert "reasonForIncompletion" not in stage.view(key)


def test_terminating_what_has_ended(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 0})
    stage.register(workflow("w", simple("a")))
    completed, failed = stage.start("w"), stage.start("w")
    stage.complete(completed, "a")
    stage.fail(failed, "a")
    stage.now_ms += 5_000

    with pytest.raises(Conflict, match="Cannot terminate a COMPLETED workflow."):
        stage.send(completed, Terminate())
    stage.send(failed, Terminate("really"))
    stage.send(failed, Terminate("again"))

    assert (stage.status(failed), stage.reason(failed)) == ("TERMINATED", "really")
    assert stage.workflow(failed).head.ended_ms == stage.now_ms


# ---- failure workflow


def with_failure(stage: Rehearsal, name: object = "undo", **fields: object) -> str:
    stage.register({"name": "a", "retryCount": 0})
    stage.register(workflow("undo", simple("u")), workflow("undo", simple("u"), version=2))
    stage.register(workflow("w", simple("a"), failureWorkflow=name, **fields))
    return stage.start("w", {"k": 1, "name": "undo"}, correlationId="cor", taskToDomain={"x": "d"})


def test_a_failure_starts_the_failure_workflow(stage: Rehearsal):
    key = with_failure(stage)

    stage.fail(key, "a", "no")

    undo = stage.output(key)["conductor.failure_workflow"]
    given = stage.given(undo)
    head = stage.workflow(undo).head
    assert (head.def_version, head.correlation_id, head.task_to_domain, head.parent_id) == (2, "cor", {"x": "d"}, None)
    assert (given["k"], given["workflowId"], given["failureStatus"]) == (1, key, "FAILED")
    assert given["reason"] == stage.reason(key)
    task_id = stage.view(key)["tasks"][0]["taskId"]
    assert given["failureTaskId"] == task_id
    failed = given["failedWorkflow"]
    assert (failed["workflowId"], failed["status"], failed["tasks"][0]["taskId"]) == (key, "FAILED", task_id)
    assert failed["workflowDefinition"]["name"] == "w"


@pytest.mark.parametrize("compensate", [False, True])
def test_who_terminates_may_ask_for_it(stage: Rehearsal, compensate: bool):
    key = with_failure(stage)

    stage.send(key, Terminate("enough", compensate=compensate))

    assert ("conductor.failure_workflow" in stage.output(key)) == compensate
    assert compensate == any(stage.workflow(one).head.name == "undo" for one in stage.workflow_ids())


def test_its_version_may_be_given(stage: Rehearsal):
    key = with_failure(stage, failureWorkflowVersion=1)

    stage.fail(key, "a")

    assert stage.workflow(stage.output(key)["conductor.failure_workflow"]).head.def_version == 1


@pytest.mark.parametrize("name", ["$.input.name", "${workflow.input.name}"])
def test_its_name_may_be_in_the_input(stage: Rehearsal, name: str):
    key = with_failure(stage, name)

    stage.fail(key, "a")

    assert stage.workflow(stage.output(key)["conductor.failure_workflow"]).head.name == "undo"


def test_a_missing_failure_workflow_is_noted(stage: Rehearsal):
    key = with_failure(stage, "nosuch")

    stage.fail(key, "a")

    text = "Error workflow nosuch failed to start.  reason: No such workflow defined. name=nosuch, version=null"
    assert stage.output(key)["conductor.failure_workflow"] == text


def test_it_starts_for_time_outs_but_not_for_terminations(stage: Rehearsal):
    key = with_failure(stage, timeoutSeconds=5, timeoutPolicy="TIME_OUT_WF")
    other = stage.start("w")

    stage.send(other, Terminate())
    stage.advance(5)

    assert "conductor.failure_workflow" in stage.output(key)
    assert "conductor.failure_workflow" not in stage.output(other)
    assert "failureTaskId" not in stage.given(stage.output(key)["conductor.failure_workflow"])


def test_it_does_not_start_for_children_that_end_with_their_parent(stage: Rehearsal):
    with_failure(stage)
    stage.register(workflow("parent", sub_workflow("s", "w")))
    key = stage.start("parent")

    stage.send(key, Terminate())

    [child] = stage.children(key)
    assert (stage.status(child), stage.output(child)) == ("TERMINATED", {})


def test_output_parameters_see_how_the_workflow_ends_badly(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), outputParameters={"s": "${workflow.status}"}))
    failed, done, stopped = (stage.start("w") for _ in range(3))

    stage.fail(failed, "a", is_terminal=True)
    stage.complete(done, "a")
    stage.send(stopped, Terminate("enough"))

    assert [stage.output(key)["s"] for key in (failed, done, stopped)] == ["FAILED", "RUNNING", "TERMINATED"]


def test_permissive_failures_are_nobodys_end(stage: Rehearsal):
    stage.register(workflow("undo", inline("u")))
    stage.register(workflow("w", inline("a", "throw 1", permissive=True), failureWorkflow="undo"))

    key = stage.start("w")

    assert stage.status(key) == "FAILED"
    assert "failureTaskId" not in stage.given(stage.output(key)["conductor.failure_workflow"])
