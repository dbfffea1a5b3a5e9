"""The rows of one workflow, kept encoded like in a database, so that nothing but what was written can be read back."""

from collections.abc import Iterator

import msgspec

from podium.engine.graph import Graph
from podium.engine.restore import restore
from podium.model.task import EMPTY, Task
from podium.model.transition import QueueRow, Transition
from podium.model.workflow import Head, Workflow

_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(Head).decode
_decode_task = msgspec.msgpack.Decoder(Task).decode
_decode_queue_row = msgspec.msgpack.Decoder(QueueRow).decode


class Rows:
    """Header, payloads, tasks and queue entries of a workflow."""

    def __init__(self) -> None:
        self._head = b""
        self._tasks: dict[int, bytes] = {}
        self._queue: dict[int, bytes] = {}
        self._input = self._output = self._variables = EMPTY
        self.version = -1

    def apply(self, change: Transition) -> int:
        """Write a transition and return how many rows that took; raises `ValueError` when it breaks a promise."""
        if change.expected_version != self.version:
            raise ValueError(f"version {self.version} is stored, the transition expects {change.expected_version}")
        head = change.workflow.head
        if head.version != max(self.version, 0) + 1:
            raise ValueError(f"version {head.version} follows version {self.version}")
        self._head, self.version = _encode(head), head.version
        return 1 + self._write_payloads(change) + self._write_tasks(change) + self._write_queue(change)

    def _write_payloads(self, change: Transition) -> int:
        workflow = change.workflow
        if change.input_changed:
            self._input = bytes(workflow.input)
        if change.output_changed:
            self._output = bytes(workflow.output)
        if change.variables_changed:
            self._variables = bytes(workflow.variables)
        return change.input_changed + change.output_changed + change.variables_changed

    def _write_tasks(self, change: Transition) -> int:
        if change.deleted_all:
            self._tasks.clear()
        for seq in change.deleted:
            del self._tasks[seq]
        for task in change.inserted:
            if task.seq in self._tasks:
                raise ValueError(f"task {task.seq} is inserted twice")
            self._tasks[task.seq] = _encode(task)
        for seq, task in change.updated.items():
            if seq not in self._tasks:
                raise ValueError(f"task {seq} is updated but not stored")
            self._tasks[seq] = _encode(task)
        return len(change.deleted) + len(change.inserted) + len(change.updated)

    def _write_queue(self, change: Transition) -> int:
        if change.dequeued_all:
            self._queue.clear()
        for seq in change.dequeued:
            self._queue.pop(seq, None)
        for seq, row in change.enqueued.items():
            self._queue[seq] = _encode(row)
        return len(change.dequeued) + len(change.enqueued)

    def head(self) -> Head:
        """Return the header."""
        return _decode_head(self._head)

    def tasks(self) -> list[Task]:
        """Return all tasks in the order of seq."""
        return [_decode_task(self._tasks[seq]) for seq in sorted(self._tasks)]

    def queue_rows(self) -> Iterator[QueueRow]:
        """Iterate over the queue entries."""
        return (_decode_queue_row(row) for row in self._queue.values())

    def restored(self, graph: Graph) -> tuple[Workflow, list[Task]]:
        """Return the workflow as these rows describe it, and all of its tasks."""
        tasks = self.tasks()
        return restore(self.head(), graph, (self._input, self._output, self._variables), tasks), tasks
