"""A disk that is full or broken: an error that is true, nothing half written, and writing goes on when the disk is well
again.

Refused with `Unavailable` means that nothing was done and nothing will be. Where a commit reached the log but not
surely the disk, only a new start of the server tells: `OutcomeUnknown`.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from podium.model.errors import OutcomeUnknown, Unavailable
from podium.store.records import Document
from podium.store.sqlite import SqliteStore

BODY = b"x" * 20_000


def limit(store: SqliteStore, extra_pages: int) -> None:
    connection = store._writer.connection
    connection.pragma("max_page_count", connection.pragma("page_count") + extra_pages)


def test_a_full_database_refuses_and_recovers(run: Any, rows: Any) -> None:
    async def scenario(store: SqliteStore) -> None:
        first = rows.workflow(1)
        await store.commit([rows.start(first)])
        limit(store, 3)
        second = rows.workflow(2)
        with pytest.raises(Unavailable, match=r"can't be used now.*full"):
            await store.commit([rows.step(first, 2), rows.start(second, BODY)])

        stored = await store.load([first.id, second.id])
        assert {name: (each.head.version, len(each.tasks)) for name, each in stored.items()} == {first.id: (1, 1)}
        assert len(await store.ready("pack", 0, 9)) == 1

        limit(store, 1_000)
        first.head.version = 1
        assert await store.commit([rows.step(first, 2), rows.start(second, BODY)]) == [True, True]

    run(scenario)


def test_jobs_that_gather_fail_together_when_the_disk_is_full(run: Any, rows: Any) -> None:
    async def scenario(store: SqliteStore) -> None:
        limit(store, 3)
        documents = [Document("k", str(number), 1, BODY) for number in range(5)]
        results = await asyncio.gather(*(store.put_document(each) for each in documents), return_exceptions=True)

        assert results
        assert all(isinstance(result, Unavailable) for result in results)
        assert await store.documents("k") == []
        limit(store, 1_000)
        assert await asyncio.gather(*(store.put_document(each) for each in documents)) == [True] * 5

    run(scenario)


FULL = """
import asyncio, os, resource, signal, sys
sys.path.insert(0, sys.argv[2])
from conftest import new_workflow, start
from podium.model.errors import OutcomeUnknown, Unavailable
from podium.store.sqlite import SqliteStore

async def main():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = SqliteStore(sys.argv[1])
    await store.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    written = []
    for number in range(100):
        workflow = new_workflow(number)
        try:
            await store.commit([start(workflow, b"x" * 20_000)])
            written.append(workflow.id)
        except Unavailable as error:
            break
    else:
        raise SystemExit("the disk was never full")
    assert sorted(await store.load([new_workflow(number).id for number in range(100)])) == sorted(written)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert await store.commit([start(new_workflow(200), b"x" * 20_000)]) == [True]
    await store.close()
    print(len(written) + 1)

asyncio.run(main())
"""


def test_a_file_that_cannot_grow_refuses_and_recovers(run: Any, path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(path), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr

    async def scenario(store: SqliteStore) -> int:
        return int(store._warm.value("SELECT count(*) FROM workflow"))

    assert run(scenario) == int(done.stdout)


class BrokenDisk(apsw.VFS):
    """The ordinary file system, until `broken` names what fails from now on: "write" or "sync"; after *writes_left*."""

    def __init__(self) -> None:
        self.broken = ""
        self.writes_left = 0
        self.error: Exception = apsw.IOError("the disk is broken")
        super().__init__("broken-disk", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return BrokenFile(self, name, flags)


class BrokenFile(apsw.VFSFile):
    """A file on it."""

    def __init__(self, disk: BrokenDisk, name: Any, flags: list[int]) -> None:
        self.disk = disk
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self.disk.broken == "write":
            if self.disk.writes_left <= 0:
                raise self.disk.error
            self.disk.writes_left -= 1
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        if self.disk.broken == "sync":
            raise self.disk.error
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[BrokenDisk]:
    before = apsw.vfs_names()[0]
    disk = BrokenDisk()
    try:
        yield disk
    finally:
        disk.unregister()
        apsw.set_default_vfs(before)


@pytest.mark.parametrize("what", ["write", "sync"])
def test_a_broken_disk_refuses_and_recovers(disk: BrokenDisk, run: Any, rows: Any, what: str) -> None:
    async def scenario(store: SqliteStore) -> None:
        first, second = rows.workflow(1), rows.workflow(2)
        await store.commit([rows.start(first)])
        disk.broken = what
        for _ in range(2):
            with pytest.raises(Unavailable):
                await store.commit([rows.start(second)])
        with pytest.raises(Unavailable):
            await store.put_definition("hash", b"{}")

        disk.broken = ""
        assert sorted(await store.load([first.id, second.id])) == [first.id]
        assert await store.definition("hash") is None
        assert await store.commit([rows.start(second), rows.step(first, 2)]) == [True, True]

    run(scenario)


async def after_a_crash(store: SqliteStore, tmp_path: Path, ids: list[str]) -> list[str]:
    """Return which workflows a server finds that begins with the files as they are in the middle of the work."""
    copy = Path(tempfile.mkdtemp(dir=tmp_path)) / store._path.name
    for suffix in ("", "-wal"):
        shutil.copy(f"{store._path}{suffix}", f"{copy}{suffix}")
    other = SqliteStore(copy)
    await other.open()
    try:
        return list(await other.load(ids))
    finally:
        await other.close()


def test_a_commit_that_was_not_synced_is_of_unknown_outcome(
    disk: BrokenDisk, run: Any, rows: Any, tmp_path: Path
) -> None:
    """It is not there, but comes back with a crash; not any more when another commit has taken its place in the log."""

    async def scenario(store: SqliteStore) -> None:
        first, second, third = (rows.workflow(number) for number in range(3))
        ids = [first.id, second.id, third.id]
        await store.commit([rows.start(first)])
        disk.broken = "sync"
        with pytest.raises(OutcomeUnknown, match="idempotency key"):
            await store.commit([rows.start(second)])

        disk.broken = ""
        assert list(await store.load(ids)) == [first.id]
        assert await after_a_crash(store, tmp_path, ids) == [first.id, second.id]

        await store.commit([rows.start(third)])
        assert await after_a_crash(store, tmp_path, ids) == [first.id, third.id]

    run(scenario)


@pytest.mark.parametrize("error", [apsw.FullError("full"), apsw.IOError("broken")])
def test_what_is_refused_for_a_write_that_failed_never_comes_back(
    disk: BrokenDisk, run: Any, rows: Any, tmp_path: Path, error: Exception
) -> None:
    """Whichever of the writes of the commit it is."""

    async def scenario(store: SqliteStore) -> int:
        first = rows.workflow(0)
        await store.commit([rows.start(first)])
        disk.error = error
        for writes in range(100):
            other = rows.workflow(1)
            disk.broken, disk.writes_left = "write", writes
            [found] = await asyncio.gather(store.commit([rows.start(other, BODY)]), return_exceptions=True)
            disk.broken = ""
            if not isinstance(found, Unavailable):
                return writes
            assert isinstance(found, OutcomeUnknown) is isinstance(error, apsw.IOError)
            assert list(await store.load([first.id, other.id])) == [first.id]
            assert await after_a_crash(store, tmp_path, [first.id, other.id]) == [first.id]
        raise AssertionError("the commit never ends")

    assert run(scenario) > 5
