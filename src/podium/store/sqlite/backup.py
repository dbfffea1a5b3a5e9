"""Copies of the database file: one made while a server writes to it, and one put in its place.

A copy is of one moment: a read transaction is held meanwhile, so commits neither disturb it nor make it begin anew.
The log of the database can't be shortened for that time. A file gets its name only when it is whole and on the disk.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import apsw

from podium.model.errors import PodiumError
from podium.store.sqlite import connection as sqlite

STEP_PAGES = 2_000
COPY_BYTES = 4 << 20
SIDE_FILES = ("-wal", "-shm")

Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""


def backup(database: Path, target: Path, progress: Progress) -> None:
    """Copy *database* to *target*, which must not be there yet; a PodiumError says what went wrong."""
    with _failures(f"The backup to {target} failed"), _new_file(target) as part:
        source = sqlite.connect(database, query_only=True)
        with closing(source), closing(apsw.Connection(str(part))) as copy:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_schema").fetchall()  # from here on, nothing changes for us
            _copy_pages(source, copy, progress)
            copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file without companions
            source.execute("ROLLBACK")


def _copy_pages(source: apsw.Connection, copy: apsw.Connection, progress: Progress) -> None:
    with copy.backup("main", source, "main") as work:
        while not work.done:
            work.step(STEP_PAGES)
            size = work.page_count * sqlite.PAGE_SIZE
            progress(size - work.remaining * sqlite.PAGE_SIZE, size)


@contextmanager
def replacement(database: Path, source: Path, progress: Progress) -> Iterator[Path]:
    """Yield a copy of *source* beside *database*; after the block it is the database, unless that raised.

    No server may have the database open. What was there stays under the name that `replaced` returns.
    """
    descriptor = sqlite.lock(database)
    part = database.with_name(database.name + ".restoring")
    try:
        with _failures(f"{source} was not restored"):
            _copy_file(source, part, progress)
            _check_owner(part, source)
            yield part
            _keep(database, part)
            _sync(part)
            part.replace(database)
            _sync(database.parent)
    finally:
        for name in (part, *_beside(part), Path(f"{part}.lock")):
            name.unlink(missing_ok=True)
        os.close(descriptor)


def _check_owner(copy: Path, source: Path) -> None:
    with closing(apsw.Connection(str(copy))) as connection:
        if connection.pragma("application_id") != sqlite.APPLICATION_ID:
            raise PodiumError(f"{source} is no backup of a podium database.")


def _keep(database: Path, part: Path) -> None:
    """Put what is there aside, with its log, and give the file that comes its owner and mode."""
    if not database.exists():
        return
    found = database.stat()
    part.chmod(found.st_mode & 0o777)
    if os.geteuid() == 0:
        os.chown(part, found.st_uid, found.st_gid)
    with suppress(apsw.Error), closing(sqlite.connect(database)) as connection:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)  # so that a crash here loses no log
    aside = database.with_name(f"{database.name}.replaced-{time.strftime('%Y%m%dT%H%M%S')}")
    _give_name(database, aside)
    for name in _beside(database):
        with suppress(FileNotFoundError):
            name.replace(f"{aside}{name.name.removeprefix(database.name)}")


def _beside(database: Path) -> list[Path]:
    return [database.with_name(database.name + ending) for ending in SIDE_FILES]


def _copy_file(source: Path, part: Path, progress: Progress) -> None:
    size, done = source.stat().st_size, 0
    with source.open("rb") as given, open(part, "wb", opener=_private) as copy:
        while chunk := given.read(COPY_BYTES):
            copy.write(chunk)
            done += len(chunk)
            progress(done, size)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """Yield a name beside *target* for a file that only its owner may read; after the block it is *target*."""
    if target.exists():
        raise PodiumError(f"{target} is there already, and a backup does not overwrite: name another file.")
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
        _sync(part)
        _give_name(part, target)
    finally:
        part.unlink(missing_ok=True)
    _sync(target.parent)


def _give_name(path: Path, target: Path) -> None:
    """Let a file be *target*, too, without overwriting one; where there are no links, it is renamed."""
    try:
        os.link(path, target)
    except FileExistsError:
        raise
    except OSError:
        if target.exists():
            raise
        path.rename(target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _failures(what: str) -> Iterator[None]:
    try:
        yield
    except FileExistsError as error:
        raise PodiumError(f"{what}: {error.filename2 or error.filename} is there already.") from error
    except (OSError, *sqlite.OUTAGES, apsw.NotADBError) as error:
        raise PodiumError(f"{what}: {error}.") from error
