"""R8: the clocks of nodes are wrong, each in its way. Time is the database's, so timers fire when they should."""

import asyncio
import time
from pathlib import Path
from typing import Any

from tests.postgres import Postgres

from . import nodes
from .audit import Audit, verdict
from .client import Client
from .faulty import program
from .load import Load, Size
from .plan import Plan
from .probe import Probe
from .report import Report

JUMPS_SHORT, JUMPS_FULL = 2, 60
JUMP_EVERY_SHORT_S, JUMP_EVERY_FULL_S = 2.0, 10.0
HOUR_MS, JUMP_MS = 3_600_000, 600_000
WAIT_S = 2
EARLY_S_MAX = 0.05
LATE_S_MAX = 1.5
SIZE = Size(starters=2, workers=8, open_max=20, response_s=5)
TIMER = {
    "name": "timer",
    "version": 1,
    "tasks": [
        {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": f"{WAIT_S} seconds"}},
        {"name": "rung", "taskReferenceName": "r", "type": "SIMPLE", "inputParameters": {"at": "${workflow.input.at}"}},
    ],
}


class Bells:
    """Starts timers and takes note of when they ring, by a clock that is right."""

    def __init__(self, addresses: list[tuple[str, int]]) -> None:
        self._addresses = addresses
        self.is_on = True
        self.began_s: dict[str, tuple[float, float]] = {}  # before the call, and after it
        self.errors_s: list[tuple[float, float]] = []  # too early, too late

    async def start_many(self) -> None:
        """Start one after the other, on each node in turn."""
        clients = [Client(address) for address in self._addresses]
        while self.is_on:
            for client in clients:
                before_s = time.monotonic()
                answer = await client.post("/api/workflow", {"name": "timer"})
                assert answer.is_ok
                self.began_s[answer.text] = (before_s, time.monotonic())
                await asyncio.sleep(0.1)
        for client in clients:
            client.close()

    async def hear(self, address: tuple[str, int]) -> None:
        """Wait at one node for what rings."""
        client = Client(address)
        while self.is_on or len(self.errors_s) < len(self.began_s):
            for task in (await client.get("/api/tasks/poll/batch/rung?timeout=500&count=20")).json():
                await self._note(client, task)
        client.close()

    async def _note(self, client: Client, task: dict[str, Any]) -> None:
        now_s = time.monotonic()
        while task["workflowInstanceId"] not in self.began_s:  # noqa: ASYNC110 (its start is not answered yet)
            await asyncio.sleep(0.01)
        before_s, after_s = self.began_s[task["workflowInstanceId"]]
        self.errors_s.append((before_s + WAIT_S - now_s, now_s - after_s - WAIT_S))
        ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
        assert (await client.post("/api/tasks", {**ids, "status": "COMPLETED"})).is_ok


def test_wrong_clocks_harm_no_timer(
    durable_database: tuple[Postgres, str], tmp_path: Path, plan: Plan, report: Report
) -> None:
    asyncio.run(_jump_often(durable_database[1], tmp_path, plan, report))


async def _jump_often(url: str, folder: Path, plan: Plan, report: Report) -> None:
    jumps, chance = plan.count(JUMPS_SHORT, JUMPS_FULL), plan.chance()
    clocks = [folder / f"clock-{number}" for number in range(nodes.COUNT)]
    for clock, offset_ms in zip(clocks, (-HOUR_MS, HOUR_MS, 0), strict=True):
        clock.write_text(str(offset_ms))
    servers = nodes.make(url, folder)
    for server, clock in zip(servers, clocks, strict=True):
        server.program = program(f"clock={clock}")
    async with nodes.started(servers) as addresses:
        load = Load(*addresses, size=SIZE)
        audit, bells, probe = Audit(load), Bells(addresses), Probe(*addresses)
        await load.register()
        client = Client(addresses[0])
        assert (await client.post("/api/metadata/workflow", TIMER)).is_ok
        client.close()
        async with probe.running(), load.running():
            work = [
                asyncio.create_task(bells.start_many()),
                *(asyncio.create_task(bells.hear(one)) for one in addresses),
            ]
            for _ in range(jumps):
                clocks[-1].write_text(str(chance.choice((-JUMP_MS, JUMP_MS))))
                report.faults["jumps"] += 1
                await asyncio.sleep(JUMP_EVERY_FULL_S if plan.is_full else JUMP_EVERY_SHORT_S)
            bells.is_on = False
            await asyncio.gather(*work)
            await audit.run()
    report.figures = {
        "timers": len(bells.errors_s),
        "early s at most": max(early for early, _ in bells.errors_s),
        "late s at most": max(late for _, late in bells.errors_s),
        "s for the machine": probe.allowance_s,
    }
    report.audit = audit.figures
    report.happened(jumps=jumps)
    assert report.figures["early s at most"] < EARLY_S_MAX
    assert report.figures["late s at most"] < LATE_S_MAX + probe.allowance_s
    verdict(audit.faults, url)
