"""What follows when a task has ended: a retry, the end of the workflow, the next step, a join or loop to look at.

This is the heart of the incremental decision: it touches the ended task, its successor, and counters of the joins and
the loop around it, never the list of all tasks.
"""

from msgspec.structs import replace

from podium.engine.graph import FORKS, SWITCHES, Step
from podium.engine.restore import has_ended, tail_ref
from podium.engine.retries import backoff_s, budget_spent_s, jitter_ms, retry_limit
from podium.engine.session import Place, Plan, Session, WorkflowEnds
from podium.expressions.bounds import ExpressionTooLarge
from podium.model.ids import task_id
from podium.model.status import COMPLETED_WITH_ERRORS, FAILED, SCHEDULED, SKIPPED, TASK_RETRIABLE, workflow_status_of
from podium.model.task import EMPTY, Task


def follow(session: Session, task: Task) -> None:
    """Do what follows from the end of *task*; raises `WorkflowEnds`, or `ScriptNeeded` to be called again."""
    step = session.step_of(task)
    if task.is_bad:
        if _retried(session, task, step):
            return
        _settle_failure(session, task, step)
    plan = _successors(session, task, step)
    task.executed = True
    session.passed.append(task)
    session.workflow.pending.pop(task.seq, None)
    session.workflow.note_failure(task)
    session.touch(task)
    release(session, task)
    if plan is not None:
        session.adopt(plan)


def pass_over(session: Session, task: Task) -> None:
    """Settle the failure of *task*, if it is one, beside a TERMINATE: nothing new begins there."""
    step = session.step_of(task)
    if task.is_bad and not _may_retry(session, task, step):
        _settle_failure(session, task, step)
        session.touch(task)


def _settle_failure(session: Session, task: Task, step: Step | None) -> None:
    """Let an optional or permissive failure pass; any other ends the workflow."""
    if step is not None and step.optional:
        task.status = COMPLETED_WITH_ERRORS
    elif step is not None and step.permissive:
        session.workflow.permissive[task.seq] = task
    else:
        raise ends_by(session, task)


def is_fatal(session: Session, task: Task) -> bool:
    """Whether the failed *task* ends the workflow: it is not tried again, and nothing lets its failure pass."""
    step = session.step_of(task)
    if task.seq not in session.workflow.pending or (step is not None and (step.optional or step.permissive)):
        return False
    return not _may_retry(session, task, step)


def ends_by(session: Session, task: Task) -> WorkflowEnds:
    """Return the end of the workflow that a failed task causes."""
    status = workflow_status_of(task.status)
    return WorkflowEnds(status, failure_text(session, task, status), task)


def failure_text(session: Session, task: Task, status: str) -> str:
    """Return Conductor's text for the failure of a task."""
    reason = "null" if task.reason is None else task.reason
    return f"Task {task_id(session.head.id, task.seq)} failed with status: {status} and reason: '{reason}'"


def permissive_end(session: Session) -> WorkflowEnds | None:
    """Return the end that failed permissive tasks cause once all else is done, None when there are none.

    Upstream names none of them as its cause.
    """
    failed = [task for task in session.workflow.permissive.values() if task.is_bad]
    if not failed:
        return None
    return WorkflowEnds(FAILED, ". ".join(failure_text(session, task, task.status) for task in failed))


def is_terminate(task: Task) -> bool:
    """Whether *task* ends the workflow when it succeeds, and is not a worker's task that is named so."""
    return task.type == "TERMINATE" and task.runs == "engine"


def terminated_by(session: Session, task: Task) -> WorkflowEnds:
    """Return the end that a TERMINATE task asks for; permissive failures make it FAILED, as upstream does."""
    failure = permissive_end(session)
    if failure is not None:
        return failure
    given = session.value(task, "input")
    status = str(given.get("terminationStatus"))
    reason = given.get("terminationReason")
    if not reason:
        reason = f"Workflow is {status} by TERMINATE task: {task_id(session.head.id, task.seq)}"
    return WorkflowEnds(status, str(reason), task)


# ---- retries


def _retried(session: Session, task: Task, step: Step | None) -> bool:
    """Start the next attempt of a failed task when its policy allows one."""
    if step is None or not _may_retry(session, task, step):
        return False
    task_def = step.task_def
    elapsed_s = budget_spent_s(task, task_def, session.now_ms)
    if elapsed_s is not None and task_def is not None:
        text = (
            f"Task {task_id(session.head.id, task.seq)}/{task.name} exceeded total timeout of "
            f"{task_def.totalTimeoutSeconds} seconds (elapsed {elapsed_s} seconds across all attempts). "
            "No further retries will be attempted."
        )
        raise WorkflowEnds(workflow_status_of(task.status), text, task)
    delay_s = backoff_s(task_def, task.retry_count) if task_def else 0
    attempt = next_attempt(session, task, step, delay_s)
    extra_ms = jitter_ms(task_def, session.context.jitter()) if task_def else 0
    if extra_ms and attempt.queue:
        session.enqueue(attempt, delay_s * 1000 + extra_ms)
    return True


