"""Ended workflows without a parent, by name, status and time: what retention asks."""

from podium.store.postgres.reader import Reader
from podium.store.postgres.rows import clean
from podium.store.records import Ended

KINDS_MAX = 10_000
COUNTED_MAX = 1_000_000

_SOURCE = "workflow WHERE ended_ms > 0 AND parent_id IS NULL"


async def kinds(reader: Reader) -> list[tuple[str, str]]:
    """Return name and status of all, each pair once, by jumps from one pair to the next."""
    sql = (
        "WITH RECURSIVE kind AS ("  # noqa: S608
        f"(SELECT name, status FROM {_SOURCE} ORDER BY name, status LIMIT 1) "
        "UNION ALL SELECT following.name, following.status FROM kind CROSS JOIN LATERAL ("
        f"SELECT name, status FROM {_SOURCE} AND (name, status) > (kind.name, kind.status) "
        "ORDER BY name, status LIMIT 1) AS following"
        ") SELECT name, status FROM kind LIMIT $1"
    )
    return [(row[0], row[1]) for row in await reader.rows(sql, KINDS_MAX)]


async def before(reader: Reader, name: str, status: str, before_ms: int, limit: int) -> list[Ended]:
    """Return those that ended before a time, the longest ended first."""
    sql = (
        f"SELECT id::text, version FROM {_SOURCE} AND name = $1 AND status = $2 AND ended_ms < $3 "  # noqa: S608
        "ORDER BY ended_ms, id LIMIT $4"
    )
    return [Ended(*row) for row in await reader.rows(sql, clean(name), status, before_ms, limit)]


async def count(reader: Reader, name: str, status: str, before_ms: int) -> tuple[int, int]:
    """Return how many ended before a time, and when the first of them did."""
    sql = (
        "SELECT count(*), coalesce(min(ended_ms), 0) FROM (SELECT ended_ms "  # noqa: S608
        f"FROM {_SOURCE} AND name = $1 AND status = $2 AND ended_ms < $3 ORDER BY ended_ms LIMIT $4) AS found"
    )
    rows = await reader.rows(sql, clean(name), status, before_ms, COUNTED_MAX)
    return rows[0][0], rows[0][1]
