"""The check of a database: gathers the facts in chunks in a reader's thread, and asks SQLite about its own file."""

from podium.store.check import Facts, faults
from podium.store.sqlite.reader import Reader
from podium.store.sqlite.rows import TASK_BITS, TASKS, decode_head, decode_task

CHUNK = 200
FAULTS_MAX = 100  # of each kind that is counted over the whole file

_ORPHANS = {
    "task": "key >> 24",
    "queue": "key >> 24",
    "payload": "key >> 2",
}


def check_file(reader: Reader) -> list[str]:
    """Return what SQLite finds wrong, and rows without a workflow. Reads the whole file."""
    found = [f"SQLite: {line}" for (line,) in reader.rows(f"PRAGMA integrity_check({FAULTS_MAX})") if line != "ok"]
    for table, row in _ORPHANS.items():
        sql = f"SELECT key FROM {table} WHERE NOT EXISTS (SELECT 1 FROM workflow WHERE row = {row}) LIMIT ?"  # noqa: S608
        found += [f"{table} {key} belongs to no workflow" for (key,) in reader.rows(sql, (FAULTS_MAX,))]
    return found


def check_chunk(reader: Reader, after: int) -> tuple[list[str], int]:
    """Return the faults of the next workflows, and the last key; 0 at the end. A chunk is seen in one state."""
    with reader.snapshot():
        heads = reader.rows(
            "SELECT row, version, body FROM workflow WHERE row > ? ORDER BY row LIMIT ?", (after, CHUNK)
        )
        found: list[str] = []
        for row, version, body in heads:
            facts = _facts(reader, row, body)
            found += faults(facts)
            if facts.head.version != version:
                found.append(f"workflow {facts.head.id}: its row has version {version}, its body {facts.head.version}")
    return found, heads[-1][0] if heads else 0


def _facts(reader: Reader, row: int, body: bytes) -> Facts:
    head = decode_head(body)
    span = (row << TASK_BITS, (row << TASK_BITS) + TASKS - 1)
    tasks = reader.rows(
        "SELECT body FROM task WHERE key BETWEEN ? AND ? AND status IN ('SCHEDULED', 'IN_PROGRESS') ORDER BY key", span
    )
    last: int = reader.value("SELECT coalesce(max(key), 0) FROM task WHERE key BETWEEN ? AND ?", span)
    queued = reader.rows("SELECT key, queue FROM queue WHERE key BETWEEN ? AND ?", span)
    return Facts(
        head,
        [decode_task(task) for (task,) in tasks],
        last & TASKS - 1,
        {key & TASKS - 1: queue for key, queue in queued},
        bool(reader.value("SELECT 1 FROM definition WHERE hash = ?", (head.def_hash,))),
        lambda name: reader.value("SELECT status FROM workflow WHERE id = ?", (name,)),
        lambda name: bool(reader.value("SELECT 1 FROM message WHERE target = ? LIMIT 1", (name,))),
    )
