"""One request and its answer, as ASGI has them. An answer leaves in one piece, with a length."""

import asyncio
import logging
from collections.abc import MutableMapping
from http import HTTPStatus
from typing import Any, Protocol

from uvicorn.server import ServerState

BODY_BYTES_UNREAD_MAX = 65_536  # no more is taken from the client while the application does not read

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]

log = logging.getLogger(__name__)


class Connection(Protocol):
    """What an exchange needs of its connection."""

    app: Any
    loop: asyncio.AbstractEventLoop
    state: ServerState
    transport: asyncio.Transport

    def pause_reading(self) -> None:
        """Take nothing from the client for now."""

    def resume_reading(self) -> None:
        """Take more from the client."""

    async def drain(self) -> None:
        """Wait until the client has taken enough of what was written."""

    def answered(self, exchange: "Exchange") -> None:
        """Go on after an answer."""


def status_line(status: HTTPStatus) -> bytes:
    """Return the first line of an answer."""
    return f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()


_STATUS_LINES = {status.value: status_line(status) for status in HTTPStatus}


class Exchange:
    """The application's `receive` and `send` for one request."""

    __slots__ = (
        "_connection",
        "_has_news",
        "_is_gone",
        "_is_invited",
        "_parts",
        "_scope",
        "_size",
        "_start",
        "_task",
        "_waiter",
        "is_answered",
        "is_whole",
        "keep_alive",
    )

    def __init__(self, connection: Connection, scope: Scope, keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.is_whole = False  # the request has come to its end
        self.is_answered = False
        self._connection = connection
        self._scope = scope
        self._parts: list[bytes] = []  # of the body, as far as they are not read
        self._size = 0
        self._has_news = False  # for `receive`
        self._is_gone = False  # the client
        self._is_invited = False  # to send the body
        self._waiter: asyncio.Future[None] | None = None
        self._start: Message | None = None
        self._task: asyncio.Task[None] | None = None

    # ---- the connection's calls

    def begin(self) -> None:
        """Have the application answer."""
        self._task = self._connection.loop.create_task(self._run())
        self._connection.state.tasks.add(self._task)

    def feed(self, body: bytes) -> None:
        """Take a piece of the body; after the answer nobody wants it."""
        if self.is_answered:
            return
        self._parts.append(body)
        self._size += len(body)
        if self._size > BODY_BYTES_UNREAD_MAX:
            self._connection.pause_reading()
        self._tell()

    def end(self) -> None:
        """Take the end of the request."""
        self.is_whole = True
        self._tell()

    def abandon(self) -> None:
        """Learn that the client has gone."""
        self._is_gone = True
        self._tell()

    def _tell(self) -> None:
        self._has_news = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # ---- the application

    async def _run(self) -> None:
        connection, task = self._connection, self._task
        try:
            await connection.app(self._scope, self.receive, self.send)
        except Exception:
            log.exception("the application failed")
        finally:
            if task is not None:
                connection.state.tasks.discard(task)
            if not self.is_answered:  # failed, cancelled, or nobody is there
                connection.transport.close()

    async def receive(self) -> Message:
        """Return the next part of the body; once it is whole and read, wait for the client's going."""
        if not self._has_news:
            await self._news()
        if self._is_gone or self.is_answered:
            return {"type": "http.disconnect"}
        self._has_news = False
        body = b"".join(self._parts)
        self._parts, self._size = [], 0
        return {"type": "http.request", "body": body, "more_body": not self.is_whole}

    async def _news(self) -> None:
        connection = self._connection
        if not self.is_whole:
            if not self._is_invited and _is_invitation_wanted(self._scope["headers"]):
                self._is_invited = True
                connection.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.resume_reading()
        self._waiter = connection.loop.create_future()
        await self._waiter

    async def send(self, message: Message) -> None:
        """Take the start of the answer, and then its body, with which both leave."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        if self._start is None or self.is_answered or message.get("more_body"):
            raise RuntimeError(f"An answer is one start and one body, got {message['type']}")
        await self._connection.drain()
        self.is_answered = True
        if not self._connection.transport.is_closing():
            self._connection.transport.write(self._head(self._start) + message.get("body", b""))
            self._connection.answered(self)

    def _head(self, start: Message) -> bytes:
        lines = [_STATUS_LINES[start["status"]]]
        for name, value in (*self._connection.state.default_headers, *start["headers"]):
            lines += (name, b": ", value, b"\r\n")
        lines.append(b"\r\n" if self.keep_alive else b"connection: close\r\n\r\n")
        return b"".join(lines)


def _is_invitation_wanted(headers: list[tuple[bytes, bytes]]) -> bool:
    return any(name == b"expect" and value.lower() == b"100-continue" for name, value in headers)
