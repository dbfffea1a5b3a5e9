"""R1: kill the server at random moments under load. Nothing that it acknowledged may be lost, stuck or done twice."""

import asyncio
import time
from pathlib import Path

import httpx

from tests.postgres import Postgres
from tests.process import Server

from . import model, nodes
from .audit import Audit, verdict
from .client import Client
from .faulty import program
from .load import Load, Size
from .plan import Plan
from .report import Report

SHORT, FULL = 3, 200
SHORT_STORES = ("sqlite", "postgres")
SIZE = Size(starters=2, workers=8, open_max=40)
FULL_SIZE = Size(open_max=200)
OPEN_SHORT, OPEN_FULL = 3_000, 100_000
READY_S_MAX = 10.0  # the goal is 3 s, on a quiet machine


def test_nothing_is_lost_when_a_server_is_killed(server: Server, plan: Plan, report: Report) -> None:
    asyncio.run(_kill_often(server, plan, report))


async def _kill_often(server: Server, plan: Plan, report: Report) -> None:
    chance, kills = plan.chance(), plan.count(SHORT, FULL)
    load = Load(server.address, size=FULL_SIZE if plan.is_full else SIZE)
    audit = Audit(load)
    await asyncio.to_thread(server.start)
    await load.register()
    async with load.running():
        for _ in range(kills):
            await asyncio.sleep(chance.uniform(0.05, 1.0))
            server.kill()
            report.faults["kills"] += 1
            await asyncio.to_thread(server.start)
        await audit.run()
    server.kill()
    report.faults["lost answers"] = load.lost_answers
    report.audit = audit.figures
    report.happened(**{"kills": kills, "lost answers": kills})
    assert len(load.acknowledged) > 10 * kills, "the workers must have worked"
    verdict(audit.faults, server.database)


def test_nothing_is_lost_when_one_of_three_nodes_is_killed(
    durable_database: tuple[Postgres, str], tmp_path: Path, plan: Plan, report: Report
) -> None:
    asyncio.run(_kill_nodes_often(durable_database[1], tmp_path, plan, report))


async def _kill_nodes_often(url: str, folder: Path, plan: Plan, report: Report) -> None:
    chance, kills = plan.chance(), plan.count(SHORT, FULL)
    servers = nodes.make(url, folder)
    async with nodes.started(servers) as addresses:
        load = Load(*addresses, size=FULL_SIZE if plan.is_full else SIZE)
        audit = Audit(load)
        await load.register()
        async with load.running():
            for _ in range(kills):
                await asyncio.sleep(chance.uniform(0.05, 1.0))
                server = chance.choice(servers)
                server.kill()
                report.faults["kills"] += 1
                await asyncio.to_thread(server.start)
            await audit.run()
    report.faults["lost answers"] = load.lost_answers
    report.audit = audit.figures
    report.happened(**{"kills": kills, "lost answers": kills // 2})
    verdict(audit.faults, url)


def test_a_restart_with_many_open_workflows_takes_no_longer(tmp_path: Path, plan: Plan, report: Report) -> None:
    server = Server(tmp_path / "many.db")
    count = OPEN_FULL if plan.is_full else OPEN_SHORT
    try:
        server.start()
        asyncio.run(_open_many(server.address, count))
        for _ in range(plan.count(1, 30)):
            server.kill()
            report.faults["kills"] += 1
            begun_s = time.monotonic()
            ready_s = server.start()
            answer = httpx.get(f"{server.url}/api/tasks/poll/batch/{model.TASK}?count=1&timeout=1000", timeout=5.0)
            first_s = time.monotonic() - begun_s
            report.figures["ready s at most"] = max(report.figures.get("ready s at most", 0.0), ready_s)
            report.figures["first task s at most"] = max(report.figures.get("first task s at most", 0.0), first_s)
            assert len(answer.json()) == 1
    finally:
        server.kill()
    report.figures["open workflows"] = count
    assert report.figures["ready s at most"] < READY_S_MAX


async def _open_many(address: tuple[str, int], count: int) -> None:
    await Load(address, size=Size(response_s=3_600)).register()

    async def start(share: int) -> None:
        client = Client(address, timeout_s=30.0)
        for k in range(share):
            body = {"name": "chaos_parent", "version": 1, "input": model.input_of(k)}
            assert (await client.post("/api/workflow", body)).is_ok
        client.close()

    await asyncio.gather(*(start(count // 16) for _ in range(16)))


def test_the_audit_notices_what_was_answered_before_its_commit(tmp_path: Path, plan: Plan) -> None:
    server = Server(tmp_path / "early.db", program=program("early"))
    load = Load(server.address, size=Size(starters=2, workers=8, open_max=20))
    audit = Audit(load)

    async def kill_a_few_times() -> None:
        await asyncio.to_thread(server.start)
        await load.register()
        async with load.running():
            for _ in range(3):
                known = len(load.acknowledged)
                while len(load.acknowledged) == known:  # noqa: ASYNC110 (the test's own time limit ends it)
                    await asyncio.sleep(0.01)
                server.kill()  # long before the commit of what has just been acknowledged
                await asyncio.to_thread(server.start)
        await asyncio.sleep(1.0)  # what is on its way has come by then
        await audit.examine_results()

    try:
        asyncio.run(kill_a_few_times())
    finally:
        server.kill()

    assert any("is lost" in fault for fault in audit.faults), audit.figures
