"""Starts with an idempotency key that one workflow asks for: what stands for them, and who is told.

A start travels as a message and is looked at on arrival, like that of a client. Where an earlier workflow stands for a
sub-workflow, its end is the sub-workflow's; until then the message stays in the outbox.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from podium.engine.commands import ChildEnded, Command, StartWorkflow, UpdateTask
from podium.model.status import COMPLETED
from podium.model.transition import Transition
from podium.model.workflow import Workflow
from podium.runtime.idempotency import Idempotency

AWAITED_MAX = 10_000  # of whose ends one is told at once; those of others are found by the relay's next look

Submit = Callable[[str, Command, int], Awaitable[Any]]
Read = Callable[[str], Awaitable[Workflow | None]]


class KeyedStarts:
    """Carries such messages home."""

    def __init__(self, idempotency: Idempotency, submit: Submit, read: Read) -> None:
        self._idempotency = idempotency
        self._submit = submit
        self._read = read
        self._awaited: set[str] = set()
        self.on_ready: Callable[[], None] = lambda: None

    def note(self, change: Transition) -> None:
        """Learn of a commit: the end of a workflow that stands for another one is news for the relay."""
        if self._awaited and change.workflow.is_terminal and change.workflow.head.id in self._awaited:
            self._awaited.discard(change.workflow.head.id)
            self.on_ready()

    async def carry(self, target: str, command: StartWorkflow, message_id: int) -> bool:
        """Start the workflow *target*, or answer with the one that stands for it; False while that has not ended.

        `Conflict` where the strategy says so.
        """
        is_launched = False

        async def launch(workflow_id: str) -> str:
            nonlocal is_launched
            if workflow_id == target or command.starter_id is not None:
                await self._submit(workflow_id, command, message_id)
                is_launched = True
            else:  # a parent waits for the id that it has chosen; this one stands for that
                await self._submit(workflow_id, replace(command, parent_id=None, parent_task_seq=0), 0)
            return workflow_id

        key, strategy = command.idempotency_key, command.idempotency_strategy
        standing = await self._idempotency.start(command.name, key or "", strategy, target, launch)  # type: ignore[arg-type]
        if is_launched:
            return True
        # It may bear the very id of *target*: another node has started it for another message, and this one is left.
        workflow = await self._read(standing)
        answer = None if workflow is None else answer_of(workflow, target, command)
        if answer is not None:
            await self._submit(*answer, message_id)
            return True
        if len(self._awaited) < AWAITED_MAX:
            self._awaited.add(standing)
        return False


def answer_of(standing: Workflow, target: str, command: StartWorkflow) -> tuple[str, Command] | None:
    """Return whom to tell what of the workflow that stands for a start; None while its end has to be waited for."""
    head = standing.head
    if command.starter_id:
        told = msgspec.json.encode({"workflowId": head.id})
        return command.starter_id, UpdateTask(command.starter_seq, COMPLETED, told, from_system=True)
    if not standing.is_terminal or not command.parent_id:
        return None
    ended = ChildEnded(
        seq=command.parent_task_seq,
        child_id=head.id,
        status=head.status,
        output=standing.output,
        reason=head.reason,
        child_name=head.name,
        child_version=head.def_version,
        asked_id=target,
    )
    return command.parent_id, ended
