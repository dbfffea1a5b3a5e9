"""A real server process for tests: started on a free port over a database, and killed as the test likes."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

READY_S = 60.0
PORTS = range(12_000, 32_000)  # below those of clients, with Linux's usual settings
PROGRAM = (sys.executable, "-m", "podium", "serve")


def free_port() -> int:
    """Return a port that nobody listens on at the moment.

    It is none of those that the system gives to clients, so it stays free while a server that had it is away.
    """
    while True:
        port = random.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """`podium serve` as a child process, over an SQLite file or the database of a URL, whose log is *log* then."""

    def __init__(
        self,
        database: Path | str,
        port: int | None = None,
        *,
        log: Path | None = None,
        options: Sequence[str] = (),
        program: Sequence[str] = PROGRAM,
        host: str = "127.0.0.1",
        **environment: str,
    ) -> None:
        self.database = f"sqlite:///{database}" if isinstance(database, Path) else database
        self.host = host
        self.port = port or free_port()
        self.url = f"http://{host}:{self.port}"
        self.program = program
        self._options = options
        self._environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = log or Path(database).with_suffix(".log")

    def start(self) -> float:
        """Start the process and wait until it is healthy; returns the seconds that took."""
        begun = time.monotonic()
        command = [*self.program, "--host", self.host, "--port", str(self.port), "--database", self.database]
        command += self._options
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)
        while time.monotonic() - begun < READY_S:
            if self._process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.url}/health", timeout=1.0).status_code == 200:
                    return time.monotonic() - begun
            except httpx.HTTPError:
                time.sleep(0.01)
        raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-4000:]}")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def wait(self, timeout_s: float) -> int:
        """Return the exit code of a process that ends by itself."""
        assert self._process is not None
        code = self._process.wait(timeout_s)
        self._process = None
        return code

    def stop(self, timeout_s: float = 10.0) -> tuple[int, float]:
        """Ask the process to stop; returns its exit code and the seconds that it took."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(timeout_s)
        self._process = None
        return code, time.monotonic() - begun
