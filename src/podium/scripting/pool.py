"""The pool of script processes: who runs where, what waits, what happens when a script does not come back.

Processes start at the first use and stay. A script that overstays is killed with its process; only that script fails.
Slow scripts that hold all processes make the pool grow for a while, so that quick ones get through.
"""

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Coroutine
from typing import assert_never

import msgspec

from podium.model.errors import Overloaded, PodiumError, Unavailable
from podium.scripting import fault, frame
from podium.scripting.process import WorkerDied, WorkerProcess
from podium.scripting.script import KindOfWorker, Language, ScriptLimits, ScriptRequest, ScriptResult

_KILL_MARGIN_S = 0.2
_SLOW_S = 0.05
_SPARE_S = 30.0
_ATTEMPTS_MAX = 3
"""A script is tried again on another process if its own was killed from outside, which may have hit idle ones too."""
_NO_PYTHON = "Python scripts are off on this server: there is no safe place to run them. Use javascript or jq."

_CHECKS = {
    "javascript": frame.JAVASCRIPT_SYNTAX,
    "jq": frame.JQ_SYNTAX,
    "json_schema": frame.SCHEMA_SYNTAX,
}
_KILLED_FROM_OUTSIDE = (-signal.SIGKILL, -signal.SIGTERM)

_log = logging.getLogger(__name__)


