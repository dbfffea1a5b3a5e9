"""A store as slow as a test wants it: commits wait at a gate. All else is the store behind it."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from podium.model.transition import Transition
from podium.store import Store

SECONDS_MAX = 30.0


class GatedStore:
    """Keeps the promises of the port: what passes the gate is written as it was at the call, as a commit promises."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._gate: asyncio.Event | None = None
        self.held = 0  # commits before the gate
        self.passed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def shut(self) -> None:
        self._gate = asyncio.Event()

    def open_gate(self) -> None:
        if self._gate is not None:
            self._gate.set()
        self._gate = None

    async def let_one_pass(self) -> None:
        """Let the commit that waits pass, and wait for the next one to come."""
        assert self._gate is not None
        before = self.passed
        gate, self._gate = self._gate, asyncio.Event()
        gate.set()
        await until(lambda: self.passed > before and self.held == 1)

    async def commit(self, transitions: Sequence[Transition]) -> list[bool]:
        if self._gate is None:
            return await self._store.commit(transitions)
        self.held += 1
        try:
            await self._gate.wait()
        finally:
            self.held -= 1
            self.passed += 1
        return await self._store.commit(transitions)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(SECONDS_MAX):
        while not is_so():  # noqa: ASYNC110 (any condition)
            await asyncio.sleep(0.001)
