"""Starts with one key on two nodes at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from podium.model.errors import Conflict
from podium.model.transition import Transition
from podium.model.workflow import Head, Workflow
from podium.runtime.idempotency import Idempotency
from podium.store.memory import MemoryStore

IDS = ("a", "b", "c", "d")


async def ended(workflow_id: str) -> Workflow:
    return Workflow(Head(workflow_id, "order", 1, "hash", "COMPLETED"), None)


class TwoNodes:
    """Two services over one store; a launch waits until both are about to start."""

    def __init__(self) -> None:
        self.store = MemoryStore(is_shared=True)
        self._ids = iter(IDS)
        self.services = [Idempotency(self.store, ended) for _ in range(2)]
        self._both = asyncio.Barrier(2)

    async def start(self, number: int, strategy: Any, launch: Callable[[str], Awaitable[str]] | None = None) -> str:
        return await self.services[number].start(
            "order", "key", strategy, next(self._ids), launch or self._launch_together
        )

    async def _launch_together(self, workflow_id: str) -> str:
        await self._both.wait()
        return await self.launch(workflow_id)

    async def launch(self, workflow_id: str) -> str:
        head = Head(workflow_id, "order", 1, "hash", version=1, created_ms=1, updated_ms=1, idempotency_key="key")
        (is_held,) = await self.store.commit([Transition(Workflow(head, None, b"{}"), -1)])
        if not is_held:
            raise Conflict(f"Workflow with id {workflow_id} already exists!")
        return workflow_id


def test_two_nodes_start_one_workflow() -> None:
    async def run() -> None:
        nodes = TwoNodes()

        found = await asyncio.gather(*(nodes.start(number, "RETURN_EXISTING") for number in range(2)))

        assert found[0] == found[1]
        assert await nodes.store.by_idempotency_key("order", "key") == found[0]

    asyncio.run(run())


def test_one_of_two_nodes_is_told_that_the_other_has_started() -> None:
    async def run() -> None:
        nodes = TwoNodes()

        found = await asyncio.gather(*(nodes.start(number, "FAIL") for number in range(2)), return_exceptions=True)

        assert sorted(type(one).__name__ for one in found) == ["Conflict", "str"]

    asyncio.run(run())


def test_two_nodes_start_one_workflow_after_an_ended_one() -> None:
    async def run() -> None:
        nodes = TwoNodes()
        first = await nodes.start(0, "FAIL_ON_RUNNING", nodes.launch)

        second = await asyncio.gather(
            *(nodes.start(number, "FAIL_ON_RUNNING") for number in range(2)), return_exceptions=True
        )

        (started,) = [one for one in second if isinstance(one, str)]
        assert started != first

    asyncio.run(run())


def test_a_start_that_got_nowhere_is_done_by_whoever_comes_next() -> None:
    async def run() -> None:
        nodes = TwoNodes()

        async def fails(workflow_id: str) -> str:
            raise Conflict("no place")

        with pytest.raises(Conflict, match="no place"):
            await nodes.start(0, "RETURN_EXISTING", fails)

        assert await nodes.start(1, "RETURN_EXISTING", nodes.launch) == "a"

    asyncio.run(run())
