"""Reads that may walk over many rows."""

from collections import Counter
from collections.abc import Collection, Sequence

import msgspec

from podium.model.task import Task
from podium.model.workflow import Head
from podium.store.postgres.reader import Reader
from podium.store.postgres.rows import clean, decode_head, decode_task
from podium.store.records import EventExecution, QueueSize

RUNNING_IDS_MAX = 10_000
EVER_MS = 1 << 62
FIRST = "00000000-0000-0000-0000-000000000000"
EVERY = "$2 = ''"
# With the condition of the partial index over the status.
OPEN = "status <> 'COMPLETED' AND status IN ('RUNNING', 'PAUSED')"
_decode_execution = msgspec.msgpack.Decoder(EventExecution).decode


async def running_ids(reader: Reader, name: str, version: int, from_ms: int, to_ms: int) -> list[str]:
    """Return ids of open workflows of a definition, the earliest first; version 0 means any."""
    sql = (
        f"SELECT id::text FROM workflow WHERE name = $1 AND {OPEN} AND $2::bigint IN (0, def_version) "  # noqa: S608
        "AND created_ms BETWEEN $3 AND $4 ORDER BY created_ms, id LIMIT $5"
    )
    rows = await reader.rows(sql, clean(name), version, from_ms, to_ms or EVER_MS, RUNNING_IDS_MAX)
    return [row[0] for row in rows]


async def open_heads(reader: Reader, name: str, status: str, after: Head | None, limit: int) -> list[Head]:
    """Return headers of workflows with an open status, by start time, from one of them on."""
    sql = (
        "SELECT body FROM workflow WHERE name = $1 AND status = $2 AND status <> 'COMPLETED' "
        "AND (created_ms, id) > ($3, $4::uuid) ORDER BY created_ms, id LIMIT $5"
    )
    created_ms, key = (after.created_ms, after.id) if after is not None else (-1, FIRST)
    return [decode_head(row[0]) for row in await reader.rows(sql, clean(name), status, created_ms, key, limit)]


async def correlated(reader: Reader, name: str, correlation_ids: Sequence[str], closed: bool) -> dict[str, list[str]]:
    """Return the workflow ids of each correlation id, in the order of arrival."""
    state = "" if closed else f" AND {OPEN}"
    sql = (
        "SELECT correlation_id, id::text FROM workflow "  # noqa: S608
        f"WHERE correlation_id = ANY ($1) AND name = $2{state} ORDER BY id"
    )
    found: dict[str, list[str]] = {correlation_id: [] for correlation_id in correlation_ids}
    by_column = {clean(correlation_id): correlation_id for correlation_id in found}
    for correlation_id, workflow_id in await reader.rows(sql, list(by_column), clean(name)):
        found[by_column[correlation_id]].append(workflow_id)
    return found


async def open_tasks(reader: Reader, queue: str, start: int, count: int) -> list[tuple[str, Task]]:
    """Return waiting tasks of a queue in its order."""
    sql = (
        "SELECT queue.workflow_id::text, task.body FROM queue JOIN task USING (workflow_id, seq) "
        "WHERE queue.queue = $1 ORDER BY queue.priority DESC, queue.visible_ms, queue.workflow_id, seq "
        "LIMIT $2 OFFSET $3"
    )
    return [(key, decode_task(body)) for key, body in await reader.rows(sql, clean(queue), count, start)]


async def open_counts(reader: Reader, limit: int) -> dict[str, int]:
    """Return how many workflows are open, by definition name."""
    sql = f"SELECT name, count(*) FROM workflow WHERE {OPEN} GROUP BY name ORDER BY name LIMIT $1"  # noqa: S608
    return {row[0]: row[1] for row in await reader.rows(sql, limit)}


async def in_progress_counts(reader: Reader, names: Collection[str]) -> dict[str, int]:
    """Return how many tasks of each name are in progress. Walks over the tasks of all open workflows."""
    wanted = {clean(name): name for name in names}
    if not wanted:
        return {}
    sql = (
        "SELECT task.name, task.body FROM workflow JOIN task ON task.workflow_id = workflow.id "  # noqa: S608
        f"WHERE workflow.{OPEN.replace('AND status', 'AND workflow.status')} AND task.status = 'IN_PROGRESS' "
        "AND task.name = ANY ($1)"
    )
    found = Counter(row[0] for row in await reader.rows(sql, list(wanted)) if decode_task(row[1]).runs != "engine")
    return {name: found[column] for column, name in wanted.items()}


async def queue_sizes(reader: Reader) -> list[QueueSize]:
    """Return how many rows each queue has. Walks over the index of all queues."""
    sql = "SELECT queue, count(*) FROM queue GROUP BY queue ORDER BY queue"
    return [QueueSize(*row) for row in await reader.rows(sql)]


async def event_executions(reader: Reader, handler: str, limit: int) -> list[EventExecution]:
    """Return the newest executions of a handler, or of all for an empty name."""
    where = "WHERE handler = $1" if handler else "WHERE $1 = ''"
    sql = f"SELECT body FROM event_execution {where} ORDER BY number DESC LIMIT $2"  # noqa: S608
    return [_decode_execution(row[0]) for row in await reader.rows(sql, clean(handler), limit)]


async def slots_taken(reader: Reader, scopes: Sequence[str]) -> dict[str, int]:
    """Return how many slots are taken, by scope."""
    wanted = {clean(scope): scope for scope in scopes}
    rows = await reader.rows("SELECT scope, taken FROM slot_scope WHERE scope = ANY ($1)", list(wanted))
    return {wanted[row[0]]: row[1] for row in rows}


async def next_in_line(reader: Reader, limit: int, scope: str) -> list[str]:
    """Return workflows that wait and for which there is room; those of one scope, or of any for an empty one."""
    sql = (
        "SELECT one.workflow_id::text FROM (SELECT DISTINCT scope FROM slot "  # noqa: S608
        f"WHERE line IS NOT NULL AND {'scope = $2' if scope else EVERY}) AS waiting "
        "JOIN slot_scope USING (scope) CROSS JOIN LATERAL (SELECT workflow_id, line FROM slot "
        "WHERE slot.scope = waiting.scope AND line IS NOT NULL ORDER BY line LIMIT greatest(capacity - taken, 0)) "
        "AS one ORDER BY one.line LIMIT $1"
    )
    return [row[0] for row in await reader.rows(sql, limit, clean(scope))]
