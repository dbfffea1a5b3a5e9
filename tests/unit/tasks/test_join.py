"""JOIN and EXCLUSIVE_JOIN."""

import pytest

from podium.engine.commands import SkipTask
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, switch, workflow


def test_a_join_ends_in_the_commit_of_its_last_branch(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b")]), simple("after")))
    key = stage.start("w")
    stage.complete(key, "a", {"x": 1})
    assert stage.status(key, "f_join") == "IN_PROGRESS"

    stage.complete(key, "b")

    assert stage.status(key, "f_join") == "COMPLETED"
    assert stage.output(key, "f_join") == {"a": {"x": 1}}
    assert stage.lines(key)[-1] == "5 after after SCHEDULED"


def test_a_join_on_nothing_ends_at_once_and_the_workflow_waits_for_the_branches(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], join_on=[]), inline("after")))

    key = stage.start("w")

    assert stage.lines(key) == [
        "1 f FORK COMPLETED",
        "2 a a SCHEDULED",
        "3 f_join JOIN COMPLETED",
        "4 after INLINE COMPLETED",
    ]
    assert stage.status(key) == "RUNNING"
    stage.complete(key, "a")
    assert stage.status(key) == "COMPLETED"


def test_other_parameters_of_a_join_are_dropped(stage: Rehearsal):
    begin, join = fork("f", [inline("a")])
    stage.register(workflow("w", begin, {**join, "inputParameters": {"p": 1}}))

    assert stage.given(stage.start("w"), "f_join") == {"joinOn": ["a"]}


def test_a_join_waits_for_retries(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 1, "retryDelaySeconds": 5})
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b")])))
    key = stage.start("w")
    stage.complete(key, "b")

    stage.fail(key, "a")

    assert stage.status(key, "f_join") == "IN_PROGRESS"
    stage.complete(key, "a", {"at": "last"})
    assert stage.output(key, "f_join") == {"a": {"at": "last"}}
    assert stage.status(key) == "COMPLETED"


def test_failed_optional_members_make_a_join_end_with_errors(stage: Rehearsal):
    broken = inline("a1", "throw new Error('x')", optional=True)
    stage.register(workflow("w", *fork("f", [broken], [inline("b1")]), inline("aft")))

    key = stage.start("w")

    view = stage.view(key)["tasks"]
    assert stage.lines(key) == [
        "1 f FORK COMPLETED",
        "2 a1 INLINE COMPLETED_WITH_ERRORS",
        "3 b1 INLINE COMPLETED",
        "4 f_join JOIN COMPLETED_WITH_ERRORS",
        "5 aft INLINE COMPLETED",
    ]
    assert view[3]["reasonForIncompletion"] == f"a1/{view[1]['taskId']} completed with errors"
    error = "Error evaluating the script `Error: x`"
    assert view[3]["outputData"] == {"a1": {"error": error}, "b1": {"result": 1}}
    assert stage.status(key) == "COMPLETED"


def test_a_join_that_is_not_optional_hides_the_errors_below_it(stage: Rehearsal):
    inner = fork("g", [inline("x", "throw 1", optional=True)])
    stage.register(workflow("w", *fork("f", inner, [inline("y")])))

    key = stage.start("w")

    assert stage.status(key, "g_join") == "COMPLETED_WITH_ERRORS"
    assert stage.status(key, "f_join") == "COMPLETED"


def test_a_permissive_failure_fails_the_join_when_all_are_done(stage: Rehearsal):
    broken = inline("a1", "throw 1", permissive=True)
    stage.register(workflow("w", *fork("f", [broken], [simple("b1"), simple("b2")])))
    key = stage.start("w")
    stage.complete(key, "b1")
    assert stage.status(key, "f_join") == "IN_PROGRESS"

    stage.complete(key, "b2")

    assert stage.status(key, "f_join") == "FAILED"
    assert stage.status(key) == "FAILED"
    join_id = stage.view(key)["tasks"][3]["taskId"]
    assert stage.reason(key) is not None
    assert stage.reason(key).startswith(f"Task {join_id} failed with status: FAILED and reason: ")
    assert stage.view(key)["failedReferenceTaskNames"] == ["a1", "f_join"]


def test_the_reasons_of_all_failed_members_are_joined(stage: Rehearsal):
    stage.register({"name": "w", "retryCount": 0})
    members = [[simple(ref, permissive=True)] for ref in ("a", "b")]
    stage.register({"name": "a", "retryCount": 0}, {"name": "b", "retryCount": 0})
    stage.register(workflow("w", *fork("f", *members)))
    key = stage.start("w")

    stage.fail(key, "a", "one")
    stage.fail(key, "b", "two")

    assert (stage.status(key, "f_join"), stage.reason(key, "f_join")) == ("FAILED", "one two")


