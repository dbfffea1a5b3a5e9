"""News between nodes over one store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from podium.model.errors import Unavailable
from podium.runtime.bus import EVERYTHING, PAYLOAD_BYTES_MAX, Bus
from podium.store.memory import MemoryStore

pytestmark = pytest.mark.anyio
DEADLINE_S = 10.0


class Store(MemoryStore):
    """Counts notices, and loses them when it is told to."""

    def __init__(self) -> None:
        super().__init__(is_shared=True)
        self.payloads: list[str] = []
        self.is_away = False

    async def notify(self, payload: str) -> None:
        if self.is_away:
            raise Unavailable("away")
        self.payloads.append(payload)
        await super().notify(payload)


@asynccontextmanager
async def running(*buses: Bus) -> AsyncIterator[None]:
    loops = [asyncio.create_task(bus.run()) for bus in buses]
    for bus in buses:
        assert await bus.ready()
    yield
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


async def heard_by(heard: list[frozenset[str]], count: int) -> list[frozenset[str]]:
    async with asyncio.timeout(DEADLINE_S):
        while len(heard) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    return heard


async def test_what_is_published_at_once_is_one_notice_and_only_others_hear_it() -> None:
    store, mine, theirs = Store(), list[frozenset[str]](), list[frozenset[str]]()
    a, b = Bus(store, "a"), Bus(store, "b")
    a.on("queue", mine.append)
    b.on("queue", theirs.append)
    async with running(a, b):
        for name in ("pack", "ship", "pack"):
            a.publish("queue", name)

        assert await heard_by(theirs, 2) == [EVERYTHING, {"pack", "ship"}]
        assert mine == [EVERYTHING]
        assert len(store.payloads) == 1


async def test_too_many_details_become_everything_of_that_topic_only() -> None:
    store, long, short = Store(), list[frozenset[str]](), list[frozenset[str]]()
    a, b = Bus(store, "a"), Bus(store, "b")
    b.on("long", long.append)
    b.on("short", short.append)
    async with running(a, b):
        for number in range(200):
            a.publish("long", "é" * 50 + str(number))
        a.publish("short", "one")

        assert (await heard_by(long, 2))[1] == EVERYTHING
        assert (await heard_by(short, 2))[1] == {"one"}
        assert all(len(payload.encode()) <= PAYLOAD_BYTES_MAX for payload in store.payloads)


async def test_nothing_is_sent_while_a_node_is_alone() -> None:
    store = Store()
    bus = Bus(store, "a")
    bus.is_alone = lambda: True
    bus.publish("queue", "pack")
    await bus.flush()

    assert store.payloads == []


async def test_a_notice_that_is_lost_harms_nobody_and_the_next_one_goes_out() -> None:
    store, heard = Store(), list[frozenset[str]]()
    a, b = Bus(store, "a"), Bus(store, "b")
    b.on("queue", heard.append)
    async with running(a, b):
        store.is_away = True
        a.publish("queue", "pack")
        await a.flush()
        assert a.lost == 1
        store.is_away = False
        a.publish("queue", "ship")

        assert (await heard_by(heard, 2))[1] == {"ship"}


async def test_nonsense_and_callbacks_that_fail_stop_nothing() -> None:
    store, heard = Store(), list[frozenset[str]]()
    a, b = Bus(store, "a"), Bus(store, "b")
    b.on("queue", lambda details: 1 / (0 if details else 1))
    b.on("queue", heard.append)
    async with running(a, b):
        await store.notify("no notice")
        a.publish("queue", "pack")

        assert (await heard_by(heard, 2))[1] == {"pack"}
