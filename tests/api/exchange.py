"""Single exchanges: a body as it is, and a request given to the application message by message."""

import asyncio
from collections.abc import Iterable
from typing import Any

import httpx

from .conftest import Api

TASKDEF = b'[{"name": "x"}]'


def post(wire: Api, path: str, content: bytes, content_type: str | None = "application/json") -> httpx.Response:
    headers = {"content-type": content_type} if content_type else {}
    return wire.call("POST", path, content=content, headers=headers)


class Exchange:
    """One request given to the application message by message."""

    def __init__(self, messages: Iterable[dict[str, Any]]) -> None:
        self.messages = list(messages)
        self.sent: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if self.messages:
            return self.messages.pop(0)
        return await asyncio.get_running_loop().create_future()

    async def send(self, message: Any) -> None:
        self.sent.append(message)


def raw(wire: Api, method: str, path: str, messages: Iterable[dict[str, Any]], headers: Any = ()) -> Exchange:
    exchange = Exchange(messages)
    scope = {
        "type": "http",
        "method": method,
        "path": path.partition("?")[0],
        "raw_path": path.partition("?")[0].encode(),
        "query_string": path.partition("?")[2].encode(),
        "headers": [(b"content-type", b"application/json"), *headers],
    }
    wire.run(wire.app(scope, exchange.receive, exchange.send))
    return exchange


def chunks(*parts: bytes) -> list[dict[str, Any]]:
    last = len(parts) - 1
    return [{"type": "http.request", "body": part, "more_body": place < last} for place, part in enumerate(parts)]
