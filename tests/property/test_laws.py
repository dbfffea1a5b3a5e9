"""Laws that hold for every definition and every sequence of commands."""

from typing import Any

from hypothesis import given
from tests.property.definitions import Json
from tests.property.plays import Play, Plot, has_wake_up, plots

from podium.engine.commands import UpdateTask
from podium.engine.deadlines import next_due_ms
from podium.engine.graph import step_of
from podium.model.status import COMPLETED_WITH_ERRORS, RUNNING, SCHEDULED, TASK_OPEN, WORKFLOW_TERMINAL
from podium.model.workflow import Workflow
from podium.testing import Rehearsal

# ---- what was kept in memory is what the rows say


def indexes(flow: Workflow) -> Json:
    """Return everything of a workflow that its rows must determine."""
    return {
        "head": flow.head,
        "payloads": (flow.input, flow.output, flow.variables),
        "open": flow.open,
        "pending": flow.pending,
        "latest": flow.latest,
        "plain": flow.plain,
        "waiting": flow.waiting,
        "joins": {ref: sorted(seqs) for ref, seqs in flow.joins.items()},
        "left": flow.left,
        "loops": {ref: (loop.open, str(loop.outputs), loop.tasks, loop.source) for ref, loop in flow.loops.items()},
        "permissive": flow.permissive,
        "failed": flow.failed,
    }


def look_at_rows(play: Play, kind: str) -> None:
    for key in play.stage.workflow_ids():
        memory, stored = indexes(play.stage.workflow(key)), indexes(play.stage.restored(key))
        differing = [name for name in memory if memory[name] != stored[name]]
        look_at_watch(play.stage.workflow(key))
        look_at_watch(play.stage.restored(key))
        shown = [f"{name}: memory {memory[name]}\n rows {stored[name]}" for name in differing]
        assert not differing, f"after {kind}: {play.stage.lines(key)}\n" + "\n".join(shown)


def look_at_watch(flow: Workflow) -> None:
    """Every deadline has an entry in the heap, which may be too early, but not too late."""
    entries = set(flow.wakes)
    for task in flow.open.values():
        due_ms = next_due_ms(task, step_of(flow, task))
        if due_ms:
            assert 0 < flow.watched.get(task.seq, 0) <= due_ms, f"{task.ref} is not watched"
            assert (flow.watched[task.seq], task.seq) in entries


@given(plots)
def test_a_workflow_restored_from_its_rows_equals_the_one_in_memory(plot: Plot) -> None:
    plot.play(look_at_rows)


@given(plots)
def test_a_server_that_forgets_after_each_command_decides_the_same(plot: Plot) -> None:
    remembering, forgetting = plot.play(), plot.play(is_forgetful=True)

    assert state_of(forgetting.stage) == state_of(remembering.stage)


@given(plots)
def test_the_same_play_gives_the_same_rows_each_time(plot: Plot) -> None:
    first, second = plot.play(), plot.play()

    assert state_of(first.stage) == state_of(second.stage)
    assert [change.messages for change in first.stage.commits] == [change.messages for change in second.stage.commits]


def state_of(stage: Rehearsal) -> list[Any]:
    """Return all rows but wake-ups, which may be early, and versions, which count them."""
    found: list[Any] = []
    for key in stage.workflow_ids():
        head = stage.rows(key).head()
        head.wake_ms = head.version = head.updated_ms = 0
        found.append((head, stage.tasks(key), sorted(stage.rows(key).queue_rows(), key=lambda row: row.seq)))
    return found


# ---- nothing ends twice


class Endings:
    """Sees the status of every task and workflow after each move."""

    def __init__(self) -> None:
        self.tasks: dict[tuple[str, int], str] = {}
        self.workflows: dict[str, str] = {}

    def look(self, play: Play, kind: str) -> None:
        is_revival = kind in ("retry", "restart", "rerun", "repeat")
        for key in play.stage.workflow_ids():
            status = play.stage.workflow(key).head.status
            before = self.workflows.get(key)
            self.workflows[key] = status
            if before in WORKFLOW_TERMINAL and not is_revival:
                is_termination = kind == "terminate" and before in ("FAILED", "TIMED_OUT") and status == "TERMINATED"
                assert status == before or is_termination, f"{kind}: workflow {before} -> {status}"
            for task in play.stage.tasks(key):
                was = self.tasks.get((key, task.seq), SCHEDULED)
                self.tasks[key, task.seq] = task.status
                if was not in TASK_OPEN and not is_revival and task.status != was:
                    assert task.status == COMPLETED_WITH_ERRORS, f"{kind}: {task.ref} {was} -> {task.status}"


@given(plots)
def test_nothing_ends_twice(plot: Plot) -> None:
    plot.play(Endings().look)


