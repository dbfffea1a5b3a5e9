"""Claims of queued tasks from the store, for polls that have come or that wait: each claim leases up to what they want.

Several polls may claim from one queue at a time. No row is leased twice, none that could be leased is left behind, and
none is passed by that only waits for a limit of its definition: it has its turn when the limit gives way.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection
from typing import Any

from podium.engine.commands import PollTask
from podium.model.errors import PodiumError
from podium.model.transition import QueueRow
from podium.runtime.background import Background
from podium.runtime.handover import HandOver, Submit
from podium.runtime.known_queues import KnownQueues
from podium.runtime.limits import StartLimits
from podium.runtime.membership import Membership
from podium.runtime.poll import Poll
from podium.store import Store

TRY_AGAIN_MS = 1_000  # after a failed lease or claim, and a commit of which nothing is known
RESERVE_MS = 3_000
PAST_MAX = 1_000

Key = tuple[str, int]
"""Workflow id and sequence number of a task."""


class Claims:
    """The claims of this node and the leases that are on their way for them."""

    def __init__(
        self,
        store: Store,
        submit: Submit,
        limits: StartLimits,
        now_ms: Callable[[], int],
        membership: Membership,
        queues: KnownQueues,
        handover: HandOver,
        background: Background,
    ) -> None:
        self._store = store
        self._submit = submit
        self._limits = limits
        self._now_ms = now_ms
        self._membership = membership
        self._queues = queues
        self._handover = handover
        self._background = background
        self._past: dict[str, int] = {}  # queues with tasks that wait for a limit: how many of them to look past
        self._leases: dict[str, dict[Key, asyncio.Future[Any]]] = {}  # by queue: those on their way
        self._counted: dict[Key, str] = {}  # those of them that the limits of a definition count still
        self._arrived: dict[str, list[tuple[Poll, asyncio.Future[None]]]] = {}  # polls for the next claim of a queue
        self._claimed: set[str] = set()  # queues with a claim for polls that have just come

    def leases(self, queue: str) -> Collection[asyncio.Future[Any]]:
        """Return the leases of tasks of *queue* that are on their way."""
        return self._leases.get(queue, {}).values()

    def is_held_back(self, queue: str) -> bool:
        """Whether *queue* has tasks that wait for a limit."""
        return queue in self._past

    def note_started(self, workflow_id: str, seqs: Collection[int]) -> None:
        """Learn that tasks were leased, before their leases are answered."""
        for seq in seqs:
            name = self._counted.pop((workflow_id, seq), None)
            if name is not None:
                self._limits.settle(name, is_started=True)

    # ---- turns

    async def first(self, queue: str, poll: Poll) -> None:
        """Claim for a poll that has just come; where that is a round trip, those who come meanwhile share the next."""
        if not self._store.is_shared:
            await self.claim(queue, [poll])
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrived.setdefault(queue, []).append((poll, turn))
        if queue not in self._claimed:
            self._claimed.add(queue)
            self._background.spawn(self._claim_in_turns(queue))
        await turn

    async def _claim_in_turns(self, queue: str) -> None:
        while arrived := self._arrived.pop(queue, None):
            failure: Exception | None = None
            try:
                if not self._queues.is_empty(queue):
                    await self.claim(queue, [poll for poll, _ in arrived if not poll.is_gone])
            except Exception as error:  # noqa: BLE001 (it is each poll's answer)
                failure = error
            for _, turn in arrived:
                if failure is not None and not turn.done():
                    turn.set_exception(failure)
                elif not turn.done():
                    turn.set_result(None)
        self._claimed.discard(queue)

    # ---- one claim

    async def claim(self, queue: str, polls: list[Poll]) -> int:
        """Lease visible tasks of *queue* to *polls*, and wait until they have come; returns how many those were."""
        reserve_ms = 0 if self._membership.is_alone else RESERVE_MS
        room = sum(poll.room for poll in polls)
        # Rows whose lease is on its way are among those that are read; not if they are reserved.
        limit = room + self._past.get(queue, 0) + (0 if reserve_ms else len(self.leases(queue)))
        if not room:
            return 0
        self._queues.note_empty(queue)  # before the look, so that news that come meanwhile are not lost
        now_ms = self._now_ms()
        try:
            rows = await self._store.ready(queue, now_ms, limit, reserve_ms)
            if len(rows) < limit:
                await self._look_again_when_visible(queue, now_ms)
            wanted = self._limits.wanted(rows)
            if wanted:
                await self._limits.reserve(wanted)
        except BaseException:
            self._queues.doubt(queue)
            raise
        # Nothing waits from here to the leases: no row is leased twice, and no poll gets more than it wants.
        free = self._free(queue, rows)
        try:
            leases, held_back = self._lease_all(queue, polls, free)
        except BaseException:
            self._queues.doubt(queue)
            raise
        finally:
            self._limits.unreserve(wanted)
        # Rows are left when there were more, and when a poll has expired or was served while the store was asked.
        may_have_more = self._look_past(queue, held_back, polls)
        if (len(rows) >= limit and may_have_more) or len(leases) + held_back < len(free):
            self._queues.doubt(queue)
        if reserve_ms and len(leases) < len(rows):
            await self._release(queue, rows)
        if leases:
            await asyncio.wait(leases)
        return len(leases)

    async def _look_again_when_visible(self, queue: str, since_ms: int) -> None:
        visible_ms = await self._store.next_visible_ms(queue, since_ms)  # what is visible, somebody is about to have
        if visible_ms:
            self._queues.look_again(queue, visible_ms - self._now_ms())

    async def _release(self, queue: str, rows: list[QueueRow]) -> None:
        """Let other nodes have reserved rows that are not leased after all."""
        if rest := self._free(queue, rows):
            with contextlib.suppress(PodiumError):  # else they are free after some seconds
                await self._store.release(rest)

    def _free(self, queue: str, rows: list[QueueRow]) -> list[QueueRow]:
        """Return the rows that nobody has taken meanwhile."""
        on_their_way = self._leases.get(queue, ())
        return [row for row in rows if (row.workflow_id, row.seq) not in on_their_way]

    def _look_past(self, queue: str, held_back: int, polls: list[Poll]) -> bool:
        """Note how many rows to look past from now on; whether there may be work behind those that were read.

        Only the server's own queues are mixed: one for all definitions of a type.
        """
        before = self._past.pop(queue, 0)
        if not held_back:
            return True
        is_mixed = any(poll.raw for poll in polls)
        now = self._past[queue] = min(2 * held_back, PAST_MAX) if is_mixed else 0
        return is_mixed and (now > before or not any(poll.room > 0 for poll in polls))

    # ---- leases

    def _lease_all(self, queue: str, polls: list[Poll], free: list[QueueRow]) -> tuple[list[asyncio.Future[Any]], int]:
        """Begin to lease rows, past those that a limit holds back; says, too, how many those are."""
        leases: list[asyncio.Future[Any]] = []
        places = deque(poll for poll in polls for _ in range(poll.room))
        full: set[str] = set()
        held_back = 0
        for row in free:
            if row.name not in full and not places:
                break
            if row.name in full or not self._limits.may_start(row.name):
                full.add(row.name)
                held_back += 1
            else:
                try:
                    leases.append(self._lease(places.popleft(), row))
                except PodiumError:
                    if not leases:
                        raise
                    break  # those are on their way, and not to be lost
        for name in full:
            self._limits.seen(name, queue)
            self._queues.look_again(queue, self._limits.wait_ms(name))
        return leases, held_back

    def _lease(self, poll: Poll, row: QueueRow) -> asyncio.Future[Any]:
        """Begin to lease one task; what comes of it is noted even when the worker has gone meanwhile."""
        try:
            lease = self._submit(row.workflow_id, PollTask(row.seq, poll.worker_id))
        except PodiumError:
            self._limits.settle(row.name, is_started=False)
            raise
        key = row.workflow_id, row.seq
        self._leases.setdefault(row.queue, {})[key] = lease
        self._counted[key] = row.name
        poll.promised += 1
        lease.add_done_callback(lambda _: self._end(poll, row, lease))
        return lease

    def _end(self, poll: Poll, row: QueueRow, lease: asyncio.Future[Any]) -> None:
        """Note what came of a lease."""
        key = row.workflow_id, row.seq
        leases = self._leases[row.queue]
        del leases[key]
        if not leases:
            del self._leases[row.queue]
        is_refused = lease.cancelled() or lease.exception() is not None
        found = None if is_refused else lease.result()
        if is_refused:
            self._queues.look_again(row.queue, TRY_AGAIN_MS)  # the row is there still
        if key in self._counted and self._limits.settle(self._counted.pop(key), is_started=found is not None):
            self._background.spawn(self._release(row.queue, [row]))  # most likely there was no room
            self._queues.look_again(row.queue, self._limits.wait_ms(row.name))
        if found is None:
            self._handover.take_back(poll)
        else:
            self._handover.keep(poll, *found)
