"""Workflows and tasks as clients see them: what is there, and what is left out."""

from podium.engine.commands import Restart, SetVariables, Terminate
from podium.testing import Rehearsal
from podium.testing.steps import inline, simple, sub_workflow, workflow


def test_a_fresh_workflow_leaves_out_what_is_not_there(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))

    view = stage.view(stage.start("w", {"q": None}))

    absent = {
        "parentWorkflowId", "parentWorkflowTaskId", "correlationId", "reasonForIncompletion", "event", "createdBy",
        "idempotencyKey", "rateLimitKey", "reRunFromWorkflowId", "externalInputPayloadStoragePath",
    }  # fmt: skip
    assert absent.isdisjoint(view)
    assert (view["ownerApp"], view["endTime"], view["lastRetriedTime"]) == ("", 0, 0)
    assert (view["input"], view["output"], view["variables"], view["taskToDomain"]) == ({"q": None}, {}, {}, {})
    assert (view["failedReferenceTaskNames"], view["failedTaskNames"], view["history"]) == ([], [], [])
    assert view["createTime"] == view["startTime"] == view["updateTime"] == stage.now_ms
    assert (view["workflowName"], view["workflowVersion"], view["priority"], view["rateLimited"]) == ("w", 1, 0, False)
    assert view["workflowDefinition"]["tasks"][0]["taskDefinition"]["name"] == "a"


def test_a_fresh_task(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w", correlationId="cor", priority=3)

    task = stage.view(key)["tasks"][0]

    absent = {
        "retriedTaskId",
        "reasonForIncompletion",
        "workerId",
        "domain",
        "subWorkflowId",
        "parentTaskId",
        "runtimeMetadata",
    }
    assert absent.isdisjoint(task)
    assert (task["taskType"], task["taskDefName"], task["referenceTaskName"], task["seq"]) == ("a", "a", "a", 1)
    assert (task["workflowInstanceId"], task["workflowType"], task["workflowPriority"]) == (key, "w", 3)
    assert (task["correlationId"], task["callbackFromWorker"], task["loopOverTask"]) == ("cor", True, False)
    assert (task["responseTimeoutSeconds"], task["rateLimitPerFrequency"], task["rateLimitFrequencyInSeconds"]) == (
        3600,
        0,
        1,
    )
    assert task["executionMetadata"] == {"additionalContext": {}, "empty": True, "additionalContextMap": {}}
    assert task["workflowTask"]["taskReferenceName"] == "a"
    assert task["taskDefinition"] == task["workflowTask"]["taskDefinition"]


def test_the_time_in_the_queue(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.now_ms += 700
    stage.poll("a")
    assert stage.view(key)["tasks"][0]["queueWaitTime"] == 700

    stage.update(key, "a", "IN_PROGRESS", callback_after_s=2)
    stage.now_ms += 5_000

    assert stage.view(key)["tasks"][0]["queueWaitTime"] == 3_000


def test_times_of_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.now_ms += 100
    stage.send(key, SetVariables(b'{"x":1}'))
    assert stage.view(key)["updateTime"] == stage.now_ms

    stage.now_ms += 100
    stage.send(key, Terminate())

    assert stage.view(key)["endTime"] == stage.now_ms


def test_numbers_begin_at_one_after_a_restart(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.complete(key, "a")

    stage.send(key, Restart())

    assert [task["seq"] for task in stage.view(key)["tasks"]] == [1]


def test_parent_and_child_name_each_other(stage: Rehearsal):
    stage.register(workflow("child", inline("c")), workflow("w", sub_workflow("s", "child")))
    key = stage.start("w")

    [child] = stage.children(key)

    assert stage.view(child)["parentWorkflowId"] == key
    assert stage.view(key)["tasks"][0]["subWorkflowId"] == child
    assert stage.view(key)["tasks"][0]["subworkflowChanged"] is False


def test_a_task_shows_the_child_that_its_output_names(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")

    stage.complete(key, "a", {"subWorkflowId": "child-1", "n": {"subWorkflowId": "x"}})

    assert stage.view(key)["tasks"][0]["subWorkflowId"] == "child-1"
