"""What people do to a workflow: pause, resume, restart, retry, rerun, skip, and what a revived child does to its parent.

Preconditions raise the errors of `model.errors` with Conductor's texts; then nothing has been changed.
"""

from podium.engine.commands import (
    ChildRevived,
    Pause,
    Remove,
    Restart,
    Resume,
    Retry,
    SetVariables,
    SkipTask,
    Terminate,
)
from podium.engine.complete import next_attempt
from podium.engine.finish import terminate
from podium.engine.restore import JOINS, rebuild
from podium.engine.session import TOP, Plan, Session, decode
from podium.model.errors import Conflict, InvalidRequest, NotFound
from podium.model.ids import task_id
from podium.model.status import (
    CANCELED,
    COMPLETED,
    IN_PROGRESS,
    PAUSED,
    RUNNING,
    SCHEDULED,
    SKIPPED,
    TERMINATED,
    TIMED_OUT,
)
from podium.model.task import EMPTY, Task, TaskLog

KEEPS_ID = ("DO_WHILE", *JOINS)


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
            f"The workflow ID is not PAUSED so cannot resume. Current status is {session.head.status}"
        )
    _set_status(session, RUNNING)
    session.head.last_retried_ms = session.now_ms
    take_up(session)


def take_up(session: Session) -> None:
    """Have the consequences of all ended tasks that were not followed yet decided."""
    pending = [task for task in session.workflow.latest.values() if _is_pending(task)]
    session.ended.extend(sorted(pending, key=lambda task: task.seq))
    for task in session.workflow.open.values():
        if task.type in JOINS and not session.workflow.left.get(task.seq):
            session.need_settle(task)


def _is_pending(task: Task) -> bool:
    return not (task.is_open or task.executed or task.retried or task.status == SKIPPED)


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
    refusal = session.set_variables(decode(command.variables))
    if refusal:
        raise InvalidRequest(refusal)


def remove(session: Session, command: Remove) -> None:
    """Delete the workflow with all of its rows; archiving is for ended ones only."""
    if command.archive and not session.workflow.is_terminal:
        raise InvalidRequest(f"Cannot archive workflow: {session.head.id} with status: {session.head.status}")
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
    drop_all(session)
    head.created_ms = session.now_ms
    head.last_retried_ms = head.ended_ms = 0
    head.failed_refs, head.failed_names = [], []
    session.workflow.output = EMPTY
    session.change.output_changed = True
    _reset_variables(session)
    revive(session)
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
    session.workflow.values.pop("variables", None)
    session.change.variables_changed = True
    if session.graph.definition.variables:
        session.set_variables(session.graph.definition.variables)


def schedule_first(session: Session) -> None:
    """Schedule the first step that is not skipped; a definition without steps is complete at once."""
    ref = session.graph.first
    while ref is not None:
        step = session.graph.steps[ref]
        present = session.workflow.latest.get(ref)
        if present is None:
            plan = Plan(session)
            plan.add(step, TOP)
            session.adopt(plan)
            return
        ref = step.next


def revive(session: Session) -> None:
    """Let an ended workflow run again."""
    _set_status(session, RUNNING)
    session.head.reason = None
    session.head.failed_task_seq = 0


# ---- retry


def retry(session: Session, command: Retry, history: list[Task]) -> None:
    """Run failed and cancelled tasks again as new attempts, or pass the wish on to the failed sub-workflow."""
    head = session.head
    if not session.workflow.is_terminal:
        if command.by_parent:
            return
        raise NotFound(f"Workflow is still running.  status={head.status}")
    if command.resume_subworkflows and _retried_in_child(session, history):
        return
    if head.status == COMPLETED:
        raise Conflict(_NOTHING_TO_RETRY)
    if not history:
        raise Conflict("Workflow has not started yet")
    failed = _failed_tasks(history)
    if not failed and head.status != TIMED_OUT:
        raise Conflict(_NOTHING_TO_RETRY)
    revive(session)
    head.last_retried_ms = session.now_ms
    _reopen_containers(session, history)
    for task in failed:
        _new_attempt(session, task)
    take_up(session)
    tell_revived(session, "retried")


_NOTHING_TO_RETRY = (
    "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again."
)


def _retried_in_child(session: Session, history: list[Task]) -> bool:
    """Ask the child of the newest failed sub-workflow task to retry; it revives this workflow when it does."""
    newest = {task.ref: task for task in history}
    for task in newest.values():
        if task.is_bad and task.type == "SUB_WORKFLOW" and task.sub_workflow_id:
            session.send(task.sub_workflow_id, Retry(resume_subworkflows=True, by_parent=True))
            return True
    return False


