"""How statements are carried out: by which index, and for how long."""

from collections.abc import Callable
from typing import Any

import pytest

from podium.model.errors import InvalidRequest
from podium.store.query import parse
from podium.store.sqlite import SqliteStore, listing, reader, scans
from podium.store.sqlite.reader import Reader
from podium.store.sqlite.search import search_tasks, search_workflows


class Watched(Reader):
    """Keeps the plan of every statement."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.plans: list[str] = []

    def rows(self, sql: str, values: Any = ()) -> list[Any]:
        if sql.startswith("SELECT"):
            steps = super().rows("EXPLAIN QUERY PLAN " + sql, values)
            self.plans.append("; ".join(step[3] for step in steps))
        return super().rows(sql, values)


POINT_READS: list[Callable[[Reader], Any]] = [
    lambda reader: reader.load(["x"]),
    lambda reader: reader._load(reader.value("SELECT id FROM workflow WHERE row = 1")),
    lambda reader: reader.tasks("x", 0, 0),
    lambda reader: reader.task("x", 1),
    lambda reader: reader.size(["x"]),
    lambda reader: reader.logs("x", 1),
    lambda reader: reader.ready("pack", 1, 1),
    lambda reader: reader.next_visible_ms("pack", 0),
    lambda reader: reader.due(1, 1),
    lambda reader: reader.next_wake_ms(0),
    lambda reader: reader.messages(0, 1),
    lambda reader: reader.documents("k"),
    lambda reader: listing.running_ids(reader, "order", 1, 0, 0),
    lambda reader: listing.correlated(reader, "order", ["c"], closed=True),
    lambda reader: listing.open_tasks(reader, "pack", 0, 10),
    lambda reader: listing.event_executions(reader, "h", 1),
    lambda reader: search_tasks(reader, parse("task", query="workflowId=x")),
    lambda reader: search_tasks(reader, parse("task", query="taskId=00000000-0000-8000-8000-000000000001")),
    lambda reader: search_workflows(reader, parse("workflow", query="workflowId IN (a,b)")),
    lambda reader: search_workflows(reader, parse("workflow", query="correlationId=c AND status=RUNNING")),
    lambda reader: search_workflows(reader, parse("workflow", query="idempotencyKey=k")),
    lambda reader: search_workflows(reader, parse("workflow", query="parentWorkflowId=k")),
    lambda reader: search_workflows(reader, parse("workflow", query="workflowType=order AND startTime>5")),
    lambda reader: search_workflows(reader, parse("workflow", query="status IN (FAILED)", sort="startTime:DESC")),
    lambda reader: search_workflows(reader, parse("workflow", query="workflowType=order AND status=RUNNING")),
]


@pytest.mark.parametrize("number", range(len(POINT_READS)))
def test_reads_by_key_scan_no_table(run: Any, rows: Any, number: int) -> None:
    async def scenario(store: SqliteStore) -> list[str]:
        await store.commit([rows.start(rows.workflow(1, wake_ms=1))])
        watched = Watched(store._writer.connection)
        POINT_READS[number](watched)
        return watched.plans

    plans = run(scenario)

    assert plans
    assert [
        plan
        for plan in plans
        if "SCAN" in plan.replace("SCAN CONSTANT ROW", "") and "USING INDEX workflow_wake" not in plan
    ] == []


@pytest.mark.parametrize(
    ("query", "sort", "index"),
    [
        ("", "startTime:DESC", "workflow_created"),
        ("status=COMPLETED", "startTime:DESC", "workflow_created"),
        ("workflowType=order", "startTime:DESC", "workflow_name"),
        ("workflowType=order AND status=RUNNING", "startTime:DESC", "workflow_status"),
        ("status=FAILED", "startTime:ASC", "workflow_status"),
    ],
)
def test_the_usual_lists_are_read_in_order(run: Any, rows: Any, query: str, sort: str, index: str) -> None:
    async def scenario(store: SqliteStore) -> list[str]:
        await store.commit([rows.start(rows.workflow(1, status="FAILED")), rows.start(rows.workflow(2))])
        workflow = rows.workflow(3, status="COMPLETED")
        await store.commit([rows.start(workflow)])
        watched = Watched(store._writer.connection)
        search_workflows(watched, parse("workflow", query=query, sort=sort))
        return watched.plans

    _, plan, *_ = run(scenario)  # of the count, of the page, of each row

    assert index in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan


def test_a_search_that_takes_too_long_is_stopped(run: Any, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "OPERATIONS_BETWEEN_LOOKS", 1)

    async def scenario(store: SqliteStore) -> None:
        await store.commit([rows.start(rows.workflow(number)) for number in range(10)])
        with monkeypatch.context() as patched:
            patched.setattr(scans, "SEARCH_MS_MAX", 0)
            searches = (
                store.search_workflows(parse("workflow", text="a")),
                store.search_tasks(parse("task", text="a")),
            )
            for search in searches:
                with pytest.raises(InvalidRequest, match="took more than 0 s and was stopped: narrow it"):
                    await search

        assert (await store.search_workflows(parse("workflow"))).total == 10
        assert len(await store.running_ids("order", 1)) == 10

    run(scenario)
