"""What follows when a task has ended: a retry, the end of the workflow, the next step, a join or loop to look at.

This is the heart of the incremental decision: it touches the ended task, its successor, and counters of the joins and the loop around it,
never the list of all tasks.
"""

from msgspec.structs import replace

from podium.engine.graph import Step
from podium.engine.retries import backoff_s, budget_spent_s, jitter_ms, retry_limit
from podium.engine.session import Place, Plan, Session, WorkflowEnds
from podium.model.ids import task_id
from podium.model.status import COMPLETED_WITH_ERRORS, SCHEDULED, SKIPPED, TASK_RETRIABLE, workflow_status_of
from podium.model.task import EMPTY, Task


def follow(session: Session, task: Task) -> None:
    """Do what follows from the end of *task*; raises `WorkflowEnds`, or `ScriptNeeded` before anything is changed."""
    step = session.step_of(task)
    if task.is_bad and _retried(session, task, step):
        return
    plan = None if task.is_bad and not _goes_on(task, step) else _successors(session, task, step)
    if task.is_bad:
        _settle_failure(session, task, step)
    task.executed = True
    session.passed.append(task)
    session.touch(task)
    release(session, task)
    if task.type == "TERMINATE" and task.is_good:
        raise _terminated_by(session, task)
    if plan is not None and plan.tasks:
        session.adopt(plan)


def _goes_on(task: Task, step: Step | None) -> bool:
    return task.status == COMPLETED_WITH_ERRORS or (step is not None and (step.optional or step.permissive))


def _settle_failure(session: Session, task: Task, step: Step | None) -> None:
    """Let an optional or permissive failure pass; any other ends the workflow."""
    if step is not None and step.optional:
        task.status = COMPLETED_WITH_ERRORS
        if task.retry_count == 0:  # an earlier attempt that failed stays among the failures
            session.workflow.failed.pop(task.ref, None)
    elif step is not None and step.permissive:
        session.workflow.permissive[task.ref] = task
    else:
        raise ends_by(session, task)


def ends_by(session: Session, task: Task) -> WorkflowEnds:
    """Return the end of the workflow that a failed task causes."""
    status = workflow_status_of(task.status)
    reason = f"Task {task_id(session.head.id, task.seq)} failed with status: {status} and reason: '{_text(task.reason)}'"
    return WorkflowEnds(status, reason, task)


def _text(reason: str | None) -> str:
    return "null" if reason is None else reason


# ---- retries


def _retried(session: Session, task: Task, step: Step | None) -> bool:
    """Start the next attempt of a failed task when its policy allows one."""
    kind = session.type_of(step.type if step else task.type)
    if task.status not in TASK_RETRIABLE or not kind.is_retried or step is None:
        return False
    if retry_limit(step) <= task.retry_count:
        return False
    elapsed_s = budget_spent_s(task, step.task_def, session.now_ms)
    if elapsed_s is not None and step.task_def is not None:
        text = (
            f"Task {task_id(session.head.id, task.seq)}/{task.name} exceeded total timeout of "
            f"{step.task_def.totalTimeoutSeconds} seconds (elapsed {elapsed_s} seconds across all attempts). "
            "No further retries will be attempted."
        )
        raise WorkflowEnds(workflow_status_of(task.status), text, task)
    delay_s = backoff_s(step.task_def, task.retry_count) if step.task_def else 0
    attempt = next_attempt(session, task, step, delay_s)
    if step.task_def and attempt.queue:
        extra_ms = jitter_ms(step.task_def, session.context.jitter())
        if extra_ms:
            session.enqueue(attempt, delay_s * 1000 + extra_ms)
    return True


def next_attempt(session: Session, task: Task, step: Step, delay_s: int, *, keep_reason: bool = True) -> Task:
    """Schedule a further attempt of an ended task; the reason of the failure is carried over as upstream does."""
    kind = session.type_of(step.type)
    runs_later = task.runs != "engine" or kind.name in ("SUB_WORKFLOW", "START_WORKFLOW")
    delay_s = delay_s if runs_later else 0
    plan = Plan(session)
    attempt = replace(
        task,
        seq=plan.next_seq,
        status=SCHEDULED,
        input=kind.next_input(task, step, session),
        output=EMPTY,
        started_ms=0,
        ended_ms=0,
        updated_ms=0,
        due_ms=_due_ms(session, task, delay_s),
        retry_count=task.retry_count + 1,
        retried=False,
        retried_seq=task.seq,
        executed=False,
        poll_count=0,
        worker_id=None,
        reason=task.reason if keep_reason else None,
        start_delay_s=delay_s,
        callback_after_s=delay_s,
        sub_workflow_id=None,
        sub_workflow_changed=False,
        queue="",
    )
    plan.next_seq += 1
    plan.tasks.append(attempt)
    task.retried = True
    session.touch(task)
    session.adopt(plan)
    return attempt


def _due_ms(session: Session, task: Task, delay_s: int) -> int:
    """Return when the attempt starts by itself, or for a wait its old deadline."""
    if task.type == "WAIT":
        return task.due_ms
    return session.now_ms + delay_s * 1000 if delay_s and task.runs == "engine" else 0


# ---- successors


def _successors(session: Session, task: Task, step: Step | None) -> Plan | None:
    if step is None or step.next is None or task.type == "TERMINATE":
        return None
    if step.type in ("SWITCH", "DECISION") and _has_children(session, task):
        return None
    following = next_step(session, step, task.suffix)
    if following is None:
        return None
    plan = Plan(session)
    plan.add(following, Place(task.suffix, task.iteration, task.loop))
    return plan


def _has_children(session: Session, task: Task) -> bool:
    return b'"hasChildren"' in task.input and bool(session.value(task, "input").get("hasChildren"))


def next_step(session: Session, step: Step, suffix: str) -> Step | None:
    """Return the step after *step*, over skipped ones and those that have an instance in this iteration already."""
    ref = step.next
    while ref is not None:
        following: Step = session.graph.steps[ref]
        present = session.workflow.latest.get(ref + suffix)
        if present is None:
            return following
        if present.status != SKIPPED:
            return None
        ref = following.next
    return None


# ---- joins and loops around an ended task


def release(session: Session, task: Task) -> None:
    """Count the end of *task* in the joins that wait for it, and have its loop looked at when nothing is open in it."""
    workflow = session.workflow
    for seq in workflow.joins.pop(task.ref, ()):
        join = workflow.open.get(seq)
        if join is None:
            continue
        workflow.left[seq] -= 1
        if workflow.left[seq] == 0 or join.type == "EXCLUSIVE_JOIN":
            session.need_settle(join)
    loop = workflow.loops.get(task.loop) if task.loop else None
    if loop is not None and loop.open == 0:
        owner = workflow.latest.get(task.loop)
        if owner is not None and owner.is_open:
            session.need_settle(owner)


def _terminated_by(session: Session, task: Task) -> WorkflowEnds:
    given = session.value(task, "input")
    status = given.get("terminationStatus")
    reason = given.get("terminationReason")
    if not reason:
        reason = f"Workflow is {status} by TERMINATE task: {task_id(session.head.id, task.seq)}"
    return WorkflowEnds(str(status), str(reason), task)
