"""The order of a decision, its cut, and its wake-ups."""

import pytest

from podium.engine.commands import Decide, Pause, PollTask, StartWorkflow, UpdateTask, Wake
from podium.engine.context import Limits, Script, ScriptAnswer
from podium.model.errors import Conflict, NotFound
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, switch, workflow

# ---- start


def test_a_workflow_of_inline_steps_is_complete_in_one_commit(stage: Rehearsal):
    stage.register(workflow("w", inline("a"), inline("b", "$.x + 1", {"x": "${a.output.result}"})))

    key = stage.start("w", {"q": 1})

    assert (stage.status(key), stage.output(key), len(stage.commits)) == ("COMPLETED", {"result": 2}, 1)
    head = stage.workflow(key).head
    assert (head.version, head.created_ms, head.updated_ms, head.ended_ms) == (
        1,
        stage.now_ms,
        stage.now_ms,
        stage.now_ms,
    )


def test_a_definition_without_steps_completes_with_a_reason(stage: Rehearsal):
    stage.register(workflow("w"))

    key = stage.start("w")

    assert (stage.status(key), stage.reason(key)) == ("COMPLETED", "No tasks found to be executed")


def test_a_workflow_is_not_started_twice(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    head = stage.workflow(key).head

    with pytest.raises(Conflict):
        stage.send(key, StartWorkflow("w", 1, head.def_hash))


def test_an_unknown_workflow_is_not_found(stage: Rehearsal):
    with pytest.raises(NotFound, match="No such workflow found by id: nosuch"):
        stage.send("nosuch", Decide())


# ---- commits


def test_each_change_raises_the_version_by_one_and_nothing_else_does(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b")))
    key = stage.start("w")
    stage.poll("a")
    stage.complete(key, "a")
    assert stage.workflow(key).head.version == 3

    stage.send(key, UpdateTask(1, "COMPLETED"))
    stage.send(key, Decide())
    stage.send(key, Wake())

    assert stage.workflow(key).head.version == 3


def test_several_commands_make_one_commit(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b")))
    key = stage.start("w")
    before = len(stage.commits)

    stage.send(key, PollTask(1, "w1"), UpdateTask(1, "COMPLETED"), PollTask(2, "w2"))

    assert (len(stage.commits) - before, stage.workflow(key).head.version) == (1, 2)
    assert stage.lines(key) == ["1 a a COMPLETED", "2 b b IN_PROGRESS"]


def test_a_refused_command_does_not_stop_those_before_it(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")

    with pytest.raises(Conflict):
        stage.send(key, UpdateTask(1, "COMPLETED"), Pause())

    assert stage.status(key) == "COMPLETED"


# ---- scripts


def test_scripts_of_parallel_tasks_are_asked_for_together():
    batches: list[int] = []

    def answer(script: Script) -> ScriptAnswer:
        batches.append(len(script.source))
        return ScriptAnswer(b'"y"')

    stage = Rehearsal(scripts=answer)
    stage.register(workflow("w", *fork("f", [inline("a", "f(1)")], [inline("b", "f(22)")]), inline("c", "f(333)")))

    key = stage.start("w")

    assert stage.status(key) == "COMPLETED"
    assert batches == [4, 5, 6]


def test_a_script_that_was_answered_is_not_asked_again():
    asked: list[str] = []
    stage = Rehearsal(scripts=lambda script: asked.append(script.source) or ScriptAnswer(b'"a"'))
    choice = switch("s", "?", {"a": [inline("x", "f(1)")]}, evaluatorType="javascript", expression="g(1)")
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", choice)))

    stage.start("w")

    assert asked == ["g(1)", "f(1)"]  # the second iteration asks for the same values


# ---- the cut of a long cascade


def cut_stage(most: int = 3) -> Rehearsal:
    return Rehearsal(limits=Limits(inline_tasks_per_decision=most))


def test_a_long_cascade_is_cut_and_goes_on_at_once_by_a_wake_up():
    stage = cut_stage()
    stage.register(workflow("w", *[inline(f"i{number}") for number in range(10)]))

    key = stage.start("w")

    assert (stage.status(key), len(stage.tasks(key))) == ("RUNNING", 4)
    assert stage.workflow(key).head.wake_ms == stage.now_ms
    stage.advance(0)
    assert (stage.status(key), len(stage.tasks(key))) == ("COMPLETED", 10)


def test_a_cut_loop_goes_on():
    stage = cut_stage()
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 20", inline("a"), inline("b"))))

    key = stage.start("w")
    stage.advance(0)

    assert (stage.status(key), stage.output(key, "lp")["iteration"]) == ("COMPLETED", 20)


def test_tasks_of_a_wide_fork_are_not_forgotten_by_the_cut():
    stage = cut_stage(1)
    branches = [[step(f"n{number}", "NOOP"), *fork(f"g{number}", [inline(f"x{number}")])] for number in range(4)]
    stage.register(workflow("w", *fork("f", *branches)))

    key = stage.start("w")
    stage.advance(0)

    assert stage.status(key) == "COMPLETED"
    assert all(line.endswith("COMPLETED") for line in stage.lines(key))


def test_another_command_goes_on_with_what_was_cut():
    stage = cut_stage(1)
    stage.register(workflow("w", *fork("f", [inline("a"), inline("b"), inline("c")], [simple("s")])))
    key = stage.start("w")
    assert stage.status(key) == "RUNNING"

    stage.complete(key, "s")

    assert "c" in [line.split()[1] for line in stage.lines(key)]
    stage.advance(0)
    assert stage.status(key) == "COMPLETED"


def test_a_paused_cascade_goes_on_when_resumed():
    from podium.engine.commands import Resume

    stage = cut_stage()
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 9", inline("a"))))
    key = stage.start("w")
    stage.send(key, Pause())
    stage.advance(10)
    assert stage.status(key) == "PAUSED"

    stage.send(key, Resume())
    stage.advance(0)

    assert stage.status(key) == "COMPLETED"


# ---- wake-ups


def test_the_wake_up_is_the_earliest_deadline(stage: Rehearsal):
    stage.register({"name": "a", "pollTimeoutSeconds": 30, "responseTimeoutSeconds": 10, "retryCount": 0})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    assert stage.workflow(key).head.wake_ms == stage.now_ms + 30_000

    stage.poll("a")

    assert stage.workflow(key).head.wake_ms == stage.now_ms + 10_000


def test_an_earlier_wake_up_stays_and_then_moves(stage: Rehearsal):
    """Moving the row with each lease would cost more than one idle look."""
    stage.register({"name": "a", "responseTimeoutSeconds": 10})
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.poll("a")
    first_ms = stage.workflow(key).head.wake_ms
    stage.advance(9)
    stage.update(key, "a", "IN_PROGRESS")
    stage.poll("a")
    assert stage.workflow(key).head.wake_ms == first_ms

    stage.advance(1)

    assert stage.status(key, "a") == "IN_PROGRESS"
    assert stage.workflow(key).head.wake_ms == stage.now_ms + 9_000


def test_extending_a_lease_for_ever_needs_no_memory(stage: Rehearsal):
    from podium.engine.commands import ExtendLease

    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    stage.poll("a")

    for _ in range(50):
        stage.advance(60)
        stage.send(key, ExtendLease(1))

    assert len(stage.workflow(key).wakes) == 1


def test_a_workflow_without_deadlines_sleeps(stage: Rehearsal):
    stage.register(workflow("w", step("h", "HUMAN")))

    assert stage.workflow(stage.start("w")).head.wake_ms == 0


def test_an_ended_workflow_is_not_woken_again(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), timeoutSeconds=5, timeoutPolicy="TIME_OUT_WF"))
    key = stage.start("w")
    stage.complete(key, "a")
    stage.now_ms += 60_000

    stage.send(key, Wake())
    stage.send(key, Decide())

    assert (stage.status(key), stage.workflow(key).head.wake_ms) == ("COMPLETED", 0)