def _failed_tasks(history: list[Task]) -> list[Task]:
    """Return the tasks to attempt again: per reference name the latest when it ended badly, containers excepted."""
    found: dict[str, Task] = {}
    for task in history:
        if task.is_bad and task.type not in KEEPS_ID:
            found[task.ref] = task
        else:
            found.pop(task.ref, None)
    return sorted(found.values(), key=lambda task: task.seq)


def _reopen_containers(session: Session, history: list[Task]) -> None:
    """Set joins and loops that did not end well to IN_PROGRESS under their old ids, then derive the indexes anew."""
    newest = {task.ref: task for task in history}
    for task in newest.values():
        if task.is_bad and task.type in KEEPS_ID:
            reopen(session, task)
            task.retry_count += 1
    rebuild(session.workflow, history)


def reopen(session: Session, task: Task, status: str = IN_PROGRESS) -> None:
    """Make an ended task open again, without touching the indexes."""
    task.status = status
    task.ended_ms = 0
    task.executed = task.retried = False
    session.touch(task)


def _new_attempt(session: Session, task: Task) -> None:
    step = session.step_of(task)
    if step is None:
        return
    task.executed = True
    next_attempt(session, task, step, 0, keep_reason=False)


# ---- parents of revived workflows


def tell_revived(session: Session, verb: str, chain: str = "") -> None:
    """Have the parent wait again for this workflow."""
    head = session.head
    if head.parent_id:
        name = short_name(session)
        chain = f"{name} -> {chain}" if chain else name
        session.send(head.parent_id, ChildRevived(head.parent_task_seq, head.id, chain, verb))


def revive_for_child(session: Session, command: ChildRevived, history: list[Task]) -> None:
    """Wait again for a child that runs again, unless its task is optional or superseded."""
    task = next((one for one in history if one.seq == command.seq), None)
    if task is None or task.retried or task.sub_workflow_id != command.child_id or task.is_open:
        return
    step = session.step_of(task)
    if step is not None and step.optional:
        return
    reopen(session, task)
    task.reason = None
    task.sub_workflow_changed = True
    line = TaskLog(
        f"Sub workflow {command.chain} {command.verb}.", task_id(session.head.id, task.seq), session.now_ms
    )
    session.change.logs.append((task.seq, line))
    was_terminal = session.workflow.is_terminal
    revive(session)
    session.head.failed_refs, session.head.failed_names = [], []
    session.head.last_retried_ms = session.now_ms
    if was_terminal:
        _reopen_siblings(session, task, history)
    rebuild(session.workflow, history)
    for open_task in sorted(session.workflow.open.values(), key=lambda one: one.seq):
        if open_task.status == SCHEDULED:
            session.enqueue(open_task, 0) if open_task.runs != "engine" else session.starting.append(
                open_task
            )
    take_up(session)
    tell_revived(session, command.verb, command.chain)


def _reopen_siblings(session: Session, revived: Task, history: list[Task]) -> None:
    newest = {task.ref: task for task in history}
    for task in newest.values():
        if task is revived or not task.is_bad:
            continue
        if task.type == "SUB_WORKFLOW" and task.sub_workflow_id:
            reopen(session, task)
            session.send(task.sub_workflow_id, Retry(resume_subworkflows=True, by_parent=True))
        elif task.type in KEEPS_ID:
            reopen(session, task)
        elif task.status == CANCELED:
            reopen(session, task, SCHEDULED)
            task.retry_count += 1


# ---- skip and callbacks


def skip(session: Session, command: SkipTask) -> None:
    """Mark a step that was not reached as skipped."""
    if session.head.status != RUNNING:
        raise Conflict(
            f"The workflow ID is not running so the task referenced by {command.ref} cannot be skipped"
        )
    step = session.graph.steps.get(command.ref)
    if step is None:
        raise InvalidRequest(
            f"The task referenced by {command.ref} does not exist in the WorkflowDefinition {session.graph.name}"
        )
    if command.ref in session.workflow.latest:
        raise InvalidRequest(
            f"The task referenced {command.ref} has already been processed, cannot be skipped"
        )
    plan = Plan(session)
    plan.new(
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
    session.ended.clear()


def reset_callbacks(session: Session) -> None:
    """Make every worker task that waits for its callback visible now."""
    if session.workflow.is_terminal:
        raise Conflict(f"Workflow is in terminal state. Status = {session.head.status}")
    for task in session.workflow.open.values():
        if task.runs == "worker" and task.status == SCHEDULED and task.callback_after_s > 0:
            task.callback_after_s = 0
            session.enqueue(task, 0)
            session.touch(task)


def requeue(session: Session, seq: int) -> bool:
    """Make one scheduled task visible now; False when there is no such task."""
    task = session.workflow.open.get(seq)
    if task is None or task.status != SCHEDULED or task.runs == "engine":
        return False
    session.enqueue(task, 0)
    return True
