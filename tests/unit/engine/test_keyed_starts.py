"""Idempotency keys of starts that workflows ask for: by SUB_WORKFLOW and START_WORKFLOW."""

import pytest

from podium.engine.commands import Retry, Terminate
from podium.testing import Rehearsal
from podium.testing.steps import simple, step, workflow


def child(strategy: str, **fields: object) -> dict[str, object]:
    param = {"name": "inner", "idempotencyKey": "${workflow.input.key}", "idempotencyStrategy": strategy}
    return step("s", "SUB_WORKFLOW", subWorkflowParam=param, **fields)


def starter(strategy: str) -> dict[str, object]:
    request = {"name": "inner", "idempotencyKey": "${workflow.input.key}", "idempotencyStrategy": strategy}
    return step("s", "START_WORKFLOW", {"startWorkflow": request})


def begin(stage: Rehearsal, *steps: dict[str, object], key: object = "k") -> str:
    stage.register(workflow("inner", simple("a")), workflow("outer", *steps))
    return stage.start("outer", {"key": key})


def inner(stage: Rehearsal) -> list[str]:
    return [one for one in stage.workflow_ids() if stage.workflow(one).head.name == "inner"]


@pytest.mark.parametrize("make", [child, starter])
@pytest.mark.parametrize("strategy", ["FAIL", "FAIL_ON_RUNNING", "RETURN_EXISTING"])
def test_one_workflow_for_each_key(stage: Rehearsal, make, strategy: str):
    first = begin(stage, make(strategy))
    second = stage.start("outer", {"key": "k"})
    other = stage.start("outer", {"key": 7})

    assert len(inner(stage)) == 2
    assert stage.workflow(inner(stage)[1]).head.idempotency_key == "7"
    assert stage.status(first, "s") == stage.status(other, "s")
    if strategy == "RETURN_EXISTING":
        assert stage.status(second, "s") == stage.status(first, "s")
    else:
        assert stage.status(second, "s") == "FAILED"
        assert f"already exists: {inner(stage)[0]}" in (stage.reason(second, "s") or "")


def test_start_workflow_says_which_one_it_is(stage: Rehearsal):
    first = begin(stage, starter("RETURN_EXISTING"))
    second = stage.start("outer", {"key": "k"})

    assert stage.output(first, "s") == stage.output(second, "s") == {"workflowId": inner(stage)[0]}
    assert stage.status(second) == "COMPLETED"


@pytest.mark.parametrize("is_late", [False, True])
def test_the_end_of_the_earlier_one_is_the_sub_workflow_s(stage: Rehearsal, is_late: bool):
    first = begin(stage, child("RETURN_EXISTING"))
    [earlier] = inner(stage)
    if is_late:
        stage.complete(earlier, "a", {"x": 1})
    second = stage.start("outer", {"key": "k"})
    if not is_late:
        assert stage.status(second, "s") == "IN_PROGRESS"
        stage.complete(earlier, "a", {"x": 1})

    assert stage.status(first) == stage.status(second) == "COMPLETED"
    assert stage.output(second, "s") == {"x": 1, "subWorkflowId": earlier}
    assert stage.view(second)["tasks"][0]["subWorkflowId"] == earlier


def test_a_retry_looks_again(stage: Rehearsal):
    begin(stage, child("RETURN_EXISTING"))
    second = stage.start("outer", {"key": "k"})
    [earlier] = inner(stage)
    stage.send(earlier, Terminate("enough"))
    assert stage.status(second) == "TERMINATED"
    stage.send(earlier, Retry())

    stage.send(second, Retry(resume_subworkflows=True))
    assert stage.status(second, "s") == "IN_PROGRESS"
    stage.complete(earlier, "a")

    assert stage.status(second) == "COMPLETED"
    assert len(inner(stage)) == 1


def test_the_failure_of_the_earlier_one_is_the_sub_workflow_s(stage: Rehearsal):
    begin(stage, child("RETURN_EXISTING"))
    second = stage.start("outer", {"key": "k"})

    stage.send(inner(stage)[0], Terminate("enough"))

    assert stage.status(second, "s") == "CANCELED"


def test_a_parent_that_ends_leaves_the_earlier_one_alone(stage: Rehearsal):
    begin(stage, child("RETURN_EXISTING"))
    second = stage.start("outer", {"key": "k"})

    stage.send(second, Terminate("enough"))

    assert stage.status(inner(stage)[0]) == "RUNNING"
    stage.complete(inner(stage)[0], "a")
    assert stage.status(second) == "TERMINATED"


def test_an_ended_one_makes_way(stage: Rehearsal):
    begin(stage, child("FAIL_ON_RUNNING"))
    stage.complete(inner(stage)[0], "a")

    second = stage.start("outer", {"key": "k"})

    assert len(inner(stage)) == 2
    assert stage.status(second, "s") == "IN_PROGRESS"


@pytest.mark.parametrize("key", [None, ""])
def test_no_key_has_no_effect(stage: Rehearsal, key: object):
    begin(stage, child("FAIL"), key=key)
    second = stage.start("outer", {"key": key})

    assert stage.status(second, "s") == "IN_PROGRESS"
