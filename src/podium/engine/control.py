"""What people do to a workflow: pause, resume, restart, skip, callbacks, variables, removal.

Preconditions raise the errors of `model.errors` with Conductor's texts; then nothing has been changed.
"""

from typing import Any

from podium.engine.commands import ChildRevived, Pause, Remove, Restart, Resume, SetVariables, SkipTask, Terminate
from podium.engine.complete import release
from podium.engine.finish import end_of, terminate
from podium.engine.restore import rebuild
from podium.engine.session import TOP, Plan, Reach, Session, decode
from podium.model.errors import Conflict, InvalidRequest, NotFound
from podium.model.status import COMPLETED, PAUSED, RUNNING, SCHEDULED, SKIPPED, TERMINATED
from podium.model.task import EMPTY
from podium.model.workflow import waits_for_others


def short_name(session: Session) -> str:
    """Return `name.version/id`."""
    head = session.head
    return f"{head.name}.{head.def_version}/{head.id}"


def pause(session: Session, _: Pause) -> None:
    """Stop scheduling; what workers hold goes on and its results are kept."""
    if session.workflow.is_terminal:
        raise Conflict(f"Workflow {short_name(session)} has ended, status cannot be updated.")
    _set_status(session, PAUSED)


def resume(session: Session, _: Resume) -> None:
    """Schedule what the results of the meantime call for; the workflow's time-out counts from now."""
    if not session.workflow.is_paused:
        raise Conflict(
            f"The workflow {session.head.id} is not PAUSED so cannot resume. Current status is {session.head.status}"
        )
    _set_status(session, RUNNING)
    session.head.last_retried_ms = session.now_ms
    take_up(session, look_inside=True)


def take_up(session: Session, *, look_inside: bool = False) -> None:
    """Have the consequences of all ended tasks that were not followed yet decided.

    Such tasks are left by a pause and by the cut of a long cascade; then joins and loops must be looked at, too.
    """
    workflow = session.workflow
    known = {task.seq for task in session.ended}
    left = [task for seq, task in sorted(workflow.pending.items()) if seq not in known]
    session.ended.extend(left)
    if look_inside or left:
        for task in sorted(workflow.open.values(), key=lambda one: one.seq) if workflow.waiting else ():
            if waits_for_others(task):
                session.need_settle(task)


def _set_status(session: Session, status: str) -> None:
    session.head.status = status
    session.change.is_changed = True


def stop(session: Session, command: Terminate) -> None:
    """Terminate on demand; ended workflows other than COMPLETED ones change their status as upstream does."""
    status = session.head.status
    if command.by_parent or status not in (COMPLETED, TERMINATED):
        terminate(session, command)
    elif status == COMPLETED:
        raise Conflict("Cannot terminate a COMPLETED workflow.")


def set_variables(session: Session, command: SetVariables) -> None:
    """Change variables from outside; only an open workflow has use for them."""
    if session.workflow.is_terminal:
        raise Conflict(f"Workflow {short_name(session)} has ended, its variables cannot be updated.")
    given = decode(command.variables)
    if command.append:
        known = session.scope.variables()
        given = {name: _appended(known.get(name), value) for name, value in given.items()}
    refusal = session.set_variables(given)
    if refusal:
        raise InvalidRequest(refusal)


def _appended(known: Any, value: Any) -> Any:
    if not isinstance(known, list):
        return value
    return [*known, *value] if isinstance(value, list) else [*known, value]


def remove(session: Session, command: Remove) -> None:
    """Delete the workflow and all of its rows; archiving is for ended ones only."""
    head = session.head
    is_open = not session.workflow.is_terminal
    if command.archive and is_open:
        raise InvalidRequest(f"Cannot archive workflow: {head.id} with status: {head.status}")
    if command.version and (command.version != head.version or session.change.is_changed):
        raise Conflict(f"Workflow {short_name(session)} has changed, and is not removed")
    for task in session.workflow.open.values():
        session.count_lease(task, -1)
    if is_open and head.parent_id:  # or it would wait for ever
        session.send(head.parent_id, end_of(session, TERMINATED, f"Workflow {head.id} was removed"))
    session.change.removed = True
    session.change.is_changed = True


# ---- restart


