"""The tables: dictionaries of encoded rows, so that a later change of an object in memory is never seen."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import msgspec

from podium.model.status import IN_PROGRESS, WORKFLOW_TERMINAL
from podium.model.task import EMPTY, Task, TaskLog
from podium.model.transition import Message, QueueRow
from podium.model.workflow import Head
from podium.store.local import KeyClaims, Notices
from podium.store.records import Document, EventExecution, NodeRow
from podium.store.slots import Slots

encode = msgspec.msgpack.Encoder().encode
decode_head = msgspec.msgpack.Decoder(Head).decode
decode_task = msgspec.msgpack.Decoder(Task).decode


@dataclass(slots=True)
class Stored:
    """The rows of one workflow."""

    row: int
    head: bytes
    version: int
    input: bytes = EMPTY
    output: bytes = EMPTY
    variables: bytes = EMPTY
    tasks: dict[int, bytes] = field(default_factory=dict)
    queued: dict[int, QueueRow] = field(default_factory=dict)

    def tasks_in_order(self) -> Iterator[Task]:
        """Return all tasks by seq."""
        return (decode_task(self.tasks[seq]) for seq in sorted(self.tasks))


def _system_ms() -> int:
    return time.time_ns() // 1_000_000


class Tables:
    """All that is stored; the parts of the adapter read and write it."""

    def __init__(self, clock: Callable[[], int] = _system_ms, *, is_shared: bool = False) -> None:
        self.is_shared = is_shared
        self._clock = clock
        self._nodes: dict[str, NodeRow] = {}
        self._notices = Notices()
        self._key_claims = KeyClaims()
        self._slots = Slots()
        self._last_row = 0
        self._last_message = 0
        self._workflows: dict[str, Stored] = {}
        self._wakes: dict[str, int] = {}
        self._queues: dict[str, dict[tuple[int, int], QueueRow]] = {}  # by (row of the workflow, seq)
        self._reserved: dict[tuple[int, int], int] = {}  # of those rows: until when
        self._messages: dict[int, Message] = {}
        self._claims: dict[int, tuple[str, int]] = {}  # of messages: by whom, when
        self._logs: dict[tuple[str, int], list[TaskLog]] = {}
        self._documents: dict[tuple[str, str, int], Document] = {}
        self._definitions: dict[str, bytes] = {}
        self._event_executions: dict[str, EventExecution] = {}

    def _heads(self) -> Iterator[Head]:
        return (decode_head(stored.head) for stored in self._workflows.values())

    def _task(self, workflow_id: str, seq: int) -> Task | None:
        stored = self._workflows.get(workflow_id)
        return decode_task(stored.tasks[seq]) if stored and seq in stored.tasks else None

    def _is_in_progress(self, name: str, seq: int) -> bool:
        """Whether a task is at work; with 0, whether the workflow is open."""
        stored = self._workflows.get(name)
        if stored is None or not seq:
            return stored is not None and decode_head(stored.head).status not in WORKFLOW_TERMINAL
        return seq in stored.tasks and decode_task(stored.tasks[seq]).status == IN_PROGRESS
