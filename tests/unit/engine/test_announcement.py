"""Events of `onStateChange`."""

from podium.engine.commands import Terminate
from podium.testing import Rehearsal
from podium.testing.steps import inline, simple, step, workflow

Given = dict[str, object]
EVERY = "onScheduled,onStart, onSuccess,onFailed,onCancelled"


def told(states: str = EVERY, kind: str = "told", **payload: object) -> Given:
    return {"onStateChange": {states: [{"type": kind, "payload": payload}]}}


def states(stage: Rehearsal) -> list[tuple[str, object]]:
    return [(str(body["taskRefName"]), body["state"]) for _, _, body in stage.events]


def test_each_change_of_a_task_is_told_once(stage: Rehearsal):
    stage.register(workflow("w", simple("a", **told()), simple("b")))
    key = stage.start("w")
    stage.poll("a")
    stage.update(key, "a", "IN_PROGRESS")
    stage.poll("a")
    stage.complete(key, "a")

    assert states(stage) == [("a", "onScheduled"), ("a", "onStart"), ("a", "onSuccess")]


def test_an_event_has_its_payload_and_says_whose_it_is(stage: Rehearsal):
    payload = {"n": "${workflow.input.n}", "out": "${a.output.x}"}
    stage.register(workflow("w", simple("a", **told("onSuccess", **payload))))
    key = stage.start("w", {"n": 7})
    stage.poll("a")
    stage.complete(key, "a", {"x": 1})

    task_id = stage.view(key)["tasks"][0]["taskId"]
    assert stage.events == [
        (
            "conductor:told",
            f"{task_id}:onSuccess:0",
            {
                "n": 7, "out": 1, "state": "onSuccess", "status": "COMPLETED", "taskId": task_id, "taskRefName": "a",
                "taskType": "a", "workflowInstanceId": key, "workflowType": "w", "workflowVersion": 1,
                "correlationId": None,
            },
        )
    ]  # fmt: skip


def test_failures_and_attempts_are_told(stage: Rehearsal):
    retried = {"retryCount": 1, "taskDefinition": {"name": "a", "retryDelaySeconds": 0}}
    stage.register(workflow("w", simple("a", **retried, **told())))
    key = stage.start("w")
    for _ in range(2):
        stage.poll("a")
        stage.fail(key, "a")

    once = [("a", "onScheduled"), ("a", "onStart"), ("a", "onFailed")]
    assert states(stage) == once * 2


def test_what_a_terminated_workflow_cancels_is_told(stage: Rehearsal):
    stage.register(workflow("w", simple("a", **told("onCancelled"))))
    key = stage.start("w")

    stage.send(key, Terminate("enough"))

    assert states(stage) == [("a", "onCancelled")]


def test_a_time_out_is_a_failure(stage: Rehearsal):
    definition = {"name": "a", "retryCount": 0, "responseTimeoutSeconds": 5, "timeoutSeconds": 0}
    stage.register(workflow("w", simple("a", taskDefinition=definition, **told("onFailed"))))
    stage.start("w")
    stage.poll("a")

    stage.advance(6)

    assert [(body["state"], body["status"]) for _, _, body in stage.events] == [("onFailed", "TIMED_OUT")]


def test_tasks_of_the_engine_tell_too(stage: Rehearsal):
    switch = step("s", "SWITCH", evaluatorType="value-param", expression="x", decisionCases={}, **told("onSuccess"))
    stage.register(workflow("w", inline("i", **told("onStart,onSuccess")), switch))

    stage.start("w")

    assert states(stage) == [("i", "onStart"), ("i", "onSuccess"), ("s", "onSuccess")]


def test_a_queue_of_a_broker_is_taken_as_it_is(stage: Rehearsal):
    stage.register(workflow("w", simple("a", **told("onScheduled", "nats:orders"))))

    stage.start("w")

    assert [queue for queue, _, _ in stage.events] == ["nats:orders"]


def test_a_bad_expression_is_told_and_keeps_nothing_from_ending(stage: Rehearsal):
    endless = "${workflow.input" + ".." * 60_000 + "}"
    stage.register(workflow("w", simple("a", **told("onSuccess", x=endless))))
    key = stage.start("w")
    stage.poll("a")

    stage.complete(key, "a")

    assert stage.status(key) == "COMPLETED"


def test_steps_without_it_tell_nothing(stage: Rehearsal):
    stage.register(workflow("w", simple("a", **told("onFailed")), simple("b")))
    key = stage.start("w")
    for ref in ("a", "b"):
        stage.poll(ref)
        stage.complete(key, ref)

    assert stage.events == []


def test_an_event_without_a_type_is_not_told(stage: Rehearsal):
    stage.register(workflow("w", simple("a", onStateChange={"onScheduled": [{}]})))

    assert stage.status(stage.start("w"), "a") == "SCHEDULED"
