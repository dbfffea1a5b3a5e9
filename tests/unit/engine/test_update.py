"""Polls, results, leases."""

import pytest

from podium.engine.commands import ExtendLease, PollTask, RequeueTask, ResetCallbacks, Terminate, UpdateTask
from podium.engine.context import Limits
from podium.model.errors import Conflict
from podium.testing import Rehearsal
from podium.testing.steps import simple, step, workflow


@pytest.fixture
def key(stage: Rehearsal) -> str:
    stage.register({"name": "a", "retryCount": 0, "responseTimeoutSeconds": 30})
    stage.register(workflow("w", simple("a"), simple("after")))
    return stage.start("w")


# ---- polls


def test_a_poll_leases_the_task(stage: Rehearsal, key: str):
    stage.now_ms += 500

    leased = stage.poll("a", "me")

    assert leased is not None
    assert (leased.status, leased.worker_id, leased.poll_count, leased.callback_after_s) == ("IN_PROGRESS", "me", 1, 0)
    assert (leased.started_ms, leased.updated_ms) == (stage.now_ms, stage.now_ms)
    assert stage.view(key)["tasks"][0]["queueWaitTime"] == 500
    assert stage.queue("a") == []
    assert stage.poll("a") is None


def test_a_poll_of_what_is_gone_takes_its_row_away(stage: Rehearsal, key: str):
    stage.send(key, Terminate())

    assert stage.send(key, PollTask(1, "me")) is None


def test_a_task_of_the_engine_can_not_be_polled(stage: Rehearsal):
    stage.register(workflow("h", step("h", "HUMAN")))
    key = stage.start("h")

    assert stage.send(key, PollTask(1, "me")) is None
    assert stage.task(key, "h").worker_id is None


