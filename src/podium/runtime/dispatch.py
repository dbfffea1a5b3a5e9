"""Hand-out of tasks to workers that wait for them.

A waiting poll is one object in memory; it costs no query. A task that is scheduled while a poll waits for its queue
is leased in the very commit that creates it. Everything else is claimed from the store: when a poll comes to a queue
that may hold something, and when a delayed task becomes visible or a limit gives way.
"""

import asyncio
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec

from podium.engine.commands import Command, PollTask, UpdateTask
from podium.engine.graph import step_of
from podium.engine.view import task_view
from podium.model.errors import Overloaded, PodiumError
from podium.model.status import IN_PROGRESS
from podium.model.task import Task
from podium.model.transition import QueueRow, Transition
from podium.model.workflow import Workflow
from podium.runtime.bus import Bus
from podium.runtime.limits import StartLimits
from podium.runtime.membership import Membership
from podium.runtime.poll import Poll
from podium.runtime.poll_data import PollBook, PollData
from podium.store import Store

POLL_COUNT_MAX = 1_000
WAITING_POLLS_MAX = 100_000
PUT_BACK_TRIES = 60
TRY_AGAIN_MS = 1_000  # after a failed lease, and a commit of which nothing is known
LOOK_S, LOOK_ALONE_S = 1.0, 10.0  # at the queues that polls wait for, among other nodes
QUEUES_AT_ONCE = 100
RESERVE_MS = 3_000
PAST_MAX = 1_000
SPREAD_S = 0.003
TOPIC = "queue"

log = logging.getLogger(__name__)

encode = msgspec.json.Encoder().encode


