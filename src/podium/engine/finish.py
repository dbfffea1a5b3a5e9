"""The end of a workflow: its output, what becomes of its open tasks, who is told."""

import msgspec

from podium.engine.commands import ChildEnded, StartWorkflow, Terminate
from podium.engine.session import Session, WorkflowEnds, encode
from podium.engine.view import failed_workflow_view
from podium.model.ids import task_id
from podium.model.status import CANCELED, COMPLETED, RUNNING, TERMINATED
from podium.model.task import EMPTY, Task


def complete(session: Session) -> None:
    """End the workflow because nothing is left to do; permissive failures make it FAILED now."""
    permissive = [task for task in session.workflow.permissive.values() if task.is_bad]
    if permissive:
        reasons = [
            f"Task {task_id(session.head.id, task.seq)} failed with status: {task.status} and reason: '{task.reason}'"
            for task in permissive
        ]
        end(session, WorkflowEnds("FAILED", ". ".join(reasons), permissive[0]))
        return
    end(session, WorkflowEnds(COMPLETED, None))


def end(
    session: Session, outcome: WorkflowEnds, *, tell_parent: bool = True, compensate: bool = True
) -> None:
    """Bring the workflow into a terminal status with all that belongs to it."""
    head = session.head
    for task in session.passed:
        task.executed = False  # as upstream: what is decided in the pass that ends the workflow is not marked
    _set_output(session)
    _set_failed_names(session)
    head.status = outcome.status
    head.reason = outcome.reason
    head.ended_ms = session.now_ms
    head.failed_task_seq = outcome.task.seq if outcome.task else 0
    _cancel_open(session)
    session.ended.clear()
    session.starting.clear()
    session.dirty.clear()
    session.workflow.wakes.clear()
    session.change.is_changed = True
    if head.status != COMPLETED and compensate:
        _start_failure_workflow(session)
    _limit_output(session)
    if tell_parent and head.parent_id:
        _tell_parent(session, head.parent_id)


def _set_output(session: Session) -> None:
    """Take the output from a TERMINATE task, else from outputParameters, else from the task created last."""
    workflow = session.workflow
    last = max(workflow.latest.values(), key=lambda task: task.seq, default=None)
    ender = _terminate_task(session, last)
    if ender is not None:
        output = ender.output
    elif session.graph.outputs is not None:
        session.scope.task_id = None
        before, session.head.status = session.head.status, RUNNING
        output = encode(session.scope.resolve(session.graph.outputs))
        session.head.status = before
    elif last is not None:
        output = last.output
    else:
        return
    if output != workflow.output:
        workflow.output = output
        session.change.output_changed = True


def _terminate_task(session: Session, last: Task | None) -> Task | None:
    """Return the TERMINATE task that ended the workflow; it is among the last ones passed."""
    for task in session.passed:
        if task.type == "TERMINATE" and task.is_good:
            return task
    return last if last is not None and last.type == "TERMINATE" and last.is_good else None


def _limit_output(session: Session) -> None:
    limit = session.context.limits.workflow_payload_bytes
    size = len(session.workflow.output)
    if size <= limit:
        return
    session.workflow.output = EMPTY
    session.head.status = "FAILED"
    session.head.reason = f"The payload size: {size} of workflow: {session.head.id} is greater than the permissible limit: {limit} bytes"


def _set_failed_names(session: Session) -> None:
    head = session.head
    if session.workflow.failed:
        head.failed_refs = list(dict.fromkeys([*head.failed_refs, *session.workflow.failed]))
        head.failed_names = list(dict.fromkeys([*head.failed_names, *session.workflow.failed.values()]))


def _cancel_open(session: Session) -> None:
    for task in sorted(session.workflow.open.values(), key=lambda open_task: open_task.seq):
        session.type_of(task.type).cancel(task, session)
        session.finish(task, CANCELED)
    session.workflow.joins.clear()
    session.workflow.left.clear()


def cancel_child(session: Session, task: Task) -> None:
    """Terminate the sub-workflow that *task* started."""
    if not task.sub_workflow_id:
        return
    head = session.head
    if head.reason:
        reason = f"Parent workflow has been terminated with reason: {head.reason}"
    else:
        reason = f"Parent workflow has been terminated with status {head.status}"
    session.send(task.sub_workflow_id, Terminate(reason=reason, by_parent=True))


def _tell_parent(session: Session, parent_id: str) -> None:
    head = session.head
    session.send(
        parent_id,
        ChildEnded(
            seq=head.parent_task_seq,
            child_id=head.id,
            status=head.status,
            output=session.workflow.output,
            reason=head.reason,
            child_name=head.name,
            child_version=head.def_version,
        ),
    )


def failure_workflow_name(session: Session) -> str | None:
    """Return the name of the failure workflow; `$.input.KEY` names a key of the workflow's input."""
    name = session.graph.definition.failureWorkflow
    if not name or not name.startswith("$"):
        return name or None
    parts = name.strip("${}").split(".")
    if len(parts) < 3:
        return None
    given = session.scope.workflow_input().get(parts[2])
    return str(given) if given else None


def _start_failure_workflow(session: Session) -> None:
    name = failure_workflow_name(session)
    if not name:
        return
    version = session.graph.definition.failureWorkflowVersion or None
    graph = session.context.graph(name, version)
    output = dict(msgspec.json.decode(session.workflow.output))
    if graph is None:
        reason = f"No such workflow defined. name={name}, version={version or 'null'}"
        output["conductor.failure_workflow"] = f"Error workflow {name} failed to start.  reason: {reason}"
    else:
        output["conductor.failure_workflow"] = _send_failure_workflow(
            session, name, graph.version, graph.hash
        )
    session.workflow.output = encode(output)
    session.change.output_changed = True


def _send_failure_workflow(session: Session, name: str, version: int, def_hash: str) -> str:
    head = session.head
    new_id = session.context.new_workflow_id()
    given = dict(session.scope.workflow_input())
    given.update(workflowId=head.id, reason=head.reason, failureStatus=head.status)
    if head.failed_task_seq:
        given["failureTaskId"] = task_id(head.id, head.failed_task_seq)
    given["failedWorkflow"] = failed_workflow_view(session)
    session.send(
        new_id,
        StartWorkflow(
            name=name,
            version=version,
            def_hash=def_hash,
            input=encode(given),
            correlation_id=head.correlation_id,
            task_to_domain=head.task_to_domain,
        ),
    )
    return new_id


def terminate(session: Session, command: Terminate) -> None:
    """End the workflow because somebody asks for it; a finished child of an ended parent is left alone."""
    if session.workflow.is_terminal and command.by_parent:
        return
    session.passed.clear()
    end(
        session,
        WorkflowEnds(TERMINATED, command.reason),
        tell_parent=not command.by_parent,
        compensate=False,
    )
