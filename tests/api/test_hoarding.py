"""Clients that hold what others need: connections on which hardly anything comes, answers that they do not read."""

import asyncio
import contextlib
from typing import Any

import pytest

from podium.api.rest.protocol import PIECE_BYTES_MIN, PIPELINE_MAX

from .site import GET, Site, post, until, with_site

LARGE = 16 << 20  # more than what the kernel takes from the server while nobody reads


def only_connection(site: Site) -> Any:
    (connection,) = site.state.connections
    return connection


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nx: ", post(b"/a", b"a" * 100_000)[:-100_000]])
def test_request_that_comes_byte_by_byte_is_given_up(sent: bytes) -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(sent)
        closed = asyncio.ensure_future(client.reader.read())
        while not closed.done():
            client.writer.write(b"a")
            await asyncio.sleep(0.01)

        with contextlib.suppress(ConnectionError):
            assert await closed == b""

    with_site(use, keep_alive_s=0.1)


def test_body_that_comes_in_time_is_taken_however_long_it_takes() -> None:
    async def use(site: Site) -> None:
        client, size = await site.open(), 3 * PIECE_BYTES_MIN
        request = post(b"/a", b"a" * size)
        client.writer.write(request[:-size])
        for taken in range(PIECE_BYTES_MIN, size, PIECE_BYTES_MIN):
            client.writer.write(b"a" * PIECE_BYTES_MIN)
            await until(lambda taken=taken: sum(site.application.parts) == taken)  # type: ignore[misc]
            only_connection(site).timeout_keep_alive_handler()  # as if that had taken the whole time

        assert len((await client.ask(b"a" * PIECE_BYTES_MIN))[1]) == size + len(b"POST /a  ")

    with_site(use)


@pytest.mark.parametrize("request_", [GET, GET + GET, GET.replace(b"host: x", b"connection: close")])
def test_answer_that_nobody_reads_is_given_up(request_: bytes) -> None:
    async def use(site: Site) -> None:
        site.application.answer = b"a" * LARGE
        client = await site.open()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        client.writer.write(request_)
        await until(lambda: bool(site.application.asked))

        await until(lambda: not site.state.connections and not site.state.tasks)

    with_site(use, keep_alive_s=0.05)


def test_of_too_many_answers_that_nobody_reads_the_oldest_are_given_up() -> None:
    async def use(site: Site) -> None:
        site.application.answer = b"a" * LARGE
        clients = []
        for number in range(1, 4):
            client = await site.open()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.writer.write(GET)
            clients.append(client)
            await until(lambda number=number: len(site.application.asked) == number)  # type: ignore[misc]
        await until(lambda: len(site.state.connections) == 2)

        assert LARGE < site.unread.size_bytes <= 2 * LARGE
        for client in clients:
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
        with pytest.raises(asyncio.IncompleteReadError):
            await clients[0].answer()
        for client in clients[1:]:
            assert (await client.answer())[1] == site.application.answer
        assert site.unread.size_bytes == 0

    with_site(use, unread_bytes_max=2 * LARGE)


def test_connection_that_is_silent_after_a_body_that_nobody_wanted_is_closed() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        request = post(b"/unread", b"a" * 10)
        assert (await client.ask(request[:-5]))[1] == b"POST /unread  "
        client.writer.write(request[-5:])

        assert await client.is_closed()

    with_site(use, keep_alive_s=0.05)


def test_answer_that_is_read_slowly_leaves() -> None:
    async def use(site: Site) -> None:
        site.application.answer = b"a" * LARGE
        client = await site.open()
        transport: Any = client.writer.transport
        transport.pause_reading()
        client.writer.write(GET)
        await until(lambda: bool(site.state.connections) and only_connection(site).flow.write_paused)
        connection = only_connection(site)
        connection._abort_unread()  # the first look
        unsent = connection.transport.get_write_buffer_size()
        transport.resume_reading()
        await until(lambda: connection.transport.get_write_buffer_size() < unsent - PIECE_BYTES_MIN)
        connection._abort_unread()

        assert (await client.answer())[1] == site.application.answer

    with_site(use)


def test_new_connections_take_the_place_of_those_that_wait_longest() -> None:
    async def use(site: Site) -> None:
        old = [await site.open() for _ in range(3)]
        for client in old:
            await client.ask(GET)
            await asyncio.sleep(0.01)  # time that passes is what makes the difference
        old[0].writer.write(post(b"/later", b""))  # it is no longer idle
        await until(lambda: "/later" in site.application.asked)

        new = await site.open()
        assert (await new.ask(GET))[1] == b"GET /a b=c "

        assert await old[1].is_closed()
        assert (await old[2].ask(GET))[1] == b"GET /a b=c "
        site.application.may_answer.set()
        assert (await old[0].answer())[1] == b"POST /later  "

    with_site(use, connections_max=3)


def test_a_connection_too_many_is_refused() -> None:
    async def use(site: Site) -> None:
        busy = [await site.open() for _ in range(2)]
        for client in busy:
            client.writer.write(post(b"/later", b""))
        await until(lambda: len(site.application.asked) == 2)

        refused = await site.open()
        head, body = await refused.answer()

        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"retry-after: 1\r\n" in head
        assert b"more connections" in body
        assert await refused.is_closed()
        site.application.may_answer.set()
        assert {(await client.answer())[1] for client in busy} == {b"POST /later  "}

    with_site(use, connections_max=2)


def test_requests_in_a_row_have_an_end() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(post(b"/later", b"") + GET * (PIPELINE_MAX + 1))

        assert (await client.answer())[0].startswith(b"HTTP/1.1 400 ")
        assert await client.is_closed()
        site.application.may_answer.set()

    with_site(use)
