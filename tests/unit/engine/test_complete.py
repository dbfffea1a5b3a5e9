"""What follows from the end of a task: optional and permissive failures, successors, names of what failed."""

import pytest

from podium.engine.commands import SkipTask
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, workflow

Given = dict[str, object]


def begin(stage: Rehearsal, retries: int = 0, **flags: bool) -> str:
    stage.register({"name": "work", "retryCount": retries, "retryDelaySeconds": 0})
    stage.register(workflow("w", simple("s", name="work", **flags), inline("z")))
    return stage.start("w")


@pytest.mark.parametrize(
    ("flags", "task_status", "goes_on", "workflow_status"),
    [
        ({}, "FAILED", False, "FAILED"),
        ({"optional": True}, "COMPLETED_WITH_ERRORS", True, "COMPLETED"),
        ({"permissive": True}, "FAILED", True, "FAILED"),
        ({"optional": True, "permissive": True}, "COMPLETED_WITH_ERRORS", True, "COMPLETED"),
    ],
)
def test_what_a_failure_does(stage: Rehearsal, flags: Given, task_status: str, goes_on: bool, workflow_status: str):
    key = begin(stage, **flags)

    stage.fail(key, "s", "no")

    assert stage.status(key, "s") == task_status
    assert (len(stage.tasks(key)) == 2) is goes_on
    assert stage.status(key) == workflow_status
    assert stage.reason(key, "s") == "no"


def test_an_optional_task_is_retried_first(stage: Rehearsal):
    key = begin(stage, retries=1, optional=True)

    stage.fail(key, "s")
    stage.fail(key, "s")

    assert stage.lines(key) == ["1 s work FAILED", "2 s work COMPLETED_WITH_ERRORS", "3 z INLINE COMPLETED"]
    assert [task.retried for task in stage.tasks(key)] == [True, False, False]
    assert stage.status(key) == "COMPLETED"
    assert stage.view(key)["failedReferenceTaskNames"] == ["s"]


def test_an_optional_task_that_failed_once_is_not_among_the_failures(stage: Rehearsal):
    key = begin(stage, optional=True)

    stage.fail(key, "s")

    assert stage.view(key)["failedReferenceTaskNames"] == []


def test_a_final_error_of_an_optional_task_is_passed_too(stage: Rehearsal):
    key = begin(stage, retries=3, optional=True)

    stage.fail(key, "s", is_terminal=True)

    assert stage.status(key) == "COMPLETED"


def test_the_successor_sees_how_an_optional_task_ended(stage: Rehearsal):
    stage.register({"name": "s", "retryCount": 0})
    stage.register(workflow("w", simple("s", optional=True), simple("t", {"was": "${s.status}"})))
    key = stage.start("w")

    stage.fail(key, "s")

    assert stage.given(key, "t") == {"was": "COMPLETED_WITH_ERRORS"}


def test_a_permissive_failure_shows_at_the_end(stage: Rehearsal):
    key = begin(stage, permissive=True)

    stage.fail(key, "s", "no", is_terminal=True)

    task_id = stage.view(key)["tasks"][0]["taskId"]
    assert stage.reason(key) == f"Task {task_id} failed with status: FAILED_WITH_TERMINAL_ERROR and reason: 'no'"
    assert stage.view(key)["failedReferenceTaskNames"] == ["s"]


def test_several_permissive_failures_are_all_named(stage: Rehearsal):
    stage.register({"name": "work", "retryCount": 0})
    stage.register(workflow("w", simple("a", name="work", permissive=True), simple("b", name="work", permissive=True)))
    key = stage.start("w")
    stage.fail(key, "a", "one")

    stage.fail(key, "b")

    first, second = (task["taskId"] for task in stage.view(key)["tasks"])
    expected = f"Task {first} failed with status: FAILED and reason: 'one'. Task {second} failed with status: FAILED and reason: 'null'"
    assert stage.reason(key) == expected
    assert stage.view(key)["failedTaskNames"] == ["work"]


