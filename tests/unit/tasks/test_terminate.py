"""TERMINATE."""

import pytest

from podium.engine.commands import Retry
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, sub_workflow, switch, workflow

Given = dict[str, object]


def terminate(status: object = "COMPLETED", **inputs: object) -> Given:
    return step("t", "TERMINATE", {"terminationStatus": status, **inputs})


def test_the_workflow_ends_with_the_given_output(stage: Rehearsal):
    ender = terminate(workflowOutput={"r": "${a.output.result}"})
    stage.register(workflow("w", inline("a"), ender, inline("never"), outputParameters={"ignored": 1}))

    key = stage.start("w")

    assert stage.lines(key) == ["1 a INLINE COMPLETED", "2 t TERMINATE COMPLETED"]
    assert (stage.status(key), stage.output(key), stage.output(key, "t")) == ("COMPLETED", {"r": 1}, {"r": 1})
    task_id = stage.view(key)["tasks"][1]["taskId"]
    assert stage.reason(key) == f"Workflow is COMPLETED by TERMINATE task: {task_id}"


@pytest.mark.parametrize(("output", "expected"), [({"a": 1}, {"a": 1}), (5, {"output": 5}), (None, {})])
def test_what_becomes_of_the_output(stage: Rehearsal, output: object, expected: Given):
    stage.register(workflow("w", terminate(workflowOutput=output)))

    assert stage.output(stage.start("w")) == expected


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED"])
def test_it_may_end_badly_and_then_starts_the_failure_workflow(stage: Rehearsal, status: str):
    stage.register(workflow("undo", inline("u")))
    stage.register(workflow("w", terminate(status, terminationReason="because"), failureWorkflow="undo"))

    key = stage.start("w")

    assert (stage.status(key), stage.status(key, "t"), stage.reason(key)) == (status, "COMPLETED", "because")
    undo = stage.output(key)["conductor.failure_workflow"]
    assert stage.given(undo)["failureTaskId"] == stage.view(key)["tasks"][0]["taskId"]
    assert stage.given(undo)["failureStatus"] == status


def test_a_status_that_is_none_fails_the_task(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "true", terminate("SOMETHING"))))

    key = stage.start("w")

    assert (stage.status(key, "t"), stage.reason(key, "t")) == ("FAILED", "given termination status is not valid")
    assert stage.status(key) == "FAILED"


def test_it_cancels_what_is_open_beside_it(stage: Rehearsal):
    stage.register(workflow("child", simple("c")))
    branches = fork("f", [simple("a")], [sub_workflow("s", "child")], [simple("b"), terminate()], join_on=["a"])
    stage.register(workflow("w", *branches))
    key = stage.start("w")

    stage.complete(key, "b")

    assert [stage.status(key, ref) for ref in ("a", "s", "f_join")] == ["CANCELED"] * 3
    [child] = stage.children(key)
    assert stage.status(child) == "TERMINATED"
    assert str(stage.reason(child)).startswith("Parent workflow has been terminated with reason: Workflow is COMPLETED")
    assert stage.status(key) == "COMPLETED"


def test_nothing_begins_beside_it_in_the_same_pass(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [inline("a"), simple("a2")], [terminate()])))

    key = stage.start("w")

    assert [line.split()[1] for line in stage.lines(key)] == ["f", "a", "t", "f_join"]


def test_a_failure_of_the_same_pass_comes_first(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [inline("a", "throw 1")], [terminate()])))

    assert stage.status(stage.start("w")) == "FAILED"


def test_an_optional_failure_beside_it_begins_nothing(stage: Rehearsal):
    branch = [inline("a", "throw 1", optional=True), inline("a2")]
    stage.register(workflow("w", *fork("f", branch, [terminate()])))

    key = stage.start("w")

    assert (stage.status(key), stage.status(key, "a")) == ("COMPLETED", "COMPLETED_WITH_ERRORS")
    assert [line.split()[1] for line in stage.lines(key)] == ["f", "a", "t", "f_join"]


def test_permissive_failures_before_it_make_it_a_failure(stage: Rehearsal):
    stage.register(workflow("w", inline("a", "throw 1", permissive=True), terminate(workflowOutput={"o": 1})))

    key = stage.start("w")

    assert (stage.status(key), stage.output(key)) == ("FAILED", {"o": 1})


def test_in_a_branch_of_a_switch(stage: Rehearsal):
    stage.register(workflow("w", switch("s", "a", {"a": [terminate()]}), inline("never")))

    assert stage.lines(stage.start("w")) == ["1 s SWITCH COMPLETED", "2 t TERMINATE COMPLETED"]


def test_a_child_that_ends_itself_tells_its_parent(stage: Rehearsal):
    stage.register(workflow("child", terminate("FAILED", terminationReason="r", workflowOutput={"o": 1})))
    stage.register(workflow("w", sub_workflow("s", "child")))

    key = stage.start("w")

    assert stage.status(key, "s") == "FAILED"
    assert stage.output(key, "s")["o"] == 1


def test_a_workers_task_of_that_name_ends_nothing(stage: Rehearsal):
    stage.register(workflow("w", simple("x", name="TERMINATE"), simple("y")))
    key = stage.start("w")

    stage.complete(key, "x")

    assert (stage.status(key), stage.status(key, "y")) == ("RUNNING", "SCHEDULED")


def test_a_retry_after_it_ends_the_same_way(stage: Rehearsal):
    """As upstream: the TERMINATE task is still there."""
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b"), terminate("FAILED")])))
    key = stage.start("w")
    stage.complete(key, "b")

    stage.send(key, Retry())

    assert stage.status(key) == "FAILED"
