"""Limits within one node: every place is used, in the order of arrival."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.gated import GatedStore, until

from podium.engine.commands import Command, PollTask, UpdateTask
from podium.engine.task_type import Request, Response
from podium.model.start import StartWorkflowRequest
from podium.model.task_def import TaskDef
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime.clock import Clock
from podium.runtime.node import Node
from podium.service import Services
from podium.store.memory import MemoryStore
from podium.tasks import registry
from podium.testing import steps

DONE = b'{"a":1}'


async def no_scripts(_: Any) -> Any:
    raise AssertionError("there are no scripts")


class Silent:
    """Whom the server calls, and who never answers."""

    def __init__(self) -> None:
        self.called: list[str] = []

    async def http(self, request: Request) -> Response:
        self.called.append(request.url)
        await asyncio.Event().wait()
        raise AssertionError("there is no end")


class Later(Clock):
    """The clock of a day later."""

    def now_ms(self) -> int:
        return super().now_ms() + 86_400_000


class Site:
    """A node, and what its users do."""

    def __init__(self, store: Any, clock: Clock) -> None:
        self.io = Silent()
        self.node = Node(store, registry(), no_scripts, clock=clock, io=self.io)
        self.services = Services(self.node)

    async def define(self, *tasks: dict[str, Any], name: str = "w") -> None:
        await self.services.metadata.register_workflow(True, convert(WorkflowDef, steps.workflow(name, *tasks)))

    async def limit(self, name: str, limit: int) -> None:
        known = convert(TaskDef, {"name": name, "concurrentExecLimit": limit})
        await self.services.metadata.register_tasks([known])

    @property
    def promised(self) -> int:
        """How many places are taken for tasks that are about to begin."""
        return sum(self.node.start_limits._promised.values())

    async def start(self, name: str = "w") -> str:
        return await self.services.workflows.start(convert(StartWorkflowRequest, {"name": name}))

    async def poll(self, count: int = 1, timeout_ms: int = 0) -> list[tuple[str, int]]:
        found = await self.node.dispatcher.poll("a", None, "worker", count, timeout_ms, raw=True)
        return [(workflow.id, task.seq) for workflow, task in found]

    async def finish(self, workflow_id: str, seq: int) -> None:
        await self.node.committer.submit(workflow_id, UpdateTask(seq, "COMPLETED", DONE))


def play(
    scenario: Callable[[Site], Awaitable[None]], store: Any = None, *, clock: Clock | None = None, works: bool = True
) -> None:
    """Run a scenario; the server does its own tasks if it *works*."""

    async def main() -> None:
        site = Site(store or MemoryStore(), clock or Clock())
        if not works:
            site.node.dispatcher.poll = lambda *_, **__: asyncio.Event().wait()  # type: ignore[assignment, return-value]
        await site.node.start()
        try:
            await scenario(site)
        finally:
            await site.node.stop()

    asyncio.run(main())


def test_a_task_that_follows_one_of_its_kind_takes_one_place() -> None:
    async def scenario(site: Site) -> None:
        await site.limit("a", 2)
        await site.define(*(steps.simple(f"a{number}", name="a") for number in range(9)))
        await site.start()
        [task] = await site.poll()
        for _ in range(8):
            polled = asyncio.create_task(site.poll(1, 60_000))
            await until(lambda: site.node.dispatcher.waiting("a") == 1)
            await site.finish(*task)
            [task] = await polled

        assert site.promised == 0

    play(scenario)


def test_a_task_that_ends_in_the_commit_of_its_lease_leaves_no_place_taken() -> None:
    """A client that knows its id reports it at the very moment."""

    async def scenario(site: Site) -> None:
        submit = site.node.committer.submit

        def both(workflow_id: str, command: Command) -> "asyncio.Future[Any]":
            answer = submit(workflow_id, command)
            if isinstance(command, PollTask):
                submit(workflow_id, UpdateTask(command.seq, "COMPLETED", DONE))
            return answer

        site.node.dispatcher._claims._submit = both
        await site.limit("a", 1)
        await site.define(steps.simple("a"))
        for _ in range(2):
            workflow_id = await site.start()
            assert await site.poll() == [(workflow_id, 1)]

        assert site.promised == 0

    play(scenario)


def test_a_new_task_does_not_take_the_place_of_one_that_waits() -> None:
    """A place that comes free belongs to the oldest task, not to one of the batch that is decided next."""
    store = GatedStore(MemoryStore())

    async def scenario(site: Site) -> None:
        await site.limit("a", 1)
        await site.define(steps.simple("a"))
        first, second = [await site.start() for _ in range(2)]
        assert await site.poll() == [(first, 1)]
        polled = asyncio.create_task(site.poll(1, 60_000))
        await until(lambda: site.node.dispatcher.waiting("a") == 1)

        store.shut()
        finished = asyncio.create_task(site.finish(first, 1))
        await until(lambda: store.held == 1)
        third = asyncio.create_task(site.start())
        await until(lambda: site.node.committer._mailboxes.has_mail)
        store.open_gate()

        assert await polled == [(second, 1)]
        await asyncio.gather(finished, third)

    play(scenario, store)


@pytest.mark.parametrize("count", [2, 200])
def test_what_waits_for_a_limit_holds_up_no_other_definition_of_its_queue(count: int) -> None:
    """The server's own tasks of one type share a queue, whatever their definitions."""
    store = MemoryStore()

    async def before(site: Site) -> None:
        await site.limit("narrow", 1)
        for name in ("narrow", "wide"):
            given = {"uri": f"http://{name}", "method": "GET"}
            await site.define(steps.step(name, "HTTP", given, name=name), name=name)
        for name in ["narrow"] * count + ["wide"] * 3:
            await site.start(name)

    async def after(site: Site) -> None:
        await until(lambda: Counter(site.io.called) == {"http://narrow": 1, "http://wide": 3})

    play(before, store, works=False)
    play(after, store)


def test_a_system_task_at_work_is_leased_again_within_its_own_place() -> None:
    """As after the end of the server that worked on it."""
    store = MemoryStore()

    async def before(site: Site) -> None:
        await site.limit("call", 1)
        await site.define(steps.step("call", "HTTP", {"uri": "http://call", "method": "GET"}, name="call"))
        for _ in range(2):
            await site.start()
        await until(lambda: site.io.called == ["http://call"])

    async def after(site: Site) -> None:
        await until(lambda: site.io.called == ["http://call"])
        assert len(store._queues["HTTP"]) == 2

    play(before, store)
    play(after, store, clock=Later())
