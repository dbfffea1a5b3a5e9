"""An event loop with a clock of its own: when nothing can run, the clock jumps to the next timer.

Each simulated process (a node, a client, the network) has its own queue of callbacks, first in, first out, as asyncio
promises; which process goes next is drawn from the seed. A callback belongs to the process in whose context it was
made. So a process can be killed (nothing of it ever runs again, no cleanup) or frozen (it goes on later), whatever its
tasks were doing.
"""

import asyncio
import heapq
import itertools
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any

PRUNE_AT = 5_000
STEPS_MAX = 300_000  # some fifty times of what a run takes


class Process:
    """Something that runs by itself, and can die."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False
        self.is_frozen = False
        self.ready: deque[asyncio.Handle] = deque()
        self.context: Context = copy_context()
        self.context.run(_current.set, self)

    def __repr__(self) -> str:
        return self.name


_current: ContextVar[Process] = ContextVar("process")


class Deadlock(Exception):
    """Nothing will ever happen again, but somebody waits."""


class Restless(Exception):
    """Something goes round and round."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """What asyncio's tasks, futures and locks need of a loop, and nothing else: there is no I/O here."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._now = 0.0
        self._numbers = itertools.count()
        self._timers: list[tuple[float, int, Process, asyncio.TimerHandle]] = []
        self._runnable: dict[Process, None] = {}
        self._tasks: list[asyncio.Task[Any]] = []  # or garbage collection would end those that wait, at its own time
        self._prune_at = PRUNE_AT
        self._is_over = False
        self.root = Process("world")
        self.steps = 0
        self.failure: BaseException | None = None  # which ends the run at once
        self.errors: list[str] = []  # of callbacks: nobody else sees them

    # ---- what asyncio asks for

    def time(self) -> float:
        return self._now

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return not self._is_over

    def is_closed(self) -> bool:
        return self._is_over

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        if len(self._tasks) >= self._prune_at:
            self._tasks = [one for one in self._tasks if not one.done()]
            self._prune_at = len(self._tasks) + PRUNE_AT
        return task

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        context = context or copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._queue(context.get(_current, self.root), handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        context = context or copy_context()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), context.get(_current, self.root), handle))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Do nothing: it is dropped when its time comes."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if error is not None and not isinstance(error, Exception):
            self.failure = error
        elif "never retrieved" not in context["message"] and not self._is_over:
            self.errors.append(f"{context['message']}: {error!r}")

    # ---- running

    def _queue(self, process: Process, handle: asyncio.Handle) -> None:
        if process.is_dead or self._is_over:
            return
        process.ready.append(handle)
        if not process.is_frozen:
            self._runnable[process] = None

    def run(self, main: Coroutine[Any, Any, Any]) -> Any:
        """Run until *main* has ended; what still waits then is dropped."""
        events._set_running_loop(self)
        try:
            task = self.create_task(main, context=self.root.context)
            while not task.done():
                self._step()
                if self.failure is not None:
                    raise self.failure
                if self.steps > STEPS_MAX:
                    raise Restless(f"{STEPS_MAX} callbacks until second {self._now}")
            return task.result()
        finally:
            self._end()
            events._set_running_loop(None)

    def _step(self) -> None:
        if not self._runnable and not self._turn_clock():
            raise Deadlock("nothing can run and no timer is set")
        processes = list(self._runnable)
        process = processes[0] if len(processes) == 1 else self._random.choice(processes)
        handle = process.ready.popleft()
        if not process.ready:
            del self._runnable[process]
        self.steps += 1
        if not handle.cancelled():
            handle._run()

    def _turn_clock(self) -> bool:
        """Move on to the next timer, and make everything ready that is due then."""
        while self._timers and not self._runnable:
            self._now = max(self._now, self._timers[0][0])
            while self._timers and self._timers[0][0] <= self._now:
                _, _, process, handle = heapq.heappop(self._timers)
                if not handle.cancelled():
                    self._queue(process, handle)
        return bool(self._runnable)

    def _end(self) -> None:
        self._is_over = True
        for task in self._tasks:
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                with suppress(BaseException):
                    task.get_coro().close()  # type: ignore[union-attr]

    # ---- fate

    def kill(self, process: Process) -> None:
        """Let nothing of *process* run ever again."""
        process.is_dead = True
        process.ready.clear()
        self._runnable.pop(process, None)

    def freeze(self, process: Process) -> None:
        """Stop *process*; what happens to it meanwhile waits for `thaw`."""
        process.is_frozen = True
        self._runnable.pop(process, None)

    def thaw(self, process: Process) -> None:
        """Let *process* go on."""
        process.is_frozen = False
        if process.ready and not process.is_dead:
            self._runnable[process] = None


def in_process(process: Process, coro: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Begin a task that belongs to *process*."""
    return asyncio.get_running_loop().create_task(coro, context=process.context)
