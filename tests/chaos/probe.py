"""How slow a machine is while a test runs: the slowest answer to a plain read.

A goal in seconds belongs to a machine that has time. What a timer sets off takes a commit, a poll and a commit, so a
test that measures it allows three of the slowest reads more.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .client import FAILURES, Client

EVERY_S = 0.1
READ = "/api/workflow/00000000-0000-7000-8000-000000000000"  # not there, which the database has to say
CALLS = 3


class Probe:
    """Reads again and again."""

    def __init__(self, *addresses: tuple[str, int]) -> None:
        self._addresses = addresses
        self._slowest_s = 0.0

    @property
    def allowance_s(self) -> float:
        """What the machine may add to the time that something takes."""
        return CALLS * self._slowest_s

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Read during the block, from each server."""
        tasks = [asyncio.create_task(self._read(address)) for address in self._addresses]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, address: tuple[str, int]) -> None:
        client = Client(address)
        try:
            while True:
                began_s = time.monotonic()
                await client.get(READ)
                self._slowest_s = max(self._slowest_s, time.monotonic() - began_s)
                await asyncio.sleep(EVERY_S)
        except FAILURES:
            return
        finally:
            client.close()