class Dispatcher:
    """The waiting polls of this node, and what it knows of the queues."""

    def __init__(
        self,
        store: Store,
        submit: Callable[[str, Command], asyncio.Future[Any]],
        limits: StartLimits,
        now_ms: Callable[[], int],
        membership: Membership,
        bus: Bus,
    ) -> None:
        self._store = store
        self._submit = submit
        self._limits = limits
        self._now_ms = now_ms
        self._membership = membership
        self._bus = bus
        self._waiting: dict[str, dict[Poll, None]] = {}  # in the order of arrival
        self.waiting_count = 0
        self._empty: set[str] = set()  # queues in which nothing is visible now
        self._past: dict[str, int] = {}  # queues with tasks that wait for a limit: how many of them to look past
        self._delayed: dict[str, tuple[float, asyncio.TimerHandle]] = {}  # when to look again
        self._claiming: dict[str, dict[tuple[str, int], asyncio.Future[Any]]] = {}  # by queue: leases on their way
        self._counted: dict[tuple[str, int], str] = {}  # those of them that the limits of a definition count still
        self._arrived: dict[str, list[tuple[Poll, asyncio.Future[None]]]] = {}  # polls for the next claim of a queue
        self._claimed: set[str] = set()  # queues with a claim for polls that have just come
        self._serving: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
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
            if queue not in self._empty:
                await self._first_claim(queue, poll)
            if poll.tasks or timeout_ms <= 0:
                return poll.tasks
            return await self._wait(poll, timeout_ms)
        except asyncio.CancelledError:
            poll.is_gone = True
            raise

    async def _wait(self, poll: Poll, timeout_ms: int) -> list[Any]:
        if self.waiting_count >= WAITING_POLLS_MAX:
            raise Overloaded("Too many workers are waiting, try again later")
        loop = asyncio.get_running_loop()
        self._waiting.setdefault(poll.queue, {})[poll] = None
        self.waiting_count += 1
        timer = loop.call_later(timeout_ms / 1000, self._time_out, poll)
        if poll.queue not in self._empty:
            self._look(poll.queue)  # another poll has looked at the same time and was quicker
        try:
            return await poll.reply
        finally:
            timer.cancel()
            self._remove(poll)

    def _time_out(self, poll: Poll) -> None:
        """Answer with nothing, unless a task is on its way to this poll."""
        poll.is_expired = True
        self._answer(poll)

    def _remove(self, poll: Poll) -> None:
        polls = self._waiting.get(poll.queue, {})
        if poll in polls:
            del polls[poll]
            self.waiting_count -= 1
            if not polls:
                del self._waiting[poll.queue]

    def poll_data(self, task_type: str | None = None) -> list[PollData]:
        """Return who polled, of one task type or of all, by type."""
        return self.poll_book.of(task_type)

    def is_domain_active(self, queue: str) -> bool:
        """Whether a worker waits for *queue* or polled it in the last ten seconds, on any node."""
        return queue in self._waiting or self.poll_book.is_active(queue)

    def waiting(self, queue: str) -> int:
        """Return how many polls wait for *queue* on this node."""
        return len(self._waiting.get(queue, ()))

    def release_all(self) -> None:
        """Answer all waiting polls with nothing: the server stops."""
        for polls in list(self._waiting.values()):
            for poll in list(polls):
                self._time_out(poll)

    # ---- direct hand-out, called by the committer

    def take(self, row: QueueRow) -> Poll | None:
        """Return a poll that the task of *row* may be leased to now; it is promised until `deliver` or `give_back`."""
        for poll in self._waiting.get(row.queue, ()):
            if poll.room > 0:
                if not self._may_go_first(row) or not self._limits.may_start(row.name):
                    return None
                poll.promised += 1
                return poll
        return None

    def _may_go_first(self, row: QueueRow) -> bool:
        """Whether no older task may be waiting for the place that a new one would take; their turn is a claim's."""
        return not self._limits.is_limited(row.name) or (row.queue in self._empty and row.queue not in self._past)

    def deliver(self, poll: Poll, workflow: Workflow, task: Task) -> None:
        """Give a committed task to its poll; the poll is answered when nothing more is on its way to it."""
        self._limits.settle(task.name, is_started=True)
        self._hand_over(poll, workflow, task)

    def _hand_over(self, poll: Poll, workflow: Workflow, task: Task) -> None:
        """Keep a promise; a task that can't be given must not hold up the others of its poll."""
        try:
            self._give(poll, workflow, task)
        finally:
            self._settle(poll)

    def _give(self, poll: Poll, workflow: Workflow, task: Task) -> None:
        """Add a leased task to a poll; when the worker has gone, the task goes back to its queue."""
        if not poll.is_gone:
            poll.tasks.append((workflow, task) if poll.raw else self._json(workflow, task))
        elif task.runs == "worker":
            self._spawn(self._put_back(workflow.id, task.seq))

    async def _put_back(self, workflow_id: str, seq: int) -> None:
        """Put a task back into its queue, also when too much waits at the moment."""
        command = UpdateTask(seq, IN_PROGRESS, merge=True, keep_worker=True)
        for _ in range(PUT_BACK_TRIES):
            try:
                await self._submit(workflow_id, command)
            except Overloaded:
                await asyncio.sleep(TRY_AGAIN_MS / 1000)
            except PodiumError:  # it has ended, or its response timeout brings it back
                return
            else:
                return

    def give_back(self, poll: Poll, name: str) -> None:
        """Take back the promise of a task of definition *name*: the commit failed."""
        self._limits.settle(name, is_started=False)
        self._settle(poll)

    def _settle(self, poll: Poll) -> None:
        """One promise less; the last one answers the poll if it has got anything."""
        poll.promised -= 1
        self._answer(poll)
        if poll.room > 0 and poll.queue not in self._empty:
            self._look(poll.queue)  # which was left alone while nobody had room

    def _answer(self, poll: Poll) -> None:
        if poll.is_due:
            poll.reply.set_result(poll.tasks)
            self._remove(poll)

    def _json(self, workflow: Workflow, task: Task) -> bytes:
        return encode(task_view(workflow.head, task, step_of(workflow, task), self._now_ms()))

    # ---- claims from the store

    async def _first_claim(self, queue: str, poll: Poll) -> None:
        """Claim for a poll that has just come; where that is a round trip, those who come meanwhile share the next."""
        if not self._store.is_shared:
            await self._claim(queue, [poll])
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arrived.setdefault(queue, []).append((poll, turn))
        if queue not in self._claimed:
            self._claimed.add(queue)
            self._spawn(self._claim_in_turns(queue))
        await turn

    async def _claim_in_turns(self, queue: str) -> None:
        while arrived := self._arrived.pop(queue, None):
            failure: Exception | None = None
            try:
                if queue not in self._empty:
                    await self._claim(queue, [poll for poll, _ in arrived if not poll.is_gone])
            except Exception as error:  # noqa: BLE001 (it is each poll's answer)
                failure = error
            for _, turn in arrived:
                if failure is not None and not turn.done():
                    turn.set_exception(failure)
                elif not turn.done():
                    turn.set_result(None)
        self._claimed.discard(queue)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _claim(self, queue: str, polls: list[Poll]) -> int:
        """Lease visible tasks of *queue* to *polls*, and wait until they have come; returns how many those were."""
        reserve_ms = 0 if self._membership.is_alone else RESERVE_MS
        room = sum(poll.room for poll in polls)
        # Rows whose lease is on its way are among those that are read; not if they are reserved.
        limit = room + self._past.get(queue, 0) + (0 if reserve_ms else len(self._claiming.get(queue, ())))
        if not room:
            return 0
        self._empty.add(queue)  # before the look, so that news that come meanwhile are not lost
        now_ms = self._now_ms()
        try:
            rows = await self._store.ready(queue, now_ms, limit, reserve_ms)
            if len(rows) < limit:
                await self._look_again_when_visible(queue, now_ms)
            wanted = self._limits.wanted(rows)
            if wanted:
                await self._limits.reserve(wanted)
        except BaseException:
            self._empty.discard(queue)  # nothing is known of it
            raise
        # Nothing waits from here to the leases: no row is leased twice, and no poll gets more than it wants.
        free = self._free(queue, rows)
        try:
            leases, held_back = self._leases(queue, polls, free)
        except BaseException:
            self._empty.discard(queue)
            raise
        finally:
            self._limits.unreserve(wanted)
        # Rows are left when there were more, and when a poll has expired or was served while the store was asked.
        may_have_more = self._look_past(queue, held_back, polls)
        if (len(rows) >= limit and may_have_more) or len(leases) + held_back < len(free):
            self._empty.discard(queue)
        if reserve_ms and len(leases) < len(rows):
            await self._release(queue, rows)
        if leases:
            await asyncio.wait(leases)
        return len(leases)

    async def _release(self, queue: str, rows: list[QueueRow]) -> None:
        """Let other nodes have reserved rows that are not leased after all."""
        claiming = self._claiming.get(queue, ())
        rest = [row for row in rows if (row.workflow_id, row.seq) not in claiming]
        if rest:
            with contextlib.suppress(PodiumError):  # else they are free after some seconds
                await self._store.release(rest)

    def _free(self, queue: str, rows: list[QueueRow]) -> list[QueueRow]:
        """Return the rows that nobody has taken meanwhile."""
        claiming = self._claiming.get(queue, ())
        return [row for row in rows if (row.workflow_id, row.seq) not in claiming]

    def _leases(self, queue: str, polls: list[Poll], free: list[QueueRow]) -> tuple[list[asyncio.Future[Any]], int]:
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
            self._look_again(queue, self._limits.wait_ms(name))
        return leases, held_back

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

    def _lease(self, poll: Poll, row: QueueRow) -> asyncio.Future[Any]:
        """Lease one task; what comes of it is noted even when the worker has gone meanwhile."""
        try:
            leased = self._submit(row.workflow_id, PollTask(row.seq, poll.worker_id))
        except PodiumError:
            self._limits.settle(row.name, is_started=False)
            raise
        key = row.workflow_id, row.seq
        claiming = self._claiming.setdefault(row.queue, {})
        claiming[key] = leased
        self._counted[key] = row.name
        poll.promised += 1

        def note(done: asyncio.Future[Any]) -> None:
            claiming.pop(key, None)
            if not claiming and self._claiming.get(row.queue) is claiming:
                del self._claiming[row.queue]
            is_refused = done.cancelled() or done.exception() is not None
            found = None if is_refused else done.result()
            if is_refused:
                self._look_again(row.queue, TRY_AGAIN_MS)  # the row is there still
            if key in self._counted and self._limits.settle(self._counted.pop(key), is_started=found is not None):
                self._spawn(self._release(row.queue, [row]))  # most likely there was no room
                self._look_again(row.queue, self._limits.wait_ms(row.name))
            if found is None:
                self._settle(poll)
            else:
                self._hand_over(poll, *found)

        leased.add_done_callback(note)
        return leased

    async def _look_again_when_visible(self, queue: str, since_ms: int) -> None:
        visible_ms = await self._store.next_visible_ms(queue, since_ms)  # what is visible, somebody is about to have
        if visible_ms:
            self._look_again(queue, visible_ms - self._now_ms())

    def _look_again(self, queue: str, delay_ms: int) -> None:
        loop = asyncio.get_running_loop()
        at = loop.time() + max(delay_ms, 1) / 1000
        known = self._delayed.get(queue)
        if known is not None:
            if known[0] <= at:
                return
            known[1].cancel()
        self._delayed[queue] = (at, loop.call_at(at, self._look_now, queue))

    def _look_now(self, queue: str) -> None:
        self._delayed.pop(queue, None)
        self._look(queue)
        self._bus.publish(TOPIC, queue)

    def _look(self, queue: str) -> None:
        """Something of *queue* may be visible: serve the waiting polls, or remember it for the next one."""
        self._empty.discard(queue)
        if queue not in self._serving and any(poll.room > 0 for poll in self._waiting.get(queue, ())):
            self._serving.add(queue)
            self._spawn(self._serve(queue))

    async def _serve(self, queue: str) -> None:
        polls = [poll for poll in self._waiting.get(queue, ()) if poll.room > 0]
        for poll in polls:
            poll.looks += 1  # no time-out while the claim is on its way
        is_again = True
        try:
            is_idle = not await self._claim(queue, polls)
            leases = self._claiming.get(queue)
            if is_idle and leases and queue not in self._empty:  # all that is visible is about to go to others
                await asyncio.wait(leases.values(), return_when=asyncio.FIRST_COMPLETED)
        except Exception as error:
            is_again = False
            self._look_again(queue, TRY_AGAIN_MS)
            if not isinstance(error, PodiumError):
                log.exception("the claim of queue %s failed", queue)
        finally:
            self._serving.discard(queue)
            for poll in polls:
                poll.looks -= 1
                self._answer(poll)
            if is_again and queue not in self._empty:
                self._look(queue)

    # ---- news of commits

    def note(self, change: Transition, leased: Sequence[int]) -> None:
        """Learn what a commit put into queues, which tasks it leased and which leases ended."""
        now_ms = self._now_ms()
        for seq in leased:
            name = self._counted.pop((change.workflow.id, seq), None)
            if name is not None:
                self._limits.settle(name, is_started=True)
        for row in change.enqueued.values():
            if row.visible_ms > now_ms:
                self._look_again(row.queue, row.visible_ms - now_ms)
            else:
                self._look(row.queue)
                self._bus.publish(TOPIC, row.queue)
        for name, delta in change.leases.items():
            if self._limits.change(name, delta):
                self._look_limited(name)

    def look_for(self, change: Transition) -> None:
        """Look at the queues of a commit of which it is not known whether it happened."""
        for row in change.enqueued.values():
            self._look_again(row.queue, max(row.visible_ms - self._now_ms(), TRY_AGAIN_MS))

    def _look_limited(self, name: str) -> None:
        for queue in (name, *self._limits.queues_of(name)):
            self._look(queue)
            self._bus.publish(TOPIC, queue)

    # ---- news of other nodes

    def _hear(self, queues: frozenset[str]) -> None:
        """Rows were queued elsewhere; not all nodes should go for them in the same moment."""
        if not queues:
            self._empty.clear()
        self._empty -= queues
        loop = asyncio.get_running_loop()
        for queue in sorted(queues & self._waiting.keys()) if queues else list(self._waiting):
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
            self._empty.clear()
            waiting = [queue for queue in self._waiting if queue not in self._serving]
            with contextlib.suppress(PodiumError):
                for first in range(0, len(waiting), QUEUES_AT_ONCE):
                    some = waiting[first : first + QUEUES_AT_ONCE]
                    for queue in await self._store.visible_queues(some, self._now_ms()):
                        self._look(queue)
                    await asyncio.sleep(0)
