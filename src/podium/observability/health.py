"""Whether the server can do its work: asks the store, not only itself.

The answer is kept for a moment, so that many probes cost one look.
"""
# ruff: noqa: N815 (wire names)

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from podium.model.errors import PodiumError

PROBE_S_MAX = 2.0
KEPT_S = 1.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Result(msgspec.Struct, frozen=True):
    """The health of one part."""

    name: str
    healthy: bool
    message: str


class Report(msgspec.Struct, frozen=True):
    """The answer in Conductor's shape; the lists are empty when all is well."""

    healthy: bool
    healthResults: list[Result] = []
    suppressedHealthResults: list[Result] = []

    def components(self) -> dict[str, object]:
        """Return the answer in the shape of /actuator/health."""
        ill = {one.name: {"status": "DOWN", "details": {"message": one.message}} for one in self.healthResults}
        return {"status": "UP" if self.healthy else "DOWN", "components": {"store": {"status": "UP"}, **ill}}


class Health:
    """Looks at the store through *probe*, which fails when the store can't be used."""

    def __init__(self, probe: Callable[[], Awaitable[object]], clock: Callable[[], float] = time.monotonic) -> None:
        self._probe = probe
        self._clock = clock
        self._until_s: float | None = None
        self._report = Report(healthy=True)
        self.is_stopping = False

    def stop(self) -> None:
        """Say from now on that the server stops."""
        self.is_stopping = True

    async def report(self) -> Report:
        """Return the present state."""
        if self.is_stopping:
            return _ill("server", "The server is stopping.")
        if self._until_s is None or self._clock() >= self._until_s:
            self._report = await self._look()
            self._until_s = self._clock() + KEPT_S
        return self._report

    async def _look(self) -> Report:
        try:
            async with asyncio.timeout(PROBE_S_MAX):
                await self._probe()
        except TimeoutError:
            return _ill("store", f"The store did not answer within {PROBE_S_MAX:g} s.")
        except PodiumError as error:
            return _ill("store", error.message)
        except Exception as error:  # noqa: BLE001 (whatever it is, the store can't be used)
            return _ill("store", f"{type(error).__name__}: {error}")
        return Report(healthy=True)


def _ill(name: str, message: str) -> Report:
    return Report(healthy=False, healthResults=[Result(name, healthy=False, message=message)])


SHAPES: dict[str, Callable[[Report], object]] = {
    "/health": lambda report: report,
    "/api/health": lambda report: report,
    "/readyz": lambda report: report,
    "/actuator/health": Report.components,
}


class HealthPaths:
    """An ASGI application that answers the paths of health, and passes everything else on to *app*."""

    def __init__(self, app: App, health: Health) -> None:
        self._app = app
        self._health = health

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection of ASGI."""
        if scope["type"] == "http" and scope["path"] in SHAPES and scope["method"] in ("GET", "HEAD"):
            return self._answer(scope, send)
        return self._app(scope, receive, send)

    async def _answer(self, scope: Scope, send: Send) -> None:
        report = await self._health.report()
        body = msgspec.json.encode(SHAPES[scope["path"]](report))
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200 if report.healthy else 503, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
