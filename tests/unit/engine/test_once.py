"""Commands that may come again: the second time changes nothing, and what was refused is not noted."""

import pytest

from podium.engine.commands import Once, Pause, SetVariables, Terminate, UpdateTask
from podium.engine.once import KEYS_MAX
from podium.model.errors import Conflict
from podium.testing import Rehearsal
from podium.testing.steps import simple, workflow

APPEND = SetVariables(b'{"list":[7]}', append=True)


def begin(stage: Rehearsal, **fields: object) -> str:
    stage.register(workflow("w", simple("a", taskDefinition={"name": "a", "retryDelaySeconds": 0}), **fields))
    return stage.start("w")


def test_the_same_key_counts_once(stage: Rehearsal):
    key = begin(stage, variables={"list": [1]})

    for number in (5, 5, 6, 5):
        stage.send(key, Once(number, APPEND))

    assert stage.variables(key) == {"list": [1, 7, 7]}
    assert stage.restored(key).head.once_keys == [5, 6]


def test_a_second_failure_does_not_reach_the_next_attempt(stage: Rehearsal):
    key = begin(stage)

    stage.send(key, Once(5, UpdateTask(1, "FAILED")))
    stage.send(key, Once(5, UpdateTask(2, "FAILED")))

    assert [one.status for one in stage.tasks(key)] == ["FAILED", "SCHEDULED"]


def test_the_end_of_the_workflow_is_noted_too(stage: Rehearsal):
    key = begin(stage)
    stage.send(key, Once(5, Terminate("enough")))

    stage.send(key, Once(5, Terminate("again")))

    assert stage.workflow(key).head.reason == "enough"


def test_what_was_refused_is_tried_again(stage: Rehearsal):
    key = begin(stage)
    stage.complete(key, "a")

    for _ in range(2):
        with pytest.raises(Conflict):
            stage.send(key, Once(5, Pause()))


def test_only_the_latest_keys_are_kept(stage: Rehearsal):
    key = begin(stage)

    for number in range(KEYS_MAX + 10):
        stage.send(key, Once(number, APPEND))

    assert stage.workflow(key).head.once_keys == list(range(10, KEYS_MAX + 10))
