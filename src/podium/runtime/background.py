"""Work that goes on beside the calls: the event loop itself keeps no task alive that nobody waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Background:
    """The tasks of one owner, each until it ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin *work*; its errors are the event loop's to tell."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait until all has ended, and what began meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)
