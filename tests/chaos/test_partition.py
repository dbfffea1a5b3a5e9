"""R7: a node is cut from the database, in its own network: packets get lost on one way or on both, and nobody is told.

The others go on; what the node had decided counts once or not at all; and soon after the repair it serves again.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.process import PROGRAM, Server

from . import network, nodes
from .audit import Audit, verdict
from .client import FAILURES, Client
from .load import Load, Size
from .network import Network, Way
from .plan import Plan
from .report import Report

WAYS: tuple[Way, ...] = ("both", "to database", "from database")
SHORT, FULL = 1, 50  # of each way
CUT_SHORT_S, CUT_FULL_S = 5.0, 6.0
LEASE_S = 3.0
SERVES_S_MAX, SERVES_SHORT_S_MAX = LEASE_S + 5.0, 40.0  # a machine that is busy with other tests may take its time
SIZE = Size(starters=3, workers=9, open_max=30, response_s=2, tries=6, timeout_s=1.0)


@pytest.fixture
def net() -> Iterator[Network]:
    made = Network(nodes.COUNT)
    try:
        made.build()
        yield made
    finally:
        made.remove()


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server that the namespaces reach."""
    server = Postgres(durable=True, network=network.NETWORK)
    server.create()
    server.start()
    yield server
    server.remove()


def test_a_node_that_is_cut_from_the_database_harms_nothing(
    net: Network, postgres: Postgres, tmp_path: Path, plan: Plan, report: Report
) -> None:
    postgres.execute("CREATE DATABASE podium")
    asyncio.run(_cut_often(net, postgres, tmp_path, plan, report))
    verdict([], postgres.url("podium"))


def _servers(net: Network, url: str, folder: Path) -> list[Server]:
    remote = url.replace("127.0.0.1", network.DATABASE)
    return [
        Server(
            remote,
            log=folder / f"node-{number}.log",
            host=net.host(number),
            program=(*net.program(number), *PROGRAM),
            options=("--insecure",),
        )
        for number in range(nodes.COUNT)
    ]


async def _cut_often(net: Network, postgres: Postgres, folder: Path, plan: Plan, report: Report) -> None:
    times, chance, serves_s = plan.count(SHORT, FULL), plan.chance(), [0.0]
    ways = WAYS * times if plan.is_full or plan.count_wanted else WAYS[:1]
    servers = _servers(net, postgres.url("podium"), folder)
    async with nodes.started(servers) as addresses:
        load = Load(*addresses, size=SIZE)
        audit = Audit(load)
        await load.register()
        async with load.running():
            for way in ways:
                number = chance.randrange(nodes.COUNT)
                await asyncio.sleep(chance.uniform(0.5, 1.5))
                await _cut(net, postgres, number, way, CUT_FULL_S if plan.is_full else CUT_SHORT_S, load, report)
                serves_s.append(await _serves(servers[number]))
            await audit.run()
    report.figures["serves again after s at most"] = max(serves_s)
    report.audit = audit.figures
    report.happened(**dict.fromkeys(ways, times), **{"results meanwhile": times})
    assert max(serves_s) < (SERVES_S_MAX if plan.is_full else SERVES_SHORT_S_MAX)
    assert audit.faults == []


async def _cut(
    net: Network, postgres: Postgres, number: int, way: Way, seconds: float, load: Load, report: Report
) -> None:
    before, begun_s = len(load.acknowledged), time.monotonic()
    net.cut(number, way)
    try:
        is_cut = not await asyncio.to_thread(net.reaches, number, postgres.port)
        await asyncio.sleep(seconds - (time.monotonic() - begun_s))
    finally:
        net.heal(number, way)
    report.faults[way] += is_cut and net.reaches(number, postgres.port)  # proven, and nothing else was in the way
    report.faults["results meanwhile"] += len(load.acknowledged) - before


async def _serves(server: Server) -> float:
    """Return how long it takes until a node starts workflows again."""
    begun_s = time.monotonic()
    client = Client(server.address, timeout_s=2.0)
    while time.monotonic() - begun_s < SERVES_SHORT_S_MAX:
        try:
            answer = await client.post("/api/workflow", {"name": "chaos_child", "input": {"k": 0}})
        except FAILURES:
            continue
        if answer.is_ok:
            break
        await asyncio.sleep(0.1)
    client.close()
    return time.monotonic() - begun_s
