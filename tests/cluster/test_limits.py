"""Limits over several nodes."""

import asyncio
from typing import Any

import pytest

from podium.model.errors import Conflict
from podium.runtime import slots
from podium.store.records import Document
from tests.cluster.conftest import Cluster, Run, Site, until

Json = Any
STEP = {"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}


class Workers:
    """Workers of many nodes at once, who note how many of them are at work."""

    def __init__(self, sites: list[Site], count: int, *, hold_s: float = 0.0) -> None:
        self.now = self.most = self.done = 0
        self.started_ms: list[int] = []
        self._hold_s = hold_s
        self._tasks = [asyncio.create_task(self._work(sites[number % len(sites)])) for number in range(count)]

    async def _work(self, site: Site) -> None:
        while True:
            for task in await site.poll("a", 1, 500):
                self.now += 1
                self.most = max(self.most, self.now)
                self.started_ms.append(task["startTime"])
                await asyncio.sleep(self._hold_s)
                self.now -= 1
                await site.report(task)
                self.done += 1

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def test_no_more_are_in_progress_than_the_limit_whoever_polls(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(STEP)
        await cluster.define_task("a", concurrentExecLimit=10)
        await asyncio.gather(*(sites[number % 3].start() for number in range(150)))

        workers = Workers(sites, 50, hold_s=0.005)
        await until(lambda: workers.done == 150)
        await workers.stop()

        assert workers.most == 10
        assert (await sites[0].node.store.slots_taken(["task a"])) == {"task a": 0}

    run(scenario)


def test_new_tasks_for_waiting_workers_keep_the_limit_too(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(STEP)
        await cluster.define_task("a", concurrentExecLimit=3)
        workers = Workers(sites, 30, hold_s=0.005)
        await asyncio.gather(*(sites[number % 3].start() for number in range(60)))

        await until(lambda: workers.done == 60)
        await workers.stop()

        assert workers.most <= 3

    run(scenario)


def test_what_a_dead_node_held_is_still_held_and_is_freed_by_whoever_ends_the_task(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        first, second = await cluster.add(2)
        await cluster.define(STEP)
        await cluster.define_task("a", concurrentExecLimit=2)
        await asyncio.gather(*(first.start() for _ in range(4)))
        held = [*(await first.poll()), *(await first.poll())]
        assert len(held) == 2
        await cluster.remove(first)

        assert await second.poll() == []
        await second.report(held[0])
        found = await until(lambda: second.poll("a", 1, 100))
        assert len(found) == 1
        assert await second.poll() == []

    run(scenario)


def test_a_rate_holds_over_all_nodes_and_is_used(run: Run) -> None:
    limit = 20

    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(STEP)
        await cluster.define_task("a", rateLimitPerFrequency=limit, rateLimitFrequencyInSeconds=1)
        await asyncio.gather(*(sites[number % 3].start() for number in range(5 * limit)))

        workers = Workers(sites, 30)
        await until(lambda: workers.done == 5 * limit)
        await workers.stop()

        starts = sorted(workers.started_ms)
        # Starts are taken before the commit that dates them, so the date may be late by the time of a commit.
        late_ms = 300
        for place in range(len(starts) - limit):
            assert starts[place + limit] - starts[place] > 1_000 - late_ms
        assert starts[-1] - starts[0] > 4_000 - late_ms

    run(scenario)


def test_starts_that_came_to_nothing_are_given_back(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        (site,) = await cluster.add(1)
        await cluster.define(STEP)
        await cluster.define_task("a", rateLimitPerFrequency=2, rateLimitFrequencyInSeconds=1_000)
        await site.start()

        assert len(await site.poll("a", 5)) == 1
        await site.start()
        assert len(await site.poll("a", 5)) == 1
        await site.start()
        assert await site.poll("a", 5) == []

    run(scenario)


# ---- workflows with a rate limit


def limited(limit: int, **fields: Json) -> Json:
    return {"rateLimitKey": "${workflow.input.key}", "concurrentExecLimit": limit, **fields}


async def order(cluster: Cluster, site: Site, number: int) -> str:
    return await site.start(correlationId=str(number), input={"key": "k"})


async def running(site: Site, ids: list[str]) -> list[bool]:
    found = [await site.services.reading.workflow(one, True) for one in ids]
    return [bool(one.tasks) for one in found]


def test_workflows_over_the_limit_wait_and_begin_in_their_order(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(STEP, rateLimitConfig=limited(2))
        ids = [await order(cluster, sites[number % 3], number) for number in range(8)]
        assert await running(sites[0], ids) == [True] * 2 + [False] * 6

        for done in range(6):
            site = sites[done % 3]
            (task,) = await until(lambda site=site: site.poll("a", 1, 100))
            await site.report(task)

            async def has_begun(count: int = done + 3) -> bool:
                return sum(await running(sites[0], ids)) >= count

            await until(has_begun)
            assert await running(sites[0], ids) == [True] * (done + 3) + [False] * (5 - done)

    run(scenario)


def test_many_starts_at_once_on_all_nodes_keep_the_limit(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(STEP, rateLimitConfig=limited(4))
        ids = await asyncio.gather(*(order(cluster, sites[number % 3], number) for number in range(40)))

        assert sum(await running(sites[0], list(ids))) == 4
        workers = Workers(sites, 12, hold_s=0.01)
        await until(lambda: workers.done == 40)
        await workers.stop()
        assert workers.most <= 4

    run(scenario)


def test_a_start_over_the_limit_is_refused_where_the_policy_says_so(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(2)
        await cluster.define(STEP, rateLimitConfig=limited(1, policy="REJECT"))
        await order(cluster, sites[0], 1)

        with pytest.raises(Conflict):
            await order(cluster, sites[1], 2)
        with pytest.raises(Conflict):
            await order(cluster, sites[0], 3)

        (task,) = await sites[1].poll()
        await sites[1].report(task)
        await order(cluster, sites[0], 4)

    run(scenario)


def test_who_is_next_begins_though_the_node_that_freed_the_place_died(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slots, "LOOK_S", 0.05)

    async def scenario(cluster: Cluster) -> None:
        first, second = await cluster.add(2)
        await cluster.define(STEP, rateLimitConfig=limited(1))
        ids = [await order(cluster, first, number) for number in range(2)]

        async def nothing(_: str) -> None:
            return

        first.node.places._wake_next = nothing  # as if it had died then
        (task,) = await first.poll()
        await first.report(task)

        async def has_begun() -> bool:
            return (await running(second, ids))[1]

        await until(has_begun)

    run(scenario)


def test_terminated_while_waiting_leaves_the_line_and_a_retry_takes_a_place_in_any_case(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        first, second = await cluster.add(2)
        await cluster.define(STEP, rateLimitConfig=limited(1))
        ids = [await order(cluster, first, number) for number in range(3)]
        await second.services.control.terminate(ids[1], "no longer wanted")
        await first.services.control.terminate(ids[0], "nor this")

        async def has_begun() -> bool:
            return (await running(second, ids))[2]

        await until(has_begun)
        await second.services.control.retry(ids[0], False)
        (scope,) = [slots.workflow_scope("w", "k")]
        assert await first.node.store.slots_taken([scope]) == {scope: 2}

    run(scenario)


def test_a_document_of_starts_that_nobody_understands_is_no_dead_end(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        (site,) = await cluster.add(1)
        await cluster.define(STEP)
        await cluster.define_task("a", rateLimitPerFrequency=2, rateLimitFrequencyInSeconds=1_000)
        await site.node.store.put_document(Document("rate", "a", 0, b"[]"))
        await site.start()
        assert len(await site.poll("a", 5)) == 1

    run(scenario)
