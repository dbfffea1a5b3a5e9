"""HTTP on a socket, and nothing of podium behind it: an application that answers with what it was asked, and its clients."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
import uvloop
from uvicorn.server import ServerState

from podium.api.rest.protocol import HttpProtocol, Refusal
from podium.api.rest.unread import UNREAD_BYTES_MAX, UnreadAnswers

GET = b"GET /a?b=c HTTP/1.1\r\nhost: x\r\n\r\n"
Messages = dict[str, Any]


class Application:
    """Answers with what it was asked, when it may; `/later` waits for `may_answer`."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.asked: list[str] = []
        self.parts: list[int] = []  # sizes of the parts of bodies
        self.gone = 0
        self.answer = b""

    async def __call__(self, scope: Messages, receive: Callable[[], Awaitable[Messages]], send: Any) -> None:
        self.asked.append(scope["path"])
        if scope["path"] == "/later":
            await self.may_answer.wait()
        if scope["path"] == "/fails":
            raise ValueError("on purpose")
        body = b""
        while scope["path"] != "/unread":
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone += 1
                return
            self.parts.append(len(message["body"]))
            body += message["body"]
            if not message["more_body"]:
                break
        text = b"%s %s %s %s" % (scope["method"].encode(), scope["raw_path"], scope["query_string"], body)
        answer = self.answer or text
        headers = [(b"content-length", b"%d" % len(answer))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer})


class Site:
    """A server of the application on a free port."""

    def __init__(self, application: Application, state: ServerState, unread: UnreadAnswers, port: int) -> None:
        self.application = application
        self.state = state
        self.unread = unread
        self.port = port
        self.clients: list[Client] = []

    async def open(self) -> "Client":
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24))
        self.clients.append(client)
        return client

    async def ask(self, *parts: bytes) -> tuple[bytes, bytes]:
        return await (await self.open()).ask(*parts)


class Client:
    """A client that writes what it is told."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def ask(self, *parts: bytes) -> tuple[bytes, bytes]:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0)
        return await self.answer()

    async def answer(self) -> tuple[bytes, bytes]:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        return head, await self.reader.readexactly(length)

    async def is_closed(self) -> bool:
        return await self.reader.read() == b""

    def close(self) -> None:
        self.writer.close()


def with_site(
    use: Callable[[Site], Awaitable[None]],
    keep_alive_s: float = 30,
    connections_max: int | None = None,
    start_refusal: Refusal = lambda: None,
    unread_bytes_max: int = UNREAD_BYTES_MAX,
) -> None:
    """Run *use* with a server."""

    async def run() -> None:
        application = Application()
        config = uvicorn.Config(application, ws="none", lifespan="off", interface="asgi3", log_config=None)
        config.limit_concurrency = connections_max
        config.load()
        config.timeout_keep_alive = keep_alive_s  # type: ignore[assignment]
        state = ServerState()
        state.default_headers = [(b"date", b"today")]
        unread = UnreadAnswers(unread_bytes_max)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: HttpProtocol(config, state, {}, start_refusal=start_refusal, unread=unread), "127.0.0.1", 0
        )
        async with server, asyncio.timeout(20):
            site = Site(application, state, unread, server.sockets[0].getsockname()[1])
            try:
                await use(site)
            finally:
                for client in site.clients:
                    client.writer.transport.abort()
                await until(lambda: not state.connections)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 (there is no event for what the tests wait for)
            await asyncio.sleep(0.002)


def post(path: bytes, body: bytes, *lines: bytes) -> bytes:
    head = b"".join(line + b"\r\n" for line in (b"POST %s HTTP/1.1" % path, b"host: x", *lines))
    return head + b"content-length: %d\r\n\r\n" % len(body) + body
