"""The ASGI application: one dispatcher over the route table, with nothing between the server and the handlers.

Never lets an exception out, answers every request once, and reads no more of a body than the limit.
"""

import asyncio
import logging
import platform
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import unquote

from podium.api.rest.failure import WrongContentType, WrongMethod, error_body, extra_headers
from podium.api.rest.parameter import read_headers, read_parameters
from podium.api.rest.route import Answer, Body, Reply, Route
from podium.api.rest.router import Router
from podium.api.rest.table import routes
from podium.model.errors import InternalError, InvalidRequest, NotFound, Overloaded, PodiumError, TooLarge
from podium.model.wire import encode_json
from podium.service import Services

BODY_BYTES_MAX = 12 << 20
LARGE_BYTES = 64 << 10  # a body beyond it is read in a thread, as a megabyte takes some ten ms
READERS = 2  # such bodies at once
BODIES_BYTES_MAX = 256 << 20  # of those that come and those that wait; beyond it large ones are refused
PATH_BYTES_MAX = 16_384
WATCH_AFTER_S = 0.15  # calls that take longer are given up when their client goes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Hook = Callable[[], Awaitable[None]]
Header = tuple[bytes, bytes]

log = logging.getLogger(__name__)


class Observer(Protocol):
    """Whoever counts calls and shows the figures."""

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        """Note a call; *path* is the template of its route."""

    async def figures(self) -> bytes:
        """Return what GET /metrics shows, as Prometheus' text."""


class ClientGone(Exception):
    """Nobody is there for the answer."""


def create_app(
    services: Services,
    *,
    on_startup: Hook,
    on_shutdown: Hook,
    observer: Observer | None = None,
    instance: str | None = None,
    body_bytes_max: int = BODY_BYTES_MAX,
) -> "App":
    """Return the application over *services*; the two hooks run when the server begins and ends.

    *instance* is the name of this node in error bodies, its host name if None.
    """
    figures = observer.figures if observer else None
    table = routes(services, figures)
    hooks = (on_startup, on_shutdown, services.refresh)
    return App(Router(table), hooks, observer, instance or platform.node(), body_bytes_max)


