"""Slots: limits that a commit keeps, whoever commits, in the adapters that several nodes may share; others heed none."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.contract.conftest import ADAPTERS, Make, Scenario, empty_postgres, run_on

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


# ---- what nobody frees


async def faults(store: Store) -> list[str]:
    return [line async for line in store.check() if "slot" in line]


def test_scopes_of_which_no_slot_is_taken_are_forgotten(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        flow, _ = await flows.start(*(take(scope=f"key {number}", seq=number) for number in range(50)))
        worker = make.task(77, status="IN_PROGRESS")
        kept = make.workflow()
        assert await store.commit([make.start(kept, worker, slots=[take(77, scope="kept")])]) == [True]
        assert await flows.take(flow, *(free(number, f"key {number}") for number in range(50)))

        assert await store.tidy_slots(20) == 20
        assert await store.tidy_slots(1_000) == 30
        assert await store.tidy_slots(1_000) == 0

        assert await store.slots_taken(["key 1", "kept"]) == {"kept": 1}
        assert (await flows.start(take(limit=1, scope="key 1")))[1] is True
        assert (await flows.start(take(limit=1, scope="key 1")))[1] is False

    run(scenario)


def test_a_scope_in_which_somebody_waits_is_kept(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        waiting, _ = await flows.start(take(limit=1, kind=WAIT))

        assert await store.tidy_slots(1_000) == 0

        assert await store.next_in_line(10) == [waiting.id]

    run(scenario)


def test_slots_of_what_is_not_in_progress_are_told_and_freed(run: Run, make: Make) -> None:
    async def scenario(store: Store) -> None:
        ended, working = make.workflow(), make.workflow()
        at_work = make.task(status="IN_PROGRESS")
        await store.commit([
            make.start(ended, make.task(status="COMPLETED"), slots=[take(1, scope="task pack")]),
            make.start(working, at_work, slots=[take(1, scope="task pack"), take(0, scope="flow")]),
            make.start(make.workflow(status="FAILED"), slots=[take(0, scope="flow")]),
        ])  # fmt: skip
        found = await faults(store)

        assert len(found) == 2
        assert any(f"{ended.id[:-8]}" in line and "task pack" in line for line in found)
        assert await store.tidy_slots(1_000) == 2
        assert await faults(store) == []
        assert await store.slots_taken(["task pack", "flow"]) == {"task pack": 1, "flow": 1}

    run(scenario)


def test_limits_hold_while_scopes_are_forgotten(run: Run, make: Make) -> None:
    """Each start may meet a scope that is just being forgotten."""

    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        at_work, most = 0, 0

        async def use(number: int) -> None:
            nonlocal at_work, most
            flow, is_taken = await flows.start(take(limit=2, scope=f"key {number % 3}"))
            if is_taken:
                at_work += 1
                most = max(most, at_work)
                await asyncio.sleep(0)
                at_work -= 1
                await flows.take(flow, free(scope=f"key {number % 3}"))

        async def tidy() -> None:
            for _ in range(40):
                await store.tidy_slots(1_000)
                await asyncio.sleep(0)

        await asyncio.gather(tidy(), *(use(number) for number in range(90)))

        assert await faults(store) == []
        taken = await store.slots_taken([f"key {number}" for number in range(3)])
        assert sum(taken.values()) == 0
        assert 0 < most <= 6

    run(scenario)


@pytest.mark.parametrize("make_store", [lambda _: MemoryStore(), ADAPTERS["sqlite"]], ids=["memory", "sqlite"])
def test_a_store_with_one_node_heeds_no_slots(
    make_store: Callable[[pytest.FixtureRequest], Store], request: pytest.FixtureRequest, make: Make
) -> None:
    async def scenario(store: Store) -> None:
        flows = Flows(store, make)
        first, _ = await flows.start(take(limit=1), take(3, kind=WAIT))

        assert (await flows.start(take(limit=1)))[1] is True
        assert await flows.take(first, free(), Slot("s", FREE_ALL))
        assert await store.slots_taken(["s"]) == {}
        assert await store.next_in_line(10) == []
        assert await store.tidy_slots(1_000) == 0
        assert await faults(store) == []

    run_on(make_store(request), scenario)
