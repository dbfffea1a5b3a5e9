"""Beats of nodes, and notices between them."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.conftest import empty_postgres, run_on

from podium.store import Store
from podium.store.memory import MemoryStore
from podium.store.records import NodeRow

DEAD_MS = 3_000
DEADLINE_S = 20.0

SHARED: dict[str, Callable[[pytest.FixtureRequest], Store]] = {
    "memory": lambda _: MemoryStore(is_shared=True),
    "postgres": empty_postgres,
}


@pytest.fixture(params=SHARED)
def run_shared(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Run a scenario with an empty store of each adapter that several nodes may use."""

    return lambda scenario: run_on(SHARED[request.param](request), scenario)


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_a_beat_tells_the_time_of_the_database_and_knows_the_node_itself(run: Any) -> None:
    async def scenario(store: Store) -> None:
        first = await store.beat(NodeRow("a", "http://a", "1.0"), DEAD_MS)
        second = await store.beat(NodeRow("a", "http://a", "1.0"), DEAD_MS)

        assert [(one.id, one.address, one.version) for one in second.nodes] == [("a", "http://a", "1.0")]
        assert second.now_ms >= first.now_ms > 1_600_000_000_000
        assert second.nodes[0].started_ms == first.nodes[0].started_ms
        assert second.nodes[0].beat_ms == second.now_ms

    run(scenario)


def test_a_node_learns_of_the_others_in_the_order_of_their_start(run_shared: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.beat(NodeRow("b"), DEAD_MS)
        now_ms = await store.now_ms()
        while await store.now_ms() == now_ms:
            pass
        seen = await store.beat(NodeRow("a"), DEAD_MS)

        assert [one.id for one in seen.nodes] == ["b", "a"]

    run_shared(scenario)


def test_a_node_that_has_stopped_or_does_not_beat_is_not_alive(run_shared: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.beat(NodeRow("stopped"), DEAD_MS)
        await store.beat(NodeRow("dead"), DEAD_MS)
        await store.forget_node("stopped")
        assert {one.id for one in (await store.beat(NodeRow("a"), DEAD_MS)).nodes} == {"a", "dead"}

        async with asyncio.timeout(DEADLINE_S):
            while len((await store.beat(NodeRow("a"), 20)).nodes) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    run_shared(scenario)


def test_who_listens_is_told_that_it_does_and_hears_each_notice(run: Any) -> None:
    async def scenario(store: Store) -> None:
        first: list[str | None] = []
        second: list[str | None] = []
        listeners = [asyncio.create_task(store.listen(first.append))]
        await until(lambda: first == [None])
        await store.notify("before")
        await until(lambda: "before" in first)
        if isinstance(store, MemoryStore):
            listeners.append(asyncio.create_task(store.listen(second.append)))
            await until(lambda: second == [None])
        await store.notify('{"topic": "ü"}')
        await until(lambda: first[1:] == ["before", '{"topic": "ü"}'])
        if isinstance(store, MemoryStore):
            await until(lambda: second[1:] == ['{"topic": "ü"}'])
        for listener in listeners:
            listener.cancel()
        await asyncio.gather(*listeners, return_exceptions=True)
        await store.notify("after")

        assert "after" not in first

    run(scenario)


def test_reserved_rows_are_left_to_their_node_until_the_time_has_passed_or_they_are_released(
    run_shared: Any, make: Any
) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        rows = [make.queued(workflow, seq, priority=seq % 2, visible_ms=seq) for seq in range(1, 7)]
        await store.commit([make.start(workflow, *(make.task(seq) for seq in range(1, 7)), enqueued=rows)])

        async def seqs(now_ms: int, limit: int, reserve_ms: int = 100) -> list[int]:
            return [row.seq for row in await store.ready("pack", now_ms, limit, reserve_ms)]

        assert await seqs(10, 2) == [1, 3]
        assert await seqs(10, 3) == [5, 2, 4]
        assert await seqs(10, 5) == [6]
        assert await seqs(10, 5) == []
        assert await seqs(10, 9, reserve_ms=0) == [1, 3, 5, 2, 4, 6]
        await store.release(rows[:2])
        assert await seqs(10, 5) == [1, 2]
        assert await seqs(110, 5) == [1, 3, 5, 2, 4]

    run_shared(scenario)


def test_a_row_that_is_queued_again_is_not_reserved(run_shared: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        await store.commit([make.start(workflow, make.task(), enqueued=[make.queued(workflow)])])
        assert len(await store.ready("pack", 10, 2, 100)) == 1
        await store.commit([make.step(workflow, enqueued=[make.queued(workflow)])])

        assert len(await store.ready("pack", 10, 2, 100)) == 1

    run_shared(scenario)


def test_visible_queues_are_those_with_something_to_claim(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        rows = [
            make.queued(workflow, 1, queue="later", visible_ms=50),
            make.queued(workflow, 2, queue="now", visible_ms=50, priority=9),
            make.queued(workflow, 3, queue="now", visible_ms=10, priority=1),
        ]
        await store.commit([make.start(workflow, *(make.task(seq) for seq in (1, 2, 3)), enqueued=rows)])

        assert await store.visible_queues(["later", "none", "now"], 10) == ["now"]
        assert sorted(await store.visible_queues(["later", "none", "now"], 50)) == ["later", "now"]
        assert await store.visible_queues([], 50) == []

    run(scenario)


def test_an_event_is_kept_for_one_node_at_a_time(run_shared: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        change = make.start(make.workflow(), messages=[make.message(kind="event")])
        await store.commit([change])
        message_id = change.messages[0].id

        assert await store.claim(message_id, "a", 60_000)
        assert not await store.claim(message_id, "b", 60_000)
        assert await store.claim(message_id, "a", 60_000)
        assert await store.claim(message_id, "b", 0)
        assert not await store.claim(message_id, "a", 60_000)
        await store.drop_messages([message_id])
        assert not await store.claim(message_id, "a", 60_000)

    run_shared(scenario)


def test_wake_ups_that_are_due_already_can_be_passed_over(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflows = [make.workflow(wake_ms=wake_ms) for wake_ms in (10, 20, 0)]
        await store.commit([make.start(workflow) for workflow in workflows])

        assert [await store.next_wake_ms(after_ms) for after_ms in (0, 9, 10, 20)] == [10, 10, 20, 0]

    run(scenario)
