"""DYNAMIC."""

import pytest

from podium.testing import Rehearsal
from podium.testing.steps import step, workflow

Given = dict[str, object]


def dynamic(**inputs: object) -> Given:
    return step("d", "DYNAMIC", {"tn": "${workflow.input.n}", **inputs}, dynamicTaskNameParam="tn")


def test_the_input_names_the_workers_task(stage: Rehearsal):
    stage.register(workflow("w", dynamic(a=1)))

    key = stage.start("w", {"n": "do_x"})

    assert stage.lines(key) == ["1 d do_x SCHEDULED"]
    assert (stage.task(key, "d").name, stage.given(key, "d")) == ("do_x", {"tn": "do_x", "a": 1})
    assert stage.poll("do_x") is not None


def test_without_a_name_the_workflow_fails(stage: Rehearsal):
    stage.register(workflow("w", dynamic(a=1)))

    key = stage.start("w")

    text = "Cannot map a dynamic task based on the parameter and input. Parameter= tn, input= {tn=null, a=1}"
    assert (stage.status(key), stage.reason(key), stage.lines(key)) == ("FAILED", text, [])


def test_the_definition_of_the_step_counts_not_that_of_the_chosen_task(stage: Rehearsal):
    stage.register({"name": "do_x", "retryCount": 5}, {"name": "d", "retryCount": 1, "retryDelaySeconds": 0})
    stage.register(workflow("w", dynamic()))
    key = stage.start("w", {"n": "do_x"})

    stage.fail(key, "d")
    assert stage.lines(key)[1] == "2 d do_x SCHEDULED"
    stage.fail(key, "d")

    assert stage.status(key) == "FAILED"


def test_without_a_registered_definition_there_are_no_retries(stage: Rehearsal):
    stage.register({"name": "do_x", "retryCount": 5})
    stage.register(workflow("w", dynamic()))
    key = stage.start("w", {"n": "do_x"})

    stage.fail(key, "d")

    assert stage.status(key) == "FAILED"


def test_a_task_of_the_server_may_be_chosen(stage: Rehearsal):
    stage.register(workflow("w", dynamic(expression="6 * 7")))

    key = stage.start("w", {"n": "INLINE"})

    assert stage.lines(key) == ["1 d INLINE COMPLETED"]
    assert stage.output(key, "d") == {"result": 42}


def test_a_wait_may_be_chosen(stage: Rehearsal):
    stage.register(workflow("w", dynamic(duration="5s")))
    key = stage.start("w", {"n": "WAIT"})
    assert stage.lines(key) == ["1 d WAIT IN_PROGRESS"]

    stage.advance(5)

    assert stage.status(key) == "COMPLETED"


@pytest.mark.parametrize("chosen", ["SWITCH", "FORK_JOIN", "JOIN", "DO_WHILE", "SUB_WORKFLOW", "DYNAMIC"])
def test_what_needs_a_step_of_its_own_can_not_be_chosen(stage: Rehearsal, chosen: str):
    stage.register(workflow("w", dynamic()))

    key = stage.start("w", {"n": chosen})

    assert stage.reason(key) == f"The task d can't become a {chosen}, which needs a step of its own"
