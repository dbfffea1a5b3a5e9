"""The file: what is opened, what is refused with which words, and what a killed server leaves."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from podium.model.errors import PodiumError
from podium.store import migrate
from podium.store.sqlite import SqliteStore


def refusal(path: Path) -> str:
    async def opened() -> None:
        store = SqliteStore(path)
        await store.open()
        await store.close()

    with pytest.raises(PodiumError) as raised:
        asyncio.run(opened())
    return raised.value.message


async def nothing(_: SqliteStore) -> None: ...


def test_a_new_file_is_durable_and_marked(run: Any, path: Path) -> None:
    async def scenario(store: SqliteStore) -> dict[str, Any]:
        connection = store._writer.connection
        return {
            name: connection.pragma(name)
            for name in ("journal_mode", "synchronous", "application_id", "wal_autocheckpoint")
        }

    assert run(scenario) == {
        "journal_mode": "wal",
        "synchronous": 2,
        "application_id": 0x706F6469,
        "wal_autocheckpoint": 0,
    }
    assert apsw.Connection(str(path)).pragma("application_id") == 0x706F6469


def test_closing_leaves_one_file_with_everything(run: Any, rows: Any, path: Path) -> None:
    async def scenario(store: SqliteStore) -> None:
        await store.commit([rows.start(rows.workflow(1))])

    run(scenario)

    assert sorted(entry.name for entry in path.parent.iterdir()) == ["podium.db", "podium.db.lock"]
    assert apsw.Connection(str(path)).execute("SELECT count(*) FROM task").get == 1


def test_closing_twice_or_unopened_does_no_harm(path: Path) -> None:
    async def scenario() -> None:
        store = SqliteStore(path)
        await store.close()
        await store.open()
        await store.close()
        await store.close()

    asyncio.run(scenario())


def test_a_foreign_database_is_left_alone(path: Path) -> None:
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    before = path.read_bytes()

    assert "is an SQLite database, but not one of podium" in refusal(path)
    assert path.read_bytes() == before


def test_another_file_is_left_alone(path: Path) -> None:
    path.write_text("this is a letter, and not a short one" * 30)

    assert "is not an SQLite database" in refusal(path)
    assert path.read_text().startswith("this is a letter")


def test_a_missing_directory_is_told(tmp_path: Path) -> None:
    assert "No such file or directory" in refusal(tmp_path / "missing" / "podium.db")


def test_a_directory_is_refused(path: Path) -> None:
    path.mkdir()

    assert "can't be opened" in refusal(path)


def test_a_database_of_a_newer_version_is_refused(run: Any, path: Path) -> None:
    run(nothing)
    connection = apsw.Connection(str(path))
    connection.execute("INSERT INTO migration VALUES (99, 'future', 0)")
    connection.close()

    assert "has schema 99" in refusal(path)


def test_an_older_database_is_brought_up_to_date(
    run: Any, rows: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def write(store: SqliteStore) -> None:
        await store.commit([rows.start(rows.workflow(1))])

    async def read(store: SqliteStore) -> tuple[int, list[Any]]:
        applied = store._warm.rows("SELECT number, name FROM migration")
        return len(await store.load([rows.workflow(1).id])), applied

    run(write)
    known = migrate.find("podium.store.sqlite")
    new = migrate.Migration(len(known) + 1, "next", "CREATE TABLE next (x); INSERT INTO next VALUES (1);")
    monkeypatch.setattr(migrate, "find", lambda _: [*known, new])

    expected = (1, [*((each.number, each.name) for each in known), (new.number, "next")])
    assert run(read) == expected
    assert run(read) == expected


def test_a_migration_that_fails_changes_nothing(run: Any, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(nothing)
    known = migrate.find("podium.store.sqlite")
    broken = migrate.Migration(len(known) + 1, "broken", "CREATE TABLE half (x); SELECT nonsense;")
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "find", lambda _: [*known, broken])
        with pytest.raises(apsw.SQLError):
            run(nothing)

    run(nothing)
    assert apsw.Connection(str(path)).execute("SELECT count(*) FROM sqlite_schema WHERE name = 'half'").get == 0


def test_a_second_store_on_the_file_is_refused(run: Any, path: Path) -> None:
    async def scenario(_: SqliteStore) -> None:
        with pytest.raises(PodiumError, match="in use by another podium server"):
            await SqliteStore(path).open()

    run(scenario)
    run(nothing)


SERVER = """
import asyncio, itertools, sys
sys.path.insert(0, sys.argv[2])
from conftest import new_workflow, start, step
from podium.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open()
    workflows = [new_workflow(number) for number in range(20)]
    await store.commit([start(workflow) for workflow in workflows])
    print("open", flush=True)
    for seq in itertools.count(2):
        assert all(await store.commit([step(workflow, seq, b"x" * 500) for workflow in workflows]))
        print(seq, flush=True)

asyncio.run(main())
"""


def serve(path: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SERVER, str(path), str(Path(__file__).parent)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stdout.readline() == "open\n"
    return server


def test_a_second_process_is_refused_until_the_first_is_killed(run: Any, path: Path) -> None:
    with serve(path) as server:
        assert "in use by another podium server" in refusal(path)
        os.kill(server.pid, signal.SIGKILL)

    run(nothing)


def test_what_was_acknowledged_survives_a_kill_and_nothing_is_half_there(run: Any, rows: Any, path: Path) -> None:
    with serve(path) as server:
        assert server.stdout is not None
        acknowledged = [int(server.stdout.readline()) for _ in range(30)]
        os.kill(server.pid, signal.SIGKILL)
        acknowledged += [int(line) for line in server.stdout if line.endswith("\n")]

    async def scenario(store: SqliteStore) -> None:
        await store.put_definition("hash", b"{}")
        ids = [rows.workflow(number).id for number in range(20)]
        for stored in (await store.load(ids)).values():
            assert len(stored.tasks) == stored.head.version
            assert stored.head.version >= acknowledged[-1]
        assert [line async for line in store.check() if "no queue" not in line] == []

    run(scenario)
