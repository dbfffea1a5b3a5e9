"""Empty databases for measurements."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server import empty_folder, postgresql


@dataclass(frozen=True)
class Database:
    """An empty database: its URL, the folder where it lies, and the id of its server's process, 0 without one."""

    url: str
    data: Path
    pid: int = 0


@contextmanager
def sqlite(name: str = "one") -> Iterator[Database]:
    """Make a file."""
    data = empty_folder(f"scale-sqlite-{name}")
    yield Database(f"sqlite:///{data / 'podium.db'}", data)


@contextmanager
def postgres(_: str = "one") -> Iterator[Database]:
    """Run a server of PostgreSQL."""
    with postgresql() as server:
        yield Database(server.url("podium"), server.folder / "data" / "base", server.process_id())


DATABASES = {"sqlite": sqlite, "postgres": postgres}
