"""R15: three nodes behind a load balancer are stopped and started one after the other. No client sees a failed call."""

import asyncio
from pathlib import Path

from tests.postgres import Postgres

from . import nodes
from .audit import Audit, verdict
from .load import Load, Size
from .plan import Plan
from .proxy import Proxy
from .report import Report

SHORT, FULL = 3, 50
STOP_S_MAX = 10.0
SIZE = Size(starters=3, workers=8, open_max=30, response_s=30, tries=2)
FULL_SIZE = Size(starters=3, open_max=200, response_s=30, tries=2)


def test_no_call_fails_while_nodes_are_restarted(
    durable_database: tuple[Postgres, str], tmp_path: Path, plan: Plan, report: Report
) -> None:
    asyncio.run(_restart_often(durable_database[1], tmp_path, plan, report))


async def _restart_often(url: str, folder: Path, plan: Plan, report: Report) -> None:
    restarts = plan.count(SHORT, FULL)
    servers = nodes.make(url, folder)
    async with nodes.started(servers) as addresses:
        balancer = Proxy(*addresses)
        await balancer.start()
        load = Load(balancer.address, size=FULL_SIZE if plan.is_full else SIZE)
        audit, longest_s = Audit(load), 0.0
        await load.register()
        async with load.running():
            for number in range(restarts):
                await asyncio.sleep(0.5)
                server = servers[number % len(servers)]
                code, took_s = await asyncio.to_thread(server.stop, 60.0)
                assert code == 0, server.log.read_text()[-2000:]
                report.faults["restarts"] += 1
                longest_s = max(longest_s, took_s)
                await asyncio.to_thread(server.start)
            await audit.run()
        await balancer.stop()
    calls = load.answers.total()
    report.figures = {
        "calls": calls,
        "calls tried twice": load.lost_answers + load.answers[503],
        "stop s at most": longest_s,
    }
    report.audit = audit.figures
    report.happened(restarts=restarts)
    assert load.failed_calls == []
    assert longest_s < STOP_S_MAX
    verdict(audit.faults, url)
