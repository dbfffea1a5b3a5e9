"""Hand-out of tasks to workers that wait for them.

A waiting poll is one object in memory; it costs no query. A task that is scheduled while a poll waits for its queue
is leased in the very commit that creates it. Everything else is claimed from the store: when a poll comes to a queue
that may hold something, and when a delayed task becomes visible or a limit gives way.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence
from typing import Any

from podium.model.errors import PodiumError
from podium.model.task import Task
from podium.model.transition import QueueRow, Transition
from podium.model.workflow import Workflow
from podium.runtime.background import Background
from podium.runtime.bus import Bus
from podium.runtime.claims import TRY_AGAIN_MS, Claims
from podium.runtime.handover import HandOver, Submit
from podium.runtime.known_queues import KnownQueues
from podium.runtime.limits import StartLimits
from podium.runtime.membership import Membership
from podium.runtime.poll import Poll, WaitingPolls
from podium.runtime.poll_data import PollBook, PollData
from podium.store import Store

POLL_COUNT_MAX = 1_000
LOOK_S, LOOK_ALONE_S = 1.0, 10.0  # at the queues that polls wait for, among other nodes
QUEUES_AT_ONCE = 100
SPREAD_S = 0.003
TOPIC = "queue"

log = logging.getLogger(__name__)


class Dispatcher:
    """The way from a queue to the poll that waits for it."""

    def __init__(
        self,
        store: Store,
        submit: Submit,
        limits: StartLimits,
        now_ms: Callable[[], int],
        membership: Membership,
        bus: Bus,
    ) -> None:
        self._store = store
        self._limits = limits
        self._now_ms = now_ms
        self._membership = membership
        self._bus = bus
        self._background = Background()
        self._serving: set[str] = set()
        self._waiting = WaitingPolls()
        self._queues = KnownQueues(self._announce)
        self.handover = HandOver(submit, now_ms, self._waiting, self._look_if_any, self._background)
        self._claims = Claims(store, submit, limits, now_ms, membership, self._queues, self.handover, self._background)
        self.poll_book = PollBook(store, membership, bus, now_ms, self._waiting.__iter__)
        bus.on(TOPIC, self._hear)

    # ---- polls

    async def poll(
        self,
        task_type: str,
        domain: str | None,
        worker_id: str | None,
        count: int,
        timeout_ms: int,
        *,
        raw: bool = False,
    ) -> list[Any]:
        """Return up to *count* tasks as JSON, as soon as there is one, or none after *timeout_ms*."""
        queue = f"{domain}:{task_type}" if domain else task_type
        self.poll_book.note(queue, task_type, domain, worker_id)
        count = max(1, min(count, POLL_COUNT_MAX))
        poll = Poll(queue, worker_id, count, asyncio.get_running_loop().create_future(), raw)
        try:
            if not self._queues.is_empty(queue):
                await self._claims.first(queue, poll)
            if poll.tasks or timeout_ms <= 0:
                return poll.tasks
            return await self._wait(poll, timeout_ms)
        except asyncio.CancelledError:
            poll.is_gone = True
            raise

    async def _wait(self, poll: Poll, timeout_ms: int) -> list[Any]:
        self._waiting.add(poll)
        timer = asyncio.get_running_loop().call_later(timeout_ms / 1000, self._waiting.time_out, poll)
        self._look_if_any(poll.queue)  # another poll may have looked at the same time and been quicker
        try:
            return await poll.reply
        finally:
            timer.cancel()
            self._waiting.remove(poll)

    def poll_data(self, task_type: str | None = None) -> list[PollData]:
        """Return who polled, of one task type or of all, by type."""
        return self.poll_book.of(task_type)

    def is_domain_active(self, queue: str) -> bool:
        """Whether a worker waits for *queue* or polled it in the last ten seconds, on any node."""
        return queue in self._waiting or self.poll_book.is_active(queue)

    @property
    def waiting_count(self) -> int:
        """How many polls wait on this node."""
        return self._waiting.count

    def waiting(self, queue: str) -> int:
        """Return how many polls wait for *queue* on this node."""
        return len(self._waiting.of(queue))

    def release_all(self) -> None:
        """Answer all waiting polls with nothing: the server stops."""
        self._waiting.release_all()

    # ---- direct hand-out, called by the committer

    def take(self, row: QueueRow) -> Poll | None:
        """Return a poll that the task of *row* may be leased to now; it is promised until `deliver` or `give_back`."""
        poll = next(self._waiting.with_room(row.queue), None)
        if poll is None or not self._may_go_first(row) or not self._limits.may_start(row.name):
            return None
        poll.promised += 1
        return poll

    def _may_go_first(self, row: QueueRow) -> bool:
        """Whether no older task may be waiting for the place that a new one would take; their turn is a claim's."""
        if not self._limits.is_limited(row.name):
            return True
        return self._queues.is_empty(row.queue) and not self._claims.is_held_back(row.queue)

    def deliver(self, poll: Poll, workflow: Workflow, task: Task) -> None:
        """Give a committed task to its poll; the poll is answered when nothing more is on its way to it."""
        self._limits.settle(task.name, is_started=True)
        self.handover.keep(poll, workflow, task)

    def give_back(self, poll: Poll, name: str) -> None:
        """Take back the promise of a task of definition *name*: the commit failed."""
        self._limits.settle(name, is_started=False)
        self.handover.take_back(poll)

    # ---- looks at queues for waiting polls

    def _announce(self, queue: str) -> None:
        """Something of *queue* may be visible, to other nodes as well."""
        self._look(queue)
        self._bus.publish(TOPIC, queue)

    def _look(self, queue: str) -> None:
        """Something of *queue* may be visible: serve the waiting polls, or remember it for the next one."""
        self._queues.doubt(queue)
        if queue not in self._serving and any(self._waiting.with_room(queue)):
            self._serving.add(queue)
            self._background.spawn(self._serve(queue))

    def _look_if_any(self, queue: str) -> None:
        if not self._queues.is_empty(queue):
            self._look(queue)

    async def _serve(self, queue: str) -> None:
        polls = list(self._waiting.with_room(queue))
        for poll in polls:
            poll.looks += 1  # no time-out while the claim is on its way
        is_again = True
        try:
            is_idle = not await self._claims.claim(queue, polls)
            leases = self._claims.leases(queue)
            if is_idle and leases and not self._queues.is_empty(queue):  # all that is visible is about to go to others
                await asyncio.wait(leases, return_when=asyncio.FIRST_COMPLETED)
        except Exception as error:
            is_again = False
            self._queues.look_again(queue, TRY_AGAIN_MS)
            if not isinstance(error, PodiumError):
                log.exception("the claim of queue %s failed", queue)
        finally:
            self._serving.discard(queue)
            for poll in polls:
                poll.looks -= 1
                self._waiting.answer(poll)
            if is_again:
                self._look_if_any(queue)

    # ---- news of commits

    def note(self, change: Transition, leased: Sequence[int]) -> None:
        """Learn what a commit put into queues, which tasks it leased and which leases ended."""
        now_ms = self._now_ms()
        self._claims.note_started(change.workflow.id, leased)
        for row in change.enqueued.values():
            if row.visible_ms > now_ms:
                self._queues.look_again(row.queue, row.visible_ms - now_ms)
            else:
                self._announce(row.queue)
        for name, delta in change.leases.items():
            if self._limits.change(name, delta):
                self._look_limited(name)

    def look_for(self, change: Transition) -> None:
        """Look at the queues of a commit of which it is not known whether it happened."""
        for row in change.enqueued.values():
            self._queues.look_again(row.queue, max(row.visible_ms - self._now_ms(), TRY_AGAIN_MS))

    def _look_limited(self, name: str) -> None:
        for queue in (name, *self._limits.queues_of(name)):
            self._announce(queue)

    # ---- news of other nodes

    def _hear(self, queues: frozenset[str]) -> None:
        """Rows were queued elsewhere; not all nodes should go for them in the same moment."""
        loop = asyncio.get_running_loop()
        if not queues:
            self._queues.doubt_all()
        for queue in queues:
            self._queues.doubt(queue)
        for queue in sorted(one for one in queues if one in self._waiting) if queues else list(self._waiting):
            loop.call_later(random.uniform(0, SPREAD_S), self._look, queue)  # noqa: S311

    async def run(self) -> None:
        """Look now and then at what nobody has told: what is known of empty queues does not last, least among others.

        A node that is alone looks, too: a commit may be carried out after its answer was given up, and nothing that
        was forgotten is to lie for ever. While no poll waits this costs nothing.
        """
        looked_s = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(LOOK_S if self._store.is_shared else LOOK_ALONE_S)
            now_s = asyncio.get_running_loop().time()
            if self._membership.is_alone and now_s < looked_s + LOOK_ALONE_S:
                continue
            looked_s = now_s
            self._queues.doubt_all()
            waiting = [queue for queue in self._waiting if queue not in self._serving]
            with contextlib.suppress(PodiumError):
                for first in range(0, len(waiting), QUEUES_AT_ONCE):
                    some = waiting[first : first + QUEUES_AT_ONCE]
                    for queue in await self._store.visible_queues(some, self._now_ms()):
                        self._look(queue)
                    await asyncio.sleep(0)