class ScriptPool:
    """Evaluates scripts in jailed processes, *size* of them, up to *size_max* while slow scripts hold the others.

    One event loop uses it. `jail` lists, after the first use, each wall of the jail and whether it stands.
    """

    def __init__(
        self,
        limits: ScriptLimits | None = None,
        size: int = 2,
        size_max: int = 4,
        waiting_max: int = 1_000,
        *,
        kind_of_worker: KindOfWorker = "scripts",
    ) -> None:
        self.limits = limits or ScriptLimits()
        self.size, self.size_max, self.waiting_max = size, max(size, size_max), waiting_max
        self.jail: list[str] = []
        self.evaluations = 0
        self.timeouts = 0
        self.kills = 0
        self.restarts = 0
        self._kind_of_worker = kind_of_worker
        self._workers: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._waiting: deque[asyncio.Future[WorkerProcess]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = 0
        self._look_again: asyncio.TimerHandle | None = None
        self._look_for_spare: asyncio.TimerHandle | None = None
        self._is_open = True

    @property
    def processes(self) -> int:
        """Count the processes that run."""
        return len(self._workers)

    @property
    def waiting(self) -> int:
        """Count the scripts that wait for a process."""
        return len(self._waiting)

    async def start(self) -> None:
        """Open the pool (again). Starts no process: the first script does, so that the server is up sooner."""
        self._is_open = True

    async def close(self) -> None:
        """Refuse new scripts, end the waiting and running ones with `Unavailable`, and wait for the processes."""
        self._is_open = False
        for timer in (self._look_again, self._look_for_spare):
            if timer is not None:
                timer.cancel()
        self._look_again = self._look_for_spare = None
        self._refuse_waiting("The server is stopping.")
        workers, self._idle = list(self._workers), []
        self._workers.clear()
        await asyncio.gather(*(worker.end() for worker in workers), *self._tasks)

    async def evaluate(self, request: ScriptRequest) -> ScriptResult:
        """Evaluate one script; errors of the script are results, never raised.

        Raises `Overloaded` when too many wait, `Unavailable` when the pool is closed or no process can be started.
        """
        match request.language:
            case "javascript":
                operation = frame.JAVASCRIPT_BODY if request.is_function_body else frame.JAVASCRIPT
            case "jq":
                operation = frame.JQ
            case "json_schema":
                operation = frame.SCHEMA
            case "python":
                return ScriptResult("error", error=_NO_PYTHON)
            case _:
                assert_never(request.language)
        self.evaluations += 1
        return await self._run(operation, request.source, request.input)

    async def check_syntax(self, language: Language, source: str) -> str | None:
        """Compile *source* without running it; answer what is wrong with its syntax, or None.

        Raises what `evaluate` raises.
        """
        if language == "python":
            return _NO_PYTHON
        operation = _CHECKS[language]
        result = await self._run(operation, source, b"")
        return result.error if result.kind == "syntax" else None

    async def _run(self, operation: int, source: str, data: bytes) -> ScriptResult:
        text = source.encode(errors="replace")
        if len(text) + len(data) > self.limits.input_bytes:
            words = f"RangeError: The script and its input are larger than {self.limits.input_bytes} bytes"
            return ScriptResult("error", error=fault.error_text(words))
        request = frame.request(operation, text, data)
        for _ in range(_ATTEMPTS_MAX):
            worker = await self._acquire()
            try:
                kind, body = await worker.ask(request, self.limits.time_ms / 1000 + _KILL_MARGIN_S)
            except TimeoutError:
                self.kills += 1
                return self._timed_out()
            except WorkerDied as died:
                exit_code = await worker.end()
                if not self._is_open:
                    raise Unavailable("The server is stopping.") from died
                if exit_code not in _KILLED_FROM_OUTSIDE:
                    return self._ended(exit_code)
            else:
                return self._result(worker, kind, body)
            finally:
                self._release(worker)
        return ScriptResult(
            "error", error=fault.error_text("InternalError: the script's process was killed again and again")
        )

    def _result(self, worker: WorkerProcess, kind: str, body: bytes) -> ScriptResult:
        match kind:
            case "ok" if body and not _is_json(body):
                worker.kill()
                return ScriptResult("error", error=fault.error_text("InternalError: the script's process is broken"))
            case "ok":
                return ScriptResult("ok", value=body)
            case "timeout":
                return self._timed_out()
            case "syntax":
                return ScriptResult("syntax", error=body.decode(errors="replace"))
            case _:
                return ScriptResult("error", error=body.decode(errors="replace"))

    def _timed_out(self) -> ScriptResult:
        self.timeouts += 1
        return ScriptResult("timeout", error=self.limits.timeout_text)

    def _ended(self, exit_code: int) -> ScriptResult:
        """Answer for a script whose process ended under it."""
        if exit_code == -signal.SIGALRM:
            return self._timed_out()
        words = f"InternalError: the script's process ended ({exit_code}); most likely it asked for too much memory"
        return ScriptResult("error", error=fault.error_text(words))

    async def _acquire(self) -> WorkerProcess:
        if not self._is_open:
            raise Unavailable("The server is stopping.")
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive:
                return worker
            self._forget(worker)
        if len(self._waiting) >= self.waiting_max:
            raise Overloaded(f"{len(self._waiting)} scripts are waiting already; try again later.")
        place: asyncio.Future[WorkerProcess] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._grow()
        try:
            return await place
        except asyncio.CancelledError:
            self._leave(place)
            raise

    def _leave(self, place: "asyncio.Future[WorkerProcess]") -> None:
        """Give back a place in the queue, or the worker that it just got."""
        if place in self._waiting:
            self._waiting.remove(place)
        elif place.done() and not place.cancelled() and place.exception() is None:
            self._release(place.result())

    def _release(self, worker: WorkerProcess) -> None:
        if not worker.is_alive:
            self._forget(worker)
            self._grow()
        elif self._is_open:
            self._hand_over(worker)

    def _hand_over(self, worker: WorkerProcess) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(worker)
                return
        self._idle.append(worker)
        if len(self._workers) > self.size and self._look_for_spare is None:
            self._look_for_spare = asyncio.get_running_loop().call_later(_SPARE_S, self._retire_spare)

    def _forget(self, worker: WorkerProcess) -> None:
        """Replace a process that is dead."""
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._spawn_task(_gone(worker))
        if self._is_open and len(self._workers) + self._starting < self.size:
            self.restarts += 1
            self._start_one()

    def _retire_spare(self) -> None:
        """End processes above *size* that have nothing to do."""
        self._look_for_spare = None
        while self._idle and len(self._workers) > self.size:
            worker = self._idle.pop(0)
            self._workers.remove(worker)
            self._spawn_task(_gone(worker))

    def _grow(self) -> None:
        """Start processes if scripts wait: all *size* at once, then one more whenever every process is held up."""
        if not self._is_open or not self._waiting:
            return
        while len(self._workers) + self._starting < self.size:
            self._start_one()
        if self._is_held_up():
            self._start_one()
        if self._look_again is None:
            self._look_again = asyncio.get_running_loop().call_later(_SLOW_S, self._grow_later)

    def _grow_later(self) -> None:
        self._look_again = None
        self._grow()

    def _is_held_up(self) -> bool:
        if self._starting or len(self._workers) >= self.size_max:
            return False
        now_s = asyncio.get_running_loop().time()
        return all(now_s - (worker.busy_since_s or now_s) >= _SLOW_S for worker in self._workers)

    def _start_one(self) -> None:
        self._starting += 1
        self._spawn_task(self._add())

    async def _add(self) -> None:
        try:
            worker = await WorkerProcess.start(self.limits, self._kind_of_worker)
        except PodiumError as error:
            _log.error("%s", error.message)
            if not self._workers:
                self._refuse_waiting(error.message)
            return
        finally:
            self._starting -= 1
        if not self._is_open:
            await worker.end()
            return
        if not self.jail:
            is_whole = all(": on" in wall for wall in worker.jail)
            _log.log(logging.INFO if is_whole else logging.WARNING, "script jail: %s", "; ".join(worker.jail))
        self.jail = worker.jail
        self._workers.add(worker)
        self._hand_over(worker)
        self._grow()

    def _refuse_waiting(self, message: str) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(Unavailable(message))

    def _spawn_task(self, work: "Coroutine[None, None, None]") -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_json(body: bytes) -> bool:
    """Check a value that becomes part of stored documents, should a script ever get hold of its process."""
    try:
        body.decode()
        msgspec.json.decode(body, type=msgspec.Raw)
    except (UnicodeDecodeError, msgspec.DecodeError):
        return False
    return True


async def _gone(worker: WorkerProcess) -> None:
    await worker.end()
