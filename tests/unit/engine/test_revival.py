"""Retry, and what the revival of a child does to its parents."""

import pytest

from podium.engine.commands import Remove, Restart, Retry, Terminate
from podium.model.errors import Conflict
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, sub_workflow, switch, workflow

# ---- retry


@pytest.fixture
def stage() -> Rehearsal:
    made = Rehearsal()
    for name in ("a", "b", "c", "x", "y"):
        made.register({"name": name, "retryCount": 0})
    return made


def failed_workflow(stage: Rehearsal, *steps: dict[str, object], fail: str = "a") -> str:
    stage.register(workflow("w", *steps))
    key = stage.start("w")
    stage.fail(key, fail, "no")
    assert stage.status(key) == "FAILED"
    stage.now_ms += 1_000
    return key


def test_a_failed_task_gets_a_new_attempt_at_once(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 0, "retryDelaySeconds": 60})
    key = failed_workflow(stage, simple("a", {"v": "${workflow.input.missing}"}), simple("b"))
    ended_ms = stage.workflow(key).head.ended_ms

    stage.send(key, Retry())

    old, new = stage.view(key)["tasks"]
    assert (old["retried"], old["executed"], old["reasonForIncompletion"]) == (True, True, "no")
    assert (new["status"], new["retryCount"], new["retriedTaskId"]) == ("SCHEDULED", 1, old["taskId"])
    assert ("reasonForIncompletion" in new, new["callbackAfterSeconds"]) == (False, 0)
    head = stage.workflow(key).head
    assert (head.status, head.reason, head.last_retried_ms, head.ended_ms) == ("RUNNING", None, stage.now_ms, ended_ms)
    assert head.failed_refs == ["a"]
    assert stage.poll("a") is not None


def test_there_is_no_limit_and_the_count_goes_on(stage: Rehearsal):
    key = failed_workflow(stage, simple("a"))
    for count in (1, 2):
        stage.send(key, Retry())
        assert stage.task(key, "a").retry_count == count
        stage.fail(key, "a")

    assert stage.status(key) == "FAILED"


def test_cancelled_siblings_run_again_and_the_join_keeps_its_id(stage: Rehearsal):
    key = failed_workflow(stage, *fork("f", [simple("a")], [simple("b")], [simple("c")]), simple("x"))

    stage.send(key, Retry())

    assert stage.lines(key) == [
        "1 f FORK COMPLETED",
        "2 a a FAILED",
        "3 b b CANCELED",
        "4 c c CANCELED",
        "5 f_join JOIN IN_PROGRESS",
        "6 a a SCHEDULED",
        "7 b b SCHEDULED",
        "8 c c SCHEDULED",
    ]
    assert stage.task(key, "f_join").retry_count == 0
    for ref in "abc":
        stage.complete(key, ref)
    assert stage.status(key, "x") == "SCHEDULED"


def test_a_good_later_attempt_cancels_an_earlier_bad_one(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 1, "retryDelaySeconds": 0})
    stage.register(workflow("w", simple("a"), simple("b")))
    key = stage.start("w")
    stage.fail(key, "a")
    stage.complete(key, "a")
    stage.fail(key, "b")

    stage.send(key, Retry())

    assert [line.split()[1] for line in stage.lines(key)] == ["a", "a", "b", "b"]


def test_a_permissive_failure_under_a_failed_join_is_tried_again(stage: Rehearsal):
    key = failed_workflow(stage, *fork("f", [simple("a", permissive=True)]), simple("b"))
    assert stage.status(key, "f_join") == "FAILED"

    stage.send(key, Retry())
    assert (stage.status(key, "f_join"), stage.task(key, "f_join").retry_count) == ("IN_PROGRESS", 0)
    stage.complete(key, "a")
    stage.complete(key, "b")

    assert stage.status(key) == "COMPLETED"  # the permissive failure is forgotten


