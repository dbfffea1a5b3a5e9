"""Event queues outside of podium, with a broker in memory: what is published, received, given back and recognised."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from podium.engine.context import Script, ScriptAnswer
from podium.events import Delivery, Receive
from podium.model.errors import InvalidRequest, QueueUnavailable, Unavailable
from podium.model.event import EventHandler
from podium.model.ids import task_id, workflow_of
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime import brokers
from podium.runtime.events import Incoming
from podium.runtime.node import Node
from podium.store.memory import MemoryStore
from podium.store.query import Group, Search
from podium.store.records import EventExecution
from podium.tasks import registry
from podium.testing import steps

PATIENCE_S = 10.0
pytestmark = pytest.mark.anyio


class Queue:
    """A broker in memory: it is away as long as a test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self.heard: dict[str, Receive] = {}
        self.is_away = False
        self.refusal: str | None = None
        self._back = asyncio.Event()

    async def publish(self, address: str, message_id: str, body: bytes) -> None:
        if self.refusal:
            raise InvalidRequest(self.refusal)
        if self.is_away:
            raise QueueUnavailable("away")
        self.sent.append((address, message_id, msgspec.json.decode(body)))

    async def ready(self) -> None:
        if self.is_away:
            await self._back.wait()

    def come_back(self) -> None:
        self.is_away = False
        self._back.set()

    async def listen(self, address: str, receive: Receive) -> None:
        self.heard[address] = receive
        try:
            await asyncio.Event().wait()
        finally:
            self.heard.pop(address, None)

    async def close(self) -> None:
        self.heard.clear()

    async def deliver(self, address: str, message_id: str, payload: Any, attempt: int = 1) -> None:
        await self.heard[address](Delivery(message_id, msgspec.json.encode(payload), attempt))


async def no_script(script: Script) -> ScriptAnswer:
    raise RuntimeError(f"the engine of scripts broke at {script.source}")


@asynccontextmanager
async def running(queue: Queue | None) -> AsyncIterator[Node]:
    node = Node(MemoryStore(), registry(), no_script, brokers={"nats": queue})
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


async def eventually(holds: Callable[[], Any] | Callable[[], Awaitable[Any]]) -> Any:
    until = asyncio.get_running_loop().time() + PATIENCE_S
    while True:
        found = holds()
        found = await found if isinstance(found, Awaitable) else found
        if found:
            return found
        assert asyncio.get_running_loop().time() < until, "not in time"
        await asyncio.sleep(0.01)


async def define(node: Node, *tasks: dict[str, Any], name: str = "w") -> None:
    await node.catalog.put_workflow_def(convert(WorkflowDef, steps.workflow(name, *tasks)), 1)


async def handle(node: Node, *actions: dict[str, Any], **fields: Any) -> None:
    given = {"name": "h", "event": "nats:orders", "active": True, "actions": list(actions), **fields}
    await node.catalog.put_event_handler(convert(EventHandler, given), 1)


async def started(node: Node, name: str = "w") -> int:
    page = await node.store.search_workflows(Search("workflow", Group("AND", ()), size=50))
    return sum(row.head.name == name for row in page.rows)


async def records(node: Node) -> list[tuple[str, str]]:
    return sorted((one.message_id, one.status) for one in await node.store.event_executions("", 50))


START = {"action": "start_workflow", "start_workflow": {"name": "w"}}
APPEND = {
    "action": "update_workflow_variables",
    "update_workflow_variables": {"workflowId": "${key}", "variables": {"list": ["${n}"]}, "appendArray": True},
}


async def begin(node: Node, name: str = "w") -> str:
    from podium.engine.requests import resolve_start
    from podium.model.start import StartWorkflowRequest

    key = node.clock.new_workflow_id()
    await node.committer.submit(key, resolve_start(node.world.context(), StartWorkflowRequest(name=name)))
    return key


async def test_an_event_goes_to_its_broker_once() -> None:
    queue = Queue()
    async with running(queue) as node:
        await define(node, steps.step("e", "EVENT", {"k": 1}, sink="nats:orders:group"))

        key = await begin(node)

        [(address, message_id, payload)] = await eventually(lambda: queue.sent)
        assert (address, workflow_of(message_id) == key, payload["k"]) == ("orders:group", True, 1)
        assert await node.settle()
        assert await node.store.messages(0, 10) == []


async def test_an_event_waits_in_the_outbox_while_its_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "AGAIN_S", 0.01)
    queue = Queue()
    queue.is_away = True
    async with running(queue) as node:
        await define(node, steps.step("e", "EVENT", {}, sink="nats:orders"))
        await begin(node)
        assert await node.settle()  # nothing holds the other messages up
        assert len(await node.store.messages(0, 10)) == 1

        queue.come_back()

        assert await eventually(lambda: queue.sent)
        await eventually(lambda: empty(node))


async def empty(node: Node) -> bool:
    return not await node.store.messages(0, 10)


async def test_an_event_that_no_broker_takes_ends_with_a_record() -> None:
    queue = Queue()
    queue.refusal = "too large"
    async with running(queue) as node:
        await define(node, steps.step("e", "EVENT", {"k": 1}, sink="nats:orders"))

        await begin(node)

        await eventually(lambda: empty(node))
        [record] = await node.store.event_executions("", 10)
        assert (record.action, record.status, record.event) == ("publish", "FAILED", "nats:orders")
        assert msgspec.json.decode(record.output)["exception"] == "too large"


