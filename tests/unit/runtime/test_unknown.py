"""Commits that fail although they were written, and leases that fail: nothing that was stored is overlooked."""

import asyncio
import copy
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from tests.property.definitions import answer
from tests.simulation.cluster import SkewedClock
from tests.simulation.loop import VirtualLoop

from podium.model.errors import Unavailable
from podium.model.start import StartWorkflowRequest
from podium.model.transition import QueueRow, Transition
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime import working_set
from podium.runtime.dispatch import Dispatcher
from podium.runtime.node import Node
from podium.service import Services
from podium.service.task_result import TaskResult
from podium.store.memory import MemoryStore
from podium.tasks import registry
from podium.testing.steps import simple, step, sub_workflow, workflow

SOON_MS = 5_000
LATE_S = 10.0


class Unsure(MemoryStore):
    """A store whose answers to commits get lost when that is wanted."""

    def __init__(self) -> None:
        super().__init__(SkewedClock(Random(0), 0).now_ms)
        self.fates: list[str] = []  # of the commits to come

    async def commit(self, transitions: Sequence[Transition]) -> list[bool]:
        fate = self.fates.pop(0) if self.fates else ""
        if fate == "refused":
            raise Unavailable("refused")
        if fate == "late":
            asyncio.get_running_loop().call_later(LATE_S, self._commit_now, copy.deepcopy(list(transitions)))
            raise Unavailable("no answer yet")
        held = await super().commit(transitions)
        if fate == "lost":
            raise Unavailable("the answer is lost")
        if (
            fate == "found"
        ):  # the answer was lost, and the store has looked; what it gave the messages as ids is unknown
            for one in transitions:
                one.messages = [replace(message, id=0) for message in one.messages]
        return held

    def _commit_now(self, transitions: list[Transition]) -> None:
        self.late = asyncio.get_running_loop().create_task(super().commit(transitions))


async def evaluate(script: Any) -> Any:
    return answer(script)


def played(scene: Callable[[Services, Unsure], Awaitable[None]]) -> None:
    """Run *scene* with a node whose waits take no time."""

    async def main() -> None:
        store = Unsure()
        node = Node(store, registry(), evaluate, clock=SkewedClock(Random(0), 0))
        await node.start()
        for definition in (
            workflow("w", simple("a")),
            workflow("p", sub_workflow("c", "w")),
            workflow("t", step("i", "WAIT", {"duration": "1s"})),
            workflow("wt", simple("a"), step("i", "WAIT", {"duration": "1s"})),
        ):
            await node.catalog.put_workflow_def(convert(WorkflowDef, definition), 1)
        await asyncio.sleep(1)  # what a node looks at when it starts is done
        await scene(Services(node), store)

    VirtualLoop(Random(0)).run(main())


async def start(services: Services, name: str) -> None:
    """Start a workflow, of which the client does not learn."""
    with pytest.raises(Unavailable):
        await services.workflows.start(StartWorkflowRequest(name=name))


async def poll(services: Services, count: int = 1) -> list[bytes]:
    return await services.node.dispatcher.poll("a", None, "me", count, SOON_MS)


def test_a_task_of_a_commit_without_answer_is_handed_out() -> None:
    async def scene(services: Services, store: Unsure) -> None:
        assert not await services.node.dispatcher.poll("a", None, "me", 1, 0)  # the queue is known to be empty
        store.fates = ["lost"]
        await start(services, "w")

        assert len(await poll(services)) == 1

    played(scene)


def test_a_message_of_a_commit_without_answer_is_carried() -> None:
    async def scene(services: Services, store: Unsure) -> None:
        store.fates = ["lost"]
        await start(services, "p")

        assert len(await poll(services)) == 1

    played(scene)


def test_a_child_whose_start_has_no_answer_is_not_taken_for_one_that_could_not_start() -> None:
    async def scene(services: Services, store: Unsure) -> None:
        store.fates = ["", "lost"]
        key = await services.workflows.start(StartWorkflowRequest(name="p"))

        await asyncio.sleep(30)

        assert len(await poll(services)) == 1
        assert (await services.reading.state(key)).head.status == "RUNNING"

    played(scene)


def test_a_message_of_a_commit_that_was_found_later_is_carried_once() -> None:
    async def scene(services: Services, store: Unsure) -> None:
        store.fates = ["found"]
        key = await services.workflows.start(StartWorkflowRequest(name="p"))

        assert len(await poll(services)) == 1
        await asyncio.sleep(30)

        assert (await services.reading.state(key)).head.status == "RUNNING"
        assert await store.messages(0, 10) == []

    played(scene)


def test_a_wait_of_a_commit_without_answer_ends() -> None:
    async def scene(services: Services, store: Unsure) -> None:
        store.fates = ["lost"]
        await start(services, "t")
        [key] = store._workflows

        await asyncio.sleep(5)

        assert (await services.reading.state(key)).head.status == "COMPLETED"

    played(scene)


def test_a_task_whose_lease_was_refused_is_handed_out_later() -> None:
    async def scene(services: Services, store: Unsure) -> None:
        await services.workflows.start(StartWorkflowRequest(name="w"))
        store.fates = ["refused"]

        assert len(await poll(services, 2)) == 1

    played(scene)


def test_a_queue_is_left_alone_while_no_waiting_poll_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task is on its way to the poll, in a commit that takes its time: looking at the queue meanwhile is idle."""
    looks = 0
    original = Dispatcher._serve

    async def serve(self: Dispatcher, queue: str) -> None:
        nonlocal looks
        looks += 1
        await original(self, queue)

    monkeypatch.setattr(Dispatcher, "_serve", serve)

    async def scene(services: Services, store: Unsure) -> None:
        waiting = asyncio.ensure_future(poll(services))
        await asyncio.sleep(1)
        row = QueueRow("a", "w", 1, 0, 0, "a")
        promised = services.node.dispatcher.take(row)

        services.node.dispatcher._look("a")  # news of that queue
        for _ in range(100):
            await asyncio.sleep(0)

        assert looks == 0
        assert promised is not None
        services.node.dispatcher.give_back(promised, "a")
        assert await waiting == []
        assert looks > 0

    played(scene)


async def report_late(services: Services, store: Unsure) -> str:
    """Report a task; the commit is carried out when everybody has given it up, and read what was before."""
    key = await services.workflows.start(StartWorkflowRequest(name="wt"))
    task = msgspec.json.decode((await poll(services))[0])
    store.fates = ["late"]
    result = {"workflowInstanceId": key, "taskId": task["taskId"], "status": "COMPLETED"}
    with pytest.raises(Unavailable):
        await services.tasks.update(convert(TaskResult, result))
    assert len((await services.reading.state(key)).latest) == 1
    return key


def test_what_a_late_commit_has_changed_is_seen() -> None:
    async def scene(services: Services, store: Unsure) -> None:
        key = await report_late(services, store)

        await asyncio.sleep(LATE_S + 0.5)

        assert len((await services.reading.state(key)).latest) == 2

    played(scene)


@pytest.mark.parametrize("unknown_s", [working_set.UNKNOWN_S, -1.0])
def test_a_wake_up_of_a_late_commit_happens_however_late_that_was(
    monkeypatch: pytest.MonkeyPatch, unknown_s: float
) -> None:
    monkeypatch.setattr(working_set, "UNKNOWN_S", unknown_s)

    async def scene(services: Services, store: Unsure) -> None:
        key = await report_late(services, store)
        await services.reading.state(key)

        await asyncio.sleep(60)

        assert (await services.reading.state(key)).head.status == "COMPLETED"

    played(scene)
