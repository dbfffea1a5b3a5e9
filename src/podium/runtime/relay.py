"""Messages between workflows, and events: from the outbox to where they belong, each exactly once.

A command is consumed by the commit of its target, which deletes it and does not hold when it is gone already. An event
is handled outside of a workflow and deleted then. What this node has committed it knows from the commit; it carries
what is for its own workflows and tells the nodes of the others. A look at the whole outbox now and then finds what
nobody was told of, and what another node should have carried long ago.
"""

import asyncio
import contextlib
import logging
import random
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from podium.engine import commands
from podium.engine.commands import Command, Retry, StartWorkflow, Terminate
from podium.model.errors import PodiumError, QueueUnavailable
from podium.model.transition import Message, Transition
from podium.runtime.bus import Bus
from podium.runtime.membership import Membership
from podium.store import Store

READ_MAX = 500
TRY_AGAIN_S = 1.0
ON_ITS_WAY_MAX = 5_000
SETTLE_STEPS = 8
LOOK_S, LOOK_ALONE_S = 1.0, 10.0
TAKE_OVER_S = 1.5  # after which anybody carries the message of another node
TAKE_OVER_MAX = 500  # in one look
CARRIED_KEPT = 10_000
ASK_AGAIN_S = 0.02
FOLLOW_S = 5.0
CLAIM_MS = 10_000
INTERNAL = PodiumError.status  # of faults of podium itself, and of workflows that are held for one
TOPIC = "message"

log = logging.getLogger(__name__)

_COMMANDS = (
    commands.StartWorkflow
    | commands.ChildEnded
    | commands.ChildRevived
    | commands.AskEnd
    | commands.Terminate
    | commands.Retry
    | commands.UpdateTask
)
_decode_command = msgspec.msgpack.Decoder(_COMMANDS).decode
_decode_event = msgspec.msgpack.Decoder(tuple[str, bytes]).decode

Submit = Callable[[str, Command, int], "asyncio.Future[Any]"]
HandleEvent = Callable[[str, str, bytes], Awaitable[None]]
StartKeyed = Callable[[str, StartWorkflow, int], Awaitable[bool]]


async def _no_keys(*_: object) -> bool:
    return False


