"""A node stops, whatever comes in at the same moment."""

import asyncio
from typing import Any

import pytest

from podium.runtime.node import Node
from podium.store.memory import MemoryStore
from podium.tasks import registry

STOP_S_MAX = 3.0


async def no_scripts(_: Any) -> Any:
    raise AssertionError("there are no scripts")


@pytest.mark.parametrize("turns", range(6))
def test_news_at_the_moment_of_the_stop_do_not_keep_a_node_from_it(turns: int) -> None:
    async def stop() -> None:
        node = Node(MemoryStore(), registry([]), no_scripts)
        await node.start()
        await asyncio.sleep(0.01)  # all loops wait for news by now
        for event in (node.timers._changed, node.relay._news, node.schedules._changed, node.membership._news):
            event.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        await asyncio.wait_for(node.stop(), STOP_S_MAX)

    asyncio.run(stop())