def test_a_loop_goes_on_in_its_iteration(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", simple("a"), items="${workflow.input.l}")))
    key = stage.start("w", {"l": ["p", "q"]})
    stage.complete(key, "a", {"o": 1})
    stage.fail(key, "a")
    assert stage.status(key, "lp") == "CANCELED"

    stage.send(key, Retry())
    assert stage.lines(key)[3:] == ["4 a__2 a SCHEDULED"]
    stage.complete(key, "a", {"o": 2})

    output = stage.output(key, "lp")
    assert output == {"1": {"a": {"o": 1}}, "2": {"a": {"o": 2}}, "iteration": 2, "loopIndex": 1, "loopItem": "q"}
    assert stage.tasks(key)[0].output.count(b'"1":') == 1


def test_a_failed_switch_is_evaluated_again(stage: Rehearsal):
    """Upstream completes it unseen, and no branch is taken."""
    expression = "$.ready.length > 1 ? 'a' : 'b'"
    choice = switch("s", "?", {"a": [simple("x")]}, evaluatorType="javascript", expression=expression)
    stage.register(workflow("w", {**choice, "inputParameters": {"ready": "${workflow.variables.ready}"}}))
    key = stage.start("w")
    assert stage.status(key, "s") == "FAILED"
    stage.workflow(key).variables = b'{"ready":"yes"}'
    stage.rows(key)._variables = b'{"ready":"yes"}'

    stage.send(key, Retry())

    assert stage.lines(key) == ["1 s SWITCH FAILED", "2 s SWITCH COMPLETED", "3 x x SCHEDULED"]
    view = stage.view(key)["tasks"]
    assert (view[1]["retryCount"], view[1]["retriedTaskId"]) == (1, view[0]["taskId"])


def test_inline_tasks_run_again_at_once(stage: Rehearsal):
    key = failed_workflow(stage, *fork("f", [inline("i"), simple("a")], [step("h", "HUMAN")]))

    stage.send(key, Retry())

    assert stage.lines(key)[5:] == ["6 h HUMAN IN_PROGRESS", "7 a a SCHEDULED"]


def test_a_timed_out_workflow_may_only_be_revived(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), timeoutSeconds=10, timeoutPolicy="TIME_OUT_WF"))
    key = stage.start("w")
    stage.advance(10)

    stage.send(key, Retry())

    assert stage.status(key) == "RUNNING"
    assert stage.workflow(key).head.wake_ms == stage.now_ms + 10_000
    stage.complete(key, "a")
    assert stage.status(key) == "COMPLETED"


def test_an_attempt_that_somebody_asks_for_has_a_budget_of_its_own(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 0, "totalTimeoutSeconds": 10, "timeoutPolicy": "RETRY"})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.advance(10)

    stage.send(key, Retry())
    stage.advance(9)

    assert stage.status(key) == "RUNNING"


@pytest.mark.parametrize("first", ["a", None])
def test_nothing_to_retry(stage: Rehearsal, first: str | None):
    steps = [simple("a")] if first else []
    stage.register(workflow("w", *steps, switch("s", "a", {"a": [simple("x")]}, evaluatorType="zz")))
    key = stage.start("w")
    if first:
        stage.complete(key, "a")
    text = (
        "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again."
        if first
        else "Workflow has not started yet"
    )

    with pytest.raises(Conflict, match=text):
        stage.send(key, Retry())


# ---- children


def family(stage: Rehearsal, *more: dict[str, object]) -> tuple[str, str, str]:
    """Return a workflow, its child and its grandchild, all failed because of the grandchild."""
    stage.register(workflow("leaf", simple("a")), workflow("middle", sub_workflow("m", "leaf"), simple("b")))
    stage.register(workflow("w", sub_workflow("s", "middle"), *more))
    key = stage.start("w")
    [middle] = stage.children(key)
    [leaf] = stage.children(middle)
    stage.fail(leaf, "a", "no")
    assert [stage.status(one) for one in (leaf, middle, key)] == ["FAILED"] * 3
    return key, middle, leaf


def test_a_retry_starts_a_new_child(stage: Rehearsal):
    key, middle, _ = family(stage)

    stage.send(key, Retry())

    assert stage.children(key)[0] == middle
    assert len(stage.children(key)) == 2
    assert stage.status(middle) == "FAILED"


def test_a_retry_of_the_children_keeps_them_all(stage: Rehearsal):
    key, middle, leaf = family(stage, simple("c"))

    stage.send(key, Retry(resume_subworkflows=True))

    assert [stage.status(one) for one in (leaf, middle, key)] == ["RUNNING"] * 3
    assert (stage.children(key), stage.children(middle)) == ([middle], [leaf])
    stage.complete(leaf, "a")
    stage.complete(middle, "b")
    stage.complete(key, "c")
    assert stage.status(key) == "COMPLETED"


def test_a_retry_of_a_child_revives_its_parents(stage: Rehearsal):
    key, middle, leaf = family(stage)
    stage.now_ms += 1_000

    stage.send(leaf, Retry())

    for parent, ref in ((middle, "m"), (key, "s")):
        head = stage.workflow(parent).head
        assert (head.status, head.reason, head.failed_refs, head.last_retried_ms) == ("RUNNING", None, [], stage.now_ms)
        assert (stage.status(parent, ref), stage.reason(parent, ref)) == ("IN_PROGRESS", None)
    [(seq, line)] = [log for change in stage.commits for log in change.logs if change.workflow.id == key]
    assert (seq, line.log) == (1, f"Sub workflow middle.1/{middle} -> leaf.1/{leaf} retried.")


