"""Deletes what is kept for a time only: executions of event handlers, limits that nobody uses; and further chores."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from podium.model.errors import PodiumError
from podium.store import Store

PERIOD_S = 60.0
CHUNK = 1_000
DAY_MS = 86_400_000


class Housekeeping:
    """Does each of its *chores* now, and then every minute."""

    def __init__(self, store: Store, now_ms: Callable[[], int], event_days: int) -> None:
        self._store = store
        self._now_ms = now_ms
        self._event_days = event_days
        self.chores: list[Callable[[], Awaitable[object]]] = [self.tidy, self.tidy_slots]

    async def run(self) -> None:
        """Work for ever; while the store is away, the next look does it."""
        async with asyncio.TaskGroup() as group:
            for chore in self.chores:
                group.create_task(self._repeat(chore))

    @staticmethod
    async def _repeat(chore: Callable[[], Awaitable[object]]) -> None:
        while True:
            with contextlib.suppress(PodiumError):
                await chore()
            await asyncio.sleep(PERIOD_S)

    async def tidy(self) -> int:
        """Delete what is too old, in chunks that keep nobody waiting; returns how many records that were."""
        before_ms = self._now_ms() - self._event_days * DAY_MS
        count, dropped = 0, CHUNK
        while dropped == CHUNK:
            dropped = await self._store.drop_event_executions(before_ms, CHUNK)
            count += dropped
        return count

    async def tidy_slots(self) -> None:
        """Free slots that leaked, and forget those limits of which none is taken."""
        count = CHUNK
        while count >= CHUNK:
            count = await self._store.tidy_slots(CHUNK)
