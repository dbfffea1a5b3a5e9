"""Outputs that tasks with a `cacheConfig` take over."""

from podium.engine.commands import Retry
from podium.testing import Rehearsal
from podium.testing.steps import simple, workflow

Given = dict[str, object]


def cached(key: str = "user ${id}", ttl_s: int = 60, **fields: object) -> Given:
    return simple("a", {"id": "${workflow.input.id}"}, cacheConfig={"key": key, "ttlInSecond": ttl_s}, **fields)


def answered(stage: Rehearsal, given: Given, output: Given) -> str:
    key = stage.start("w", given)
    stage.poll("a")
    stage.complete(key, "a", output)
    return key


def test_a_task_with_a_known_key_takes_the_answer_without_a_worker(stage: Rehearsal):
    stage.register(workflow("w", cached(), simple("b", {"x": "${a.output.x}"})))
    answered(stage, {"id": 1}, {"x": "one"})

    key = stage.start("w", {"id": 1})

    assert (stage.status(key, "a"), stage.output(key, "a"), stage.given(key, "b")) == (
        "COMPLETED",
        {"x": "one"},
        {"x": "one"},
    )
    assert stage.queue("a") == []


def test_another_key_is_worked_on(stage: Rehearsal):
    stage.register(workflow("w", cached()))
    answered(stage, {"id": 1}, {"x": "one"})

    assert stage.status(stage.start("w", {"id": 2}), "a") == "SCHEDULED"


def test_an_answer_holds_for_its_time(stage: Rehearsal):
    stage.register(workflow("w", cached()))
    answered(stage, {"id": 1}, {})

    stage.advance(59)
    before = stage.start("w", {"id": 1})
    stage.advance(1)
    after = stage.start("w", {"id": 1})

    assert (stage.status(before), stage.status(after)) == ("COMPLETED", "RUNNING")


def test_a_failure_is_not_kept(stage: Rehearsal):
    stage.register(workflow("w", cached(taskDefinition={"name": "a", "retryCount": 0})))
    key = stage.start("w", {"id": 1})
    stage.poll("a")
    stage.fail(key, "a")

    stage.send(key, Retry())

    assert stage.status(key, "a") == "SCHEDULED"


def test_without_a_time_nothing_is_kept(stage: Rehearsal):
    stage.register(workflow("w", cached(ttl_s=0)))
    answered(stage, {"id": 1}, {})

    assert stage.status(stage.start("w", {"id": 1}), "a") == "SCHEDULED"


def test_what_was_taken_over_is_not_kept_anew(stage: Rehearsal):
    stage.register(workflow("w", cached()))
    answered(stage, {"id": 1}, {})
    stage.advance(40)
    stage.start("w", {"id": 1})
    stage.advance(40)

    assert stage.status(stage.start("w", {"id": 1}), "a") == "SCHEDULED"
