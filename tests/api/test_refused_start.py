"""Starts that are refused at the edge, when there are more than can be done."""

from typing import Any

from podium.api.rest import protocol
from podium.model.errors import Overloaded, PodiumError

from .site import GET, Site, post, until, with_site

START = post(b"/api/workflow", b'{"name": "w"}')


def too_much() -> PodiumError | None:
    return Overloaded("too much", 7)


def test_a_start_is_refused_and_its_connection_goes_on() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        for _ in range(3):
            head, body = await client.ask(START)
            assert head.startswith(b"HTTP/1.1 429 ")
            assert b"retry-after: 7" in head
            assert b"connection: close" not in head
            assert b"too much" in body
        assert (await client.ask(GET))[0].startswith(b"HTTP/1.1 200 ")
        assert site.application.asked == ["/a"]

    with_site(use, start_refusal=too_much)


def test_a_client_that_wants_its_connection_closed_has_it_closed() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        head, _ = await client.ask(post(b"/api/workflow", b"{}", b"connection: close"))

        assert b"connection: close" in head
        assert await client.is_closed()

    with_site(use, start_refusal=too_much)


def test_nothing_but_a_start_is_refused() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        others = (
            post(b"/api/workflow/bulk/pause", b"[]"),
            post(b"/api/tasks", b"{}"),
            START.replace(b"POST", b"PUT"),
        )
        for request in others:
            assert (await client.ask(request))[0].startswith(b"HTTP/1.1 200 ")

    with_site(use, start_refusal=too_much)


def test_a_start_behind_another_request_is_answered_after_it() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(GET.replace(b"/a?b=c", b"/later") + START)
        await until(lambda: site.application.asked == ["/later"])
        site.application.may_answer.set()

        answers = [await client.answer(), await client.answer()]
        assert [head.startswith(b"HTTP/1.1 200 ") for head, _ in answers] == [True, True]
        assert answers[1][1].startswith(b"POST /api/workflow")

    with_site(use, start_refusal=too_much)


def test_of_a_large_body_not_all_is_waited_for(monkeypatch: Any) -> None:
    monkeypatch.setattr(protocol, "DROPPED_BYTES_MAX", 1_000)

    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(START.replace(b"content-length: 13", b"content-length: 1000000000"))
        client.writer.write(b"x" * 1_000)

        assert (await client.answer())[0].startswith(b"HTTP/1.1 429 ")
        assert await client.is_closed()

    with_site(use, start_refusal=too_much)


def test_a_refusal_after_the_stop_has_begun_ends_its_connection() -> None:
    async def use(site: Site) -> None:
        client = await site.open()
        client.writer.write(START[:-5])
        await until(lambda: any(getattr(one, "_refused", None) for one in site.state.connections))
        for connection in list(site.state.connections):
            connection.shutdown()
        head, _ = await client.ask(START[-5:])

        assert head.startswith(b"HTTP/1.1 429 ")
        assert b"connection: close" in head
        assert await client.is_closed()

    with_site(use, start_refusal=too_much)