class Relay:
    """Carries messages; those for one target in their order."""

    def __init__(
        self, store: Store, submit: Submit, handle_event: HandleEvent, membership: Membership, bus: Bus
    ) -> None:
        self._store = store
        self._submit = submit
        self._handle_event = handle_event
        self.start_keyed: StartKeyed = _no_keys
        self._membership = membership
        self._bus = bus
        self._must_look = True
        self._told: set[int] = set()  # ids of messages that other nodes have for this one
        self._news = asyncio.Event()
        self._is_reading = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest: dict[str, asyncio.Task[None]] = {}
        self._carried: OrderedDict[int, None] = OrderedDict()  # ids of what is, or was lately, on its way
        self._on_way: set[int] = set()
        self._strays: set[int] = set()  # those that the last look found in the outbox, but not on their way any more
        self._foreign: dict[int, float] = {}  # messages of other nodes, with when they were seen first
        bus.on(TOPIC, self._hear)
        membership.on_change.append(self.look_soon)

    # ---- news

    def note(self, change: Transition) -> None:
        """Learn of the messages of a commit."""
        for message in change.messages:
            if not message.id:  # the answer of the store was lost: only the outbox knows their ids
                self.look_soon()
            elif not self._membership.is_mine(message.target):
                self._bus.publish(TOPIC, f"{self._membership.owner(message.target)}:{message.id}")
            elif len(self._tasks) < ON_ITS_WAY_MAX:
                self._send(message)
            else:
                self.look_soon()

    def look_for(self, change: Transition) -> None:
        """Look for the messages of a commit of which it is not known whether it happened."""
        if change.messages:
            self.look_soon()

    def _hear(self, details: frozenset[str]) -> None:
        own = f"{self._membership.own.id}:"
        told = [int(detail.removeprefix(own)) for detail in details if detail.startswith(own)]
        if details and len(self._told) + len(told) < READ_MAX:
            self._told.update(told)
        else:
            self._must_look = True
        if told or not details:
            self._news.set()

    def look_soon(self) -> None:
        """Read the whole outbox as soon as possible: something in it may be possible now."""
        self._must_look = True
        self._news.set()

    # ---- for those who wait

    @property
    def _is_behind(self) -> bool:
        return self._must_look or self._is_reading or bool(self._told)

    async def settle(self, timeout_s: float) -> bool:
        """Wait for the messages on their way, and for those that follow from them down to eight steps."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        for _ in range(SETTLE_STEPS):
            while self._is_behind and loop.time() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.001)  # a read of the outbox takes a turn or two of the loop
            if not self._tasks:
                return self._membership.is_alone or await self._outbox_empties(until)
            _, late = await asyncio.wait(set(self._tasks), timeout=max(until - loop.time(), 0))
            if late:
                return False
        return True

    async def _outbox_empties(self, until: float) -> bool:
        """Wait until what lies in the outbox now, for other nodes, has arrived."""
        return await self._gone([message.id for message in await self._store.messages(0, READ_MAX)], until)

    async def _gone(self, ids: list[int], until: float) -> bool:
        """Wait until messages are not in the outbox any more, whoever carries them; False if *until* comes first."""
        loop = asyncio.get_running_loop()
        while ids and loop.time() < until:
            await asyncio.sleep(ASK_AGAIN_S)
            ids = [message.id for message in await self._store.pending(ids)]
        return not ids

    async def arrival(self, target: str, timeout_s: float) -> None:
        """Wait for what is on its way to *target*, and may create it; at once when that is nothing."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while self._is_behind and loop.time() < until:  # noqa: ASYNC110 (a turn or two)
            await asyncio.sleep(0.001)
        message = self._latest.get(target)
        if message is not None:
            await asyncio.wait([message], timeout=max(until - loop.time(), 0))
        elif not self._membership.is_alone:
            await self._gone([one.id async for one in self._outbox() if one.target == target], until)

    # ---- the outbox

    async def run(self) -> None:
        """Relay for ever."""
        while True:
            self._is_reading = True
            try:
                await self._read()
            except PodiumError:
                self._must_look = True
                await asyncio.sleep(TRY_AGAIN_S * random.uniform(0.5, 1.5))  # noqa: S311
                continue
            finally:
                self._is_reading = False
            await self._rest()

    async def _rest(self) -> None:
        """Wait for news; when there are none for some time, a look is due."""
        if not self._is_behind:
            try:
                async with asyncio.timeout(LOOK_ALONE_S if self._membership.is_alone else LOOK_S):
                    await self._news.wait()
            except TimeoutError:
                self._must_look = True
        self._news.clear()

    async def _read(self) -> None:
        if self._must_look:
            self._must_look = False
            self._told.clear()
            await self._look()
        elif self._told:
            told, self._told = sorted(self._told), set()
            for message in await self._store.pending(told):
                self._send(message)

    async def _look(self) -> None:
        """Read the whole outbox; what is for this node leaves now, the rest when it has been there for long."""
        now_s = asyncio.get_running_loop().time()
        foreign: dict[int, float] = {}
        strays, self._strays = self._strays, set()
        async for message in self._outbox():
            if message.id in self._carried and message.id not in self._on_way:
                self._strays.add(message.id)  # it has arrived since it was read, or it was lost on its way
                if message.id in strays:
                    del self._carried[message.id]
            if self._membership.is_mine(message.target):
                self._send(message)
            elif message.kind != "event" and len(foreign) < TAKE_OVER_MAX:
                foreign[message.id] = self._foreign.get(message.id, now_s)
                if now_s - foreign[message.id] >= TAKE_OVER_S:
                    self._send(message)
            while len(self._tasks) > ON_ITS_WAY_MAX:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        self._foreign = foreign

    async def _outbox(self) -> AsyncIterator[Message]:
        """Yield all messages of the outbox in their order."""
        after_id, count = 0, READ_MAX
        while count == READ_MAX:
            messages = await self._store.messages(after_id, READ_MAX)
            for message in messages:
                yield message
                after_id = message.id
            count = len(messages)

    # ---- carrying

    def _send(self, message: Message) -> None:
        """Set a message on its way; those to one target leave in their order, without waiting for each other."""
        if message.id in self._carried:
            return
        self._carried[message.id] = None
        before = self._latest.get(message.target)
        task = asyncio.get_running_loop().create_task(self._carry(message, before))
        self._tasks.add(task)
        self._on_way.add(message.id)
        self._latest[message.target] = task

        def forget(done: asyncio.Task[None]) -> None:
            self._tasks.discard(done)
            self._on_way.discard(message.id)
            if self._latest.get(message.target) is done:
                del self._latest[message.target]

        task.add_done_callback(forget)

    async def _carry(self, message: Message, before: asyncio.Task[None] | None) -> None:
        """Bring one message home; an unreachable store and too much work make it wait, never go astray."""
        command = _decode_command(message.body) if message.kind == "command" else None
        while True:
            try:
                if command is None:
                    if not await self._handle(message):
                        self._carried.pop(message.id, None)  # another node has it, and may die with it
                        return
                else:
                    if isinstance(command, Terminate | Retry):
                        await self._follow(message, before)
                    if not await self._bring(message, command):
                        self._carried.pop(message.id, None)  # it stays in the outbox until what it waits for has ended
                        return
                break
            except PodiumError as error:
                if isinstance(error, QueueUnavailable) or error.status == INTERNAL:
                    # It stays in the outbox: until the workflow is released, the queue can be reached, the fault is
                    # mended; looks try it again.
                    self._carried.pop(message.id, None)
                    return
                if not error.retryable:
                    await self._refused(message, command, error)
                    break
                await asyncio.sleep(TRY_AGAIN_S * random.uniform(0.5, 1.5))  # noqa: S311
        while len(self._carried) > CARRIED_KEPT + len(self._tasks):
            self._carried.popitem(last=False)

    async def _bring(self, message: Message, command: Command) -> bool:
        """Bring a command to its target; False when it has to come again."""
        if isinstance(command, StartWorkflow) and command.idempotency_strategy:
            return await self.start_keyed(message.target, command, message.id)
        await self._submit(message.target, command, message.id)
        return True

    async def _follow(self, message: Message, before: asyncio.Task[None] | None) -> None:
        """Wait for those before it to the same target: a child must exist before it is terminated."""
        if before is not None:
            await asyncio.wait([before])
        if self._membership.is_alone and not self._is_behind:
            return
        earlier = [one.id async for one in self._outbox() if one.target == message.target and one.id < message.id]
        if earlier:
            self.look_soon()
            await self._gone(earlier, asyncio.get_running_loop().time() + FOLLOW_S)

    async def _handle(self, message: Message) -> bool:
        """Have an event handled; False when another node does that."""
        if self._store.is_shared and not await self._store.claim(message.id, self._membership.own.id, CLAIM_MS):
            return False
        message_id, payload = _decode_event(message.body)
        renewal = asyncio.get_running_loop().create_task(self._renew(message.id))
        try:
            await self._handle_event(message.target, message_id, payload)
        finally:
            renewal.cancel()
        await self._store.drop_messages([message.id])
        return True

    async def _renew(self, message_id: int) -> None:
        while self._store.is_shared:
            await asyncio.sleep(CLAIM_MS / 4_000)
            with contextlib.suppress(PodiumError):
                await self._store.claim(message_id, self._membership.own.id, CLAIM_MS)

    async def _refused(self, message: Message, command: Command | None, error: PodiumError) -> None:
        """Drop a message that its target does not take; a parent learns that its child did not start."""
        log.warning("message %d for %s was refused: %s", message.id, message.target, error.message)
        answer = None if command is None else commands.bounced(message.target, command, error.message)
        if answer is not None:
            try:
                await self._submit(*answer, message.id)
                return
            except PodiumError as refusal:
                log.warning("the parent of %s was not told: %s", message.target, refusal.message)
        await self._store.drop_messages([message.id])
