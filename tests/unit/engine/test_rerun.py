"""Rerun: from the beginning, and from each kind of task."""

import pytest

from podium.engine.commands import Rerun, SkipTask, Terminate
from podium.model.errors import InvalidRequest
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, sub_workflow, switch, workflow

Steps = dict[str, object]


def finish(stage: Rehearsal, key: str) -> None:
    """Complete every task that a worker or a person can complete."""
    for _ in range(50):
        open_tasks = [task for task in stage.workflow(key).open.values() if task.type not in ("JOIN", "DO_WHILE")]
        if not open_tasks:
            return
        stage.complete(key, open_tasks[0].ref, {"of": open_tasks[0].seq})


def completed(stage: Rehearsal, *steps: Steps, **fields: object) -> str:
    stage.register(workflow("w", *steps, **fields))
    key = stage.start("w", {"l": ["p", "q"]})
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"
    stage.now_ms += 1_000
    return key


def seq_of(stage: Rehearsal, key: str, ref: str) -> int:
    return next(task.seq for task in stage.tasks(key) if task.ref == ref)


def refs(stage: Rehearsal, key: str) -> list[str]:
    return [line.split()[1] for line in stage.lines(key)]


# ---- the whole workflow


def test_everything_runs_again_with_new_input(stage: Rehearsal):
    key = completed(
        stage, simple("a", {"v": "${workflow.input.v}"}), step("s", "SET_VARIABLE", {"x": 1}), inputTemplate={"t": 1}
    )
    created_ms = stage.workflow(key).head.created_ms

    stage.send(key, Rerun(workflow_input=b'{"v":7}', correlation_id="new"))

    view = stage.view(key)
    assert (stage.lines(key)[0].split()[1:], len(view["tasks"])) == (["a", "a", "SCHEDULED"], 1)
    assert (view["input"], stage.given(key, "a"), view["correlationId"]) == ({"v": 7}, {"v": 7}, "new")
    assert (view["variables"], view["createTime"]) == (
        {"x": 1},
        created_ms,
    )  # variables are kept, the template is not applied
    assert "reasonForIncompletion" not in view


def test_the_names_of_failures_are_cleared(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 0})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.fail(key, "a")
    assert stage.view(key)["failedReferenceTaskNames"] == ["a"]

    stage.send(key, Rerun())

    assert stage.view(key)["failedReferenceTaskNames"] == []


def test_a_workflow_with_a_time_out_gets_its_time_again(stage: Rehearsal):
    """Upstream times it out at once."""
    stage.register(workflow("w", simple("a"), timeoutSeconds=10, timeoutPolicy="TIME_OUT_WF"))
    key = stage.start("w")
    stage.advance(10)
    assert stage.status(key) == "TIMED_OUT"

    stage.send(key, Rerun())
    stage.advance(9)

    assert stage.status(key) == "RUNNING"


def test_an_unknown_task(stage: Rehearsal):
    key = completed(stage, simple("a"))

    with pytest.raises(InvalidRequest, match="Task .* not found"):
        stage.send(key, Rerun(77))
    assert stage.status(key) == "COMPLETED"


# ---- one task


def test_a_task_runs_again_and_what_came_after_it_is_gone(stage: Rehearsal):
    key = completed(stage, simple("a"), simple("b", {"v": "${workflow.input.v}"}), simple("c"))
    old = stage.view(key)["tasks"][1]

    stage.send(key, Rerun(2, workflow_input=b'{"v":9}'))

    new = stage.view(key)["tasks"][1]
    assert stage.lines(key) == ["1 a a COMPLETED", "2 b b SCHEDULED"]
    assert (new["taskId"], new["inputData"], new["outputData"]) == (old["taskId"], {"v": None}, {})  # not resolved anew
    assert (new["startTime"], new["endTime"], new["updateTime"], new["pollCount"]) == (0, 0, 0, 0)
    assert (new["scheduledTime"], new["retried"], new["executed"]) == (stage.now_ms, False, False)
    assert stage.poll("b") is not None
    finish(stage, key)
    assert (stage.status(key), refs(stage, key)) == ("COMPLETED", ["a", "b", "c"])


def test_it_may_get_another_input(stage: Rehearsal):
    key = completed(stage, simple("a", {"x": 1}))

    stage.send(key, Rerun(1, task_input=b'{"x":2}'))

    assert stage.given(key, "a") == {"x": 2}


def test_a_switch_may_be_given_another_case(stage: Rehearsal):
    chosen = switch("s", "${workflow.input.case}", {"one": [simple("a")], "two": [simple("b")]})
    stage.register(workflow("w", chosen))
    key = stage.start("w", {"case": "one"})
    stage.update(key, "a", "FAILED_WITH_TERMINAL_ERROR")

    stage.send(key, Rerun(1, task_input=b'{"by":"two"}'))

    assert (stage.status(key), refs(stage, key)) == ("RUNNING", ["s", "b"])
    assert stage.given(key, "s")["case"] == "two"


