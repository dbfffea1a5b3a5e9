"""Bodies that take long to read: other calls do not wait for them."""

import asyncio
import threading
from typing import Any

import httpx

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
