"""The archive: ended workflows as compressed JSON lines in a directory, written before they are deleted.

A line is what GET of the workflow answered, tasks included. Each write is a whole gzip member behind those before it,
and on the disk when `keep` returns. A file that a write has failed in is not written again, and neither is one of
another process; so what a crash has cut off is always the end of a file. A crash between writing and deleting leaves
the workflow where it was: a later removal writes it once more.
"""

import asyncio
import gzip
import os
import secrets
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from podium.engine.view import WorkflowView
from podium.model.errors import InvalidRequest, Unavailable
from podium.model.status import WORKFLOW_TERMINAL
from podium.model.wire import encode_json

FILE_BYTES_MAX = 64 << 20
LEVEL = 6


class Archive:
    """Appends workflows to files in *folder*; without one, nothing is kept of what is removed."""

    def __init__(self, folder: Path | None, file_bytes_max: int = FILE_BYTES_MAX) -> None:
        self._folder = folder
        self._file_bytes_max = file_bytes_max
        self._turn = threading.Lock()
        self._path: Path | None = None
        self._day = ""
        self.workflows = 0
        self.size_bytes = 0

    @property
    def is_kept(self) -> bool:
        """Whether there is a place to write to."""
        return self._folder is not None

    async def keep(self, views: Sequence[WorkflowView], now_ms: int) -> None:
        """Write ended workflows durably; `InvalidRequest` for an open one, `Unavailable` when the disk refuses."""
        lines = [line(view) for view in views]
        if self._folder is not None and lines:
            await self.write(lines, now_ms)

    async def write(self, lines: Sequence[bytes], now_ms: int) -> None:
        """Write lines durably; `Unavailable` when the disk refuses."""
        assert self._folder is not None  # noqa: S101
        now = datetime.fromtimestamp(now_ms / 1000, UTC)
        try:
            await asyncio.to_thread(self._write, self._folder, lines, now)
        except OSError as error:
            raise Unavailable(f"The workflow could not be archived and was not removed: {error}") from error
        self.workflows += len(lines)

    def _write(self, folder: Path, lines: Sequence[bytes], now: datetime) -> None:
        member = gzip.compress(b"".join(lines), LEVEL)
        with self._turn:
            path, self._path = self._current(folder, now), None  # none to go on with, should this fail
            size = _append(path, member)
            self.size_bytes += len(member)
            self._path = path if size < self._file_bytes_max else None

    def _current(self, folder: Path, now: datetime) -> Path:
        """Return the file to write to: a new one after a start, a failure, a day, and so many bytes."""
        day = f"{now:%Y-%m-%d}"
        if self._path is None or day != self._day:
            self._day = day
            return folder / f"workflows-{now:%Y-%m-%dT%H%M%S}-{secrets.token_hex(4)}.jsonl.gz"
        return self._path


def line(view: WorkflowView) -> bytes:
    """Return the line of an ended workflow; `InvalidRequest` for an open one."""
    if view.status not in WORKFLOW_TERMINAL:
        raise InvalidRequest(f"Cannot archive workflow: {view.workflowId} with status: {view.status}")
    return encode_json(view) + b"\n"


def _append(path: Path, member: bytes) -> int:
    """Add *member*, have it and its file's name on the disk, and return the size of the file."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, exist_ok=True)
        _sync(path.parent.parent)
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            if file.write(member) != len(member):
                raise OSError("the disk is full")
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                os.truncate(path, size)
            raise
    if not size:
        _sync(path.parent)
    return size + len(member)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
