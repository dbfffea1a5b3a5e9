"""Who polled which queue, and when: on this node from the polls, of the others from what they write down.

Each node writes what has changed into a document every few seconds while others live; that a worker of a domain has
come is told at once.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterator

import msgspec

from podium.model.errors import PodiumError
from podium.runtime.bus import Bus
from podium.runtime.membership import Membership
from podium.store import Store
from podium.store.records import Document

QUEUES_MAX = 10_000
SHARED_MAX = 2_000  # the latest ones
ACTIVE_MS = 10_000
NEWS_MS = 5_000
SHARE_S = 3.0
KIND = "poll_data"
TOPIC = "poll"


class PollData(msgspec.Struct):
    """When a queue was polled last, and by whom."""

    queue: str  # the task type
    domain: str | None
    worker_id: str | None
    last_ms: int


Entries = dict[str, PollData]
_decode = msgspec.json.Decoder(Entries).decode


class PollBook:
    """The polls of all nodes, by queue."""

    def __init__(
        self,
        store: Store,
        membership: Membership,
        bus: Bus,
        now_ms: Callable[[], int],
        waiting: Callable[[], Iterator[str]],
    ) -> None:
        """*waiting*: the queues that polls wait for now."""
        self._store = store
        self._membership = membership
        self._bus = bus
        self._now_ms = now_ms
        self._waiting = waiting
        self._own: OrderedDict[str, PollData] = OrderedDict()
        self._others: Entries = {}
        self._told: dict[str, int] = {}  # queues that others have just told of, with the time
        bus.on(TOPIC, self._hear)

    def note(self, queue: str, task_type: str, domain: str | None, worker_id: str | None) -> None:
        """Note a poll of this node."""
        now_ms = self._now_ms()
        data = self._own.get(queue)
        if domain is not None and (data is None or data.last_ms < now_ms - NEWS_MS):
            self._bus.publish(TOPIC, queue)
        if data is not None:
            data.worker_id, data.last_ms = worker_id, now_ms
            return
        self._own[queue] = PollData(task_type, domain, worker_id, now_ms)
        if len(self._own) > QUEUES_MAX:
            self._own.popitem(last=False)

    def of(self, task_type: str | None) -> list[PollData]:
        """Return who polled last, of one task type or of all, by type."""
        latest = self._others | {
            queue: data
            for queue, data in self._own.items()
            if queue not in self._others or self._others[queue].last_ms <= data.last_ms
        }
        found = [data for data in latest.values() if task_type in (None, data.queue)]
        return sorted(found, key=lambda data: (data.queue, data.domain or ""))

    def is_active(self, queue: str) -> bool:
        """Whether *queue* was polled in the last ten seconds, as far as is known here."""
        times = [data.last_ms for data in (self._own.get(queue), self._others.get(queue)) if data is not None]
        return max((*times, self._told.get(queue, 0))) > self._now_ms() - ACTIVE_MS

    def _hear(self, queues: frozenset[str]) -> None:
        now_ms = self._now_ms()
        self._told = {queue: told_ms for queue, told_ms in self._told.items() if told_ms > now_ms - ACTIVE_MS}
        self._told |= dict.fromkeys(queues, now_ms)

    async def run(self) -> None:
        """Share and learn while others live."""
        while self._store.is_shared:
            await asyncio.sleep(SHARE_S)
            if not self._membership.is_alone:
                with contextlib.suppress(PodiumError):
                    await self.share()
                    await self.learn()

    async def share(self) -> None:
        """Write down what this node knows."""
        now_ms = self._now_ms()
        for queue in self._waiting():
            if queue in self._own:
                self._own[queue].last_ms = now_ms
        latest = sorted(self._own.items(), key=lambda entry: entry[1].last_ms)[-SHARED_MAX:]
        body = msgspec.json.encode(dict(latest))
        await self._store.put_document(Document(KIND, self._membership.own.id, 0, body, now_ms))

    async def learn(self) -> None:
        """Read what the others know; what dead ones knew goes."""
        alive = {node.id for node in self._membership.nodes}
        others: Entries = {}
        for document in await self._store.documents(KIND):
            if document.name not in alive:
                await self._store.delete_document(KIND, document.name)
            elif document.name != self._membership.own.id:
                for queue, data in _decode(document.body).items():
                    if queue not in others or others[queue].last_ms < data.last_ms:
                        others[queue] = data
        self._others = others
