"""`podium db backup` and `podium db restore`."""

import asyncio
from pathlib import Path

import apsw
import pytest

from podium.cli import main
from podium.cli.failure import FAILED, USAGE
from podium.store.records import Document
from podium.store.sqlite import SqliteStore

Out = pytest.CaptureFixture[str]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "podium.db"
    asyncio.run(put(path, "first"))
    return path


async def put(path: Path, name: str) -> None:
    store = SqliteStore(path)
    await store.open()
    await store.put_document(Document("x", name, 0, b"{}"))
    await store.close()


async def names(path: Path) -> list[str]:
    store = SqliteStore(path)
    await store.open()
    found = [one.name for one in await store.documents("x")]
    await store.close()
    return found


def db(*words: str) -> int:
    return main(["db", *words])


def test_a_backup_is_put_back(database: Path, tmp_path: Path, capsys: Out) -> None:
    copy = tmp_path / "copy.db"
    url = f"sqlite:///{database}"
    assert db("backup", str(copy), "--database", url) == 0
    asyncio.run(put(database, "second"))

    assert db("restore", str(copy), "--database", url) == 0

    assert asyncio.run(names(database)) == ["first"]
    assert "complete" in capsys.readouterr().out
    assert len(list(tmp_path.glob("podium.db.replaced-*"))) == 1


def test_a_broken_backup_is_not_put_back(database: Path, tmp_path: Path, capsys: Out) -> None:
    copy = tmp_path / "copy.db"
    url = f"sqlite:///{database}"
    assert db("backup", str(copy), "--database", url) == 0
    broken = apsw.Connection(str(copy))
    broken.execute("INSERT INTO queue VALUES (7, 'q', 0, 0, 'n', 'w')")
    broken.close()
    asyncio.run(put(database, "second"))

    assert db("restore", str(copy), "--database", url) == FAILED

    assert "queue 7 belongs to no workflow" in capsys.readouterr().err
    assert asyncio.run(names(database)) == ["first", "second"]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_a_file_that_is_no_backup_is_not_put_back(database: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "copy.db").write_bytes(content)

    assert db("restore", str(tmp_path / "copy.db"), "--database", f"sqlite:///{database}") == FAILED

    assert asyncio.run(names(database)) == ["first"]


def test_what_is_not_there_is_wrong_usage(tmp_path: Path, capsys: Out) -> None:
    url = f"sqlite:///{tmp_path}/none.db"

    assert db("backup", str(tmp_path / "copy.db"), "--database", url) == USAGE
    assert "There is no database" in capsys.readouterr().err
    assert db("restore", str(tmp_path / "copy.db"), "--database", url) == USAGE
    assert "There is no file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_postgresql_is_left_to_its_own_tools(tmp_path: Path, capsys: Out) -> None:
    assert db("backup", str(tmp_path / "copy.db"), "--database", "postgresql://a@b/c") == USAGE
    assert "pg_dump" in capsys.readouterr().err
