"""Wake-ups: one look at the store for what is due, one timer for the earliest that is not."""

import asyncio
from collections.abc import Callable
from typing import Any

from podium.engine.commands import Wake
from podium.model.errors import PodiumError
from podium.model.transition import Transition
from podium.store import Store

DUE_MAX = 500
LOOK_AGAIN_S = 1.0
SLEEP_MAX_S = 60.0

Submit = Callable[[str, Wake], "asyncio.Future[Any]"]


class Timers:
    """Wakes each workflow when its `wake_ms` has come."""

    def __init__(self, store: Store, submit: Submit, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._submit = submit
        self._now_ms = now_ms
        self._next_ms = 0
        self._changed = asyncio.Event()

    def note(self, change: Transition) -> None:
        """Learn of a wake-up that a commit has set."""
        wake_ms = change.workflow.head.wake_ms
        if wake_ms and (not self._next_ms or wake_ms < self._next_ms) and not change.removed:
            self._next_ms = wake_ms
            self._changed.set()

    async def run(self) -> None:
        """Wake for ever; while the store is away, try again each second."""
        while True:
            try:
                await self._fire()
            except PodiumError:
                await asyncio.sleep(LOOK_AGAIN_S)
                continue
            await self._sleep()

    async def _fire(self) -> None:
        while True:
            ids = await self._store.due(self._now_ms(), DUE_MAX)
            if not ids:
                break
            results = await asyncio.gather(*(self._submit(key, Wake()) for key in ids), return_exceptions=True)
            if all(isinstance(result, BaseException) for result in results):
                await asyncio.sleep(LOOK_AGAIN_S)
        self._next_ms = 0
        self._changed.clear()
        next_ms = await self._store.next_wake_ms()
        if next_ms and (not self._next_ms or next_ms < self._next_ms):
            self._next_ms = next_ms

    async def _sleep(self) -> None:
        while True:
            left_s = SLEEP_MAX_S if not self._next_ms else (self._next_ms - self._now_ms()) / 1000
            if left_s <= 0:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), min(left_s, SLEEP_MAX_S))
                self._changed.clear()
            except TimeoutError:
                if not self._next_ms:
                    return
