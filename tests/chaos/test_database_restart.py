"""R4: PostgreSQL crashes and comes back. Calls wait or are told to come later, nothing is lost, and work goes on at once."""

import asyncio
import time
from pathlib import Path

from tests.postgres import Postgres
from tests.process import Server

from .audit import Audit, verdict
from .load import Load, Size
from .plan import Plan
from .report import Report
from .waiting import until

SHORT, FULL = 2, 50
DOWN_SHORT_S, DOWN_FULL_S = 2.0, 30.0
CATCH_UP_S, CATCH_UP_SHORT_S = 5.0, 30.0  # a machine that is busy with other tests may take its time
SIZE = Size(starters=2, workers=8, open_max=30, response_s=15)
FULL_SIZE = Size(open_max=200, response_s=60)


def test_a_database_that_crashes_costs_a_pause_only(
    durable_database: tuple[Postgres, str], tmp_path: Path, plan: Plan, report: Report
) -> None:
    postgres, url = durable_database
    server = Server(url, log=tmp_path / "podium.log")
    try:
        asyncio.run(_crash_often(postgres, server, plan, report))
    finally:
        server.kill()
    verdict([], url)


async def _crash_often(postgres: Postgres, server: Server, plan: Plan, report: Report) -> None:
    crashes, chance = plan.count(SHORT, FULL), plan.chance()
    await asyncio.to_thread(server.start)
    pid, load = server.pid, Load(server.address, size=FULL_SIZE if plan.is_full else SIZE)
    audit, catch_up_s = Audit(load), [0.0]
    await load.register()
    async with load.running():
        for _ in range(crashes):
            await asyncio.sleep(chance.uniform(0.3, 2.0))
            await asyncio.to_thread(postgres.stop, "immediate")
            report.faults["crashes"] += 1
            await asyncio.sleep(chance.uniform(0, DOWN_FULL_S if plan.is_full else DOWN_SHORT_S))
            await asyncio.to_thread(postgres.start)
            catch_up_s.append(await _catch_up(load))
        await audit.run()
    assert server.pid == pid
    report.faults["calls refused"] = load.answers[503]
    report.figures["catch-up s at most"] = max(catch_up_s)
    report.audit = audit.figures
    report.happened(crashes=crashes)  # in a short one all calls wait until it is over
    if plan.is_full:
        report.happened(**{"calls refused": crashes})
    assert load.no_retry_after == 0
    assert set(load.answers) <= {200, 204, 429, 503}, load.answers
    assert max(catch_up_s) < (CATCH_UP_S if plan.is_full else CATCH_UP_SHORT_S)
    assert audit.faults == []


async def _catch_up(load: Load) -> float:
    """Return how long it takes until results are taken again."""
    begun_s, before = time.monotonic(), len(load.acknowledged)
    await until(lambda: len(load.acknowledged) > before)
    return time.monotonic() - begun_s
