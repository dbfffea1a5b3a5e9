"""The archive: ended workflows as JSON lines in a directory, one file a day, written before they are deleted.

A line is what GET of the workflow answered, tasks included. A crash between writing and deleting leaves the workflow
where it was, so a later removal writes it once more.
"""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from podium.engine.view import WorkflowView
from podium.model.errors import InvalidRequest, Unavailable
from podium.model.status import WORKFLOW_TERMINAL
from podium.model.wire import encode_json


class Archive:
    """Appends workflows to *folder*; without one, nothing is kept of what is removed."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._turn = asyncio.Lock()

    @property
    def is_kept(self) -> bool:
        """Whether there is a place to write to."""
        return self._folder is not None

    async def keep(self, view: WorkflowView, now_ms: int) -> None:
        """Write an ended workflow durably; `InvalidRequest` for an open one, `Unavailable` when the disk refuses."""
        if view.status not in WORKFLOW_TERMINAL:
            raise InvalidRequest(f"Cannot archive workflow: {view.workflowId} with status: {view.status}")
        if self._folder is None:
            return
        day = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        line = encode_json(view) + b"\n"
        async with self._turn:
            try:
                await asyncio.to_thread(_append, self._folder / f"workflows-{day}.jsonl", line)
            except OSError as error:
                raise Unavailable(f"The workflow could not be archived and was not removed: {error}") from error


def _append(path: Path, line: bytes) -> None:
    """Add a line, and have it on the disk; a line that was cut off by a crash is ended first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.tell() and not _ends_a_line(file.fileno(), file.tell()):
            file.write(b"\n")
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def _ends_a_line(descriptor: int, size: int) -> bool:
    return os.pread(descriptor, 1, size - 1) == b"\n"
