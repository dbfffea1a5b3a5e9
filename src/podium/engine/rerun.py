"""Rerun: take the workflow back to one task, or to its beginning.

Only what comes after the task goes: sibling branches of a fork keep their results, and the joins and loops around the task are opened
again. (Upstream deletes everything with a higher sequence number and so loses parallel branches.)
"""

from podium.engine.commands import Rerun
from podium.engine.control import (
    KEEPS_ID,
    drop_all,
    need_terminal,
    reopen,
    revive,
    schedule_first,
    take_up,
    tell_revived,
)
from podium.engine.graph import FORKS, Graph
from podium.engine.restore import JOINS, rebuild
from podium.engine.session import Place, Plan, Session
from podium.model.errors import InvalidRequest
from podium.model.ids import task_id
from podium.model.status import IN_PROGRESS, SCHEDULED
from podium.model.task import EMPTY, Task

REPLACED = ("SWITCH", "DECISION", "DO_WHILE", *FORKS)
"""Steps whose task is deleted and created anew, since their children come with them."""


def rerun(session: Session, command: Rerun, history: list[Task]) -> None:
    """Run again from task number `command.seq`, or everything when that is 0."""
    need_terminal(session, "rerun")
    target = next((task for task in history if task.seq == command.seq), None)
    if command.seq and target is None:
        raise InvalidRequest(f"Task {task_id(session.head.id, command.seq)} not found")
    _take_inputs(session, command)
    revive(session)
    session.head.failed_refs, session.head.failed_names = [], []
    if target is None:
        drop_all(session)
        schedule_first(session)
    else:
        _from_task(session, target, command, history)
    tell_revived(session, "reran")


def _take_inputs(session: Session, command: Rerun) -> None:
    if command.workflow_input is not None:
        session.workflow.input = command.workflow_input
        session.workflow.values.pop("input", None)
        session.change.input_changed = True
    if command.correlation_id is not None:
        session.head.correlation_id = command.correlation_id


def _from_task(session: Session, target: Task, command: Rerun, history: list[Task]) -> None:
    step = session.step_of(target)
    replaced = step is not None and step.type in REPLACED
    gone, reopened = region(session.graph, target)
    kept = []
    for task in history:
        if _is_gone(task, target, gone) or (replaced and task is target):
            session.change.deleted.append(task.seq)
        else:
            kept.append(task)
    for task in kept:
        _put_right(session, task, target, reopened)
    if not replaced:
        _reset(session, target, command)
    rebuild(session.workflow, kept)
    if step is not None and replaced:
        plan = Plan(session)
        plan.add(step, Place(target.suffix, target.iteration, target.loop))
        session.adopt(plan)
    _begin(session, kept)
    take_up(session)


def region(graph: Graph, target: Task) -> tuple[set[str], list[str]]:
    """Return the reference names of steps that come after *target*, and those of the joins and loops around it."""
    gone: set[str] = set()
    around: list[str] = []
    step = graph.steps.get(target.step)
    if step is not None:
        gone.update(step.body)
    while step is not None:
        ref = step.next
        while ref is not None:
            gone.update((ref, *graph.steps[ref].body))
            ref = graph.steps[ref].next
        step = step.parent
        while step is not None and step.type in ("SWITCH", "DECISION"):
            step = step.parent
        if step is not None and step.type in FORKS and step.next:
            step = graph.steps[step.next]
        if step is not None:
            around.append(step.ref)
    gone.difference_update(around)
    return gone, around


def _is_gone(task: Task, target: Task, gone: set[str]) -> bool:
    if task.seq <= target.seq:
        return False
    if task.loop and task.loop == target.loop and task.iteration > target.iteration:
        return True
    return (
        task.step in gone
        or task.ref == target.ref
        or (task.dynamic_step is not None
        and task.loop != target.loop)
    )


def _put_right(session: Session, task: Task, target: Task, reopened: list[str]) -> None:
    """Open the containers around the target, and whatever else had failed, without new attempts."""
    if task is target or task.retried:
        return
    if task.step in reopened and task.type in KEEPS_ID:
        reopen(session, task)
        task.reason = None
        if task.type == "DO_WHILE":
            task.loop_count = target.iteration if task.ref == target.loop else task.loop_count
            task.output = b'{"iteration":%d}' % task.loop_count
        else:
            task.output = EMPTY
    elif task.is_bad:
        reopen(session, task, IN_PROGRESS if task.type in KEEPS_ID else SCHEDULED)
        task.reason = None
        task.started_ms = 0
        task.sub_workflow_id = None


def _reset(session: Session, task: Task, command: Rerun) -> None:
    """Take a task back to the moment before it ran; its id, attempt number, worker and reason stay."""
    reopen(session, task, IN_PROGRESS if task.type in JOINS else SCHEDULED)
    if command.task_input is not None:
        task.input = command.task_input
    task.scheduled_ms = task.first_scheduled_ms = session.now_ms
    task.started_ms = task.updated_ms = task.poll_count = 0
    task.output = EMPTY
    task.sub_workflow_id = None


def _begin(session: Session, kept: list[Task]) -> None:
    for task in kept:
        if not task.is_open or task.type in KEEPS_ID:
            continue
        if task.runs != "engine":
            session.enqueue(task, 0)
        elif task.status == SCHEDULED:
            task.started_ms = session.now_ms
            session.starting.append(task)
