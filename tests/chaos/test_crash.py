"""Kill the server at random moments under load: nothing that it acknowledged may be lost, stuck or done twice."""

import asyncio
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.process import Server

from .load import PARENT, TASK, Load, audit

KILLS = int(os.environ.get("PODIUM_TEST_KILLS", "50"))
SEED = int(os.environ.get("PODIUM_TEST_SEED", "20261122"))


@pytest.mark.timeout(400)
def test_nothing_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "crash.db")
    server.start()
    chance = random.Random(SEED)
    load = Load(server.url, SEED)
    try:
        found = asyncio.run(_run(server, load, chance))
    finally:
        server.kill()
    counts = {kind: value if isinstance(value, int) else len(value) for kind, value in found.items()}
    print(f"seed {SEED}: {KILLS} kills, {len(load.started)} workflows, {len(load.done)} acknowledged results, {counts}")
    assert len(load.done) > KILLS, "the workers must have worked"
    assert len(load.started) > KILLS, "the load must have run"
    for kind in ("lost", "stuck", "doubled", "failed"):
        assert not found[kind], f"{kind}: {found[kind][:5]}"
    checked = subprocess.run(
        [sys.executable, "-m", "podium", "db", "check", "--database", f"sqlite:///{server.database}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


async def _run(server: Server, load: Load, chance: random.Random) -> dict[str, object]:
    await load.register()
    work = asyncio.create_task(load.run())
    for _ in range(KILLS):
        await asyncio.sleep(chance.uniform(0.05, 0.5))
        server.kill()
        await asyncio.to_thread(server.start)
    load.wanted = False
    try:
        return await audit(load)
    finally:
        load.stopped = True
        await work


@pytest.mark.timeout(200)
def test_tasks_are_handed_out_soon_after_a_restart_with_many_open_workflows(tmp_path: Path) -> None:
    server = Server(tmp_path / "many.db")
    server.start()
    try:
        asyncio.run(_open_many(server.url, 10_000))
        server.kill()
        begun = time.monotonic()
        server.start()
        tasks = httpx.get(f"{server.url}/api/tasks/poll/batch/{TASK}?count=1&timeout=1000", timeout=5.0).json()
        took_s = time.monotonic() - begun
    finally:
        server.kill()
    print(f"restart to first task with 10,000 open workflows: {took_s:.2f} s")
    assert len(tasks) == 1


async def _open_many(url: str, count: int) -> None:
    load = Load(url, 1)
    await load.register()
    limits = httpx.Limits(max_connections=16)
    async with httpx.AsyncClient(base_url=url, timeout=30.0, limits=limits) as client:

        async def start(share: int) -> None:
            for _ in range(share):
                body = {"name": PARENT["name"], "version": 1, "input": {"k": "x"}}
                (await client.post("/api/workflow", json=body)).raise_for_status()

        await asyncio.gather(*(start(count // 16) for _ in range(16)))