def test_a_restart_of_a_child_revives_its_parent_whatever_its_state(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")), workflow("w", sub_workflow("s", "leaf"), simple("c")))
    key = stage.start("w")
    [leaf] = stage.children(key)
    stage.complete(leaf, "a")
    stage.complete(key, "c")
    assert stage.status(key) == "COMPLETED"

    stage.send(leaf, Restart())
    assert (stage.status(key), stage.status(key, "c")) == ("RUNNING", "COMPLETED")
    stage.complete(leaf, "a", {"o": 2})

    assert stage.status(key) == "COMPLETED"
    assert [line.split()[1] for line in stage.lines(key)] == ["s", "c"]  # what came after is not run again


def test_an_optional_child_does_not_revive_its_parent(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")), workflow("w", sub_workflow("s", "leaf", optional=True)))
    key = stage.start("w")
    [leaf] = stage.children(key)
    stage.fail(leaf, "a")

    stage.send(leaf, Retry())

    assert (stage.status(leaf), stage.status(key)) == ("RUNNING", "COMPLETED")


def test_a_superseded_child_does_not_revive_its_parent(stage: Rehearsal):
    key, middle, _ = family(stage)
    stage.send(key, Retry())
    stage.send(key, Terminate())

    stage.send(middle, Retry())

    assert stage.status(key) == "TERMINATED"


def test_the_siblings_of_a_revived_child_go_on_too(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")))
    branches = fork("f", [sub_workflow("p", "leaf")], [sub_workflow("q", "leaf")], [simple("b")], [step("h", "HUMAN")])
    stage.register(workflow("w", *branches))
    key = stage.start("w")
    first, second = stage.children(key)
    stage.fail(first, "a")
    assert stage.status(second) == "TERMINATED"

    stage.send(first, Retry())

    assert [stage.status(one) for one in (first, second, key)] == ["RUNNING"] * 3
    assert [stage.status(key, ref) for ref in ("p", "q", "b", "h", "f_join")] == [
        "IN_PROGRESS", "IN_PROGRESS", "SCHEDULED", "IN_PROGRESS", "IN_PROGRESS",
    ]  # fmt: skip
    assert stage.task(key, "b").retry_count == 1
    for leaf in (first, second):
        stage.complete(leaf, "a")
    stage.complete(key, "b")
    stage.complete(key, "h")
    assert stage.status(key) == "COMPLETED"


def test_a_parent_learns_of_a_child_whose_news_came_in_the_wrong_order(stage: Rehearsal):
    """The child runs again and ends at once; the parent hears of the end first, while it waits for nothing."""
    stage.register(workflow("quick", inline("i")))
    stage.register(workflow("w", sub_workflow("p", "quick"), simple("a")))
    key = stage.start("w")
    [child] = stage.children(key)
    stage.carries_messages = False
    stage.send(child, Restart())
    assert len(stage.messages) == 2

    stage.messages.reverse()
    stage.carry()

    assert stage.status(key, "p") == "COMPLETED"
    stage.complete(key, "a")
    assert stage.status(key) == "COMPLETED"


def test_a_failed_sibling_is_tried_again_or_the_revival_would_be_in_vain(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")))
    stage.register(workflow("w", *fork("f", [sub_workflow("p", "leaf")], [simple("b")])))
    key = stage.start("w")
    [leaf] = stage.children(key)
    stage.fail(key, "b")
    assert stage.status(leaf) == "TERMINATED"

    stage.send(leaf, Retry())

    assert (stage.status(key), stage.status(key, "b"), stage.status(leaf)) == ("RUNNING", "SCHEDULED", "RUNNING")


def test_a_parent_that_fails_again_at_once_does_not_go_round_in_circles(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")))
    branches = fork("f", [sub_workflow("p", "leaf")], [sub_workflow("q", "leaf")], [inline("i", "throw 1")])
    stage.register(workflow("w", *branches))
    key = stage.start("w")
    first, second = stage.children(key)
    before = len(stage.commits)

    stage.send(first, Retry())

    assert [stage.status(one) for one in (key, first, second)] == ["FAILED", "TERMINATED", "TERMINATED"]
    assert len(stage.commits) - before < 10


def test_a_child_that_has_nothing_to_retry_is_replaced(stage: Rehearsal):
    broken = switch("s", "a", {"a": [simple("x")]}, evaluatorType="zz")
    stage.register(workflow("leaf", broken), workflow("w", sub_workflow("s1", "leaf")))
    key = stage.start("w")
    assert len(stage.children(key)) == 1

    stage.send(key, Retry(resume_subworkflows=True))

    assert len(stage.children(key)) == 2
    assert stage.status(key) == "FAILED"


def test_a_child_that_was_removed_is_replaced(stage: Rehearsal):
    key, middle, _ = family(stage)
    stage.send(middle, Remove())

    stage.send(key, Retry(resume_subworkflows=True))

    assert (stage.status(key), len(stage.children(key))) == ("RUNNING", 1)


def test_a_sibling_that_was_removed_ends_its_task(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")))
    stage.register(workflow("w", *fork("f", [sub_workflow("p", "leaf")], [sub_workflow("q", "leaf")])))
    key = stage.start("w")
    first, second = stage.children(key)
    stage.fail(first, "a")
    stage.send(second, Remove())

    stage.send(first, Retry())

    assert stage.status(key, "q") == "FAILED"
    assert stage.status(key) == "FAILED"


def test_with_a_plain_failure_before_it_the_child_is_not_asked(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")))
    stage.register(workflow("w", *fork("f", [sub_workflow("p", "leaf")], [simple("b")])))
    key = stage.start("w")
    stage.fail(key, "b")

    stage.send(key, Retry(resume_subworkflows=True))

    assert stage.status(key, "b") == "SCHEDULED"
    assert len(stage.children(key)) == 2
