"""What is in the queues, and who polls them."""
# ruff: noqa: N815 (wire names)

import asyncio

import msgspec
from msgspec import UNSET, UnsetType

from podium.engine.commands import RequeueTask
from podium.model.errors import PodiumError
from podium.runtime.node import Node
from podium.runtime.poll_data import PollData
from podium.store.records import QueueSize

PAGE = 500


class PollDataView(msgspec.Struct):
    """Conductor's PollData."""

    queueName: str
    domain: str | UnsetType
    workerId: str | UnsetType
    lastPollTime: int


class ShardSize(msgspec.Struct):
    """One shard's part in the verbose listing; the spelling is upstream's."""

    size: int
    uacked: int


class Queues:
    """Reads queues, and puts forgotten tasks back into them."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def all(self) -> dict[str, int]:
        """Return how many tasks wait in each queue, by name."""
        return {one.queue: one.waiting for one in await self._sizes()}

    async def all_verbose(self) -> dict[str, dict[str, ShardSize]]:
        """Return waiting and leased tasks of each queue; there is one shard, as in upstream's SQL stores."""
        return {one.queue: {"a": ShardSize(one.waiting, one.leased)} for one in await self._sizes()}

    async def _sizes(self) -> list[QueueSize]:
        return sorted(await self._node.store.queue_sizes(), key=lambda one: one.queue)

    async def size(self, task_type: str, domain: str | None, isolation_group: str | None, namespace: str | None) -> int:
        """Return how many tasks wait in one queue."""
        return (await self.all()).get(queue_name(task_type, domain, isolation_group, namespace), 0)

    async def sizes(self, task_types: list[str]) -> dict[str, int]:
        """Return how many tasks wait in each of the queues."""
        found = await self.all()
        return {task_type: found.get(task_type, 0) for task_type in task_types}

    async def poll_data(self, task_type: str) -> list[PollDataView]:
        """Return who polled for a task type, in all domains."""
        return [_view(data) for data in self._node.dispatcher.poll_data(task_type)]

    async def poll_data_all(self) -> list[PollDataView]:
        """Return who polled for anything."""
        return [_view(data) for data in self._node.dispatcher.poll_data()]

    async def requeue(self, task_type: str) -> str:
        """Make the waiting tasks of a type visible, unless they wait for their callback; returns how many wait."""
        count = 0
        for queue in await self.all():
            if queue == task_type or queue.endswith(f":{task_type}"):
                count += await self._requeue(queue)
        return str(count)

    async def _requeue(self, queue: str) -> int:
        start, ended = 0, False
        while not ended:
            tasks = await self._node.store.open_tasks(queue, start, PAGE)
            due = [(workflow_id, task.seq) for workflow_id, task in tasks if task.callback_after_s == 0]
            replies = [self._node.committer.submit(workflow_id, RequeueTask(seq)) for workflow_id, seq in due]
            for error in await asyncio.gather(*replies, return_exceptions=True):
                if isinstance(error, BaseException) and not isinstance(error, PodiumError):
                    raise error
            start += len(tasks)
            ended = len(tasks) < PAGE
        return start


def queue_name(task_type: str, domain: str | None, isolation_group: str | None, namespace: str | None) -> str:
    """Return `[domain:]type[@namespace][-group]`."""
    name = f"{domain}:{task_type}" if domain else task_type
    name = f"{name}@{namespace}" if namespace else name
    return f"{name}-{isolation_group}" if isolation_group else name


def _view(data: PollData) -> PollDataView:
    return PollDataView(data.queue, data.domain or UNSET, data.worker_id or UNSET, data.last_ms)
