"""Ended workflows by name, status and time, and the lock of what one node does."""

from typing import Any

from podium.model.status import COMPLETED, FAILED, RUNNING
from podium.model.workflow import Workflow
from podium.store import Store
from podium.store.records import Ended


def ended(make: Any, ended_ms: int, status: str = COMPLETED, name: str = "order", **fields: Any) -> Workflow:
    workflow: Workflow = make.workflow(name, status=status, ended_ms=ended_ms, **fields)
    return workflow


def test_kinds_are_names_and_statuses_of_ended_roots(run: Any, make: Any) -> None:
    found = [
        ended(make, 10, FAILED, "b"),
        ended(make, 20, COMPLETED, "b"),
        ended(make, 30, COMPLETED, "a"),
        ended(make, 40, COMPLETED, "a"),
        ended(make, 0, RUNNING, "open"),
        ended(make, 50, COMPLETED, "child", parent_id="p"),
    ]

    async def scenario(store: Store) -> None:
        assert await store.ended_kinds() == []
        await store.commit([make.start(one) for one in found])
        assert await store.ended_kinds() == [("a", COMPLETED), ("b", COMPLETED), ("b", FAILED)]

    run(scenario)


def test_ended_before_a_time_the_longest_first(run: Any, make: Any) -> None:
    late, early, other, at = (
        ended(make, 300),
        ended(make, 100, version=4),
        ended(make, 100, FAILED),
        ended(make, 500),
    )

    async def scenario(store: Store) -> None:
        await store.commit([make.start(one) for one in (late, early, other, at)])

        assert await store.ended("order", COMPLETED, 500, 10) == [Ended(early.id, 4), Ended(late.id, 1)]
        assert await store.ended("order", COMPLETED, 500, 1) == [Ended(early.id, 4)]
        assert await store.ended("nothing", COMPLETED, 500, 10) == []
        assert await store.count_ended("order", COMPLETED, 501) == (3, 100)
        assert await store.count_ended("order", COMPLETED, 100) == (0, 0)

    run(scenario)


def test_a_workflow_that_ends_is_found_and_one_that_is_revived_is_not(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow(status=RUNNING)
        await store.commit([make.start(workflow)])
        workflow.head.status, workflow.head.ended_ms = FAILED, 70
        await store.commit([make.step(workflow)])
        assert await store.ended("order", FAILED, 71, 10) == [Ended(workflow.id, 2)]

        workflow.head.status, workflow.head.ended_ms = RUNNING, 0
        await store.commit([make.step(workflow)])
        assert await store.ended_kinds() == []

    run(scenario)


def test_a_lock_is_free_again_after_its_use_and_after_an_error(run: Any) -> None:
    async def scenario(store: Store) -> None:
        try:
            async with store.alone("x") as is_ours:
                assert is_ours
                raise ValueError
        except ValueError:
            pass
        for _ in range(2):
            async with store.alone("x") as is_ours, store.alone("y") as other:
                assert is_ours
                assert other

    run(scenario)
