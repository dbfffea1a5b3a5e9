"""Reads by key: what the engine asks for, each in one round trip. Nothing here scans."""

import re
from collections.abc import Sequence
from typing import Any

import asyncpg

from podium.model.ids import task_id
from podium.model.task import Task, TaskLog
from podium.model.transition import Message, QueueRow
from podium.store.postgres.connection import acquired
from podium.store.postgres.rows import INPUT, OUTPUT, clean, decode_head, decode_task
from podium.store.records import Document, StoredWorkflow

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

# The priorities of a queue, one after the other, so that rows of the future are not walked over.
_PRIORITIES = (
    "WITH RECURSIVE level AS ("
    "SELECT max(priority) AS priority FROM queue WHERE queue = $1 "
    "UNION ALL SELECT (SELECT max(priority) FROM queue WHERE queue = $1 AND priority < level.priority) FROM level "
    "WHERE level.priority IS NOT NULL) "
)
_READY = _PRIORITIES + (  # noqa: S608
    "SELECT row.* FROM level CROSS JOIN LATERAL ("
    "SELECT workflow_id::text, seq, priority, visible_ms, name FROM queue "
    "WHERE queue = $1 AND priority = level.priority AND visible_ms <= $2 "
    "ORDER BY visible_ms, queue.workflow_id, seq LIMIT $3) AS row "
    "ORDER BY row.priority DESC, row.visible_ms, row.workflow_id, row.seq LIMIT $3"
)
_NEXT_VISIBLE = _PRIORITIES + (  # noqa: S608
    "SELECT min((SELECT min(visible_ms) FROM queue "
    "WHERE queue = $1 AND priority = level.priority AND visible_ms > $2)) FROM level"
)
_VISIBLE = (
    "SELECT one.queue FROM unnest($1::text[]) AS one (queue) WHERE EXISTS ("  # noqa: S608
    f"{_PRIORITIES.replace('$1', 'one.queue')} SELECT 1 FROM level WHERE EXISTS (SELECT 1 FROM queue "
    "WHERE queue = one.queue AND priority = level.priority AND visible_ms <= $2 AND reserved_ms <= $2))"
)

# All of some workflows in one state of the database: each header comes before what belongs to it.
_HEAD, _PAYLOAD, _TASK = 0, 1, 2
_LOAD = (
    f"SELECT {_HEAD} AS kind, id::text, 0 AS number, body FROM workflow WHERE id = ANY ($1::uuid[]) "  # noqa: S608
    f"UNION ALL SELECT {_PAYLOAD}, workflow_id::text, kind, body FROM payload WHERE workflow_id = ANY ($1::uuid[]) "
    f"UNION ALL SELECT {_TASK}, workflow_id::text, seq, body FROM task WHERE workflow_id = ANY ($1::uuid[]) "
    "ORDER BY kind, number"
)


def known(workflow_id: str) -> bool:
    """Whether a text can be the id of a workflow; others would be an error of the database."""
    return _UUID.fullmatch(workflow_id) is not None


