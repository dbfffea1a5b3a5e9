"""The end of a server: what its clients have sent by then is answered."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
import uvloop

from podium.api.port import listen
from podium.api.rest import protocol
from podium.api.rest.server import Server

from .site import GET, Application, Client, Site, until, with_site


def with_server(use: Callable[[Server, socket.socket, Application], Awaitable[None]]) -> None:
    """Run *use* with a server that answers."""

    async def run() -> None:
        application, listener = Application(), listen("127.0.0.1", 0)
        server = Server(application, lambda: None, lambda: None, application.may_answer.set, lambda: None)
        server.config.load()
        server.lifespan = server.config.lifespan_class(server.config)
        await server.startup([listener])
        async with asyncio.timeout(20):
            await use(server, listener, application)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


def test_a_connection_that_the_server_has_not_seen_yet_is_answered() -> None:
    async def use(server: Server, listener: socket.socket, _: Application) -> None:
        address = listener.getsockname()
        clients = [socket.create_connection(address) for _ in range(20)]  # without a turn of the server's loop
        for client in clients:
            client.sendall(GET)
        await server.shutdown([listener])

        answers = [client.recv(1_000) for client in clients]
        assert [answer.split(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 20
        assert all(b"connection: close" in answer for answer in answers)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        for client in clients:
            client.close()

    with_server(use)


def test_a_request_that_comes_after_the_stop_has_begun_is_the_last_one_of_its_connection() -> None:
    async def use(server: Server, listener: socket.socket, _: Application) -> None:
        client = Client(*await asyncio.open_connection(*listener.getsockname()))
        await client.ask(GET)
        stopping = asyncio.create_task(server.shutdown([listener]))
        await until(lambda: not server.servers[0].is_serving())
        head, _body = await client.ask(GET)

        assert head.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in head
        assert await client.is_closed()
        await stopping
        client.close()

    with_server(use)


def test_who_waits_is_answered_at_a_stop() -> None:
    async def use(server: Server, listener: socket.socket, _: Application) -> None:
        client = Client(*await asyncio.open_connection(*listener.getsockname()))
        answer = asyncio.create_task(client.ask(GET.replace(b"/a?b=c", b"/later")))
        await until(lambda: bool(server.server_state.tasks))
        await server.shutdown([listener])

        assert (await answer)[0].startswith(b"HTTP/1.1 200")
        client.close()

    with_server(use)


def test_a_quiet_connection_does_not_hold_up_the_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LINGER_S", 0.01)

    async def use(site: Site) -> None:
        never, used = await site.open(), await site.open()
        await used.ask(GET)
        await until(lambda: len(site.state.connections) == 2)
        began_s = time.monotonic()
        for connection in list(site.state.connections):
            connection.shutdown()

        assert await never.is_closed()
        assert await used.is_closed()
        assert time.monotonic() - began_s < 10  # far less than the 30 s for which a quiet connection is kept

    with_site(use)
