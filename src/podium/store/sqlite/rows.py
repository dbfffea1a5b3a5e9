"""Transitions as rows of the tables, and writing them: the hot path of the store.

`Batch.add` encodes at once, so a later change of a workflow in memory is not seen. Writing is done in the writer's
thread.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw
import msgspec

from podium.model.task import EMPTY, Task
from podium.model.transition import Message, QueueRow, Transition
from podium.model.workflow import Head, Workflow

encode = msgspec.msgpack.Encoder().encode
decode_head = msgspec.msgpack.Decoder(Head).decode
decode_task = msgspec.msgpack.Decoder(Task).decode

TASK_BITS = 24
TASKS = 1 << TASK_BITS
INPUT, OUTPUT, VARIABLES = 0, 1, 2
LOGS_MAX = 10_000
FAILED = frozenset({"FAILED", "FAILED_WITH_TERMINAL_ERROR", "TIMED_OUT"})

_INSERT_HEAD = "INSERT INTO workflow VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING"
_UPDATE_HEAD = "UPDATE workflow SET version = ?3, updated_ms = ?4, body = ?5 WHERE row = ?1 AND version = ?2"


def _update_of(*columns: str) -> str:
    """Return the statement that writes columns if one differs: naming them rewrites their indexes, equal or not."""
    names = ", ".join(columns)
    values = ", ".join(f"?{number}" for number in range(2, len(columns) + 2))
    return f"UPDATE workflow SET ({names}) = ({values}) WHERE row = ?1 AND ({names}) IS NOT ({values})"  # noqa: S608


_IDENTITY = (
    "name",
    "def_version",
    "created_ms",
    "priority",
    "correlation_id",
    "parent_id",
    "event",
    "created_by",
    "idempotency_key",
)
_STATE = ("status", "ended_ms", "reason", "failed_refs", "failed_names")
_UPDATE_IDENTITY = _update_of(*_IDENTITY)
_UPDATE_STATE = _update_of(*_STATE)
_UPDATE_WAKE = "UPDATE workflow SET wake_ms = ?2 WHERE row = ?1 AND wake_ms <> ?2"
_REMOVE_HEAD = "DELETE FROM workflow WHERE row = ? AND version = ?"
_REMOVE_LOGS = "DELETE FROM log WHERE workflow_id = (SELECT id FROM workflow WHERE row = ? AND version = ?)"
_REMOVE_PAYLOADS = "DELETE FROM payload WHERE key BETWEEN ? AND ?"
_WRITE_PAYLOAD = "REPLACE INTO payload VALUES (?,?)"
_WRITE_TASK = "REPLACE INTO task VALUES (?,?,?,?,?,?,?,?,?,?,?)"
_REMOVE_TASKS = "DELETE FROM task WHERE key BETWEEN ? AND ?"
_WRITE_FAILED = "REPLACE INTO task_failed VALUES (?)"
_REMOVE_FAILED = "DELETE FROM task_failed WHERE key BETWEEN ? AND ?"
_ENQUEUE = "REPLACE INTO queue VALUES (?,?,?,?,?,?)"
_DEQUEUE = "DELETE FROM queue WHERE key = ?"
_DEQUEUE_ALL = "DELETE FROM queue WHERE key BETWEEN ? AND ?"
_SEND = "INSERT INTO message VALUES (?,?,?,?)"
_APPLY = "DELETE FROM message WHERE id = ?2"
_LOG = (
    "INSERT INTO log SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4 FROM log WHERE workflow_id = ?1 AND seq = ?2"
)
_TRIM_LOGS = (
    "DELETE FROM log WHERE workflow_id = ?1 AND seq = ?2 AND number <= "
    "(SELECT max(number) FROM log WHERE workflow_id = ?1 AND seq = ?2) - ?3"
)

Row = tuple[Any, ...]
Mark = tuple[int | None, int | None]  # hashes of what is searched: of what hardly ever changes, and of the state
_UNKNOWN: Mark = (None, None)


class Batch:
    """The rows of transitions of different workflows."""

    def __init__(self, searched_before: dict[int, Mark]) -> None:
        self._searched_before = searched_before
        self.created: list[Row] = []
        self.updated: list[Row] = []
        self.identities: list[Row] = []
        self.states: list[Row] = []
        self.wakes: list[Row] = []
        self.removed: list[Row] = []
        self.emptied: list[Row] = []  # ranges of tasks to delete
        self.unqueued: list[Row] = []  # ranges of queue rows to delete
        self.payloads: list[Row] = []
        self.tasks: list[Row] = []
        self.failed: list[Row] = []  # tasks
        self.enqueued: list[Row] = []
        self.dequeued: list[Row] = []
        self.applied: list[Row] = []  # messages that are used up, with the keys of their targets
        self.rest: list[Rest] = []
        self.marks: list[tuple[int, Mark]] = []  # by keys of workflows
        self.stale: set[int] = set()  # keys of workflows whose version, or message, did not hold

    def add(self, transition: Transition, row: int, message_id: int) -> None:
        """Take the rows of *transition*; *row* is its workflow's key, its messages get ids from *message_id* on."""
        workflow = transition.workflow
        head = workflow.head
        if transition.removed:
            self._remove(row, transition.expected_version)
        else:
            self._add_head(head, row, transition.expected_version)
            self._add_payloads(transition, workflow, row << 2)
            self._add_tasks(transition, row << TASK_BITS)
            self._add_queue(transition, row << TASK_BITS)
        if transition.applied:
            self.applied += [(row, number) for number in transition.applied]
        if transition.messages or transition.logs:
            self.rest.append(Rest(transition, row, message_id))

    def _add_head(self, head: Head, row: int, expected: int) -> None:
        identity = (
            head.name,
            head.def_version,
            head.created_ms,
            head.priority,
            head.correlation_id,
            head.parent_id,
            head.event,
            head.created_by,
            head.idempotency_key,
        )
        failed_refs, failed_names = ",".join(head.failed_refs), ",".join(head.failed_names)
        state = (head.status, head.ended_ms, head.reason, failed_refs, failed_names)
        body = encode(head)
        # Most commits change nothing that is searched: hashes of what was written last save statements.
        mark = (hash(identity), hash((state, head.wake_ms)))
        known = self._searched_before.pop(row, _UNKNOWN)
        self.marks.append((row, mark))
        if expected < 0:
            self.created.append((row, head.id, head.version, head.updated_ms, head.wake_ms, *identity, *state, body))
        else:
            self.updated.append((row, expected, head.version, head.updated_ms, body))
            if known[0] != mark[0]:
                self.identities.append((row, *identity))
            if known[1] != mark[1]:
                self.states.append((row, *state))
                self.wakes.append((row, head.wake_ms))

    def _add_payloads(self, transition: Transition, workflow: Workflow, key: int) -> None:
        new = transition.expected_version < 0
        if transition.input_changed or (new and workflow.input != EMPTY):
            self.payloads.append((key | INPUT, workflow.input))
        if transition.output_changed or (new and workflow.output != EMPTY):
            self.payloads.append((key | OUTPUT, workflow.output))
        if transition.variables_changed or (new and workflow.variables != EMPTY):
            self.payloads.append((key | VARIABLES, workflow.variables))

    def _add_tasks(self, transition: Transition, key: int) -> None:
        if transition.deleted_all:
            self.emptied.append((key, key + TASKS - 1))
        elif transition.deleted:
            self.emptied += [(key | seq, key | seq) for seq in transition.deleted]
        for task in (*transition.inserted, *transition.updated.values()):
            self.tasks.append(_task_row(task, key))
            if task.status in FAILED:
                self.failed.append((key | task.seq,))

    def _add_queue(self, transition: Transition, key: int) -> None:
        if transition.dequeued_all:
            self.unqueued.append((key, key + TASKS - 1))
        for seq in transition.dequeued:
            self.dequeued.append((key | seq,))
        for row in transition.enqueued.values():
            self.enqueued.append(_queue_row(row, key))

    def _remove(self, row: int, expected: int) -> None:
        key = row << TASK_BITS
        self.removed.append((row, expected))
        self.emptied.append((key, key + TASKS - 1))
        self.unqueued.append((key, key + TASKS - 1))

    def write(self, connection: apsw.Connection) -> None:
        """Write all rows but those of stale workflows, which are in `stale` afterwards."""
        connection.execute("SAVEPOINT batch")
        if not self._write_heads(connection):
            connection.execute("ROLLBACK TO batch")
            self._drop_stale(connection)
            self._write_heads(connection)
        connection.execute("RELEASE batch")
        self._write_rows(connection)

    def _write_heads(self, connection: apsw.Connection) -> bool:
        many = connection.executemany
        if self.removed:
            many(_REMOVE_LOGS, self.removed)
        before = connection.total_changes()
        if self.created:
            many(_INSERT_HEAD, self.created)
        if self.updated:
            many(_UPDATE_HEAD, self.updated)
        if self.removed:
            many(_REMOVE_HEAD, self.removed)
        if self.applied:
            many(_APPLY, self.applied)
        expected = len(self.created) + len(self.updated) + len(self.removed) + len(self.applied)
        return connection.total_changes() - before == expected

    def _write_rows(self, connection: apsw.Connection) -> None:
        many = connection.executemany
        if self.identities:
            many(_UPDATE_IDENTITY, self.identities)
        if self.states:
            many(_UPDATE_STATE, self.states)
            many(_UPDATE_WAKE, self.wakes)
        if self.emptied:
            many(_REMOVE_TASKS, self.emptied)
            many(_REMOVE_FAILED, self.emptied)
        if self.unqueued:
            many(_DEQUEUE_ALL, self.unqueued)
        if self.payloads:
            many(_WRITE_PAYLOAD, self.payloads)
        if self.tasks:
            many(_WRITE_TASK, self.tasks)
        if self.failed:
            many(_WRITE_FAILED, self.failed)
        if self.dequeued:
            many(_DEQUEUE, self.dequeued)
        if self.enqueued:
            many(_ENQUEUE, self.enqueued)
        if self.removed:
            many(_REMOVE_PAYLOADS, [(row << 2, row << 2 | VARIABLES) for row, _ in self.removed])
        for rest in self.rest:
            rest.write(connection)

    def _drop_stale(self, connection: apsw.Connection) -> None:
        find_id, find_version = (
            "SELECT 1 FROM workflow WHERE id = ?",
            "SELECT 1 FROM workflow WHERE row = ? AND version = ?",
        )
        stale = self.stale
        stale.update(row[0] for row in self.created if connection.execute(find_id, (row[1],)).get)
        for row in (*self.updated, *self.removed):
            if not connection.execute(find_version, row[:2]).get:
                stale.add(row[0])
        self._find_applied(connection)
        for rows, shift in (
            (self.created, 0),
            (self.updated, 0),
            (self.identities, 0),
            (self.states, 0),
            (self.wakes, 0),
            (self.removed, 0),
            (self.applied, 0),
            (self.payloads, 2),
            (self.emptied, TASK_BITS),
            (self.unqueued, TASK_BITS),
            (self.tasks, TASK_BITS),
            (self.failed, TASK_BITS),
            (self.enqueued, TASK_BITS),
            (self.dequeued, TASK_BITS),
        ):
            rows[:] = [row for row in rows if row[0] >> shift not in stale]
        self.rest = [rest for rest in self.rest if rest.row not in stale]

    def _find_applied(self, connection: apsw.Connection) -> None:
        """Note as stale whose message is gone, or is taken by another one of the batch."""
        taken: set[int] = set()
        for row, number in self.applied:
            if row in self.stale:
                continue
            if number in taken or not connection.execute("SELECT 1 FROM message WHERE id = ?", (number,)).get:
                self.stale.add(row)
            else:
                taken.add(number)


