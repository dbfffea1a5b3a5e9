"""The end of a workflow: its output, what becomes of its open tasks, who is told."""

import msgspec

from podium.engine.commands import ChildEnded, StartWorkflow, Terminate
from podium.engine.complete import is_terminate, permissive_end
from podium.engine.lineage import next_lineage
from podium.engine.restore import drop_indexes, gathered, is_join
from podium.engine.session import Session, WorkflowEnds, encode
from podium.engine.view import failed_workflow_view
from podium.expressions.bounds import ExpressionTooLarge
from podium.model.errors import NotFound, PodiumError, TooLarge
from podium.model.ids import task_id
from podium.model.status import CANCELED, COMPLETED, FAILED, RUNNING, SKIPPED, TASK_FAILED, TERMINATED
from podium.model.task import EMPTY, Task
from podium.model.workflow import FAILED_NAMES_MAX


def complete(session: Session, fault: str | None = None) -> None:
    """End the workflow because nothing is left to do; permissive failures, or a *fault*, make it FAILED now."""
    outcome = WorkflowEnds(FAILED, fault) if fault else WorkflowEnds(COMPLETED, None)
    end(session, permissive_end(session) or outcome)


def end(session: Session, outcome: WorkflowEnds, *, tell_parent: bool = True, compensate: bool = True) -> None:
    """Bring the workflow into a terminal status with all that belongs to it."""
    head = session.head
    for task in session.passed:
        task.executed = False  # as upstream: what is decided in the pass that ends the workflow is not marked
    # outputParameters see how the workflow ends, unless it ends well, as upstream has it
    head.status = RUNNING if outcome.status == COMPLETED else outcome.status
    refusal = _set_output(session)
    if refusal:
        outcome = WorkflowEnds(FAILED, refusal, outcome.task)
    _set_failed_names(session)
    head.status = outcome.status
    head.reason = outcome.reason
    head.ended_ms = session.now_ms
    head.is_held = False
    head.messages = []
    head.failed_task_seq = outcome.task.seq if outcome.task else 0
    cancel_open(session)
    for waiting in (session.reached, session.ended, session.starting, session.dirty, session.dirty_joins):
        waiting.clear()
    drop_indexes(session.workflow)
    session.change.is_changed = True
    if tell_parent and head.parent_id:
        tell_end(session, head.parent_id)
    if head.status != COMPLETED and compensate:
        _start_failure_workflow(session)


def _set_output(session: Session) -> str | None:
    """Set the workflow's output; returns the reason why there is none when it would be too large."""
    workflow, limit = session.workflow, session.context.limits.workflow_payload_bytes
    refusal = None
    try:
        output = output_of(session)
    except ExpressionTooLarge as error:
        output, refusal = EMPTY, error.message
    if len(output) > limit:
        refusal = (
            f"The payload size: {len(output)} of workflow: {session.head.id} is greater than "
            f"the permissible limit: {limit} bytes"
        )
        output = EMPTY
    if output != workflow.output:
        workflow.output = output
        session.change.output_changed = True
    return refusal


def output_of(session: Session) -> bytes:
    """Return the output: of a TERMINATE task, else by outputParameters, else that of the task created last."""
    tasks = session.workflow.latest.values()
    ender = next((task for task in tasks if is_terminate(task) and task.is_good), None)
    if ender is not None:
        return ender.output
    if session.graph.outputs is not None:
        return encode(session.scope.resolve(session.graph.outputs))
    last = max(tasks, key=lambda task: 0 if task.status == SKIPPED else task.seq, default=None)
    if last is None:
        return session.workflow.output
    return gathered(session.workflow, last) if last.is_open and is_join(last) else last.output


def _set_failed_names(session: Session) -> None:
    """Add this run's failures to the header: attempts that were followed, and those that nobody could follow."""
    head, workflow = session.head, session.workflow
    left = {seq: (task.ref, task.name) for seq, task in workflow.pending.items() if task.status in TASK_FAILED}
    found = [names for _, names in sorted({**workflow.failed, **left}.items())]
    if found:
        head.failed_refs = list(dict.fromkeys([*head.failed_refs, *(ref for ref, _ in found)]))[:FAILED_NAMES_MAX]
        head.failed_names = list(dict.fromkeys([*head.failed_names, *(name for _, name in found)]))[:FAILED_NAMES_MAX]


def cancel_open(session: Session) -> None:
    """Cancel all open tasks, in their order."""
    for task in sorted(session.workflow.open.values(), key=lambda open_task: open_task.seq):
        if task.runs == "engine":
            session.type_of(task.type).cancel(task, session)
        session.finish(task, CANCELED)


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


def tell_end(session: Session, parent_id: str) -> None:
    """Tell the parent how this workflow has ended."""
    session.send(parent_id, end_of(session, session.head.status, session.head.reason))


def end_of(session: Session, status: str, reason: str | None) -> ChildEnded:
    """Return the message for the parent that this workflow has ended in *status*."""
    head = session.head
    return ChildEnded(
        seq=head.parent_task_seq,
        child_id=head.id,
        status=status,
        output=session.workflow.output,
        reason=reason,
        child_name=head.name,
        child_version=head.def_version,
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
    try:
        if graph is None:
            raise NotFound(f"No such workflow defined. name={name}, version={version or 'null'}")
        output["conductor.failure_workflow"] = _send_failure_workflow(session, name, graph.version, graph.hash)
    except PodiumError as error:
        output["conductor.failure_workflow"] = f"Error workflow {name} failed to start.  reason: {error.message}"
    session.workflow.output = encode(output)
    session.change.output_changed = True


def _send_failure_workflow(session: Session, name: str, version: int, def_hash: str) -> str:
    head = session.head
    _refuse_large_copy(session)
    lineage = next_lineage(head, session.context)
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
            depth=lineage.depth,
            root_id=lineage.root_id,
        ),
    )
    return new_id


def _refuse_large_copy(session: Session) -> None:
    """Refuse to put a workflow into the input of its failure workflow that would make it larger than any input."""
    workflow, limit = session.workflow, session.context.limits.workflow_payload_bytes
    own = 2 * len(workflow.input) + len(workflow.output) + len(workflow.variables)
    size = own + sum(len(task.input) + len(task.output) for task in workflow.latest.values())
    if size > limit:
        raise TooLarge(
            f"The payload size: {size} of workflow input is greater than the permissible limit: {limit} bytes"
        )


def terminate(session: Session, command: Terminate) -> None:
    """End the workflow because somebody asks for it; a finished child of an ended parent is left alone."""
    if session.workflow.is_terminal and command.by_parent:
        return
    session.passed.clear()
    end(
        session,
        WorkflowEnds(TERMINATED, command.reason),
        tell_parent=not command.by_parent,
        compensate=command.compensate,
    )
