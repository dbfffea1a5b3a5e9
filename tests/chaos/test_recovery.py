"""Recovery to a point in time: a base backup, the log archived since, and a server that stops at the moment wanted.

As docs/operate/backup.md describes it, with the tools of PostgreSQL alone.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.process import Server

from .audit import check_database
from .plan import Plan
from .report import Report
from .test_backup import back_up_often, go_on

ARCHIVED_S_MAX = 60.0


@pytest.fixture
def first() -> Iterator[Postgres]:
    """A server that archives its log."""
    server = Postgres(durable=True)
    server.create()
    archive = server.folder / "archive"
    archive.mkdir(mode=0o777)
    archive.chmod(0o777)
    server.configure(
        archive_mode="on",
        archive_command=f"test ! -f {archive}/%f && cp %p {archive}/%f.part && mv {archive}/%f.part {archive}/%f",
    )
    server.start()
    yield server
    server.remove()


@pytest.fixture
def second() -> Iterator[Postgres]:
    """Where the database is recovered."""
    server = Postgres(durable=True)
    yield server
    server.remove()


def test_a_database_is_recovered_to_a_moment_under_load_and_goes_on(
    tmp_path: Path, plan: Plan, report: Report, first: Postgres, second: Postgres
) -> None:
    first.execute("CREATE DATABASE podium")
    server = Server(first.url("podium"), log=tmp_path / "first.log")

    def note(file: Path) -> None:
        """Copy the database the first time; then, and later, name the moment."""
        if not (second.folder / "data").exists():
            second.copy(first)
        first.execute(f"SELECT pg_create_restore_point('{file.name}')")

    files, before = asyncio.run(back_up_often(server, tmp_path, note, plan, report))
    first.execute("SELECT pg_switch_wal()")
    _wait_until_archived(first)
    first.stop("immediate")  # and is gone
    _recover(first, second, files[-1].name)

    assert check_database(second.url("podium")) == ""
    asyncio.run(go_on(Server(second.url("podium"), log=tmp_path / "second.log"), before, report))


def _wait_until_archived(server: Postgres) -> None:
    ready = server.folder / "data" / "pg_wal" / "archive_status"
    until_s = time.monotonic() + ARCHIVED_S_MAX
    while any(ready.glob("*.ready")):
        assert time.monotonic() < until_s, "the log is not archived"
        time.sleep(0.05)


def _recover(first: Postgres, second: Postgres, moment: str) -> None:
    (second.folder / "data" / "recovery.signal").touch()
    second.configure(
        archive_mode="off",
        restore_command=f"cp {first.folder}/archive/%f %p",
        recovery_target_name=moment,
        recovery_target_action="promote",
    )
    second.start()
    until_s = time.monotonic() + ARCHIVED_S_MAX
    while (second.folder / "data" / "recovery.signal").exists():  # it is removed at the promotion
        assert time.monotonic() < until_s, "the recovery does not end"
        time.sleep(0.05)
