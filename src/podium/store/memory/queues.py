"""What is to be done: queues of tasks, wake-ups, messages on their way, and the slots of limits."""

import heapq
from collections.abc import Sequence

from podium.model.task import Task
from podium.model.transition import Message, QueueRow
from podium.store.memory.tables import Tables
from podium.store.records import QueueSize


class Queues(Tables):
    """The port, as far as it says what is to be done next."""

    async def ready(self, queue: str, now_ms: int, limit: int, reserve_ms: int = 0) -> list[QueueRow]:
        """Return visible rows of a queue, best priority first, then the longest visible."""
        visible = [(key, row) for key, row in self._queues.get(queue, {}).items() if row.visible_ms <= now_ms]
        if reserve_ms:
            visible = [(key, row) for key, row in visible if self._reserved.get(key, 0) <= now_ms]
        found = heapq.nsmallest(limit, visible, key=_queue_order)
        if reserve_ms:
            self._reserved |= {key: now_ms + reserve_ms for key, _ in found}
        return [row for _, row in found]

    async def release(self, rows: Sequence[QueueRow]) -> None:
        """Take back the reservation of rows."""
        for row in rows:
            stored = self._workflows.get(row.workflow_id)
            if stored is not None:
                self._reserved.pop((stored.row, row.seq), None)

    async def visible_queues(self, queues: Sequence[str], now_ms: int) -> list[str]:
        """Return those of the queues that have a visible row."""
        return [queue for queue in queues if await self.ready(queue, now_ms, 1)]

    async def next_visible_ms(self, queue: str, after_ms: int = -1) -> int:
        """Return when the first row of a queue becomes visible after a time; 0 when there is none."""
        times = (row.visible_ms for row in self._queues.get(queue, {}).values())
        return min((visible_ms for visible_ms in times if visible_ms > after_ms), default=0)

    async def queue_sizes(self) -> list[QueueSize]:
        """Return each queue's number of waiting rows."""
        return [QueueSize(queue, len(rows)) for queue, rows in sorted(self._queues.items())]

    async def open_tasks(self, queue: str, start: int, count: int) -> list[tuple[str, Task]]:
        """Return waiting tasks of a queue with their workflow ids, in the order of the queue."""
        rows = [row for _, row in sorted(self._queues.get(queue, {}).items(), key=_queue_order)]
        found = [(row.workflow_id, self._task(row.workflow_id, row.seq)) for row in rows[start : start + count]]
        return [(workflow_id, task) for workflow_id, task in found if task is not None]

    # wake-ups
    async def due(self, now_ms: int, limit: int) -> list[str]:
        """Return the ids of workflows whose wake-up has come, the earliest first."""
        due = [(wake_ms, self._workflows[name].row, name) for name, wake_ms in self._wakes.items() if wake_ms <= now_ms]
        return [name for _, _, name in heapq.nsmallest(limit, due)]

    async def next_wake_ms(self, after_ms: int = 0) -> int:
        """Return the earliest wake-up of all workflows that is later than *after_ms*; 0 when there is none."""
        return min((wake_ms for wake_ms in self._wakes.values() if wake_ms > after_ms), default=0)

    # messages
    async def messages(self, after_id: int, limit: int) -> list[Message]:
        """Return messages of the outbox, in order."""
        return [self._messages[number] for number in sorted(self._messages) if number > after_id][:limit]

    async def pending(self, ids: Sequence[int]) -> list[Message]:
        """Return those of the messages that are in the outbox still, in order."""
        return [self._messages[number] for number in sorted(set(ids)) if number in self._messages]

    async def claim(self, message_id: int, node_id: str, ttl_ms: int) -> bool:
        """Keep a message for one node; False when it is gone, or another one has claimed it within *ttl_ms*."""
        if message_id not in self._messages:
            self._claims.pop(message_id, None)
            return False
        owner, claimed_ms = self._claims.get(message_id, (node_id, 0))
        if owner != node_id and claimed_ms > self._clock() - ttl_ms:
            return False
        self._claims[message_id] = (node_id, self._clock())
        return True

    async def drop_messages(self, ids: Sequence[int]) -> None:
        """Delete messages that were handled outside of a workflow's commit."""
        for number in ids:
            self._messages.pop(number, None)
            self._claims.pop(number, None)

    # slots
    async def slots_taken(self, scopes: Sequence[str]) -> dict[str, int]:
        """Return how many slots are taken in those of *scopes* that are known."""
        return {scope: self._slots.taken(scope) for scope in scopes if scope in self._slots.capacities}

    async def next_in_line(self, limit: int, scope: str = "") -> list[str]:
        """Return workflows that wait and for which there is room, the longest waiting of each scope first."""
        return self._slots.next_in_line(scope)[:limit]

    async def tidy_slots(self, limit: int) -> int:
        """Free slots of what is not in progress any more, forget scopes without any; returns how many those were."""
        return self._slots.tidy(self._is_in_progress, limit)


def _queue_order(entry: tuple[tuple[int, int], QueueRow]) -> tuple[int, int, tuple[int, int]]:
    key, row = entry
    return (-row.priority, row.visible_ms, key)
