"""Starts of workflows: which definition, whether the idempotency key allows it, and then the command."""

from podium.engine.commands import StartWorkflow
from podium.engine.requests import resolve_start
from podium.model.errors import NotFound, ValidationFailed, Violation
from podium.model.rules import check_start_request
from podium.model.start import StartWorkflowRequest
from podium.model.wire import Json
from podium.runtime.node import Node
from podium.service.checking import Checking

AT = "startWorkflow.arg0"


class Workflows:
    """Starts workflows."""

    def __init__(self, node: Node, checking: Checking) -> None:
        self._node = node
        self._checking = checking

    async def start(self, request: StartWorkflowRequest) -> str:
        """Start a workflow and return its id, or that of an earlier one with the same idempotency key."""
        if request.workflowDef is not None:
            await self._checking.refuse(lambda checks: check_start_request(request, AT, checks))
        command = resolve_start(self._node.world.context(), request, AT)
        key, strategy = request.idempotencyKey, request.idempotencyStrategy
        if not key or strategy is None:
            return await self._launch(command)
        new_id = self._node.clock.new_workflow_id()
        return await self._node.idempotency.start(
            command.name, key, strategy, new_id, lambda found: self._launch(command, found)
        )

    async def start_by_name(
        self, name: str, version: int | None, correlation_id: str | None, priority: int, given: dict[str, Json]
    ) -> str:
        """Start a workflow from its bare input."""
        if not 0 <= priority <= 99:
            edge = "99 is the maximum" if priority > 99 else "0 is the minimum"
            raise ValidationFailed([Violation("startWorkflow.arg3", f"{edge} priority value", str(priority))])
        if self._node.catalog.workflow_def(name, version) is None:
            shown = "null" if version is None else version
            raise NotFound(f"No such workflow found by name: {name}, version: {shown}")
        request = StartWorkflowRequest(
            name=name, version=version, correlationId=correlation_id, priority=priority, input=given
        )
        return await self._launch(resolve_start(self._node.world.context(), request, AT))

    async def _launch(self, command: StartWorkflow, workflow_id: str = "") -> str:
        workflow_id = workflow_id or self._node.clock.new_workflow_id()
        await self._node.committer.submit(workflow_id, command)
        return workflow_id
