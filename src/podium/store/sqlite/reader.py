"""Reads by key: what the engine asks for, cheap enough (10 to 50 us) for the event loop's own thread.

A reader uses one connection from one thread. Nothing here scans.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

from podium.model.ids import task_id
from podium.model.task import EMPTY, Task, TaskLog
from podium.model.transition import Message, QueueRow
from podium.store.records import Document, QueueSize, StoredWorkflow
from podium.store.sqlite.connection import OUTAGES, unavailable
from podium.store.sqlite.rows import TASK_BITS, TASKS, VARIABLES, decode_head, decode_task

OPERATIONS_BETWEEN_LOOKS = 50_000  # at the clock: some milliseconds
# The condition of the partial index over the status, word by word: SQLite can't tell it from bound values.
NOT_COMPLETED = "status <> 'COMPLETED'"
OPEN = f"{NOT_COMPLETED} AND status IN ('RUNNING', 'PAUSED')"


class Reader:
    """Point reads."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._cursor = connection.cursor()

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    @contextmanager
    def limit(self, seconds: float) -> Iterator[None]:
        """Let statements inside fail with apsw.InterruptError when they take longer together."""
        end = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > end, OPERATIONS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            self._connection.set_progress_handler(None)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a statement."""
        try:
            return self._cursor.execute(sql, values).fetchall()
        except OUTAGES as error:
            raise unavailable(error) from error

    def value(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """Return the only column of the only row; None when there is no row."""
        rows = self.rows(sql, values)
        return rows[0][0] if rows else None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads inside see the same state."""
        self.rows("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:  # some errors of the disk have ended it
                self.rows("ROLLBACK")

    # workflows
    def load(self, workflow_ids: Sequence[str]) -> dict[str, StoredWorkflow]:
        """Return those of the workflows that exist."""
        with self.snapshot():
            found = ((workflow_id, self._load(workflow_id)) for workflow_id in workflow_ids)
            return {workflow_id: stored for workflow_id, stored in found if stored is not None}

    def _load(self, workflow_id: str) -> StoredWorkflow | None:
        heads = self.rows("SELECT row, body FROM workflow WHERE id = ?", (workflow_id,))
        if not heads:
            return None
        row, body = heads[0]
        stored = StoredWorkflow(decode_head(body), row)
        payloads = [EMPTY, EMPTY, EMPTY]
        key = row << 2
        for kind, payload in self.rows(
            "SELECT key & 3, body FROM payload WHERE key BETWEEN ? AND ?", (key, key | VARIABLES)
        ):
            payloads[kind] = payload
        stored.input, stored.output, stored.variables = payloads
        stored.tasks = self._tasks(row, 0, -1)
        return stored

    def row_of(self, workflow_id: str) -> int:
        """Return the key of a workflow; 0 when it does not exist."""
        return self.value("SELECT row FROM workflow WHERE id = ?", (workflow_id,)) or 0

    def size(self, workflow_ids: Sequence[str]) -> int:
        """Return about how many tasks the workflows have together."""
        sql = "SELECT coalesce(max(key), 0) FROM task WHERE key < ?"
        total = 0
        for workflow_id in workflow_ids:
            row = self.row_of(workflow_id)
            last = self.value(sql, (row + 1 << TASK_BITS,))
            total += last & TASKS - 1 if last >> TASK_BITS == row else 0
        return total

    # tasks
    def tasks(self, workflow_id: str, after_seq: int, limit: int) -> list[Task]:
        """Return tasks by seq; limit 0 means all."""
        row = self.row_of(workflow_id)
        return self._tasks(row, after_seq, limit or -1) if row else []

    def _tasks(self, row: int, after_seq: int, limit: int) -> list[Task]:
        key = row << TASK_BITS
        sql = "SELECT body FROM task WHERE key > ? AND key < ? ORDER BY key LIMIT ?"
        return [decode_task(body) for (body,) in self.rows(sql, (key + after_seq, key + TASKS, limit))]

    def task(self, workflow_id: str, seq: int) -> Task | None:
        """Return one task."""
        sql = "SELECT task.body FROM workflow JOIN task ON task.key = workflow.row << 24 | ? WHERE workflow.id = ?"
        body = self.value(sql, (seq, workflow_id))
        return None if body is None else decode_task(body)

    def logs(self, workflow_id: str, seq: int) -> list[TaskLog]:
        """Return the log lines of a task, the oldest first."""
        name = task_id(workflow_id, seq)
        sql = "SELECT line, created_ms FROM log WHERE workflow_id = ? AND seq = ? ORDER BY number"
        return [TaskLog(line, name, created) for line, created in self.rows(sql, (workflow_id, seq))]

    # queues and time
    def ready(self, queue: str, now_ms: int, limit: int) -> list[QueueRow]:
        """Return visible rows of a queue: level by level, so that rows of the future are not walked over."""
        found: list[QueueRow] = []
        sql = (
            "SELECT workflow_id, key & 16777215, priority, visible_ms, name FROM queue "
            "WHERE queue = ? AND priority = ? AND visible_ms <= ? ORDER BY visible_ms, key LIMIT ?"
        )
        for priority in self._priorities(queue):
            rows = self.rows(sql, (queue, priority, now_ms, limit - len(found)))
            found += [QueueRow(queue, *row) for row in rows]
            if len(found) >= limit:
                break
        return found

    def next_visible_ms(self, queue: str, after_ms: int) -> int:
        """Return when the first row of a queue becomes visible after a time; 0 when there is none."""
        sql = "SELECT min(visible_ms) FROM queue WHERE queue = ? AND priority = ? AND visible_ms > ?"
        times = [self.value(sql, (queue, priority, after_ms)) for priority in self._priorities(queue)]
        return min((visible_ms for visible_ms in times if visible_ms is not None), default=0)

    def _priorities(self, queue: str) -> Iterator[int]:
        sql = "SELECT max(priority) FROM queue WHERE queue = ? AND priority < ?"
        priority = self.value(sql, (queue, 1 << 62))
        while priority is not None:
            yield priority
            priority = self.value(sql, (queue, priority))

    def due(self, now_ms: int, limit: int) -> list[str]:
        """Return workflows whose wake-up has come."""
        sql = "SELECT id FROM workflow WHERE wake_ms > 0 AND wake_ms <= ? ORDER BY wake_ms LIMIT ?"
        return [workflow_id for (workflow_id,) in self.rows(sql, (now_ms, limit))]

    def next_wake_ms(self, after_ms: int) -> int:
        """Return the earliest wake-up after a time; 0 when there is none."""
        return self.value("SELECT min(wake_ms) FROM workflow WHERE wake_ms > 0 AND wake_ms > ?", (after_ms,)) or 0

    def versions(self, workflow_ids: Sequence[str]) -> dict[str, int]:
        """Return the versions of those workflows that exist."""
        sql = "SELECT id, version FROM workflow WHERE id = ?"
        return dict(row for workflow_id in workflow_ids for row in self.rows(sql, (workflow_id,)))

    def pending(self, ids: Sequence[int]) -> list[Message]:
        """Return those of the messages that are there, in order."""
        sql = "SELECT target, kind, body, id FROM message WHERE id = ?"
        return [Message(*row) for number in sorted(set(ids)) for row in self._connection.execute(sql, (number,))]

    def messages(self, after_id: int, limit: int) -> list[Message]:
        """Return messages of the outbox in order."""
        sql = "SELECT target, kind, body, id FROM message WHERE id > ? ORDER BY id LIMIT ?"
        return [Message(*row) for row in self.rows(sql, (after_id, limit))]

    # documents
    def document(self, kind: str, name: str, version: int) -> Document | None:
        """Return one document."""
        sql = "SELECT kind, name, version, body, updated_ms FROM document WHERE kind = ? AND name = ? AND version = ?"
        return next((Document(*row) for row in self.rows(sql, (kind, name, version))), None)

    def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind."""
        sql = "SELECT kind, name, version, body, updated_ms FROM document WHERE kind = ? ORDER BY name, version"
        return [Document(*row) for row in self.rows(sql, (kind,))]

    def queue_sizes(self) -> list[QueueSize]:
        """Return how many rows each queue has. Walks over the index of all queues."""
        return [QueueSize(*row) for row in self.rows("SELECT queue, count(*) FROM queue GROUP BY queue ORDER BY queue")]

    def document_stamps(self, kinds: Sequence[str]) -> dict[str, str]:
        """Return a text for each of *kinds* that changes with its documents."""
        sql = "SELECT count(*), sum(updated_ms), sum(length(body)) FROM document WHERE kind = ? HAVING count(*) > 0"
        return {kind: f"{row[0]} {row[1]} {row[2]}" for kind in kinds for row in self.rows(sql, (kind,))}
