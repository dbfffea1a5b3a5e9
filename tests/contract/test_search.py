"""Search: every adapter finds what the reference finds, and the reference finds what the language says."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.model.ids import task_id
from podium.store import Store
from podium.store.query import FIELDS, Condition, Filter, Group, Kind, Search, parse

WORKFLOWS: list[dict[str, Any]] = [
    {"name": "order", "status": "RUNNING", "created_ms": 100, "correlation_id": "C_1", "priority": 5},
    {
        "name": "Order",
        "status": "COMPLETED",
        "created_ms": 200,
        "ended_ms": 260,
        "reason": "100% done",
        "def_version": 2,
    },
    {"name": "bill", "status": "FAILED", "created_ms": 300, "ended_ms": 310, "failed_refs": ["a", "b"], "event": "e"},
    {
        "name": "bill",
        "status": "PAUSED",
        "created_ms": 300,
        "parent_id": "p",
        "created_by": "me",
        "idempotency_key": "k",
    },
    {
        "name": "órden*",
        "status": "TIMED_OUT",
        "created_ms": 50,
        "updated_ms": 9,
        "ended_ms": 60,
        "correlation_id": "c_1",
    },
    {
        "name": "it's",
        "status": "TERMINATED",
        "created_ms": 400,
        "ended_ms": 400,
        "failed_names": ["x"],
        "reason": "a\\b",
    },
]
TASKS: list[dict[str, Any]] = [
    {"status": "COMPLETED", "scheduled_ms": 10, "started_ms": 15, "ended_ms": 40, "output": b'{"city":"K\xc3\xb6ln"}'},
    {
        "status": "FAILED",
        "scheduled_ms": 41,
        "started_ms": 42,
        "ended_ms": 45,
        "reason": "boom",
        "name": "ship",
        "type": "HTTP",
    },
    {"status": "SCHEDULED", "scheduled_ms": 46, "domain": "eu", "input": b'{"note":"Fragile"}'},
]


async def fill(store: Store, make: Any) -> list[str]:
    """Store the workflows, each with the tasks, and return their ids."""
    workflows = [
        make.workflow(**fields, payload=b'{"color":"Red"}' if not n else b"{}") for n, fields in enumerate(WORKFLOWS)
    ]
    workflows[1].output = b'{"total":42}'
    for workflow in workflows:
        await store.commit([make.start(workflow, *(make.task(seq, **fields) for seq, fields in enumerate(TASKS, 1)))])
    return [workflow.id for workflow in workflows]


@pytest.fixture
def found(run: Any, make: Any) -> Callable[..., tuple[int, list[Any]]]:
    """Return the total and the places of the hits: of workflows (0, 1, …), or of tasks (workflow, seq)."""

    def found(kind: Kind, query: str = "", **options: Any) -> tuple[int, list[Any]]:
        async def scenario(store: Store) -> tuple[int, list[Any]]:
            ids = await fill(store, make)
            search = parse(kind, query=query.format(*ids), **options)
            if kind == "workflow":
                page = await store.search_workflows(search)
                return page.total, [ids.index(row.head.id) for row in page.rows]
            tasks = await store.search_tasks(search)
            return tasks.total, [(ids.index(row.head.id), row.task.seq) for row in tasks.rows]

        answer: tuple[int, list[Any]] = run(scenario)
        return answer

    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("workflowType='order'", [0]),
        ("workflowType = order", [0]),
        ("workflowType='ORDER'", []),
        ("workflowType='ORD*'", [0, 1]),
        ("workflowType!='*D*R'", [2, 3, 4, 5]),
        ("workflowType IN (order, bill)", [0, 2, 3]),
        ("workflowType STARTS_WITH 'b'", [2, 3]),
        ("workflowType STARTS_WITH 'B'", []),
        ('workflowType="it\'s"', [5]),
        ("workflowType IN ('órden*')", [4]),
        ("workflowType > 'it'", [0, 4, 5]),
        ("status IN (RUNNING,PAUSED)", [0, 3]),
        ("status=RUNNING AND workflowType=order", [0]),
        ("status=FAILED", [2]),
        ("status IN (FAILED, COMPLETED)", [1, 2]),
        ("status != COMPLETED AND status != FAILED", [0, 3, 4, 5]),
        ("status=running", []),
        ('workflowId="{3}"', [3]),
        ("workflowId IN ({1},{2})", [1, 2]),
        ("correlationId=C_1", [0]),
        ("correlationId='C_*'", [0, 4]),
        ("correlationId='CX*'", []),
        ('correlationId=""', [1, 2, 3, 5]),
        ('correlationId IN ("", C_1)', [0, 1, 2, 3, 5]),
        ("correlationId != C_1", [1, 2, 3, 4, 5]),
        ("correlationId IS NULL AND workflowType=bill", [2, 3]),
        ("correlationId IS NOT NULL", [0, 4]),
        ('parentWorkflowId=""', [0, 1, 2, 4, 5]),
        ("parentWorkflowId=p", [3]),
        ("startTime>100", [1, 2, 3, 5]),
        ("startTime>=100 AND startTime<300", [0, 1]),
        ("startTime BETWEEN 100 AND 200", [0, 1]),
        ("startTime < '1970-01-01T00:00:00.100Z'", [4]),
        ("endTime<100", [4]),
        ("endTime=0", [0, 3]),
        ("endTime IS NULL", [0, 3]),
        ("endTime IS NOT NULL", [1, 2, 4, 5]),
        ("endTime != 0 OR priority=5", [0, 1, 2, 4, 5]),
        ("endTime BETWEEN 0 AND 300", [1, 4]),
        ("updateTime<10", [4]),
        ("modifiedTime<10", [4]),
        ("executionTime>50", [1]),
        ("executionTime=0", [0, 3, 5]),
        ("priority=5", [0]),
        ("version>1", [1]),
        ("version IS NULL", []),
        ("reasonForIncompletion='100%*'", [1]),
        ("reasonForIncompletion='1%*'", []),
        ("reasonForIncompletion='a\\\\b'", [5]),
        ("reasonForIncompletion='*\\\\b'", [5]),
        ("event=e", [2]),
        ("createdBy=me", [3]),
        ("idempotencyKey IN (k)", [3]),
        ("failedReferenceTaskNames='*b*'", [2]),
        ("failedTaskNames=x", [5]),
        ("classifier=workflow AND priority=5", [0]),
        ("classifier=agent", []),
        ("status=RUNNING OR status=FAILED AND workflowType=order", [0]),
        ("(status=RUNNING OR status=FAILED) AND workflowType=bill", [2]),
        ("workflow_type=bill AND start_time=300", [2, 3]),
    ],
)
def test_workflows_are_found(found: Any, query: str, expected: list[int]) -> None:
    assert found("workflow", query) == (len(expected), expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=FAILED", [(n, 2) for n in range(6)]),
        ("taskType IN (HTTP)", [(n, 2) for n in range(6)]),
        ("taskDefName IN (ship) AND workflowType=order", [(0, 2)]),
        ("workflowId={2} AND status=SCHEDULED", [(2, 3)]),
        ("correlationId=C_1", [(0, 1), (0, 2), (0, 3)]),
        ("domain=eu AND startTime IS NULL AND workflowPriority=5", [(0, 3)]),
        ("queueWaitTime=5 AND workflowType=Order", [(1, 1)]),
        ("executionTime>3 AND workflowType=Order", [(1, 1)]),
        ("scheduledTime>45 AND workflowType=Order", [(1, 3)]),
        ("reasonForIncompletion=boom AND workflowType=Order", [(1, 2)]),
        ("endTime BETWEEN 40 AND 44 AND workflowType=Order", [(1, 1)]),
        ("updateTime=0 AND workflowId={1}", [(1, 1), (1, 2), (1, 3)]),
        ("taskId=unknown", []),
        ("taskId STARTS_WITH 'unknown'", []),
    ],
)
def test_tasks_are_found(found: Any, query: str, expected: list[tuple[int, int]]) -> None:
    assert found("task", query) == (len(expected), expected)


def test_a_task_is_found_by_its_id(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        ids = await fill(store, make)
        names = [task_id(ids[1], 2), task_id(ids[4], 1)]
        many = ",".join([*names, *(task_id(ids[5], seq) for seq in range(100, 240))])
        for query in (
            f"taskId IN ({many})",
            f"taskId IN ({names[1]},{names[0]})",
            f"taskId STARTS_WITH '{names[0]}' OR taskId='{names[1]}'",
        ):
            page = await store.search_tasks(parse("task", query=query))

            assert [(row.head.id, row.task.seq) for row in page.rows] == [(ids[1], 2), (ids[4], 1)]
        page = await store.search_tasks(parse("task", query=f"taskId='{names[1]}'"))
        assert [(row.head.id, row.task.seq) for row in page.rows] == [(ids[4], 1)]

    run(scenario)


def test_a_task_that_failed_once_is_found_by_its_status_of_now(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow, removed, task = make.workflow(), make.workflow(), make.task()
        for each in (workflow, removed):
            await store.commit([make.start(each, make.task(1), make.task(2, status="TIMED_OUT"))])
        await store.commit([make.step(workflow, make.task(1, status="FAILED")), make.step(removed, removed=True)])
        failed = parse("task", query="status IN (FAILED, TIMED_OUT)")
        assert [row.task.seq for row in (await store.search_tasks(failed)).rows] == [1, 2]

        await store.commit([make.step(workflow, task, deleted=[2])])
        assert (await store.search_tasks(failed)).total == 0

    run(scenario)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("*", [0, 1, 2, 3, 4, 5]),
        ("order", [0, 1]),
        ("ÓRDEN", [4]),
        ("red", [0]),
        ("*total*42", [1]),
        ("42*total", []),
        ('"100% done"', [1]),
        ("nowhere", []),
    ],
)
def test_free_text_is_found_in_any_case(found: Any, text: str, expected: list[int]) -> None:
    assert found("workflow", text=text) == (len(expected), expected)


def test_free_text_is_found_in_tasks(found: Any) -> None:
    assert found("task", "workflowType=bill", text="KÖLN") == (2, [(2, 1), (3, 1)])
    assert found("task", "workflowId={1}", text="fragile") == (1, [(1, 3)])
    assert found("task", text="it's")[0] == 3


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", [0, 1, 2, 3, 4, 5]),
        ("startTime:ASC", [4, 0, 1, 2, 3, 5]),
        ("startTime:DESC", [5, 3, 2, 1, 0, 4]),
        ("workflowType:ASC|startTime:DESC", [1, 3, 2, 5, 0, 4]),
        ("status:DESC|workflowId:ASC", [4, 5, 0, 3, 2, 1]),
        ("parentWorkflowId:DESC|startTime:ASC", [3, 4, 0, 1, 2, 5]),
        ("executionTime:desc|workflowId:asc", [1, 2, 4, 0, 3, 5]),
    ],
)
def test_hits_are_sorted(found: Any, sort: str, expected: list[int]) -> None:
    assert found("workflow", sort=sort) == (6, expected)


def test_tasks_are_sorted(found: Any) -> None:
    assert found("task", "workflowType=bill", sort="scheduledTime:DESC|workflowId:ASC", size=3)[1] == [
        (2, 3),
        (3, 3),
        (2, 2),
    ]
    assert found("task", sort="workflowType:DESC", size=2)[1] == [(4, 3), (4, 2)]


def test_hits_come_in_pages_with_the_total(found: Any) -> None:
    assert found("workflow", start=1, size=2) == (6, [1, 2])
    assert found("workflow", start=5, size=2) == (6, [5])
    assert found("workflow", start=6, size=2) == (6, [])
    assert found("workflow", size=0) == (6, [])
    assert found("task", start=17, size=5) == (18, [(5, 3)])


def test_hits_carry_payloads_when_asked(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        await fill(store, make)
        bare = await store.search_workflows(parse("workflow"))
        full = await store.search_workflows(parse("workflow", payloads=True))

        assert (bare.rows[0].input, bare.rows[1].output) == (b"{}", b"{}")
        assert (full.rows[0].input, full.rows[0].output) == (b'{"color":"Red"}', b"{}")
        assert (full.rows[1].input, full.rows[1].output) == (b"{}", b'{"total":42}')

    run(scenario)


def test_a_query_of_a_thousand_conditions_is_answered(found: Any) -> None:
    assert found("workflow", " OR ".join(["event=e"] * 900)) == (1, [2])
    assert found("workflow", "workflowType IN (" + "order," * 999 + "bill)") == (3, [0, 2, 3])


TEXTS = [
    "",
    "order",
    "Order",
    "bill",
    "órden*",
    "RUNNING",
    "FAILED",
    "C_1",
    "c_1",
    "a,b",
    "x",
    "100% done",
    "a\\b",
    "it's",
    "workflow",
]
NUMBERS = [-1, 0, 1, 2, 5, 9, 10, 42, 45, 60, 100, 200, 300, 400, 10_000]
PATTERNS = ["*", "*r*", "O*R", "C_*", "%*", "*\\*", "*1", "a*b", "ó*"]


def conditions(kind: Kind) -> st.SearchStrategy[Condition]:
    return st.sampled_from(sorted(FIELDS[kind])).flatmap(lambda field: condition_of(kind, field))


def condition_of(kind: Kind, field: str) -> st.SearchStrategy[Condition]:
    is_text = FIELDS[kind][field] == "text"
    value = st.sampled_from(TEXTS if is_text else NUMBERS)
    one = st.builds(Condition, st.just(field), st.sampled_from(["=", "!=", ">", ">=", "<", "<="]), st.tuples(value))
    some = st.builds(Condition, st.just(field), st.just("IN"), st.lists(value, min_size=1, max_size=4).map(tuple))
    span = st.builds(Condition, st.just(field), st.just("BETWEEN"), st.tuples(value, value))
    null = st.builds(Condition, st.just(field), st.sampled_from(["IS NULL", "IS NOT NULL"]), st.just(()))
    like = st.builds(
        Condition, st.just(field), st.sampled_from(["LIKE", "NOT LIKE"]), st.tuples(st.sampled_from(PATTERNS))
    )
    prefix = st.builds(Condition, st.just(field), st.just("STARTS_WITH"), st.tuples(value))
    return one | some | span | null | like | prefix if is_text else one | some | span | null


def filters(kind: Kind) -> st.SearchStrategy[Filter]:
    return st.recursive(
        conditions(kind),
        lambda part: st.builds(
            Group, st.sampled_from(["AND", "OR"]), st.lists(part, min_size=2, max_size=4).map(tuple)
        ),
        max_leaves=6,
    )


def searches(kind: Kind) -> st.SearchStrategy[Search]:
    sort = st.lists(st.tuples(st.sampled_from(sorted(FIELDS[kind])), st.booleans()), max_size=3).map(tuple)
    text = st.sampled_from([(), ("order",), ("b",), ("köln",)])
    return st.builds(
        Search,
        st.just(kind),
        st.none() | filters(kind),
        text,
        sort,
        st.integers(0, 4),
        st.integers(0, 20),
        st.booleans(),
    )


@pytest.mark.parametrize("kind", ["workflow", "task"])
def test_all_adapters_find_the_same(run_all: Any, make: Any, kind: Kind) -> None:
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(searches(kind), min_size=10, max_size=10))
    def all_find_the_same(several: list[Search]) -> None:
        wanted.append(several)

    wanted: list[list[Search]] = []
    all_find_the_same()

    async def scenario(store: Store) -> list[Any]:
        await fill(store, type(make)())
        ask = store.search_workflows if kind == "workflow" else store.search_tasks
        return [await ask(search) for several in wanted for search in several]

    reference, *others = run_all(scenario)
    for answers in others:
        for search, expected, answer in zip(
            (s for several in wanted for s in several), reference, answers, strict=True
        ):
            assert answer == expected, search
