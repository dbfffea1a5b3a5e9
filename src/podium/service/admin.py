"""What operators ask: health, version, settings, waiting tasks, and repairs."""
# ruff: noqa: N815 (wire names)

from collections.abc import Mapping
from typing import Any

import msgspec

from podium import __version__
from podium.engine.commands import Decide, Release
from podium.engine.view import TaskView
from podium.model.errors import NotFound, PodiumError
from podium.model.wire import Json
from podium.runtime.node import Node
from podium.service.reading import Reading

PAGE_MAX = 5_000


class Health(msgspec.Struct, kw_only=True):
    """Conductor's health report; the store is what can be ill."""

    healthResults: list[dict[str, Any]] = []
    suppressedHealthResults: list[dict[str, Any]] = []
    healthy: bool


class NodeStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One living node; times are the database's, `counts` are since its start and missing when it did not answer."""

    id: str
    address: str
    version: str
    startedMs: int
    lastBeatMs: int
    isAsked: bool = False
    counts: dict[str, int] | None = None


class Admin:
    """Use cases of operators."""

    def __init__(self, node: Node, reading: Reading, settings: Mapping[str, Json]) -> None:
        self._node = node
        self._reading = reading
        self._settings = settings

    async def health(self) -> Health:
        """Ask the store for its time; an error of it is reported and not raised."""
        try:
            await self._node.store.now_ms()
        except PodiumError as error:
            return Health(healthResults=[{"name": "store", "healthy": False, "message": error.message}], healthy=False)
        return Health(healthy=True)

    async def version(self) -> str:
        """Return the version of the server."""
        return __version__

    async def cluster(self) -> list[NodeStatus]:
        """Return the nodes that live, the one that is asked among them."""
        own_id = self._node.membership.own.id
        return [
            NodeStatus(
                id=node.id,
                address=node.address,
                version=node.version,
                startedMs=node.started_ms,
                lastBeatMs=node.beat_ms,
                isAsked=node.id == own_id,
                counts=counts,
            )
            for node, counts in await self._node.roll.call()
        ]

    async def config(self) -> dict[str, Json]:
        """Return the settings as they were handed in, secrets masked by whoever did, and the version."""
        return {**self._settings, "version": __version__}

    async def waiting_tasks(self, task_type: str, start: int, count: int) -> list[TaskView]:
        """Return waiting tasks of a queue, in its order."""
        start, count = max(start, 0), min(max(count, 0), PAGE_MAX)
        views = []
        for workflow_id, task in await self._node.store.open_tasks(task_type, start, count):
            workflow = await self._node.committer.read(workflow_id)
            if workflow is not None:
                views.append(await self._reading.task_of(workflow.head, task))
        return views

    async def sweep(self, workflow_id: str) -> str:
        """Have a workflow looked at; the text says whether there is one."""
        try:
            await self._node.committer.submit(workflow_id, Decide())
        except NotFound:
            return f"false.{workflow_id}"
        return f"true.{workflow_id}"

    async def release(self, workflow_id: str) -> str:
        """End the quarantine of a workflow; returns what it was for."""
        reason: str = await self._node.committer.submit(workflow_id, Release())
        return reason

    async def repair(self, workflow_id: str) -> str:
        """Have a workflow looked at; the text says whether that changed anything."""
        before = (await self._reading.state(workflow_id)).head.version
        await self._node.committer.submit(workflow_id, Decide())
        after = (await self._reading.state(workflow_id)).head.version
        return "true" if after != before else "false"