class Reader:
    """Point reads over a pool."""

    def __init__(self, pool: "asyncpg.Pool[Any]") -> None:
        self._pool = pool

    async def rows(self, sql: str, *values: Any) -> list[Any]:
        """Return all rows of a statement."""
        async with acquired(self._pool) as connection:
            found: list[Any] = await connection.fetch(sql, *values)
            return found

    async def value(self, sql: str, *values: Any) -> Any:
        """Return the first column of the first row; None when there is no row."""
        async with acquired(self._pool) as connection:
            return await connection.fetchval(sql, *values)

    async def change(self, sql: str, *values: Any) -> int:
        """Run a statement and return how many rows it changed."""
        async with acquired(self._pool) as connection:
            return int((await connection.execute(sql, *values)).rpartition(" ")[2])

    # workflows
    async def load(self, workflow_ids: Sequence[str]) -> dict[str, StoredWorkflow]:
        """Return those of the workflows that exist."""
        keys = list({workflow_id for workflow_id in workflow_ids if known(workflow_id)})
        if not keys:
            return {}
        return _stored(await self.rows(_LOAD, keys))

    async def versions(self, workflow_ids: Sequence[str]) -> dict[str, int]:
        """Return the versions of those workflows that exist."""
        keys = [workflow_id for workflow_id in workflow_ids if known(workflow_id)]
        return dict(await self.rows("SELECT id::text, version FROM workflow WHERE id = ANY ($1::uuid[])", keys))

    async def exists(self, workflow_id: str) -> bool:
        """Whether the workflow is stored."""
        if not known(workflow_id):
            return False
        return await self.value("SELECT 1 FROM workflow WHERE id = $1", workflow_id) is not None

    # tasks
    async def tasks(self, workflow_id: str, after_seq: int, limit: int) -> list[Task]:
        """Return tasks by seq; limit 0 means all."""
        if not known(workflow_id):
            return []
        sql = "SELECT body FROM task WHERE workflow_id = $1 AND seq > $2 ORDER BY seq LIMIT $3"
        return [decode_task(row[0]) for row in await self.rows(sql, workflow_id, after_seq, limit or None)]

    async def task(self, workflow_id: str, seq: int) -> Task | None:
        """Return one task."""
        if not known(workflow_id):
            return None
        body = await self.value("SELECT body FROM task WHERE workflow_id = $1 AND seq = $2", workflow_id, seq)
        return None if body is None else decode_task(body)

    async def logs(self, workflow_id: str, seq: int) -> list[TaskLog]:
        """Return the log lines of a task, the oldest first."""
        name = task_id(workflow_id, seq)
        sql = "SELECT line, created_ms FROM log WHERE workflow_id = $1 AND seq = $2 ORDER BY number"
        rows = await self.rows(sql, clean(workflow_id), seq)
        return [TaskLog(line.decode(), name, created_ms) for line, created_ms in rows]

    # queues and time
    async def ready(self, queue: str, now_ms: int, limit: int, reserve_ms: int) -> list[QueueRow]:
        """Return visible rows of a queue, best priority first, then the longest visible; and reserve them."""
        if not reserve_ms:
            return [QueueRow(queue, *row) for row in await self.rows(_READY, clean(queue), now_ms, limit)]
        sql = "SELECT * FROM podium_reserve($1, $2, $3, $4)"
        rows = [QueueRow(queue, *row) for row in await self.rows(sql, clean(queue), now_ms, now_ms + reserve_ms, limit)]
        return sorted(rows, key=lambda row: (-row.priority, row.visible_ms, row.workflow_id, row.seq))

    async def release(self, rows: Sequence[QueueRow]) -> None:
        """Take back the reservation of rows."""
        ids, seqs = [row.workflow_id for row in rows], [row.seq for row in rows]
        await self.value("SELECT podium_release($1, $2)", ids, seqs)

    async def visible_queues(self, queues: Sequence[str], now_ms: int) -> list[str]:
        """Return those of the queues that have a visible row."""
        names = {clean(queue): queue for queue in queues}
        return [names[row[0]] for row in await self.rows(_VISIBLE, list(names), now_ms)] if names else []

    async def next_visible_ms(self, queue: str, after_ms: int) -> int:
        """Return when the first row of a queue becomes visible after a time; 0 when there is none."""
        return await self.value(_NEXT_VISIBLE, clean(queue), after_ms) or 0

    async def due(self, now_ms: int, limit: int) -> list[str]:
        """Return workflows whose wake-up has come."""
        sql = "SELECT id::text FROM workflow WHERE wake_ms > 0 AND wake_ms <= $1 ORDER BY wake_ms LIMIT $2"
        return [row[0] for row in await self.rows(sql, now_ms, limit)]

    async def next_wake_ms(self, after_ms: int) -> int:
        """Return the earliest wake-up after a time; 0 when there is none."""
        sql = "SELECT min(wake_ms) FROM workflow WHERE wake_ms > 0 AND wake_ms > $1"
        return await self.value(sql, after_ms) or 0

    async def messages(self, after_id: int, limit: int) -> list[Message]:
        """Return messages of the outbox in order."""
        sql = "SELECT target, kind, body, id FROM message WHERE id > $1 ORDER BY id LIMIT $2"
        return [Message(*row) for row in await self.rows(sql, after_id, limit)]

    async def pending(self, ids: Sequence[int]) -> list[Message]:
        """Return those of the messages that are there."""
        sql = "SELECT target, kind, body, id FROM message WHERE id = ANY ($1) ORDER BY id"
        return [Message(*row) for row in await self.rows(sql, list(ids))]

    # documents
    async def document(self, kind: str, name: str, version: int) -> Document | None:
        """Return one document."""
        sql = (
            "SELECT kind, name, version, body, updated_ms FROM document WHERE kind = $1 AND name = $2 AND version = $3"
        )
        return next((Document(*row) for row in await self.rows(sql, kind, clean(name), version)), None)

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind."""
        sql = "SELECT kind, name, version, body, updated_ms FROM document WHERE kind = $1 ORDER BY name, version"
        return [Document(*row) for row in await self.rows(sql, kind)]

    async def document_stamps(self, kinds: Sequence[str]) -> dict[str, str]:
        """Return a text for each of *kinds* that changes with its documents."""
        sql = (
            "SELECT kind, count(*), sum(updated_ms), sum(octet_length(body)) FROM document WHERE kind = ANY ($1) "
            "GROUP BY kind"
        )
        return {row[0]: f"{row[1]} {row[2]} {row[3]}" for row in await self.rows(sql, list(kinds))}


def _stored(rows: list[Any]) -> dict[str, StoredWorkflow]:
    """Put the rows of `_LOAD` together."""
    found: dict[str, StoredWorkflow] = {}
    for kind, key, number, body in rows:
        if kind == _HEAD:
            found[key] = StoredWorkflow(decode_head(body))
        elif kind == _TASK:
            found[key].tasks.append(decode_task(body))
        elif number == INPUT:
            found[key].input = body
        elif number == OUTPUT:
            found[key].output = body
        else:
            found[key].variables = body
    return found
