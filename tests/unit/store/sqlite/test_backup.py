"""Copies of the file: of one moment, whole or not there, and never over something else."""

import os
from pathlib import Path

import apsw
import pytest

from podium.model.errors import PodiumError
from podium.store.sqlite import connection as sqlite
from podium.store.sqlite.backup import backup, replacement


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "podium.db"
    connection = sqlite.prepare(path)
    connection.execute("CREATE TABLE line (number INTEGER PRIMARY KEY, text TEXT)")
    connection.execute("INSERT INTO line (text) VALUES (hex(randomblob(2000)))" + ", (hex(randomblob(2000)))" * 2999)
    connection.close()
    return path


def nothing(done: int, total: int) -> None:
    """Show no progress."""


def lines(path: Path) -> int:
    connection = apsw.Connection(str(path))
    found = connection.execute("SELECT count(*) FROM line").get
    assert connection.pragma("integrity_check") == "ok"
    connection.close()
    return int(found)


def test_a_copy_is_of_one_moment_though_others_write(database: Path, tmp_path: Path) -> None:
    writer = sqlite.connect(database)
    seen: list[tuple[int, int]] = []

    def write(done: int, total: int) -> None:
        seen.append((done, total))
        writer.execute("INSERT INTO line (text) VALUES ('later')")

    backup(database, tmp_path / "copy.db", write)

    assert lines(tmp_path / "copy.db") == 3000
    assert lines(database) == 3000 + len(seen)
    assert len(seen) > 1
    assert [done for done, _ in seen] == sorted({done for done, _ in seen}), "it did not begin anew"
    assert seen[-1][0] == seen[-1][1] == (tmp_path / "copy.db").stat().st_size
    writer.close()


def test_what_is_only_in_the_log_is_copied(database: Path, tmp_path: Path) -> None:
    writer = sqlite.connect(database)
    writer.execute("INSERT INTO line (text) VALUES ('new')")

    backup(database, tmp_path / "copy.db", nothing)

    assert lines(tmp_path / "copy.db") == 3001
    writer.close()


def test_only_the_owner_may_read_a_copy_which_is_one_file(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()

    backup(database, folder / "copy.db", nothing)

    assert [path.name for path in folder.iterdir()] == ["copy.db"]
    assert (folder / "copy.db").stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("mine")

    with pytest.raises(PodiumError, match="does not overwrite"):
        backup(database, target, nothing)

    assert target.read_text() == "mine"


def test_a_file_that_appears_meanwhile_is_not_overwritten(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"

    with pytest.raises(PodiumError, match="is there already"):
        backup(database, target, lambda done, total: target.write_text("mine") and None)

    assert target.read_text() == "mine"
    assert not list(tmp_path.glob("*.part*"))


def test_a_copy_that_fails_leaves_nothing(database: Path, tmp_path: Path) -> None:
    def fail(done: int, total: int) -> None:
        raise OSError("the disk is full")

    with pytest.raises(PodiumError, match="the disk is full"):
        backup(database, tmp_path / "copy.db", fail)

    assert not list(tmp_path.glob("copy*"))


def test_a_restored_file_takes_the_place_and_the_old_one_stays_beside(database: Path, tmp_path: Path) -> None:
    backup(database, tmp_path / "copy.db", nothing)
    database.chmod(0o640)
    writer = sqlite.connect(database)
    writer.execute("INSERT INTO line (text) VALUES ('since then')")
    writer.close()

    with replacement(database, tmp_path / "copy.db", nothing) as copy:
        assert lines(copy) == 3000

    assert lines(database) == 3000
    assert database.stat().st_mode & 0o777 == 0o640
    (aside,) = tmp_path.glob("podium.db.replaced-*")
    assert lines(aside) == 3001
    assert lines(tmp_path / "copy.db") == 3000
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["copy.db", "podium.db", "podium.db.lock", aside.name]
    )


def test_a_log_that_was_left_behind_does_not_get_into_the_restored_file(database: Path, tmp_path: Path) -> None:
    backup(database, tmp_path / "copy.db", nothing)
    database.write_bytes(b"broken")
    log = database.with_name("podium.db-wal")
    log.write_bytes(b"left over")

    with replacement(database, tmp_path / "copy.db", nothing):
        pass

    assert not log.exists()
    assert lines(database) == 3000


def test_a_backup_that_is_refused_changes_nothing(database: Path, tmp_path: Path) -> None:
    backup(database, tmp_path / "copy.db", nothing)
    before = database.read_bytes()

    with pytest.raises(ValueError, match="broken"), replacement(database, tmp_path / "copy.db", nothing):
        raise ValueError("broken")

    assert database.read_bytes() == before
    assert not list(tmp_path.glob("*.re*"))


def test_a_database_in_use_is_not_replaced(database: Path, tmp_path: Path) -> None:
    backup(database, tmp_path / "copy.db", nothing)
    descriptor = sqlite.lock(database)
    try:
        with (
            pytest.raises(PodiumError, match="in use by another podium server"),
            replacement(database, tmp_path / "copy.db", nothing),
        ):
            pytest.fail("it was let in")
    finally:
        os.close(descriptor)


def test_a_backup_goes_to_where_there_is_no_database_yet(database: Path, tmp_path: Path) -> None:
    backup(database, tmp_path / "copy.db", nothing)

    with replacement(tmp_path / "new.db", tmp_path / "copy.db", nothing):
        pass

    assert lines(tmp_path / "new.db") == 3000