def test_a_join_of_cancelled_members_only_is_cancelled(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a", permissive=True)])))
    key = stage.start("w")

    stage.update(key, "a", "CANCELED")

    assert stage.status(key, "f_join") == "CANCELED"
    assert stage.status(key) == "TERMINATED"


def test_names_get_the_suffix_of_the_iteration(stage: Rehearsal):
    loop = do_while("lp", "$.lp.iteration < 2", *fork("f", [inline("c1")], [inline("c2", "2")]))
    stage.register(workflow("w", loop))

    key = stage.start("w")

    refs = [line.split()[1] for line in stage.lines(key)]
    assert refs == ["lp", "f__1", "c1__1", "c2__1", "f_join__1", "f__2", "c1__2", "c2__2", "f_join__2"]
    assert stage.given(key, "f_join") == {"joinOn": ["c1", "c2"]}
    assert stage.output(key, "f_join") == {"c1__2": {"result": 1}, "c2__2": {"result": 2}}
    assert stage.output(key, "lp") == {
        "iteration": 2,
        "1": {
            "f": {},
            "c1": {"result": 1},
            "c2": {"result": 2},
            "f_join": {"c1__1": {"result": 1}, "c2__1": {"result": 2}},
        },
        "2": {
            "f": {},
            "c1": {"result": 1},
            "c2": {"result": 2},
            "f_join": {"c1__2": {"result": 1}, "c2__2": {"result": 2}},
        },
    }


def test_a_join_goes_on_without_a_task_that_nothing_can_reach(stage: Rehearsal):
    """Upstream waits for ever for a branch that was not taken."""
    choice = switch("s", "${workflow.input.kind}", {"a": [simple("x")], "b": [simple("y")]})
    stage.register(workflow("w", *fork("f", [choice], join_on=["x", "y"]), inline("after")))
    key = stage.start("w", {"kind": "b"})
    assert stage.status(key, "f_join") == "IN_PROGRESS"

    stage.complete(key, "y", {"o": 1})

    assert (stage.status(key, "f_join"), stage.output(key, "f_join")) == ("COMPLETED", {"y": {"o": 1}})
    assert stage.reason(key, "f_join") == "ended without x, which nothing can reach any more"
    assert stage.status(key) == "COMPLETED"


def test_joins_that_wait_for_each_other_end(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", fork("g", [inline("x")], join_on=["f_join"]), join_on=["g_join"])))

    assert stage.status(stage.start("w")) == "COMPLETED"


def test_a_skipped_member_counts_as_done(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a1"), simple("a2")], [simple("b")])))
    key = stage.start("w")
    stage.send(key, SkipTask("a2"))
    stage.complete(key, "b")

    stage.complete(key, "a1")

    assert stage.status(key, "f_join") == "COMPLETED"


def test_skipping_what_a_join_waits_for_last_ends_it(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a1"), simple("a2")], [simple("b")], join_on=["a2", "b"])))
    key = stage.start("w")
    stage.complete(key, "b")

    stage.send(key, SkipTask("a2"))

    assert stage.status(key, "f_join") == "COMPLETED"
    assert stage.status(key) == "RUNNING"


def test_a_workers_task_named_join_is_a_workers_task(stage: Rehearsal):
    stage.register(workflow("w", simple("x", name="JOIN")))
    key = stage.start("w")

    assert stage.poll("JOIN") is not None
    stage.complete(key, "x")

    assert stage.status(key) == "COMPLETED"


# ---- EXCLUSIVE_JOIN


def exclusive(**fields: object) -> dict[str, object]:
    return step("e", "EXCLUSIVE_JOIN", joinOn=["a", "b"], **fields)


def test_an_exclusive_join_takes_the_output_of_the_branch_that_was_taken(stage: Rehearsal):
    choice = switch("s", "y", {"x": [inline("a")], "y": [inline("b", "2")]})
    stage.register(workflow("w", choice, exclusive()))

    key = stage.start("w")

    assert stage.lines(key) == ["1 s SWITCH COMPLETED", "2 b INLINE COMPLETED", "3 e EXCLUSIVE_JOIN COMPLETED"]
    assert stage.given(key, "e") == {"joinOn": ["a", "b"], "defaultExclusiveJoinTask": []}
    assert stage.output(key, "e") == {"result": 2}


def test_an_exclusive_join_falls_back_to_its_default(stage: Rehearsal):
    choice = switch("s", "n", {"x": [inline("a")]})
    stage.register(workflow("w", inline("d", "7"), choice, exclusive(defaultExclusiveJoinTask=["d"])))

    key = stage.start("w")

    assert stage.lines(key)[2] == "3 e EXCLUSIVE_JOIN COMPLETED"
    assert stage.output(key, "e") == {"result": 7}


def test_an_exclusive_join_of_nothing_ends_empty(stage: Rehearsal):
    """Upstream waits for ever."""
    stage.register(workflow("w", switch("s", "n", {"x": [inline("a")]}), exclusive()))

    key = stage.start("w")

    assert (stage.status(key, "e"), stage.output(key, "e")) == ("COMPLETED", {})


def test_an_exclusive_join_takes_the_first_branch_that_was_reached_even_if_another_ends_first(stage: Rehearsal):
    branches = fork("f", [simple("a")], [simple("b")], join_on=[])
    stage.register(workflow("w", *branches, exclusive()))
    key = stage.start("w")

    stage.complete(key, "b", {"o": "b"})
    assert stage.status(key, "e") == "IN_PROGRESS"
    stage.complete(key, "a", {"o": "a"})

    assert stage.output(key, "e") == {"o": "a"}


@pytest.mark.parametrize("flag", ["permissive", "optional"])
def test_an_exclusive_join_of_a_failure(stage: Rehearsal, flag: str):
    stage.register(workflow("w", inline("a", "throw 1", **{flag: True}), exclusive()))

    key = stage.start("w")

    expected = {"permissive": "FAILED", "optional": "COMPLETED"}[flag]
    assert stage.status(key, "e") == expected
    assert stage.status(key) == expected


def test_an_open_join_shows_what_branches_gave_and_keeps_it_when_canceled(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b")])))
    key = stage.start("w")
    stage.complete(key, "a", {"n": 1})
    assert stage.view(key)["tasks"][3]["outputData"] == {"a": {"n": 1}}

    stage.fail(key, "b", is_terminal=True)

    assert (stage.status(key, "f_join"), stage.output(key, "f_join")) == ("CANCELED", {"a": {"n": 1}})
    assert stage.output(key) == {"a": {"n": 1}}  # the join is the last task