def test_names_of_failures_keep_the_suffix_and_leave_out_time_outs_and_cancellations(stage: Rehearsal):
    stage.register({"name": "late", "retryCount": 0, "pollTimeoutSeconds": 5, "timeoutPolicy": "RETRY"})
    branches = fork("f", [simple("x", name="late")], [simple("y", name="other")])
    stage.register(workflow("w", *branches))
    key = stage.start("w")

    stage.advance(5)

    assert [stage.status(key, ref) for ref in ("x", "y")] == ["TIMED_OUT", "CANCELED"]
    assert stage.view(key)["failedReferenceTaskNames"] == []


def test_failures_that_ended_together_are_all_named(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [inline("a", "throw 1")], [inline("b", "throw 2")])))

    key = stage.start("w")

    assert stage.view(key)["failedReferenceTaskNames"] == ["a", "b"]


def test_only_what_was_decided_before_the_last_pass_is_marked_as_executed(stage: Rehearsal):
    stage.register(workflow("w", inline("a"), inline("b")))

    key = stage.start("w")

    assert [task.executed for task in stage.tasks(key)] == [True, False]


# ---- skipped steps


def test_the_flow_goes_over_skipped_steps(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b"), simple("c"), simple("d")))
    key = stage.start("w")
    stage.send(key, SkipTask("b"))
    stage.send(key, SkipTask("c"))

    stage.complete(key, "a")

    assert [line.split()[1] for line in stage.lines(key)] == ["a", "b", "c", "d"]
    assert stage.status(key, "d") == "SCHEDULED"


def test_skipping_the_last_steps_ends_the_workflow_with_the_last_that_ran(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b")))
    key = stage.start("w")
    stage.send(key, SkipTask("b", output=b'{"skipped":1}'))

    stage.complete(key, "a", {"o": 1})

    assert (stage.status(key), stage.output(key)) == ("COMPLETED", {"o": 1})


def test_a_skipped_fork_takes_its_branches_and_its_join_with_it(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), *fork("f", [simple("x")]), simple("after")))
    key = stage.start("w")
    stage.send(key, SkipTask("f"))

    stage.complete(key, "a")

    assert stage.lines(key)[2:] == ["3 after after SCHEDULED"]


def test_a_skipped_join_lets_the_flow_go_on_beside_the_branches(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), *fork("f", [simple("x")]), simple("after")))
    key = stage.start("w")
    stage.send(key, SkipTask("f_join"))

    stage.complete(key, "a")

    assert [stage.status(key, ref) for ref in ("x", "after")] == ["SCHEDULED", "SCHEDULED"]


def test_the_first_step_of_a_branch_may_be_skipped(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), *fork("f", [simple("x1"), simple("x2")], [simple("y")])))
    key = stage.start("w")
    stage.send(key, SkipTask("x1"))
    stage.send(key, SkipTask("y"))

    stage.complete(key, "a")
    stage.complete(key, "x2")

    assert stage.status(key) == "COMPLETED"


def test_a_case_whose_steps_are_all_skipped_is_passed(stage: Rehearsal):
    choice = step(
        "s", "SWITCH", {"by": "a"}, evaluatorType="value-param", expression="by", decisionCases={"a": [simple("x")]}
    )
    stage.register(workflow("w", simple("a"), choice, simple("after")))
    key = stage.start("w")
    stage.send(key, SkipTask("x"))

    stage.complete(key, "a")

    assert stage.status(key, "after") == "SCHEDULED"


def test_nothing_begins_beside_a_failure_in_the_same_pass(stage: Rehearsal):
    boom = inline("boom", "throw new Error('x')")
    branches = fork("f", [inline("a"), simple("later")], [boom], join_on=["later", "boom"])
    stage.register(workflow("w", *branches))

    key = stage.start("w")

    assert stage.status(key) == "FAILED"
    assert "later" not in {task["referenceTaskName"] for task in stage.view(key)["tasks"]}


def test_loops_go_on_before_joins_end(stage: Rehearsal):
    inner = [*fork("g", [inline("i")], join_on=["i"]), inline("after_join")]
    branches = fork("f", [do_while("lp", "$.lp.iteration < 2", inline("b")), inline("after_loop")], inner)
    stage.register(workflow("w", *branches))

    order = [task["referenceTaskName"] for task in stage.view(stage.start("w"))["tasks"]]

    assert order.index("after_loop") < order.index("after_join")
