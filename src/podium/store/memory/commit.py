"""Writing of transitions."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from podium.model.ids import task_id
from podium.model.task import TaskLog
from podium.model.transition import Message, Transition
from podium.model.workflow import Head, Workflow
from podium.store.memory.tables import Stored, Tables, decode_head, encode

LOGS_MAX = 10_000


@dataclass(slots=True)
class Change:
    """A transition with its rows encoded."""

    transition: Transition
    head: Head
    body: bytes
    tasks: dict[int, bytes]

    @classmethod
    def of(cls, transition: Transition) -> "Change":
        """Encode a transition."""
        tasks = {task.seq: encode(task) for task in (*transition.inserted, *transition.updated.values())}
        body = encode(transition.workflow.head)
        return cls(transition, decode_head(body), body, tasks)


class Commits(Tables):
    """The port, as far as workflows and what belongs to them are written."""

    async def commit(self, transitions: Sequence[Transition]) -> list[bool]:
        """Write all transitions but the stale ones; nothing at all when one can't be encoded."""
        return [self._write(change) for change in [Change.of(transition) for transition in transitions]]

    def _write(self, change: Change) -> bool:
        transition, name = change.transition, change.head.id
        stored = self._workflows.get(name)
        if (stored.version if stored else -1) != transition.expected_version:
            return False
        if not self._messages.keys() >= set(transition.applied):
            return False
        if self.is_shared and transition.slots:
            transition.refused = self._slots.refusal(name, transition.slots)
            if transition.refused:
                return False
            self._slots.change(name, transition.slots)
        if stored is None:
            self._last_row += 1
            stored = self._workflows[name] = Stored(self._last_row, b"", 0)
            transition.workflow.row = stored.row
        self._write_queue(stored, transition)
        if transition.removed:
            self._remove(name)
        else:
            self._write_head(stored, change)
            self._write_payloads(stored, transition)
            self._write_tasks(stored, change)
        self._write_rest(name, transition)
        return True

    def _write_head(self, stored: Stored, change: Change) -> None:
        stored.head, stored.version = change.body, change.head.version
        self._wakes.pop(change.head.id, None)
        if change.head.wake_ms > 0:
            self._wakes[change.head.id] = change.head.wake_ms

    @staticmethod
    def _write_payloads(stored: Stored, transition: Transition) -> None:
        workflow: Workflow = transition.workflow
        is_new = transition.expected_version < 0
        if transition.input_changed or is_new:
            stored.input = bytes(workflow.input)
        if transition.output_changed or is_new:
            stored.output = bytes(workflow.output)
        if transition.variables_changed or is_new:
            stored.variables = bytes(workflow.variables)

    @staticmethod
    def _write_tasks(stored: Stored, change: Change) -> None:
        if change.transition.deleted_all:
            stored.tasks.clear()
        for seq in change.transition.deleted:
            stored.tasks.pop(seq, None)
        stored.tasks |= change.tasks

    def _write_queue(self, stored: Stored, transition: Transition) -> None:
        everything = transition.dequeued_all or transition.removed
        for seq in list(stored.queued) if everything else transition.dequeued:
            self._dequeue(stored, seq)
        for seq, row in {} if transition.removed else transition.enqueued.items():
            self._dequeue(stored, seq)
            stored.queued[seq] = row
            self._queues.setdefault(row.queue, {})[stored.row, seq] = row

    def _dequeue(self, stored: Stored, seq: int) -> None:
        row = stored.queued.pop(seq, None)
        if row is not None:
            rows = self._queues[row.queue]
            del rows[stored.row, seq]
            self._reserved.pop((stored.row, seq), None)
            if not rows:
                del self._queues[row.queue]

    def _remove(self, name: str) -> None:
        del self._workflows[name]
        self._wakes.pop(name, None)
        for key in [key for key in self._logs if key[0] == name]:
            del self._logs[key]

    def _write_rest(self, name: str, transition: Transition) -> None:
        for number in transition.applied:
            self._messages.pop(number, None)
        transition.messages = [self._send(message) for message in transition.messages]
        for seq, log in transition.logs:
            self._add_log(name, seq, log)

    def _send(self, message: Message) -> Message:
        self._last_message += 1
        sent = self._messages[self._last_message] = msgspec.structs.replace(message, id=self._last_message)
        return sent

    async def add_logs(self, workflow_id: str, seq: int, logs: Sequence[TaskLog]) -> None:
        """Append log lines to a task, which need not exist; the newest 10,000 are kept."""
        for log in logs:
            self._add_log(workflow_id, seq, log)

    def _add_log(self, workflow_id: str, seq: int, log: TaskLog) -> None:
        lines = self._logs.setdefault((workflow_id, seq), [])
        lines.append(TaskLog(log.log, task_id(workflow_id, seq), log.createdTime))
        del lines[:-LOGS_MAX]
