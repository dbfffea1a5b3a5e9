"""Writing: jobs run on the event loop's thread, the commit with its wait for the disk in a thread of its own.

Statements in a thread beside a busy event loop would wait for the interpreter lock at every row: up to 5 ms each,
measured 20 to 40 times slower. While a commit is on its way jobs gather; the next transaction takes them all. A job
that could take long (`heavy`) has its whole transaction run in the thread. A job is a function of the connection; it
may be run again after a rollback.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, TypeVar

import apsw

from podium.model.errors import OutcomeUnknown, Unavailable
from podium.store.sqlite.checkpoint import Checkpoints
from podium.store.sqlite.connection import outages

T = TypeVar("T")

JOBS_MAX = 64  # in one transaction
UNKNOWN = (
    "The disk failed at the end of a commit ({}): what was asked for is not done, but may be when the server begins "
    "anew. A repetition may do it a second time; a start with an idempotency key can be repeated safely."
)


class Entry(NamedTuple):
    """A job and who waits for it."""

    job: Callable[[apsw.Connection], Any]
    future: "asyncio.Future[Any]"
    heavy: bool
    alone: bool = False


class Writer:
    """Owns the writer's connection from its making to `stop`."""

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self.connection = connection
        self.is_busy = False  # the connection is in the thread's hands
        self._waiting: deque[Entry] = deque()
        self._given: SimpleQueue[tuple[list[Entry], list[Any] | None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="podium-writer", daemon=True)
        self._checkpoints = Checkpoints(path)
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()
        self._checkpoints.start()
        self._thread.start()

    async def drain(self) -> None:
        """Return when every job is done."""
        await self._idle.wait()

    def stop(self) -> None:
        """Release the connection. Blocks; nothing may be waiting."""
        self._given.put(None)
        self._thread.join()
        self._checkpoints.stop()
        self.connection.close()

    def run(self, job: Callable[[apsw.Connection], T], *, heavy: bool = False) -> "asyncio.Future[T]":
        """Return the answer of *job* once it is durable. A caller that stops waiting does not stop the job."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append(Entry(job, future, heavy))
        if not self.is_busy:
            self._next()
        return future

    def _next(self) -> None:
        while self._waiting and not self.is_busy:
            entries = self._gather()
            self.is_busy = True
            if any(entry.heavy for entry in entries):
                self._given.put((entries, None))
                break
            answers = self._begin(entries)
            if answers is None:
                self.is_busy = False
            else:
                self._given.put((entries, answers))
        if self.is_busy:
            self._idle.clear()
        else:
            self._idle.set()

    def _gather(self) -> list[Entry]:
        waiting = self._waiting
        entries = [waiting.popleft()]
        while waiting and len(entries) < JOBS_MAX and not waiting[0].alone and not entries[0].alone:
            entries.append(waiting.popleft())
        return entries

    def _begin(self, entries: list[Entry]) -> list[Any] | None:
        """Run the jobs without committing; None when that failed and is dealt with."""
        try:
            return self._perform(entries)
        except Exception as error:  # noqa: BLE001 (handed to the callers)
            self._settle_failure(entries, error)
            return None

    def _perform(self, entries: list[Entry]) -> list[Any]:
        connection = self.connection
        with outages():
            connection.execute("BEGIN IMMEDIATE")
            try:
                return [entry.job(connection) for entry in entries]
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _settle_failure(self, entries: list[Entry], error: Exception) -> None:
        if len(entries) == 1 or isinstance(error, Unavailable):
            for entry in entries:
                if not entry.future.done():
                    entry.future.set_exception(error)
        else:  # one of them took the others with it: give each a transaction of its own
            self._waiting.extendleft(entry._replace(alone=True) for entry in reversed(entries))

    # ---- in the thread
    def _work(self) -> None:
        given = self._given.get()
        while given is not None:
            entries, answers = given
            try:
                error = None
                answers = self._commit(entries, answers)
            except Exception as failure:  # noqa: BLE001 (handed to the callers)
                error = failure
            try:
                self._give_back(entries, answers, error)
            except RuntimeError:
                return  # the loop is closed: nobody waits any more
            given = self._given.get()

    def _give_back(self, entries: list[Entry], answers: list[Any] | None, error: Exception | None) -> None:
        call = self._loop.call_soon_threadsafe
        if not self._checkpoints.is_overdue:
            call(self._settle, entries, answers, error, True)
            return
        call(self._settle, entries, answers, error, False)  # nobody waits for the work on the log
        self._checkpoints.restart_log(self.connection)
        call(self._resume)

    def _commit(self, entries: list[Entry], answers: list[Any] | None) -> list[Any]:
        with outages():
            if answers is None:
                answers = self._perform(entries)
            self._end()
        return answers

    def _end(self) -> None:
        """Commit. The log may hold what could not be made durable: after a crash it counts, unless the next commit has
        been written over it."""
        try:
            self.connection.execute("COMMIT")
        except apsw.IOError as error:
            with suppress(apsw.Error):
                self._roll_back()
            raise OutcomeUnknown(UNKNOWN.format(error)) from error
        except BaseException:
            self._roll_back()
            raise

    # ---- on the loop again
    def _settle(self, entries: list[Entry], answers: list[Any] | None, error: Exception | None, is_free: bool) -> None:
        if error is not None:
            self._settle_failure(entries, error)
        elif answers is not None:
            for entry, answer in zip(entries, answers, strict=True):
                if not entry.future.done():
                    entry.future.set_result(answer)
        if is_free:
            self._resume()

    def _resume(self) -> None:
        self.is_busy = False
        self._checkpoints.note(self.connection)
        self._next()