def test_its_worker_and_reason_stay(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 0})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.update(key, "a", "FAILED", reason="no", worker_id="me")

    stage.send(key, Rerun(1))

    assert (stage.task(key, "a").worker_id, stage.reason(key, "a")) == ("me", "no")


def test_an_inline_task_runs_at_once(stage: Rehearsal):
    key = completed(stage, inline("i", "$.x", {"x": 1}), simple("after"))

    stage.send(key, Rerun(1, task_input=b'{"expression":"$.x","x":5}'))

    assert (stage.output(key, "i"), stage.status(key, "after")) == ({"result": 5}, "SCHEDULED")


def test_a_wait_waits_again(stage: Rehearsal):
    stage.register(workflow("w", step("x", "WAIT", {"duration": "5s"})))
    key = stage.start("w")
    stage.advance(5)
    assert stage.status(key) == "COMPLETED"

    stage.send(key, Rerun(1))
    assert stage.status(key, "x") == "IN_PROGRESS"
    stage.advance(5)

    assert stage.status(key) == "COMPLETED"


def test_a_wait_that_could_not_be_read_may_get_a_better_time(stage: Rehearsal):
    stage.register(workflow("w", step("x", "WAIT", {"duration": "soon"})))
    key = stage.start("w")

    stage.send(key, Rerun(1))
    assert stage.status(key, "x") == "FAILED_WITH_TERMINAL_ERROR"
    stage.send(key, Rerun(1, task_input=b'{"duration":"2s"}'))
    stage.advance(2)

    assert stage.status(key) == "COMPLETED"


def test_a_sub_workflow_gets_a_new_child(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")), workflow("w", sub_workflow("s", "leaf"), simple("b")))
    key = stage.start("w")
    stage.complete(stage.children(key)[0], "a")
    stage.complete(key, "b")

    stage.send(key, Rerun(1))

    assert len(stage.children(key)) == 2
    assert stage.lines(key) == ["1 s SUB_WORKFLOW IN_PROGRESS"]


def test_an_earlier_attempt_may_be_chosen(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 2, "retryDelaySeconds": 0})
    stage.register(workflow("w", simple("a"), simple("b")))
    key = stage.start("w")
    stage.fail(key, "a")
    finish(stage, key)

    stage.send(key, Rerun(1))

    assert stage.lines(key) == ["1 a a SCHEDULED"]
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


def test_a_skipped_step_is_done_after_all(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b"), simple("c")))
    key = stage.start("w")
    stage.send(key, SkipTask("b"))
    finish(stage, key)

    stage.send(key, Rerun(seq_of(stage, key, "b")))

    assert stage.status(key, "b") == "SCHEDULED"
    finish(stage, key)
    assert sorted(refs(stage, key)) == ["a", "b", "c"]


def test_a_step_that_was_skipped_in_a_loop_has_no_place_to_run(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "false", simple("a"), simple("b"))))
    key = stage.start("w")
    stage.send(key, SkipTask("b"))
    finish(stage, key)

    with pytest.raises(InvalidRequest, match="was skipped in all iterations"):
        stage.send(key, Rerun(seq_of(stage, key, "b")))


# ---- forks and joins


def forked() -> list[Steps]:
    return [*fork("f", [simple("a1"), simple("a2")], [simple("b1"), simple("b2")]), simple("after")]


@pytest.mark.parametrize(("target", "left"), [("a1", 5), ("a2", 6), ("b2", 6)])
def test_sibling_branches_keep_their_results_and_the_join_waits_again(stage: Rehearsal, target: str, left: int):
    key = completed(stage, *forked())
    outputs = {task.ref: task.output for task in stage.tasks(key)}

    stage.send(key, Rerun(seq_of(stage, key, target)))

    assert (len(stage.tasks(key)), stage.status(key, "f_join")) == (left, "IN_PROGRESS")
    sibling = "b2" if target[0] == "a" else "a2"
    assert stage.task(key, sibling).output == outputs[sibling]
    assert (stage.task(key, "f_join").retry_count, stage.output(key, "f_join")) == (0, {})
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"
    assert sorted(refs(stage, key)) == sorted(["f", "a1", "b1", "f_join", "a2", "b2", "after"])


def test_cancelled_branches_run_again_too(stage: Rehearsal):
    stage.register({"name": "a1", "retryCount": 0})
    stage.register(workflow("w", *forked()))
    key = stage.start("w")
    stage.poll("b1")
    stage.fail(key, "a1")

    stage.send(key, Rerun(seq_of(stage, key, "a1")))

    assert [stage.status(key, ref) for ref in ("a1", "b1", "f_join")] == ["SCHEDULED", "SCHEDULED", "IN_PROGRESS"]
    assert stage.poll("b1") is not None
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


