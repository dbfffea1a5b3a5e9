"""What only the adapter in memory has; all else is in the contract."""

import asyncio

from podium.store.memory import MemoryStore


def test_time_comes_from_the_given_clock() -> None:
    times = iter([5, 3])
    store = MemoryStore(clock=lambda: next(times))

    assert [asyncio.run(store.now_ms()), asyncio.run(store.now_ms())] == [5, 3]
