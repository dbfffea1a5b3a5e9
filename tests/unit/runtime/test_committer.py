"""The committer goes on, whatever the store or a listener does to one batch."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from podium.engine.commands import Decide, StartWorkflow
from podium.model.errors import PodiumError, Unavailable
from podium.model.start import StartWorkflowRequest
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime.node import Node
from podium.service import Services
from podium.store.memory import MemoryStore
from podium.tasks import registry

ANSWER_S_MAX = 5.0
DEFINITION = {"name": "w", "version": 1, "tasks": [{"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}]}


async def no_scripts(_: Any) -> Any:
    raise AssertionError("there are no scripts")


class Failing(MemoryStore):
    """Fails where and when a test wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.unreadable: dict[str, Exception] = {}
        self.without_definitions: Exception | None = None

    async def load(self, workflow_ids: Any) -> Any:
        for one in workflow_ids:
            if one in self.unreadable:
                raise self.unreadable[one]
        return await super().load(workflow_ids)

    async def definition(self, def_hash: str) -> bytes | None:
        if self.without_definitions is not None:
            raise self.without_definitions
        return await super().definition(def_hash)


def play(scenario: Callable[[Failing, Node, list[str]], Awaitable[None]]) -> None:
    """Run a scenario with three open workflows, none of which is in memory."""

    async def main() -> None:
        store = Failing()
        node = Node(store, registry([]), no_scripts)
        await node.start()
        services = Services(node)
        await services.metadata.register_workflow(True, convert(WorkflowDef, DEFINITION))
        request = convert(StartWorkflowRequest, {"name": "w"})
        ids = [await services.workflows.start(request) for _ in range(3)]
        for one in ids:
            node.cache.drop(one)
        await scenario(store, node, ids)
        await node.stop()

    asyncio.run(main())


async def outcome(answer: "asyncio.Future[Any]") -> Any:
    try:
        return await asyncio.wait_for(answer, ANSWER_S_MAX)
    except PodiumError as error:
        return error


async def outcomes(node: Node, ids: list[str]) -> list[Any]:
    return await asyncio.gather(*(outcome(node.committer.submit(one, Decide())) for one in ids))


@pytest.mark.parametrize("error", [ValueError("unreadable"), Unavailable("away")])
def test_what_can_t_be_read_is_refused_and_the_others_are_served(error: Exception) -> None:
    async def scenario(store: Failing, node: Node, ids: list[str]) -> None:
        store.unreadable[ids[1]] = error
        found = await outcomes(node, ids)

        is_outage = isinstance(error, Unavailable)
        assert [isinstance(one, PodiumError) for one in found] == [is_outage, True, is_outage]
        store.unreadable.clear()
        assert await outcomes(node, ids) == [None] * 3

    play(scenario)


@pytest.mark.parametrize("error", [ValueError("unreadable"), Unavailable("away")])
def test_a_definition_that_can_t_be_read_is_an_error_of_its_start(error: Exception) -> None:
    async def scenario(store: Failing, node: Node, ids: list[str]) -> None:
        store.without_definitions = error
        start = StartWorkflow("w", 1, "a hash that is not in memory")
        found = await outcome(node.committer.submit(node.clock.new_workflow_id(), start))

        assert isinstance(found, PodiumError)
        store.without_definitions = None
        assert await outcomes(node, ids) == [None] * 3

    play(scenario)


def test_a_listener_that_fails_does_not_end_the_commits() -> None:
    async def scenario(store: Failing, node: Node, ids: list[str]) -> None:
        def fail(_: Any) -> None:
            node.committer.on_commit.remove(fail)
            raise ValueError("a fault of a listener")

        node.committer.on_commit.append(fail)
        services = Services(node)
        await asyncio.gather(*(services.control.pause(one) for one in ids), return_exceptions=True)

        assert await outcomes(node, ids) == [None] * 3

    play(scenario)
