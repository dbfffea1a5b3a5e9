"""Moves the write-ahead log into the database file in a thread of its own, so that no commit waits for it."""

import threading
from contextlib import suppress
from pathlib import Path

import apsw

from podium.store.sqlite.connection import BUSY_MS, connect

CHECKPOINT_PAGES = 2_000  # written since the last time
LOG_PAGES_MAX = 16_000  # a longer log is made to begin anew
READERS_WAIT_MS = 10  # then, for reads that still need the old log


class Checkpoints:
    """Works from `start` to `stop`."""

    def __init__(self, path: Path) -> None:
        self.is_overdue = False  # the log is long, and only the writer can end it, between two transactions
        self._connection = connect(path, cache_kib=256)
        self._wanted = threading.Event()
        self._stopping = False
        self._noted_pages = 0
        self._thread = threading.Thread(target=self._work, name="podium-checkpoint", daemon=True)

    def start(self) -> None:
        """Begin to wait for a log that is long enough."""
        self._thread.start()

    def stop(self) -> None:
        """Finish a checkpoint that is under way. Blocks."""
        self._stopping = True
        self._wanted.set()
        self._thread.join()
        self._connection.close()

    def note(self, connection: apsw.Connection) -> None:
        """Take notice of a commit."""
        # Not by a hook: that is called inside of the commit and would wait there for the interpreter lock.
        pages = connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]
        if pages - self._noted_pages >= CHECKPOINT_PAGES:
            self._noted_pages = pages
            self._wanted.set()

    def restart_log(self, connection: apsw.Connection) -> None:
        """Move the rest of the log and begin it anew, on the writer's connection; when that fails, later."""
        self.is_overdue = False
        with suppress(apsw.Error):
            connection.set_busy_timeout(READERS_WAIT_MS)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        connection.set_busy_timeout(BUSY_MS)

    def _work(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopping:
                return
            with suppress(apsw.Error):  # a full disk or a long read: the log grows until the next time
                self._move()

    def _move(self) -> None:
        # Makes no commit wait; but under steady load it may never reach the end of the growing log.
        pages, _ = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        self.is_overdue = pages > LOG_PAGES_MAX
