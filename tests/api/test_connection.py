"""HTTP on a socket: requests in pieces and in rows, answers in their order, clients that go, connections that end."""

import asyncio
import contextlib
from collections.abc import Callable

import pytest
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from podium.api.rest.protocol import OneWrite

from .site import GET, Site, post, until, with_site


def test_request_and_answer() -> None:
    async def use(site: Site) -> None:
        head, body = await site.ask(post(b"/a%20b?c=%20", b"{}"))

        assert body == b"POST /a%20b c=%20 {}"
        assert head == b"HTTP/1.1 200 OK\r\ndate: today\r\ncontent-length: 20\r\n\r\n"
        assert site.application.asked == ["/a b"]

    with_site(use)


def test_request_in_single_bytes() -> None:
    async def use(site: Site) -> None:
        whole = post(b"/a?b=c", b"body", b"x-y: z")
        _, body = await site.ask(*(whole[at : at + 1] for at in range(len(whole))))

        assert body == b"POST /a b=c body"

    with_site(use)


def test_body_in_chunks() -> None:
    async def use(site: Site) -> None:
        head = b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        _, body = await site.ask(head, b"3\r\nabc\r\n", b"2\r\nde\r\n0\r\n\r\n")

        assert body == b"POST /a  abcde"

    with_site(use)


def test_target_that_is_a_whole_address() -> None:
    async def use(site: Site) -> None:
        _, body = await site.ask(b"GET http://x:80/a?b=c HTTP/1.1\r\nhost: x\r\n\r\n")

        assert body == b"GET /a b=c "

    with_site(use)


def test_connection_is_used_again() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        for number in range(3):
            _, body = await client.ask(post(b"/a", b"%d" % number))
            assert body == b"POST /a  %d" % number
        client.close()
        await until(lambda: not site.state.connections)

    with_site(use)


def test_requests_in_a_row_are_answered_in_their_order() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(post(b"/later", b"1") + GET + post(b"/c", b"3") + GET)
        await until(lambda: site.application.asked == ["/later"])
        site.application.may_answer.set()

        bodies = [(await client.answer())[1] for _ in range(4)]

        assert bodies == [b"POST /later  1", b"GET /a b=c ", b"POST /c  3", b"GET /a b=c "]
        assert (await client.ask(GET))[1] == b"GET /a b=c "  # it reads on

    with_site(use)


def test_an_answer_is_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []

    class Counted(OneWrite):
        def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
            class Noting:
                is_closing, close = transport.is_closing, transport.close

                def write(self, data: bytes) -> None:
                    written.append(data)
                    transport.write(data)

            super().__init__(Noting(), close)  # type: ignore[arg-type]

    async def use(site: Site) -> None:
        client = await site.open()
        await client.ask(GET)
        client.writer.write(GET.replace(b"GET", b"HEAD", 1))
        await client.reader.readuntil(b"\r\n\r\n")
        await client.ask(post(b"/a", b"{}", b"expect: 100-continue"))
        await client.answer()

    monkeypatch.setattr("podium.api.rest.protocol.OneWrite", Counted)
    with_site(use)

    assert [data[:20].partition(b"\r")[0] for data in written] == [
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 100 Continu",
        b"HTTP/1.1 200 OK",
    ]


def test_head_has_a_length_and_no_body() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(b"HEAD /a HTTP/1.1\r\nhost: x\r\n\r\n" + GET)

        assert b"content-length: 9\r\n" in await client.reader.readuntil(b"\r\n\r\n")
        assert (await client.answer())[1] == b"GET /a b=c "

    with_site(use)


@pytest.mark.parametrize(
    ("line", "header"), [(b"HTTP/1.1", b"connection: close"), (b"HTTP/1.0", b"connection: keep-alive")]
)
def test_connection_that_is_not_to_be_kept(line: bytes, header: bytes) -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        head, _ = await client.ask(b"GET /a %s\r\nhost: x\r\n%s\r\n\r\n" % (line, header))

        assert b"connection: close\r\n" in head
        assert await client.is_closed()

    with_site(use)


def test_client_that_waits_to_be_asked_for_the_body_is_asked_once() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(b"POST /a HTTP/1.1\r\nhost: x\r\nExpect: 100-Continue\r\ncontent-length: 4\r\n\r\n")
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"

        _, body = await client.ask(b"ab", b"cd")

        assert body == b"POST /a  abcd"

    with_site(use)