def test_from_the_fork(stage: Rehearsal):
    key = completed(stage, *forked())

    stage.send(key, Rerun(1))

    assert [line.split()[1:] for line in stage.lines(key)] == [
        ["f", "FORK", "COMPLETED"], ["a1", "a1", "SCHEDULED"], ["b1", "b1", "SCHEDULED"], ["f_join", "JOIN", "IN_PROGRESS"],
    ]  # fmt: skip
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


def test_from_the_join(stage: Rehearsal):
    key = completed(stage, *forked())

    stage.send(key, Rerun(seq_of(stage, key, "f_join")))

    assert (stage.status(key, "f_join"), stage.status(key, "after")) == ("COMPLETED", "SCHEDULED")
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


def test_from_a_task_before_the_fork(stage: Rehearsal):
    key = completed(stage, simple("first"), *forked())

    stage.send(key, Rerun(1))

    assert refs(stage, key) == ["first"]
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


def test_from_inside_of_a_fork_in_a_fork(stage: Rehearsal):
    inner = fork("g", [simple("x")], [simple("y")])
    key = completed(stage, *fork("f", [*inner, simple("z")], [simple("b")]), simple("after"))

    stage.send(key, Rerun(seq_of(stage, key, "x")))

    assert [stage.status(key, ref) for ref in ("x", "y", "g_join", "b", "f_join")] == [
        "SCHEDULED", "COMPLETED", "IN_PROGRESS", "COMPLETED", "IN_PROGRESS",
    ]  # fmt: skip
    assert {"z", "after"}.isdisjoint(refs(stage, key))
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


# ---- switches


def test_from_a_switch_which_may_decide_otherwise(stage: Rehearsal):
    choice = switch("s", "${workflow.input.by}", {"a": [simple("x")]}, [simple("d")])
    key = completed(stage, choice, simple("after"))
    assert refs(stage, key) == ["s", "d", "after"]

    stage.send(key, Rerun(1, workflow_input=b'{"by":"a"}'))

    assert refs(stage, key) == ["s", "x"]
    finish(stage, key)
    assert (stage.status(key), refs(stage, key)) == ("COMPLETED", ["s", "x", "after"])


def test_from_a_switch_whose_script_is_evaluated_outside(stage: Rehearsal):
    choice = switch("s", "?", {"a": [simple("x")]}, evaluatorType="javascript", expression="JSON.parse('\"a\"')")
    key = completed(stage, choice)

    stage.send(key, Rerun(1))

    assert (refs(stage, key), stage.status(key, "x")) == (["s", "x"], "SCHEDULED")


def test_from_inside_of_a_case(stage: Rehearsal):
    key = completed(stage, switch("s", "a", {"a": [simple("x"), simple("y")]}), simple("after"))

    stage.send(key, Rerun(2))

    assert refs(stage, key) == ["s", "x"]
    finish(stage, key)
    assert refs(stage, key) == ["s", "x", "y", "after"]


# ---- loops


def looped(**fields: object) -> list[Steps]:
    return [do_while("lp", "$.lp.iteration < 3", simple("a"), simple("b"), **fields), simple("after")]


def test_from_a_task_of_an_earlier_iteration(stage: Rehearsal):
    key = completed(stage, *looped())

    stage.send(key, Rerun(seq_of(stage, key, "a__2")))

    assert refs(stage, key) == ["lp", "a__1", "b__1", "a__2"]
    assert (stage.status(key, "lp"), stage.task(key, "lp").loop_count, stage.output(key, "lp")) == (
        "IN_PROGRESS",
        2,
        {"iteration": 2},
    )
    finish(stage, key)
    assert (stage.status(key), stage.output(key, "lp")["iteration"]) == ("COMPLETED", 3)
    assert stage.tasks(key)[0].output.count(b'"1":') == 1


def test_the_element_of_the_iteration_is_there_again(stage: Rehearsal):
    body = [simple("a"), simple("b", {"item": "${lp.output.loopItem}", "index": "${lp.output.loopIndex}"})]
    key = completed(stage, do_while("lp", "", *body, items="${workflow.input.l}"))

    stage.send(key, Rerun(seq_of(stage, key, "a__1")))
    stage.complete(key, "a")

    assert stage.given(key, "b") == {"item": "p", "index": 0}


def test_from_the_loop(stage: Rehearsal):
    key = completed(stage, *looped())

    stage.send(key, Rerun(1))

    assert [line.split()[1] for line in stage.lines(key)] == ["lp", "a__1"]
    assert stage.task(key, "lp").loop_count == 1
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


