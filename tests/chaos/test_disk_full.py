"""R18: the file system of an SQLite database is full. Writes are refused, reads work, and it goes on by itself."""

import asyncio
import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process import Server

from .audit import Audit, verdict
from .client import Client
from .load import Load, Size
from .plan import Plan
from .report import Report
from .waiting import until

SHORT, FULL = 2, 20
DISK_MB = 64
LEFT_BYTES = 256 << 10
REFUSED = (503, 507)
SIZE = Size(starters=2, workers=8, open_max=30)
LARGE = {"name": "chaos_large", "version": 1, "tasks": [{"name": "w", "taskReferenceName": "w", "type": "HUMAN"}]}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system in memory. Only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_refuses_writes_until_there_is_room(disk: Path, tmp_path: Path, plan: Plan, report: Report) -> None:
    server = Server(disk / "podium.db", log=tmp_path / "podium.log")
    try:
        asyncio.run(_fill_often(server, disk, plan, report))
    finally:
        server.kill()
    assert _integrity(disk / "podium.db") == "ok"


async def _fill_often(server: Server, disk: Path, plan: Plan, report: Report) -> None:
    times = plan.count(SHORT, FULL)
    await asyncio.to_thread(server.start)
    pid = server.pid
    client, load = Client(server.address), Load(server.address, size=SIZE)
    await load.register()
    assert (await client.post("/api/metadata/workflow", LARGE)).is_ok
    audit = Audit(load)
    async with load.running():
        for _ in range(times):
            await _fill(client, load, disk, report)
        await audit.run()
    client.close()
    assert server.pid == pid
    server.kill()
    report.faults["writes refused to the load"] = sum(load.answers[status] for status in REFUSED)
    report.happened(**{"disks filled": times, "writes refused": times, "reads while full": times})
    report.audit = audit.figures
    assert load.no_retry_after == 0
    assert set(load.answers) <= {200, 204, *REFUSED}
    verdict(audit.faults, server.database)


async def _fill(client: Client, load: Load, disk: Path, report: Report) -> None:
    """Fill the disk, look, and make room again."""
    ballast = disk / "ballast"
    _write_ballast(ballast, disk)
    report.faults["disks filled"] += 1
    body = {"name": "chaos_large", "version": 1, "input": {"x": os.urandom(16_384).hex()}}
    answer = await client.post("/api/workflow", body)
    while answer.is_ok:
        answer = await client.post("/api/workflow", body)
    assert answer.status in REFUSED, answer
    report.faults["writes refused"] += 1
    some = next(iter(load.started))
    read = await client.get(f"/api/workflow/{some}")
    search = await client.get("/api/workflow/search?size=1")
    assert (read.status, search.status) == (200, 200), (read, search)
    report.faults["reads while full"] += 1
    ballast.unlink()
    before = len(load.acknowledged)
    await until(lambda: len(load.acknowledged) > before + 20)


def _free_bytes(disk: Path) -> int:
    found = os.statvfs(disk)
    return found.f_bavail * found.f_frsize


def _write_ballast(path: Path, disk: Path) -> None:
    """Take nearly all of what is free; the server under load takes some of it meanwhile, so look again then."""
    path.touch()
    while (size := _free_bytes(disk) - LEFT_BYTES) > 0:
        try:
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, size)
            return
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def _integrity(database: Path) -> str:
    code = "import apsw, sys; print(apsw.Connection(sys.argv[1]).pragma('integrity_check'))"
    return subprocess.run(
        [sys.executable, "-c", code, str(database)], capture_output=True, text=True, check=True
    ).stdout.strip()
