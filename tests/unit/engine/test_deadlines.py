"""Time-outs of tasks and of the workflow, each with each policy."""

import pytest

from podium.engine.commands import Decide, Pause, Resume, Retry, Wake
from podium.testing import Rehearsal
from podium.testing.steps import fork, inline, simple, workflow

Given = dict[str, object]


def begin(stage: Rehearsal, poll: bool = False, optional: bool = False, **definition: object) -> str:
    stage.register({"name": "a", "retryCount": 0, **definition})
    stage.register(workflow("w", simple("a", optional=optional), inline("after")))
    key = stage.start("w")
    if poll:
        stage.poll("a")
    return key


def own_id(stage: Rehearsal, key: str) -> str:
    return str(stage.view(key)["tasks"][0]["taskId"])


RESPONSE = {"responseTimeoutSeconds": 10}
ATTEMPT = {"timeoutSeconds": 10, "responseTimeoutSeconds": 10}
POLL = {"pollTimeoutSeconds": 10}
TOTAL = {"totalTimeoutSeconds": 10}


@pytest.mark.parametrize("policy", ["RETRY", "TIME_OUT_WF", "ALERT_ONLY"])
def test_the_response_time_out_counts_whatever_the_policy(stage: Rehearsal, policy: str):
    key = begin(stage, poll=True, timeoutPolicy=policy, **RESPONSE)
    stage.advance(9.999)
    assert stage.status(key, "a") == "IN_PROGRESS"

    stage.advance(0.001)

    text = f"responseTimeout: 10 exceeded for the taskId: {own_id(stage, key)} with Task Definition: a"
    assert (stage.status(key, "a"), stage.reason(key, "a")) == ("TIMED_OUT", text)
    assert stage.status(key) == "TIMED_OUT"
    assert stage.reason(key) == f"Task {own_id(stage, key)} failed with status: TIMED_OUT and reason: '{text}'"


def test_a_task_that_nobody_took_has_no_response_time_out(stage: Rehearsal):
    key = begin(stage, **RESPONSE)

    stage.advance(100)

    assert stage.status(key, "a") == "SCHEDULED"


TIMED = [
    (
        ATTEMPT,
        True,
        "Task timed out after 10 seconds. Timeout configured as 10 seconds. Timeout policy configured to {p}",
    ),
    (
        POLL,
        False,
        "Task poll timed out after 10 seconds. Poll timeout configured as 10 seconds. Timeout policy configured to {p}",
    ),
    (
        TOTAL,
        False,
        "Task a/{id} exceeded total timeout of 10 seconds (elapsed 10 seconds across all attempts including retry delays). "
        "Timeout policy: {p}",
    ),
]


@pytest.mark.parametrize(("limits", "poll", "text"), TIMED)
def test_the_policy_time_out_wf_ends_the_workflow_with_the_bare_reason(
    stage: Rehearsal, limits: Given, poll: bool, text: str
):
    key = begin(stage, poll=poll, optional=True, **{**limits, "retryCount": 3, "timeoutPolicy": "TIME_OUT_WF"})

    stage.advance(10)

    reason = text.format(p="TIME_OUT_WF", id=own_id(stage, key))
    assert (stage.status(key), stage.status(key, "a"), stage.reason(key)) == ("TIMED_OUT", "TIMED_OUT", reason)
    assert stage.view(key)["failedReferenceTaskNames"] == []


@pytest.mark.parametrize(("limits", "poll", "text"), TIMED[:2])
def test_the_policy_retry_tries_again(stage: Rehearsal, limits: Given, poll: bool, text: str):
    key = begin(stage, poll=poll, **{**limits, "retryCount": 1, "retryDelaySeconds": 3, "timeoutPolicy": "RETRY"})

    stage.advance(10)

    assert stage.lines(key) == ["1 a a TIMED_OUT", "2 a a SCHEDULED"]
    assert stage.tasks(key)[0].reason == text.format(p="RETRY")
    assert stage.tasks(key)[1].callback_after_s == 3


@pytest.mark.parametrize(("limits", "poll", "text"), TIMED)
def test_the_policy_alert_only_does_nothing(stage: Rehearsal, limits: Given, poll: bool, text: str):
    key = begin(stage, poll=poll, **{**limits, "responseTimeoutSeconds": 9999, "timeoutPolicy": "ALERT_ONLY"})

    stage.advance(100)

    assert stage.status(key, "a") in ("SCHEDULED", "IN_PROGRESS")


def test_retries_that_are_used_up_end_the_workflow_timed_out(stage: Rehearsal):
    key = begin(stage, timeoutPolicy="RETRY", **POLL)

    stage.advance(10)

    assert stage.status(key) == "TIMED_OUT"


def test_an_optional_task_that_times_out_is_passed(stage: Rehearsal):
    key = begin(stage, optional=True, timeoutPolicy="RETRY", **POLL)

    stage.advance(10)

    assert stage.lines(key) == ["1 a a COMPLETED_WITH_ERRORS", "2 after INLINE COMPLETED"]


def test_the_delay_of_a_task_is_not_part_of_its_time(stage: Rehearsal):
    stage.register({"name": "a", "pollTimeoutSeconds": 10, "timeoutPolicy": "RETRY", "retryCount": 0})
    stage.register(workflow("w", simple("a", startDelay=5)))
    key = stage.start("w")

    stage.advance(14.9)
    assert stage.status(key, "a") == "SCHEDULED"
    stage.advance(0.1)  # upstream counts the delay twice

    assert stage.status(key, "a") == "TIMED_OUT"


