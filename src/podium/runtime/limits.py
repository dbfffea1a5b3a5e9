"""How many tasks of a definition may run at once, and how many may start in a window of time.

Counts are kept in memory: of the tasks in progress from the commits of this node, of starts in a sliding window. A
start is counted when it is allowed; `settle` is told once what came of it. Over a database that several nodes share,
`SharedStartLimits` stands in.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable

from podium.model.task_def import TaskDef
from podium.model.transition import QueueRow
from podium.store import Store

QUEUES_MAX = 100  # of one definition, as far as they are not named like it


def rate_window_ms(task_def: TaskDef) -> int:
    """Return the length of the window in which starts are limited."""
    return max(task_def.rateLimitFrequencyInSeconds or 1, 1) * 1000


class StartLimits:
    """The limits of task definitions, exact within this node."""

    def __init__(self, task_def: Callable[[str], TaskDef | None], now_ms: Callable[[], int]) -> None:
        self._task_def = task_def
        self._now_ms = now_ms
        self._running: dict[str, int] = {}
        self._promised: dict[str, int] = {}
        self._starts: dict[str, deque[int]] = {}
        self._queues: dict[str, dict[str, None]] = {}

    async def load(self, store: Store, names: list[str]) -> None:
        """Take the numbers of tasks in progress from the store; once, before anything is handed out."""
        self._running.update(await store.in_progress_counts(names))

    def is_limited(self, name: str) -> bool:
        """Whether tasks of definition *name* may have to wait for each other."""
        task_def = self._task_def(name)
        return task_def is not None and bool(task_def.concurrentExecLimit or task_def.rateLimitPerFrequency)

    def may_start(self, name: str) -> bool:
        """Count one start of a task of definition *name* if its limits allow it."""
        task_def = self._task_def(name)
        if task_def is None:
            return True
        limit = task_def.concurrentExecLimit
        if limit and self._running.get(name, 0) + self._promised.get(name, 0) >= limit:
            return False
        if task_def.rateLimitPerFrequency and not self._has_room(name, task_def):
            return False
        if limit:
            self._promised[name] = self._promised.get(name, 0) + 1
        return True

    def _has_room(self, name: str, task_def: TaskDef) -> bool:
        starts = self._starts.setdefault(name, deque())
        now_ms = self._now_ms()
        window_ms = rate_window_ms(task_def)
        while starts and starts[0] <= now_ms - window_ms:
            starts.popleft()
        if len(starts) >= (task_def.rateLimitPerFrequency or 0):
            return False
        starts.append(now_ms)
        return True

    def wait_ms(self, name: str) -> int:
        """Return in how many ms it is worth trying again; a freed slot is announced by `change`."""
        task_def = self._task_def(name)
        starts = self._starts.get(name)
        if task_def is None or not task_def.rateLimitPerFrequency or not starts:
            return 1_000
        window_ms = rate_window_ms(task_def)
        return max(starts[0] + window_ms - self._now_ms(), 1)

    def wanted(self, rows: Iterable[QueueRow]) -> Counter[str]:  # noqa: ARG002 (of the shared limits)
        """Return for what `reserve` is to be called: for nothing."""
        return Counter()

    async def reserve(self, wanted: Counter[str]) -> None:
        """Do nothing: all is known here."""

    def unreserve(self, names: Collection[str]) -> None:
        """Do nothing."""

    def settle(self, name: str, *, is_started: bool) -> bool:
        """Learn what came of an allowed start; one that did not happen is taken back. Whether to try it again: no."""
        if self._promised.get(name, 0) > 0:
            self._promised[name] -= 1
        starts = self._starts.get(name)
        if starts and not is_started:
            starts.pop()
        return False

    def change(self, name: str, delta: int) -> bool:
        """Count tasks that began (+) or ended (-) with a commit; True when a slot of a limit has come free."""
        self._running[name] = max(self._running.get(name, 0) + delta, 0)
        task_def = self._task_def(name)
        return delta < 0 and task_def is not None and bool(task_def.concurrentExecLimit)

    def queues_of(self, name: str) -> Iterable[str]:
        """Return the queues apart from *name* in which tasks of definition *name* were seen to wait."""
        return self._queues.get(name, ())

    def seen(self, name: str, queue: str) -> None:
        """Remember that tasks of definition *name* wait in *queue*."""
        if name != queue and len(self._queues.setdefault(name, {})) < QUEUES_MAX:
            self._queues[name][queue] = None
