"""What workers, people, children and the clock do to tasks: polls, results, leases, deadlines."""

from heapq import heappop

import msgspec

from podium.engine.announcement import STARTED, announce
from podium.engine.commands import ChildEnded, ExtendLease, PollTask, UpdateTask
from podium.engine.deadlines import POLL, RESPONSE, START, TOTAL, WAIT, deadlines, next_due_ms, queued_ms
from podium.engine.schemas import output_fault
from podium.engine.session import Session, WorkflowEnds, decode, encode
from podium.model.ids import task_id
from podium.model.status import (
    CANCELED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    SCHEDULED,
    TERMINATED,
    TIMED_OUT,
)
from podium.model.task import EMPTY, Task

RUNNER_LEASE_MS = 60_000


def start_attempt(session: Session, command: PollTask) -> Task | None:
    """Lease a scheduled task to a worker; None when there is nothing to do for it any more."""
    task = session.workflow.open.get(command.seq)
    if task is None or task.runs == "engine" or (task.status != SCHEDULED and task.runs == "worker"):
        session.change.dequeued.add(command.seq)  # a queue row without a task to hand out
        session.change.is_changed = True
        return None
    is_first = not task.started_ms
    if task.status == SCHEDULED:
        session.count_lease(task, 1)
    task.status = IN_PROGRESS
    task.started_ms = task.started_ms or session.now_ms
    task.updated_ms = session.now_ms
    task.callback_after_s = 0
    task.worker_id = command.worker_id
    task.poll_count += 1
    session.touch(task)
    if task.runs == "system":
        # The row stays, invisible, so that the work of a server that dies is handed out again.
        session.enqueue(task, max(task.response_timeout_s * 1000, RUNNER_LEASE_MS))
    else:
        session.dequeue(task)
    session.watch(task)
    if is_first:
        announce(session, task, STARTED)
    return task


def update(session: Session, command: UpdateTask) -> Task | None:
    """Take a result; None when the task or the workflow has ended already, which is no error."""
    task = session.workflow.open.get(command.seq)
    if task is None or session.workflow.is_terminal:
        return None
    output = _output(session, task, command)
    limit = session.context.limits.reason_chars
    if command.status == COMPLETED:
        fault = output_fault(session.context, session.step_of(task), output)
        if fault is not None:
            command = msgspec.structs.replace(command, status=FAILED, reason=fault)
    task.reason = command.reason[:limit] if command.reason is not None else None
    if not command.keep_worker:
        task.worker_id = command.worker_id
    if not command.merge:  # one by reference name begins with what the task has
        task.callback_after_s = command.callback_after_s
    if command.sub_workflow_id is not None and task.type != "SUB_WORKFLOW":  # whose child is known better
        task.sub_workflow_id = command.sub_workflow_id
    if command.external_output_path:
        task.external_output_path = command.external_output_path
    is_too_large = len(output) > session.context.limits.task_payload_bytes
    if command.status in (IN_PROGRESS, SCHEDULED) and not is_too_large:
        _put_back(session, task, output, command)
    else:
        session.finish(task, command.status, output)
    return task


def _output(session: Session, task: Task, command: UpdateTask) -> bytes:
    if not command.merge or task.output == EMPTY:
        return command.output
    return encode({**session.value(task, "output"), **decode(command.output)})


def _put_back(session: Session, task: Task, output: bytes, command: UpdateTask) -> None:
    """Keep the task open: a worker's goes back to its queue, the engine's waits on, a runner's is run again later."""
    session.set_output(task, output)
    task.updated_ms = session.now_ms
    if task.runs == "worker":
        session.count_lease(task, -1)
        task.status = SCHEDULED
        session.enqueue(task, task.callback_after_s * 1000)
    elif task.runs == "system" and command.from_system:
        task.status = IN_PROGRESS
        if command.callback_after_s:
            session.enqueue(task, command.callback_after_s * 1000)
        else:
            session.dequeue(task)  # from now on only an update from outside ends it
    else:
        if task.status == SCHEDULED:
            session.count_lease(task, 1)
        task.status = IN_PROGRESS
    session.watch(task)


def extend_lease(session: Session, command: ExtendLease) -> Task | None:
    """Begin the lease of an open task anew."""
    task = session.workflow.open.get(command.seq)
    if task is not None:
        task.updated_ms = session.now_ms
        if task.runs == "system" and task.queue and task.status == IN_PROGRESS:
            session.enqueue(task, max(task.response_timeout_s * 1000, RUNNER_LEASE_MS))
        session.touch(task)
        session.watch(task)
    return task


_PARENT_STATUS = {COMPLETED: COMPLETED, FAILED: FAILED, TIMED_OUT: TIMED_OUT, TERMINATED: CANCELED}


