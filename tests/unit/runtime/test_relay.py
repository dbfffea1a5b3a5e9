"""What becomes of messages whose node dies while it has them."""

import asyncio
from random import Random
from typing import Any

from tests.simulation.cluster import SkewedClock
from tests.simulation.loop import VirtualLoop

from podium.model.transition import Message, Transition
from podium.model.workflow import Head, Workflow
from podium.runtime.bus import Bus
from podium.runtime.membership import Membership
from podium.runtime.relay import CLAIM_MS, LOOK_ALONE_S, Relay
from podium.store.memory import MemoryStore

EVENT = Message("queue", "event", b"\x92\xa2id\xc4\x02{}")


def stored(message: Message) -> Transition:
    """Return the birth of a workflow that sends *message*."""
    return Transition(Workflow(Head("w", "w", 1, "h", version=1), None), -1, messages=[message])


def test_an_event_that_a_dead_node_had_taken_is_handled_by_another_one() -> None:
    handled: list[str] = []

    async def handle(queue: str, message_id: str, payload: bytes) -> None:
        handled.append(message_id)

    async def main() -> None:
        clock = SkewedClock(Random(0), 0)
        store = MemoryStore(clock.now_ms, is_shared=True)
        await store.commit([stored(EVENT)])
        [event] = await store.messages(0, 1)
        assert await store.claim(event.id, "dead", CLAIM_MS)
        bus = Bus(store, "alive")
        relay = Relay(store, no_commands, handle, Membership(store, bus, clock, "alive"), bus)
        running = asyncio.get_running_loop().create_task(relay.run())

        await asyncio.sleep(1)
        assert handled == []
        await asyncio.sleep(CLAIM_MS / 1_000 + LOOK_ALONE_S)

        assert handled == ["id"]
        assert await store.messages(0, 1) == []
        running.cancel()

    VirtualLoop(Random(0)).run(main())


def no_commands(*_: Any) -> Any:
    raise AssertionError("there are only events")
