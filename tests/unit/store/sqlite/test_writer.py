"""Group commit, and what goes on while the disk is waited for."""

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import pytest

from podium.store.records import Document
from podium.store.sqlite import SqliteStore, checkpoint


class Gate(apsw.VFS):
    """The ordinary file system, whose syncs wait while the gate is shut."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.opened.set()
        self.reached = threading.Event()
        super().__init__("gate", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:
        return GatedFile(self, name, flags)

    async def shut(self, waiting: Awaitable[Any]) -> "asyncio.Future[Any]":
        """Shut the gate and return the future of *waiting*, whose commit stands before it."""
        self.opened.clear()
        self.reached.clear()
        future: asyncio.Future[Any] = asyncio.ensure_future(waiting)
        await asyncio.to_thread(self.reached.wait, 10)
        return future


class GatedFile(apsw.VFSFile):
    """A file on it."""

    def __init__(self, gate: Gate, name: Any, flags: list[int]) -> None:
        self.gate = gate
        super().__init__("unix", name, flags)

    def xSync(self, flags: int) -> None:
        self.gate.reached.set()
        self.gate.opened.wait(10)
        super().xSync(flags)


@pytest.fixture
def gate() -> Iterator[Gate]:
    before = apsw.vfs_names()[0]
    gate = Gate()
    try:
        yield gate
    finally:
        gate.unregister()
        apsw.set_default_vfs(before)


def count_commits(store: SqliteStore) -> list[None]:
    commits: list[None] = []
    store._writer.connection.set_commit_hook(lambda: bool(commits.append(None)))  # type: ignore[func-returns-value]
    return commits


def test_jobs_that_gather_during_a_commit_share_the_next(gate: Gate, run: Any) -> None:
    async def scenario(store: SqliteStore) -> int:
        commits = count_commits(store)
        first = await gate.shut(store.put_definition("first", b""))
        others = [asyncio.ensure_future(store.put_document(Document("k", str(number), 1, b""))) for number in range(20)]
        await asyncio.sleep(0)
        gate.opened.set()
        await first
        assert await asyncio.gather(*others) == [True] * 20
        return len(commits)

    assert run(scenario) == 2


def test_the_loop_runs_and_reads_what_is_committed_during_a_commit(gate: Gate, run: Any, rows: Any) -> None:
    async def scenario(store: SqliteStore) -> None:
        workflow = rows.workflow(1)
        await store.commit([rows.start(workflow)])
        waiting = await gate.shut(store.commit([rows.step(workflow, 2)]))

        assert len(await store.tasks(workflow.id)) == 1
        assert (await store.load([workflow.id]))[workflow.id].head.version == 1
        assert not waiting.done()

        gate.opened.set()
        assert await waiting == [True]
        assert len(await store.tasks(workflow.id)) == 2

    run(scenario)


def test_closing_waits_for_what_was_begun(gate: Gate, run: Any, rows: Any, path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        waiting = await gate.shut(store.commit([rows.start(rows.workflow(1))]))
        behind = asyncio.ensure_future(store.commit([rows.start(rows.workflow(2))]))
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
        gate.opened.set()
        await closing
        assert (waiting.result(), behind.result()) == ([True], [True])

    run(scenario)

    assert apsw.Connection(str(path)).execute("SELECT count(*) FROM workflow").get == 2


def test_a_job_that_fails_does_not_take_the_others_with_it(gate: Gate, run: Any) -> None:
    async def scenario(store: SqliteStore) -> None:
        def write(connection: apsw.Connection, name: str) -> str:
            connection.execute("INSERT INTO definition VALUES (?, x'00')", (name,))
            if name == "bad":
                raise ValueError("bad")
            return name

        first = await gate.shut(store.put_definition("first", b""))
        jobs = [store._writer.run(partial(write, name=name)) for name in ("a", "bad", "b")]
        gate.opened.set()
        await first
        results = await asyncio.gather(*jobs, return_exceptions=True)

        assert (results[0], results[2]) == ("a", "b")
        assert isinstance(results[1], ValueError)
        assert [await store.definition(name) for name in ("a", "bad", "b")] == [b"\0", None, b"\0"]

    run(scenario)


def test_only_heavy_jobs_leave_the_thread_of_the_loop(run: Any, rows: Any) -> None:
    async def scenario(store: SqliteStore) -> None:
        def where(_: apsw.Connection) -> str:
            return threading.current_thread().name

        assert await store._writer.run(where) == threading.current_thread().name
        assert await store._writer.run(where, heavy=True) == "podium-writer"

        def fail(_: apsw.Connection) -> None:
            raise ValueError("heavy")

        with pytest.raises(ValueError, match="heavy"):
            await store._writer.run(fail, heavy=True)
        assert await store.commit([rows.start(rows.workflow(1))]) == [True]

    run(scenario)


def test_the_log_is_moved_into_the_database_and_begins_anew(
    run: Any, rows: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = threading.Event()
    move = checkpoint.Checkpoints._move

    def noticed(checkpoints: checkpoint.Checkpoints) -> None:
        move(checkpoints)
        moved.set()

    monkeypatch.setattr(checkpoint, "CHECKPOINT_PAGES", 20)
    monkeypatch.setattr(checkpoint, "LOG_PAGES_MAX", 60)
    monkeypatch.setattr(checkpoint.Checkpoints, "_move", noticed)

    async def scenario(store: SqliteStore) -> int:
        for number in range(40):
            moved.clear()
            await store.commit([rows.start(rows.workflow(number), b"x" * 150_000)])
            assert await asyncio.to_thread(moved.wait, 10)
        return path.with_name("podium.db-wal").stat().st_size

    assert run(scenario) < 40 * 150_000 / 4
    assert path.stat().st_size > 40 * 150_000


def test_a_long_read_delays_no_commit(run: Any, rows: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_PAGES", 1)
    monkeypatch.setattr(checkpoint, "LOG_PAGES_MAX", 0)
    monkeypatch.setattr(checkpoint, "READERS_WAIT_MS", 1)

    async def scenario(store: SqliteStore) -> None:
        with store._cold.snapshot():
            store._cold.rows("SELECT * FROM workflow")
            for number in range(10):
                assert await store.commit([rows.start(rows.workflow(number))]) == [True]

    run(scenario)


def test_a_log_that_is_too_long_is_ended_between_two_commits(
    run: Any, rows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved, restarted = threading.Event(), threading.Event()
    move, restart = checkpoint.Checkpoints._move, checkpoint.Checkpoints.restart_log

    def noticed_move(checkpoints: checkpoint.Checkpoints) -> None:
        move(checkpoints)
        moved.set()

    def noticed_restart(checkpoints: checkpoint.Checkpoints, connection: apsw.Connection) -> None:
        restart(checkpoints, connection)
        restarted.set()

    monkeypatch.setattr(checkpoint, "CHECKPOINT_PAGES", 1)
    monkeypatch.setattr(checkpoint, "LOG_PAGES_MAX", 5)
    monkeypatch.setattr(checkpoint.Checkpoints, "_move", noticed_move)
    monkeypatch.setattr(checkpoint.Checkpoints, "restart_log", noticed_restart)

    async def scenario(store: SqliteStore) -> int:
        await store.commit([rows.start(rows.workflow(number), b"x" * 50_000) for number in range(10)])
        assert await asyncio.to_thread(moved.wait, 10)
        monkeypatch.setattr(checkpoint, "CHECKPOINT_PAGES", 1 << 30)  # no further one, which would be in the way
        await store.commit([rows.start(rows.workflow(10))])
        assert await asyncio.to_thread(restarted.wait, 10)
        await store.commit([rows.start(rows.workflow(11))])
        await store._writer.drain()
        pages, _ = store._writer.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return pages

    assert run(scenario) < 30
