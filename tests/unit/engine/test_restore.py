"""A workflow from its rows, in states that need more than a look at each task."""

import pytest

from podium.engine.commands import Pause, Resume
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, simple, switch, workflow


@pytest.fixture
def stage() -> Rehearsal:
    """A server that forgets everything after each command."""
    return Rehearsal(is_forgetful=True)


def test_a_join_knows_what_it_waits_for(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b")], [simple("c")])))
    key = stage.start("w")
    stage.complete(key, "b")

    restored = stage.restored(key)

    assert (restored.left, restored.joins) == ({5: 2}, {"a": [5], "c": [5]})
    stage.complete(key, "a")
    stage.complete(key, "c")
    assert stage.status(key) == "COMPLETED"


def test_a_loop_knows_its_iterations(stage: Rehearsal):
    stage.register(
        workflow("w", do_while("lp", "$.lp.iteration < 3", simple("a"), simple("b"), inputs={"keepLastN": 2}))
    )
    key = stage.start("w")
    for number in (1, 2, 3):
        stage.complete(key, f"a__{number}", {"o": number})
        stage.complete(key, f"b__{number}")

    assert stage.output(key, "lp") == {"2": {"a": {"o": 2}, "b": {}}, "3": {"a": {"o": 3}, "b": {}}, "iteration": 3}


def test_a_permissive_failure_is_remembered(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 0})
    stage.register(workflow("w", simple("a", permissive=True), simple("b")))
    key = stage.start("w")
    stage.fail(key, "a", "no")

    stage.complete(key, "b")

    assert stage.status(key) == "FAILED"


def test_a_failure_during_a_pause_is_retried_afterwards(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 1, "retryDelaySeconds": 0})
    stage.register(workflow("w", simple("a", permissive=True)))
    key = stage.start("w")
    stage.send(key, Pause())
    stage.fail(key, "a")

    stage.send(key, Resume())
    stage.complete(key, "a")

    assert stage.status(key) == "COMPLETED"


def test_deadlines_are_watched(stage: Rehearsal):
    stage.register({"name": "a", "responseTimeoutSeconds": 10, "retryCount": 0})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.poll("a")

    stage.advance(10)

    assert stage.status(key, "a") == "TIMED_OUT"


def test_a_join_of_a_dynamic_branch_follows_its_switch(stage: Rehearsal):
    inner = switch("inner", "a", {"a": [simple("p"), simple("q")]})
    member = switch("s", "a", {"a": [simple("x"), inner]})
    begin = {
        "name": "df", "taskReferenceName": "df", "type": "FORK_JOIN_DYNAMIC", "dynamicForkTasksParam": "dt",
        "dynamicForkTasksInputParamName": "di", "inputParameters": {"dt": [member], "di": {}},
    }  # fmt: skip
    stage.register(workflow("w", begin, {"name": "j", "taskReferenceName": "j", "type": "JOIN"}))
    key = stage.start("w")

    stage.complete(key, "x")
    stage.complete(key, "p")
    assert stage.status(key, "j") == "IN_PROGRESS"
    stage.complete(key, "q")

    assert stage.status(key) == "COMPLETED"
