"""Backups under load: each is complete and of one moment, and everything in it goes on to its end."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.postgres import Postgres, binaries
from tests.process import Server

from .audit import Audit, check_database, verdict
from .load import Load, Size
from .plan import Plan
from .report import Report

SHORT, FULL = 2, 30
SIZE = Size(starters=2, workers=8, open_max=40)
BEFORE = 60  # results between two backups

BackUp = Callable[[Path], None]


def test_backups_of_sqlite_under_load_are_restored_and_go_on(tmp_path: Path, plan: Plan, report: Report) -> None:
    server = Server(tmp_path / "podium.db")

    def back_up(file: Path) -> None:
        podium("db", "backup", str(file), "--database", server.database)

    files, before = asyncio.run(back_up_often(server, tmp_path, back_up, plan, report))
    for file in files:
        assert check_database(f"sqlite:///{file}") == ""
    podium("db", "restore", str(files[-1]), "--database", server.database)
    asyncio.run(go_on(server, before, report))


def test_dumps_of_postgres_under_load_are_restored_and_go_on(
    tmp_path: Path, plan: Plan, report: Report, durable_database: tuple[Postgres, str]
) -> None:
    postgres, url = durable_database
    server = Server(url, log=tmp_path / "first.log")

    def dump(file: Path) -> None:
        run(str(binaries() / "pg_dump"), "--format=custom", f"--file={file}", url)

    files, before = asyncio.run(back_up_often(server, tmp_path, dump, plan, report))
    postgres.execute("CREATE DATABASE restored")
    restored = postgres.url("restored")
    options = (f"--dbname={restored}", "--exit-on-error", "--single-transaction")
    run(str(binaries() / "pg_restore"), *options, str(files[-1]))
    assert check_database(restored) == ""
    asyncio.run(go_on(Server(restored, log=tmp_path / "second.log"), before, report))


def podium(*words: str) -> None:
    run(sys.executable, "-m", "podium", *words)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def back_up_often(
    server: Server, folder: Path, back_up: BackUp, plan: Plan, report: Report
) -> tuple[list[Path], Load]:
    """Make backups while workflows run; returns them, and what was acknowledged before the last one."""
    load, before = (Load((server.host, server.port), size=SIZE) for _ in range(2))
    files = [folder / f"backup-{number}" for number in range(plan.count(SHORT, FULL))]
    try:
        await asyncio.to_thread(server.start)
        await load.register()
        async with load.running():
            for file in files:
                await _progress(load)
                before.started, before.acknowledged = dict(load.started), dict(load.acknowledged)
                await asyncio.to_thread(back_up, file)
                report.faults["backups"] += 1
            await _progress(load)
    finally:
        server.kill()
    return files, before


async def _progress(load: Load) -> None:
    """Wait until workers have reported some more results: the server works."""
    wanted = len(load.acknowledged) + BEFORE
    while len(load.acknowledged) < wanted:  # noqa: ASYNC110 (the test's own time limit ends it)
        await asyncio.sleep(0.01)


async def go_on(server: Server, before: Load, report: Report) -> None:
    """Start a restored server with workers, and have all that was acknowledged before its backup come to its end."""
    load = Load((server.host, server.port), size=SIZE)
    load.is_starting = False
    before.addresses = load.addresses
    audit = Audit(before)
    try:
        await asyncio.to_thread(server.start)
        async with load.running():
            await audit.run()
    finally:
        server.stop()
    report.audit = audit.figures
    report.figures["results after the restore"] = len(load.acknowledged)
    assert load.acknowledged, "the backup was made while something was open"
    verdict(audit.faults, server.database)
