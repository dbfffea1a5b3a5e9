"""The check of a database: gathers the facts in chunks, each seen in one state."""

from collections.abc import AsyncIterator
from typing import Any

import asyncpg

from podium.store.check import Facts, faults, leaked, miscounted
from podium.store.postgres.connection import Connection, acquired, snapshot
from podium.store.postgres.reader import known
from podium.store.postgres.rows import decode_head, decode_task

CHUNK = 200
FAULTS_MAX = 100  # of each table
TABLES = ("task", "queue", "payload")
LEAKS = "SELECT scope, workflow_id::text, seq FROM slot_leak LIMIT $1"
COUNTS = (
    "SELECT scope, coalesce(taken, 0), coalesce(held, 0) FROM slot_scope FULL JOIN "
    "(SELECT scope, count(*) AS held FROM slot WHERE line IS NULL GROUP BY scope) AS slots USING (scope) "
    "WHERE coalesce(taken, 0) <> coalesce(held, 0) LIMIT $1"
)
FIRST = "00000000-0000-0000-0000-000000000000"


async def check(pool: "asyncpg.Pool[Any]") -> AsyncIterator[str]:
    """Yield one line for each broken promise. Reads all rows."""
    for table in TABLES:
        async with acquired(pool) as connection:
            sql = (
                f"SELECT DISTINCT workflow_id::text FROM {table} WHERE NOT EXISTS "  # noqa: S608
                f"(SELECT 1 FROM workflow WHERE id = {table}.workflow_id) LIMIT $1"
            )
            for row in await connection.fetch(sql, FAULTS_MAX):
                yield f"{table} of workflow {row[0]}, which does not exist"
    async with acquired(pool) as connection:
        for row in await connection.fetch(LEAKS, FAULTS_MAX):
            yield leaked(*row)
        for row in await connection.fetch(COUNTS, FAULTS_MAX):
            yield miscounted(*row)
    after: str | None = FIRST
    while after is not None:
        async with snapshot(pool) as connection:
            found, after = await _chunk(connection, after)
        for fault in found:
            yield fault


async def _chunk(connection: Connection, after: str) -> tuple[list[str], str | None]:
    """Return the faults of the next workflows, and the last id; None at the end."""
    sql = "SELECT id::text, version, body FROM workflow WHERE id > $1 ORDER BY id LIMIT $2"
    heads = await connection.fetch(sql, after, CHUNK)
    found: list[str] = []
    for key, version, body in heads:
        facts = await _facts(connection, key, body)
        found += faults(facts)
        if facts.head.version != version:
            found.append(f"workflow {key}: its row has version {version}, its body {facts.head.version}")
    return found, heads[-1][0] if heads else None


async def _facts(connection: Connection, key: str, body: bytes) -> Facts:
    head = decode_head(body)
    sql = "SELECT body FROM task WHERE workflow_id = $1 AND status IN ('SCHEDULED', 'IN_PROGRESS') ORDER BY seq"
    tasks = [decode_task(row[0]) for row in await connection.fetch(sql, key)]
    last = await connection.fetchval("SELECT max(seq) FROM task WHERE workflow_id = $1", key) or 0
    queued = dict(await connection.fetch("SELECT seq, queue FROM queue WHERE workflow_id = $1", key))
    has_definition = await connection.fetchval("SELECT 1 FROM definition WHERE hash = $1", head.def_hash)
    others = [key, *(task.sub_workflow_id for task in tasks if task.sub_workflow_id)]
    sql = "SELECT id::text, status FROM workflow WHERE id = ANY ($1::uuid[])"
    statuses = dict(await connection.fetch(sql, [other for other in others if known(other)]))
    rows = await connection.fetch("SELECT DISTINCT target FROM message WHERE target = ANY ($1)", others)
    addressed = {row[0] for row in rows}
    return Facts(head, tasks, last, queued, bool(has_definition), statuses.get, addressed.__contains__)
