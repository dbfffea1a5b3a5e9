"""One worker process as the pool sees it: started, asked one thing at a time, killed without regret.

Every byte that comes from it is checked, since a script may have got hold of it.
"""

import asyncio
import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import cast

from podium.model.errors import Unavailable
from podium.scripting import frame
from podium.scripting.script import KindOfWorker, ScriptLimits

_START_S = 15.0
_ERROR_BYTES_MAX = 64 * 1024
_ENGINES: dict[KindOfWorker, tuple[str, ...]] = {
    "scripts": ("_quickjs", "jq"),
    "schemas": ("jsonschema_rs",),
}
"""The extension modules of a worker; one that is not installed is missed when a script asks for it."""


class WorkerDied(Exception):
    """The process ended before it answered; `WorkerProcess.end` says how."""


class WorkerProcess(asyncio.Protocol):
    """A jailed process with one socket to it. Made by `start`."""

    def __init__(self, answer_bytes_max: int) -> None:
        self.jail: list[str] = []
        self.is_alive = True
        self.busy_since_s: float | None = None
        self._answer_bytes_max = max(answer_bytes_max, _ERROR_BYTES_MAX)
        self._received = bytearray()
        self._waiting: asyncio.Future[tuple[str, bytes]] | None = None
        self._transport: asyncio.Transport | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    async def start(cls, limits: ScriptLimits, kind_of_worker: KindOfWorker = "scripts") -> "WorkerProcess":
        """Start a process and wait until it is jailed and ready.

        Raises `Unavailable` with the reason if it does not come up.
        """
        worker = cls(limits.output_bytes)
        loop = asyncio.get_running_loop()
        worker._waiting = hello = loop.create_future()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                worker._process = _spawn(theirs, limits, kind_of_worker)
            await loop.create_unix_connection(lambda: worker, sock=ours)
            kind, body = await asyncio.wait_for(hello, _START_S)
            if kind != "ready":
                raise OSError(body.decode(errors="replace"))
        except BaseException as error:
            hello.cancel()
            await worker.end()
            ours.close()
            if not isinstance(error, Exception):
                raise
            raise Unavailable(f"No script process could be started: {type(error).__name__} {error}".rstrip()) from error
        worker.jail = body.decode(errors="replace").splitlines()
        return worker

    @property
    def process_id(self) -> int:
        """Name the process to the operating system; 0 before it runs."""
        return self._process.pid if self._process is not None else 0

    async def ask(self, request: bytes, time_s: float) -> tuple[str, bytes]:
        """Send one request and wait for its kind and body.

        Raises `TimeoutError` after *time_s*, `WorkerDied` if the process ends; kills the process in both cases and
        when the caller is cancelled, since its state is then unknown.
        """
        loop = asyncio.get_running_loop()
        self._waiting = waiting = loop.create_future()
        self.busy_since_s = loop.time()
        clock = loop.call_later(time_s, self._give_up, waiting)
        if self._transport is None or self._transport.is_closing():
            waiting.set_exception(WorkerDied())
        else:
            self._transport.write(request)
        try:
            answer: tuple[str, bytes] = await waiting
        except BaseException:
            self.kill()
            raise
        finally:
            clock.cancel()
            self.busy_since_s = None
        return answer

    def kill(self) -> None:
        """Kill the process; it is gone soon after."""
        self.is_alive = False
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._transport is not None:
            self._transport.close()

    async def end(self) -> int:
        """Kill the process, wait until it is gone and answer its exit code (negative for a signal)."""
        self.kill()
        if self._process is None:
            return 0
        return await asyncio.to_thread(self._process.wait)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport (called by the event loop)."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Gather an answer; one that nobody asked for or that is too long ends the process."""
        self._received += data
        head = frame.ANSWER_HEAD
        if len(self._received) < head.size:
            return
        size, kind = head.unpack_from(self._received)
        if size > self._answer_bytes_max or kind >= len(frame.KINDS) or self._waiting is None:
            self.kill()
        elif len(self._received) >= head.size + size:
            body = bytes(self._received[head.size : head.size + size])
            self._received.clear()
            if not self._waiting.done():
                self._waiting.set_result((frame.KINDS[kind], body))
            self._waiting = None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 (the event loop's signature)
        """Tell who waits that the process is gone (called by the event loop)."""
        self.is_alive = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(WorkerDied())

    def _give_up(self, waiting: "asyncio.Future[tuple[str, bytes]]") -> None:
        if not waiting.done():
            waiting.set_exception(TimeoutError())


def _spawn(theirs: socket.socket, limits: ScriptLimits, kind: KindOfWorker) -> subprocess.Popen[bytes]:
    numbers = (limits.time_ms, limits.heap_bytes, limits.stack_bytes, limits.output_bytes)
    program = str(Path(__file__).with_name("__main__.py"))
    return subprocess.Popen(  # noqa: S603 (our own interpreter and file)
        [sys.executable, "-I", "-S", program, _engine_folders(kind), kind, *map(str, numbers)],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
    )


def _engine_folders(kind: KindOfWorker) -> str:
    """Find where the engines are installed: a worker starts without site-packages."""
    folders = []
    for name in _ENGINES[kind]:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            folder = Path(spec.origin).parent
            folders.append(str(folder.parent if spec.submodule_search_locations else folder))
    return os.pathsep.join(dict.fromkeys(folders))
