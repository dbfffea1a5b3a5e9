"""Moves the write-ahead log into the database file in a thread of its own, so that no commit waits for it."""

import threading
from contextlib import suppress
from pathlib import Path

import apsw

from podium.store.sqlite.connection import connect

CHECKPOINT_PAGES = 2_000  # written since the last time
LOG_PAGES_MAX = 16_000  # in a longer log commits wait until it is moved and begins anew
WAIT_MS = 200  # for readers, while commits wait


class Checkpoints:
    """Works from `start` to `stop`."""

    def __init__(self, path: Path) -> None:
        self.pause = threading.Lock()  # held by the writer while it commits, and here while commits must wait
        self._connection = connect(path, cache_kib=256)
        self._connection.set_busy_timeout(WAIT_MS)
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
        """Take notice of a commit. (A hook would be called inside of the commit and wait there for the interpreter lock.)"""
        pages = connection.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0]
        if pages - self._noted_pages >= CHECKPOINT_PAGES:
            self._noted_pages = pages
            self._wanted.set()

    def _work(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            if self._stopping:
                return
            with suppress(apsw.Error):  # a full disk or a long read: the log grows until the next time
                self._move()

    def _move(self) -> None:
        # Passive never makes a commit wait, but under steady load it may never reach the end of the log, which then grows.
        pages, _ = self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        if pages > LOG_PAGES_MAX:
            with self.pause:
                self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
