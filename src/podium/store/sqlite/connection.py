"""Opening the SQLite file: the lock against a second server, pragmas, schema, and the translation of its errors.

Connections are in WAL mode with synchronous=FULL and never checkpoint by themselves; the writer has that done in the
background.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from podium.model.errors import PodiumError, Unavailable
from podium.store import migrate

APPLICATION_ID = 0x706F6469  # "podi"
BUSY_MS = 250  # for another program that writes to the file; the event loop stands still meanwhile
CACHE_KIB = 32 * 1024
PAGE_SIZE = 4096
LOG_BYTES_KEPT = 64 * 1024 * 1024
STATEMENTS_MAX = 200

OUTAGES = (
    apsw.FullError,
    apsw.IOError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.CantOpenError,
    apsw.CorruptError,
    apsw.ReadOnlyError,
    apsw.NoMemError,
    apsw.ProtocolError,
)


def unavailable(error: apsw.Error) -> Unavailable:
    """Return the error for callers in place of one of `OUTAGES`."""
    return Unavailable(f"The database can't be used now: {error}")


@contextmanager
def outages() -> Iterator[None]:
    """Turn errors of the disk and of locking into Unavailable; errors of our own SQL pass."""
    try:
        yield
    except OUTAGES as error:
        raise unavailable(error) from error


def lock(path: Path) -> int:
    """Take the lock file beside *path* and return its descriptor; the kernel frees it when the process ends."""
    name = path.with_name(path.name + ".lock")
    try:
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PodiumError(f"The database {path} can't be opened: {error.strerror}.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise PodiumError(
            f"The database {path} is in use by another podium server: stop that one, or give this one its own file."
        ) from error
    return descriptor


def connect(path: Path, *, cache_kib: int = CACHE_KIB, query_only: bool = False) -> apsw.Connection:
    """Return a connection to *path*, which `prepare` has made ready."""
    connection = apsw.Connection(str(path), statementcachesize=STATEMENTS_MAX)
    connection.set_busy_timeout(BUSY_MS)
    for pragma in (
        "wal_autocheckpoint = 0",
        "synchronous = FULL",
        f"cache_size = -{cache_kib}",
        f"journal_size_limit = {LOG_BYTES_KEPT}",
        "temp_store = MEMORY",
        f"query_only = {int(query_only)}",
    ):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def prepare(path: Path) -> apsw.Connection:
    """Return the writer's connection; the schema is up to date then. Raises when the file is not podium's."""
    try:
        connection = apsw.Connection(str(path), statementcachesize=STATEMENTS_MAX)
        _check_owner(connection, path)
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}").fetchall()
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.close()
        connection = connect(path)
        _upgrade(connection)
    except apsw.NotADBError as error:
        raise PodiumError(f"{path} is not an SQLite database.") from error
    except apsw.CantOpenError as error:
        raise PodiumError(
            f"The database {path} can't be opened: does its directory exist and may it be written?"
        ) from error
    return connection


def _check_owner(connection: apsw.Connection, path: Path) -> None:
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if tables and connection.pragma("application_id") != APPLICATION_ID:
        raise PodiumError(f"{path} is an SQLite database, but not one of podium: name another file.")


def _upgrade(connection: apsw.Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migration (number INTEGER PRIMARY KEY, name TEXT, applied_ms INTEGER)"
    )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
    applied = [number for (number,) in connection.execute("SELECT number FROM migration")]
    for migration in migrate.pending(migrate.find("podium.store.sqlite"), applied):
        with connection:
            connection.execute(migration.sql).fetchall()
            connection.execute(
                "INSERT INTO migration VALUES (?, ?, ?)",
                (migration.number, migration.name, time.time_ns() // 1_000_000),
            )
