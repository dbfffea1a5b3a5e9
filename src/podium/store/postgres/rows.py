"""Transitions as the arrays that the function `podium_commit` takes: one tuple for each row, one array for each column.

`Batch.add` encodes at once, so a later change of a workflow in memory is not seen.
"""

from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from podium.model.task import EMPTY, Task, TaskLog
from podium.model.transition import QueueRow, Transition
from podium.model.workflow import Head

encode = msgspec.msgpack.Encoder().encode
decode_head = msgspec.msgpack.Decoder(Head).decode
decode_task = msgspec.msgpack.Decoder(Task).decode

INPUT, OUTPUT, VARIABLES = 0, 1, 2
LOGS_MAX = 10_000
FAILED = frozenset({"FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT"})

Row = tuple[Any, ...]


def clean(text: str) -> str:
    """Return *text* as PostgreSQL can hold it: its columns have no NUL. What is shown comes from the bodies."""
    return text.replace("\0", "\ufffd") if "\0" in text else text


def _clean(text: str | None) -> str | None:
    return None if text is None else clean(text)


class Batch:
    """The rows of transitions of different workflows."""

    def __init__(self) -> None:
        self.heads: list[Row] = []
        self.removed: list[Row] = []
        self.emptied: list[Row] = []  # workflows all of whose tasks go
        self.deleted: list[Row] = []  # tasks
        self.unqueued: list[Row] = []  # workflows all of whose queue rows go
        self.dequeued: list[Row] = []
        self.payloads: list[Row] = []
        self.tasks: list[Row] = []
        self.failed: list[Row] = []
        self.enqueued: list[Row] = []
        self.messages: list[Row] = []
        self.applied: list[Row] = []
        self.logs: list[Row] = []
        self.slots: list[Row] = []

    def add(self, transition: Transition) -> None:
        """Take the rows of *transition*."""
        head = transition.workflow.head
        key = head.id
        if transition.removed:
            self.removed.append((key, transition.expected_version))
            self.emptied.append((key,))
            self.unqueued.append((key,))
        else:
            self.heads.append(_head_row(head, transition.expected_version))
            self._add_payloads(transition, key)
            self._add_tasks(transition, key)
            self._add_queue(transition, key)
        for message in transition.messages:
            self.messages.append((key, clean(message.target), message.kind, message.body))
        self.applied += [(key, number) for number in transition.applied]
        for seq, log in transition.logs:
            self.logs.append(log_row(key, seq, log))
        self.slots += [(key, one.seq, clean(one.scope), int(one.kind), one.limit) for one in transition.slots]

    def _add_payloads(self, transition: Transition, key: str) -> None:
        workflow, new = transition.workflow, transition.expected_version < 0
        if transition.input_changed or (new and workflow.input != EMPTY):
            self.payloads.append((key, INPUT, workflow.input))
        if transition.output_changed or (new and workflow.output != EMPTY):
            self.payloads.append((key, OUTPUT, workflow.output))
        if transition.variables_changed or (new and workflow.variables != EMPTY):
            self.payloads.append((key, VARIABLES, workflow.variables))

    def _add_tasks(self, transition: Transition, key: str) -> None:
        if transition.deleted_all:
            self.emptied.append((key,))
        else:
            self.deleted += [(key, seq) for seq in transition.deleted]
        written = {task.seq: task for task in (*transition.inserted, *transition.updated.values())}
        for task in written.values():
            self.tasks.append(_task_row(task, key))
            if task.status in FAILED:
                self.failed.append((key, task.seq))

    def _add_queue(self, transition: Transition, key: str) -> None:
        if transition.dequeued_all:
            self.unqueued.append((key,))
        self.dequeued += [(key, seq) for seq in transition.dequeued]
        self.enqueued += [_queue_row(row, key) for row in transition.enqueued.values()]

    def _tables(self) -> list[tuple[list[Row], int]]:
        """Return the rows with their widths, in the order of the arguments; each row begins with its workflow."""
        return [
            (self.heads, 20),
            (self.removed, 2),
            (self.emptied, 1),
            (self.deleted, 2),
            (self.unqueued, 1),
            (self.dequeued, 2),
            (self.payloads, 3),
            (self.tasks, 12),
            (self.failed, 2),
            (self.enqueued, 6),
            (self.messages, 4),
            (self.applied, 2),
            (self.logs, 4),
        ]

    def arguments(self) -> list[Any]:
        """Return the arguments of `podium_commit`."""
        found = [
            column
            for rows, width in self._tables()
            for column in columns(rows, width)[rows is self.messages or rows is self.applied :]
        ]
        return [*found, LOGS_MAX]

    def without(self, stale: Collection[str]) -> "Batch":
        """Return the rows of the other workflows."""
        rest = Batch()
        for (mine, _), (theirs, _) in zip(self._tables(), rest._tables(), strict=True):
            theirs += [row for row in mine if row[0] not in stale]
        rest.slots = [row for row in self.slots if row[0] not in stale]
        return rest


ARGUMENTS = 60
"""How many `arguments` returns."""


def columns(rows: Iterable[Row], width: int) -> list[list[Any]]:
    """Return rows of *width* columns as one list for each column."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def log_row(workflow_id: str, seq: int, log: TaskLog) -> Row:
    """Return the row of a log line."""
    return (clean(workflow_id), seq, log.createdTime, log.log.encode())


def _head_row(head: Head, expected: int) -> Row:
    return (
        head.id,
        expected,
        head.version,
        head.updated_ms,
        head.wake_ms,
        clean(head.name),
        head.def_version,
        head.created_ms,
        head.priority,
        _clean(head.correlation_id),
        _clean(head.parent_id),
        _clean(head.event),
        _clean(head.created_by),
        _clean(head.idempotency_key),
        head.status,
        head.ended_ms,
        _clean(head.reason),
        clean(",".join(head.failed_refs)),
        clean(",".join(head.failed_names)),
        encode(head),
    )


def _task_row(task: Task, key: str) -> Row:
    return (
        key,
        task.seq,
        clean(task.name),
        clean(task.type),
        task.status,
        task.scheduled_ms,
        task.started_ms,
        task.ended_ms,
        task.updated_ms,
        _clean(task.domain),
        _clean(task.reason),
        encode(task),
    )


def _queue_row(row: QueueRow, key: str) -> Row:
    return (key, row.seq, clean(row.queue), row.priority, row.visible_ms, clean(row.name))
