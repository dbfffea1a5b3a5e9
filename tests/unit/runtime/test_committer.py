"""The committer goes on, whatever the store or a listener does to one batch."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.gated import until

from podium.engine.commands import ChildEnded, Command, Decide, Release, StartWorkflow, Wake
from podium.engine.decide import Decision, decide
from podium.engine.session import Session
from podium.model.errors import Conflict, PodiumError, Unavailable
from podium.model.start import StartWorkflowRequest
from podium.model.task import Task
from podium.model.task_def import TaskDef
from podium.model.transition import Message, Transition
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime import committer
from podium.runtime.committer import TURN
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


@pytest.mark.parametrize("error", [ValueError("a fault of the store"), Unavailable("away")])
def test_commands_that_change_nothing_are_answered_though_versions_can_t_be_read(error: Exception) -> None:
    async def scenario(store: Failing, node: Node, ids: list[str]) -> None:
        async def fail(_: Any) -> dict[str, int]:
            raise error

        versions, store.versions = store.versions, fail  # type: ignore[method-assign]
        node.membership._others = frozenset({"another node"})
        found = await outcomes(node, ids)

        assert all(isinstance(one, PodiumError) for one in found)
        store.versions = versions  # type: ignore[method-assign]
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


def test_others_get_their_turn_while_a_large_batch_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(_: Failing, node: Node, ids: list[str]) -> None:
        turns, seen = 0, []

        def noted(session: Session, command: Command, history: list[Task] | None = None) -> Decision[Any]:
            seen.append((node.committer.commits, turns))
            return decide(session, command, history)

        async def tick() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        workflow = await node.committer.read(ids[0])
        assert workflow is not None
        start = StartWorkflow("w", 1, workflow.head.def_hash)
        monkeypatch.setattr(committer, "decide", noted)
        ticker = asyncio.create_task(tick())
        await asyncio.gather(*(node.committer.submit(node.clock.new_workflow_id(), start) for _ in range(200)))
        ticker.cancel()

        assert len(seen) == 200
        assert len({commits for commits, _ in seen}) == 1
        assert max(Counter(seen).values()) <= TURN

    play(scenario)


def test_a_message_is_not_turned_away_for_a_start_that_comes_too_late() -> None:
    """Both in one batch: another node has started the workflow already, and its child has ended."""

    async def scenario(store: Failing, node: Node, ids: list[str]) -> None:
        workflow = await node.committer.read(ids[0])
        assert workflow is not None
        ended = ChildEnded(1, "child", "COMPLETED")
        other = Transition(await fresh(node, ids[1]), 1, messages=[Message(ids[0], "command", b"")])
        assert await store.commit([other]) == [True]
        [message] = await store.messages(0, 9)
        node.cache.drop(ids[0])

        start = node.committer.submit(ids[0], StartWorkflow("w", 1, workflow.head.def_hash))
        arrival = node.committer.submit(ids[0], ended, message.id)

        assert isinstance(await outcome(start), Conflict)
        assert await outcome(arrival) is None
        assert await store.messages(0, 9) == []

    play(scenario)


async def fresh(node: Node, workflow_id: str) -> Any:
    workflow = (await node.committer._working_set.load([workflow_id], keep=False))[workflow_id]
    workflow.head.version += 1
    return workflow


def test_a_release_is_not_turned_away_for_what_waits_before_it() -> None:
    async def scenario(store: Failing, node: Node, ids: list[str]) -> None:
        workflow = await fresh(node, ids[0])
        workflow.head.quarantine = "broken"
        assert await store.commit([Transition(workflow, workflow.head.version - 1)]) == [True]

        wake, release = (node.committer.submit(ids[0], command) for command in (Wake(), Release()))

        assert "quarantined" in str(await outcome(wake))
        assert await outcome(release) == "broken"

    play(scenario)


def test_a_hand_out_whose_commit_failed_takes_no_place_of_a_limit() -> None:
    async def scenario(store: Failing, node: Node, ids: list[str]) -> None:
        services = Services(node)
        await services.metadata.register_tasks([convert(TaskDef, {"name": "t", "concurrentExecLimit": 4})])
        await node.dispatcher.poll("t", None, "w", 3, 0)  # what was there
        poll = asyncio.create_task(node.dispatcher.poll("t", None, "w", 1, 60_000))
        await until(lambda: node.dispatcher.waiting("t") == 1)
        request, write = convert(StartWorkflowRequest, {"name": "w"}), store.commit

        async def fail(_: Any) -> list[bool]:
            raise Unavailable("away")

        for commit in (fail, fail, write):
            store.commit = commit  # type: ignore[method-assign]
            started = asyncio.gather(services.workflows.start(request), return_exceptions=True)
            assert isinstance((await started)[0], str) is (commit is write)

        assert len(await asyncio.wait_for(poll, ANSWER_S_MAX)) == 1

    play(scenario)
