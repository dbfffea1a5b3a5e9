"""The store port over dictionaries, put together from its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from podium.store.check import Facts, faults
from podium.store.local import Heard
from podium.store.memory.commit import Commits
from podium.store.memory.documents import Documents
from podium.store.memory.listing import Listing
from podium.store.memory.queues import Queues
from podium.store.memory.tables import Stored, decode_head
from podium.store.records import Beat, NodeRow

NODE_KEPT_MS = 60_000


class MemoryStore(Commits, Listing, Queues, Documents):
    """A database that lives as long as the object; *clock* is its time in ms, *is_shared* if several nodes use it."""

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing: the rows stay for whoever opens the object again."""

    async def now_ms(self) -> int:
        """Return the time of the clock."""
        return self._clock()

    # other nodes
    async def beat(self, node: NodeRow, dead_ms: int) -> Beat:
        """Say that *node* lives; one without a beat for *dead_ms* is dead."""
        now_ms = self._clock()
        known = self._nodes.get(node.id)
        started_ms = known.started_ms if known else now_ms
        self._nodes[node.id] = msgspec.structs.replace(node, started_ms=started_ms, beat_ms=now_ms)
        self._nodes = {key: one for key, one in self._nodes.items() if one.beat_ms > now_ms - NODE_KEPT_MS}
        alive = [one for one in self._nodes.values() if one.beat_ms > now_ms - dead_ms]
        return Beat(now_ms, sorted(alive, key=lambda one: (one.started_ms, one.id)))

    async def forget_node(self, node_id: str) -> None:
        """Note that a node has stopped."""
        self._nodes.pop(node_id, None)

    async def notify(self, payload: str) -> None:
        """Tell all nodes that listen."""
        self._notices.notify(payload)

    async def listen(self, heard: Heard) -> None:
        """Call *heard* with each notice until cancelled; with None at first."""
        await self._notices.listen(heard)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:  # noqa: ARG002 (of the port)
        """Say True: there is one node."""
        yield True

    async def claim_key(self, name: str, key: str, workflow_id: str, replaces: str) -> str:
        """Return the id that a start with *key* is to use."""
        return self._key_claims.claim(name, key, workflow_id, replaces)

    # check
    async def check(self) -> AsyncIterator[str]:
        """Yield one line for each broken promise; nothing when all is well."""
        for stored in list(self._workflows.values()):
            for fault in faults(self._facts(stored)):
                yield fault
        for fault in self._slots.faults(self._is_in_progress):
            yield fault

    def _facts(self, stored: Stored) -> Facts:
        head = decode_head(stored.head)
        return Facts(
            head,
            [task for task in stored.tasks_in_order() if task.is_open],
            max(stored.tasks, default=0),
            {seq: row.queue for seq, row in stored.queued.items()},
            head.def_hash in self._definitions,
            self._status_of,
            lambda name: any(message.target == name for message in self._messages.values()),
        )

    def _status_of(self, name: str) -> str | None:
        stored = self._workflows.get(name)
        return decode_head(stored.head).status if stored else None