class App:
    """An ASGI 3 application."""

    def __init__(
        self,
        router: Router,
        hooks: tuple[Hook, Hook, Callable[[], Awaitable[bool]]],
        observer: Observer | None,
        instance: str,
        body_bytes_max: int,
    ) -> None:
        self._router = router
        self._on_startup, self._on_shutdown, self._refresh = hooks
        self._observer = observer
        self._instance = instance
        self._body_bytes_max = body_bytes_max
        self._readers = ThreadPoolExecutor(READERS, "body")
        self._held_bytes = 0  # of bodies that have begun to come and are not decoded yet

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection of ASGI."""
        if scope["type"] == "http":
            return self._serve(scope, receive, send)
        if scope["type"] == "lifespan":
            return self._live(receive, send)
        return send({"type": "websocket.close", "code": 1000})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            name = "startup" if message["type"] == "lifespan.startup" else "shutdown"
            try:
                await (self._on_startup() if name == "startup" else self._on_shutdown())
            except Exception as error:
                log.exception("the %s of the server failed", name)
                await send({"type": f"lifespan.{name}.failed", "message": str(error)})
                return
            await send({"type": f"lifespan.{name}.complete"})
            if name == "shutdown":
                return

    # ---- one request

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.monotonic()
        route: Route | None = None
        headers: list[Header] = []
        method = scope["method"]
        try:
            route, values = self._find(method, scope)
            if route.parameters:
                values += read_parameters(route.parameters, scope["query_string"])
            if route.headers:
                values += read_headers(route.headers, scope["headers"])
            if route.body is not None:
                values.append(await self._body(route, scope["headers"], receive))
            result = await self._result(route, values, receive)
            status, headers, body = _encoded(route.answer, result)
        except PodiumError as error:
            status, body = error.status, error_body(error, self._instance)
            headers = [_JSON_TYPE, *extra_headers(error), *self._allow(status, scope)]
        except ClientGone:
            return
        except Exception:
            log.exception("%s %s failed", method, route.path if route else "?")
            status, headers = 500, [_JSON_TYPE]
            body = error_body(InternalError(), self._instance)
        if self._observer is not None:
            self._observer.answered(method, route.path if route else "", status, time.monotonic() - began)
        if status != 204:
            headers = [*headers, (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if method == "HEAD" else body})

    async def _result(self, route: Route, values: list[Any], receive: Receive) -> Any:
        """Call the handler; again when it misses something that another node has made meanwhile."""
        try:
            work = route.handler(*values)
            return await (_while_connected(work, receive) if route.waits else work)
        except NotFound:
            if not await self._refresh():
                raise
        return await route.handler(*values)

    def _find(self, method: str, scope: Scope) -> tuple[Route, list[Any]]:
        route = self._router.literal(method, scope["path"])
        if route is not None and b"%" not in (scope.get("raw_path") or b""):
            return route, []
        segments = _segments(scope)
        found = self._router.find("GET" if method == "HEAD" else method, segments)
        if found is not None:
            return found
        if self._router.methods(segments):
            raise WrongMethod(f"Request method '{method[:20]}' is not supported")
        path = "/".join(segments[1:])
        raise NotFound(f"No static resource {path[:500].rstrip('/')}.")

    def _allow(self, status: int, scope: Scope) -> list[Header]:
        if status != WrongMethod.status:
            return []
        return [(b"allow", ", ".join(self._router.methods(_segments(scope))).encode())]

    async def _body(self, route: Route, headers: list[Header], receive: Receive) -> Any:
        assert route.body is not None  # noqa: S101
        content_type, announced = b"", 0
        for name, value in headers:
            if name == b"content-type":
                content_type = value
            elif name == b"content-length" and value.isdigit() and len(value) < 20:
                announced = int(value)
        is_other = route.body.is_json and content_type != b"application/json"
        if is_other and (route.body.required or announced):
            _check_content_type(content_type.decode("latin-1"))
        if announced > self._body_bytes_max:
            raise self._too_large()
        return await self._read(route.body, receive)

    async def _read(self, body: Body, receive: Receive) -> Any:
        """Take a body as it comes, and decode it."""
        parts: list[bytes] = []
        size, more = 0, True
        try:
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                parts.append(message.get("body", b""))
                size += len(parts[-1])
                self._held_bytes += len(parts[-1])
                self._check_room(size)
                more = message.get("more_body", False)
            if size > LARGE_BYTES:
                return await asyncio.get_running_loop().run_in_executor(self._readers, _decode, body, parts)
            return _decode(body, parts)
        finally:
            self._held_bytes -= size

    def _check_room(self, size: int) -> None:
        if size > self._body_bytes_max:
            raise self._too_large()
        if self._held_bytes > BODIES_BYTES_MAX and size > LARGE_BYTES:
            raise Overloaded("The server reads too many large requests, try again later")

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The request body is larger than {self._body_bytes_max} bytes")


def _decode(body: Body, parts: list[bytes]) -> Any:
    return body.decode(b"".join(parts))


# ---- paths


def _segments(scope: Scope) -> list[str]:
    """Cut the path at its slashes; an encoded slash inside of a segment is refused, as it is upstream."""
    raw: bytes | None = scope.get("raw_path")
    if raw is None or b"%" not in raw:
        path: str = scope["path"]
        if len(path) > PATH_BYTES_MAX:
            raise InvalidRequest(f"The path is longer than {PATH_BYTES_MAX} bytes")
        return path.split("/")
    if len(raw) > PATH_BYTES_MAX:
        raise InvalidRequest(f"The path is longer than {PATH_BYTES_MAX} bytes")
    text = raw.decode("latin-1").partition("?")[0]
    if "%2f" in text.lower():
        raise InvalidRequest("An encoded slash is not allowed in a path")
    return [unquote(part) for part in text.split("/")]


def _check_content_type(given: str) -> None:
    kind = given.partition(";")[0].strip().lower()
    if "*" in kind:
        raise InvalidRequest(f"Content-Type cannot contain wildcard type '{given[:100]}'")
    if kind != "application/json" and not kind.endswith("+json"):
        raise WrongContentType(f"Content-Type '{given[:100]}' is not supported")


# ---- answers

_JSON_TYPE: Header = (b"content-type", b"application/json")
_HEADERS: dict[str, list[Header]] = {}


def _headers(content_type: str) -> list[Header]:
    """Return the prepared header lines for a content type; there are as many as routes name."""
    found = _HEADERS.get(content_type)
    if found is None:
        found = _HEADERS[content_type] = [(b"content-type", content_type.encode())]
    return found


def _encoded(answer: Answer, result: Any) -> tuple[int, list[Header], bytes]:
    if type(result) is Reply:
        return result.status, _headers(result.content_type), result.body
    status, content_type = answer
    if result is None or content_type is None:
        return (204 if content_type == "application/json" else status), [], b""
    if type(result) is bytes:
        return status, _headers(content_type), result
    if content_type == "application/json":
        return status, _headers(content_type), encode_json(result)
    return status, _headers(content_type), str(result).encode()


# ---- clients that go


async def _while_connected(work: Awaitable[Any], receive: Receive) -> Any:
    """Return what *work* gives; `ClientGone` when the client goes before."""
    loop = asyncio.get_running_loop()
    watch = _Watch(receive)
    timer = loop.call_later(WATCH_AFTER_S, watch.begin)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.is_gone and watch.owner.uncancel() == 0:
            raise ClientGone from None
        raise
    finally:
        timer.cancel()
        watch.end()


class _Watch:
    """Waits for the client's going, and then cancels the task that works for it."""

    __slots__ = ("_receive", "_task", "is_gone", "owner")

    def __init__(self, receive: Receive) -> None:
        owner = asyncio.current_task()
        assert owner is not None  # noqa: S101
        self.owner = owner
        self.is_gone = False
        self._receive = receive
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start to watch."""
        self._task = asyncio.get_running_loop().create_task(self._wait())

    def end(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.is_gone = True
        self.owner.cancel()
