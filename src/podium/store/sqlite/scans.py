"""Reads that may take long: threads with connections of their own, and a time limit for searches.

An interrupted search has done no harm; it is the client who must ask for less.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import apsw

from podium.model.errors import InvalidRequest
from podium.store import match
from podium.store.sqlite.connection import connect
from podium.store.sqlite.reader import Reader
from podium.store.sqlite.rows import decode_head, decode_task

T = TypeVar("T")
THREADS = 2
CACHE_KIB = 8 * 1024
SEARCH_MS_MAX = 5_000


class Scans:
    """Two readers in two threads."""

    def __init__(self, path: Path) -> None:
        self._readers: SimpleQueue[Reader] = SimpleQueue()
        for _ in range(THREADS):
            self._readers.put(Reader(_connect(path)))
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="podium-reader")

    async def run(self, work: Callable[[Reader], T]) -> T:
        """Return the answer of *work*, however long it takes."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._lend, work)

    async def search(self, work: Callable[[Reader], T]) -> T:
        """Return the answer of *work*; InvalidRequest when it takes longer than the limit."""

        def limited(reader: Reader) -> T:
            with reader.limit(SEARCH_MS_MAX / 1000):
                return work(reader)

        try:
            return await self.run(limited)
        except apsw.InterruptError as error:
            raise InvalidRequest(
                f"The search took more than {SEARCH_MS_MAX // 1000} s and was stopped: narrow it, for example by "
                "workflowType, workflowId, correlationId or a range of startTime, and leave out freeText."
            ) from error

    def close(self) -> None:
        """Wait for what runs, then release the connections. Blocks."""
        self._threads.shutdown()
        while not self._readers.empty():
            self._readers.get().close()

    def _lend(self, work: Callable[[Reader], T]) -> T:
        reader = self._readers.get()  # there is one for each thread
        try:
            return work(reader)
        finally:
            self._readers.put(reader)


def _connect(path: Path) -> apsw.Connection:
    connection = connect(path, cache_kib=CACHE_KIB, query_only=True)
    connection.create_scalar_function("workflow_has_text", _workflow_has_text, 4, deterministic=True)
    connection.create_scalar_function("task_has_text", _task_has_text, 3, deterministic=True)
    return connection


@lru_cache(16)
def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.split("*"))


def _workflow_has_text(*values: Any) -> bool:
    text, head, payload, output = values
    return match.has_text(match.workflow_text(decode_head(head), payload or b"{}", output or b"{}"), _parts(text))


def _task_has_text(*values: Any) -> bool:
    text, head, task = values
    return match.has_text(match.task_text(decode_head(head), decode_task(task)), _parts(text))
