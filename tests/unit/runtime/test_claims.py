"""Claims of queue rows by several polls at once: none is left behind."""

import asyncio
import itertools
from typing import Any
from unittest.mock import MagicMock

import pytest

from podium.engine.commands import UpdateTask
from podium.model.errors import Overloaded
from podium.model.transition import QueueRow
from podium.runtime.dispatch import Dispatcher


class Rows:
    """The store's part in it: rows that are visible."""

    is_shared = False

    def __init__(self, count: int) -> None:
        self.rows = [QueueRow("pack", f"w{number}", 1, 0, 0) for number in range(count)]

    async def ready(self, queue: str, now_ms: int, limit: int, reserve_ms: int) -> list[QueueRow]:
        return self.rows[:limit]

    async def next_visible_ms(self, queue: str, after_ms: int) -> int:
        return 0


class Queue:
    """A dispatcher over a store, and what it submits: leases are answered when the test says so."""

    def __init__(self, store: Rows) -> None:
        self.store = store
        self.leases: dict[str, asyncio.Future[Any]] = {}
        self.room = len(store.rows)  # for leases, before they are refused
        self.put_back: list[str] = []
        limits = MagicMock(wanted=lambda rows: {}, may_start=lambda name: True, settle=lambda name, is_started: False)
        given: Any = store
        self.dispatcher = Dispatcher(given, self._submit, limits, lambda: 0, MagicMock(is_alone=True), MagicMock())
        self.dispatcher.handover.json = lambda workflow, task: workflow.id  # type: ignore[method-assign, assignment]

    def _submit(self, workflow_id: str, command: object) -> asyncio.Future[Any]:
        if self.room == 0:
            raise Overloaded("too much")
        self.room -= 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if isinstance(command, UpdateTask):
            self.put_back.append(workflow_id)
            answer.set_result(None)
        else:
            self.leases[workflow_id] = answer
        return answer

    def poll(self, count: int) -> "asyncio.Task[list[Any]]":
        return asyncio.create_task(self.dispatcher.poll("pack", None, "w", count, 0))

    def answer_leases(self) -> None:
        """Have the leases committed."""
        for workflow_id, lease in self.leases.items():
            self.store.rows = [row for row in self.store.rows if row.workflow_id != workflow_id]
            workflow = MagicMock()
            workflow.id = workflow_id
            lease.set_result((workflow, MagicMock(seq=1, runs="worker")))


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_poll_gets_what_was_leased_before_leases_were_refused() -> None:
    async def run() -> None:
        queue = Queue(Rows(4))
        queue.room = 2
        poll = queue.poll(4)
        await settled()
        queue.answer_leases()

        assert await poll == ["w0", "w1"]
        queue.leases.clear()
        queue.room = 4
        rest = queue.poll(4)
        await settled()
        queue.answer_leases()
        assert await rest == ["w2", "w3"]

    asyncio.run(run())


def test_a_poll_is_refused_when_no_lease_is_taken() -> None:
    async def run() -> None:
        queue = Queue(Rows(1))
        queue.room = 0

        with pytest.raises(Overloaded):
            await queue.poll(1)

    asyncio.run(run())


def test_a_task_whose_worker_has_gone_is_put_back_even_if_that_is_refused_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("podium.runtime.handover.TRY_AGAIN_S", 0.001)

    async def run() -> None:
        queue = Queue(Rows(1))
        poll = queue.poll(1)
        await settled()
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)
        queue.answer_leases()
        await settled()
        assert (queue.room, queue.put_back) == (0, [])
        queue.room = 1

        async with asyncio.timeout(20):
            while queue.put_back != ["w0"]:  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.001)

    asyncio.run(run())


def test_rows_are_found_while_leases_are_stored_but_not_yet_answered() -> None:
    async def run() -> None:
        store: Any = Rows(4)
        limits = MagicMock(wanted=lambda rows: {}, may_start=lambda name: True, settle=lambda name, is_started: False)
        leased: list[str] = []

        def submit(workflow_id: str, command: object) -> asyncio.Future[Any]:
            leased.append(workflow_id)
            store.rows = [row for row in store.rows if row.workflow_id != workflow_id]  # stored; the answer comes later
            return asyncio.get_running_loop().create_future()

        dispatcher = Dispatcher(store, submit, limits, lambda: 0, MagicMock(is_alone=True), MagicMock())
        polls = [asyncio.create_task(dispatcher.poll("pack", None, "w", count, 0)) for count in (2, 1, 1)]
        for _ in range(10):
            await asyncio.sleep(0)

        assert leased == ["w0", "w1", "w2", "w3"]
        for poll in polls:
            poll.cancel()
        await asyncio.gather(*polls, return_exceptions=True)

    asyncio.run(run())


def test_a_task_that_cannot_be_shown_does_not_hold_up_its_poll() -> None:
    async def run() -> None:
        queue = Queue(Rows(0))
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it tells of the fault

        def json(workflow: Any, _: Any) -> bytes:
            if workflow.id == "w0":
                raise KeyError("step")
            return str(workflow.id).encode()

        queue.dispatcher.handover.json = json  # type: ignore[method-assign]
        waiting = asyncio.create_task(queue.dispatcher.poll("pack", None, "w", 2, 60_000))
        await settled()
        queue.store.rows = [QueueRow("pack", f"w{number}", 1, 0, 0) for number in range(2)]
        queue.room = 2
        queue.dispatcher._look("pack")
        await settled()
        queue.answer_leases()

        async with asyncio.timeout(20):
            assert await waiting == [b"w1"]

    asyncio.run(run())


def test_a_look_at_the_store_that_fails_is_taken_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podium.runtime.dispatch.TRY_AGAIN_MS", 1)

    async def run() -> None:
        queue = Queue(Rows(0))
        waiting = asyncio.create_task(queue.dispatcher.poll("pack", None, "w", 1, 60_000))
        await settled()
        failures = [RuntimeError("a fault of the store")] * 3
        looks: list[float] = []
        ready = queue.store.ready

        async def fail(*arguments: Any) -> list[QueueRow]:
            looks.append(asyncio.get_running_loop().time())
            if failures:
                raise failures.pop()
            return await ready(*arguments)

        queue.store.ready = fail  # type: ignore[method-assign]
        queue.store.rows = [QueueRow("pack", "w0", 1, 0, 0)]
        queue.room = 1
        queue.dispatcher._look("pack")
        async with asyncio.timeout(20):
            while not queue.leases:  # noqa: ASYNC110 (nothing tells of it)
                await asyncio.sleep(0.001)
        queue.answer_leases()

        assert await waiting == ["w0"]
        assert all(later - earlier >= 0.001 for earlier, later in itertools.pairwise(looks))

    asyncio.run(run())