def restart(session: Session, command: Restart) -> None:
    """Delete all tasks and begin anew, with the present definition or the latest one."""
    head = session.head
    need_terminal(session, "restart")
    if head.status == COMPLETED and not session.graph.definition.restartable:
        raise NotFound(f"Workflow: {short_name(session)}.{head.status} is non-restartable")
    if command.def_hash:
        graph = session.context.graph_by_hash(command.def_hash)
        if graph is None:
            raise NotFound(f"Unable to find latest definition for {head.id}")
        session.graph = session.workflow.graph = graph
        head.def_hash, head.def_version = graph.hash, graph.version
    revive(session)
    drop_all(session)
    head.created_ms = session.now_ms
    head.last_retried_ms = head.ended_ms = 0
    head.failed_refs, head.failed_names = [], []
    session.workflow.output = EMPTY
    session.change.output_changed = True
    _reset_variables(session)
    schedule_first(session)
    tell_revived(session, "restarted")


def need_terminal(session: Session, verb: str) -> None:
    """Refuse what only an ended workflow allows."""
    if not session.workflow.is_terminal:
        name = f"{short_name(session)}.{session.head.status}"
        raise Conflict(f"Workflow: {name} is not in terminal state, unable to {verb}.")


def drop_all(session: Session) -> None:
    """Delete all tasks; numbers that were used are not used again."""
    session.change.deleted_all = True
    session.change.dequeued_all = True
    session.head.seq_base = session.head.next_seq - 1
    rebuild(session.workflow, [])


def _reset_variables(session: Session) -> None:
    session.workflow.variables = EMPTY
    session.change.variables_changed = True
    if session.graph.definition.variables:
        session.set_variables(session.graph.definition.variables)


def schedule_first(session: Session) -> None:
    """Have the first step created; a definition without steps is complete at once."""
    if session.graph.first is not None:
        session.reached.append(Reach(session.graph.steps[session.graph.first], TOP))


def revive(session: Session) -> None:
    """Let an ended workflow run again; a rate limit does not hold it back."""
    _set_status(session, RUNNING)
    session.head.reason = None
    session.head.failed_task_seq = 0


def tell_revived(session: Session, verb: str, chain: str = "") -> None:
    """Have the parent wait again for this workflow."""
    head = session.head
    if head.parent_id:
        name = short_name(session)
        chain = f"{name} -> {chain}" if chain else name
        session.send(head.parent_id, ChildRevived(head.parent_task_seq, head.id, chain, verb))


# ---- skip and callbacks


def skip(session: Session, command: SkipTask) -> None:
    """Mark a step that was not reached as skipped."""
    if session.head.status != RUNNING:
        raise Conflict(
            f"The workflow {session.head.id} is not running so the task referenced by {command.ref} cannot be skipped"
        )
    step = session.graph.steps.get(command.ref)
    if step is None:
        raise InvalidRequest(
            f"The task referenced by {command.ref} does not exist in the WorkflowDefinition {session.graph.name}"
        )
    if command.ref in session.workflow.latest:
        raise InvalidRequest(f"The task referenced {command.ref} has already been processed, cannot be skipped")
    plan = Plan(session)
    task = plan.new(
        step,
        TOP,
        type=step.name,
        status=SKIPPED,
        input=command.input,
        output=command.output,
        executed=True,
        runs="engine",
    )
    session.adopt(plan)
    release(session, task)


def reset_callbacks(session: Session) -> None:
    """Make every worker task that waits for its callback visible now."""
    if session.workflow.is_terminal:
        raise Conflict(f"Workflow is in terminal state. Status = {session.head.status}")
    for task in session.workflow.open.values():
        if task.runs == "worker" and task.status == SCHEDULED and task.callback_after_s > 0:
            task.callback_after_s = 0
            task.updated_ms = session.now_ms
            session.enqueue(task, 0)
            session.touch(task)
            session.watch(task)


def release_quarantined(session: Session) -> str:
    """End a quarantine and return what it was for; scheduled tasks are back in their queues."""
    reason = session.head.quarantine
    if reason is None:
        raise Conflict(f"Workflow {session.head.id} is not quarantined.")
    session.head.quarantine = None
    session.change.is_changed = True
    for seq in list(session.workflow.open):
        requeue(session, seq)
    take_up(session, look_inside=True)
    return reason


def requeue(session: Session, seq: int) -> bool:
    """Make one scheduled task visible now; False when there is no such task."""
    task = session.workflow.open.get(seq)
    if task is None or task.status != SCHEDULED or task.runs == "engine":
        return False
    session.enqueue(task, 0)
    return True
