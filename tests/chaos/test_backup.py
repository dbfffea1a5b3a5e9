"""Backups under load: each is complete, whole, and goes on to the end of every workflow in it."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.postgres import Postgres, binaries
from tests.process import Server

from .load import Load, audit

SEED = 20261127
BACKUPS = 3


def podium(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "podium", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def under_load(server: Server, back_up: Any) -> list[str]:
    """Call *back_up* a few times while workflows run; returns the ids of those started before the first time."""
    load = Load(server.url, SEED)
    await load.register()
    work = asyncio.create_task(load.run())
    while len(load.started) < 30:
        await asyncio.sleep(0.01)
    before = list(load.started)
    for number in range(BACKUPS):
        done = len(load.done)
        await asyncio.to_thread(back_up, number)
        while len(load.done) < done + 5:  # the server works on
            await asyncio.sleep(0.01)
    load.wanted, load.stopped = False, True
    await work
    return before


async def went_on(server: Server, started: list[str]) -> dict[str, Any]:
    """Let workers do what a restored server has, and say what became of the workflows."""
    load = Load(server.url, SEED, starters=0)
    load.started = started
    work = asyncio.create_task(load.run())
    try:
        return await audit(load)
    finally:
        load.stopped = True
        await work


async def open_ids(url: str) -> list[str]:
    async with httpx.AsyncClient(base_url=url, timeout=10.0) as client:
        query = {"query": "status IN (RUNNING)", "size": "1000"}
        found = (await client.get("/api/workflow/search", params=query)).raise_for_status().json()
        return [row["workflowId"] for row in found["results"]]


def examine(server: Server, before: list[str]) -> None:
    """Start a restored server, and have everything in it come to its end."""
    server.start()
    try:
        is_open = asyncio.run(open_ids(server.url))
        found = asyncio.run(went_on(server, before))
        left = asyncio.run(open_ids(server.url))
    finally:
        server.stop()
    assert is_open, "the backup was made while something was open"
    for kind in ("lost", "stuck", "doubled", "failed"):
        assert not found[kind], f"{kind}: {found[kind][:5]}"
    assert set(left).isdisjoint(before)


@pytest.mark.timeout(200)
def test_a_backup_under_load_is_restored_and_goes_on(tmp_path: Path) -> None:
    server = Server(tmp_path / "first.db")
    server.start()

    def back_up(number: int) -> None:
        podium("db", "backup", str(tmp_path / f"copy-{number}.db"), "--database", f"sqlite:///{server.database}")

    try:
        before = asyncio.run(under_load(server, back_up))
    finally:
        server.kill()
    for number in range(BACKUPS):
        assert "all is well" in podium("db", "check", "--database", f"sqlite:///{tmp_path}/copy-{number}.db")
    podium("db", "restore", str(tmp_path / "copy-2.db"), "--database", f"sqlite:///{server.database}")
    examine(server, before)
    assert "all is well" in podium("db", "check", "--database", f"sqlite:///{server.database}")


@pytest.mark.timeout(200)
def test_a_dump_of_postgresql_under_load_is_restored_and_goes_on(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.url("to_dump")
    postgres.execute("CREATE DATABASE to_dump")
    postgres.execute("CREATE DATABASE from_dump")
    server = Server(tmp_path / "first.db", url=url)
    server.start()

    def dump(number: int) -> None:
        file = f"--file={tmp_path}/copy-{number}.dump"
        subprocess.run([binaries() / "pg_dump", "--format=custom", file, url], check=True, capture_output=True)

    try:
        before = asyncio.run(under_load(server, dump))
    finally:
        server.kill()
    restored = postgres.url("from_dump")
    options = [f"--dbname={restored}", "--exit-on-error", "--single-transaction"]
    program = binaries() / "pg_restore"
    subprocess.run([program, *options, str(tmp_path / "copy-2.dump")], check=True, capture_output=True)
    assert "all is well" in podium("db", "check", "--database", restored)
    examine(Server(tmp_path / "second.db", url=restored), before)
    assert "all is well" in podium("db", "check", "--database", restored)