def _may_retry(session: Session, task: Task, step: Step | None) -> bool:
    if step is None or task.status not in TASK_RETRIABLE or not session.type_of(step.type).is_retried:
        return False
    return retry_limit(step) > task.retry_count


def next_attempt(session: Session, task: Task, step: Step, delay_s: int, *, is_automatic: bool = True) -> Task:
    """Schedule a further attempt of an ended task.

    Upstream carries the reason of the failure over to an automatic one. One that somebody asks for has a total budget
    of its own.
    """
    plan = Plan(session)
    attempt = replace(
        task,
        seq=plan.next_seq,
        status=SCHEDULED,
        input=_next_input(session, task, step),
        output=EMPTY,
        started_ms=0,
        ended_ms=0,
        updated_ms=0 if is_automatic else session.now_ms,
        first_scheduled_ms=task.first_scheduled_ms if is_automatic else 0,
        due_ms=_due_ms(session, task, delay_s),
        retry_count=task.retry_count + 1,
        retried=False,
        retried_seq=task.seq,
        executed=False,
        poll_count=0,
        worker_id=None,
        reason=task.reason if is_automatic else None,
        start_delay_s=delay_s,
        callback_after_s=delay_s,
        sub_workflow_id=None,
        sub_workflow_changed=False,
        queue="",
    )
    plan.next_seq += 1
    plan.append(attempt, step)
    supersede(session, task)
    session.adopt(plan)
    return attempt


def _next_input(session: Session, task: Task, step: Step) -> bytes:
    try:
        return session.type_of(step.type).next_input(task, step, session)
    except ExpressionTooLarge as error:
        raise WorkflowEnds(FAILED, error.message, task) from error


def supersede(session: Session, task: Task) -> None:
    """Note that a newer attempt takes the place of *task*."""
    task.retried = True
    session.workflow.pending.pop(task.seq, None)
    session.workflow.permissive.pop(task.seq, None)
    session.workflow.note_failure(task)
    session.touch(task)


def _due_ms(session: Session, task: Task, delay_s: int) -> int:
    """Return when the attempt starts by itself, or for a wait its old deadline.

    What the engine evaluates itself is tried again at once; only what starts another workflow waits.
    """
    if task.type == "WAIT":
        return task.due_ms
    is_delayed = delay_s > 0 and task.runs == "engine" and task.type in ("SUB_WORKFLOW", "START_WORKFLOW")
    return session.now_ms + delay_s * 1000 if is_delayed else 0


# ---- successors


def _successors(session: Session, task: Task, step: Step | None) -> Plan | None:
    if step is None or step.next is None or is_terminate(task):
        return None
    if step.type in SWITCHES and _has_children(session, task):
        return None
    if task.loop and not _is_current(session, task):
        return None
    following = reachable(session, step.steps.get(step.next), task.suffix)
    if following is None:
        return None
    plan = Plan(session)
    plan.add(following, Place(task.suffix, task.iteration, task.loop))
    return plan


def _is_current(session: Session, task: Task) -> bool:
    """Whether the iteration of *task* is the current one; what comes after it in an earlier one is done."""
    owner = session.workflow.latest.get(task.loop)
    return owner is not None and owner.loop_count == task.iteration


def _has_children(session: Session, task: Task) -> bool:
    return b'"hasChildren"' in task.input and bool(session.value(task, "input").get("hasChildren"))


def reachable(session: Session, step: Step | None, suffix: str = "") -> Step | None:
    """Return *step*, or the first one after it that is not skipped; None when that one has an instance already."""
    while step is not None:
        present = session.workflow.latest.get(step.ref + suffix)
        if present is None and suffix:
            present = session.workflow.latest.get(step.ref)  # skipped for all iterations
        if present is None:
            return step
        if present.status != SKIPPED:
            return None
        if step.type in FORKS and step.next:
            step = step.steps[step.next]  # a fork is skipped with its branches, and so with their join
        step = step.steps.get(step.next) if step.next else None
    return None


# ---- joins and loops around an ended task


def release(session: Session, task: Task) -> None:
    """Count the end of *task* in the joins that wait for it, and have its loop looked at when nothing is open in it."""
    workflow = session.workflow
    waiting = workflow.joins.pop(task.ref, None)
    if waiting is not None:
        _release_joins(session, task.ref, waiting)
    loop = workflow.loops.get(task.loop) if task.loop else None
    if loop is not None and (loop.open == 0 or task.is_bad):
        owner = workflow.latest.get(task.loop)
        if owner is not None and owner.is_open:
            session.need_settle(owner)


def _release_joins(session: Session, ref: str, waiting: list[int]) -> None:
    workflow = session.workflow
    tail = tail_ref(workflow, ref)
    if tail != ref and not has_ended(workflow.latest.get(tail)):
        workflow.joins.setdefault(tail, []).extend(waiting)
        return
    for seq in waiting:
        workflow.left[seq] -= 1
        join = workflow.open[seq]
        if workflow.left[seq] == 0 or join.type == "EXCLUSIVE_JOIN":
            session.need_settle(join)
