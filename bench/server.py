"""Start and stop the servers that the benchmarks measure.

Data lies under build/bench, on the disk of the checkout: a temporary folder is often memory, where an fsync
costs nothing. PostgreSQL's lies under /var/tmp, as its user may not be able to enter the checkout. Every process
started here is ended here.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from tests.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # for the PostgreSQL server of the tests
CACHE = ROOT / "build" / "bench"
STOP_SECONDS_MAX = 20


class Missing(Exception):
    """Something that the benchmark needs is not on this machine; the message says what."""


@dataclass(frozen=True)
class Server:
    """A running server: where it answers, what to meter, and how long it took to be ready."""

    name: str
    url: str
    pids: tuple[int, ...]
    data: Path
    ready_s: float


@contextmanager
def podium() -> Iterator[Server]:
    """Run podium over a new SQLite database."""
    data = empty_folder("podium")
    with serve("podium", f"sqlite:///{data / 'podium.db'}", data) as server:
        yield server


@contextmanager
def podium_on_postgresql() -> Iterator[Server]:
    """Run podium over a PostgreSQL server of its own, whose processes are measured too."""
    with (
        postgresql() as postgres,
        serve("podium-postgresql", postgres.url("podium"), postgres.folder / "data") as server,
    ):
        yield replace(server, pids=(*server.pids, postgres.process_id()))


@contextmanager
def postgresql() -> Iterator["Postgres"]:
    """Run a PostgreSQL server with default settings and an empty database `podium`."""
    from tests.postgres import Postgres  # its driver is among the development tools

    try:
        postgres = Postgres(durable=True)
    except AssertionError as error:
        raise Missing(str(error)) from error
    postgres.create()
    postgres.start()
    try:
        postgres.execute("CREATE DATABASE podium")
        yield postgres
    finally:
        postgres.remove()


@contextmanager
def serve(name: str, database: str, data: Path, *options: str) -> Iterator[Server]:
    """Run podium over a database as it is; *data* is the folder where it lies."""
    program = ROOT / ".venv" / "bin" / "podium"
    if not program.exists():
        raise Missing("no .venv/bin/podium: run `make install` first")
    port = _free_port()
    command = [str(program), "serve", "--port", str(port), "--database", database, *options]
    with _running(name, command, port, data, ready_seconds_max=120) as server:
        yield server


@contextmanager
def java() -> Iterator[Server]:
    """Run the upstream Java server over a new SQLite database."""
    data = empty_folder("java")
    with _java("java", data, "sqlite") as server:
        yield server


@contextmanager
def java_on_postgresql() -> Iterator[Server]:
    """Run the upstream Java server over a PostgreSQL server of its own, whose processes are measured too."""
    with postgresql() as postgres:
        url = urlsplit(postgres.url("podium"))
        address = {"CONDUCTOR_DATABASE": f"jdbc:postgresql://{url.hostname}:{url.port}/podium?user={url.username}"}
        with _java("java-postgresql", empty_folder("java"), "postgresql", address) as server:
            yield replace(server, pids=(*server.pids, postgres.process_id()), data=postgres.folder / "data")


def _java(name: str, data: Path, database: str, environment: Mapping[str, str] = {}) -> AbstractContextManager[Server]:
    scripts = ROOT / "bench" / "java"
    if subprocess.run([str(scripts / "fetch.sh")], stdout=subprocess.DEVNULL, check=False).returncode:
        raise Missing("the upstream server's jar is not to be had; see above")
    port = _free_port()
    command = [str(scripts / "start.sh"), str(port), str(data), database]
    return _running(name, command, port, data, 600, environment)


SERVERS = {
    "podium": podium,
    "podium-postgresql": podium_on_postgresql,
    "java": java,
    "java-postgresql": java_on_postgresql,
}


@contextmanager
def _running(
    name: str,
    command: list[str],
    port: int,
    data: Path,
    ready_seconds_max: float,
    environment: Mapping[str, str] = {},
) -> Iterator[Server]:
    log = CACHE / f"{name}.log"
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=CACHE, env=os.environ | environment
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _await_health(process, f"{url}/health", began + ready_seconds_max, log)
        yield Server(name, url, (process.pid,), data, round(time.monotonic() - began, 2))
    finally:
        _stop(process)


def _await_health(process: subprocess.Popen[bytes], url: str, deadline: float, log: Path) -> None:
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Missing(f"the server ended with {process.returncode} before it answered:\n{_tail(log)}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise Missing(f"no answer from {url} in time:\n{_tail(log)}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def empty_folder(name: str) -> Path:
    """Return a folder for data, with nothing in it."""
    folder = CACHE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
