"""HTTP/1.1 on a socket: httptools parses, each request becomes an exchange with the ASGI application.

In place of uvicorn's own protocol, which does the same at three times the cost. uvicorn's server still opens the
sockets, keeps the date of answers, and ends connections. The parser alone would take a head, or what stands between
chunks and after them, without end, in time that grows with the square of its size; here both are bounded.
"""

import asyncio
import platform
from collections import deque
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState

from podium.api.rest.exchange import Exchange, Scope, status_line
from podium.api.rest.failure import HeadTooLarge, error_body
from podium.model.errors import InvalidRequest, PodiumError

HEAD_BYTES_MAX = 65_536  # plus what one read brings


class HttpProtocol(asyncio.Protocol):
    """One connection. Requests are answered one after the other; the next one waits until that is done."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # noqa: ARG002 (uvicorn's; nothing is kept there)
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.app = config.loaded_app
        self.loop = _loop or asyncio.get_running_loop()
        self.state = server_state
        self.transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._keep_alive_s = config.timeout_keep_alive
        self._scope: Scope = {}  # what is the same for all requests
        self._url = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._unseen_bytes = 0  # since the parser last reached the end of a head, a piece of a body, or of a message
        self._receiving: Exchange | None = None
        self._answering: Exchange | None = None
        self._waiting: deque[Exchange] = deque()  # of requests that came before the answer to another; one read at most
        self._active_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_paused = False  # for reading
        self._writable: asyncio.Future[None] | None = None  # done when the client has taken enough of what was written

    # ---- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a new connection."""
        self.transport = transport  # type: ignore[assignment]
        self.state.connections.add(self)  # type: ignore[arg-type]
        self._scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "scheme": "https" if is_ssl(self.transport) else "http",
            "root_path": "",
            "server": get_local_addr(self.transport),
            "client": get_remote_addr(self.transport),
        }
        self._active_s = self.loop.time()
        self._timer = self.loop.call_later(self._keep_alive_s, self._look_for_idleness)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Tell those who still work for the client that it has gone."""
        self.state.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self.resume_writing()
        for exchange in (self._answering, *self._waiting):
            if exchange is not None:
                exchange.abandon()
        self._receiving = self._answering = None  # no cycles are left
        del self._parser

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless it has been fed too much without a result."""
        self._active_s = self.loop.time()
        self._unseen_bytes += len(data)
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):  # the second one is of CONNECT
            self._refuse(InvalidRequest("Invalid HTTP request received."))
            return
        if self._unseen_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(HeadTooLarge(f"The head of the request is larger than {HEAD_BYTES_MAX} bytes"))

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            # Java's client offers HTTP/2 with its first request, whatever that is. Nobody here speaks anything else,
            # and the parser would take the body for the other protocol's: it gets the request again without the offer.
            head = _head_without_offer(self._parser.get_method(), self._url, self._headers)
            self._parser.feed_data(head + data[offer.args[0] :])

    def eof_received(self) -> None:
        """Close, which also ends the work for the client."""

    def pause_writing(self) -> None:
        """Let answers wait: the client takes them too slowly."""
        if self._writable is None:
            self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """Let answers leave."""
        if self._writable is not None:
            self._writable.set_result(None)
            self._writable = None

    async def drain(self) -> None:
        """Wait until the client has taken enough of what was written."""
        if self._writable is not None:
            await asyncio.shield(self._writable)

    # ---- the parser's calls

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._url = b""
        self._headers = []

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Have the request answered, once those before it are."""
        self._unseen_bytes = 0
        parser = self._parser
        if parser.should_upgrade():
            return
        scope = {**self._scope}
        scope["method"] = parser.get_method().decode("ascii")
        scope["headers"] = self._headers
        _set_target(scope, self._url)
        keep_alive: bool = parser.should_keep_alive()
        version = parser.get_http_version()
        if version != "1.1":
            scope["http_version"] = version
            keep_alive = keep_alive and version != "1.0"
        exchange = self._receiving = Exchange(self, scope, keep_alive)
        if self._answering is None:
            self._answering = exchange
            exchange.begin()
        else:
            self._waiting.append(exchange)
            self.pause_reading()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._unseen_bytes = 0
        if self._receiving is not None:
            self._receiving.feed(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._unseen_bytes = 0
        if self._receiving is not None:
            self._receiving.end()

    # ---- the exchange's calls

    def pause_reading(self) -> None:
        """Take nothing from the client for now."""
        if not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take more from the client, unless other requests wait already."""
        if self._is_paused and not self._waiting and not self.transport.is_closing():
            self._is_paused = False
            self.transport.resume_reading()

    def answered(self, exchange: Exchange) -> None:
        """Go on after an answer: with the next request, or with waiting for one."""
        self.state.total_requests += 1
        self._active_s = self.loop.time()
        if not exchange.keep_alive:
            self.transport.close()
            return
        self._answering = None
        if self._waiting:
            self._answering = self._waiting.popleft()
            self._answering.begin()
        self.resume_reading()

    # ---- the end

    def shutdown(self) -> None:
        """Close the connection, after the answer that is being made: the server stops."""
        if self._answering is None:
            self.transport.close()
        else:
            self._answering.keep_alive = False

    def _look_for_idleness(self) -> None:
        """Close the connection when nothing has come for long and nothing is being answered."""
        is_busy = self._answering is not None and self._answering.is_whole
        left_s = self._keep_alive_s if is_busy else self._active_s + self._keep_alive_s - self.loop.time()
        if left_s > 0:
            self._timer = self.loop.call_later(left_s, self._look_for_idleness)
        else:
            self.transport.close()

    def _refuse(self, error: PodiumError) -> None:
        """Answer what is no HTTP, and close the connection."""
        body = error_body(error, platform.node())
        head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
        self.transport.write(status_line(HTTPStatus(error.status)) + head + body)
        self.transport.close()


def _head_without_offer(method: bytes, url: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [b"%s: %s" % line for line in headers if line[0] not in (b"connection", b"upgrade", b"http2-settings")]
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, url), *lines, b"\r\n"])


def _set_target(scope: Scope, url: bytes) -> None:
    """Cut the request's target into path and query."""
    if url[:1] == b"/" and b"#" not in url:
        path, _, query = url.partition(b"?")
    else:  # a whole address, as proxies get it
        parsed = httptools.parse_url(url)
        path, query = parsed.path or b"/", parsed.query or b""
    text = path.decode("ascii")
    scope["path"] = unquote(text) if "%" in text else text
    scope["raw_path"] = path
    scope["query_string"] = query
