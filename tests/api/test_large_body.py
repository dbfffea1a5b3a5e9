"""Bodies that take long to read: other calls do not wait for them."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from podium.api.rest.app import LARGE_BYTES, App
from podium.api.rest.route import TEXT, Body, Route
from podium.api.rest.router import Router
from podium.model.errors import InvalidRequest

WAIT_S = 10.0


async def _nothing() -> None:
    pass


async def _no_news() -> bool:
    return False


class Site:
    """An application with a call whose body is read for as long as the other call has not been made."""

    def __init__(self) -> None:
        self.is_reading, self.may_end = threading.Event(), threading.Event()
        routes = [
            Route("POST", "/large", self._size, TEXT, "", body=Body(self._read, bytes, is_json=False)),
            Route("POST", "/small", self._end, TEXT, ""),
        ]
        app = App(Router(routes), (_nothing, _nothing, _no_news), None, "here", 10 * LARGE_BYTES)
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test")

    def _read(self, data: bytes) -> bytes:
        if data.startswith(b"bad"):
            raise InvalidRequest("It is bad")
        self.is_reading.set()
        return data if self.may_end.wait(WAIT_S) else b"nobody else was served"

    async def _size(self, data: bytes) -> Any:
        return str(len(data))

    async def _end(self) -> str:
        self.may_end.set()
        return "done"


def test_a_large_body_is_read_while_others_are_served() -> None:
    async def scenario() -> None:
        site = Site()
        large = asyncio.ensure_future(site.client.post("/large", content=b"x" * (LARGE_BYTES + 1)))
        assert await asyncio.to_thread(site.is_reading.wait, WAIT_S)

        assert (await site.client.post("/small")).text == "done"

        assert (await large).text == str(LARGE_BYTES + 1)

    asyncio.run(scenario())


def test_a_large_body_is_refused_like_a_small_one() -> None:
    async def scenario() -> None:
        site = Site()
        for size in (3, LARGE_BYTES + 1):
            answer = await site.client.post("/large", content=b"bad".ljust(size))
            assert (answer.status_code, answer.json()["message"]) == (400, "It is bad")

    asyncio.run(scenario())


def test_large_bodies_that_are_not_whole_yet_have_a_bound_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("podium.api.rest.app.BODIES_BYTES_MAX", 3 * LARGE_BYTES)

    async def scenario() -> None:
        site = Site()
        first = [asyncio.ensure_future(site.client.post("/large", content=slow())) for _ in range(2)]
        await asyncio.wait_for(asyncio.gather(*(begun.acquire() for _ in first)), WAIT_S)

        refused = await site.client.post("/large", content=b"x" * (LARGE_BYTES + 1))

        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        assert (await site.client.post("/large", content=b"bad")).status_code == 400  # a small one is read
        may_go_on.set()
        assert [(await one).status_code for one in first] == [400, 400]
        site.may_end.set()
        assert (await site.client.post("/large", content=b"x" * (LARGE_BYTES + 1))).status_code == 200

    async def slow() -> AsyncIterator[bytes]:
        yield b"bad".ljust(LARGE_BYTES + LARGE_BYTES // 4)
        begun.release()
        await may_go_on.wait()
        yield b" "

    begun, may_go_on = asyncio.Semaphore(0), asyncio.Event()
    asyncio.run(scenario())
