"""Slots: limits that a commit keeps, whoever commits. For the adapters that several nodes may share."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.conftest import Make, Scenario, empty_postgres, run_on

from podium.model.transition import Slot, SlotKind, Transition
from podium.model.workflow import Workflow
from podium.store import Store
from podium.store.memory import MemoryStore

FREE, FREE_ALL, TAKE, FORCE, WAIT = SlotKind

Run = Callable[[Scenario], Any]


@pytest.fixture(params=["memory", "postgres"])
def run(request: pytest.FixtureRequest) -> Run:
    make_store = {"memory": lambda: MemoryStore(is_shared=True), "postgres": lambda: empty_postgres(request)}
    return lambda scenario: run_on(make_store[request.param](), scenario)


def take(seq: int = 0, limit: int = 2, kind: SlotKind = TAKE, scope: str = "s") -> Slot:
    return Slot(scope, kind, seq, limit)


def free(seq: int = 0, scope: str = "s") -> Slot:
    return Slot(scope, FREE, seq)


class Flows:
    """Workflows whose transitions take and free slots."""

    def __init__(self, store: Store, make: Make) -> None:
        self.store = store
        self._make = make

    def new(self, *slots: Slot) -> tuple[Workflow, Transition]:
        workflow = self._make.workflow()
        return workflow, self._make.start(workflow, slots=list(slots))

    def step(self, workflow: Workflow, *slots: Slot) -> Transition:
        return self._make.step(workflow, slots=list(slots))

    async def start(self, *slots: Slot) -> tuple[Workflow, bool]:
        workflow, change = self.new(*slots)
        return workflow, (await self.store.commit([change]))[0]

    async def take(self, workflow: Workflow, *slots: Slot) -> bool:
        version = workflow.head.version
        done = (await self.store.commit([self.step(workflow, *slots)]))[0]
        workflow.head.version = version + done
        return done


def test_no_more_are_taken_than_the_limit_and_a_refusal_writes_nothing(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        first, _ = await flows.start(take())
        _, second = await flows.start(take())
        third, change = flows.new(take())

        assert second is True
        assert await store.commit([change]) == [False]
        assert change.refused == "s"
        assert not await store.exists(third.id)
        assert await store.slots_taken(["s", "unknown"]) == {"s": 2}

        assert await flows.take(first, free())
        assert await store.slots_taken(["s"]) == {"s": 1}
        assert (await store.commit([make.start(third, slots=[take()])])) == [True]
        assert await store.slots_taken(["s"]) == {"s": 2}

    run(scenario)


def test_of_one_commit_as_many_are_taken_as_there_is_room_and_the_rest_is_written(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        new = [flows.new(*([take(seq=1)] if number % 2 else [])) for number in range(10)]

        held = await store.commit([change for _, change in new])

        assert held == [True, True, True, True, True, False, True, False, True, False]
        assert [change.refused for _, change in new if change.slots] == ["", "", "s", "s", "s"]
        assert await store.slots_taken(["s"]) == {"s": 2}

    run(scenario)


def test_a_commit_that_frees_makes_room_for_another_of_it(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        first, _ = await flows.start(take(seq=1, limit=1))

        assert await flows.take(first, take(seq=2, limit=1), free(seq=1))
        assert await store.slots_taken(["s"]) == {"s": 1}

    run(scenario)


def test_taking_and_freeing_again_changes_nothing(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        flow, _ = await flows.start(take(limit=1), free(seq=7))

        assert await flows.take(flow, take(limit=1))
        assert await flows.take(flow, take(limit=1, kind=FORCE))
        assert await store.slots_taken(["s"]) == {"s": 1}
        assert await flows.take(flow, free())
        assert await flows.take(flow, free())
        assert await store.slots_taken(["s"]) == {"s": 0}

    run(scenario)


def test_a_stale_transition_takes_nothing(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        flow, _ = await flows.start()
        change = make.stale(flows.step(flow, take()))

        assert await store.commit([change]) == [False]
        assert change.refused == ""
        assert await store.slots_taken(["s"]) in ({}, {"s": 0})

    run(scenario)


def test_what_must_be_is_taken_over_the_limit_and_counts(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        forced = [await flows.start(take(kind=FORCE)) for _ in range(3)]

        assert all(done for _, done in forced)
        assert await store.slots_taken(["s"]) == {"s": 3}
        assert await flows.take(forced[0][0], free())
        assert (await flows.start(take()))[1] is False

    run(scenario)


def test_all_slots_of_a_workflow_in_a_scope_are_freed(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        flow, _ = await flows.start(*(take(seq, 10) for seq in range(1, 6)), take(8, 10, scope="other"))
        await flows.start(take(1, 10))

        assert await flows.take(flow, Slot("s", FREE_ALL))
        assert await store.slots_taken(["s", "other"]) == {"s": 1, "other": 1}

    run(scenario)


def test_who_waits_for_longest_is_next(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        holder, _ = await flows.start(take(limit=1))
        waiting = [(await flows.start(take(limit=1, kind=WAIT)))[0] for _ in range(3)]
        assert await store.next_in_line(10) == []
        assert await store.slots_taken(["s"]) == {"s": 1}

        await flows.take(holder, free())
        assert await store.next_in_line(10) == await store.next_in_line(10, "s") == [waiting[0].id]
        assert await store.next_in_line(10, "other") == []
        assert (await flows.start(take(limit=1)))[1] is False  # who comes now
        assert await flows.take(waiting[1], take(limit=1)) is False
        assert await flows.take(waiting[0], take(limit=1)) is True
        assert await store.next_in_line(10) == []

        await flows.take(waiting[1], free())  # gives up
        await flows.take(waiting[0], free())
        assert await store.next_in_line(10) == [waiting[2].id]
        assert await flows.take(waiting[2], take(limit=1)) is True

    run(scenario)


def test_waiting_again_keeps_the_place(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        holder, _ = await flows.start(take(limit=1))
        first, second = [(await flows.start(take(limit=1, kind=WAIT)))[0] for _ in range(2)]
        assert await flows.take(first, take(limit=1, kind=WAIT))
        await flows.take(holder, free())

        assert await store.next_in_line(10) == [first.id]
        assert await flows.take(second, take(limit=1)) is False

    run(scenario)


def test_many_commits_at_once_keep_the_limit(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        new = [
            flows.new(take(1, 10, scope=scope) if scope else take(1, 10), take(2, 5, scope="b")) for scope in "aa" * 20
        ]

        held = await asyncio.gather(*(store.commit([change]) for _, change in new))

        assert sum(done for (done,) in held) == 5
        assert await store.slots_taken(["a", "b"]) == {"a": 5, "b": 5}

    run(scenario)
