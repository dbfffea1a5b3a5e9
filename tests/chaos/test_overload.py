"""R14: far more starts than the server can do. It refuses some at once, does what it has taken, and recovers.

The demand is a multiple of what the server can do, by clients who come again without a pause; so all that is judged are
ratios, and how busy the machine is matters little.
"""

import asyncio
import statistics
import time
from pathlib import Path

from tests.process import Server

from .audit import verdict
from .client import FAILURES, Client
from .plan import Plan
from .report import Report

CALM_CLIENTS, CLIENTS = 4, 400
CALM_S = 1.5
SHORT_S, FULL_S = 3.0, 600.0
WAIT_MS_MAX = 50
WORKERS = 4
MEMORY_MB_MAX = 150  # of growth
SLOWER_MAX = 3.0  # afterwards
DEFINITION = {
    "name": "crowd",
    "version": 1,
    "tasks": [{"name": "crowd", "taskReferenceName": "t", "type": "SIMPLE"}],
    "outputParameters": {"k": "${workflow.input.k}"},
}


class Crowd:
    """Clients that start workflows, workers that end them, and how long each took."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self.is_on = True
        self.taken: list[str] = []
        self.taken_s: list[float] = []
        self.refused_s: list[float] = []
        self.faults: list[str] = []
        self.ended = 0
        self.result_s: list[float] = []
        self.lost = 0

    async def start(self) -> None:
        """Start one after the other, and come again at once when refused."""
        client = Client(self._address, timeout_s=60.0)
        while self.is_on:
            begun_s = time.monotonic()
            try:
                answer = await client.post("/api/workflow", {"name": "crowd", "input": {"k": 1}})
            except FAILURES:
                self.lost += 1
                continue
            took_s = time.monotonic() - begun_s
            if answer.is_ok:
                self.taken.append(answer.text)
                self.taken_s.append(took_s)
            else:
                self.refused_s.append(took_s)
                if answer.status not in (429, 503) or "retry-after" not in answer.headers:
                    self.faults.append(f"{answer.status} {answer.headers}")
        client.close()

    async def work(self) -> None:
        """Do tasks, as long as there are any."""
        client = Client(self._address, timeout_s=60.0)
        while self.is_on or self.ended < len(self.taken):
            polled = await client.get("/api/tasks/poll/batch/crowd?count=20&timeout=200")
            if polled.status == 429:  # a lease is a command, too
                await asyncio.sleep(1)
                continue
            for task in polled.json():
                ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
                begun_s = time.monotonic()
                answer = await client.post("/api/tasks", {**ids, "status": "COMPLETED"})
                self.result_s.append(time.monotonic() - begun_s)
                if not answer.is_ok:
                    self.faults.append(f"a result got {answer.status}")
                self.ended += 1
        client.close()


def test_what_is_too_much_is_refused_and_the_rest_is_done(tmp_path: Path, plan: Plan, report: Report) -> None:
    server = Server(tmp_path / "crowd.db", options=("--start-wait-ms-max", str(WAIT_MS_MAX)))
    try:
        asyncio.run(_overload(server, plan, report))
    finally:
        server.kill()


async def _overload(server: Server, plan: Plan, report: Report) -> None:
    await asyncio.to_thread(server.start)
    client = Client(server.address)
    assert (await client.post("/api/metadata/workflow", DEFINITION)).is_ok
    before, _ = await _calm(server)
    memory_mb = _memory_mb(server)
    crowd = Crowd(server.address)
    work = [asyncio.create_task(crowd.start()) for _ in range(CLIENTS)]
    work += [asyncio.create_task(crowd.work()) for _ in range(WORKERS)]
    await asyncio.sleep(FULL_S if plan.is_full else SHORT_S)
    crowd.is_on = False
    await asyncio.gather(*work)
    grown_mb = _memory_mb(server) - memory_mb
    after, _ = await _calm(server)
    faults = crowd.faults + [
        one for one in crowd.taken[:: max(len(crowd.taken) // 500, 1)] if not await _ended(client, one)
    ]
    client.close()
    server.kill()
    report.faults.update({"starts refused": len(crowd.refused_s), "starts taken": len(crowd.taken)})
    report.figures = {
        "p99 ms of a refusal": _p99_ms(crowd.refused_s),
        "p99 ms of a start taken": _p99_ms(crowd.taken_s),
        "p99 ms of a result": _p99_ms(crowd.result_s),
        "p99 ms before": before,
        "p99 ms after": after,
        "MB grown": grown_mb,
    }
    report.happened(**{"starts refused": 100, "starts taken": 100})
    assert crowd.lost == 0
    assert statistics.median(crowd.refused_s) < statistics.median(crowd.taken_s), (
        "a refusal comes sooner than an answer"
    )
    assert after < SLOWER_MAX * before + 50
    assert grown_mb < MEMORY_MB_MAX
    verdict(faults, server.database)


async def _calm(server: Server) -> tuple[float, int]:
    """Return the p99 in ms of starts while there are few clients, and how many were taken."""
    crowd = Crowd(server.address)
    work = [asyncio.create_task(crowd.start()) for _ in range(CALM_CLIENTS)] + [asyncio.create_task(crowd.work())]
    await asyncio.sleep(CALM_S)
    crowd.is_on = False
    await asyncio.gather(*work)
    return _p99_ms(crowd.taken_s), len(crowd.taken)


async def _ended(client: Client, workflow_id: str) -> bool:
    found = (await client.get(f"/api/workflow/{workflow_id}")).json()
    return bool(found["status"] == "COMPLETED" and found["output"] == {"k": 1})


def _p99_ms(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100)[98] * 1000


def _memory_mb(server: Server) -> float:
    text = Path(f"/proc/{server.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0]) / 1024
