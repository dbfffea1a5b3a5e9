"""Jumps forward and back, and where none is possible."""

import pytest

from podium.engine.commands import Jump, Pause, Retry, Terminate
from podium.model.errors import Conflict, InvalidRequest, NotFound
from podium.testing import Rehearsal
from podium.testing.steps import fork, simple, sub_workflow, switch, workflow


def test_forward_leaves_out_what_lies_between(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b"), simple("c")))
    key = stage.start("w")

    stage.send(key, Jump("c", b'{"x":1}'))

    assert stage.status(key, "a") == "CANCELED"
    assert [task.ref for task in stage.tasks(key)] == ["a", "c"]
    assert stage.given(key, "c") == {"x": 1}
    assert stage.queue("a") == []
    stage.complete(key, "c")
    assert stage.status(key) == "COMPLETED"


def test_a_switch_is_evaluated_with_what_it_is_given(stage: Rehearsal):
    chosen = switch("s", "one", {"one": [simple("b")], "two": [simple("c")]})
    stage.register(workflow("w", simple("a"), chosen))
    key = stage.start("w")

    stage.send(key, Jump("s", b'{"by":"two"}'))

    assert [task.ref for task in stage.tasks(key)] == ["a", "s", "c"]


def test_back_runs_all_that_follows_again(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b"), simple("c")))
    key = stage.start("w")
    stage.complete(key, "a", {"n": 1})
    stage.complete(key, "b")

    stage.send(key, Jump("b"))

    assert [(task.ref, task.status) for task in stage.tasks(key)] == [("a", "COMPLETED"), ("b", "SCHEDULED")]
    stage.complete(key, "b")
    stage.complete(key, "c")
    assert stage.status(key) == "COMPLETED"


def test_out_of_a_fork(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b")]), simple("c")))
    key = stage.start("w")
    stage.complete(key, "a")

    stage.send(key, Jump("c"))
    stage.complete(key, "c")

    assert stage.status(key) == "COMPLETED"


def test_sub_workflow_that_is_left_ends(stage: Rehearsal):
    stage.register(workflow("child", simple("a")), workflow("w", sub_workflow("s", "child"), simple("b")))
    key = stage.start("w")
    stage.carry()
    child = stage.children(key)[0]

    stage.send(key, Jump("b"))
    stage.carry()

    assert stage.status(child) == "TERMINATED"
    assert stage.status(key) == "RUNNING"


def test_what_was_left_does_not_run_again_with_a_retry(stage: Rehearsal):
    stage.register({"name": "b", "retryCount": 0})
    stage.register(workflow("w", simple("a"), simple("b")))
    key = stage.start("w")
    stage.send(key, Jump("b"))
    stage.fail(key, "b")

    stage.send(key, Retry())

    assert stage.queue("a") == []
    stage.complete(key, "b")
    assert stage.status(key) == "COMPLETED"


def test_refusals_change_nothing(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b")]), simple("c")))
    key = stage.start("w")
    before = stage.lines(key)

    with pytest.raises(NotFound, match="nope"):
        stage.send(key, Jump("nope"))
    with pytest.raises(InvalidRequest, match="jump to f"):
        stage.send(key, Jump("a"))
    assert stage.lines(key) == before
    stage.send(key, Pause())
    with pytest.raises(Conflict):
        stage.send(key, Jump("c"))
    stage.send(key, Terminate())
    with pytest.raises(Conflict):
        stage.send(key, Jump("c"))
