"""Claims of idempotency keys: nodes that start a workflow for one key at the same time all use the id of the first."""

from podium.store.postgres.reader import Reader
from podium.store.postgres.rows import clean

KEPT_MS = 3_600_000
DROPPED_MAX = 100  # with each claim

_NOW_MS = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_DROP = (
    "DELETE FROM key_claim WHERE (name, key) IN "  # noqa: S608
    f"(SELECT name, key FROM key_claim WHERE claimed_ms < {_NOW_MS} - $1 ORDER BY claimed_ms LIMIT $2 "
    "FOR UPDATE SKIP LOCKED)"
)
_CLAIM = (
    f"INSERT INTO key_claim AS held VALUES ($1, $2, $3, {_NOW_MS}) ON CONFLICT (name, key) DO UPDATE SET "  # noqa: S608
    "workflow_id = CASE WHEN held.workflow_id = $4 THEN excluded.workflow_id ELSE held.workflow_id END, "
    "claimed_ms = excluded.claimed_ms RETURNING workflow_id"
)


async def claim(reader: Reader, name: str, key: str, workflow_id: str, replaces: str) -> str:
    """Return the id to start with: *workflow_id*, or that of an earlier claim unless it is *replaces*."""
    await reader.change(_DROP, KEPT_MS, DROPPED_MAX)
    found: str = await reader.value(_CLAIM, clean(name), clean(key), workflow_id, replaces)
    return found
