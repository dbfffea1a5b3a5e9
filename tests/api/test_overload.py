"""Overload: a store that is too slow for what comes. No test depends on how fast the machine is: commits wait at a gate,
and the clock of the admission is the test's.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.api.conftest import Api, result, simple
from tests.gated import GatedStore, until

from podium.model.errors import Overloaded
from podium.model.start import StartWorkflowRequest
from podium.runtime.overload import BATCH_MAX
from podium.store.memory import MemoryStore


class Slow:
    """A server over a store with a gate."""

    def __init__(self) -> None:
        self.store = GatedStore(MemoryStore())
        self.api = Api(self.store)  # type: ignore[arg-type]
        self.now_s = 0.0
        self.admission = self.api.node.committer.admission
        self.admission.now_s = lambda: self.now_s
        self.admission.start_wait_s_max = 1.0
        self.api.define(simple("a"))

    def start(self) -> "asyncio.Task[httpx.Response]":
        return asyncio.ensure_future(self.api.request("POST", "/api/workflow", json={"name": "w"}))

    async def starts(self, count: int) -> "list[asyncio.Task[str]]":
        """Begin starts, without HTTP for their number, and wait until each was refused or waits for its commit."""
        begun = self.admission.refused.starts + self.admission.commands
        services = self.api.services
        tasks = [asyncio.ensure_future(services.workflows.start(StartWorkflowRequest(name="w"))) for _ in range(count)]
        await until(lambda: self.admission.refused.starts + self.admission.commands >= begun + count)
        return tasks

    def report(self, task: dict[str, Any]) -> "asyncio.Task[httpx.Response]":
        return asyncio.ensure_future(self.api.request("POST", "/api/tasks", json=result(task)))

    async def jam(self) -> "asyncio.Task[httpx.Response]":
        """Have one commit wait at the gate; what comes then waits behind it."""
        self.store.shut()
        first = self.start()
        await until(lambda: self.store.held == 1)
        return first


@pytest.fixture
def slow() -> Iterator[Slow]:
    server = Slow()
    yield server
    server.store.open_gate()
    server.api.close()


def test_starts_are_refused_at_once_while_a_commit_hangs(slow: Slow) -> None:
    async def scenario() -> None:
        first = await slow.jam()
        waiting = await slow.starts(10)
        slow.now_s = 1.5  # longer than a start may wait

        refused = await asyncio.wait_for(slow.start(), 20)

        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["retryable"] is True
        assert not any(task.done() for task in waiting)  # they were taken, and will be answered
        slow.store.open_gate()
        await asyncio.gather(*waiting)
        assert (await first).status_code == 200
        assert (await slow.start()).status_code == 200

    slow.api.run(scenario())


def test_results_are_taken_when_starts_are_not(slow: Slow) -> None:
    slow.api.start()
    task = slow.api.poll()

    async def scenario() -> None:
        first = await slow.jam()
        slow.now_s = 1.5

        assert (await slow.start()).status_code == 429
        reported = slow.report(task)
        await until(lambda: slow.admission.commands == 1)
        slow.store.open_gate()
        assert (await reported).status_code == 200
        assert (await first).status_code == 200

    slow.api.run(scenario())
    assert slow.api.workflow(task["workflowInstanceId"])["status"] == "COMPLETED"


def test_results_do_not_wait_behind_starts(slow: Slow) -> None:
    slow.api.start()
    task = slow.api.poll()

    async def scenario() -> None:
        first = await slow.jam()
        starts = await slow.starts(3 * BATCH_MAX)
        reported = slow.report(task)
        await until(lambda: slow.admission.commands == 3 * BATCH_MAX + 1)

        await slow.store.let_one_pass()  # the first start
        await slow.store.let_one_pass()  # a batch: the result is in it, most starts are not

        assert (await asyncio.wait_for(reported, 20)).status_code == 200
        assert sum(one.done() for one in starts) < len(starts)
        slow.store.open_gate()
        await asyncio.gather(first, *starts)

    slow.api.run(scenario())


def test_what_waits_does_not_grow_under_five_times_the_load(slow: Slow) -> None:
    """Each commit takes 0.4 s, so that 640 starts a second are done; 3,200 a second come."""

    async def scenario() -> None:
        first, tasks, most = await slow.jam(), [], 0
        for _ in range(6):
            tasks += await slow.starts(5 * BATCH_MAX)
            most = max(most, slow.admission.commands)
            slow.now_s += 0.4
            await slow.store.let_one_pass()
        slow.store.open_gate()
        await first
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        refused = sum(isinstance(one, Overloaded) for one in answers)
        started = sum(isinstance(one, str) for one in answers)
        assert started + refused == len(tasks)
        assert refused > 2 * BATCH_MAX
        assert started >= 6 * BATCH_MAX  # full batches, all the time
        assert most < 10 * BATCH_MAX
        assert (slow.admission.commands, slow.admission.payload_bytes) == (0, 0)

    slow.api.run(scenario())


def test_waiting_polls_take_no_part_in_the_queue(slow: Slow) -> None:
    async def scenario() -> None:
        dispatcher = slow.api.node.dispatcher
        polls = [asyncio.ensure_future(dispatcher.poll("b", None, "me", 1, 600_000)) for _ in range(500)]
        await until(lambda: dispatcher.waiting_count >= 500)
        assert (await slow.start()).status_code == 200
        assert slow.admission.commands == 0
        slow.api.services.release_waiting()
        await asyncio.gather(*polls)

    slow.api.run(scenario())
