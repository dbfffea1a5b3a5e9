"""Wake-ups: one look at the store for what is due, one timer for the earliest that is not.

Each node wakes the workflows that it looks after, by the time of the database. What is late was forgotten by somebody,
so anybody wakes it; waking twice is harmless, since a decision finds by itself what is due. A wake-up for another node
is announced when it is near; the others are found by the look that each node takes once a second. A node that is alone
looks every ten seconds, whatever it believes to come next.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from podium.engine.commands import Wake
from podium.model.errors import PodiumError
from podium.model.transition import Transition
from podium.runtime.bus import Bus
from podium.runtime.membership import Membership
from podium.store import Store

DUE_MAX = 500
LOOK_AGAIN_S = 1.0
SLEEP_ALONE_S = 10.0
SLEEP_AMONG_OTHERS_S = 1.0
LATE_MS = 1_500
TICK_S = 0.01
NEAR_MS = 1_200
TOPIC = "timer"

Submit = Callable[[str, Wake], "asyncio.Future[Any]"]


class Timers:
    """Wakes each workflow when its `wake_ms` has come."""

    def __init__(
        self, store: Store, submit: Submit, now_ms: Callable[[], int], membership: Membership, bus: Bus
    ) -> None:
        self._store = store
        self._submit = submit
        self._now_ms = now_ms
        self._membership = membership
        self._bus = bus
        self._next_ms = 0
        self._changed = asyncio.Event()
        bus.on(TOPIC, self._hear)
        membership.on_change.append(lambda: self._wake_at(now_ms()))  # what another left may be due

    def note(self, change: Transition) -> None:
        """Learn of a wake-up that a commit has set."""
        wake_ms = change.workflow.head.wake_ms
        if not wake_ms or change.removed:
            return
        if not self._membership.is_mine(change.workflow.head.id):
            if wake_ms - self._now_ms() < NEAR_MS:
                self._bus.publish(TOPIC, f"{self._membership.owner(change.workflow.head.id)}:{wake_ms}")
        else:
            self._wake_at(wake_ms)

    def _hear(self, details: frozenset[str]) -> None:
        own = f"{self._membership.own.id}:"
        told = [int(detail.removeprefix(own)) for detail in details if detail.startswith(own)]
        for wake_ms in told if details else (self._now_ms(),):
            self._wake_at(wake_ms)

    def _wake_at(self, wake_ms: int) -> None:
        if not self._next_ms or wake_ms < self._next_ms:
            self._next_ms = wake_ms
            self._changed.set()

    async def run(self) -> None:
        """Wake for ever; while the store is away, try again each second."""
        while True:
            try:
                await self._fire()
            except PodiumError:
                await asyncio.sleep(LOOK_AGAIN_S * random.uniform(0.5, 1.5))  # noqa: S311
                continue
            await self._sleep()

    async def _fire(self) -> None:
        while True:
            now_ms = self._now_ms()
            ids = await self._due(now_ms)
            if not ids:
                break
            results = await asyncio.gather(*(self._submit(key, Wake()) for key in ids), return_exceptions=True)
            if all(isinstance(result, BaseException) for result in results):
                await asyncio.sleep(LOOK_AGAIN_S)
        self._next_ms = 0
        self._changed.clear()
        # What is due for others is no reason to look again at once; what came due since that look is.
        next_ms = await self._store.next_wake_ms(0 if self._membership.is_alone else now_ms)
        if next_ms and (not self._next_ms or next_ms < self._next_ms):
            self._next_ms = next_ms

    async def _due(self, now_ms: int) -> list[str]:
        """Return which workflows to wake: those of this node, and those that are late."""
        if self._membership.is_alone:
            return await self._store.due(now_ms, DUE_MAX)
        ids = await self._store.due(now_ms, DUE_MAX * len(self._membership.nodes))
        mine = [key for key in ids if self._membership.is_mine(key)]
        if len(mine) == len(ids):
            return mine
        late = await self._store.due(now_ms - LATE_MS, DUE_MAX)
        return list(dict.fromkeys((*mine, *late)))

    async def _sleep(self) -> None:
        """Wait for the earliest wake-up that is known; among other nodes, not for long."""
        while True:
            most_s = SLEEP_ALONE_S if self._membership.is_alone else SLEEP_AMONG_OTHERS_S
            left_s = most_s if not self._next_ms else (self._next_ms - self._now_ms()) / 1000
            if left_s <= 0 and self._membership.is_alone:
                return
            if left_s <= TICK_S:  # it may be one for another node: not one look for each
                await asyncio.sleep(TICK_S)
                return
            try:
                async with asyncio.timeout(min(left_s, most_s)):
                    await self._changed.wait()
                self._changed.clear()
            except TimeoutError:
                return
