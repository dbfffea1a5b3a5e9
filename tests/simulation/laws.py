"""What must hold whatever happens: looked at after each transition that the store has taken, and when all is over."""

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import msgspec

from podium.model.ids import task_id
from podium.model.status import COMPLETED_WITH_ERRORS, IN_PROGRESS, SCHEDULED, TASK_OPEN, WORKFLOW_TERMINAL
from podium.model.task import EMPTY, Task
from podium.model.transition import QueueRow, Transition
from podium.model.workflow import Head
from podium.runtime.limits import StartLimits
from podium.runtime.slots import task_scope
from podium.store.check import faults
from podium.store.records import StoredWorkflow
from tests.simulation.database import Database, finished
from tests.simulation.places import Limit

LATE_MS_MAX = 20_000
LEFT_MS_MAX = 5_000  # for a task that could go, and a poll that comes back with room for it

_decode_event = msgspec.msgpack.Decoder(tuple[str, bytes]).decode


class Broken(BaseException):
    """A law does not hold: no error that the program may catch."""


@dataclass
class Known:
    """What the laws remember of a workflow."""

    version: int = 0
    status: str = ""
    family: str = ""  # its topmost ancestor
    tasks: dict[int, Task] = field(default_factory=dict)
    statuses: list[tuple[int, str]] = field(default_factory=list)  # of each version
    queued: dict[int, QueueRow] = field(default_factory=dict)


