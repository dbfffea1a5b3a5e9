"""R6: a node stands still for longer than it may, is taken for dead, and goes on as if nothing had happened.

What it had decided before is refused by the database, since others have gone on with these workflows.
"""

import asyncio
from pathlib import Path

from tests.postgres import Postgres
from tests.process import Server

from . import nodes
from .audit import Audit, verdict
from .load import Load, Size
from .plan import Plan
from .report import Report

SHORT, FULL = 1, 100
FURTHER_MAX = 6  # stops, until the node comes too late with something
DEAD_S = 3.0  # without a beat
SIZE = Size(starters=3, workers=9, open_max=30, response_s=2, tries=6, timeout_s=1.0)
FULL_SIZE = Size(starters=3, open_max=100, response_s=2, tries=6, timeout_s=1.0)


def test_a_node_that_was_taken_for_dead_changes_nothing(
    durable_database: tuple[Postgres, str], tmp_path: Path, plan: Plan, report: Report
) -> None:
    asyncio.run(_stop_often(durable_database[1], tmp_path, plan, report))


async def _stop_often(url: str, folder: Path, plan: Plan, report: Report) -> None:
    stops, chance = plan.count(SHORT, FULL), plan.chance()
    servers, most = nodes.make(url, folder), stops + FURTHER_MAX
    async with nodes.started(servers) as addresses:
        load = Load(*addresses, size=FULL_SIZE if plan.is_full else SIZE)
        audit = Audit(load)
        await load.register()
        async with load.running():
            while report.faults["stops"] < stops or (
                not report.faults["fenced writes"] and report.faults["stops"] < most
            ):
                await asyncio.sleep(chance.uniform(0.5, 1.5))
                zombie = chance.choice(servers)
                before = await nodes.metric(zombie, "podium_stale_total")
                await _stand_still(load, zombie, 2 * DEAD_S if plan.is_full else DEAD_S + 1, report)
                await asyncio.sleep(1.0)
                report.faults["fenced writes"] += int(await nodes.metric(zombie, "podium_stale_total") - before)
            await audit.run()
    report.audit = audit.figures
    report.happened(**{"stops": stops, "fenced writes": 1, "results while it stood still": stops})
    verdict(audit.faults, url)


async def _stand_still(load: Load, zombie: Server, seconds: float, report: Report) -> None:
    before = len(load.acknowledged)
    nodes.pause(zombie)
    report.faults["stops"] += 1
    try:
        await asyncio.sleep(seconds)
    finally:
        nodes.resume(zombie)
    report.faults["results while it stood still"] += len(load.acknowledged) - before
