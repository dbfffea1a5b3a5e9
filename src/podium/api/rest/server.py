"""The HTTP server: uvicorn without its signal handlers, and with a stop at which no request is lost that can be saved.

At a stop, connections that clients have made already are taken before the port is closed, a request that is on its way
on a quiet connection is waited for and answered as its last one, and who waits for a task is answered at once.
"""

import asyncio
import contextlib
import functools
import socket
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn

from podium.api.port import BACKLOG, connections_max
from podium.api.rest.protocol import HttpProtocol, Refusal
from podium.api.rest.unread import UnreadAnswers

ANSWERS_S_MAX = 2  # for answers that are on their way when the server is told to stop
KEEP_ALIVE_S = 75
RELEASE_S = 0.05

Hook = Callable[[], None]


class Server(uvicorn.Server):
    """A server for one application."""

    def __init__(
        self, app: Callable[..., Any], on_ready: Hook, on_stop: Hook, release: Hook, start_refusal: Refusal
    ) -> None:
        """*on_ready* and *on_stop* are told, *release* answers who waits, *start_refusal* is `HttpProtocol`'s."""
        self._protocol = functools.partial(HttpProtocol, start_refusal=start_refusal, unread=UnreadAnswers())
        config = uvicorn.Config(
            app,
            http=self._protocol,  # type: ignore[arg-type]
            ws="none",
            lifespan="off",  # started and stopped around the server, where errors can be told plainly
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            limit_concurrency=connections_max(),  # read by HttpProtocol
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=ANSWERS_S_MAX,
        )
        super().__init__(config)
        self._on_ready, self._on_stop, self._release = on_ready, on_stop, release

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals, by which uvicorn would end the process, to whoever runs the server."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say so."""
        await super().startup(sockets)
        if self.started:
            self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, and answer the open requests; waiting polls at once."""
        self._on_stop()
        release = asyncio.create_task(self._release_often())
        try:
            await self._take_the_last(sockets or [])
            await super().shutdown(sockets)
        finally:
            release.cancel()

    async def _take_the_last(self, sockets: list[socket.socket]) -> None:
        """Close the port, but not on clients for whom the system has answered already: they would lose a request."""
        taken = [connection for one in sockets for connection in _accepted(one)]
        for server in self.servers:
            server.close()
        loop = asyncio.get_running_loop()
        for connection in taken:
            with contextlib.suppress(OSError):  # it has gone
                await loop.connect_accepted_socket(self._last, connection)

    def _last(self) -> HttpProtocol:
        """Return a connection for one request."""
        made = self._protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        made.is_ending = True
        return made

    async def _release_often(self) -> None:
        while True:
            self._release()
            await asyncio.sleep(RELEASE_S)


def _accepted(listener: socket.socket) -> Iterator[socket.socket]:
    with contextlib.suppress(OSError):  # there are no more
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            yield connection
