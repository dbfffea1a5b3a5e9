"""A TCP proxy within the test: it may refuse, cut, freeze, and lose answers of the database at the worst moment.

It understands as much of PostgreSQL's protocol as it takes to see that a commit was sent, and that it was answered.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

CHUNK = 1 << 16
PREPARED = re.compile(rb"P.{4}(\w+)\0SELECT[^\0]*podium_commit", re.DOTALL)  # Parse: length, name, text
BOUND = re.compile(rb"B.{4}\0(\w+)\0", re.DOTALL)  # Bind: length, no name of its own, name of the statement

Fault = Literal["before", "sent", "answered"]
"""When a connection is cut: before a commit is passed on, as soon as it was, or when its answer has come."""


class Proxy:
    """Passes connections on to one of the targets, in turn; `on_commit` says what to do about each commit."""

    def __init__(self, *targets: tuple[str, int]) -> None:
        self.targets = list(targets)
        self.on_commit: Callable[[], Fault | None] = lambda: None
        self.is_open = True  # else new connections are refused
        self.cuts = 0
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.thawed = asyncio.Event()
        self.thawed.set()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return host, port

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    async def stop(self) -> None:
        """Cut everything and listen no more."""
        assert self._server is not None
        self._server.close()
        self.cut()
        self.thaw()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def cut(self) -> int:
        """Reset all connections that there are; returns how many those were."""
        links = list(self._links)
        for link in links:
            link.cut()
        return len(links)

    def freeze(self) -> None:
        """Let nothing through from now on, as if the cable were out: connections stay, and are silent."""
        self.thawed.clear()

    def thaw(self) -> None:
        """Let through what waits, and all that follows."""
        self.thawed.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._link(reader, writer)
        finally:
            self._tasks.discard(task)

    async def _link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.thawed.wait()
        upstream = await self._connect() if self.is_open else None
        if upstream is None:
            writer.transport.abort()
            return
        link = Link(self, (reader, writer), upstream)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)
            link.cut()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection to the next target that takes one."""
        for _ in range(len(self.targets)):
            self._turn += 1
            target = self.targets[self._turn % len(self.targets)]
            with suppress(OSError):
                return await asyncio.open_connection(*target)
        return None


class Link:
    """One connection through the proxy."""

    def __init__(
        self,
        proxy: Proxy,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self._commits: set[bytes] = set()  # names of prepared statements that commit
        self._cuts_at_answer = False

    async def run(self) -> None:
        """Carry bytes both ways until one side ends."""
        ways = [asyncio.create_task(self._up()), asyncio.create_task(self._down())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)

    def cut(self) -> None:
        """Reset both sides."""
        self._client[1].transport.abort()
        self._server[1].transport.abort()

    async def _up(self) -> None:
        while data := await self._client[0].read(CHUNK):
            await self._proxy.thawed.wait()
            fault = self._proxy.on_commit() if self._is_commit(data) else None
            if fault == "before":
                self._proxy.cuts += 1
                return
            self._server[1].write(data)
            await self._server[1].drain()
            if fault == "sent":
                self._proxy.cuts += 1
                return
            self._cuts_at_answer = self._cuts_at_answer or fault == "answered"

    async def _down(self) -> None:
        while data := await self._server[0].read(CHUNK):
            await self._proxy.thawed.wait()
            if self._cuts_at_answer:
                self._proxy.cuts += 1
                return
            self._client[1].write(data)
            await self._client[1].drain()

    def _is_commit(self, data: bytes) -> bool:
        """Whether a commit is carried out in *data*: a statement is known by its text first, and by its name later."""
        self._commits.update(PREPARED.findall(data))
        return any(match[1] in self._commits for match in BOUND.finditer(data)) or b"COMMIT;" in data
