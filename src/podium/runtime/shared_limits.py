"""Limits that hold over all nodes of one database: how many tasks of a definition may start.

How many run at once is kept by the commits, which take and free slots; what is known here only spares refusals. How
many start in a window of time is kept in a document per task definition, out of which nodes take starts before they use
them; what a node took and did not use is lost with it, so a crash makes starts fewer, never more.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable

import msgspec

from podium.model.task_def import TaskDef
from podium.model.transition import QueueRow
from podium.runtime.limits import StartLimits, rate_window_ms
from podium.runtime.slots import task_scope
from podium.store import Store
from podium.store.records import Document

RATE = "rate"  # kind of the documents with the starts of a window
PARTS = 200  # of a window: starts within one part are counted as at its end
SWAPS_MAX = 20
LOOK_AGAIN_MS = 1_000

Starts = list[tuple[int, int]]
"""When, and how many."""

_decode = msgspec.json.Decoder(Starts).decode
_encode = msgspec.json.Encoder().encode


def taken_starts(
    starts: Starts, now_ms: int, window_ms: int, limit: int, wanted: int, unused: int
) -> tuple[Starts, int, int]:
    """Return the starts after up to *wanted* were added, how many those are, and in how many ms there is room again.

    *unused* ones, which were taken before, are given back first.
    """
    kept = [(at_ms, count) for at_ms, count in starts if at_ms > now_ms - window_ms]
    while unused and kept:
        at_ms, count = kept.pop()
        if count > unused:
            kept.append((at_ms, count - unused))
        unused -= min(count, unused)
    added = min(wanted, max(limit - sum(count for _, count in kept), 0))
    if added:
        part_ms = max(window_ms // PARTS, 1)
        end_ms = max([(now_ms // part_ms + 1) * part_ms, *(at_ms for at_ms, _ in kept[-1:])])
        before = kept.pop()[1] if kept and kept[-1][0] == end_ms else 0
        kept.append((end_ms, before + added))
    return kept, added, kept[0][0] + window_ms - now_ms if kept else 1


class SharedStartLimits(StartLimits):
    """The limits of task definitions."""

    def __init__(self, task_def: Callable[[str], TaskDef | None], now_ms: Callable[[], int], store: Store) -> None:
        super().__init__(task_def, now_ms)
        self._store = store
        self._room: Counter[str] = Counter()
        self._unused: Counter[str] = Counter()  # starts that were taken out of a window
        self._wait_ms: dict[str, int] = {}
        self.refused = 0

    async def load(self, store: Store, names: list[str]) -> None:
        """Do nothing: the commits count."""

    def wanted(self, rows: Iterable[QueueRow]) -> Counter[str]:
        """Return how many tasks of each limited definition are among *rows*."""
        return Counter(row.name for row in rows if self.is_limited(row.name))

    async def reserve(self, wanted: Counter[str]) -> None:
        """Find out how many of each may start now."""
        for name, count in wanted.items():
            task_def = self._task_def(name)
            if task_def is None:
                continue
            self._wait_ms[name], room = LOOK_AGAIN_MS, count
            if task_def.concurrentExecLimit:
                scope = task_scope(name)
                taken = (await self._store.slots_taken([scope])).get(scope, 0)
                room = min(room, task_def.concurrentExecLimit - taken - self._promised.get(name, 0))
            if task_def.rateLimitPerFrequency and room > 0:
                room = await self._take_starts(name, task_def, room)
            self._room[name] += max(room, 0)

    async def _take_starts(self, name: str, task_def: TaskDef, wanted: int) -> int:
        window_ms, limit = rate_window_ms(task_def), task_def.rateLimitPerFrequency or 0
        unused = self._unused.pop(name, 0)
        for _ in range(SWAPS_MAX):
            found = await self._store.document(RATE, name)
            starts = _decode(found.body) if found else []
            now_ms = self._now_ms()
            starts, added, self._wait_ms[name] = taken_starts(starts, now_ms, window_ms, limit, wanted, unused)
            if not added and not unused:
                return 0
            document = Document(RATE, name, 0, _encode(starts), now_ms)
            if await self._store.swap_document(document, found.body if found else None):
                return added
        self._unused[name] += unused
        return 0

    def unreserve(self, names: Collection[str]) -> None:
        """Forget what was found out and not used."""
        for name in names:
            left = self._room.pop(name, 0)
            if left and self._has_rate(name):
                self._unused[name] += left

    def _has_rate(self, name: str) -> bool:
        task_def = self._task_def(name)
        return task_def is not None and bool(task_def.rateLimitPerFrequency)

    def may_start(self, name: str) -> bool:
        """Count one start of a task of definition *name* if that was reserved, or there is no limit."""
        if not self.is_limited(name):
            return True
        if self._room[name] <= 0:
            return False
        self._room[name] -= 1
        self._promised[name] = self._promised.get(name, 0) + 1
        return True

    def settle(self, name: str, *, is_started: bool) -> bool:
        """Learn what came of an allowed start; whether to try it again."""
        if self._promised.get(name, 0) <= 0:
            return False
        self._promised[name] -= 1
        if not is_started and self._has_rate(name):
            self._unused[name] += 1
        return not is_started

    def wait_ms(self, name: str) -> int:
        """Return in how many ms it is worth trying again."""
        return max(self._wait_ms.get(name, LOOK_AGAIN_MS), 1)

    def change(self, name: str, delta: int) -> bool:
        """Whether a slot of a limit has come free with a commit."""
        task_def = self._task_def(name)
        return delta < 0 and task_def is not None and bool(task_def.concurrentExecLimit)
