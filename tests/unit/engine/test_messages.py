"""Messages to a workflow: order, batches, waiting, bounds, and that they are stored."""

import pytest

from podium.engine.commands import PushMessage, Terminate
from podium.engine.messages import BYTES_MAX, COUNT_MAX
from podium.model.errors import Conflict, Overloaded
from podium.testing import Rehearsal
from podium.testing.steps import simple, step, workflow


def begin(stage: Rehearsal, **given: object) -> str:
    pull = step("p", "PULL_WORKFLOW_MESSAGES", given)
    stage.register(workflow("w", simple("a"), pull, simple("b")))
    return stage.start("w")


def push(stage: Rehearsal, key: str, *numbers: int) -> None:
    for number in numbers:
        assert stage.send(key, PushMessage(f"m{number}", b'{"n":%d}' % number)) == f"m{number}"


def test_oldest_come_first_and_the_rest_stays(stage: Rehearsal):
    key = begin(stage, batchSize=2)
    push(stage, key, 1, 2, 3)

    stage.complete(key, "a")

    output = stage.output(key, "p")
    assert output["count"] == 2
    assert [one["payload"] for one in output["messages"]] == [{"n": 1}, {"n": 2}]
    assert output["messages"][0].keys() == {"id", "workflowId", "payload", "receivedAt"}
    assert output["messages"][0]["receivedAt"].endswith("Z")
    assert len(stage.restored(key).head.messages) == 1


def test_waiting_task_gets_what_is_pushed(stage: Rehearsal):
    key = begin(stage, batchSize="many")
    stage.complete(key, "a")
    assert stage.status(key, "p") == "IN_PROGRESS"

    push(stage, key, 1)

    assert stage.output(key, "p")["count"] == 1
    assert stage.status(key, "b") == "SCHEDULED"
    assert stage.workflow(key).head.messages == []


def test_task_that_does_not_wait_ends_empty(stage: Rehearsal):
    key = begin(stage, blocking=False)

    stage.complete(key, "a")

    assert stage.output(key, "p") == {"messages": [], "count": 0}


def test_queue_is_bounded(stage: Rehearsal):
    key = begin(stage)
    push(stage, key, *range(COUNT_MAX))

    with pytest.raises(Overloaded, match=f"maximum size of {COUNT_MAX}$"):
        push(stage, key, 0)


def test_queue_is_bounded_in_bytes(stage: Rehearsal):
    key = begin(stage)

    with pytest.raises(Overloaded, match="bytes"):
        stage.send(key, PushMessage("m", b'{"x":"%s"}' % (b"x" * BYTES_MAX)))


def test_ended_workflow_takes_none_and_keeps_none(stage: Rehearsal):
    key = begin(stage)
    push(stage, key, 1)
    stage.send(key, Terminate())

    assert stage.workflow(key).head.messages == []
    with pytest.raises(Conflict, match="TERMINATED"):
        push(stage, key, 2)