def test_better_priority_comes_first(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    low, high = stage.start("w", priority=1), stage.start("w", priority=9)

    polled = [stage.poll("a"), stage.poll("a")]

    assert [task.seq for task in polled if task] == [1, 1]
    assert stage.status(high, "a") == stage.status(low, "a") == "IN_PROGRESS"
    assert stage.view(high)["tasks"][0]["workflowPriority"] == 9
    assert stage.commits[-2].workflow.id == high


# ---- results


def test_a_result_ends_the_task_and_schedules_the_next(stage: Rehearsal, key: str):
    stage.poll("a")
    stage.now_ms += 1000

    stage.complete(key, "a", {"o": 1})

    task = stage.tasks(key)[0]
    assert (task.status, task.output, task.ended_ms, task.executed) == ("COMPLETED", b'{"o":1}', stage.now_ms, True)
    assert task.updated_ms == stage.now_ms - 1000  # that of the last update that was not the last
    assert stage.lines(key)[1] == "2 after after SCHEDULED"


def test_a_task_may_be_updated_without_having_been_polled(stage: Rehearsal, key: str):
    stage.complete(key, "a")

    assert (stage.tasks(key)[0].started_ms, stage.queue("a")) == (0, [])


@pytest.mark.parametrize(
    ("status", "task_status", "workflow_status", "shown"),
    [
        ("FAILED", "FAILED", "FAILED", "FAILED"),
        ("FAILED_WITH_TERMINAL_ERROR", "FAILED_WITH_TERMINAL_ERROR", "FAILED", "FAILED"),
        ("CANCELED", "CANCELED", "TERMINATED", "TERMINATED"),
    ],
)
def test_what_a_bad_result_does(
    stage: Rehearsal, key: str, status: str, task_status: str, workflow_status: str, shown: str
):
    stage.update(key, "a", status)

    task_id = stage.view(key)["tasks"][0]["taskId"]
    assert (stage.status(key, "a"), stage.status(key)) == (task_status, workflow_status)
    assert stage.reason(key) == f"Task {task_id} failed with status: {shown} and reason: 'null'"


def test_progress_puts_the_task_back_into_its_queue(stage: Rehearsal, key: str):
    stage.poll("a", "me")

    stage.update(key, "a", "IN_PROGRESS", {"p": 1}, callback_after_s=5, worker_id="me")

    assert (stage.status(key, "a"), stage.output(key, "a")) == ("SCHEDULED", {"p": 1})
    assert stage.poll("a") is None
    stage.advance(5)
    again = stage.poll("a")
    assert again is not None
    assert (again.seq, again.poll_count, again.output) == (1, 2, b'{"p":1}')


def test_output_is_replaced_or_merged(stage: Rehearsal, key: str):
    stage.update(key, "a", "IN_PROGRESS", {"x": 1, "y": 1})
    stage.update(key, "a", "IN_PROGRESS", {"y": 2}, merge=True)
    assert stage.output(key, "a") == {"x": 1, "y": 2}

    stage.update(key, "a", "IN_PROGRESS", {"z": 3})

    assert stage.output(key, "a") == {"z": 3}


def test_a_worker_id_is_overwritten_unless_it_is_to_be_kept(stage: Rehearsal, key: str):
    stage.poll("a", "me")
    stage.update(key, "a", "IN_PROGRESS", keep_worker=True)
    assert stage.task(key, "a").worker_id == "me"

    stage.update(key, "a", "IN_PROGRESS")

    assert stage.task(key, "a").worker_id is None


def test_a_long_reason_is_cut(stage: Rehearsal, key: str):
    stage.fail(key, "a", "x" * 501)

    assert stage.reason(key, "a") == "x" * 500


def test_late_and_repeated_results_are_ignored(stage: Rehearsal, key: str):
    stage.complete(key, "a", {"o": 1})
    commits = len(stage.commits)

    assert stage.send(key, UpdateTask(1, "FAILED", b'{"o":2}')) is None
    assert stage.send(key, UpdateTask(77, "COMPLETED")) is None

    assert (len(stage.commits), stage.output(key, "a")) == (commits, {"o": 1})


def test_results_for_ended_workflows_are_ignored(stage: Rehearsal, key: str):
    stage.send(key, Terminate("enough"))

    assert stage.send(key, UpdateTask(1, "COMPLETED")) is None
    assert stage.status(key, "a") == "CANCELED"


@pytest.mark.parametrize("status", ["COMPLETED", "IN_PROGRESS"])
def test_an_output_over_the_limit_fails_the_task(status: str):
    stage = Rehearsal(limits=Limits(task_payload_bytes=100))
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")

    stage.update(key, "a", status, {"x": "y" * 200})

    task_id = stage.view(key)["tasks"][0]["taskId"]
    text = (
        f"The payload size: 208 of task: {task_id} in workflow: {key}  is greater than the permissible limit: 100 bytes"
    )
    assert (stage.status(key, "a"), stage.reason(key, "a"), stage.output(key, "a")) == (
        "FAILED_WITH_TERMINAL_ERROR",
        text,
        {},
    )
    assert stage.status(key) == "FAILED"


def test_an_input_over_the_limit_fails_the_task():
    stage = Rehearsal(limits=Limits(task_payload_bytes=100))
    stage.register(workflow("w", simple("a", {"x": "${workflow.input.x}"})))

    key = stage.start("w", {"x": "y" * 200})

    assert (stage.status(key, "a"), stage.given(key, "a"), stage.queue("a")) == ("FAILED_WITH_TERMINAL_ERROR", {}, [])
    assert "The payload size: 208 of task" in str(stage.reason(key, "a"))


# ---- leases


def test_extending_a_lease_puts_off_the_response_time_out(stage: Rehearsal, key: str):
    stage.poll("a")
    stage.advance(29)

    stage.send(key, ExtendLease(1))
    stage.advance(29)
    assert stage.status(key, "a") == "IN_PROGRESS"
    stage.advance(1)

    assert stage.status(key, "a") == "TIMED_OUT"


def test_leases_are_counted_for_the_limits_of_the_definition(stage: Rehearsal, key: str):
    def counted() -> int:
        return sum(change.leases.get("a", 0) for change in stage.commits)

    assert counted() == 0
    stage.poll("a")
    assert counted() == 1
    stage.update(key, "a", "IN_PROGRESS")
    assert counted() == 0
    stage.poll("a")
    stage.complete(key, "a")
    assert counted() == 0


def test_a_removed_workflow_gives_its_leases_back(stage: Rehearsal, key: str):
    from podium.engine.commands import Remove

    stage.poll("a")

    stage.send(key, Remove(archive=False))

    assert sum(change.leases.get("a", 0) for change in stage.commits) == 0


# ---- callbacks


def test_callbacks_can_be_reset(stage: Rehearsal, key: str):
    stage.update(key, "a", "IN_PROGRESS", callback_after_s=1000)
    assert stage.poll("a") is None

    stage.send(key, ResetCallbacks())

    assert stage.task(key, "a").callback_after_s == 0
    assert stage.poll("a") is not None


def test_callbacks_of_an_ended_workflow_can_not(stage: Rehearsal, key: str):
    stage.send(key, Terminate())

    with pytest.raises(Conflict, match="Workflow is in terminal state. Status = TERMINATED"):
        stage.send(key, ResetCallbacks())


def test_one_task_can_be_queued_again(stage: Rehearsal, key: str):
    stage.update(key, "a", "IN_PROGRESS", callback_after_s=1000)

    assert stage.send(key, RequeueTask(1)) is True
    assert stage.poll("a") is not None
    assert stage.send(key, RequeueTask(1)) is False
