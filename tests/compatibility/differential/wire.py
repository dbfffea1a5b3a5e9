"""How a scenario reaches a server: over HTTP, or straight into an ASGI application of this process."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import unquote

import httpx

TIMEOUT_S = 120.0
BUSY = "[SQLITE_BUSY"  # upstream lets the client have it when others write at the same moment
BUSY_TRIES = 20
BUSY_PAUSE_S = 0.2


class Answer(NamedTuple):
    """What a server said: the body as text, since a client sees no more."""

    status: int
    content_type: str
    text: str


class Wire(Protocol):
    """Sends one call; *path* begins below the root and holds the query."""

    async def call(self, method: str, path: str, body: bytes | None, content_type: str) -> Answer: ...


class HttpWire:
    """Calls a server at a base URL."""

    def __init__(self, url: str, connections: int) -> None:
        limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
        self._client = httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, limits=limits, trust_env=False)

    async def call(self, method: str, path: str, body: bytes | None, content_type: str) -> Answer:
        headers = {"Content-Type": content_type} if body is not None else {}
        for _ in range(BUSY_TRIES):
            found = await self._client.request(method, path, content=body, headers=headers)
            if BUSY not in found.text[:200]:
                break
            await asyncio.sleep(BUSY_PAUSE_S)
        return Answer(found.status_code, found.headers.get("content-type", ""), found.text)

    async def close(self) -> None:
        await self._client.aclose()


Asgi = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]
]


class AppWire:
    """Calls an ASGI application without a socket between: what a thousand scenarios in a minute need."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def call(self, method: str, path: str, body: bytes | None, content_type: str) -> Answer:
        sent: list[dict[str, Any]] = []
        waiting = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if waiting.is_set():
                await asyncio.Event().wait()
            waiting.set()
            return {"type": "http.request", "body": body or b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(_scope(method, path, body, content_type), receive, send)
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        headers = {name.lower(): value for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers.get(b"content-type", b"").decode(), text)


def _scope(method: str, path: str, body: bytes | None, content_type: str) -> dict[str, Any]:
    raw, _, query = path.partition("?")
    headers = [(b"host", b"podium"), (b"content-length", str(len(body or b"")).encode())]
    if body is not None:
        headers.append((b"content-type", content_type.encode()))
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(raw),
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
