"""Several nodes over one store, in the process of the test."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from podium.model.start import StartWorkflowRequest
from podium.model.task_def import TaskDef
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime.node import Node
from podium.service import Services
from podium.service.task_result import TaskResult
from podium.store import Store
from podium.store.memory import MemoryStore
from podium.store.postgres import PostgresStore
from podium.tasks import registry
from tests.api.conftest import evaluate
from tests.postgres import emptied

DEADLINE_S = 30.0
Json = Any


async def until(holds: Callable[[], Any]) -> Any:
    """Wait until something, which may have to be awaited, is true, and return it."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            found = holds()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.005)


class Site:
    """One node with its services."""

    def __init__(self, store: Store) -> None:
        self.node = Node(store, registry(), evaluate)
        self.services = Services(self.node)

    async def start(self, name: str = "w", **fields: Json) -> str:
        return await self.services.workflows.start(convert(StartWorkflowRequest, {"name": name, **fields}))

    async def poll(self, task_type: str = "a", count: int = 1, timeout_ms: int = 0) -> list[Json]:
        found = await self.node.dispatcher.poll(task_type, None, "me", count, timeout_ms)
        return [msgspec.json.decode(one) for one in found]

    async def report(self, task: Json, status: str = "COMPLETED") -> None:
        ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
        await self.services.tasks.update(convert(TaskResult, {**ids, "status": status}))

    async def status(self, workflow_id: str) -> str:
        return (await self.services.reading.status(workflow_id, False, False)).status


class Cluster:
    """Nodes that start and stop while their definitions are the same."""

    def __init__(self, make_store: Callable[[], Store]) -> None:
        self._make_store = make_store
        self.sites: list[Site] = []
        self._marks = itertools.count()

    async def add(self, count: int = 1) -> list[Site]:
        added = [Site(self._make_store()) for _ in range(count)]
        for site in added:
            await site.node.start()
        self.sites += added
        names = {site.node.id for site in self.sites}
        await until(lambda: all({one.id for one in site.node.membership.nodes} == names for site in self.sites))
        await self.hear_all()
        return added

    async def hear_all(self) -> None:
        """Wait until every node has heard what the others have told so far."""
        heard: set[tuple[int, str]] = set()
        mark = str(next(self._marks))
        for number, site in enumerate(self.sites):
            site.node.bus.on(f"mark {mark}", lambda marks, number=number: heard.update((number, one) for one in marks))
        for number, site in enumerate(self.sites):
            site.node.bus.publish(f"mark {mark}", str(number))
        count = len(self.sites)
        await until(lambda: len(heard) == count * (count - 1))

    async def define(self, *tasks: Json, name: str = "w", **fields: Json) -> None:
        definition = convert(WorkflowDef, {"name": name, "tasks": list(tasks), **fields})
        await self.sites[0].node.catalog.put_workflow_def(definition, 1)

    async def define_task(self, name: str, **fields: Json) -> None:
        await self.sites[0].node.catalog.put_task_def(convert(TaskDef, {"name": name, **fields}), 1)

    async def remove(self, site: Site) -> None:
        self.sites.remove(site)
        await site.node.stop()

    async def close(self) -> None:
        for site in list(self.sites):
            await self.remove(site)


Run = Callable[[Callable[[Cluster], Awaitable[None]]], None]


@pytest.fixture(params=["memory", "postgres"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a scenario with an empty cluster."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        asyncio.run(emptied(url))
        return lambda scenario: asyncio.run(_play(Cluster(lambda: PostgresStore(url, 3)), scenario))
    store = MemoryStore(is_shared=True)
    return lambda scenario: asyncio.run(_play(Cluster(lambda: store), scenario))


async def _play(cluster: Cluster, scenario: Callable[[Cluster], Awaitable[None]]) -> None:
    try:
        await scenario(cluster)
    finally:
        await cluster.close()
