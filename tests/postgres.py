"""A PostgreSQL server of our own for tests: on a free port, in a temporary directory, stopped with the test run."""

import getpass
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import asyncpg

from tests.process import free_port

HOME = Path("/usr/lib/postgresql")  # where Debian keeps the versions
USER = "podium"


def binaries() -> Path:
    """Return the folder of the newest server that is installed; scripts/system-packages installs one."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(HOME.glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name))
    assert versions, "there is no PostgreSQL server: run scripts/system-packages"
    return versions[-1].parent


class Postgres:
    """One server; `start` may follow `stop` or `kill`."""

    def __init__(self, *, durable: bool = False, network: str = "") -> None:
        """*network* is that of others than this machine who may connect, such as `10.0.0.0/24`."""
        self._bin = binaries()
        # Not below a folder that only root may enter; and where a commit is to reach a disk, not in memory.
        place = "/var/tmp" if durable else None
        self.folder = Path(tempfile.mkdtemp(prefix="podium-postgres-", dir=place))
        self.port = free_port()
        self._durable = durable
        self._network = network

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        """Make an empty cluster. PostgreSQL refuses to run as root, so it runs as its own user there."""
        self._own()
        self._run("initdb", "-D", str(self.folder / "data"), "-U", USER, "-E", "UTF8", "--locale=C", "--no-sync")
        if self._network:
            with (self.folder / "data" / "pg_hba.conf").open("a") as file:
                file.write(f"host all {USER} {self._network} trust\n")

    def _own(self) -> None:
        if getpass.getuser() == "root":
            shutil.chown(self.folder, "postgres")

    def copy(self, other: "Postgres") -> None:
        """Become a base backup of a server that runs."""
        self._own()
        self._run("pg_basebackup", "-d", other.url("postgres"), "-D", str(self.folder / "data"), "-c", "fast")

    def configure(self, **settings: str) -> None:
        """Add lines to its settings, for the next start."""
        with (self.folder / "data" / "postgresql.auto.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def start(self) -> None:
        """Run the server and wait until it answers."""
        settings = {
            "listen_addresses": "*" if self._network else "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "100",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = str(self.folder / "log")
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-o", options, "-w", "start")

    def process_id(self) -> int:
        """Return the process that all others of the server descend from."""
        return int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` cuts connections, `immediate` is a crash."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", mode, "-w", "stop")

    def remove(self) -> None:
        """Stop the server, if it runs, and delete its files."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Run a statement."""
        subprocess.run(
            [self._bin / "psql", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", sql],
            check=True,
            capture_output=True,
        )

    def _run(self, program: str, *arguments: str) -> None:
        user = "postgres" if getpass.getuser() == "root" else None
        done = subprocess.run(
            [self._bin / program, *arguments],
            user=user,
            group=user,
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if program != "pg_ctl" else subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr or (self.folder / 'log').read_text()[-2000:]!r}"


async def emptied(url: str) -> None:
    """Empty all tables of podium's schema, if it is there."""
    connection = await asyncpg.connect(url)
    try:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        names = [row[0] for row in tables if row[0] != "migration"]
        if names:
            await connection.execute(f"TRUNCATE {', '.join(names)} RESTART IDENTITY")
    finally:
        await connection.close()
