"""Whether and when a failed task is tried again."""

import pytest

from podium.engine.graph import Step
from podium.engine.retries import backoff_s, budget_spent_s, jitter_ms, retry_limit
from podium.model.task import Task
from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowTask
from podium.testing import Rehearsal
from podium.testing.steps import simple, workflow

INT_MAX = 2147483647


@pytest.mark.parametrize(
    ("logic", "fields", "delays"),
    [
        ("FIXED", {}, [5, 5, 5]),
        ("LINEAR_BACKOFF", {"backoffScaleFactor": 2}, [10, 20, 30]),
        ("EXPONENTIAL_BACKOFF", {"backoffScaleFactor": 9}, [5, 10, 20]),
        ("EXPONENTIAL_BACKOFF", {"maxRetryDelaySeconds": 12}, [5, 10, 12]),
        ("FIXED", {"maxRetryDelaySeconds": 3}, [3, 3, 3]),
    ],
)
def test_the_delay_of_each_policy(logic: str, fields: dict[str, int], delays: list[int]):
    task_def = TaskDef(name="a", retryDelaySeconds=5, retryLogic=logic, **fields)

    assert [backoff_s(task_def, failed) for failed in range(3)] == delays


def test_huge_delays_stop_at_the_largest_number():
    task_def = TaskDef(name="a", retryDelaySeconds=60, retryLogic="EXPONENTIAL_BACKOFF")

    assert backoff_s(task_def, 40) == INT_MAX


@pytest.mark.parametrize(("chance", "extra"), [(0.0, 0), (0.5, 50), (0.9999, 100)])
def test_jitter_is_from_nothing_to_its_maximum(chance: float, extra: int):
    assert jitter_ms(TaskDef(name="a", backoffJitterMs=100), chance) == extra
    assert jitter_ms(TaskDef(name="a"), chance) == 0


@pytest.mark.parametrize(("own", "of_task", "limit"), [(None, 2, 2), (0, 2, 0), (5, 2, 5), (None, None, 0)])
def test_the_count_of_the_step_wins(own: int | None, of_task: int | None, limit: int):
    task_def = None if of_task is None else TaskDef(name="a", retryCount=of_task)
    step = Step(WorkflowTask(name="a", taskReferenceName="a", retryCount=own, taskDefinition=task_def), None, "")

    assert retry_limit(step) == limit
    assert retry_limit(None) == 0


def test_the_budget_counts_from_the_first_attempt():
    task = Task(2, "a", "a", "a", scheduled_ms=9_000, first_scheduled_ms=1_000)
    task_def = TaskDef(name="a", totalTimeoutSeconds=10)

    assert budget_spent_s(task, task_def, 10_999) is None
    assert budget_spent_s(task, task_def, 11_500) == 10
    assert budget_spent_s(task, TaskDef(name="a"), 10**12) is None


# ---- attempts


def test_an_attempt_is_a_task_of_its_own(stage: Rehearsal):
    stage.register({"name": "work", "retryCount": 2, "retryDelaySeconds": 1})
    stage.register(workflow("w", simple("s", {"a": "${workflow.input.a}", "me": "${CPEWF_TASK_ID}"}, name="work")))
    key = stage.start("w", {"a": 1})
    stage.poll("work", "me")

    stage.update(key, "s", "FAILED", {"o": 1}, reason="r1")

    first, second = stage.view(key)["tasks"]
    assert (first["status"], first["retried"], first["executed"], first["retryCount"]) == ("FAILED", True, False, 0)
    assert (second["status"], second["retryCount"], second["retriedTaskId"]) == ("SCHEDULED", 1, first["taskId"])
    assert (second["callbackAfterSeconds"], second["startDelayInSeconds"]) == (1, 1)
    assert second["inputData"] == {"a": 1, "me": second["taskId"]}
    assert (second["outputData"], second["reasonForIncompletion"]) == ({}, "r1")  # the reason is carried over
    assert (second["pollCount"], second["startTime"], second["endTime"], "workerId" in second) == (0, 0, 0, False)
    assert stage.poll("work") is None
    stage.advance(1)
    assert stage.poll("work") is not None


def test_jitter_delays_the_queue_only(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 1, "retryDelaySeconds": 1, "backoffJitterMs": 500})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.chance = 0.999

    stage.fail(key, "a")

    assert stage.queue("a")[0].visible_ms == stage.now_ms + 1_500
    assert stage.task(key, "a").callback_after_s == 1


def test_attempts_are_counted(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 2, "retryDelaySeconds": 0})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")

    for _ in range(3):
        assert stage.status(key) == "RUNNING"
        stage.fail(key, "a")

    assert stage.status(key) == "FAILED"
    assert [task.retry_count for task in stage.tasks(key)] == [0, 1, 2]


def test_an_unregistered_task_is_tried_three_times_more(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")

    for _ in range(3):
        stage.fail(key, "a")
        assert stage.task(key, "a").start_delay_s == 60

    assert stage.status(key) == "RUNNING"
    stage.fail(key, "a")
    assert stage.status(key) == "FAILED"


@pytest.mark.parametrize("status", ["FAILED_WITH_TERMINAL_ERROR", "CANCELED"])
def test_some_failures_are_final(stage: Rehearsal, status: str):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")

    stage.update(key, "a", status)

    assert len(stage.tasks(key)) == 1


def test_an_attempt_keeps_the_domain(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 1, "retryDelaySeconds": 0})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w", taskToDomain={"a": "d1,d2"})
    assert stage.task(key, "a").domain == "d2"
    stage.active_queues.add("d1:a")

    stage.fail(key, "a")

    assert (stage.task(key, "a").domain, len(stage.queue("d2:a"))) == ("d2", 1)


def test_the_input_of_an_attempt_is_resolved_anew_over_the_old_one(stage: Rehearsal):
    from podium.engine.commands import SetVariables

    stage.register({"name": "a", "retryCount": 1, "retryDelaySeconds": 0})
    stage.register(workflow("w", simple("a", {"v": "${workflow.variables.v}", "k": 1}), variables={"v": "old"}))
    key = stage.start("w")
    stage.send(key, SetVariables(b'{"v":"new"}'))

    stage.fail(key, "a")

    assert stage.given(key, "a") == {"v": "new", "k": 1}


def test_an_attempt_whose_input_grows_without_bounds_ends_the_workflow(stage: Rehearsal):
    from podium.engine.commands import Retry, SetVariables

    stage.register({"name": "a", "retryCount": 0})
    given = {str(number): "${workflow.variables.v} and ${workflow.variables.v}" for number in range(40)}
    stage.register(workflow("w", simple("a", given), variables={"v": "small"}))
    key = stage.start("w")
    stage.send(key, SetVariables(b'{"v":"' + b"x" * 200_000 + b'"}'))
    stage.fail(key, "a")

    stage.send(key, Retry())

    assert stage.status(key) == "FAILED"
    assert "characters" in str(stage.reason(key))
