"""Claims of queue rows by several polls at once: none is left behind."""

import asyncio
from typing import Any
from unittest.mock import MagicMock

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
