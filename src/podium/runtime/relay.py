"""Messages between workflows, and events: from the outbox to where they belong, each exactly once.

A command is consumed by the commit of its target, which deletes it. An event is handled outside of a workflow and
deleted then.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from podium.engine import commands
from podium.engine.commands import ChildEnded, Command, Retry, StartWorkflow, Terminate
from podium.model.errors import PodiumError, Quarantined
from podium.model.status import FAILED
from podium.model.transition import Message, Transition
from podium.store import Store

READ_MAX = 500
TRY_AGAIN_S = 1.0
ON_ITS_WAY_MAX = 5_000
SETTLE_STEPS = 8

log = logging.getLogger(__name__)

_COMMANDS = (
    commands.StartWorkflow
    | commands.ChildEnded
    | commands.ChildRevived
    | commands.Terminate
    | commands.Retry
    | commands.UpdateTask
)
_decode_command = msgspec.msgpack.Decoder(_COMMANDS).decode
_decode_event = msgspec.msgpack.Decoder(tuple[str, bytes]).decode

Submit = Callable[[str, Command, int], "asyncio.Future[Any]"]
HandleEvent = Callable[[str, str, bytes], Awaitable[None]]


class Relay:
    """Carries the messages of the outbox, in their order."""

    def __init__(self, store: Store, submit: Submit, handle_event: HandleEvent) -> None:
        self._store = store
        self._submit = submit
        self._handle_event = handle_event
        self._last_id = 0
        self._news = asyncio.Event()
        self._news.set()
        self._is_reading = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest: dict[str, asyncio.Task[None]] = {}

    def may_reach(self, target: str) -> bool:
        """Whether a message to *target* is, or could be, on its way."""
        return target in self._latest or self._news.is_set() or self._is_reading

    async def settle(self, timeout_s: float) -> bool:
        """Wait for the messages on their way, and for those that follow from them down to eight steps."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        for _ in range(SETTLE_STEPS):
            while (self._news.is_set() or self._is_reading) and loop.time() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # a read of the outbox takes a turn or two of the loop
            if not self._tasks:
                return True
            _, late = await asyncio.wait(set(self._tasks), timeout=max(until - loop.time(), 0))
            if late:
                return False
        return True

    async def arrival(self, target: str, timeout_s: float) -> None:
        """Wait for what is on its way to *target*, and may create it; at once when that is nothing."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while (self._news.is_set() or self._is_reading) and loop.time() < until:  # noqa: ASYNC110 (a turn or two)
            await asyncio.sleep(0.001)
        message = self._latest.get(target)
        if message is not None:
            await asyncio.wait([message], timeout=max(until - loop.time(), 0))

    def note(self, change: Transition) -> None:
        """Learn that a commit holds messages."""
        if change.messages:
            self._news.set()

    async def run(self) -> None:
        """Relay for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            self._is_reading = True
            try:
                await self._read()
            except PodiumError:
                self._news.set()
                await asyncio.sleep(TRY_AGAIN_S)
            finally:
                self._is_reading = False

    async def _read(self) -> None:
        while True:
            messages = await self._store.messages(self._last_id, READ_MAX)
            for message in messages:
                self._last_id = message.id
                self._send(message)
            if len(messages) < READ_MAX:
                return
            while len(self._tasks) > ON_ITS_WAY_MAX:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    def _send(self, message: Message) -> None:
        """Set a message on its way; those to one target leave in their order, without waiting for each other."""
        before = self._latest.get(message.target)
        task = asyncio.get_running_loop().create_task(self._carry(message, before))
        self._tasks.add(task)
        self._latest[message.target] = task

        def forget(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            if self._latest.get(message.target) is done:
                del self._latest[message.target]

        task.add_done_callback(forget)

    async def _carry(self, message: Message, before: asyncio.Task[None] | None) -> None:
        """Bring one message home; an unreachable store and too much work make it wait, never go astray."""
        while True:
            try:
                if before is not None and _must_follow(message):
                    await asyncio.wait([before])
                await self._deliver(message)
                return
            except Quarantined:
                return  # stays in the outbox until the workflow is released
            except PodiumError as error:
                if not error.retryable:
                    await self._refused(message, error)
                    return
                await asyncio.sleep(TRY_AGAIN_S)

    async def _deliver(self, message: Message) -> None:
        if message.kind == "event":
            message_id, payload = _decode_event(message.body)
            await self._handle_event(message.target, message_id, payload)
            await self._store.drop_messages([message.id])
        else:
            await self._submit(message.target, _decode_command(message.body), message.id)

    async def _refused(self, message: Message, error: PodiumError) -> None:
        """Drop a message that its target does not take; a parent learns that its child did not start."""
        log.warning("message %d for %s was refused: %s", message.id, message.target, error.message)
        command = _decode_command(message.body) if message.kind == "command" else None
        if isinstance(command, StartWorkflow) and command.parent_id:
            failed = ChildEnded(
                command.parent_task_seq,
                message.target,
                FAILED,
                reason=error.message,
                child_name=command.name,
                child_version=command.version,
            )
            try:
                await self._submit(command.parent_id, failed, message.id)
                return
            except PodiumError as refusal:
                log.warning("the parent of %s was not told: %s", message.target, refusal.message)
        await self._store.drop_messages([message.id])


def _must_follow(message: Message) -> bool:
    """Whether a message makes sense only after the one before it: a child must exist before it is terminated."""
    return message.kind == "command" and isinstance(_decode_command(message.body), Terminate | Retry)
