"""Reads that may walk over many rows: they run in the reader's thread, never on the event loop."""

from collections import Counter
from collections.abc import Collection, Sequence
from itertools import takewhile

import msgspec

from podium.model.status import PAUSED, RUNNING
from podium.model.task import Task
from podium.model.workflow import Head
from podium.store.records import EventExecution
from podium.store.sqlite.reader import NOT_COMPLETED, OPEN, Reader
from podium.store.sqlite.rows import TASKS, decode_head, decode_task

RUNNING_IDS_MAX = 10_000
EVER_MS = 1 << 62
STRETCH = 20_000


def running_ids(reader: Reader, name: str, version: int, from_ms: int, to_ms: int) -> list[str]:
    """Return ids of open workflows of a definition, the earliest first; version 0 means any."""
    sql = (
        f"SELECT id FROM workflow WHERE +name = ? AND {OPEN} AND ? IN (0, def_version) "  # noqa: S608
        "AND created_ms BETWEEN ? AND ? ORDER BY created_ms, row LIMIT ?"
    )
    return [found for (found,) in reader.rows(sql, (name, version, from_ms, to_ms or EVER_MS, RUNNING_IDS_MAX))]


def open_heads(reader: Reader, name: str, status: str, after: Head | None, limit: int) -> list[Head]:
    """Return headers of workflows with an open status, by start time, from one of them on."""
    created_ms, row = (after.created_ms, reader.row_of(after.id)) if after is not None else (-1, 0)
    sql = (
        f"SELECT body FROM workflow WHERE +name = ? AND {NOT_COMPLETED} AND status = ? "  # noqa: S608
        "AND (created_ms, row) > (?, ?) ORDER BY created_ms, row LIMIT ?"
    )
    return [decode_head(body) for (body,) in reader.rows(sql, (name, status, created_ms, row, limit))]


def correlated(reader: Reader, name: str, correlation_ids: Sequence[str], closed: bool) -> dict[str, list[str]]:
    """Return the workflow ids of each correlation id, in the order of arrival."""
    state = "1" if closed else OPEN
    sql = f"SELECT id FROM workflow WHERE correlation_id = ? AND name = ? AND {state} ORDER BY row"  # noqa: S608
    return {
        correlation_id: [found for (found,) in reader.rows(sql, (correlation_id, name))]
        for correlation_id in dict.fromkeys(correlation_ids)
    }


def open_tasks(reader: Reader, queue: str, start: int, count: int) -> list[tuple[str, Task]]:
    """Return waiting tasks of a queue in its order."""
    sql = (
        "SELECT queue.workflow_id, task.body FROM queue JOIN task USING (key) WHERE queue.queue = ? "
        "ORDER BY queue.priority DESC, queue.visible_ms, queue.key LIMIT ? OFFSET ?"
    )
    return [(workflow_id, decode_task(body)) for workflow_id, body in reader.rows(sql, (queue, count, start))]


def open_counts(reader: Reader, limit: int) -> dict[str, int]:
    """Return how many workflows are open, by definition name.

    In stretches of the index, since SQLite sorts what it groups, and it would do so with all of them in memory.
    """
    counts: Counter[str] = Counter()
    for status in (PAUSED, RUNNING):
        after: tuple[int, str, int] | None = (-1, "", 0)
        while after is not None:
            after = _count_open(reader, status, after, counts)
    return dict(sorted(counts.items())[:limit])


def _count_open(
    reader: Reader, status: str, after: tuple[int, str, int], counts: Counter[str]
) -> tuple[int, str, int] | None:
    """Count the next stretch of workflows with a status; returns where it ended, None behind the last one."""
    source = f"workflow INDEXED BY workflow_status WHERE {NOT_COMPLETED} AND status = ?"
    place = "(created_ms, name, row)"
    order = "ORDER BY created_ms, name, row LIMIT 1 OFFSET ?"
    with reader.snapshot():
        bound = f"SELECT created_ms, name, row FROM {source} AND {place} > (?, ?, ?) {order}"  # noqa: S608
        ends = reader.rows(bound, (status, *after, STRETCH - 1))
        end = ends[0] if ends else (EVER_MS, "", 0)
        sql = f"SELECT name, count(*) FROM {source} AND {place} > (?, ?, ?) AND {place} <= (?, ?, ?) GROUP BY name"  # noqa: S608
        counts.update(dict(reader.rows(sql, (status, *after, *end))))
    return ends[0] if ends else None


def in_progress_counts(reader: Reader, names: Collection[str]) -> dict[str, int]:
    """Return how many tasks of each name are in progress. Walks over the tasks of all open workflows."""
    marks = ",".join("?" * len(names))
    sql = (
        "SELECT task.name, task.body FROM workflow CROSS JOIN task "  # noqa: S608
        f"ON task.key BETWEEN workflow.row << 24 AND (workflow.row << 24) + {TASKS - 1} "
        f"WHERE workflow.status IN ('RUNNING', 'PAUSED') AND workflow.{NOT_COMPLETED} "
        f"AND task.status = 'IN_PROGRESS' AND task.name IN ({marks})"
    )
    rows = reader.rows(sql, tuple(names)) if names else []
    found = Counter(name for name, body in rows if decode_task(body).runs != "engine")
    return {name: found[name] for name in names}


def event_executions(reader: Reader, handler: str, limit: int) -> list[EventExecution]:
    """Return the newest executions of a handler, or of all for an empty name."""
    where = "WHERE handler = ?" if handler else "WHERE ? = ''"
    sql = f"SELECT body FROM event_execution {where} ORDER BY number DESC LIMIT ?"  # noqa: S608
    return [msgspec.msgpack.decode(body, type=EventExecution) for (body,) in reader.rows(sql, (handler, limit))]


def last_old_execution(reader: Reader, before_ms: int, limit: int) -> int:
    """Return the number of the last of the executions before *before_ms*, of the first *limit*; 0 without any."""
    rows = reader.rows("SELECT number, body FROM event_execution ORDER BY number LIMIT ?", (limit,))
    old = takewhile(lambda row: msgspec.msgpack.decode(row[1], type=EventExecution).created_ms < before_ms, rows)
    return max((number for number, _ in old), default=0)
