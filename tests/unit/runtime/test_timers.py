"""When a node wakes its workflows."""

import asyncio
from typing import Any

import pytest

from podium.runtime import timers
from podium.runtime.bus import Bus
from podium.runtime.clock import Clock
from podium.runtime.membership import DEAD_MS, Membership
from podium.runtime.timers import Timers
from podium.store.memory import MemoryStore

pytestmark = pytest.mark.anyio
START_MS = 1_700_000_000_000


class SlowStore(MemoryStore):
    """Each look for what is due takes 5 ms."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        super().__init__(lambda: self.now_ms, is_shared=True)
        self.wakes = {"w": START_MS + 3}

    async def due(self, now_ms: int, limit: int) -> list[str]:
        self.now_ms += 5
        return [key for key, wake_ms in self.wakes.items() if wake_ms <= now_ms][:limit]

    async def next_wake_ms(self, after_ms: int = 0) -> int:
        return min((wake_ms for wake_ms in self.wakes.values() if wake_ms > after_ms), default=0)


class Nodes:
    """Two members of a cluster, and the timers of the one that looks after workflow "w"."""

    def __init__(self, store: SlowStore) -> None:
        self.store = store
        self.members = [Membership(store, Bus(store, name), Clock(), name) for name in "ab"]
        self.woken = asyncio.Event()

    async def meet(self) -> None:
        for node in (*self.members, *self.members):
            await node.beat()

    def owner(self) -> Membership:
        return next(node for node in self.members if node.is_mine("w"))

    def other(self) -> Membership:
        return next(node for node in self.members if not node.is_mine("w"))

    def timers(self, member: Membership) -> Timers:
        return Timers(self.store, self._submit, lambda: self.store.now_ms, member, Bus(self.store, "x"))

    def _submit(self, key: str, _: Any) -> "asyncio.Future[Any]":
        self.store.wakes.pop(key, None)
        self.woken.set()
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


@pytest.fixture
async def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """Nobody looks again by himself."""
    monkeypatch.setattr(timers, "SLEEP_AMONG_OTHERS_S", 1_000.0)
    monkeypatch.setattr(timers, "SLEEP_ALONE_S", 1_000.0)
    two = Nodes(SlowStore())
    await two.meet()
    return two


async def test_what_comes_due_while_a_node_among_others_looks_is_woken_at_once(nodes: Nodes) -> None:
    run = asyncio.create_task(nodes.timers(nodes.owner()).run())
    async with asyncio.timeout(10):
        await nodes.woken.wait()
    run.cancel()


async def test_what_a_node_that_is_gone_left_due_is_woken_as_soon_as_that_is_known(nodes: Nodes) -> None:
    heir, store = nodes.other(), nodes.store
    run = asyncio.create_task(nodes.timers(heir).run())
    while store.now_ms < START_MS + 10:  # noqa: ASYNC110 (a turn or two)
        await asyncio.sleep(0)
    assert not nodes.woken.is_set()
    store.now_ms += DEAD_MS + 1
    await heir.beat()
    async with asyncio.timeout(10):
        await nodes.woken.wait()
    run.cancel()