def end_child(session: Session, command: ChildEnded) -> None:
    """Take the end of a sub-workflow, unless its task has ended or waits for another child by now."""
    task = session.workflow.open.get(command.seq)
    if task is None or task.sub_workflow_id != (command.asked_id or command.child_id):
        return
    if command.asked_id:
        task.sub_workflow_id = None  # the child of somebody else, which is not to be terminated or retried from here
    output = encode({**decode(command.output), "subWorkflowId": command.child_id})
    status = _PARENT_STATUS.get(command.status, FAILED)
    if status == COMPLETED:
        session.finish(task, status, output)
        return
    told = "null" if command.reason is None else command.reason
    name = f"{command.child_name}.{command.child_version}/{command.child_id}"
    session.finish(task, status, output, f"Sub workflow {name} failure reason: {told}")


# ---- deadlines


def wake(session: Session) -> None:
    """Let every deadline that has come take effect; raises `WorkflowEnds`."""
    if session.workflow.is_terminal:
        return
    if 0 < session.head.wake_ms <= session.now_ms:
        session.change.is_changed = True  # even if nothing is due any more, the wake-up must move
    check_workflow_deadline(session)
    if session.workflow.is_paused:
        return
    for task in _due_tasks(session):
        _expire(session, task)


def workflow_due_ms(session: Session) -> int:
    """Return when the workflow as a whole times out, 0 for never."""
    definition = session.graph.definition
    if definition.timeoutSeconds <= 0 or session.head.is_held or definition.timeoutPolicy != "TIME_OUT_WF":
        return 0
    head = session.head
    return (head.last_retried_ms or head.created_ms) + int(definition.timeoutSeconds) * 1000


def check_workflow_deadline(session: Session) -> None:
    """End the workflow when it has run for too long."""
    due_ms = workflow_due_ms(session)
    if not due_ms or session.now_ms < due_ms:
        return
    definition = session.graph.definition
    elapsed_s = (session.now_ms - due_ms) // 1000 + int(definition.timeoutSeconds)
    reason = (
        f"Workflow timed out after {elapsed_s} seconds. Timeout configured as {definition.timeoutSeconds} seconds. "
        f"Timeout policy configured to {definition.timeoutPolicy}"
    )
    raise WorkflowEnds(TIMED_OUT, reason)


def _due_tasks(session: Session) -> list[Task]:
    """Take the tasks whose deadline has come off the heap; entries that are out of date are corrected."""
    workflow, found = session.workflow, []
    while workflow.wakes and workflow.wakes[0][0] <= session.now_ms:
        entered_ms, seq = heappop(workflow.wakes)
        if workflow.watched.get(seq) != entered_ms:
            continue
        del workflow.watched[seq]
        task = workflow.open[seq]
        if 0 < next_due_ms(task, session.step_of(task)) <= session.now_ms:
            found.append(task)
        else:
            session.watch(task)
    return sorted(found, key=lambda task: task.seq)


def _expire(session: Session, task: Task) -> None:
    step = session.step_of(task)
    for due_ms, kind in deadlines(task, step):
        if due_ms > session.now_ms:
            continue
        if kind == START:
            task.due_ms = 0
            task.started_ms = session.now_ms
            session.touch(task)
            session.starting.append(task)
        elif kind == WAIT:
            session.finish(task, COMPLETED)
        else:
            _time_out(session, task, kind)
        return


def _time_out(session: Session, task: Task, kind: str) -> None:
    step = session.step_of(task)
    task_def = step.task_def if step else None
    own_id = task_id(session.head.id, task.seq)
    if kind == RESPONSE or task_def is None:
        reason = (
            f"responseTimeout: {task.response_timeout_s} exceeded for the taskId: {own_id} "
            f"with Task Definition: {task.name}"
        )
        session.finish(task, TIMED_OUT, None, reason)
        return
    now_ms, policy = session.now_ms, task_def.timeoutPolicy
    if kind == TOTAL:
        elapsed_s = (now_ms - (task.first_scheduled_ms or task.scheduled_ms)) // 1000
        reason = (
            f"Task {task.name}/{own_id} exceeded total timeout of {task_def.totalTimeoutSeconds} seconds "
            f"(elapsed {elapsed_s} seconds across all attempts including retry delays). Timeout policy: {policy}"
        )
    else:
        polls = kind == POLL
        since_ms = queued_ms(task) if polls else task.started_ms + task.start_delay_s * 1000
        seconds = task_def.pollTimeoutSeconds if polls else task_def.timeoutSeconds
        words = ("Task poll timed out", "Poll timeout") if polls else ("Task timed out", "Timeout")
        reason = (
            f"{words[0]} after {(now_ms - since_ms) // 1000} seconds. {words[1]} configured as {seconds} seconds. "
            f"Timeout policy configured to {policy}"
        )
    session.finish(task, TIMED_OUT, None, reason)
    if policy == "TIME_OUT_WF":
        raise WorkflowEnds(TIMED_OUT, reason, task)
