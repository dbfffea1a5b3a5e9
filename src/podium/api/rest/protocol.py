"""HTTP/1.1 on the wire: uvicorn's protocol, with what it lacks for connections that nobody vouches for.

Bounds on what is not a body: the parser alone would take a head, or what stands between chunks and after them, without
end, in time that grows with the square of its size; and as many requests in a row as a client sends. An end of
connections on which a request never comes, comes too slowly, or whose answer nobody reads; and of the idlest ones when
there are too many. At a stop, time for a request that is on its way. An answer for clients that offer HTTP/2 with their
request. One write to the socket for an answer. And refusals of starts that cost next to nothing, when there are too
many: what is done for all that come would be missing for those that are taken.
"""

import asyncio
import math
import platform
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from podium.api.rest.failure import HeadTooLarge, error_body, extra_headers
from podium.api.rest.unread import UnreadAnswers
from podium.model.errors import InvalidRequest, Overloaded, PodiumError

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

Refusal = Callable[[], PodiumError | None]

HEAD_BYTES_MAX = 65_536  # plus what one read brings
PIECE_BYTES_MIN = 65_536  # of a request, or of an answer, in the time for which a silent connection is kept
PIPELINE_MAX = 100  # requests that wait for the answers of those before them
CONNECTIONS_MAX = 10_000  # where uvicorn's `limit_concurrency` does not say something else
LINGER_S = 0.3  # for a request that may be on its way when the server stops
DROPPED_BYTES_MAX = 1 << 20  # of the body of a start that is refused, before its connection is ended
IDLE_SHARE = 16  # of the connections are ended when there are too many: one in that many
START = b"/api/workflow"
_OFFER = (b"connection", b"upgrade", b"http2-settings")