class Rest:
    """The rarer rows of one transition: messages out, log lines."""

    __slots__ = ("logs", "row", "sent")

    def __init__(self, transition: Transition, row: int, message_id: int) -> None:
        self.row = row
        self.sent = message_rows(transition.messages, message_id)
        workflow_id = transition.workflow.head.id
        self.logs = [(workflow_id, seq, log.createdTime, log.log) for seq, log in transition.logs]

    def write(self, connection: apsw.Connection) -> None:
        """Write the rows."""
        if self.sent:
            connection.executemany(_SEND, self.sent)
        if self.logs:
            write_logs(connection, self.logs)


def message_rows(messages: Iterable[Message], first_id: int) -> list[Row]:
    """Return the rows of *messages*, numbered from *first_id* on."""
    return [(number, message.target, message.kind, message.body) for number, message in enumerate(messages, first_id)]


def write_logs(connection: apsw.Connection, logs: Sequence[Row]) -> None:
    """Append rows (workflow id, seq, time, line); the oldest lines beyond the limit of a task go."""
    connection.executemany(_LOG, logs)
    connection.executemany(_TRIM_LOGS, {(row[0], row[1], LOGS_MAX) for row in logs})


def _task_row(task: Task, key: int) -> Row:
    return (
        key | task.seq,
        task.name,
        task.type,
        task.status,
        task.scheduled_ms,
        task.started_ms,
        task.ended_ms,
        task.updated_ms,
        task.domain,
        task.reason,
        encode(task),
    )


def _queue_row(row: QueueRow, key: int) -> Row:
    return (key | row.seq, row.queue, row.priority, row.visible_ms, row.name, row.workflow_id)
