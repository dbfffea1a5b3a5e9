"""Starts that must happen at most once per key: one at a time for each pair of workflow name and key.

On a node, locks see to that; they exist only while somebody holds or awaits them, so there are never more than there
are starts under way. Among nodes, all that start for one key at the same time claim one id, under which a workflow is
created only once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from podium.model.errors import Conflict, Overloaded
from podium.model.workflow import Workflow
from podium.model.workflow_def import IdempotencyStrategy
from podium.store import Store

KEYS_MAX = 10_000

Launch = Callable[[str], Awaitable[str]]
Read = Callable[[str], Awaitable[Workflow | None]]


class _Turn:
    """A lock and the number of starts that hold or await it."""

    __slots__ = ("lock", "users")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


class Idempotency:
    """Decides what a start with a key does when there was an earlier one."""

    def __init__(self, store: Store, read: Read) -> None:
        self._store = store
        self._read = read
        self._turns: dict[tuple[str, str], _Turn] = {}

    @asynccontextmanager
    async def _turn(self, name: str, key: str) -> AsyncIterator[None]:
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

    async def start(self, name: str, key: str, strategy: IdempotencyStrategy, workflow_id: str, launch: Launch) -> str:
        """Return the workflow that stands for this start: an earlier one, or the one that *launch* starts.

        `Conflict` where *strategy* says so. *launch* gets the id to start with: *workflow_id*, or the one that another
        node has claimed for the key.
        """
        async with self._turn(name, key):
            before = await self._store.by_idempotency_key(name, key)
            if before is not None and not await self._makes_way(before, strategy):
                return allowed_or_refused(name, key, strategy, before)
            if self._store.is_shared:
                workflow_id = await self._store.claim_key(name, key, workflow_id, before or "")
                now = await self._store.by_idempotency_key(name, key)
                if now is not None and now != before:
                    return allowed_or_refused(name, key, strategy, now)
            try:
                return await launch(workflow_id)
            except Conflict:
                if not await self._store.exists(workflow_id):  # refused for another reason
                    raise
            return allowed_or_refused(name, key, strategy, workflow_id)

    async def _makes_way(self, workflow_id: str, strategy: IdempotencyStrategy) -> bool:
        if strategy != "FAIL_ON_RUNNING":
            return False
        workflow = await self._read(workflow_id)
        return workflow is None or workflow.is_terminal


def allowed_or_refused(name: str, key: str | None, strategy: str, workflow_id: str) -> str:
    """Return the workflow that another start has made, if the strategy allows it."""
    if strategy == "RETURN_EXISTING":
        return workflow_id
    raise Conflict(f"Workflow {name} with idempotency key {key} already exists: {workflow_id}")
