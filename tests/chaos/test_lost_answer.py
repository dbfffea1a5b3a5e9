"""R5: the connection to PostgreSQL is cut around a commit, so that nobody knows what became of it. It counts once."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.postgres import Postgres
from tests.process import Server

from .audit import Audit, verdict
from .load import Load, Size
from .plan import Plan
from .proxy import Fault, Proxy
from .report import Report
from .waiting import until

SHORT, FULL = 18, 1_000
SHARE = 0.03  # of the commits
FAULTS: tuple[Fault, ...] = ("before", "sent", "answered")
SIZE = Size(starters=2, workers=8, open_max=30, response_s=10, tries=20)


def test_a_commit_whose_answer_is_lost_counts_once(
    durable_database: tuple[Postgres, str], tmp_path: Path, plan: Plan, report: Report
) -> None:
    postgres, url = durable_database
    asyncio.run(_lose_answers(postgres, url, tmp_path / "podium.log", plan, report))


async def _lose_answers(postgres: Postgres, url: str, log: Path, plan: Plan, report: Report) -> None:
    wanted = plan.count(SHORT, FULL)
    proxy = Proxy(("127.0.0.1", postgres.port))
    await proxy.start()
    server = Server(url.replace(f":{postgres.port}/", f":{proxy.address[1]}/"), log=log)
    load = Load(server.address, size=SIZE)
    audit = Audit(load)
    try:
        await asyncio.to_thread(server.start)
        await load.register()
        async with load.running():
            proxy.on_commit = _some(plan.chance(), report)
            await until(lambda: proxy.cuts >= wanted, 3_600)
            proxy.on_commit = lambda: None
            await audit.run()
    finally:
        server.kill()
        await proxy.stop()
    report.figures = {"results acknowledged": len(load.acknowledged), "calls not done": len(load.failed_calls)}
    report.audit = audit.figures
    report.happened(**dict.fromkeys(FAULTS, wanted // 6))
    assert set(load.answers) <= {200, 204, 503}, load.answers
    verdict(audit.faults, url)


def _some(chance: Random, report: Report) -> Callable[[], Fault | None]:
    def choose() -> Fault | None:
        if chance.random() > SHARE:
            return None
        fault = chance.choice(FAULTS)
        report.faults[fault] += 1
        return fault

    return choose