def test_a_task_that_reports_progress_waits_anew(stage: Rehearsal):
    """Upstream counts from the first scheduling and times out tasks whose workers are at work."""
    key = begin(stage, timeoutPolicy="RETRY", **POLL)
    stage.advance(9)
    stage.poll("a")
    stage.advance(20)
    stage.update(key, "a", "IN_PROGRESS", callback_after_s=4)

    stage.advance(13.9)
    assert stage.status(key, "a") == "SCHEDULED"
    stage.advance(0.1)

    assert stage.status(key, "a") == "TIMED_OUT"


def test_the_attempt_time_out_is_not_put_off_by_progress(stage: Rehearsal):
    key = begin(stage, poll=True, timeoutPolicy="RETRY", **ATTEMPT)
    stage.advance(6)
    stage.update(key, "a", "IN_PROGRESS")
    stage.poll("a")

    stage.advance(4)

    assert stage.status(key, "a") == "TIMED_OUT"


def test_the_total_time_out_spans_all_attempts(stage: Rehearsal):
    key = begin(stage, timeoutPolicy="RETRY", **{**TOTAL, "retryCount": 5, "retryDelaySeconds": 2})
    stage.fail(key, "a", "no")
    stage.advance(6)
    stage.fail(key, "a", "no")

    stage.advance(4)

    assert stage.lines(key) == ["1 a a FAILED", "2 a a FAILED", "3 a a TIMED_OUT"]
    text = "exceeded total timeout of 10 seconds (elapsed 10 seconds across all attempts). No further retries will be attempted."
    assert str(stage.reason(key)).endswith(text)
    assert stage.status(key) == "TIMED_OUT"


def test_a_failure_after_the_budget_is_spent_is_not_retried_even_when_optional(stage: Rehearsal):
    key = begin(stage, optional=True, timeoutPolicy="ALERT_ONLY", **{**TOTAL, "retryCount": 5})
    stage.now_ms += 11_000

    stage.fail(key, "a")

    text = (
        f"Task {own_id(stage, key)}/a exceeded total timeout of 10 seconds (elapsed 11 seconds across all attempts). "
    )
    assert (stage.status(key), stage.reason(key)) == ("FAILED", text + "No further retries will be attempted.")


def test_all_deadlines_that_have_come_take_effect_at_once(stage: Rehearsal):
    stage.register({"name": "a", "pollTimeoutSeconds": 5, "timeoutPolicy": "RETRY", "retryCount": 1})
    stage.register(workflow("w", *fork("f", [simple("x", name="a")], [simple("y", name="a")])))
    key = stage.start("w")
    stage.now_ms += 5_000

    stage.send(key, Wake())

    assert [line.split()[1] for line in stage.lines(key)[4:]] == ["x", "y"]


# ---- the workflow


def timed(stage: Rehearsal, policy: str = "TIME_OUT_WF") -> str:
    stage.register(workflow("w", simple("a"), timeoutSeconds=10, timeoutPolicy=policy))
    return stage.start("w")


TEXT = "Workflow timed out after 10 seconds. Timeout configured as 10 seconds. Timeout policy configured to TIME_OUT_WF"


def test_a_workflow_times_out_at_its_time(stage: Rehearsal):
    key = timed(stage)
    stage.advance(9.999)
    assert stage.status(key) == "RUNNING"

    stage.advance(0.001)

    assert (stage.status(key), stage.reason(key), stage.status(key, "a")) == ("TIMED_OUT", TEXT, "CANCELED")


def test_with_alert_only_it_runs_on(stage: Rehearsal):
    key = timed(stage, "ALERT_ONLY")

    stage.advance(100)

    assert (stage.status(key), stage.workflow(key).head.wake_ms) == ("RUNNING", 0)


def test_a_paused_workflow_times_out_too(stage: Rehearsal):
    key = timed(stage)
    stage.send(key, Pause())

    stage.advance(10)

    assert stage.status(key) == "TIMED_OUT"


def test_tasks_of_a_paused_workflow_do_not_time_out_until_it_goes_on(stage: Rehearsal):
    key = begin(stage, timeoutPolicy="RETRY", **POLL)
    stage.send(key, Pause())
    stage.advance(100)
    assert stage.status(key, "a") == "SCHEDULED"

    stage.send(key, Resume())
    stage.advance(0)

    assert stage.status(key, "a") == "TIMED_OUT"


@pytest.mark.parametrize("kind", ["resume", "retry"])
def test_resume_and_retry_begin_the_time_anew(stage: Rehearsal, kind: str):
    key = timed(stage)
    stage.advance(6)
    if kind == "resume":
        stage.send(key, Pause())
        stage.send(key, Resume())
    else:
        stage.fail(key, "a", is_terminal=True)
        stage.send(key, Retry())
    assert stage.workflow(key).head.last_retried_ms == stage.now_ms

    stage.advance(9)
    assert stage.status(key) == "RUNNING"
    stage.advance(1)

    assert stage.status(key) == "TIMED_OUT"


def test_a_decide_call_notices_time_outs_too(stage: Rehearsal):
    key = timed(stage)
    stage.now_ms += 11_000

    stage.send(key, Decide())

    assert stage.reason(key) == TEXT.replace("after 10", "after 11")
