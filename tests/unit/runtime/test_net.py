"""The net of a node that is alone: what a wake-up that was lost should have told is found some seconds later."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import msgspec
import pytest
from tests.property.definitions import answer
from tests.simulation.cluster import SkewedClock
from tests.simulation.loop import VirtualLoop

from podium.engine.context import Script, ScriptAnswer
from podium.model.start import StartWorkflowRequest
from podium.model.transition import Message
from podium.model.wire import convert, encode_json
from podium.model.workflow_def import WorkflowDef
from podium.runtime import dispatch, relay, timers
from podium.runtime.catalog import WORKFLOW_DEF
from podium.runtime.dispatch import Dispatcher
from podium.runtime.node import Node
from podium.runtime.relay import Relay
from podium.runtime.timers import Timers
from podium.service import Services
from podium.store.memory import MemoryStore
from podium.store.records import Document
from podium.tasks import registry

WAIT = {"name": "wait", "taskReferenceName": "wait", "type": "WAIT", "inputParameters": {"duration": "3 seconds"}}
LONG = {**WAIT, "inputParameters": {"duration": "1 hour"}}
WORK = {"name": "work", "taskReferenceName": "work", "type": "SIMPLE"}
CHILD = {"name": "c", "taskReferenceName": "c", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "child"}}
FLOWS = {"wait": [WAIT], "long": [LONG], "work": [WORK], "parent": [CHILD], "child": [WORK]}

Scenario = Callable[[Node], Awaitable[None]]


async def evaluate(script: Script) -> ScriptAnswer:
    return answer(script)


def alone(scenario: Scenario) -> None:
    """Run a scenario with a node that has its store to itself, in simulated time."""

    async def main() -> None:
        clock = SkewedClock(Random(0), 0)
        node = Node(MemoryStore(clock.now_ms), registry(), evaluate, clock=clock)
        node.committer.admission.now_s = asyncio.get_running_loop().time
        await node.start()
        for name, tasks in FLOWS.items():
            flow = convert(WorkflowDef, {"name": name, "tasks": tasks})
            await node.documents.put(Document(WORKFLOW_DEF, name, 1, encode_json(flow), 0))
        await scenario(node)
        await node.stop()

    VirtualLoop(Random(0)).run(main())


async def start(node: Node, name: str) -> str:
    return await Services(node).workflows.start(convert(StartWorkflowRequest, {"name": name}))


async def status(node: Node, workflow_id: str) -> str:
    workflow = await node.committer.read(workflow_id)
    assert workflow is not None
    return workflow.head.status


def lost(patch: pytest.MonkeyPatch, node: Node, kind: type, name: str = "note") -> None:
    """Let a node hear nothing of commits for as long as the patch holds."""
    patch.setattr(kind, name, lambda *_: None)
    original = [one for one in node.committer.on_commit if type(getattr(one, "__self__", None)) is not kind]
    patch.setattr(node.committer._outcomes, "on_commit", original)


def test_a_task_of_which_the_waiting_poll_was_not_told_is_found() -> None:
    async def scenario(node: Node) -> None:
        loop = asyncio.get_running_loop()
        poll = loop.create_task(node.dispatcher.poll("work", None, "w", 1, 60_000))
        await asyncio.sleep(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Dispatcher, "take", lambda *_: None)
            lost(patch, node, Dispatcher)
            await start(node, "work")
        assert not poll.done()

        begun_s = loop.time()
        [task] = await poll

        assert msgspec.json.decode(task)["taskType"] == "work"
        assert loop.time() - begun_s <= dispatch.LOOK_ALONE_S

    alone(scenario)


def test_a_wake_up_that_was_not_noted_happens_though_a_later_one_is_known() -> None:
    async def scenario(node: Node) -> None:
        await start(node, "long")
        await asyncio.sleep(1)
        with pytest.MonkeyPatch.context() as patch:
            lost(patch, node, Timers)
            waiting = await start(node, "wait")

        await asyncio.sleep(timers.SLEEP_ALONE_S + 1)

        assert await status(node, waiting) == "COMPLETED"

    alone(scenario)


def test_a_message_that_was_not_noted_arrives() -> None:
    async def scenario(node: Node) -> None:
        await asyncio.sleep(1)
        with pytest.MonkeyPatch.context() as patch:
            lost(patch, node, Relay)
            await start(node, "parent")
        assert len(await node.store.messages(0, 9)) == 1

        await asyncio.sleep(relay.LOOK_ALONE_S + 1)

        assert await node.store.messages(0, 9) == []

    alone(scenario)


def test_a_message_that_was_lost_on_its_way_is_sent_again() -> None:
    async def scenario(node: Node) -> None:
        await asyncio.sleep(1)

        async def carry(*_: Any) -> None:
            pass

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Relay, "_carry", carry)
            await start(node, "parent")
            await asyncio.sleep(0.1)
        assert len(await node.store.messages(0, 9)) == 1

        await asyncio.sleep(2 * relay.LOOK_ALONE_S + 1)

        assert await node.store.messages(0, 9) == []

    alone(scenario)


def test_a_message_is_sent_once_while_it_is_on_its_way() -> None:
    async def scenario(node: Node) -> None:
        sent: list[int] = []

        async def carry(self: Relay, message: Message, _: Any) -> None:
            sent.append(message.id)
            await asyncio.sleep(100)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Relay, "_carry", carry)
            await start(node, "parent")
            await asyncio.sleep(5 * relay.LOOK_ALONE_S)
        assert len(sent) == 1

    alone(scenario)


def test_a_loop_that_fails_begins_anew() -> None:
    async def scenario(node: Node) -> None:
        original = node.timers._fire
        faults = [TypeError("a fault of the program")]

        async def fire() -> None:
            if faults:
                raise faults.pop()
            await original()

        node.timers._fire = fire  # type: ignore[method-assign]
        waiting = await start(node, "wait")
        await asyncio.sleep(timers.SLEEP_ALONE_S + 5)

        assert await status(node, waiting) == "COMPLETED"

    alone(scenario)


def test_while_nothing_waits_the_store_is_asked_three_times_in_ten_seconds() -> None:
    async def scenario(node: Node) -> None:
        counts: list[str] = []
        store = node.store
        await start(node, "long")
        await asyncio.sleep(30)
        for name in ("due", "next_wake_ms", "messages", "visible_queues", "ready", "commit", "load", "versions"):
            original = getattr(store, name)

            def counted(*args: Any, _name: str = name, _original: Any = original, **kwargs: Any) -> Any:
                counts.append(_name)
                return _original(*args, **kwargs)

            setattr(store, name, counted)

        await asyncio.sleep(100)

        asked = {name: counts.count(name) for name in set(counts)}
        assert asked.pop("ready", 0) + asked.pop("visible_queues", 0) <= 50  # the server's own workers wait for tasks
        assert all(count <= 11 for count in asked.values()), asked
        assert set(asked) <= {"due", "next_wake_ms", "messages"}

    alone(scenario)
