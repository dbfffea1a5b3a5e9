"""What is on the path of a workflow touches one part of a database that is in parts: it names the workflow in each scan.

PostgreSQL itself says so: its server log has the plan of each statement, those within functions too.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from tests.contract.conftest import Make
from tests.postgres import Postgres

from podium.model.task import TaskLog
from podium.model.transition import Slot, SlotKind
from podium.store.postgres import PostgresStore
from podium.store.query import parse

TABLES = {"workflow", "payload", "task", "task_failed", "queue", "log", "slot"}
"""Those whose key begins with the id of a workflow."""

PLANS = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "enable_seqscan": "off",  # the tables are small, and in large ones it would not be chosen
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_material": "off",
}
NAMES_WORKFLOW = re.compile(r"\b(workflow_id|id) = ")
THE_LINE = re.compile(r"scope = .* AND \(line IS NOT NULL\)")
"""Of a commit that takes a slot of a limit: whoever waits for one may be anywhere."""
Scan = tuple[str, str, str]  # table, conditions, statement


class Watched:
    """A database that writes the plans of its statements down."""

    def __init__(self, postgres: Postgres) -> None:
        self._log = postgres.folder / "log"
        self.store = PostgresStore(postgres.url("parts"), 2)

    def scans(self, work: Callable[[PostgresStore], Awaitable[Any]]) -> list[Scan]:
        """Return the scans of the tables, of all that *work* does."""
        before = 0

        async def main() -> None:
            nonlocal before
            await self.store.open()
            before = self._log.stat().st_size
            try:
                await work(self.store)
            finally:
                await self.store.close()

        asyncio.run(main())
        text = self._log.read_bytes()[before:].decode()
        plans = [json.loads(one) for one in re.findall(r" plan:\n((?:\t.*\n)+)", text)]
        return [scan for plan in plans for scan in _scans(plan["Plan"], plan["Query Text"])]


def _scans(node: dict[str, Any], statement: str) -> Iterator[Scan]:
    if node["Node Type"].endswith("Scan") and node.get("Relation Name") in TABLES:
        conditions = [str(node[name]) for name in ("Index Cond", "Recheck Cond", "Filter", "TID Cond") if name in node]
        yield node["Relation Name"], " AND ".join(conditions), " ".join(statement.split())
    for below in node.get("Plans", ()):
        yield from _scans(below, statement)


@pytest.fixture(scope="module")
def watched(postgres: Postgres) -> Iterator[Watched]:
    postgres.execute("CREATE DATABASE parts")
    for name, value in PLANS.items():
        postgres.execute(f"ALTER DATABASE parts SET {name} = '{value}'")
    yield Watched(postgres)
    postgres.execute("DROP DATABASE parts WITH (FORCE)")


async def life(store: PostgresStore) -> None:
    """Let a workflow do everything that a commit can hold, and read it in every way."""
    make = Make()
    flow = make.workflow()
    slot = Slot("task pack", SlotKind.TAKE, 1, 5)
    queued = [make.queued(flow, 1)]
    await store.commit([make.start(flow, make.task(1), make.task(2), enqueued=queued, slots=[slot])])
    logs = [(1, TaskLog("line", f"{flow.id}", 5))]
    failed = make.task(1, status="FAILED")
    message = make.message("conductor:q", kind="event")
    change = make.step(flow, failed, dequeued={1}, logs=logs, messages=[message], output_changed=True)
    change.slots = [Slot("task pack", SlotKind.FREE, 1)]
    await store.commit([change])
    await store.commit([make.step(flow, make.task(3), deleted=[2], dequeued_all=True)])
    await store.load([flow.id])
    await store.versions([flow.id])
    await store.exists(flow.id)
    await store.tasks(flow.id)
    await store.task(flow.id, 1)
    await store.add_logs(flow.id, 1, [TaskLog("line", f"{flow.id}", 5)])
    await store.logs(flow.id, 1)
    await store.commit([make.step(flow, deleted_all=True)])
    removal = make.step(flow)
    removal.removed, removal.slots = True, [Slot("task pack", SlotKind.FREE_ALL)]
    await store.commit([removal])


def test_each_scan_on_the_path_of_a_workflow_names_it(watched: Watched) -> None:
    scans = watched.scans(life)

    assert {table for table, _, _ in scans} == TABLES
    others = [scan for scan in scans if not NAMES_WORKFLOW.search(scan[1])]
    assert [scan for scan in others if not THE_LINE.search(scan[1])] == []
    assert len(others) == 1


FAN_OUT: dict[str, tuple[str, Callable[[PostgresStore], Awaitable[Any]]]] = {
    "ready": ("a queue holds tasks of all workflows", lambda store: store.ready("pack", 5, 10)),
    "next_visible_ms": ("the same", lambda store: store.next_visible_ms("pack")),
    "due": ("wake-ups are of all workflows", lambda store: store.due(5, 10)),
    "next_wake_ms": ("the same", lambda store: store.next_wake_ms()),
    "next_in_line": ("a limit is over all workflows", lambda store: store.next_in_line(10)),
    "by_idempotency_key": ("the id is what is looked for", lambda store: store.by_idempotency_key("w", "k")),
    "correlated": ("the ids are what is looked for", lambda store: store.correlated("w", ["c"], closed=True)),
    "running_ids": ("the same", lambda store: store.running_ids("w", 1)),
    "search_workflows": ("a search", lambda store: store.search_workflows(parse("workflow", query="status = FAILED"))),
}


@pytest.mark.parametrize("name", FAN_OUT)
def test_what_looks_into_all_parts_is_listed_with_a_reason(watched: Watched, name: str) -> None:
    _, work = FAN_OUT[name]

    scans = watched.scans(work)

    assert any(not NAMES_WORKFLOW.search(conditions) for _, conditions, _ in scans)
