"""EVENT."""

import pytest

from podium.engine.commands import Decide
from podium.testing import Rehearsal
from podium.testing.steps import step, workflow

Given = dict[str, object]


def event(sink: str = "conductor:abc", **fields: object) -> Given:
    return step("e", "EVENT", {"k": 1}, sink=sink, **fields)


def test_the_input_is_published_with_the_identity_of_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", event()))

    key = stage.start("w")

    given = {"k": 1, "sink": "conductor:abc", "asyncComplete": False}
    output = {
        **given, "workflowInstanceId": key, "workflowType": "w", "workflowVersion": 1, "correlationId": None,
        "taskToDomain": {}, "event_produced": "conductor:w:abc",
    }  # fmt: skip
    assert (stage.given(key, "e"), stage.output(key, "e"), stage.status(key, "e")) == (given, output, "COMPLETED")
    assert stage.events == [("conductor:w:abc", stage.view(key)["tasks"][0]["taskId"], output)]


@pytest.mark.parametrize(("sink", "queue"), [("conductor", "conductor:w:e"), ("${workflow.input.s}", "conductor:w:q")])
def test_what_a_sink_means(stage: Rehearsal, sink: str, queue: str):
    stage.register(workflow("w", event(sink)))

    stage.start("w", {"s": "conductor:q"})

    assert stage.events[0][0] == queue


def test_a_sink_of_a_broker_that_is_set_up_is_its_queue(stage: Rehearsal):
    stage.queue_providers.add("nats")
    stage.register(workflow("w", event("nats:orders.${workflow.input.s}:group")))

    key = stage.start("w", {"s": "paid"})

    assert (stage.events[0][0], stage.status(key)) == ("nats:orders.paid:group", "COMPLETED")


@pytest.mark.parametrize(
    ("sink", "reason"),
    [
        ("conductorx", "Invalid / Unsupported sink specified: conductorx"),
        ("zzz:q", "Error loading queue:zzz:q, for task:{id}, error: Unknown queue type zzz"),
    ],
)
def test_a_sink_that_means_nothing_fails_the_task(stage: Rehearsal, sink: str, reason: str):
    stage.register(workflow("w", event(sink)))

    key = stage.start("w")

    task_id = stage.view(key)["tasks"][0]["taskId"]
    assert (stage.status(key, "e"), stage.reason(key, "e")) == ("FAILED", reason.format(id=task_id))
    assert stage.events == []


def test_an_asynchronous_event_is_published_once_and_waits(stage: Rehearsal):
    stage.register(workflow("w", event(asyncComplete=True)))
    key = stage.start("w")
    assert stage.status(key, "e") == "IN_PROGRESS"
    assert stage.output(key, "e")["event_produced"] == "conductor:w:abc"

    stage.send(key, Decide())
    stage.complete(key, "e", {"done": 1})

    assert (len(stage.events), stage.status(key)) == (1, "COMPLETED")


def test_a_failed_event_shows_what_it_would_have_sent(stage: Rehearsal):
    stage.register(workflow("w", step("e", "EVENT", {"k": 1}, sink="zzz:abc")))

    key = stage.start("w")

    shown = stage.output(key, "e")
    assert (stage.status(key, "e"), shown["k"], shown["event_produced"]) == ("FAILED", 1, "zzz:abc")
