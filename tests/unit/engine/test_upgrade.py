"""A running workflow goes on under another version."""

import pytest

from podium.engine.commands import Terminate, Upgrade
from podium.model.errors import Conflict, InvalidRequest, NotFound
from podium.testing import Rehearsal
from podium.testing.steps import simple, workflow


def hash_of(stage: Rehearsal, version: int) -> str:
    graph = stage.graph("w", version)
    assert graph is not None
    return graph.hash


def test_goes_on_in_the_new_version(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), version=1))
    key = stage.start("w", {"x": 1, "y": 1})
    stage.register(workflow("w", simple("a"), simple("b", k="${workflow.input.x}"), version=2))

    stage.send(key, Upgrade(hash_of(stage, 2), input=b'{"x":2}'))
    stage.complete(key, "a")

    assert stage.workflow(key).head.def_version == 2
    assert stage.given(key) == {"x": 2, "y": 1}
    assert stage.status(key) == "RUNNING"
    stage.complete(key, "b")
    assert stage.status(key) == "COMPLETED"


def test_steps_with_a_given_output_are_skipped(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("c"), version=1))
    key = stage.start("w")
    stage.register(workflow("w", simple("a"), simple("b"), simple("c"), version=2))

    stage.send(key, Upgrade(hash_of(stage, 2), {"b": b'{"r":1}'}))
    stage.complete(key, "a")

    assert stage.status(key, "b") == "SKIPPED"
    assert stage.output(key, "b") == {"r": 1}
    assert stage.status(key, "c") == "SCHEDULED"


def test_refusals_change_nothing(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), version=1))
    stage.register(workflow("other", simple("a")))
    key = stage.start("w", version=1)
    stage.register(workflow("w", simple("b"), version=2), workflow("w", simple("a"), version=3))
    before = stage.lines(key)
    other = stage.graph("other", None)
    assert other is not None

    with pytest.raises(Conflict, match="no step a of type SIMPLE"):
        stage.send(key, Upgrade(hash_of(stage, 2)))
    with pytest.raises(NotFound):
        stage.send(key, Upgrade(other.hash))
    with pytest.raises(InvalidRequest, match="no step z"):
        stage.send(key, Upgrade(hash_of(stage, 3), {"z": b"{}"}))
    with pytest.raises(InvalidRequest, match="reached already"):
        stage.send(key, Upgrade(hash_of(stage, 3), {"a": b"{}"}))
    assert stage.lines(key) == before
    assert stage.workflow(key).head.def_version == 1
    stage.send(key, Terminate())
    with pytest.raises(Conflict):
        stage.send(key, Upgrade(hash_of(stage, 3)))
