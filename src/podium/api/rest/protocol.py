"""HTTP/1.1 on the wire: uvicorn's protocol, with what it lacks for connections that nobody vouches for.

Bounds on what is not a body: the parser alone would take a head, or what stands between chunks and after them, without
end, in time that grows with the square of its size. An end of connections on which a request never comes, or never
comes whole. An answer for clients that offer HTTP/2 with their request. And one write to the socket for an answer.
"""

import asyncio
import platform
from http import HTTPStatus
from typing import TYPE_CHECKING

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from podium.api.rest.failure import HeadTooLarge, error_body
from podium.model.errors import InvalidRequest, PodiumError

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

HEAD_BYTES_MAX = 65_536  # plus what one read brings
_OFFER = (b"connection", b"upgrade", b"http2-settings")


class OneWrite:
    """A transport that keeps the head of an answer until its body comes: a write to a socket costs as much as routing.

    `flush` must be called when an answer is complete, since one to HEAD has no body.
    """

    __slots__ = ("_head", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Write *data* after the head that was kept, or keep it when it is one."""
        if self._head:
            self._transport.write(self._head + data)
            self._head = b""
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 100 "):
            self._head = data
        else:
            self._transport.write(data)

    def flush(self) -> None:
        """Write what was kept."""
        if self._head:
            self.write(b"")

    def close(self) -> None:
        """Close the transport once everything is written."""
        self.flush()
        self._transport.close()


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _unseen_bytes = 0  # since the parser last reached the end of a head, a piece of a body, or the end of a message
    _is_awaited = True  # a request, or the rest of one

    def connection_made(self, transport: object) -> None:
        """Take a new connection."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._answers = OneWrite(self.transport)
        self._await_more()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless it has been fed too much without a result."""
        self._unset_keepalive_if_required()
        self._unseen_bytes += len(data)
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):  # the second one is of CONNECT
            self.send_400_response("Invalid HTTP request received.")
            return
        if self._unseen_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(HeadTooLarge(f"The head of the request is larger than {HEAD_BYTES_MAX} bytes"))
        if self._is_awaited:
            self._await_more()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            # Java's client offers HTTP/2 with its first request, whatever that is. Nobody here speaks anything else,
            # and the parser would take the body for the other protocol's: it gets the request again without the offer.
            head = _head_without_offer(self.parser.get_method(), self.url, self.headers)
            self.parser.feed_data(head + data[offer.args[0] :])

    def _await_more(self) -> None:
        """Close the connection when nothing comes for long."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._is_awaited = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._unseen_bytes = 0
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._unseen_bytes = 0
        if not self.parser.should_upgrade():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._unseen_bytes = 0
        if not self.parser.should_upgrade():
            self._is_awaited = False
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close the connection."""
        self._refuse(InvalidRequest(msg))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: "ASGI3Application") -> None:
        cycle.transport = self._answers  # type: ignore[assignment]
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        self._answers.flush()
        super().on_response_complete()

    def _refuse(self, error: PodiumError) -> None:
        body = error_body(error, platform.node())
        lines = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
        )
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        self.transport.close()


def _head_without_offer(method: bytes, url: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [b"%s: %s" % line for line in headers if line[0] not in _OFFER]
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, url), *lines, b"\r\n"])
