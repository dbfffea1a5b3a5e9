"""The store port over SQLite.

Point reads run on the event loop's thread, since a hop to another thread costs more than they do; writing, scans and
large loads run in threads with connections of their own.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import msgspec

from podium.model.task import Task, TaskLog
from podium.model.transition import Message, QueueRow, Transition
from podium.model.workflow import Head
from podium.store.local import Heard, KeyClaims, Notices
from podium.store.query import Search
from podium.store.records import (
    Beat,
    Document,
    Ended,
    EventExecution,
    NodeRow,
    Page,
    QueueSize,
    StoredWorkflow,
    TaskRow,
    WorkflowRow,
)
from podium.store.sqlite import connection as sqlite
from podium.store.sqlite import ended, listing
from podium.store.sqlite.check import check_chunk, check_file
from podium.store.sqlite.commit import Commit, Given
from podium.store.sqlite.reader import Reader
from podium.store.sqlite.rows import write_logs
from podium.store.sqlite.scans import Scans
from podium.store.sqlite.search import search_tasks, search_workflows
from podium.store.sqlite.writer import Writer

INSERT_DOCUMENT = "INSERT INTO document VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING"
REPLACE_DOCUMENT = (
    "INSERT INTO document VALUES (?,?,?,?,?) "
    "ON CONFLICT DO UPDATE SET updated_ms = excluded.updated_ms, body = excluded.body"
)
TASKS_INLINE_MAX = 500  # more are read in another thread


class SqliteStore:
    """A database in one file, for one server process."""

    is_shared = False

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path).absolute()
        self._lock = -1
        self._last_ms = 0
        self._started_ms = 0
        self._notices = Notices()
        self._key_claims = KeyClaims()

    async def open(self) -> None:
        """Take the file for this process and bring the schema up to date; a PodiumError says what is wrong."""
        self._lock = sqlite.lock(self._path)
        try:
            with sqlite.outages():
                self._connect()
        except BaseException:
            os.close(self._lock)
            self._lock = -1
            raise

    def _connect(self) -> None:
        connection = sqlite.prepare(self._path)
        self._warm = Reader(connection)
        self._cold = Reader(sqlite.connect(self._path, query_only=True))
        self._scans = Scans(self._path)
        self._given = Given(
            self._warm.value("SELECT max(row) FROM workflow") or 0,
            self._warm.value("SELECT max(id) FROM message") or 0,
        )
        self._writer = Writer(connection, self._path)

    async def close(self) -> None:
        """Finish what was begun and release the file. Closing twice is harmless."""
        if self._lock < 0:
            return
        descriptor, self._lock = self._lock, -1
        await self._writer.drain()
        await asyncio.to_thread(self._disconnect)
        os.close(descriptor)

    def _disconnect(self) -> None:
        self._scans.close()
        self._cold.close()
        self._writer.stop()

    async def now_ms(self) -> int:
        """Return this machine's time, which never goes backwards here."""
        self._last_ms = max(self._last_ms, time.time_ns() // 1_000_000)
        return self._last_ms

    # other nodes, of which there are none
    async def beat(self, node: NodeRow, dead_ms: int) -> Beat:  # noqa: ARG002 (of the port)
        """Return the node itself, the only one."""
        now_ms = await self.now_ms()
        self._started_ms = self._started_ms or now_ms
        return Beat(now_ms, [msgspec.structs.replace(node, started_ms=self._started_ms, beat_ms=now_ms)])

    async def forget_node(self, node_id: str) -> None:
        """Do nothing: no row is kept."""

    async def notify(self, payload: str) -> None:
        """Tell all who listen in this process."""
        self._notices.notify(payload)

    async def listen(self, heard: Heard) -> None:
        """Call *heard* with each notice until cancelled; with None at first."""
        await self._notices.listen(heard)

    @property
    def _reader(self) -> Reader:
        # The writer's connection knows the pages it wrote; another one reads them again after each commit.
        return self._cold if self._writer.is_busy else self._warm

    # workflows
    async def load(self, workflow_ids: Sequence[str]) -> dict[str, StoredWorkflow]:
        """Return header, payloads and all tasks (by seq) of those workflows that exist."""
        if self._reader.size(workflow_ids) > TASKS_INLINE_MAX:
            return await self._scans.run(lambda reader: reader.load(workflow_ids))
        return self._reader.load(workflow_ids)

    async def commit(self, transitions: Sequence[Transition]) -> list[bool]:
        """Write all transitions in one durable transaction. The rows are taken before the first wait."""
        heavy = any(_is_heavy(transition) for transition in transitions)
        commit = Commit(transitions, self._given)
        held = await self._writer.run(commit.write, heavy=heavy)
        commit.finish(held)
        return held

    async def versions(self, workflow_ids: Sequence[str]) -> dict[str, int]:
        """Return the versions of those workflows that exist."""
        return self._reader.versions(workflow_ids)

    async def exists(self, workflow_id: str) -> bool:
        """Whether the workflow is stored."""
        return self._reader.row_of(workflow_id) != 0

    async def running_ids(self, name: str, version: int, *, from_ms: int = 0, to_ms: int = 0) -> list[str]:
        """Return ids of open workflows of a definition, the earliest first; version 0 means any."""
        return await self._scans.run(lambda reader: listing.running_ids(reader, name, version, from_ms, to_ms))

    async def open_heads(self, name: str, status: str, after: Head | None, limit: int) -> list[Head]:
        """Return headers of workflows of a definition with an open status, by start time, those after one of them."""
        return await self._scans.run(lambda reader: listing.open_heads(reader, name, status, after, limit))

    async def correlated(self, name: str, correlation_ids: Sequence[str], *, closed: bool) -> dict[str, list[str]]:
        """Return the workflow ids of each correlation id, in the order of arrival; only open ones unless *closed*."""
        return await self._scans.run(lambda reader: listing.correlated(reader, name, correlation_ids, closed))

    async def by_idempotency_key(self, name: str, key: str) -> str | None:
        """Return the id of the latest workflow of *name* that was started with *key*."""
        sql = "SELECT id FROM workflow WHERE idempotency_key = ? AND name = ? ORDER BY row DESC LIMIT 1"
        found: str | None = self._reader.value(sql, (key, name))
        return found

    async def claim_key(self, name: str, key: str, workflow_id: str, replaces: str) -> str:
        """Return the id that a start with *key* is to use; all who claim are in this process."""
        return self._key_claims.claim(name, key, workflow_id, replaces)

    # ended workflows that have no parent
    async def ended_kinds(self) -> list[tuple[str, str]]:
        """Return name and status of all of them, each pair once."""
        return await self._scans.run(ended.kinds)

    async def ended(self, name: str, status: str, before_ms: int, limit: int) -> list[Ended]:
        """Return up to *limit* that ended before *before_ms*, the longest ended first."""
        return await self._scans.run(lambda reader: ended.before(reader, name, status, before_ms, limit))

    async def count_ended(self, name: str, status: str, before_ms: int) -> tuple[int, int]:
        """Return how many ended before *before_ms*, and when the first did."""
        return await self._scans.run(lambda reader: ended.count(reader, name, status, before_ms))

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:  # noqa: ARG002 (of the port)
        """Say True: the file has one server."""
        yield True

    # queues and time
    async def ready(self, queue: str, now_ms: int, limit: int, reserve_ms: int = 0) -> list[QueueRow]:  # noqa: ARG002
        """Return visible rows of a queue, best priority first, then the longest visible; there is nobody else."""
        return self._reader.ready(queue, now_ms, limit)

    async def release(self, rows: Sequence[QueueRow]) -> None:
        """Do nothing: no row is reserved."""

    async def visible_queues(self, queues: Sequence[str], now_ms: int) -> list[str]:
        """Return those of the queues that have a visible row."""
        return [queue for queue in queues if self._reader.ready(queue, now_ms, 1)]

    async def next_visible_ms(self, queue: str, after_ms: int = -1) -> int:
        """Return when the first row of a queue becomes visible after a time; 0 when there is none."""
        return self._reader.next_visible_ms(queue, after_ms)

    async def due(self, now_ms: int, limit: int) -> list[str]:
        """Return the ids of workflows whose wake-up has come, the earliest first."""
        return self._reader.due(now_ms, limit)

    async def next_wake_ms(self, after_ms: int = 0) -> int:
        """Return the earliest wake-up of all workflows that is later than *after_ms*; 0 when there is none."""
        return self._reader.next_wake_ms(after_ms)

    async def messages(self, after_id: int, limit: int) -> list[Message]:
        """Return messages of the outbox, in order."""
        return self._reader.messages(after_id, limit)

    async def pending(self, ids: Sequence[int]) -> list[Message]:
        """Return those of the messages that are in the outbox still, in order."""
        return self._reader.pending(ids)

    async def claim(self, message_id: int, node_id: str, ttl_ms: int) -> bool:  # noqa: ARG002 (of the port)
        """Whether the message is there: nobody else could have it."""
        return bool(self._reader.pending([message_id]))

    async def drop_messages(self, ids: Sequence[int]) -> None:
        """Delete messages that were handled outside of a workflow's commit."""
        rows = [(number,) for number in ids]
        await self._writer.run(lambda c: c.executemany("DELETE FROM message WHERE id = ?", rows).fetchall())

    # slots, which only several nodes need
    async def slots_taken(self, scopes: Sequence[str]) -> dict[str, int]:  # noqa: ARG002 (of the port)
        """Return nothing: limits are kept in the memory of the one node."""
        return {}

    async def next_in_line(self, limit: int, scope: str = "") -> list[str]:  # noqa: ARG002 (of the port)
        """Return nothing."""
        return []

    async def tidy_slots(self, limit: int) -> int:  # noqa: ARG002 (of the port)
        """Do nothing: no slot is stored."""
        return 0

    async def queue_sizes(self) -> list[QueueSize]:
        """Return each queue's number of waiting rows; a row is deleted when its task is leased."""
        return await self._scans.run(Reader.queue_sizes)

    # tasks
    async def tasks(self, workflow_id: str, *, after_seq: int = 0, limit: int = 0) -> list[Task]:
        """Return the tasks of a workflow by seq; limit 0 means all."""
        if not 0 < limit <= TASKS_INLINE_MAX and self._reader.size([workflow_id]) > TASKS_INLINE_MAX:
            return await self._scans.run(lambda reader: reader.tasks(workflow_id, after_seq, limit))
        return self._reader.tasks(workflow_id, after_seq, limit)

    async def task(self, workflow_id: str, seq: int) -> Task | None:
        """Return one task."""
        return self._reader.task(workflow_id, seq)

    async def add_logs(self, workflow_id: str, seq: int, logs: Sequence[TaskLog]) -> None:
        """Append log lines to a task, which need not exist; the newest 10,000 are kept."""
        rows = [(workflow_id, seq, log.createdTime, log.log) for log in logs]
        if rows:
            await self._writer.run(lambda c: write_logs(c, rows))

    async def open_tasks(self, queue: str, start: int, count: int) -> list[tuple[str, Task]]:
        """Return waiting tasks of a queue with their workflow ids, in the order of the queue."""
        return await self._scans.run(lambda reader: listing.open_tasks(reader, queue, start, count))

    async def open_counts(self, limit: int) -> dict[str, int]:
        """Return how many workflows are open, by definition. Walks over the index of those that are."""
        return await self._scans.run(lambda reader: listing.open_counts(reader, limit))

    async def in_progress_counts(self, names: Collection[str]) -> dict[str, int]:
        """Return how many tasks of each task definition are in progress. Walks over the tasks of all open workflows."""
        return await self._scans.run(lambda reader: listing.in_progress_counts(reader, names))

    async def logs(self, workflow_id: str, seq: int) -> list[TaskLog]:
        """Return the log lines of a task, the oldest first."""
        return self._reader.logs(workflow_id, seq)

    # search
    async def search_workflows(self, search: Search) -> Page[WorkflowRow]:
        """Return one page of workflows and the number of all that match."""
        return await self._scans.search(lambda reader: search_workflows(reader, search))

    async def search_tasks(self, search: Search) -> Page[TaskRow]:
        """Return one page of tasks and the number of all that match."""
        return await self._scans.search(lambda reader: search_tasks(reader, search))

    # definitions and other documents
    async def put_document(self, document: Document, *, replace: bool = True) -> bool:
        """Store a document; False when it exists and *replace* is not set."""
        sql = REPLACE_DOCUMENT if replace else INSERT_DOCUMENT
        row = (document.kind, document.name, document.version, document.updated_ms, document.body)
        return await self._change(sql, row) > 0

    async def swap_document(self, document: Document, before: bytes | None) -> bool:
        """Store a document if its body is still *before*, or if it does not exist where that is None."""
        if before is None:
            return await self.put_document(document, replace=False)
        sql = "UPDATE document SET updated_ms = ?, body = ? WHERE kind = ? AND name = ? AND version = ? AND body = ?"
        row = (document.updated_ms, document.body, document.kind, document.name, document.version, before)
        return await self._change(sql, row) > 0

    async def document_stamps(self, kinds: Sequence[str]) -> dict[str, str]:
        """Return a text for each of *kinds* that changes with its documents."""
        return self._reader.document_stamps(kinds)

    async def delete_document(self, kind: str, name: str, version: int = 0) -> bool:
        """Delete a document; False when there was none."""
        sql = "DELETE FROM document WHERE kind = ? AND name = ? AND version = ?"
        return await self._change(sql, (kind, name, version)) > 0

    async def document(self, kind: str, name: str, version: int = 0) -> Document | None:
        """Return one document."""
        return self._reader.document(kind, name, version)

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by name and version."""
        return self._reader.documents(kind)

    async def put_definition(self, def_hash: str, body: bytes) -> None:
        """Keep a bound definition under its content hash."""
        if await self.definition(def_hash) is None:
            await self._change("INSERT INTO definition VALUES (?,?) ON CONFLICT DO NOTHING", (def_hash, body))

    async def definition(self, def_hash: str) -> bytes | None:
        """Return a bound definition."""
        found: bytes | None = self._reader.value("SELECT body FROM definition WHERE hash = ?", (def_hash,))
        return found

    async def add_event_execution(self, execution: EventExecution, *, replace: bool = False) -> bool:
        """Record the execution of an event action; False when it is recorded already and *replace* is not set."""
        change = "(id) DO UPDATE SET body = excluded.body" if replace else "DO NOTHING"
        sql = f"INSERT INTO event_execution (id, handler, body) VALUES (?,?,?) ON CONFLICT {change}"  # noqa: S608
        row = (execution.id, execution.handler, msgspec.msgpack.encode(execution))
        return await self._change(sql, row) > 0

    async def event_execution(self, execution_id: str) -> EventExecution | None:
        """Return one execution."""
        body = self._reader.value("SELECT body FROM event_execution WHERE id = ?", (execution_id,))
        return None if body is None else msgspec.msgpack.decode(body, type=EventExecution)

    async def event_executions(self, handler: str, limit: int) -> list[EventExecution]:
        """Return the newest executions of a handler, or of all handlers for an empty name."""
        return await self._scans.run(lambda reader: listing.event_executions(reader, handler, limit))

    async def drop_event_executions(self, before_ms: int, limit: int) -> int:
        """Delete at most *limit* of the oldest executions, those before *before_ms*; returns how many those were."""
        last = await self._scans.run(lambda reader: listing.last_old_execution(reader, before_ms, limit))
        return await self._change("DELETE FROM event_execution WHERE number <= ?", (last,)) if last else 0

    async def check(self) -> AsyncIterator[str]:
        """Yield one line for each broken promise in the database; nothing when all is well. Reads the whole file."""
        for fault in await self._scans.run(check_file):
            yield fault
        row = -1
        while row:
            found, row = await self._scans.run(lambda reader, after=row: check_chunk(reader, after))  # type: ignore[misc]
            for fault in found:
                yield fault

    async def _change(self, sql: str, values: Sequence[object]) -> int:
        def change(connection: apsw.Connection) -> int:
            connection.execute(sql, values)
            return connection.changes()

        return await self._writer.run(change)


def _is_heavy(transition: Transition) -> bool:
    deletes = transition.removed or transition.deleted_all or transition.dequeued_all
    return deletes and transition.workflow.head.next_seq > TASKS_INLINE_MAX
