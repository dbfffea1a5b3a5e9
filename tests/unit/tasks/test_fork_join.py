"""FORK_JOIN, and how it works with its JOIN."""

from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, switch, workflow


def test_tasks_are_created_in_upstreams_order(stage: Rehearsal):
    branches = fork("f", [inline("a1"), inline("a2", "2")], [step("b1", "SET_VARIABLE", {"z": 1})])
    stage.register(workflow("w", *branches))

    key = stage.start("w")

    assert stage.lines(key) == [
        "1 f FORK COMPLETED",
        "2 a1 INLINE COMPLETED",
        "3 b1 SET_VARIABLE COMPLETED",
        "4 f_join JOIN COMPLETED",
        "5 a2 INLINE COMPLETED",
    ]
    assert stage.given(key, "f_join") == {"joinOn": ["a2", "b1"]}
    assert stage.output(key, "f_join") == {"a2": {"result": 2}}  # empty outputs have no key
    assert stage.output(key) == {"result": 2}  # of the last task by seq, not of the join
    assert (stage.task(key, "f").name, stage.task(key, "f").output) == ("FORK", b"{}")


def test_siblings_get_numbers_before_their_successors(stage: Rehearsal):
    chains = [[inline(f"{name}{place}") for place in (1, 2, 3)] for name in "abc"]
    stage.register(workflow("w", *fork("f", *chains), inline("after")))

    key = stage.start("w")

    refs = [line.split()[1] for line in stage.lines(key)]
    assert refs == ["f", "a1", "b1", "c1", "f_join", "a2", "b2", "c2", "a3", "b3", "c3", "after"]


def test_a_fork_records_its_parameters(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [inline("a")], inputParameters={"p": "${workflow.input.q}"})))

    assert stage.given(stage.start("w", {"q": 3}), "f") == {"p": 3}


def test_a_fork_without_a_join_fails_the_workflow_without_a_task(stage: Rehearsal):
    begin, _ = fork("f", [inline("a")])
    stage.register(workflow("w", begin, inline("x")))
    text = "Fork task definition is not followed by a join task.  Check the blueprint"

    key = stage.start("w")

    assert (stage.lines(key), stage.status(key), stage.reason(key)) == ([], "FAILED", text)


def test_an_exclusive_join_does_not_count_as_the_join_of_a_fork(stage: Rehearsal):
    begin, _ = fork("f", [inline("a")])
    stage.register(workflow("w", begin, step("e", "EXCLUSIVE_JOIN", joinOn=["a"])))

    assert stage.status(stage.start("w")) == "FAILED"


def test_an_empty_branch_runs_nothing(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [inline("a")], [], join_on=["a"])))

    key = stage.start("w")

    assert stage.lines(key) == ["1 f FORK COMPLETED", "2 a INLINE COMPLETED", "3 f_join JOIN COMPLETED"]


def test_forks_nest(stage: Rehearsal):
    inner = fork("g", [simple("x")], [simple("y")])
    stage.register(workflow("w", *fork("f", inner, [simple("z")]), inline("after")))
    key = stage.start("w")
    assert [line.split()[1] for line in stage.lines(key)] == ["f", "g", "x", "y", "g_join", "z", "f_join"]

    for ref in ("x", "z"):
        stage.complete(key, ref)
    assert stage.status(key, "g_join") == "IN_PROGRESS"
    stage.complete(key, "y", {"o": 1})

    assert stage.output(key, "f_join") == {"g_join": {"y": {"o": 1}}}
    assert stage.status(key) == "COMPLETED"


def test_a_branch_may_begin_with_a_switch_or_a_loop(stage: Rehearsal):
    loop = do_while("lp", "$.lp.iteration < 2", inline("b"))
    stage.register(workflow("w", *fork("f", [switch("s", "a", {"a": [simple("x")]})], [loop], join_on=["x", "lp"])))

    key = stage.start("w")

    refs = [line.split()[1] for line in stage.lines(key)]
    assert refs == ["f", "s", "x", "lp", "f_join", "b__1", "b__2"]
    assert stage.status(key, "f_join") == "IN_PROGRESS"
    stage.complete(key, "x")
    assert stage.status(key) == "COMPLETED"


def test_a_failed_branch_cancels_the_others_and_the_join(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b")])))
    key = stage.start("w")

    stage.fail(key, "a", "no", is_terminal=True)

    assert [line.split()[3] for line in stage.lines(key)] == [
        "COMPLETED",
        "FAILED_WITH_TERMINAL_ERROR",
        "CANCELED",
        "CANCELED",
    ]
    task_id = stage.view(key)["tasks"][1]["taskId"]
    assert stage.reason(key) == f"Task {task_id} failed with status: FAILED and reason: 'no'"


def test_an_empty_branch_is_done_at_once(stage: Rehearsal):
    begin = step("f", "FORK_JOIN", forkTasks=[[], [simple("a")]])
    stage.register(workflow("w", begin, step("j", "JOIN", joinOn=["a"])))
    key = stage.start("w")

    stage.complete(key, "a")

    assert (stage.status(key, "j"), stage.status(key)) == ("COMPLETED", "COMPLETED")
