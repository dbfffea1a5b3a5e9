"""Retry: an ended workflow runs its failed and cancelled tasks again; and what that means for the workflow around it.

Preconditions raise the errors of `model.errors` with Conductor's texts; then nothing has been changed.
"""

from podium.engine.commands import AskEnd, ChildRevived, Retry
from podium.engine.complete import next_attempt, supersede
from podium.engine.control import revive, take_up, tell_revived
from podium.engine.finish import end_of, tell_end
from podium.engine.graph import SWITCHES
from podium.engine.restore import is_permissive, joined_refs, rebuild
from podium.engine.session import Place, Reach, Session
from podium.model.errors import Conflict, NotFound
from podium.model.ids import task_id
from podium.model.status import CANCELED, COMPLETED, IN_PROGRESS, SCHEDULED, TIMED_OUT
from podium.model.task import EMPTY, Task, TaskLog
from podium.model.workflow import waits_for_others

NOTHING_TO_RETRY = "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again."


def retry(session: Session, command: Retry, history: list[Task]) -> None:
    """Run failed and cancelled tasks again as new attempts, or pass the wish on to the failed sub-workflow."""
    if command.refused is not None:
        _retry_instead(session, command, history)
    elif command.by_parent:
        _retry_for_parent(session, command, history)
    else:
        _retry(session, command, history)


def _retry(session: Session, command: Retry, history: list[Task]) -> None:
    if command.resume_subworkflows and session.workflow.is_terminal and not any(task.is_bad for task in history):
        return  # there is no child to resume, which upstream takes for nothing to do
    refusal = _refusal(session, history)
    if refusal is not None:
        raise refusal
    if command.resume_subworkflows and _retried_in_child(session, history):
        return
    failed, containers = _to_retry(history)
    for task in failed:
        supersede(session, task)
    for task in containers:
        task.retry_count += task.status != CANCELED and not _fails_by_permission(session, task)
        reopen(session, task)
    revive(session)
    session.head.last_retried_ms = session.now_ms
    rebuild(session.workflow, history)
    for task in failed:
        _new_attempt(session, task)
    take_up(session, look_inside=True)
    if not command.is_awaited:
        tell_revived(session, "retried")


def _refusal(session: Session, history: list[Task]) -> Conflict | NotFound | None:
    status = session.head.status
    if not session.workflow.is_terminal:
        return NotFound(f"Workflow is still running.  status={status}")
    if status == COMPLETED:
        return Conflict(NOTHING_TO_RETRY)
    if not history:
        return Conflict("Workflow has not started yet")
    failed, containers = _to_retry(history)
    is_reason = bool(failed) or any(task.status != CANCELED for task in containers)
    return None if is_reason or status == TIMED_OUT else Conflict(NOTHING_TO_RETRY)


def _to_retry(history: list[Task]) -> tuple[list[Task], list[Task]]:
    """Return the tasks that ended badly as the latest of their reference names: those to attempt anew, and containers.

    Joins and loops go on under their ids. What a jump has left is superseded without a later attempt, and stays so.
    """
    bad = [task for task in newest(history) if task.is_bad and not task.retried]
    return [task for task in bad if not waits_for_others(task)], [task for task in bad if waits_for_others(task)]


def _fails_by_permission(session: Session, container: Task) -> bool:
    """Whether a join failed for a permissive task, which makes it no failure of its own."""
    if container.type not in ("JOIN", "EXCLUSIVE_JOIN"):
        return False
    refs = joined_refs(session.workflow, container)
    joined = (session.workflow.latest.get(ref) for ref in refs)
    return any(one is not None and one.is_bad and is_permissive(session.workflow, one) for one in joined)


def newest(history: list[Task]) -> list[Task]:
    """Return the latest task of each reference name, in the order of seq."""
    return sorted({task.ref: task for task in history}.values(), key=lambda task: task.seq)


def _new_attempt(session: Session, task: Task) -> None:
    step = session.step_of(task)
    if step is None:
        return
    task.executed = True
    if step.type in SWITCHES:  # its branch comes with it, so it is evaluated anew (upstream completes it unseen)
        place = Place(task.suffix, task.iteration, task.loop)
        session.reached.append(
            Reach(step, place, is_again=True, retry_count=task.retry_count + 1, retried_seq=task.seq)
        )
        return
    next_attempt(session, task, step, 0, is_automatic=False)


def reopen(session: Session, task: Task) -> None:
    """Have an ended join or loop go on under its id; the indexes are derived anew afterwards."""
    task.status = IN_PROGRESS
    task.ended_ms = 0
    task.executed = task.retried = False
    session.type_of(task.type).reopen(task, session)
    session.touch(task)


