"""Several server processes over one PostgreSQL database."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.process import Server

from .client import FAILURES, Client

COUNT = 3


def make(url: str, folder: Path, count: int = COUNT) -> list[Server]:
    """Return servers that are not started yet, each with a log in *folder*."""
    return [Server(url, log=folder / f"node-{number}.log") for number in range(count)]


@asynccontextmanager
async def started(servers: Sequence[Server]) -> AsyncIterator[list[tuple[str, int]]]:
    """Run the servers during the block; gives their addresses."""
    try:
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in servers))
        yield [server.address for server in servers]
    finally:
        for server in servers:
            server.kill()


def pause(server: Server) -> None:
    """Let a process stand still."""
    os.kill(server.pid, signal.SIGSTOP)


def resume(server: Server) -> None:
    """Let it go on."""
    os.kill(server.pid, signal.SIGCONT)


async def metric(server: Server, name: str) -> float:
    """Return the sum of a metric over its labels; waits for a server that does not answer yet."""
    client = Client(server.address, timeout_s=5.0)
    for _ in range(20):
        try:
            text = (await client.get("/metrics")).text
        except FAILURES:
            await asyncio.sleep(0.2)
            continue
        client.close()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if _is_of(line, name))
    raise TimeoutError(f"{server.url} shows no metrics")


def _is_of(line: str, name: str) -> bool:
    return line.startswith((f"{name} ", f"{name}{{"))
