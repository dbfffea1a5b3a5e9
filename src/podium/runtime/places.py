"""The places of workflows with a rate limit: who is open, and who waits, for each definition and key.

Exact within this node: the open workflows of limited definitions are read at the start, and followed by the commits
from then on. An inline definition is counted from its first start on this node. Over a database that several nodes
share, `SharedPlaces` stands in.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from podium.engine.commands import Wake
from podium.model.status import PAUSED, RUNNING
from podium.model.transition import Transition
from podium.model.workflow import Head
from podium.store import Store

PAGE = 1_000
PROMISE_MS = 60_000  # a place that was given to a start of which nothing came is free again after that

Key = tuple[str, str]
Submit = Callable[[str, Wake], "asyncio.Future[Any]"]


class Places:
    """Counts the open workflows by definition name and key, and wakes the next one when a place gets free."""

    def __init__(self, store: Store, submit: Submit, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._submit = submit
        self._now_ms = now_ms
        self._taken: dict[Key, dict[str, int]] = {}  # workflow ids, with the time while the start is not committed
        self._waiting: dict[Key, dict[str, None]] = {}

    async def load(self, names: Iterable[str]) -> None:
        """Count the open workflows of the limited definitions; once, before anything starts."""
        for name in names:
            await self._read(name)

    async def _read(self, name: str) -> None:
        for status in (RUNNING, PAUSED):
            last, count = None, PAGE
            while count == PAGE:
                heads = await self._store.open_heads(name, status, last, PAGE)
                for last in heads:
                    self._count(last)
                count = len(heads)

    def has_place(self, name: str, key: str, limit: int, workflow_id: str) -> bool:
        """Take a place for a workflow if one is free; those that wait go before those that start."""
        taken = self._taken.setdefault((name, key), {})
        if workflow_id in taken:
            return True
        if len(taken) >= limit:
            self._forget_promises(taken)
        waiting = self._waiting.get((name, key), {})
        ahead = 0 if workflow_id in waiting else len(waiting)
        if len(taken) + ahead >= limit:
            return False
        taken[workflow_id] = self._now_ms()
        return True

    def _forget_promises(self, taken: dict[str, int]) -> None:
        before_ms = self._now_ms() - PROMISE_MS
        for workflow_id in [one for one, promised_ms in taken.items() if 0 < promised_ms < before_ms]:
            del taken[workflow_id]

    def note(self, change: Transition) -> None:
        """Learn of a commit; called for each."""
        head = change.workflow.head
        if head.rate_limit_key is None:
            return
        if change.removed or change.workflow.is_terminal:
            self._release((head.name, head.rate_limit_key), head.id)
        else:
            self._count(head)

    def _count(self, head: Head) -> None:
        if head.rate_limit_key is None:
            return
        key = (head.name, head.rate_limit_key)
        if not head.is_held:
            self._leave(self._waiting, key, head.id)
            self._taken.setdefault(key, {})[head.id] = 0
        elif head.status == PAUSED:  # not before it is resumed
            self._leave(self._waiting, key, head.id)
        else:
            self._waiting.setdefault(key, {})[head.id] = None

    def _release(self, key: Key, workflow_id: str) -> None:
        self._leave(self._waiting, key, workflow_id)
        if self._leave(self._taken, key, workflow_id):
            for following in list(self._waiting.get(key, ()))[:1]:
                asyncio.get_running_loop().call_soon(self._wake, following)

    def _wake(self, workflow_id: str) -> None:
        self._submit(workflow_id, Wake()).add_done_callback(lambda done: done.cancelled() or done.exception())

    async def run(self) -> None:
        """Do nothing: nobody else frees a place."""

    async def settle(self) -> None:
        """Do nothing: those who are next are told at once."""

    @staticmethod
    def _leave(places: dict[Key, Any], key: Key, workflow_id: str) -> bool:
        held = places.get(key)
        if held is None or workflow_id not in held:
            return False
        del held[workflow_id]
        if not held:
            del places[key]
        return True