def begin_again(session: Session, task: Task) -> None:
    """Take an ended task back to the moment before it ran, under its id; `begin` it when the indexes are derived."""
    task.status = SCHEDULED
    task.executed = task.retried = False
    task.scheduled_ms = task.first_scheduled_ms = session.now_ms
    task.started_ms = task.ended_ms = task.updated_ms = task.due_ms = task.poll_count = 0
    task.start_delay_s = task.callback_after_s = 0
    task.output = EMPTY
    task.sub_workflow_id = None
    session.touch(task)


def begin(session: Session, task: Task) -> None:
    """Queue or start a task that was taken back."""
    if task.runs != "engine":
        session.enqueue(task, 0)
    else:
        task.started_ms = session.now_ms
        session.starting.append(task)


# ---- between parents and children


def _retried_in_child(session: Session, history: list[Task]) -> bool:
    """Ask the child of the first failed task to retry, if it has one; a child that does so revives its parent."""
    bad = [task for task in newest(history) if task.is_bad and not waits_for_others(task)]
    failed = [task for task in bad if task.status != CANCELED] or bad
    if not failed or failed[0].type != "SUB_WORKFLOW" or not failed[0].sub_workflow_id:
        return False
    _ask_child(session, failed[0], is_awaited=False)
    return True


def _ask_child(session: Session, task: Task, *, is_awaited: bool) -> None:
    """Ask the child of a sub-workflow task to retry."""
    wish = Retry(
        resume_subworkflows=True,
        by_parent=True,
        parent_id=session.head.id,
        parent_task_seq=task.seq,
        is_awaited=is_awaited,
    )
    if task.sub_workflow_id:
        session.send(task.sub_workflow_id, wish)


def _retry_for_parent(session: Session, command: Retry, history: list[Task]) -> None:
    """Retry if there is anything to retry, else tell the parent, which waits for one or the other."""
    if not session.workflow.is_terminal:
        return
    if _refusal(session, history) is None:
        _retry(session, command, history)
    elif session.head.parent_id:
        answer = end_of(session, session.head.status, session.head.reason)
        session.send(session.head.parent_id, answer if command.is_awaited else Retry(refused=answer))


def _retry_instead(session: Session, command: Retry, history: list[Task]) -> None:
    """Start a new child in place of one that can't be retried, unless somebody else has revived the workflow."""
    answer = command.refused
    task = next((one for one in history if answer is not None and one.seq == answer.seq), None)
    if task is not None and not task.retried and _refusal(session, history) is None:
        _retry(session, Retry(), history)


def answer_parent(session: Session, command: AskEnd) -> None:
    """Tell the parent how this workflow has ended, if it has; else it will be told anyway."""
    if session.workflow.is_terminal and session.head.parent_id == command.parent_id:
        tell_end(session, command.parent_id)


def revive_for_child(session: Session, command: ChildRevived, history: list[Task]) -> None:
    """Wait again for a child that runs again, unless its task is optional or superseded."""
    task = next((one for one in history if one.seq == command.seq), None)
    if task is None or task.retried or task.sub_workflow_id != command.child_id or task.is_open:
        return
    step = session.step_of(task)
    if step is not None and step.optional:
        return
    line = f"Sub workflow {command.chain} {command.verb}."
    session.change.logs.append((task.seq, TaskLog(line, task_id(session.head.id, task.seq), session.now_ms)))
    _wait_again(session, task)
    again = _reopen_siblings(session, task, history) if session.workflow.is_terminal else []
    revive(session)
    session.head.failed_refs, session.head.failed_names = [], []
    session.head.last_retried_ms = session.now_ms
    rebuild(session.workflow, history)
    for sibling in again:
        begin(session, sibling)
    take_up(session, look_inside=True)
    tell_revived(session, command.verb, command.chain)
    session.send(command.child_id, AskEnd(session.head.id, task.seq))


def _wait_again(session: Session, task: Task) -> None:
    """Have an ended sub-workflow task wait for its old child."""
    task.status = IN_PROGRESS
    task.ended_ms = 0
    task.executed = False
    task.reason = None
    session.touch(task)


def _reopen_siblings(session: Session, revived: Task, history: list[Task]) -> list[Task]:
    """Have everything else that had failed or was cancelled go on, too; returns the tasks that begin again.

    Otherwise the workflow would fail again at once, and take the child with it.
    """
    again = []
    for task in newest(history):
        if task is revived or not task.is_bad or (task.status != CANCELED and is_permissive(session.workflow, task)):
            continue
        if task.type == "SUB_WORKFLOW" and task.sub_workflow_id:
            _wait_again(session, task)
            _ask_child(session, task, is_awaited=True)
        elif waits_for_others(task):
            reopen(session, task)
        elif task.type in SWITCHES:
            supersede(session, task)
            _new_attempt(session, task)
        else:
            begin_again(session, task)
            task.retry_count += 1
            again.append(task)
    return again
