"""R2 with real processes: the server ends at a statement of a commit, while it works under load."""

import asyncio
import contextlib

from tests.process import Server

from .audit import Audit, verdict
from .faulty import CODE, program
from .load import Load, Size
from .plan import Plan
from .report import Report

SHORT, FULL = 2, 60
STATEMENTS, COMMITS = (100, 1_500), (20, 200)  # after which the process ends, from and to
SIZE = Size(starters=2, workers=8, open_max=30)


def test_nothing_is_lost_when_the_process_ends_at_a_statement(server: Server, plan: Plan, report: Report) -> None:
    asyncio.run(_exit_often(server, plan, report))


async def _exit_often(server: Server, plan: Plan, report: Report) -> None:
    times, chance = plan.count(SHORT, FULL), plan.chance()
    is_sqlite = server.database.startswith("sqlite")
    server.program = program()
    await asyncio.to_thread(server.start)
    load = Load(server.address, size=SIZE)
    audit = Audit(load)
    await load.register()
    async with load.running():
        for _ in range(times):
            kind = "" if is_sqlite else chance.choice(("call:", "answer:"))
            point = f"{kind}{chance.randint(*(STATEMENTS if is_sqlite else COMMITS))}"
            server.kill()
            server.program = program(f"exit={point}")
            with contextlib.suppress(RuntimeError):  # it may end before it is known to be healthy
                await asyncio.to_thread(server.start)
            assert await asyncio.to_thread(server.wait, 120.0) == CODE
            report.faults[
                f"exits before a {'statement' if is_sqlite else kind[:-1]}".replace("a answer", "an answer")
            ] += 1
        server.program = program()
        await asyncio.to_thread(server.start)
        await audit.run()
    server.kill()
    report.audit = audit.figures
    assert report.faults.total() == times
    verdict(audit.faults, server.database)