def test_tunnel_is_refused() -> None:
    async def use(site: Site) -> None:
        head, _ = await site.ask(b"CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 400 ")

    with_site(use)


@pytest.mark.parametrize("body", [b"", b"body"])
def test_offer_to_speak_something_else_is_not_taken(body: bytes) -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        offer = post(b"/a", body, b"connection: Upgrade, HTTP2-Settings", b"upgrade: h2c", b"http2-settings: AAEA")

        assert (await client.ask(offer))[1] == b"POST /a  " + body
        assert (await client.ask(GET))[1] == b"GET /a b=c "

    with_site(use)


def test_large_body_is_taken_as_it_is_read() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        size = 8 << 20
        client.writer.write(post(b"/later", b"a" * size))
        await until(lambda: site.application.asked == ["/later"])
        await asyncio.sleep(0.05)  # time to take too much
        assert client.writer.transport.get_write_buffer_size() > 0
        site.application.may_answer.set()

        _, body = await client.answer()

        assert len(body) == size + len(b"POST /later  ")
        assert max(site.application.parts) < HIGH_WATER_LIMIT + (1 << 19)

    with_site(use)


def test_body_that_nobody_wants_is_dropped() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(post(b"/unread", b"a" * (4 << 20)))
        assert (await client.answer())[1] == b"POST /unread  "

        assert (await client.ask(GET))[1] == b"GET /a b=c "

    with_site(use)


def test_client_that_goes_before_the_body_is_there() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(post(b"/a", b"abc")[:-1])
        await until(lambda: site.application.asked == ["/a"])
        client.close()

        await until(lambda: site.application.gone == 1 and not site.state.tasks)

    with_site(use)


def test_client_that_goes_before_the_answer() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(post(b"/later", b""))
        await until(lambda: site.application.asked == ["/later"])
        client.close()
        await until(lambda: not site.state.connections)
        site.application.may_answer.set()

        await until(lambda: not site.state.tasks)

    with_site(use)


def test_slow_client_holds_its_next_answer_back() -> None:
    async def use(site: Site) -> None:
        site.application.answer = b"a" * (16 << 20)
        client = await site.open()
        client.writer.write(GET + GET)
        await until(lambda: site.application.asked == ["/a", "/a"])
        (connection,) = site.state.connections
        await asyncio.sleep(0.05)  # time to write too much
        assert connection.transport.get_write_buffer_size() <= len(site.application.answer) + 1_000

        assert (await client.answer())[1] == site.application.answer
        assert (await client.answer())[1] == site.application.answer

    with_site(use)


def test_failure_of_the_application_closes_the_connection(caplog: pytest.LogCaptureFixture) -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(b"GET /fails HTTP/1.1\r\nhost: x\r\n\r\n")

        assert (await client.answer())[0].startswith(b"HTTP/1.1 500 ")
        assert await client.is_closed()
        assert "on purpose" in caplog.text

    with_site(use)


def test_garbage_is_refused() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        head, body = await client.ask(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"Invalid HTTP request received." in body
        assert await client.is_closed()

    with_site(use)


@pytest.mark.parametrize("sent", [b"", b"GET /", GET, post(b"/a", b"abc")[:-1]])
def test_connection_on_which_nothing_comes_is_closed(sent: bytes) -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(sent)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await client.answer()

        assert await client.is_closed()

    with_site(use, keep_alive_s=0.05)


def test_long_answer_is_no_idleness() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(post(b"/later", b""))
        await until(lambda: site.application.asked == ["/later"])
        await asyncio.sleep(0.2)  # four times as long as a connection is kept
        site.application.may_answer.set()

        assert (await client.answer())[1] == b"POST /later  "

    with_site(use, keep_alive_s=0.05)


def test_stop_lets_the_answer_leave() -> None:
    async def use(site: Site) -> None:
        idle, busy = await site.open(), await site.open()
        busy.writer.write(post(b"/later", b""))
        await until(lambda: site.application.asked == ["/later"] and len(site.state.connections) == 2)
        for connection in list(site.state.connections):
            connection.shutdown()
        site.application.may_answer.set()

        assert await idle.is_closed()
        head, _ = await busy.answer()
        assert b"connection: close\r\n" in head
        assert await busy.is_closed()

    with_site(use)
