"""A small HTTP/1.1 client for loads: one connection, one request at a time, and no retry that nobody asked for.

After an error it is unknown what became of the request; the next one takes a new connection.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 10.0
FAILURES = (OSError, EOFError, TimeoutError, ValueError)


@dataclass(frozen=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def is_ok(self) -> bool:
        """Whether the call was done."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """Return the body's value, None when there is none."""
        return json.loads(self.body) if self.body else None


class Client:
    """Calls one address after the other: the next one when a call got no answer."""

    def __init__(self, *addresses: tuple[str, int], timeout_s: float = TIMEOUT_S) -> None:
        self._addresses = addresses
        self._place = 0
        self._timeout_s = timeout_s
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> Answer:
        """Call with GET."""
        return await self.call("GET", path)

    async def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        """Call with POST; *body* goes as JSON unless it is bytes."""
        return await self.call("POST", path, body, **headers)

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send a request and return the answer; one of `FAILURES` when there is none."""
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._exchange(method, path, data, headers)
        except BaseException:
            self.close()
            self._place += 1
            raise

    async def _exchange(self, method: str, path: str, data: bytes, headers: dict[str, str]) -> Answer:
        host, port = self._addresses[self._place % len(self._addresses)]
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # the server has closed it since the last call
        if self._streams is None:
            self._streams = await asyncio.open_connection(host, port)
        reader, writer = self._streams
        lines = [f"{method} {path} HTTP/1.1", f"host: {host}", "content-type: application/json"]
        lines += [
            f"content-length: {len(data)}",
            *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items()),
        ]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        await writer.drain()
        answer = await _read(reader)
        if answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def _read(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ", 2)[1])
    headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Answer(status, headers, body)
