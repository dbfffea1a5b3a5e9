"""What is on the path of a workflow touches one part of a database that is in parts: it names the workflow in each scan.

And it goes by an index, whatever the planner knew of the tables when it made the plan, which a session keeps. PostgreSQL
itself says so: its server log has the plan of each statement, those within functions too.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

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
}
NAMES_WORKFLOW = re.compile(r"\b(workflow_id|id) = ")
THE_LINE = re.compile(r"scope = .* AND \(line IS NOT NULL\)")
"""Of a commit that takes a slot of a limit: whoever waits for one may be anywhere."""
KEYS, FILTERS = ("Index Cond", "Recheck Cond", "TID Cond"), ("Filter",)


class Scan(NamedTuple):
    """How a statement reads a table."""

    table: str
    keys: str
    filters: str
    statement: str

    @property
    def conditions(self) -> str:
        """All that it says of the rows."""
        return f"{self.keys} AND {self.filters}"


class Watched:
    """A database that writes the plans of its statements down."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._log = postgres.folder / "log"
        self.store = PostgresStore(postgres.url("parts"), 2)

    def empty(self, *, is_analyzed: bool) -> None:
        """Make the tables empty and new; the planner takes new ones for small, and those it has counted for empty."""
        self.scans(_nothing)  # there are tables
        self._postgres.execute(f"TRUNCATE {', '.join(TABLES)}", "parts")
        if is_analyzed:
            self._postgres.execute("VACUUM ANALYZE", "parts")

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


async def _nothing(_: PostgresStore) -> None:
    pass


def _scans(node: dict[str, Any], statement: str) -> Iterator[Scan]:
    if node["Node Type"].endswith("Scan") and node.get("Relation Name") in TABLES:
        keys, filters = (" AND ".join(str(node[one]) for one in names if one in node) for names in (KEYS, FILTERS))
        yield Scan(node["Relation Name"], keys, filters, " ".join(statement.split()))
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

    assert {scan.table for scan in scans} == TABLES
    others = [scan for scan in scans if not NAMES_WORKFLOW.search(scan.conditions)]
    assert [scan for scan in others if not THE_LINE.search(scan.conditions)] == []
    assert len(others) == 1


async def hand_out(store: PostgresStore) -> None:
    """Let nodes look for tasks."""
    make = Make()
    flow = make.workflow()
    await store.commit([make.start(flow, make.task(1), make.task(2), enqueued=[make.queued(flow, 1)])])
    await store.visible_queues(["pack"], 5)
    for reserve_ms in (0, 1_000):
        await store.release(await store.ready("pack", 5, 10, reserve_ms))
    await store.due(5, 10)
    await store.pending([1])


@pytest.mark.parametrize("is_analyzed", [True, False], ids=["known to be empty", "nothing known"])
def test_no_step_walks_over_a_table_by_a_plan_from_when_it_was_empty(watched: Watched, *, is_analyzed: bool) -> None:
    watched.empty(is_analyzed=is_analyzed)

    scans = [*watched.scans(life), *watched.scans(hand_out)]

    assert [scan for scan in scans if not scan.keys] == []
    assert {scan.table for scan in scans} == TABLES


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

    assert any(not NAMES_WORKFLOW.search(scan.conditions) for scan in scans)
