"""The store port over PostgreSQL: any number of nodes may use one database.

A node may be wrong about a workflow, since another one has changed it; then its commit is stale, and it reads again.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import asyncpg
import msgspec

from podium.model.errors import Unavailable
from podium.model.task import Task, TaskLog
from podium.model.transition import Message, QueueRow, Transition
from podium.model.workflow import Head
from podium.store.postgres import ended, keys, listing
from podium.store.postgres.check import check
from podium.store.postgres.commit import Commit
from podium.store.postgres.connection import connect, locked
from podium.store.postgres.line import CHANNEL, Heard, Line
from podium.store.postgres.reader import Reader
from podium.store.postgres.rows import LOGS_MAX, clean, columns, log_row
from podium.store.postgres.search import search_tasks, search_workflows
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

CONNECTIONS = 8
CLOSE_S_MAX = 5.0
AGAIN_S = 1.0
NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
CLAIM = (
    f"UPDATE message SET claimed_by = $2, claimed_ms = {NOW_MS} WHERE id = $1 AND "  # noqa: S608
    f"(claimed_by IS NULL OR claimed_by = $2 OR claimed_ms <= {NOW_MS} - $3::bigint)"
)

log = logging.getLogger(__name__)


class PostgresStore:
    """A database of a PostgreSQL server, named by its URL."""

    is_shared = True

    def __init__(self, url: str, connections: int = CONNECTIONS, wait_s: float = 0.0) -> None:
        """*wait_s*: how long `open` may wait for a database that is away."""
        self._url = url
        self._wait_s = wait_s
        self._size = connections
        self._line = Line(url)
        self._pool: asyncpg.Pool[Any] | None = None

    async def open(self) -> None:
        """Connect and bring the schema up to date; nodes that start together wait for each other."""
        self._pool = await self._connect()
        self._line = Line(self._url)
        self._reader = Reader(self._pool)

    async def _connect(self) -> "asyncpg.Pool[Any]":
        until_s = time.monotonic() + self._wait_s
        while True:
            try:
                return await connect(self._url, self._size)
            except Unavailable as error:
                delay_s = AGAIN_S * random.uniform(0.5, 1.5)  # noqa: S311
                if time.monotonic() + delay_s > until_s:
                    raise
                log.warning("%s Trying again for %d s.", error.message, until_s - time.monotonic())
                await asyncio.sleep(delay_s)

    async def close(self) -> None:
        """Finish what was begun and release the connections. Closing twice is harmless."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        await self._line.close()
        try:
            await asyncio.wait_for(pool.close(), CLOSE_S_MAX)
        except TimeoutError:
            pool.terminate()

    async def now_ms(self) -> int:
        """Return the time of the database, by which all nodes agree."""
        found: int = await self._reader.value(f"SELECT {NOW_MS}")
        return found

    # other nodes
    async def beat(self, node: NodeRow, dead_ms: int) -> Beat:
        """Say that *node* lives; one without a beat for *dead_ms* is dead, and forgotten some time later."""
        return await self._line.beat(node, dead_ms)

    async def forget_node(self, node_id: str) -> None:
        """Note that a node has stopped."""
        await self._line.rows("DELETE FROM node WHERE id = $1", node_id)

    async def notify(self, payload: str) -> None:
        """Tell all nodes that listen a text of less than 8,000 bytes; it may be lost."""
        await self._line.rows("SELECT pg_notify($1, $2)", CHANNEL, payload)

    async def listen(self, heard: Heard) -> None:
        """Call *heard* with each notice until cancelled; with None at first, and whenever some may have been lost."""
        await self._line.listen(heard)

    # workflows
    async def load(self, workflow_ids: Sequence[str]) -> dict[str, StoredWorkflow]:
        """Return header, payloads and all tasks (by seq) of those workflows that exist."""
        return await self._reader.load(workflow_ids)

    async def commit(self, transitions: Sequence[Transition]) -> list[bool]:
        """Write all transitions in one durable transaction. The rows are taken before the first wait."""
        assert self._pool is not None  # noqa: S101
        return await Commit(transitions).write(self._pool)

    async def versions(self, workflow_ids: Sequence[str]) -> dict[str, int]:
        """Return the versions of those workflows that exist."""
        return await self._reader.versions(workflow_ids)

    async def exists(self, workflow_id: str) -> bool:
        """Whether the workflow is stored."""
        return await self._reader.exists(workflow_id)

    async def running_ids(self, name: str, version: int, *, from_ms: int = 0, to_ms: int = 0) -> list[str]:
        """Return ids of open workflows of a definition, the earliest first; version 0 means any."""
        return await listing.running_ids(self._reader, name, version, from_ms, to_ms)

    async def open_heads(self, name: str, status: str, after: Head | None, limit: int) -> list[Head]:
        """Return headers of workflows of a definition with an open status, by start time, those after one of them."""
        return await listing.open_heads(self._reader, name, status, after, limit)

    async def correlated(self, name: str, correlation_ids: Sequence[str], *, closed: bool) -> dict[str, list[str]]:
        """Return the workflow ids of each correlation id, in the order of arrival; only open ones unless *closed*."""
        return await listing.correlated(self._reader, name, correlation_ids, closed)

    async def by_idempotency_key(self, name: str, key: str) -> str | None:
        """Return the id of the latest workflow of *name* that was started with *key*."""
        sql = "SELECT id::text FROM workflow WHERE idempotency_key = $1 AND name = $2 ORDER BY id DESC LIMIT 1"
        found: str | None = await self._reader.value(sql, clean(key), clean(name))
        return found

    async def claim_key(self, name: str, key: str, workflow_id: str, replaces: str) -> str:
        """Return the id that a start with *key* is to use."""
        return await keys.claim(self._reader, name, key, workflow_id, replaces)

    # ended workflows that have no parent
    async def ended_kinds(self) -> list[tuple[str, str]]:
        """Return name and status of all of them, each pair once."""
        return await ended.kinds(self._reader)

    async def ended(self, name: str, status: str, before_ms: int, limit: int) -> list[Ended]:
        """Return up to *limit* that ended before *before_ms*, the longest ended first."""
        return await ended.before(self._reader, name, status, before_ms, limit)

    async def count_ended(self, name: str, status: str, before_ms: int) -> tuple[int, int]:
        """Return how many ended before *before_ms*, and when the first did."""
        return await ended.count(self._reader, name, status, before_ms)

    def alone(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Do something on one node only: False within while another node holds *name*."""
        assert self._pool is not None  # noqa: S101
        return locked(self._pool, name)

    # queues and time
    async def ready(self, queue: str, now_ms: int, limit: int, reserve_ms: int = 0) -> list[QueueRow]:
        """Return visible rows of a queue, best priority first, then the longest visible."""
        return await self._reader.ready(queue, now_ms, limit, reserve_ms)

    async def release(self, rows: Sequence[QueueRow]) -> None:
        """Take back the reservation of rows."""
        await self._reader.release(rows)

    async def visible_queues(self, queues: Sequence[str], now_ms: int) -> list[str]:
        """Return those of the queues that have a visible row."""
        return await self._reader.visible_queues(queues, now_ms)

    async def next_visible_ms(self, queue: str, after_ms: int = -1) -> int:
        """Return when the first row of a queue becomes visible after a time; 0 when there is none."""
        return await self._reader.next_visible_ms(queue, after_ms)

    async def due(self, now_ms: int, limit: int) -> list[str]:
        """Return the ids of workflows whose wake-up has come, the earliest first."""
        return await self._reader.due(now_ms, limit)

    async def next_wake_ms(self, after_ms: int = 0) -> int:
        """Return the earliest wake-up of all workflows that is later than *after_ms*; 0 when there is none."""
        return await self._reader.next_wake_ms(after_ms)

    async def messages(self, after_id: int, limit: int) -> list[Message]:
        """Return messages of the outbox, in order."""
        return await self._reader.messages(after_id, limit)

    async def pending(self, ids: Sequence[int]) -> list[Message]:
        """Return those of the messages that are in the outbox still, in order."""
        return await self._reader.pending(ids)

    async def claim(self, message_id: int, node_id: str, ttl_ms: int) -> bool:
        """Keep a message for one node; False when it is gone, or another one has claimed it within *ttl_ms*."""
        return await self._reader.change(CLAIM, message_id, node_id, ttl_ms) > 0

    async def drop_messages(self, ids: Sequence[int]) -> None:
        """Delete messages that were handled outside of a workflow's commit."""
        await self._reader.change("DELETE FROM message WHERE id = ANY ($1)", list(ids))

    async def queue_sizes(self) -> list[QueueSize]:
        """Return each queue's number of waiting rows; a row is deleted when its task is leased."""
        return await listing.queue_sizes(self._reader)

    # slots
    async def slots_taken(self, scopes: Sequence[str]) -> dict[str, int]:
        """Return how many slots are taken in those of *scopes* that are known."""
        return await listing.slots_taken(self._reader, scopes)

    async def next_in_line(self, limit: int, scope: str = "") -> list[str]:
        """Return workflows that wait and for which there is room, the longest waiting of each scope first."""
        return await listing.next_in_line(self._reader, limit, scope)

    async def tidy_slots(self, limit: int) -> int:
        """Free slots of what is not in progress any more, forget scopes without any; returns how many those were."""
        found: int = await self._reader.value("SELECT podium_tidy_slots($1)", limit)
        return found

    # tasks
    async def tasks(self, workflow_id: str, *, after_seq: int = 0, limit: int = 0) -> list[Task]:
        """Return the tasks of a workflow by seq; limit 0 means all."""
        return await self._reader.tasks(workflow_id, after_seq, limit)

    async def task(self, workflow_id: str, seq: int) -> Task | None:
        """Return one task."""
        return await self._reader.task(workflow_id, seq)

    async def add_logs(self, workflow_id: str, seq: int, logs: Sequence[TaskLog]) -> None:
        """Append log lines to a task, which need not exist; the newest 10,000 are kept."""
        rows = [log_row(workflow_id, seq, log) for log in logs]
        await self._reader.value("SELECT podium_log($1, $2, $3, $4, $5)", *columns(rows, 4), LOGS_MAX)

    async def logs(self, workflow_id: str, seq: int) -> list[TaskLog]:
        """Return the log lines of a task, the oldest first."""
        return await self._reader.logs(workflow_id, seq)

    async def open_tasks(self, queue: str, start: int, count: int) -> list[tuple[str, Task]]:
        """Return waiting tasks of a queue with their workflow ids, in the order of the queue."""
        return await listing.open_tasks(self._reader, queue, start, count)

    async def open_counts(self, limit: int) -> dict[str, int]:
        """Return how many workflows are open, by definition. Walks over the index of those that are."""
        return await listing.open_counts(self._reader, limit)

    async def in_progress_counts(self, names: Collection[str]) -> dict[str, int]:
        """Return how many tasks of each task definition are in progress. Walks over the tasks of all open workflows."""
        return await listing.in_progress_counts(self._reader, names)

    # search
    async def search_workflows(self, search: Search) -> Page[WorkflowRow]:
        """Return one page of workflows and the number of all that match."""
        assert self._pool is not None  # noqa: S101
        return await search_workflows(self._pool, search)

    async def search_tasks(self, search: Search) -> Page[TaskRow]:
        """Return one page of tasks and the number of all that match."""
        assert self._pool is not None  # noqa: S101
        return await search_tasks(self._pool, search)

    # definitions and other documents
    async def put_document(self, document: Document, *, replace: bool = True) -> bool:
        """Store a document; False when it exists and *replace* is not set."""
        change = "UPDATE SET updated_ms = excluded.updated_ms, body = excluded.body" if replace else "NOTHING"
        sql = (
            "INSERT INTO document (kind, name, version, updated_ms, body) VALUES ($1, $2, $3, $4, $5) "  # noqa: S608
            f"ON CONFLICT (kind, name, version) DO {change}"
        )
        row = (document.kind, clean(document.name), document.version, document.updated_ms, document.body)
        return await self._reader.change(sql, *row) > 0

    async def swap_document(self, document: Document, before: bytes | None) -> bool:
        """Store a document if its body is still *before*, or if it does not exist where that is None."""
        if before is None:
            return await self.put_document(document, replace=False)
        sql = (
            "UPDATE document SET updated_ms = $4, body = $5 WHERE kind = $1 AND name = $2 AND version = $3 "
            "AND body = $6"
        )
        row = (document.kind, clean(document.name), document.version, document.updated_ms, document.body)
        return await self._reader.change(sql, *row, before) > 0

    async def document_stamps(self, kinds: Sequence[str]) -> dict[str, str]:
        """Return a text for each of *kinds* that changes with its documents."""
        return await self._reader.document_stamps(kinds)

    async def delete_document(self, kind: str, name: str, version: int = 0) -> bool:
        """Delete a document; False when there was none."""
        sql = "DELETE FROM document WHERE kind = $1 AND name = $2 AND version = $3"
        return await self._reader.change(sql, kind, clean(name), version) > 0

    async def document(self, kind: str, name: str, version: int = 0) -> Document | None:
        """Return one document."""
        return await self._reader.document(kind, name, version)

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by name and version."""
        return await self._reader.documents(kind)

    async def put_definition(self, def_hash: str, body: bytes) -> None:
        """Keep a bound definition under its content hash."""
        await self._reader.change("INSERT INTO definition VALUES ($1, $2) ON CONFLICT DO NOTHING", def_hash, body)

    async def definition(self, def_hash: str) -> bytes | None:
        """Return a bound definition."""
        found: bytes | None = await self._reader.value("SELECT body FROM definition WHERE hash = $1", clean(def_hash))
        return found

    async def add_event_execution(self, execution: EventExecution, *, replace: bool = False) -> bool:
        """Record the execution of an event action; False when it is recorded already and *replace* is not set."""
        sql = (
            "INSERT INTO event_execution (id, handler, created_ms, body) VALUES ($1, $2, $3, $4) "  # noqa: S608
            f"ON CONFLICT (id) DO {'UPDATE SET body = excluded.body' if replace else 'NOTHING'}"
        )
        body = msgspec.msgpack.encode(execution)
        row = (clean(execution.id), clean(execution.handler), execution.created_ms, body)
        return await self._reader.change(sql, *row) > 0

    async def event_execution(self, execution_id: str) -> EventExecution | None:
        """Return one execution."""
        body = await self._reader.value("SELECT body FROM event_execution WHERE id = $1", clean(execution_id))
        return None if body is None else msgspec.msgpack.decode(body, type=EventExecution)

    async def event_executions(self, handler: str, limit: int) -> list[EventExecution]:
        """Return the newest executions of a handler, or of all handlers for an empty name."""
        return await listing.event_executions(self._reader, handler, limit)

    async def drop_event_executions(self, before_ms: int, limit: int) -> int:
        """Delete at most *limit* of the oldest executions, those before *before_ms*; returns how many those were."""
        sql = (
            "DELETE FROM event_execution WHERE number IN (SELECT number FROM "
            "(SELECT number, created_ms FROM event_execution ORDER BY number LIMIT $2) AS oldest WHERE created_ms < $1)"
        )
        return await self._reader.change(sql, before_ms, limit)

    async def check(self) -> AsyncIterator[str]:
        """Yield one line for each broken promise in the database; nothing when all is well. Reads all rows."""
        assert self._pool is not None  # noqa: S101
        async for fault in check(self._pool):
            yield fault
