"""Whether the server can do its work: asks the store, not only itself.

The answer is kept for a moment, so that many probes cost one look.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from podium.model.errors import PodiumError

PROBE_S_MAX = 2.0
KEPT_S = 1.0


class Result(msgspec.Struct, frozen=True):
    """The health of one part."""

    name: str
    healthy: bool
    message: str


class Report(msgspec.Struct, frozen=True):
    """The answer in Conductor's shape."""

    healthy: bool
    healthResults: list[Result]  # noqa: N815 (wire name)
    suppressedHealthResults: list[Result] = []  # noqa: N815 (wire name)

    @property
    def status(self) -> int:
        """The HTTP status that goes with it."""
        return 200 if self.healthy else 503

    def components(self) -> dict[str, object]:
        """Return the answer in the shape of /actuator/health."""
        status = "UP" if self.healthy else "DOWN"
        details = {one.name: {"status": "DOWN", "details": {"message": one.message}} for one in self.healthResults}
        return {"status": status, "components": {"store": {"status": "UP"}, **details}}


class Health:
    """Looks at the store through *probe*, which fails when the store can't be used."""

    def __init__(self, probe: Callable[[], Awaitable[object]], clock: Callable[[], float] = time.monotonic) -> None:
        self._probe = probe
        self._clock = clock
        self._until_s = -1.0
        self._report = Report(healthy=True, healthResults=[])
        self.is_stopping = False

    async def report(self) -> Report:
        """Return the present state; upstream's list of results is empty when all is well."""
        if self.is_stopping:
            return _unhealthy("server", "The server is stopping.")
        if self._clock() >= self._until_s:
            self._report = await self._look()
            self._until_s = self._clock() + KEPT_S
        return self._report

    async def _look(self) -> Report:
        try:
            async with asyncio.timeout(PROBE_S_MAX):
                await self._probe()
        except TimeoutError:
            return _unhealthy("store", f"The store did not answer within {PROBE_S_MAX:g} s.")
        except PodiumError as error:
            return _unhealthy("store", error.message)
        except Exception as error:  # noqa: BLE001 (whatever it is, the store can't be used)
            return _unhealthy("store", f"{type(error).__name__}: {error}")
        return Report(healthy=True, healthResults=[])


def _unhealthy(name: str, message: str) -> Report:
    return Report(healthy=False, healthResults=[Result(name, healthy=False, message=message)])
