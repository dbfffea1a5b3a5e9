"""`podium serve --workers N`: a parent that starts N server processes on one port, and another one for each that ends.

The parent holds the port without listening; the processes share it by SO_REUSEPORT, so the kernel spreads the
connections. It imports nothing of the server and does no work of its own.
"""

import asyncio
import contextlib
import logging
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import msgspec

from podium import __version__
from podium.api.port import PortTaken, reserve, url
from podium.cli.failure import FAILED
from podium.cli.worker import Order
from podium.observability import logs
from podium.settings import Settings, without_password

COMMAND = (sys.executable, "-m", "podium.cli.worker")
AGAIN_S = 0.5  # doubled with each end that follows soon
AGAIN_S_MAX = 30.0
STEADY_S = 60.0  # after that long, an end is the first one again
STOP_S_MAX = 9.0

log = logging.getLogger(__name__)


def serve_workers(settings: Settings) -> int:
    """Serve with several processes until SIGTERM or SIGINT; returns the exit code."""
    logs.configure(settings.log_level, settings.log_format)
    try:
        port = reserve(settings.host, settings.port)
    except PortTaken as error:
        print(f"podium: {error}", file=sys.stderr)
        return FAILED
    folder = Path(tempfile.mkdtemp(prefix="podium-workers-"))
    try:
        with contextlib.closing(port):
            known = msgspec.structs.replace(settings, port=port.getsockname()[1])
            return asyncio.run(Workers(known, folder).run())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Workers:
    """The processes of one server."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._stopping = asyncio.Event()
        self._processes: dict[str, Process] = {}

    async def run(self) -> int:
        """Start all, say so, and keep their number until told to stop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._stopping.set)
        names = [str(number) for number in range(1, self._settings.workers + 1)]
        # The first one alone: it brings the database up to date, or says what is wrong with it.
        is_ready = await self._start(names[0]) and all(await asyncio.gather(*map(self._start, names[1:])))
        if is_ready and not self._stopping.is_set():
            self._say_ready()
            keepers = [asyncio.create_task(self._keep(name)) for name in names]
            await self._stopping.wait()
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)
        await self._stop()
        return 0 if is_ready or self._stopping.is_set() else FAILED

    def _say_ready(self) -> None:
        settings = self._settings
        at = url(settings.host, settings.port)
        database = without_password(settings.database)
        sys.stdout.write(f"podium {__version__} ready at {at}, database {database}, {settings.workers} workers\n")
        sys.stdout.flush()

    async def _start(self, name: str) -> bool:
        """Start a process and wait until it serves; False when it ended, or all are to stop, before."""
        process = await asyncio.create_subprocess_exec(*COMMAND, stdin=PIPE, stdout=PIPE, start_new_session=True)
        self._processes[name] = process
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        order = Order(name, str(self._folder), self._settings)
        process.stdin.write(msgspec.json.encode(order) + b"\n")
        ready = asyncio.ensure_future(process.stdout.readline())
        stopped = asyncio.ensure_future(self._stopping.wait())
        await asyncio.wait((ready, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        return bool(await ready) if ready.done() else ready.cancel() and False

    async def _keep(self, name: str) -> None:
        """Start another process whenever the one with this name has ended, with pauses that grow."""
        loop, pause_s = asyncio.get_running_loop(), AGAIN_S
        while True:
            began_s = loop.time()
            code = await self._processes[name].wait()
            pause_s = AGAIN_S if loop.time() - began_s > STEADY_S else pause_s
            log.warning("worker %s ended with exit code %d; another one is started in %.1f s", name, code, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, AGAIN_S_MAX)
            await self._start(name)

    async def _stop(self) -> None:
        """Tell all to stop, and kill those that take too long."""
        alive = [process for process in self._processes.values() if process.returncode is None]
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        ends = [asyncio.ensure_future(process.wait()) for process in alive]
        if not ends:
            return
        _, late = await asyncio.wait(ends, timeout=STOP_S_MAX)
        if late:
            log.warning("%d workers did not stop in time and are killed", len(late))
        for process in alive:
            if process.returncode is None:
                process.kill()
        await asyncio.gather(*ends)
