"""WAIT, HUMAN and NOOP."""

import pytest

from podium.engine.commands import Retry, UpdateTask
from podium.testing import Rehearsal
from podium.testing.steps import simple, step, workflow

Given = dict[str, object]


def wait(**inputs: object) -> Given:
    return step("w", "WAIT", inputs)


def test_a_duration(stage: Rehearsal):
    stage.register(workflow("x", wait(duration="2s"), simple("after")))
    key = stage.start("x")
    assert (stage.status(key, "w"), stage.task(key, "w").callback_after_s) == ("IN_PROGRESS", 2)
    stage.advance(1.999)
    assert stage.status(key, "w") == "IN_PROGRESS"

    stage.advance(0.001)

    assert (stage.status(key, "w"), stage.given(key, "w"), stage.output(key, "w")) == (
        "COMPLETED",
        {"duration": "2s"},
        {},
    )
    assert stage.status(key, "after") == "SCHEDULED"


def test_a_time(stage: Rehearsal):
    stage.now_ms = 1_700_006_340_000  # 2023-11-14 23:59
    stage.register(workflow("x", wait(until="2023-11-15 00:01")))
    key = stage.start("x")
    assert stage.task(key, "w").callback_after_s == 120

    stage.advance(120)

    assert stage.status(key) == "COMPLETED"


@pytest.mark.parametrize("inputs", [{"until": "2001-01-01"}, {"duration": "0s"}])
def test_a_time_that_has_passed_does_not_wait(stage: Rehearsal, inputs: Given):
    stage.register(workflow("x", wait(**inputs)))

    assert stage.status(stage.start("x")) == "COMPLETED"


@pytest.mark.parametrize("inputs", [{}, {"duration": " "}, {"until": None}])
def test_without_a_time_it_waits_for_an_update(stage: Rehearsal, inputs: Given):
    stage.register(workflow("x", wait(**inputs)))
    key = stage.start("x")
    assert stage.task(key, "w").callback_after_s == 2147483647
    stage.advance(100_000)

    stage.update(key, "w", "IN_PROGRESS", {"p": 1})
    assert (stage.status(key, "w"), stage.output(key, "w")) == ("IN_PROGRESS", {"p": 1})
    stage.complete(key, "w", {"o": 1})

    assert (stage.status(key), stage.output(key)) == ("COMPLETED", {"o": 1})


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        (
            {"duration": "1s", "until": "2001-01-01"},
            "Both 'duration' and 'until' specified. Please provide only one input",
        ),
        ({"duration": "12"}, "Not valid duration: 12"),
        ({"until": "soon"}, "Invalid/Unsupported Wait Until format.  Provided: soon"),
    ],
)
def test_a_time_that_can_not_be_read_fails_the_task(stage: Rehearsal, inputs: Given, reason: str):
    """Upstream refuses the start, or hangs when the task comes later."""
    stage.register(workflow("x", wait(**inputs)))

    key = stage.start("x")

    assert (stage.status(key, "w"), stage.reason(key, "w")) == ("FAILED_WITH_TERMINAL_ERROR", reason)
    assert stage.status(key) == "FAILED"


def test_a_retry_keeps_the_old_deadline(stage: Rehearsal):
    stage.register(workflow("x", wait(duration="10s")))
    key = stage.start("x")
    stage.advance(4)
    stage.send(key, UpdateTask(1, "FAILED"))

    stage.send(key, Retry())

    assert stage.lines(key) == ["1 w WAIT FAILED", "2 w WAIT IN_PROGRESS"]
    stage.advance(5.999)
    assert stage.status(key) == "RUNNING"
    stage.advance(0.001)
    assert stage.status(key) == "COMPLETED"


def test_a_retry_after_the_deadline_ends_at_once(stage: Rehearsal):
    stage.register(workflow("x", wait(duration="10s")))
    key = stage.start("x")
    stage.send(key, UpdateTask(1, "FAILED"))
    stage.advance(11)

    stage.send(key, Retry())

    assert stage.status(key) == "COMPLETED"


def test_a_human_task_is_open_until_somebody_decides(stage: Rehearsal):
    stage.register(workflow("x", step("h", "HUMAN", {"q": 1})))
    key = stage.start("x")
    assert (stage.lines(key), stage.given(key, "h")) == (["1 h HUMAN IN_PROGRESS"], {"q": 1})
    assert stage.poll("HUMAN") is None
    stage.update(key, "h", "IN_PROGRESS", {"seen": True})
    assert stage.output(key, "h") == {"seen": True}

    stage.complete(key, "h", {"yes": True})

    assert (stage.status(key), stage.output(key)) == ("COMPLETED", {"yes": True})


def test_time_outs_of_a_human_task_are_enforced(stage: Rehearsal):
    stage.register({"name": "h", "timeoutSeconds": 60, "responseTimeoutSeconds": 60, "timeoutPolicy": "TIME_OUT_WF"})
    stage.register(workflow("x", step("h", "HUMAN")))
    key = stage.start("x")

    stage.advance(60)

    assert (stage.status(key), stage.status(key, "h")) == ("TIMED_OUT", "TIMED_OUT")


def test_a_noop_records_nothing(stage: Rehearsal):
    stage.register(workflow("x", step("n", "NOOP", {"x": 1})))

    key = stage.start("x")

    assert (stage.lines(key), stage.given(key, "n"), stage.output(key, "n")) == (["1 n NOOP COMPLETED"], {}, {})