class Laws:
    """Sees every transition that is written; raises `Broken`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows = database.rows
        self.known: dict[str, Known] = {}
        self.removed: set[str] = set()
        self.operated: set[str] = set()  # families in which somebody has brought back what had ended
        self.limits: dict[str, Limit] = {}  # of tasks in progress, by definition
        self.calm_ms = math.inf  # when everything was to be well again
        self.scheduled: set[str] = set()  # workflows that a schedule is to start
        self.handled: set[str] = set()  # event queues whose messages start a workflow each
        self.published: set[str] = set()  # ids of messages that were sent there
        self.keys: dict[tuple[str, str], str] = {}  # workflows by name and idempotency key
        self._by_event: dict[str, str] = {}  # the workflow that a message has started
        self.applied: dict[int, str] = {}  # messages, and by which target
        self._leases: Counter[tuple[str, int]] = Counter()  # how often the store has leased a task
        self._handed: Counter[tuple[str, int]] = Counter()  # how often a worker has got it
        self._outbox: set[int] = set()
        database.before, database.after = self._before, self._after

    # ---- each transition

    def _before(self, node: str, change: Transition) -> None:
        self._outbox = set(self._rows._messages)

    def _after(self, node: str, change: Transition) -> None:
        key = change.workflow.id
        before = self.known.get(key) or Known()
        self._applied_once(change)
        self.published |= {
            _decode_event(one.body)[0] for one in change.messages if one.kind == "event" and one.target in self.handled
        }
        if change.removed:
            self.known.pop(key, None)
            self.removed.add(key)
            return
        stored = self._rows._workflows[key]
        full = self._rows._load(stored)
        head = full.head
        family = before.family or (self.known[head.parent_id].family if head.parent_id in self.known else key)
        now = Known(head.version, head.status, family, {task.seq: task for task in full.tasks}, before.statuses)
        now.queued = dict(stored.queued)
        now.statuses.append((head.version, head.status))
        self.known[key] = now
        self._version(key, before, now)
        self._started_once(key, head)
        self._started_by_event(key, full)
        self._endings(key, before, now)
        self._queue(key, now, stored.queued)
        self._time(change, before, now)
        self._starts(key, before, now)
        self._in_turn(key, head.priority, before, now)
        if head.quarantine:
            raise Broken(f"workflow {key} is quarantined: {head.quarantine}")
        self._checked(key, head.parent_id)

    def _applied_once(self, change: Transition) -> None:
        key = change.workflow.id
        for number in change.applied:
            if number in self.applied:
                raise Broken(f"message {number} was applied by {self.applied[number]}, and again by {key}")
            if number not in self._outbox:
                raise Broken(f"message {number} was applied by {key}, but is not in the outbox")
            self.applied[number] = key

    @staticmethod
    def _version(key: str, before: Known, now: Known) -> None:
        if now.version != before.version + 1:
            raise Broken(f"workflow {key} goes from version {before.version} to {now.version}")

    def _started_once(self, key: str, head: Head) -> None:
        """Starts with one idempotency key, all of which want an existing workflow if there is one, make one workflow."""
        if head.idempotency_key is None:
            return
        other = self.keys.setdefault((head.name, head.idempotency_key), key)
        if other != key and other not in self.removed:
            raise Broken(f"{head.name} was started twice with {head.idempotency_key}: {other} and {key}")

    def _started_by_event(self, key: str, full: StoredWorkflow) -> None:
        """A message starts one workflow."""
        if full.head.event is None:
            return
        message = msgspec.json.decode(full.input)["conductor.event.messageId"]
        other = self._by_event.setdefault(message, key)
        if other != key:
            raise Broken(f"message {message} has started {other} and {key}")

    def _endings(self, key: str, before: Known, now: Known) -> None:
        """What has ended stays as it is, unless somebody wanted it to go on."""
        if now.family in self.operated:
            return
        is_termination = before.status in ("FAILED", "TIMED_OUT") and now.status == "TERMINATED"
        if before.status in WORKFLOW_TERMINAL and now.status != before.status and not is_termination:
            raise Broken(f"workflow {key} was {before.status} and is {now.status} now")
        for seq, was in before.tasks.items():
            task = now.tasks.get(seq)
            if was.status in TASK_OPEN or task is None:
                continue
            if task.status not in (was.status, COMPLETED_WITH_ERRORS):
                raise Broken(f"task {task_id(key, seq)} was {was.status} and is {task.status} now")
            if task.runs == "worker" and task.output != was.output:
                raise Broken(
                    f"task {task_id(key, seq)} has ended, but its output changes: {was.output!r} {task.output!r}"
                )

    def _queue(self, key: str, now: Known, queued: dict[int, Any]) -> None:
        """A worker's task has a row in a queue as long as it is scheduled, and no longer."""
        for seq, task in now.tasks.items():
            waits = task.status == SCHEDULED and task.runs != "engine"
            if waits and seq not in queued:
                raise Broken(f"task {task_id(key, seq)} is scheduled, but in no queue")
            if seq in queued and not waits and not (task.runs == "system" and task.status == IN_PROGRESS):
                raise Broken(
                    f"task {task_id(key, seq)} is {task.status} ({task.runs}), but in queue {queued[seq].queue}"
                )

    def _time(self, change: Transition, before: Known, now: Known) -> None:
        """No wait ends before its time, by the clock of the store; who ends it from outside leaves an output."""
        now_ms = self._database.now_ms()
        for seq, was in before.tasks.items():
            task = now.tasks.get(seq)
            if task is None or was.type != "WAIT" or not was.is_open or task.status != "COMPLETED":
                continue
            if task.output == EMPTY and was.due_ms > now_ms:
                raise Broken(f"task {task_id(change.workflow.id, seq)} ends {was.due_ms - now_ms} ms before its time")

    def _starts(self, key: str, before: Known, now: Known) -> None:
        for seq, task in now.tasks.items():
            was = before.tasks.get(seq)  # a task that is brought back begins to count anew
            self._leases[key, seq] += task.poll_count - (was.poll_count if was and was.is_open else 0)
        for name, limit in self.limits.items():
            found = self._in_progress(name)
            limit.count(found, self._database.now_ms())
            if found > limit.most:
                raise Broken(f"{found} tasks of {name} are in progress, at most {limit.most} may be")
            held = self._rows._slots.taken(task_scope(name))
            if self._rows.is_shared and held != found:
                raise Broken(f"{found} tasks of {name} are in progress, but {held} slots are taken")

    def _in_turn(self, key: str, priority: int, before: Known, now: Known) -> None:
        """A task for which there was no place has it before those that come later."""
        for seq, task in now.tasks.items():
            was, limit = before.tasks.get(seq), self.limits.get(task.name)
            is_leased = (
                task.status == IN_PROGRESS and task.runs != "engine" and (was is None or was.status == SCHEDULED)
            )
            if limit is None or not is_leased:
                continue
            now_ms = self._database.now_ms()
            if now_ms <= self.calm_ms:  # a row may be reserved by a node that is not there any more
                continue
            row = before.queued.get(seq) or QueueRow(task.name, key, seq, priority, now_ms, task.name)
            line = (one for one in self._rows._queues.get(row.queue, {}).values() if one.name == task.name)
            overtaken = limit.overtaken_by(row, [one for one in line if one.visible_ms <= now_ms])
            if overtaken:
                raise Broken(f"task {task_id(key, seq)} is handed out before {overtaken}, which came first")

    def _checked(self, *keys: str | None) -> None:
        for key in keys:
            stored = self._rows._workflows.get(key or "")
            for fault in faults(self._rows._facts(stored)) if stored else ():
                raise Broken(fault)

    # ---- what clients are told

    def handed(self, key: str, seq: int) -> None:
        """A worker has got a task."""
        self._handed[key, seq] += 1
        if self._handed[key, seq] > self._leases[key, seq]:
            times = f"{self._handed[key, seq]} times, but it was leased {self._leases[key, seq]} times"
            raise Broken(f"task {task_id(key, seq)} was handed out {times}")

    def started(self, key: str) -> None:
        """A start was acknowledged."""
        if key not in self.known and key not in self.removed:
            raise Broken(f"workflow {key} was acknowledged, but is not stored")

    def reported(self, key: str, seq: int, status: str, nonces: set[str]) -> None:
        """A result was acknowledged; *nonces* are those of all results that were sent for the task."""
        now = self.known.get(key)
        task = now.tasks.get(seq) if now else None
        if now is None or task is None or now.family in self.operated:
            return
        if task.is_open and status != IN_PROGRESS:
            raise Broken(f"the result {status} of task {task_id(key, seq)} was acknowledged, but it is {task.status}")
        if task.status == "COMPLETED" and not any(nonce.encode() in task.output for nonce in nonces):
            raise Broken(f"task {task_id(key, seq)} is completed with {task.output!r}, which nobody has sent")

    def operated_on(self, key: str, since: int, wanted: set[str]) -> None:
        """An operation was acknowledged: the workflow had one of the statuses *wanted* at version *since* or later."""
        now = self.known.get(key)
        if now is not None and not any(status in wanted for version, status in now.statuses if version >= since):
            raise Broken(f"workflow {key} was never {' or '.join(sorted(wanted))} after version {since}")

    # ---- when the faults are over

    def in_time(self) -> None:
        """Nothing that is due, and no task that a worker could have, is left alone for long."""
        before_ms = self._database.now_ms() - LATE_MS_MAX
        for key, wake_ms in self._rows._wakes.items():
            if wake_ms < before_ms:
                raise Broken(f"workflow {key} should have been woken {before_ms + LATE_MS_MAX - wake_ms} ms ago")
        for queue in self._rows._queues:
            self._none_left(queue, before_ms, "where workers poll")

    def polled(self, queue: str, room: int) -> None:
        """A poll has come back with room for more."""
        now_ms = self._database.now_ms()
        if room > 0 and now_ms > self.calm_ms:
            self._none_left(queue, now_ms - LEFT_MS_MAX, f"but a poll has come back with room for {room}")

    def _none_left(self, queue: str, before_ms: int, fact: str) -> None:
        """No task waits that could go since *before_ms*: one with a limit while a place was free all the time."""
        for row in self._rows._queues.get(queue, {}).values():
            limit = self.limits.get(row.name)
            if (limit.could_go_ms(row) if limit else row.visible_ms) < before_ms:
                raise Broken(f"task {task_id(row.workflow_id, row.seq)} waits in {queue}, {fact}")

    def _in_progress(self, name: str) -> int:
        return sum(
            task.status == IN_PROGRESS and task.name == name and task.runs != "engine"
            for one in self.known.values()
            if one.status not in WORKFLOW_TERMINAL
            for task in one.tasks.values()
        )

    def at_rest(self) -> None:
        """Look at everything when nothing is on its way any more."""

        async def found() -> list[str]:
            return [line async for line in self._rows.check()]

        for line in finished(found()):
            raise Broken(line)
        if self._rows._messages:
            raise Broken(f"messages are left over: {list(self._rows._messages.values())}")
        if self._rows._queues:
            raise Broken(f"queue rows are left over: {self._rows._queues}")
        for key in self.scheduled - self.known.keys() - self.removed:
            raise Broken(f"workflow {key} should have been started by its schedule")
        for message in self.published - self._by_event.keys():
            raise Broken(f"message {message} was published, but has started nothing")
        self._families()

    def counts_at_rest(self, limits: StartLimits) -> None:
        """What a node counts of the limits is what is so."""
        for name in self.limits:
            promised, running = limits._promised.get(name, 0), limits._running.get(name, 0)
            if promised or (running and not self._rows.is_shared):
                raise Broken(f"nothing goes on, but of {name} {promised} are to begin and {running} are in progress")

    def _families(self) -> None:
        """Each step of a parent has one child, whose end it knows."""
        children: dict[tuple[str, int], list[str]] = defaultdict(list)
        for key in self.known:
            head = self._rows._load(self._rows._workflows[key]).head
            if head.parent_id and self.known[key].family not in self.operated:
                children[head.parent_id, head.parent_task_seq].append(key)
        for (parent, seq), found in children.items():
            task = self.known[parent].tasks.get(seq) if parent in self.known else None
            if len(found) > 1:
                raise Broken(f"task {task_id(parent, seq)} has started {len(found)} children: {found}")
            if task is not None and task.status == "COMPLETED" and self.known[found[0]].status != "COMPLETED":
                raise Broken(f"task {task_id(parent, seq)} is completed, its child is {self.known[found[0]].status}")
