"""One store that all nodes share, and each node's connection to it, which delays, fails and lies.

What a connection is asked for reaches the store some time later and is done at one moment; the answer takes its time
too. A request that has left is carried out even if its node dies meanwhile.
"""

import asyncio
import dataclasses
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from contextvars import Context, copy_context
from random import Random
from typing import Any

import msgspec

from podium.model.errors import OutcomeUnknown, PodiumError, Unavailable
from podium.model.task import Task
from podium.model.transition import Message, Transition
from podium.model.workflow import Head, Workflow
from podium.store.memory import MemoryStore
from tests.simulation.faults import Faults
from tests.simulation.loop import Process

BEGIN_MS = 1_700_006_340_000  # a minute before the day that some of the definitions wait for
ANSWER_S_MAX = 3.0  # after which a node gives an answer up
LATE_S_MAX = 8.0
FOUND_EVERY = 10  # commits with messages
WRITES = frozenset(
    [
        "commit",
        "put_document",
        "swap_document",
        "delete_document",
        "put_definition",
        "add_logs",
        "drop_messages",
        "add_event_execution",
        "drop_event_executions",
    ]
)

_decode_head = msgspec.msgpack.Decoder(Head).decode
_decode_task = msgspec.msgpack.Decoder(Task).decode
_encode = msgspec.msgpack.Encoder().encode

Heard = Callable[[str | None], None]
Note = Callable[[str, Transition], None]