# ---- nothing is stuck


def look_for_wake_ups(play: Play, kind: str) -> None:
    for key in play.stage.workflow_ids():
        assert play.stage.reason(key) != "Nothing that is open can go on", play.stage.lines(key)
        if not play.stage.workflow(key).is_terminal:
            assert has_wake_up(play, key), f"after {kind} nothing wakes {play.stage.lines(key)}"


@given(plots)
def test_every_open_workflow_has_something_that_wakes_it(plot: Plot) -> None:
    plot.play(look_for_wake_ups)


@given(plots)
def test_every_workflow_ends_when_its_tasks_are_done(plot: Plot) -> None:
    scene = plot.play()

    scene.finish_all()


def look_at_deadlines(play: Play, kind: str) -> None:
    for key in play.stage.workflow_ids():
        flow = play.stage.workflow(key)
        times = [next_due_ms(task, step_of(flow, task)) for task in flow.open.values()]
        due_ms = min((time for time in times if time), default=0)
        if flow.head.status == RUNNING and due_ms:
            assert 0 < flow.head.wake_ms <= max(due_ms, play.stage.now_ms), (
                f"after {kind}: {flow.head.wake_ms} > {due_ms}"
            )


@given(plots)
def test_the_wake_up_is_never_later_than_the_earliest_deadline(plot: Plot) -> None:
    plot.play(look_at_deadlines)


# ---- what was said before or too late changes nothing


def look_at_repetition(play: Play, kind: str) -> None:
    if play.last is None or kind == "repeat":
        return
    key, command = play.last
    if key not in play.stage.workflow_ids() or not isinstance(command, UpdateTask) or command.status == "IN_PROGRESS":
        return
    commits = len(play.stage.commits)
    play.stage.send(key, command)
    assert len(play.stage.commits) == commits, f"{command} had an effect after {kind}"


@given(plots)
def test_a_result_that_comes_again_changes_nothing(plot: Plot) -> None:
    finishing = [move for move in plot.moves if move.kind not in ("retry", "restart", "rerun", "repeat")]

    # with a cut, any command goes on with what was left
    plot._replace(moves=finishing, cut=1_000).play(look_at_repetition)


@given(plots)
def test_results_of_two_tasks_may_come_in_any_order(plot: Plot) -> None:
    """The order of two results shows only in times and numbers, never in which tasks there are and how they ended."""
    first = plot.play()
    flow = first.stage.workflow(first.root)
    seqs = [seq for seq, task in sorted(flow.open.items()) if task.type not in ("JOIN", "EXCLUSIVE_JOIN", "DO_WHILE")][
        :2
    ]
    if len(seqs) < 2 or flow.is_paused:
        return
    second = plot.play()

    for scene, order in ((first, seqs), (second, seqs[::-1])):
        for seq in order:
            scene.send(scene.root, UpdateTask(seq, "COMPLETED", b'{"o":1}'))

    if first.stage.workflow(first.root).head.status == RUNNING == second.stage.workflow(second.root).head.status:
        assert outcome(first) == outcome(second)


def outcome(play: Play) -> set[tuple[str, str, int]]:
    return {(task.ref, task.status, task.retry_count) for task in play.stage.tasks(play.root)}


# ---- rows are in order


def look_at_order(play: Play, kind: str) -> None:
    stage = play.stage
    for key in stage.workflow_ids():
        head, tasks = stage.rows(key).head(), stage.tasks(key)
        open_seqs = {task.seq for task in tasks if task.is_open and task.runs != "engine"}
        queued = {row.seq for row in stage.rows(key).queue_rows()}
        assert queued <= open_seqs, f"after {kind}: queue rows {queued - open_seqs} without a task"
        waiting = {task.seq for task in tasks if task.status == SCHEDULED and task.runs != "engine"}
        assert waiting <= queued, f"after {kind}: tasks {waiting - queued} in no queue"
        assert all(task.seq < head.next_seq for task in tasks)
        if head.status in WORKFLOW_TERMINAL:
            assert not any(task.is_open for task in tasks), f"after {kind}: {stage.lines(key)}"
            assert not queued
            assert head.wake_ms == 0


@given(plots)
def test_queues_hold_waiting_tasks_and_ended_workflows_hold_none(plot: Plot) -> None:
    plot.play(look_at_order)


@given(plots)
def test_leases_balance(plot: Plot) -> None:
    """The tasks counted as in progress are those that are, in every commit."""
    scene = plot.play()

    counted = sum(sum(change.leases.values()) for change in scene.stage.commits)

    assert counted == sum(
        task.status == "IN_PROGRESS" and task.runs != "engine"
        for key in scene.stage.workflow_ids()
        for task in scene.stage.tasks(key)
    )
