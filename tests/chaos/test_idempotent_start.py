"""R10: many clients start with one key, and the server is killed meanwhile. There is one workflow for each key."""

import asyncio
from pathlib import Path
from typing import Any

from tests.postgres import Postgres
from tests.process import Server

from . import nodes
from .audit import verdict
from .client import FAILURES, Client
from .plan import Plan
from .report import Report

KEYS_SHORT, KEYS_FULL = 12, 1_000
KILLS_SHORT, KILLS_FULL = 2, 50
CLIENTS_SHORT, CLIENTS_FULL = 16, 64
DEFINITION = {"name": "once", "version": 1, "tasks": [{"name": "once", "taskReferenceName": "a", "type": "SIMPLE"}]}


class Starts:
    """Clients that start with each key until they are told a workflow."""

    def __init__(self, *addresses: tuple[str, int]) -> None:
        self._addresses = addresses
        self.told: dict[str, set[str]] = {}
        self.lost_answers = 0

    async def all(self, keys: int, clients: int) -> None:
        """Let all clients start with all keys in the same order, so that they meet."""
        await asyncio.gather(*(self._client(keys, place) for place in range(clients)))

    async def _client(self, keys: int, place: int) -> None:
        count = len(self._addresses)
        client = Client(*(self._addresses[(place + at) % count] for at in range(count)))
        for number in range(keys):
            key = f"key-{number}"
            self.told.setdefault(key, set()).add(await self._start(client, key))
        client.close()

    async def _start(self, client: Client, key: str) -> str:
        body: dict[str, Any] = {"name": "once", "version": 1, "correlationId": key, "idempotencyKey": key}
        body["idempotencyStrategy"] = "RETURN_EXISTING"
        while True:
            try:
                answer = await client.post("/api/workflow", body)
            except ConnectionRefusedError:
                await asyncio.sleep(0.1)
                continue
            except FAILURES:
                self.lost_answers += 1
                continue
            if answer.is_ok:
                return answer.text
            assert answer.status in (429, 503), answer
            await asyncio.sleep(0.1)


def test_one_workflow_per_key(server: Server, plan: Plan, report: Report) -> None:
    asyncio.run(_start_often(server, plan, report))


async def _start_often(server: Server, plan: Plan, report: Report) -> None:
    kills = plan.count(KILLS_SHORT, KILLS_FULL)
    keys, clients = (KEYS_FULL, CLIENTS_FULL) if plan.is_full else (KEYS_SHORT, CLIENTS_SHORT)
    await asyncio.to_thread(server.start)
    await register(server.address)
    starts = Starts(server.address)
    work = asyncio.create_task(starts.all(keys, clients))
    await _kill_some(starts, work, [server] * kills, keys, plan, report)
    await work
    report.faults["lost answers"] = starts.lost_answers
    report.figures["starts"] = keys * clients
    faults = await examine(starts, keys, server.address)
    server.kill()
    report.happened(**{"kills": kills, "lost answers": kills})
    report.audit = {"workflows": keys, "faults": len(faults)}
    verdict(faults, server.database)


async def _kill_some(
    starts: Starts, work: "asyncio.Task[None]", servers: list[Server], keys: int, plan: Plan, report: Report
) -> None:
    """Kill the servers one after the other and start them again, each after some further keys."""
    chance = plan.chance()
    for server in servers:
        goal = len(starts.told) + chance.randint(1, max(1, keys // len(servers) // 2))
        while len(starts.told) < goal and not work.done():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        server.kill()
        report.faults["kills"] += 1
        await asyncio.to_thread(server.start)


async def register(address: tuple[str, int]) -> None:
    """Register the definition."""
    client = Client(address)
    assert (await client.post("/api/metadata/workflow", DEFINITION)).is_ok
    client.close()


async def examine(starts: Starts, keys: int, address: tuple[str, int]) -> list[str]:
    """Return what is wrong: a key that two workflows were told for, and workflows that nobody was told."""
    faults = [f"{key} was started as {sorted(ids)}" for key, ids in starts.told.items() if len(ids) != 1]
    client = Client(address)
    found = (await client.get("/api/workflow/search?size=1&query=workflowType=once")).json()
    client.close()
    if found["totalHits"] != keys:
        faults.append(f"there are {found['totalHits']} workflows for {keys} keys")
    return faults


def test_one_workflow_per_key_over_three_nodes(
    durable_database: tuple[Postgres, str], tmp_path: Path, plan: Plan, report: Report
) -> None:
    asyncio.run(_start_on_many(durable_database[1], tmp_path, plan, report))


async def _start_on_many(url: str, folder: Path, plan: Plan, report: Report) -> None:
    kills = plan.count(KILLS_SHORT, KILLS_FULL)
    keys, clients = (KEYS_FULL, CLIENTS_FULL) if plan.is_full else (KEYS_SHORT, CLIENTS_SHORT)
    chance, servers = plan.chance(), nodes.make(url, folder)
    async with nodes.started(servers) as addresses:
        await register(addresses[0])
        starts = Starts(*addresses)
        work = asyncio.create_task(starts.all(keys, clients))
        await _kill_some(starts, work, [chance.choice(servers) for _ in range(kills)], keys, plan, report)
        await work
        faults = await examine(starts, keys, addresses[0])
    report.faults["lost answers"] = starts.lost_answers
    report.figures["starts"] = keys * clients
    report.happened(kills=kills)
    report.audit = {"workflows": keys, "faults": len(faults)}
    verdict(faults, url)
