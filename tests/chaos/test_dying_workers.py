"""R11: workers die with tasks in their hands. Each of these tasks comes back when its response timeout has passed."""

import asyncio
import time
from typing import Any

from tests.process import Server

from .audit import Audit, verdict
from .client import Client
from .load import Load, Size
from .plan import Plan
from .probe import Probe
from .report import Report

DEATHS_SHORT, DEATHS_FULL = 15, 3_000
SHARE = 0.3  # of the tasks are never reported, as their worker dies with them
RESPONSE_S = 1
SLACK_S = 1.0


class Dying(Load):
    """A load whose workers die, each with one task; a new one takes its place, over a new connection."""

    def __init__(self, address: tuple[str, int], plan: Plan, report: Report) -> None:
        super().__init__(address, size=Size(open_max=100 if plan.is_full else 6, response_s=RESPONSE_S))
        self._chance = plan.chance()
        self._report = report
        self.abandoned: dict[str, float] = {}  # by task: when
        self.returned_s: list[float] = []  # how long each of them took to come again

    async def perform(self, client: Client, task: dict[str, Any]) -> None:
        """Report, or die."""
        before = self.abandoned.get(task.get("retriedTaskId", ""))
        if before is not None:
            self.returned_s.append(time.monotonic() - before)
        if self._chance.random() < SHARE:
            self.abandoned[task["taskId"]] = time.monotonic()
            self._report.faults["deaths"] += 1
            client.close()
        else:
            await super().perform(client, task)


def test_tasks_of_dead_workers_come_back(server: Server, plan: Plan, report: Report) -> None:
    asyncio.run(_let_workers_die(server, plan, report))


async def _let_workers_die(server: Server, plan: Plan, report: Report) -> None:
    deaths = plan.count(DEATHS_SHORT, DEATHS_FULL)
    await asyncio.to_thread(server.start)
    load = Dying(server.address, plan, report)
    audit, probe = Audit(load), Probe(server.address)
    await load.register()
    async with probe.running(), load.running():
        while report.faults["deaths"] < deaths:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        await audit.run()
    server.kill()
    timed_out = [one for one in load.abandoned if audit.tasks.get(one, {}).get("status") == "TIMED_OUT"]
    report.figures = {
        "came back": len(load.returned_s),
        "s at most": max(load.returned_s, default=0.0),
        "s for the machine": probe.allowance_s,
    }
    report.audit = audit.figures
    report.happened(deaths=deaths)
    assert len(load.returned_s) == len(load.abandoned), "every task comes back"
    assert set(timed_out) == {one for one in load.abandoned if one in audit.tasks}
    assert max(load.returned_s) < RESPONSE_S + SLACK_S + probe.allowance_s
    verdict(audit.faults, server.database)