class Database:
    """The rows, and who looks at them: *before* and *after* are called around each transition that is written."""

    def __init__(self, trace: Callable[..., None], *, is_shared: bool) -> None:
        self.trace = trace
        self.process = Process("database")
        self.rows = MemoryStore(self.now_ms, is_shared=is_shared)
        self.listeners: dict[Connection, tuple[Heard, Context]] = {}
        self.before: Note = lambda *_: None
        self.after: Note = lambda *_: None
        self.commits = self.stale = 0
        self.owner: Connection | None = None  # of a store that is not shared: the latest one
        self.in_doubt: Callable[[], Any] | None = None  # what such a store failed to make durable just now

    def own(self, connection: "Connection", random: Random) -> None:
        """Give a file to a server, as the one before has ended: what was in doubt at its end may be there now."""
        in_doubt, self.in_doubt, self.owner = self.in_doubt, None, connection
        if in_doubt is not None and random.random() < 0.5:
            self.trace("back", connection._node)
            with suppress(PodiumError):
                in_doubt()

    def now_ms(self) -> int:
        """Return the time of the store: the one that counts."""
        return BEGIN_MS + int(asyncio.get_running_loop().time() * 1000)

    def do(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Carry out a call of the store at once; it may raise what the store raises."""
        return finished(getattr(self.rows, name)(*args, **kwargs))

    def commit(self, node: str, transitions: Sequence[Transition]) -> list[bool]:
        """Write transitions one after the other, which is what one transaction of the memory store does."""
        return [self._write(node, transition) for transition in transitions]

    def _write(self, node: str, transition: Transition) -> bool:
        self.before(node, transition)
        [is_held] = finished(self.rows.commit([transition]))
        if is_held:
            self.commits += 1
            self.trace("commit", node, _line(transition))
            self.after(node, transition)
        else:
            self.stale += 1
            self.trace("stale", node, transition.workflow.id, transition.expected_version)
        return bool(is_held)


class Connection:
    """The store as one node sees it: the port, with every call in the hands of fate."""

    def __init__(self, database: Database, node: str, random: Random, faults: Faults) -> None:
        self._database = database
        self._node = node
        self._random = random
        self._faults = faults
        self._is_cut = False
        self.is_shared = database.rows.is_shared
        if not self.is_shared:
            database.own(self, random)

    @property
    def is_cut(self) -> bool:
        """Whether the node and the store can't reach each other; nobody is told of that."""
        return self._is_cut

    @is_cut.setter
    def is_cut(self, is_cut: bool) -> None:
        was_cut, self._is_cut = self._is_cut, is_cut
        if was_cut and not is_cut and self in self._database.listeners:
            heard, context = self._database.listeners[self]
            asyncio.get_running_loop().call_later(self._random.uniform(0, 1), heard, None, context=context)

    async def listen(self, heard: Heard) -> None:
        """Hear the notices of all nodes: late, in another order, twice or never."""
        self._database.listeners[self] = heard, copy_context()
        try:
            heard(None)
            await asyncio.Event().wait()
        finally:
            self._database.listeners.pop(self, None)

    async def notify(self, payload: str) -> None:
        """Send a notice to all nodes."""
        await self._ask("notify", lambda: self._spread(payload))

    def _spread(self, payload: str) -> None:
        for connection, (heard, context) in self._database.listeners.items():
            if not connection.is_cut and self._random.random() >= self._faults.notice_lost:
                for _ in range(2 if self._random.random() < self._faults.notice_doubled else 1):
                    delay_s = self._delay_s(self._random.random() < self._faults.slow)
                    asyncio.get_running_loop().call_later(delay_s, heard, payload, context=context)

    async def commit(self, transitions: Sequence[Transition]) -> list[bool]:
        """Write what the transitions are now, whatever becomes of them until they arrive."""
        if not transitions:
            return []
        copies = [copy_of(transition) for transition in transitions]
        held: list[bool] = await self._ask("commit", lambda: self._database.commit(self._node, copies))
        for transition, copy in zip(transitions, copies, strict=True):
            transition.workflow.row = transition.workflow.row or copy.workflow.row
            transition.messages = self._known(copy.messages)
        return held

    def _known(self, messages: list[Message]) -> list[Message]:
        """What a node learns of its messages: not their ids when it had to look whether its commit was written."""
        if self.is_shared and messages and messages[0].id % FOUND_EVERY == 0:
            return [msgspec.structs.replace(message, id=0) for message in messages]
        return messages

    def check(self) -> AsyncIterator[str]:
        """Yield broken promises."""
        return self._database.rows.check()

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        if name.startswith("_") or not inspect.iscoroutinefunction(getattr(self._database.rows, name)):
            raise AttributeError(name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._ask(name, lambda: self._database.do(name, args, kwargs))

        return call

    # ---- fate

    async def _ask(self, name: str, action: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Any] = loop.create_future()
        fate = self._fate()
        if fate not in ("", "slow"):
            self._database.trace("fault", self._node, fate, name)
        away_s, back_s = self._delay_s(fate == "slow"), self._delay_s(fate == "slow")

        def arrive() -> None:
            if fate == "refused":
                reply(None, Unavailable("simulated: refused"))
                return
            if self.is_cut and fate != "late":
                return  # the node waits in vain
            if not self.is_shared and self._is_kept_from_file(name, action, fate):
                reply(None, OutcomeUnknown("simulated: not durable"))
                return
            result, error = None, None
            try:
                result = action()
            except Exception as failure:  # noqa: BLE001 (whatever the store raises is the answer)
                error = failure
            reply(result, Unavailable("simulated: unknown") if fate == "unknown" else error)

        def reply(result: Any, error: Exception | None) -> None:
            self._later(back_s, lambda: None if self.is_cut else _settle(answer, result, error))

        if fate == "late":
            self._later(away_s, lambda: _settle(answer, None, Unavailable("simulated: no answer")))
            away_s = self._random.uniform(0, LATE_S_MAX)
        self._later(away_s, arrive)
        timer = loop.call_later(ANSWER_S_MAX, _settle, answer, None, Unavailable("simulated: timed out"))
        try:
            return await answer
        finally:
            timer.cancel()

    def _is_kept_from_file(self, name: str, action: Callable[[], Any], fate: str) -> bool:
        """Whether an action leaves nothing in the file that can be seen: its server has ended, or the disk fails.

        What could not be made durable comes back with the next start, unless something else is written before.
        """
        database = self._database
        if database.owner is not self:
            return True
        if name in WRITES:
            database.in_doubt = action if fate == "unknown" else None
        return fate == "unknown"

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Let the network, which survives the node, do something."""
        asyncio.get_running_loop().call_later(delay_s, action, context=self._database.process.context)

    def _fate(self) -> str:
        chance = self._random.random()
        for name in ("refused", "unknown", "late", "slow"):
            rate = getattr(self._faults, name)
            if chance < rate:
                return name
            chance -= rate
        return ""

    def _delay_s(self, is_slow: bool) -> float:
        return self._random.uniform(0.05, 1.4) if is_slow else self._random.uniform(0.0001, 0.004)


def _settle(answer: "asyncio.Future[Any]", result: Any, error: Exception | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)


def finished(coro: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never waits, as those of the memory store."""
    try:
        coro.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the memory store has waited")


def _line(change: Transition) -> str:
    """Return what a transition does, in few words."""
    head = change.workflow.head
    tasks = [f"{task.seq}:{task.ref}:{task.status}" for task in (*change.inserted, *change.updated.values())]
    queue = [f"+{seq}" for seq in change.enqueued] + [f"-{seq}" for seq in sorted(change.dequeued)]
    sent = [f"{message.kind} to {message.target}" for message in change.messages]
    fate = "removed" if change.removed else head.status
    return (
        f"{head.id} v{head.version} {fate} {tasks} queue {queue} wake {head.wake_ms} sent {sent} took {change.applied}"
    )


def copy_of(transition: Transition) -> Transition:
    """Return the transition as it is now."""
    flow = transition.workflow
    workflow = Workflow(_decode_head(_encode(flow.head)), None)
    workflow.input, workflow.output, workflow.variables = bytes(flow.input), bytes(flow.output), bytes(flow.variables)
    workflow.row = flow.row
    copies: dict[str, Any] = {
        name: value.copy()
        for name in (field.name for field in dataclasses.fields(transition))
        if isinstance(value := getattr(transition, name), list | dict | set)
    }
    copies["inserted"] = [_decode_task(_encode(task)) for task in transition.inserted]
    copies["updated"] = {seq: _decode_task(_encode(task)) for seq, task in transition.updated.items()}
    return dataclasses.replace(transition, workflow=workflow, **copies)