def test_from_inside_of_a_loop_in_a_loop(stage: Rehearsal):
    inner = do_while("inner", "$.inner.iteration < 2", simple("x"))
    key = completed(stage, do_while("outer", "$.outer.iteration < 2", simple("a"), inner, simple("z")))
    assert refs(stage, key) == [
        "outer", "a__1", "inner__1", "x__1__1", "x__1__2", "z__1", "a__2", "inner__2", "x__2__1", "x__2__2", "z__2",
    ]  # fmt: skip

    stage.send(key, Rerun(seq_of(stage, key, "x__1__2")))

    assert refs(stage, key) == ["outer", "a__1", "inner__1", "x__1__1", "x__1__2"]
    assert (stage.task(key, "outer").loop_count, stage.task(key, "inner__1").loop_count) == (1, 2)
    finish(stage, key)
    assert (stage.status(key), stage.output(key, "outer")["iteration"]) == ("COMPLETED", 2)


def test_from_a_branch_in_a_loop(stage: Rehearsal):
    key = completed(stage, do_while("lp", "$.lp.iteration < 2", *fork("f", [simple("x")], [simple("y")])))

    stage.send(key, Rerun(seq_of(stage, key, "x__1")))

    assert refs(stage, key) == ["lp", "f__1", "x__1", "y__1", "f_join__1"]
    assert [stage.status(key, ref) for ref in ("lp", "x", "y", "f_join")] == [
        "IN_PROGRESS", "SCHEDULED", "COMPLETED", "IN_PROGRESS",
    ]  # fmt: skip
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


# ---- dynamic forks


def dynamic(*more: Steps) -> list[Steps]:
    given = {"forkTaskInputs": [1, 2], "forkTaskName": "work"}
    return [step("df", "FORK_JOIN_DYNAMIC", given), step("j", "JOIN"), *more]


def test_from_a_dynamic_fork(stage: Rehearsal):
    key = completed(stage, *dynamic(simple("after")))

    stage.send(key, Rerun(1))

    assert refs(stage, key) == ["df", "_work_0", "_work_1", "j"]
    assert stage.status(key, "_work_0") == "SCHEDULED"
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


def test_from_a_member_of_a_dynamic_fork(stage: Rehearsal):
    key = completed(stage, *dynamic(simple("after")))

    stage.send(key, Rerun(seq_of(stage, key, "_work_0")))

    assert refs(stage, key) == ["df", "_work_0", "_work_1", "j"]
    assert [stage.status(key, ref) for ref in ("_work_0", "_work_1", "j")] == ["SCHEDULED", "COMPLETED", "IN_PROGRESS"]
    finish(stage, key)
    assert (stage.status(key), refs(stage, key)[-1]) == ("COMPLETED", "after")


def test_from_a_task_before_a_dynamic_fork(stage: Rehearsal):
    key = completed(stage, simple("first"), *dynamic())

    stage.send(key, Rerun(1))

    assert refs(stage, key) == ["first"]
    finish(stage, key)
    assert stage.status(key) == "COMPLETED"


def test_from_inside_of_a_member_with_steps_of_its_own(stage: Rehearsal):
    member = switch("s", "a", {"a": [simple("x"), simple("y")]})
    given = {"dt": [member, simple("z")], "di": {}}
    begin = step("df", "FORK_JOIN_DYNAMIC", given, dynamicForkTasksParam="dt", dynamicForkTasksInputParamName="di")
    key = completed(stage, begin, step("j", "JOIN"), simple("after"))

    stage.send(key, Rerun(seq_of(stage, key, "x")))

    assert refs(stage, key) == ["df", "s", "x", "z", "j"]
    assert stage.status(key, "z") == "COMPLETED"
    finish(stage, key)
    assert (stage.status(key), refs(stage, key)[-1]) == ("COMPLETED", "after")


def test_a_dynamic_fork_in_a_loop(stage: Rehearsal):
    key = completed(stage, do_while("lp", "$.lp.iteration < 2", simple("a"), *dynamic()))

    stage.send(key, Rerun(seq_of(stage, key, "a__1")))
    finish(stage, key)

    assert stage.status(key) == "COMPLETED"
    assert stage.output(key, "lp")["iteration"] == 2


# ---- parents


def test_a_rerun_of_a_child_revives_its_parent(stage: Rehearsal):
    stage.register(workflow("leaf", simple("a")), workflow("w", sub_workflow("s", "leaf")))
    key = stage.start("w")
    [leaf] = stage.children(key)
    stage.send(leaf, Terminate())
    assert stage.status(key) == "TERMINATED"

    stage.send(leaf, Rerun(1))
    assert (stage.status(key), stage.status(key, "s")) == ("RUNNING", "IN_PROGRESS")
    stage.complete(leaf, "a")

    assert stage.status(key) == "COMPLETED"
