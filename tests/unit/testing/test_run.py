"""Runs with outcomes that are written down beforehand."""

import pytest

from podium.model.start import TaskMock
from podium.runtime import play
from podium.testing import Rehearsal, completed, failed
from podium.testing.steps import do_while, fork, simple, step, sub_workflow, switch, workflow


@pytest.fixture
def stage() -> Rehearsal:
    return Rehearsal()


def test_outputs_are_given_by_reference_name(stage: Rehearsal):
    choice = switch("how", "${weigh.output.kg}", {"1": [simple("parcel")]}, [simple("truck")])
    stage.register(workflow("ship", simple("weigh"), choice, outputParameters={"by": "${how.output.selectedCase}"}))

    key = stage.run("ship", {"order": 7}, {"weigh": {"kg": 1}, "parcel": {}})

    assert (stage.status(key), stage.output(key)) == ("COMPLETED", {"by": "1"})
    assert stage.path(key) == ["weigh", "how", "parcel"]


def test_attempts_take_one_outcome_each_and_their_time(stage: Rehearsal):
    stage.register({"name": "pay", "retryCount": 2, "retryDelaySeconds": 60}, workflow("w", simple("pay")))
    begin_ms = stage.now_ms

    key = stage.run("w", outcomes={"pay": [failed(takes_s=1), completed({"ok": True}, takes_s=2, waits_s=3)]})

    assert [task.status for task in stage.tasks(key)] == ["FAILED", "COMPLETED"]
    assert stage.path(key) == ["pay"]
    assert stage.now_ms - begin_ms == 66_000
    assert [task.started_ms - begin_ms for task in stage.tasks(key)] == [0, 64_000]


def test_a_terminal_failure_is_not_retried(stage: Rehearsal):
    stage.register({"name": "pay", "retryCount": 2}, workflow("w", simple("pay")))

    key = stage.run("w", outcomes={"pay": [failed({"why": "stolen"}, is_terminal=True), completed()]})

    assert (stage.status(key), len(stage.tasks(key))) == ("FAILED", 1)


def test_progress_is_followed_by_the_next_outcome(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    progress = TaskMock(status="IN_PROGRESS", output={"part": 1})

    key = stage.run("w", outcomes={"a": [progress, completed({"whole": 2})]})

    assert stage.output(key, "a") == {"part": 1, "whole": 2}


def test_what_has_no_outcome_waits_and_may_be_done_by_hand(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b"), simple("c")))

    key = stage.run("w", outcomes={"a": {}, "c": {"late": True}})

    assert (stage.status(key), stage.status(key, "b"), stage.path(key)) == ("RUNNING", "SCHEDULED", ["a", "b"])
    stage.complete(key, "b")
    assert stage.status(key, "c") == "SCHEDULED"  # outcomes are those of the run, which is over


def test_branches_go_on_beside_one_that_waits(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a"), simple("a2")], [simple("b")])))

    key = stage.run("w", outcomes={"a": {}, "a2": {}})

    assert [stage.status(key, ref) for ref in ("a", "a2", "b")] == ["COMPLETED", "COMPLETED", "SCHEDULED"]


def test_faster_branches_end_first(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("slow")], [simple("quick"), simple("after")])))

    key = stage.run("w", outcomes={"slow": completed(takes_s=10), "quick": completed(takes_s=1), "after": {}})

    assert stage.task(key, "after").ended_ms < stage.task(key, "slow").ended_ms
    assert stage.status(key) == "COMPLETED"


def test_a_wait_does_not_pass_while_somebody_must_act(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [step("pause", "WAIT", {"duration": "1 hour"})], [simple("a")])))

    waiting = stage.run("w")
    assert stage.status(waiting, "pause") == "IN_PROGRESS"

    stage.complete(waiting, "a")
    assert stage.status(stage.run("w", outcomes={"a": {}})) == "COMPLETED"
    assert stage.status(waiting) == "COMPLETED"  # on the same clock


def test_iterations_take_one_outcome_each(stage: Rehearsal):
    stage.register(workflow("w", do_while("l", "$.l['iteration'] < 3", simple("a"))))

    key = stage.run("w", outcomes={"a": [{"n": 1}, {"n": 2}], "a__3": {"n": 3}})

    assert stage.status(key) == "COMPLETED"
    assert [stage.output(key, f"a__{n}") for n in (3,)] == [{"n": 3}]
    assert stage.path(key) == ["l", "a__1", "a__2", "a__3"]


def test_children_have_outcomes_at_any_depth(stage: Rehearsal):
    stage.register(
        workflow("leaf", simple("c")),
        workflow("middle", simple("b"), sub_workflow("leaf", "leaf")),
        workflow("w", sub_workflow("middle", "middle"), sub_workflow("mocked", "middle")),
    )

    outcomes = {"mocked": {"given": True}}
    key = stage.run("w", outcomes=outcomes, children={"middle": {"b": {}}, "middle.leaf": {"c": {"deep": 1}}})

    assert stage.status(key) == "COMPLETED"
    [middle] = stage.children(key)
    assert stage.path(middle) == ["b", "leaf"]
    assert stage.output(key, "mocked")["given"] is True
    assert len(stage.workflow_ids()) == 3


def test_delayed_children_are_not_ended_before_they_begin(stage: Rehearsal):
    stage.register(workflow("c", simple("x")), workflow("w", sub_workflow("s", "c", startDelay=30)))
    begin_ms = stage.now_ms

    key = stage.run("w", outcomes={"s": {"ok": 1}})

    assert (stage.status(key), stage.now_ms - begin_ms) == ("COMPLETED", 30_000)


def test_two_runs_do_not_disturb_each_other(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b")))

    first, second = stage.run("w", outcomes={"a": {}}), stage.run("w", outcomes={"a": {}, "b": {}})

    assert (stage.path(first), stage.status(first)) == (["a", "b"], "RUNNING")
    assert (stage.path(second), stage.status(second)) == (["a", "b"], "COMPLETED")


def test_long_decisions_go_on(stage: Rehearsal):
    stage.register(workflow("w", do_while("l", "$.l['iteration'] < 3000", step("n", "NOOP"))))

    assert stage.status(stage.run("w")) == "COMPLETED"


def test_a_run_does_not_count_what_comes_after_it(stage: Rehearsal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "TASKS_MAX", 3)
    stage.register(workflow("w", simple("a"), simple("b")))
    stage.run("w", outcomes={"a": {}})

    keys = [stage.start("w") for _ in range(5)]

    assert {stage.status(key) for key in keys} == {"RUNNING"}
