"""START_WORKFLOW: start another workflow and go on without waiting for it."""

from typing import Any

import msgspec

from podium.engine.commands import StartWorkflow as StartCommand
from podium.engine.graph import Step
from podium.engine.lineage import Runaway, next_lineage
from podium.engine.requests import resolve_start
from podium.engine.schemas import start_fault
from podium.engine.session import Place, Plan, Session, decode, encode
from podium.model.errors import InvalidRequest, PodiumError, ValidationFailed
from podium.model.start import StartWorkflowRequest
from podium.model.status import FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, SCHEDULED
from podium.model.task import Task
from podium.model.wire import convert
from podium.tasks.kind import Kind


class StartWorkflow(Kind):
    """Over when the other workflow is on its way."""

    name = "START_WORKFLOW"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the task, which may be delayed."""
        delay_s = step.definition.startDelay
        plan.new(
            step,
            place,
            status=SCHEDULED,
            runs="engine",
            input=plan.session.resolved_input(step, 0),
            start_delay_s=delay_s,
            callback_after_s=delay_s,
            due_ms=plan.session.now_ms + delay_s * 1000 if delay_s else 0,
        )

    def start(self, task: Task, session: Session) -> None:
        """Send the start, or say what is wrong with the request."""
        given = decode(task.input).get("startWorkflow")
        if given is None:
            session.fail(task, "Missing 'startWorkflow' in input data.")
            return
        try:
            new_id = self._send(given, task, session)
        except ValidationFailed as error:
            parts = "".join(f"'{one.path}' -> {one.message}. " for one in error.violations)
            session.fail(task, f"startWorkflow validation failed. {parts}")
        except Runaway as error:
            session.fail(task, error.message, FAILED_WITH_TERMINAL_ERROR)
        except PodiumError as error:
            session.fail(task, error.message)
        else:
            if new_id is not None:
                session.finish(task, output=encode({"workflowId": new_id}))

    def _send(self, given: Any, task: Task, session: Session) -> str | None:
        """Send the start and return the id; None when it has a key, so that it is told later which workflow it is."""
        try:
            request = convert(StartWorkflowRequest, given)
        except InvalidRequest as error:
            raise InvalidRequest(f"Error reading StartWorkflowRequest. {error.message}") from error
        command = start_command(session, request)
        new_id = session.context.new_workflow_id()
        if request.idempotencyKey and request.idempotencyStrategy:
            session.send(
                new_id,
                msgspec.structs.replace(
                    command,
                    idempotency_strategy=request.idempotencyStrategy,
                    starter_id=session.head.id,
                    starter_seq=task.seq,
                ),
            )
            task.status = IN_PROGRESS
            session.touch(task)
            return None
        session.send(new_id, command)
        return new_id


def start_command(session: Session, request: StartWorkflowRequest) -> StartCommand:
    """Return the command for a start request; errors are those of `model.errors`."""
    command = resolve_start(session.context, request)
    graph = session.context.graph_by_hash(command.def_hash)
    fault = start_fault(session.context, graph, command.input) if graph else None
    if fault is not None:
        raise InvalidRequest(fault)
    head = session.head
    lineage = next_lineage(head, session.context, is_at_once=head.version == 0)
    return StartCommand(
        name=command.name,
        version=command.version,
        def_hash=command.def_hash,
        input=command.input,
        is_checked=True,
        correlation_id=command.correlation_id if (command.correlation_id or "").strip() else head.correlation_id,
        priority=command.priority,
        task_to_domain=command.task_to_domain or head.task_to_domain,
        external_input_path=command.external_input_path,
        idempotency_key=command.idempotency_key,
        rate_limit_key=command.rate_limit_key,
        depth=lineage.depth,
        root_id=lineage.root_id,
    )