class OneWrite:
    """A transport that keeps the head of an answer until its body comes: a write to a socket costs as much as routing.

    `flush` must be called when an answer is complete, since one to HEAD has no body.
    """

    __slots__ = ("_close", "_head", "_transport", "is_closing")

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        self._transport = transport
        self._close = close
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
        self._close()


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    _unseen_bytes = 0  # since the parser last reached the end of a head, a piece of a body, or the end of a message
    _is_awaited = True  # a request, or the rest of one
    _awaited_bytes = 0  # that came of it since its time was last looked at
    _unsent_bytes: float = math.inf  # when it was last looked whether the client reads
    _look: asyncio.TimerHandle | None = None
    is_ending = False  # the next request is the last one
    _refused: PodiumError | None = None  # what the request that comes is answered with
    _dropped_bytes = 0  # of its body

    def __init__(self, *arguments: Any, start_refusal: Refusal, unread: UnreadAnswers, **named: Any) -> None:
        """*start_refusal* says why the start of a workflow is to be refused now; *unread* is shared by all."""
        super().__init__(*arguments, **named)
        self._start_refusal = start_refusal
        self._unread = unread
        # Uvicorn would refuse the requests of all when there are too many connections.
        self._connections_max, self.limit_concurrency = self.limit_concurrency or CONNECTIONS_MAX, None

    def connection_made(self, transport: object) -> None:
        """Take a new connection."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._answers = OneWrite(self.transport, self._see_off)
        self._abort = self.transport.abort
        self._await_more()
        if len(self.connections) > self._connections_max and not self._make_room():
            self._refuse(Overloaded("The server has more connections than it can hold, try again later"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._unread.remove(self._abort)
        self._unset_keepalive_if_required()
        if self._look is not None:
            self._look.cancel()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, unless it has been fed too much without a result."""
        self._unseen_bytes += len(data)
        try:
            self._feed(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):  # the second one is of CONNECT
            self.send_400_response("Invalid HTTP request received.")
            return
        if self._unseen_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self._refuse(HeadTooLarge(f"The head of the request is larger than {HEAD_BYTES_MAX} bytes"))
        self._awaited_bytes += len(data)
        if self._is_awaited and self.timeout_keep_alive_task is None:
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
        """Close the connection when nothing comes for long, or next to nothing."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def timeout_keep_alive_handler(self) -> None:
        """Close the connection, unless much of a request has come, or what it still has to send is looked after."""
        if self._awaited_bytes >= PIECE_BYTES_MIN or self.flow.write_paused:
            self._awaited_bytes = 0
            self._await_more()
        else:
            self._see_off()

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        self._is_awaited, self._awaited_bytes = True, 0
        self._unset_keepalive_if_required()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._unseen_bytes = 0
        if len(self.pipeline) >= PIPELINE_MAX:
            raise InvalidRequest(f"More than {PIPELINE_MAX} requests wait for the answers of those before them")
        if self.parser.should_upgrade():
            return
        if self._is_plain_start():
            self._refused = self._start_refusal()
        if self._refused is None:
            super().on_headers_complete()
            if self.is_ending:
                self.cycle.keep_alive = False

    def _is_plain_start(self) -> bool:
        """Whether a start comes for which nothing is to be done but to answer it."""
        is_start = self.url == START and self.parser.get_method() == b"POST"
        return is_start and self._is_answered and not self.expect_100_continue and not self.is_ending

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._unseen_bytes = 0
        if self._refused is not None:
            self._dropped_bytes += len(body)
            if self._dropped_bytes > DROPPED_BYTES_MAX and not self.transport.is_closing():
                self._refuse(self._refused)
        elif not self.parser.should_upgrade():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._unseen_bytes = 0
        if self._refused is not None:
            refused, self._refused, self._dropped_bytes = self._refused, None, 0
            keeps_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
            if not self.transport.is_closing():
                self._answer(refused, keeps_alive=keeps_alive and not self.is_ending)
        elif not self.parser.should_upgrade():
            self._is_awaited = self.cycle.response_complete  # which may be before the end of the request
            if not self._is_awaited:
                self._unset_keepalive_if_required()
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

    # ---- connections that are ended

    def shutdown(self) -> None:
        """End the connection after the request that it is at, or that may be on its way; the server stops."""
        self.is_ending = True
        if self._is_answered:
            self._unset_keepalive_if_required()
            self.timeout_keep_alive_task = self.loop.call_later(LINGER_S, self._see_off)
        else:
            self.cycle.keep_alive = False

    def _see_off(self) -> None:
        """Close the connection once everything is written, if the client reads it."""
        self.transport.close()
        self._look_after_answer()

    def pause_writing(self) -> None:
        """Look after an answer that does not leave at once."""
        super().pause_writing()
        self._unread.add(self._abort, self.transport.get_write_buffer_size())
        self._look_after_answer()

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        self._unread.remove(self._abort)
        self._unsent_bytes = math.inf

    def _look_after_answer(self) -> None:
        if self._look is None and self.transport.get_write_buffer_size():
            self._look = self.loop.call_later(self.timeout_keep_alive, self._abort_unread)

    def _abort_unread(self) -> None:
        """End the connection if its client has hardly read anything since the last look."""
        self._look, unsent_bytes = None, self.transport.get_write_buffer_size()
        if self._unsent_bytes - unsent_bytes < PIECE_BYTES_MIN:
            self.transport.abort()
        elif self.flow.write_paused or self.transport.is_closing():
            self._unsent_bytes = unsent_bytes
            self._look_after_answer()

    def _make_room(self) -> bool:
        """Close some of the connections that have waited longest for a request; False when there are none."""
        others = (one for one in self.connections if one is not self)
        idle = [one for one in others if isinstance(one, HttpProtocol) and one.is_idle]
        for one in sorted(idle, key=HttpProtocol.due_s)[: self._connections_max // IDLE_SHARE + 1]:
            one._see_off()
        return bool(idle)

    @property
    def _is_answered(self) -> bool:
        """Whether the answer to the latest request that was given to the application is complete."""
        return self.cycle is None or self.cycle.response_complete

    @property
    def is_idle(self) -> bool:
        """Whether no call is on its way."""
        return self._is_answered and self.timeout_keep_alive_task is not None and not self.transport.is_closing()

    def due_s(self) -> float:
        """Return when the connection is to be closed, on the clock of the event loop."""
        return self.timeout_keep_alive_task.when() if self.timeout_keep_alive_task else math.inf

    def _refuse(self, error: PodiumError) -> None:
        self._answer(error, keeps_alive=False)

    def _answer(self, error: PodiumError, *, keeps_alive: bool) -> None:
        body = error_body(error, platform.node())
        lines = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            *(() if keeps_alive else ("connection: close",)),
            *(f"{name.decode()}: {value.decode()}" for name, value in extra_headers(error)),
        )
        self.transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if keeps_alive:
            self._await_more()
        else:
            self._see_off()


def _head_without_offer(method: bytes, url: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    lines = [b"%s: %s" % line for line in headers if line[0] not in _OFFER]
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, url), *lines, b"\r\n"])
