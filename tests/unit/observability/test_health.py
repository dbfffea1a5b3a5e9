"""Health: the answer follows the store."""

import asyncio
import json
from typing import Any

import pytest

from podium.model.errors import Unavailable
from podium.observability import health
from podium.observability.health import Health, HealthPaths

pytestmark = pytest.mark.anyio


class Store:
    """A store that works until it is told to fail."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0

    async def probe(self) -> int:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return 0


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


async def get(paths: HealthPaths, path: str, method: str = "GET") -> tuple[int, Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing to receive")

    await paths({"type": "http", "path": path, "method": method}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]) if sent[1]["body"] else None


async def other_app(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_server_with_its_store_is_healthy_in_conductors_words() -> None:
    paths = HealthPaths(other_app, Health(Store().probe))

    answer = (200, {"healthy": True, "healthResults": [], "suppressedHealthResults": []})
    assert await get(paths, "/health") == answer
    assert await get(paths, "/api/health") == answer
    assert await get(paths, "/readyz") == answer
    assert (await get(paths, "/actuator/health"))[1]["status"] == "UP"


@pytest.mark.parametrize("error", [Unavailable("the disk is full"), RuntimeError("broken")])
async def test_a_store_that_fails_makes_the_server_ill(error: Exception) -> None:
    store = Store()
    store.error = error
    paths = HealthPaths(other_app, Health(store.probe))

    status, body = await get(paths, "/health")
    assert (status, body["healthy"]) == (503, False)
    assert str(error) in body["healthResults"][0]["message"]
    status, body = await get(paths, "/actuator/health")
    assert (status, body["status"], body["components"]["store"]["status"]) == (503, "DOWN", "DOWN")


async def test_a_store_that_does_not_answer_makes_the_server_ill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PROBE_S_MAX", 0.01)

    report = await Health(lambda: asyncio.sleep(60)).report()

    assert "did not answer" in report.healthResults[0].message


async def test_many_probes_cost_one_look_a_second() -> None:
    store, clock = Store(), Clock()
    looked = Health(store.probe, clock)
    for _ in range(5):
        await looked.report()
    assert store.asked == 1

    clock.now_s = 1.5
    await looked.report()

    assert store.asked == 2


async def test_a_server_that_recovers_is_healthy_again() -> None:
    store, clock = Store(), Clock()
    looked = Health(store.probe, clock)
    store.error = Unavailable("away")
    assert not (await looked.report()).healthy

    store.error, clock.now_s = None, 2.0

    assert (await looked.report()).healthy


async def test_a_server_that_stops_is_not_ready() -> None:
    looked = Health(Store().probe)
    looked.is_stopping = True

    assert (await get(HealthPaths(other_app, looked), "/readyz"))[0] == 503


async def test_head_has_no_body_and_other_paths_and_methods_pass() -> None:
    paths = HealthPaths(other_app, Health(Store().probe))

    assert await get(paths, "/health", "HEAD") == (200, None)
    assert (await get(paths, "/health", "POST"))[0] == 418
    assert (await get(paths, "/api/workflow"))[0] == 418
