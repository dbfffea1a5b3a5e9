"""Logs, lists of workflows, documents, definitions and event executions."""

import asyncio
from typing import Any

import pytest

from podium.model.ids import task_id
from podium.model.status import COMPLETED, FAILED, PAUSED, RUNNING
from podium.model.task import TaskLog
from podium.store import Store
from podium.store.records import Document, EventExecution


def test_logs_are_kept_in_order_and_named_for_their_task(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        await store.commit(
            [make.start(workflow, make.task(), logs=[(1, TaskLog("b", createdTime=9)), (2, TaskLog("other"))])]
        )
        await store.add_logs(workflow.id, 1, [TaskLog("a", "wrong id", 5), TaskLog("c", "", 1)])
        await store.add_logs(workflow.id, 1, [])

        name = task_id(workflow.id, 1)
        assert await store.logs(workflow.id, 1) == [TaskLog("b", name, 9), TaskLog("a", name, 5), TaskLog("c", name, 1)]
        assert [log.log for log in await store.logs(workflow.id, 2)] == ["other"]
        assert await store.logs(workflow.id, 3) == []

    run(scenario)


def test_logs_of_an_unknown_task_are_kept(run: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.add_logs("unknown", 0, [TaskLog("line")])

        assert [log.log for log in await store.logs("unknown", 0)] == ["line"]

    run(scenario)


def test_the_newest_ten_thousand_log_lines_are_kept(run: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.add_logs("w", 1, [TaskLog(str(number)) for number in range(9_999)])
        await store.add_logs("w", 1, [TaskLog(str(number)) for number in range(9_999, 10_005)])
        await store.add_logs("w", 2, [TaskLog("other")])

        lines = [log.log for log in await store.logs("w", 1)]
        assert lines == [str(number) for number in range(5, 10_005)]

    run(scenario)


def test_open_workflows_of_a_definition_are_listed(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        late = make.workflow(created_ms=30)
        early = make.workflow(created_ms=10, status="PAUSED")
        second = make.workflow(created_ms=20, def_version=2)
        others = [make.workflow(status="COMPLETED"), make.workflow("other")]
        await store.commit([make.start(each) for each in (late, early, second, *others)])

        assert await store.running_ids("order", 1) == [early.id, late.id]
        assert await store.running_ids("order", 2) == [second.id]
        assert await store.running_ids("order", 0) == [early.id, second.id, late.id]
        assert await store.running_ids("order", 0, from_ms=20) == [second.id, late.id]
        assert await store.running_ids("order", 0, to_ms=20) == [early.id, second.id]
        assert await store.running_ids("order", 0, from_ms=11, to_ms=29) == [second.id]
        assert await store.running_ids("unknown", 1) == []

    run(scenario)


def test_workflows_are_found_by_correlation_id(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        first, second = make.workflow(correlation_id="a"), make.workflow(correlation_id="a", status="FAILED")
        third = make.workflow("other", correlation_id="a")
        await store.commit([make.start(each) for each in (first, second, third, make.workflow())])

        assert await store.correlated("order", ["a", "b"], closed=False) == {"a": [first.id], "b": []}
        assert await store.correlated("order", ["a"], closed=True) == {"a": [first.id, second.id]}
        assert await store.correlated("order", [], closed=True) == {}

        first.head.correlation_id, first.head.status = "b", "COMPLETED"
        await store.commit([make.step(first)])
        assert await store.correlated("order", ["a", "b"], closed=True) == {"a": [second.id], "b": [first.id]}
        assert await store.correlated("order", ["a", "b"], closed=False) == {"a": [], "b": []}

    run(scenario)


def test_the_latest_workflow_of_an_idempotency_key_is_found(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflows = [make.workflow(idempotency_key="k") for _ in range(2)]
        other = make.workflow("other", idempotency_key="k")
        await store.commit([make.start(each) for each in (*workflows, other)])

        assert await store.by_idempotency_key("order", "k") == workflows[1].id
        assert await store.by_idempotency_key("other", "k") == other.id
        assert await store.by_idempotency_key("order", "unknown") is None

    run(scenario)


def test_the_first_claim_of_a_key_says_which_id_is_used(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        assert await store.claim_key("order", "k", "a", "") == "a"
        assert await store.claim_key("order", "k", "b", "") == "a"
        assert await store.claim_key("other", "k", "c", "") == "c"
        assert await store.claim_key("order", "k", "d", "a") == "d"
        assert await store.claim_key("order", "k", "e", "a") == "d"

    run(scenario)


def test_tasks_in_progress_are_counted_by_name(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        first, second = make.workflow(), make.workflow()
        await store.commit(
            [
                make.start(first, make.task(1, status="IN_PROGRESS"), make.task(2), make.task(3, status="COMPLETED")),
                make.start(second, make.task(1, status="IN_PROGRESS"), make.task(2, status="IN_PROGRESS", name="ship")),
                make.start(make.workflow(), make.task(1, status="IN_PROGRESS", type="HUMAN", runs="engine")),
            ]
        )

        assert await store.in_progress_counts(["pack", "ship", "none"]) == {"pack": 2, "ship": 1, "none": 0}
        assert await store.in_progress_counts([]) == {}

    run(scenario)


def test_documents_are_kept_by_kind_name_and_version(run: Any) -> None:
    async def scenario(store: Store) -> None:
        documents = [
            Document("workflow_def", name, version, b"{}", 5) for name, version in (("b", 1), ("a", 10), ("a", 9))
        ]
        for document in (*documents, Document("task_def", "a", 0, b"[]")):
            assert await store.put_document(document) is True

        assert await store.documents("workflow_def") == [documents[2], documents[1], documents[0]]
        assert await store.documents("unknown") == []
        assert await store.document("workflow_def", "a", 9) == documents[2]
        assert await store.document("task_def", "a") == Document("task_def", "a", 0, b"[]")
        assert await store.document("workflow_def", "a") is None

    run(scenario)


def test_a_document_is_replaced_only_when_that_is_wanted(run: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.put_document(Document("k", "n", 1, b"1", 1))

        assert await store.put_document(Document("k", "n", 1, b"2", 2), replace=False) is False
        assert await store.documents("k") == [Document("k", "n", 1, b"1", 1)]
        assert await store.put_document(Document("k", "n", 1, b"3", 3)) is True
        assert await store.documents("k") == [Document("k", "n", 1, b"3", 3)]
        assert await store.put_document(Document("k", "n", 2, b"4"), replace=False) is True

    run(scenario)


def test_a_document_is_deleted_once(run: Any) -> None:
    async def scenario(store: Store) -> None:
        for version in (0, 1):
            await store.put_document(Document("k", "n", version, b""))

        assert await store.delete_document("k", "n", 1) is True
        assert await store.delete_document("k", "n", 1) is False
        assert [document.version for document in await store.documents("k")] == [0]
        assert await store.delete_document("k", "n") is True
        assert await store.delete_document("k", "other") is False

    run(scenario)


def test_a_document_is_swapped_only_for_the_one_that_was_seen(run: Any) -> None:
    async def scenario(store: Store) -> None:
        assert await store.swap_document(Document("k", "n", 1, b"1", 1), b"0") is False
        assert await store.swap_document(Document("k", "n", 1, b"1", 1), None) is True
        assert await store.swap_document(Document("k", "n", 1, b"2", 2), None) is False
        assert await store.swap_document(Document("k", "n", 1, b"2", 2), b"other") is False
        assert await store.documents("k") == [Document("k", "n", 1, b"1", 1)]
        assert await store.swap_document(Document("k", "n", 1, b"2", 2), b"1") is True
        assert await store.documents("k") == [Document("k", "n", 1, b"2", 2)]

    run(scenario)


def test_of_many_swaps_for_one_document_one_succeeds(run: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.put_document(Document("k", "n", 1, b"0"))
        swaps = [store.swap_document(Document("k", "n", 1, b"%d" % number), b"0") for number in range(1, 11)]

        assert sum(await asyncio.gather(*swaps)) == 1

    run(scenario)


def test_the_stamp_of_a_kind_changes_with_each_change_of_its_documents(run: Any) -> None:
    async def scenario(store: Store) -> None:
        kinds, seen = ["a", "b"], [{}]

        async def changes(kind: str) -> bool:
            seen.append(await store.document_stamps(kinds))
            other = "b" if kind == "a" else "a"
            return seen[-1].get(kind) != seen[-2].get(kind) and seen[-1].get(other) == seen[-2].get(other)

        assert await store.document_stamps(kinds) == {}
        await store.put_document(Document("a", "x", 1, b"1", 5))
        assert await changes("a")
        await store.put_document(Document("a", "x", 1, b"2", 6))
        assert await changes("a")
        await store.put_document(Document("b", "x", 1, b"2", 6))
        assert await changes("b")
        await store.put_document(Document("a", "x", 1, b"22", 6))  # within the same millisecond
        assert await changes("a")
        await store.delete_document("a", "x", 1)
        assert await changes("a")
        await store.put_document(Document("c", "x", 1, b"2", 6))
        assert await store.document_stamps(kinds) == seen[-1]

    run(scenario)


def test_a_definition_is_kept_under_its_hash(run: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.put_definition("hash", b"body")
        await store.put_definition("hash", b"never")

        assert await store.definition("hash") == b"body"
        assert await store.definition("unknown") is None

    run(scenario)


def test_an_event_execution_is_recorded_once(run: Any) -> None:
    async def scenario(store: Store) -> None:
        executions = [
            EventExecution(str(n), handler, "kafka:x", "m", "start_workflow", "COMPLETED", n, b'{"n":1}')
            for n, handler in enumerate(("a", "b", "a", "a"))
        ]
        assert [await store.add_event_execution(execution) for execution in executions] == [True] * 4
        assert await store.add_event_execution(executions[0]) is False

        assert await store.event_executions("a", 2) == [executions[3], executions[2]]
        assert await store.event_executions("", 10) == executions[::-1]
        assert await store.event_executions("unknown", 10) == []
        changed = EventExecution("0", "a", "kafka:x", "m", "start_workflow", "FAILED", 0)
        assert await store.add_event_execution(changed, replace=True) is True
        assert await store.event_execution("0") == changed
        assert await store.event_execution("none") is None

    run(scenario)


def test_old_event_executions_are_dropped_from_the_oldest_on(run: Any) -> None:
    async def scenario(store: Store) -> None:
        for n in range(5):
            await store.add_event_execution(EventExecution(str(n), "h", "e:x", "m", "a", "COMPLETED", n))

        assert await store.drop_event_executions(3, 2) == 2
        assert await store.drop_event_executions(3, 10) == 1
        assert await store.drop_event_executions(3, 10) == 0

        assert [one.id for one in await store.event_executions("", 10)] == ["4", "3"]

    run(scenario)


@pytest.mark.parametrize("stretch", [1, 2, 100])
def test_open_workflows_are_counted_by_definition(
    run: Any, make: Any, stretch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("podium.store.sqlite.listing.STRETCH", stretch)
    heads = [("a", RUNNING), ("b", RUNNING), ("b", PAUSED), ("b", COMPLETED), ("c", FAILED), ("d", RUNNING)]

    async def scenario(store: Store) -> None:
        assert await store.open_counts(10) == {}
        await store.commit([make.start(make.workflow(name, status=status)) for name, status in heads])

        assert await store.open_counts(10) == {"a": 1, "b": 2, "d": 1}
        assert await store.open_counts(2) == {"a": 1, "b": 2}

    run(scenario)


def test_open_workflows_of_a_definition_are_listed_page_by_page(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        flows = [make.workflow(created_ms=1_000 + number // 7) for number in range(20)]
        others = [make.workflow(status=status) for status in ("PAUSED", "COMPLETED", "FAILED")]
        changes = [make.start(one) for one in (*flows, *others, make.workflow(name="other"))]
        assert all(await store.commit(changes))

        found: list[Any] = []
        while page := await store.open_heads("order", "RUNNING", found[-1] if found else None, 6):
            found += page

        assert [head.id for head in found] == [one.id for one in flows]
        assert [head.id for head in await store.open_heads("order", "PAUSED", None, 6)] == [others[0].id]

    run(scenario)