async def test_a_broker_that_is_not_set_up_keeps_its_messages_and_refuses_new_ones() -> None:
    async with running(None) as node:
        await define(node, steps.step("e", "EVENT", {}, sink="nats:orders"))
        key = await begin(node)
        assert "Unknown queue type nats" in str((await node.store.tasks(key))[0].reason)

        with pytest.raises(QueueUnavailable):
            await node.brokers.handle("nats:orders", "m1", b"{}")


async def test_a_message_is_taken_when_its_actions_are_committed_and_recognised_when_it_comes_again() -> None:
    queue = Queue()
    async with running(queue) as node:
        await define(node, steps.step("wait", "WAIT"))
        await handle(node, START)
        await eventually(lambda: queue.heard)

        await queue.deliver("orders", "m1", {"n": 1})
        assert await started(node) == 1
        await queue.deliver("orders", "m1", {"n": 1}, attempt=2)
        await queue.deliver("orders", "m2", {"n": 1})

        assert await started(node) == 2
        assert await records(node) == [("m1", "COMPLETED"), ("m2", "COMPLETED")]


async def test_an_action_that_may_not_be_repeated_is_not() -> None:
    queue = Queue()
    async with running(queue) as node:
        await define(node, steps.step("wait", "WAIT"))
        key = await begin(node)
        await handle(node, APPEND)
        await eventually(lambda: queue.heard)

        for message_id in ("m1", "m1", task_id(key, 1), task_id(key, 1)):
            await queue.deliver("orders", message_id, {"key": key, "n": 1})

        workflow = await node.committer.read(key)
        assert workflow is not None
        assert msgspec.json.decode(workflow.variables)["list"] == [1, 1]
        assert len(await records(node)) == 2


@pytest.mark.parametrize("is_own", [False, True], ids=["of a broker", "of a workflow"])
async def test_an_action_is_not_repeated_when_its_commit_was_not_recorded(
    monkeypatch: pytest.MonkeyPatch, is_own: bool
) -> None:
    async with running(Queue()) as node:
        await define(node, steps.step("wait", "WAIT"))
        key = await begin(node)
        await handle(node, APPEND)
        message = Incoming(task_id(key, 1) if is_own else "m1", b'{"key":"%b","n":1}' % key.encode(), not is_own)
        add = node.store.add_event_execution

        async def lost(execution: EventExecution, *, replace: bool = False) -> None:
            if execution.status == "COMPLETED":
                raise Unavailable("away")
            await add(execution, replace=replace)

        with monkeypatch.context() as broken:
            broken.setattr(node.store, "add_event_execution", lost)
            with pytest.raises(Unavailable):
                await node.events.handle("nats:orders", message)
        await node.events.handle("nats:orders", message)

        workflow = await node.committer.read(key)
        assert workflow is not None
        assert msgspec.json.decode(workflow.variables)["list"] == [1]
        assert [status for _, status in await records(node)] == ["COMPLETED"]


async def test_a_message_that_breaks_its_handler_is_given_back_and_ends_with_a_record() -> None:
    queue = Queue()
    async with running(queue) as node:
        await define(node, steps.step("wait", "WAIT"))
        await handle(node, START, condition="$.map(function (x) { return nothing(x) })")
        await eventually(lambda: queue.heard)

        for attempt in range(1, brokers.ATTEMPTS_MAX):
            with pytest.raises(RuntimeError):
                await queue.deliver("orders", "m1", {}, attempt)
        assert await records(node) == []
        await queue.deliver("orders", "m1", {}, brokers.ATTEMPTS_MAX)

        assert await records(node) == [("m1", "FAILED")]
        assert await started(node) == 0


async def test_a_message_is_never_given_up_while_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue()
    async with running(queue) as node:
        await define(node, steps.step("wait", "WAIT"))
        await handle(node, START)
        await eventually(lambda: queue.heard)

        async def away(*_: object) -> None:
            raise Unavailable("away")

        with monkeypatch.context() as broken:
            broken.setattr(node.events, "_act", away)
            for attempt in (1, brokers.ATTEMPTS_MAX, brokers.ATTEMPTS_MAX + 7):
                with pytest.raises(Unavailable):
                    await queue.deliver("orders", "m1", {}, attempt)
        await queue.deliver("orders", "m1", {}, brokers.ATTEMPTS_MAX + 8)

        assert (await started(node), await records(node)) == (1, [("m1", "COMPLETED")])


async def test_listeners_follow_the_active_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "LOOK_S", 0.01)
    queue = Queue()
    async with running(queue) as node:
        await handle(node, START)
        await handle(node, START, name="other", event="nats:more", active=False)
        await eventually(lambda: set(queue.heard) == {"orders"})

        await handle(node, START, name="other", event="nats:more")
        await eventually(lambda: set(queue.heard) == {"orders", "more"})

        await node.catalog.delete_event_handler("h")
        await eventually(lambda: set(queue.heard) == {"more"})


async def test_a_listener_that_fails_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brokers, "AGAIN_S", 0.01)
    queue = Queue()
    listen, failures = queue.listen, iter([True])

    async def flaky(address: str, receive: Receive) -> None:
        if next(failures, False):
            raise ValueError("broken")
        await listen(address, receive)

    monkeypatch.setattr(queue, "listen", flaky)
    async with running(queue) as node:
        await handle(node, START)

        assert await eventually(lambda: queue.heard)
