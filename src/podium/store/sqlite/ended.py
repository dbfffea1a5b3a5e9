"""Ended workflows without a parent, by name, status and time: what retention asks. Read in the threads of scans."""

from podium.store.records import Ended
from podium.store.sqlite.reader import Reader

KINDS_MAX = 10_000
COUNTED_MAX = 1_000_000

# SQLite can't tell a partial index from bound values, and knows nothing of how many rows there are: it is told.
_SOURCE = "workflow INDEXED BY workflow_ended WHERE ended_ms > 0 AND parent_id IS NULL"


def kinds(reader: Reader) -> list[tuple[str, str]]:
    """Return name and status of all, each pair once, by jumps from one pair to the next."""
    sql = f"SELECT name, status FROM {_SOURCE} AND (name, status) > (?, ?) ORDER BY name, status LIMIT 1"  # noqa: S608
    found: list[tuple[str, str]] = []
    last = ("", "")
    with reader.snapshot():
        while len(found) < KINDS_MAX and (rows := reader.rows(sql, last)):
            last = rows[0]
            found.append(last)
    return found


def before(reader: Reader, name: str, status: str, before_ms: int, limit: int) -> list[Ended]:
    """Return those that ended before a time, the longest ended first."""
    sql = (
        f"SELECT id, version FROM {_SOURCE} AND name = ? AND status = ? AND ended_ms < ? "  # noqa: S608
        "ORDER BY ended_ms, row LIMIT ?"
    )
    return [Ended(*row) for row in reader.rows(sql, (name, status, before_ms, limit))]


def count(reader: Reader, name: str, status: str, before_ms: int) -> tuple[int, int]:
    """Return how many ended before a time, and when the first of them did."""
    sql = (
        "SELECT count(*), coalesce(min(ended_ms), 0) FROM (SELECT ended_ms "  # noqa: S608
        f"FROM {_SOURCE} AND name = ? AND status = ? AND ended_ms < ? ORDER BY ended_ms LIMIT ?)"
    )
    found: tuple[int, int] = reader.rows(sql, (name, status, before_ms, COUNTED_MAX))[0]
    return found
