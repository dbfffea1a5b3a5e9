"""Starts that must happen at most once per key: one at a time for each pair of workflow name and key, on this node.

The locks exist only while somebody holds or awaits them, so there are never more than there are starts under way.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from podium.model.errors import Conflict, Overloaded
from podium.model.workflow_def import IdempotencyStrategy
from podium.service.reading import Reading
from podium.store import Store

KEYS_MAX = 10_000


class _Turn:
    """A lock and the number of starts that hold or await it."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Idempotency:
    """Decides what a start with a key does when there was an earlier one."""

    def __init__(self, store: Store, reading: Reading) -> None:
        self._store = store
        self._reading = reading
        self._turns: dict[tuple[str, str], _Turn] = {}

    @asynccontextmanager
    async def turn(self, name: str, key: str) -> AsyncIterator[None]:
        """Let starts of *name* with *key* pass one after the other."""
        place = (name, key)
        turn = self._turns.get(place)
        if turn is None:
            if len(self._turns) >= KEYS_MAX:
                raise Overloaded("Too many workflows are being started with idempotency keys, try again later")
            turn = self._turns[place] = _Turn()
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[place]

    async def existing(self, name: str, key: str, strategy: IdempotencyStrategy) -> str | None:
        """Return the workflow that stands for this start, None when it is to happen; `Conflict` as *strategy* says."""
        found = await self._store.by_idempotency_key(name, key)
        if found is None or strategy == "RETURN_EXISTING":
            return found
        if strategy == "FAIL_ON_RUNNING" and (await self._reading.state(found)).is_terminal:
            return None
        raise Conflict(f"Workflow {name} with idempotency key {key} already exists: {found}")
