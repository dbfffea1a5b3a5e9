"""Which nodes live, and which of them is the one to look after a workflow.

Each node beats once a second, by the time of the database; without a beat for three seconds it is dead. Nodes may
disagree about that for a moment, so whose a workflow is decides only who acts first: that it is done once is for the
commits to see to.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Callable

from podium import __version__
from podium.model.errors import PodiumError
from podium.runtime.bus import Bus
from podium.runtime.clock import Clock
from podium.store import Store
from podium.store.records import NodeRow

BEAT_S = 1.0
DEAD_MS = 3_000
TOPIC = "node"


class Membership:
    """The living nodes as this one knows them; over a database of its own it is alone for ever."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, node_id: str, address: str = "") -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self.own = NodeRow(node_id, address, __version__)
        self.nodes = [self.own]
        self.on_change: list[Callable[[], None]] = []
        self._others: frozenset[str] = frozenset()
        self._news = asyncio.Event()
        bus.is_alone = lambda: self.is_alone
        bus.on(TOPIC, lambda _: self._news.set())

    @property
    def is_alone(self) -> bool:
        """Whether no other node lives."""
        return not self._others

    def owner(self, key: str) -> str:
        """Return the id of the node that looks after *key*, a workflow id or another name."""
        if not self._others:
            return self.own.id
        return max((node.id for node in self.nodes), key=lambda node_id: _weight(node_id, key))

    def is_mine(self, key: str) -> bool:
        """Whether this node looks after *key*."""
        return not self._others or self.owner(key) == self.own.id

    async def join(self) -> None:
        """Become known, and know the others; before anything is read that others may change."""
        await self.beat()
        if not self.is_alone:
            self._bus.publish(TOPIC)

    async def run(self) -> None:
        """Beat for ever; while the store is away, the others are taken for alive."""
        while self._store.is_shared:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(BEAT_S):
                    await self._news.wait()
            self._news.clear()
            try:
                await self.beat()
            except PodiumError:
                await asyncio.sleep(BEAT_S / 2)

    async def leave(self) -> None:
        """Tell the others that this node has stopped, if that is possible."""
        if self._store.is_shared:
            with contextlib.suppress(PodiumError):  # else they will notice
                await self._store.forget_node(self.own.id)
                self._bus.publish(TOPIC)
                await self._bus.flush()

    async def beat(self) -> None:
        """Beat once: learn the time of the database and who lives."""
        before_ns = self._clock.monotonic_ns()
        beat = await self._store.beat(self.own, DEAD_MS)
        self._clock.follow(beat.now_ms, before_ns, self._clock.monotonic_ns())
        self._learn(beat.nodes)

    def _learn(self, nodes: list[NodeRow]) -> None:
        others = frozenset(node.id for node in nodes if node.id != self.own.id)
        self.nodes = nodes if len(nodes) > len(others) else [*nodes, self.own]
        if others == self._others:
            return
        was_alone, self._others = not self._others, others
        if was_alone:
            self._bus.publish_everything()  # nobody was told of what happened while a new one began to read
        for note in self.on_change:
            note()


def _weight(node_id: str, key: str) -> bytes:
    return hashlib.blake2b(f"{node_id} {key}".encode(), digest_size=8).digest()
