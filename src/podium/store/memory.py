"""The reference adapter: dictionaries, for tests, simulations and trying things out; everything is gone with the
process.

Rows are kept encoded, so a later change of an object in memory is never seen. Queues and searches are sorted at each
call: fine for thousands of workflows, not for millions.
"""

import heapq
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from podium.model.ids import task_id
from podium.model.status import IN_PROGRESS, WORKFLOW_TERMINAL
from podium.model.task import EMPTY, Task, TaskLog
from podium.model.transition import Message, QueueRow, Transition
from podium.model.workflow import Head, Workflow
from podium.store import match
from podium.store.check import Facts, faults
from podium.store.local import Heard, KeyClaims, Notices
from podium.store.query import Search
from podium.store.records import (
    Beat,
    Document,
    Ended,
    EventExecution,
    NodeRow,
    Page,
    QueueSize,
    StoredWorkflow,
    TaskRow,
    WorkflowRow,
)
from podium.store.slots import Slots

LOGS_MAX = 10_000
NODE_KEPT_MS = 60_000
RUNNING_IDS_MAX = 10_000

_encode = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(Head).decode
_decode_task = msgspec.msgpack.Decoder(Task).decode


@dataclass(slots=True)
class _Stored:
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
        return (_decode_task(self.tasks[seq]) for seq in sorted(self.tasks))


@dataclass(slots=True)
class _Change:
    """A transition with its rows encoded."""

    transition: Transition
    head: Head
    body: bytes
    tasks: dict[int, bytes]

    @classmethod
    def of(cls, transition: Transition) -> "_Change":
        tasks = {task.seq: _encode(task) for task in (*transition.inserted, *transition.updated.values())}
        body = _encode(transition.workflow.head)
        return cls(transition, _decode_head(body), body, tasks)


def _system_ms() -> int:
    return time.time_ns() // 1_000_000


class MemoryStore:
    """A database that lives as long as the object; *clock* is its time in ms, *is_shared* if several nodes use it."""

    def __init__(self, clock: Callable[[], int] = _system_ms, *, is_shared: bool = False) -> None:
        self.is_shared = is_shared
        self._clock = clock
        self._nodes: dict[str, NodeRow] = {}
        self._notices = Notices()
        self._key_claims = KeyClaims()
        self._slots = Slots()
        self._last_row = 0
        self._last_message = 0
        self._workflows: dict[str, _Stored] = {}
        self._wakes: dict[str, int] = {}
        self._queues: dict[str, dict[tuple[int, int], QueueRow]] = {}  # by (row of the workflow, seq)
        self._reserved: dict[tuple[int, int], int] = {}  # of those rows: until when
        self._messages: dict[int, Message] = {}
        self._claims: dict[int, tuple[str, int]] = {}  # of messages: by whom, when
        self._logs: dict[tuple[str, int], list[TaskLog]] = {}
        self._documents: dict[tuple[str, str, int], Document] = {}
        self._definitions: dict[str, bytes] = {}
        self._event_executions: dict[str, EventExecution] = {}

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing: the rows stay for whoever opens the object again."""

    async def now_ms(self) -> int:
        """Return the time of the clock."""
        return self._clock()

    # other nodes
    async def beat(self, node: NodeRow, dead_ms: int) -> Beat:
        """Say that *node* lives; one without a beat for *dead_ms* is dead."""
        now_ms = self._clock()
        known = self._nodes.get(node.id)
        started_ms = known.started_ms if known else now_ms
        self._nodes[node.id] = msgspec.structs.replace(node, started_ms=started_ms, beat_ms=now_ms)
        self._nodes = {key: one for key, one in self._nodes.items() if one.beat_ms > now_ms - NODE_KEPT_MS}
        alive = [one for one in self._nodes.values() if one.beat_ms > now_ms - dead_ms]
        return Beat(now_ms, sorted(alive, key=lambda one: (one.started_ms, one.id)))

    async def forget_node(self, node_id: str) -> None:
        """Note that a node has stopped."""
        self._nodes.pop(node_id, None)

    async def notify(self, payload: str) -> None:
        """Tell all nodes that listen."""
        self._notices.notify(payload)

    async def listen(self, heard: Heard) -> None:
        """Call *heard* with each notice until cancelled; with None at first."""
        await self._notices.listen(heard)

    # workflows
    async def load(self, workflow_ids: Sequence[str]) -> dict[str, StoredWorkflow]:
        """Return header, payloads and all tasks (by seq) of those workflows that exist."""
        return {name: self._load(self._workflows[name]) for name in workflow_ids if name in self._workflows}

    def _load(self, stored: _Stored) -> StoredWorkflow:
        payloads = (stored.input, stored.output, stored.variables)
        return StoredWorkflow(_decode_head(stored.head), stored.row, *payloads, list(stored.tasks_in_order()))

    async def commit(self, transitions: Sequence[Transition]) -> list[bool]:
        """Write all transitions but the stale ones; nothing at all when one can't be encoded."""
        return [self._write(change) for change in [_Change.of(transition) for transition in transitions]]

    def _write(self, change: _Change) -> bool:
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
            stored = self._workflows[name] = _Stored(self._last_row, b"", 0)
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

    def _write_head(self, stored: _Stored, change: _Change) -> None:
        stored.head, stored.version = change.body, change.head.version
        self._wakes.pop(change.head.id, None)
        if change.head.wake_ms > 0:
            self._wakes[change.head.id] = change.head.wake_ms

    @staticmethod
    def _write_payloads(stored: _Stored, transition: Transition) -> None:
        workflow: Workflow = transition.workflow
        is_new = transition.expected_version < 0
        if transition.input_changed or is_new:
            stored.input = bytes(workflow.input)
        if transition.output_changed or is_new:
            stored.output = bytes(workflow.output)
        if transition.variables_changed or is_new:
            stored.variables = bytes(workflow.variables)

    @staticmethod
    def _write_tasks(stored: _Stored, change: _Change) -> None:
        if change.transition.deleted_all:
            stored.tasks.clear()
        for seq in change.transition.deleted:
            stored.tasks.pop(seq, None)
        stored.tasks |= change.tasks

    def _write_queue(self, stored: _Stored, transition: Transition) -> None:
        everything = transition.dequeued_all or transition.removed
        for seq in list(stored.queued) if everything else transition.dequeued:
            self._dequeue(stored, seq)
        for seq, row in {} if transition.removed else transition.enqueued.items():
            self._dequeue(stored, seq)
            stored.queued[seq] = row
            self._queues.setdefault(row.queue, {})[stored.row, seq] = row

    def _dequeue(self, stored: _Stored, seq: int) -> None:
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

    async def versions(self, workflow_ids: Sequence[str]) -> dict[str, int]:
        """Return the versions of those workflows that exist."""
        return {name: self._workflows[name].version for name in workflow_ids if name in self._workflows}

    async def exists(self, workflow_id: str) -> bool:
        """Whether the workflow is stored."""
        return workflow_id in self._workflows

    def _heads(self) -> Iterator[Head]:
        return (_decode_head(stored.head) for stored in self._workflows.values())

    async def running_ids(self, name: str, version: int, *, from_ms: int = 0, to_ms: int = 0) -> list[str]:
        """Return ids of open workflows of a definition, the earliest first; version 0 means any."""
        found = [
            head
            for head in self._heads()
            if head.name == name
            and version in {0, head.def_version}
            and head.status not in WORKFLOW_TERMINAL
            and from_ms <= head.created_ms <= (to_ms or head.created_ms)
        ]
        found.sort(key=lambda head: head.created_ms)
        return [head.id for head in found[:RUNNING_IDS_MAX]]

    async def open_heads(self, name: str, status: str, after: Head | None, limit: int) -> list[Head]:
        """Return headers of workflows of a definition with an open status, by start time, those after one of them."""
        heads = sorted(self._heads(), key=lambda head: (head.created_ms, self._workflows[head.id].row))
        first = [head.id for head in heads].index(after.id) + 1 if after is not None else 0
        return [head for head in heads[first:] if head.name == name and head.status == status][:limit]

    async def correlated(self, name: str, correlation_ids: Sequence[str], *, closed: bool) -> dict[str, list[str]]:
        """Return the workflow ids of each correlation id, in the order of arrival; only open ones unless *closed*."""
        found: dict[str, list[str]] = {correlation_id: [] for correlation_id in correlation_ids}
        for head in self._heads():
            if head.name == name and head.correlation_id in found and (closed or head.status not in WORKFLOW_TERMINAL):
                found[head.correlation_id].append(head.id)
        return found

    async def by_idempotency_key(self, name: str, key: str) -> str | None:
        """Return the id of the latest workflow of *name* that was started with *key*."""
        found = [head.id for head in self._heads() if head.name == name and head.idempotency_key == key]
        return found[-1] if found else None

    async def claim_key(self, name: str, key: str, workflow_id: str, replaces: str) -> str:
        """Return the id that a start with *key* is to use."""
        return self._key_claims.claim(name, key, workflow_id, replaces)

    # ended workflows that have no parent
    async def ended_kinds(self) -> list[tuple[str, str]]:
        """Return name and status of all of them, each pair once."""
        return sorted({(head.name, head.status) for head in self._ended()})

    async def ended(self, name: str, status: str, before_ms: int, limit: int) -> list[Ended]:
        """Return up to *limit* that ended before *before_ms*, the longest ended first."""
        return [Ended(head.id, head.version) for head in self._ended_before(name, status, before_ms)[:limit]]

    async def count_ended(self, name: str, status: str, before_ms: int) -> tuple[int, int]:
        """Return how many ended before *before_ms*, and when the first did."""
        found = self._ended_before(name, status, before_ms)
        return len(found), found[0].ended_ms if found else 0

    def _ended(self) -> Iterator[Head]:
        return (head for head in self._heads() if head.ended_ms > 0 and head.parent_id is None)

    def _ended_before(self, name: str, status: str, before_ms: int) -> list[Head]:
        found = [one for one in self._ended() if (one.name, one.status) == (name, status) and one.ended_ms < before_ms]
        return sorted(found, key=lambda head: head.ended_ms)

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[bool]:  # noqa: ARG002 (of the port)
        """Say True: there is one node."""
        yield True

    # queues and time
    async def ready(self, queue: str, now_ms: int, limit: int, reserve_ms: int = 0) -> list[QueueRow]:
        """Return visible rows of a queue, best priority first, then the longest visible."""
        visible = [(key, row) for key, row in self._queues.get(queue, {}).items() if row.visible_ms <= now_ms]
        if reserve_ms:
            visible = [(key, row) for key, row in visible if self._reserved.get(key, 0) <= now_ms]
        found = heapq.nsmallest(limit, visible, key=_queue_order)
        if reserve_ms:
            self._reserved |= {key: now_ms + reserve_ms for key, _ in found}
        return [row for _, row in found]

    async def release(self, rows: Sequence[QueueRow]) -> None:
        """Take back the reservation of rows."""
        for row in rows:
            stored = self._workflows.get(row.workflow_id)
            if stored is not None:
                self._reserved.pop((stored.row, row.seq), None)

    async def visible_queues(self, queues: Sequence[str], now_ms: int) -> list[str]:
        """Return those of the queues that have a visible row."""
        return [queue for queue in queues if await self.ready(queue, now_ms, 1)]

    async def next_visible_ms(self, queue: str, after_ms: int = -1) -> int:
        """Return when the first row of a queue becomes visible after a time; 0 when there is none."""
        times = (row.visible_ms for row in self._queues.get(queue, {}).values())
        return min((visible_ms for visible_ms in times if visible_ms > after_ms), default=0)

    async def due(self, now_ms: int, limit: int) -> list[str]:
        """Return the ids of workflows whose wake-up has come, the earliest first."""
        due = [(wake_ms, self._workflows[name].row, name) for name, wake_ms in self._wakes.items() if wake_ms <= now_ms]
        return [name for _, _, name in heapq.nsmallest(limit, due)]

    async def next_wake_ms(self, after_ms: int = 0) -> int:
        """Return the earliest wake-up of all workflows that is later than *after_ms*; 0 when there is none."""
        return min((wake_ms for wake_ms in self._wakes.values() if wake_ms > after_ms), default=0)

    async def messages(self, after_id: int, limit: int) -> list[Message]:
        """Return messages of the outbox, in order."""
        return [self._messages[number] for number in sorted(self._messages) if number > after_id][:limit]

    async def pending(self, ids: Sequence[int]) -> list[Message]:
        """Return those of the messages that are in the outbox still, in order."""
        return [self._messages[number] for number in sorted(set(ids)) if number in self._messages]

    async def claim(self, message_id: int, node_id: str, ttl_ms: int) -> bool:
        """Keep a message for one node; False when it is gone, or another one has claimed it within *ttl_ms*."""
        if message_id not in self._messages:
            self._claims.pop(message_id, None)
            return False
        owner, claimed_ms = self._claims.get(message_id, (node_id, 0))
        if owner != node_id and claimed_ms > self._clock() - ttl_ms:
            return False
        self._claims[message_id] = (node_id, self._clock())
        return True

    async def drop_messages(self, ids: Sequence[int]) -> None:
        """Delete messages that were handled outside of a workflow's commit."""
        for number in ids:
            self._messages.pop(number, None)
            self._claims.pop(number, None)

    # slots
    async def slots_taken(self, scopes: Sequence[str]) -> dict[str, int]:
        """Return how many slots are taken in those of *scopes* that are known."""
        return {scope: self._slots.taken(scope) for scope in scopes if scope in self._slots.capacities}

    async def next_in_line(self, limit: int, scope: str = "") -> list[str]:
        """Return workflows that wait and for which there is room, the longest waiting of each scope first."""
        return self._slots.next_in_line(scope)[:limit]

    async def tidy_slots(self, limit: int) -> int:
        """Free slots of what is not in progress any more, forget scopes without any; returns how many those were."""
        return self._slots.tidy(self._is_in_progress, limit)

    def _is_in_progress(self, name: str, seq: int) -> bool:
        """Whether a task is at work; with 0, whether the workflow is open."""
        stored = self._workflows.get(name)
        if stored is None or not seq:
            return stored is not None and _decode_head(stored.head).status not in WORKFLOW_TERMINAL
        return seq in stored.tasks and _decode_task(stored.tasks[seq]).status == IN_PROGRESS

    async def queue_sizes(self) -> list[QueueSize]:
        """Return each queue's number of waiting rows."""
        return [QueueSize(queue, len(rows)) for queue, rows in sorted(self._queues.items())]

    # tasks
    async def tasks(self, workflow_id: str, *, after_seq: int = 0, limit: int = 0) -> list[Task]:
        """Return the tasks of a workflow by seq; limit 0 means all."""
        stored = self._workflows.get(workflow_id)
        seqs = sorted(seq for seq in stored.tasks if seq > after_seq) if stored else []
        return [_decode_task(stored.tasks[seq]) for seq in seqs[: limit or None]] if stored else []

    async def task(self, workflow_id: str, seq: int) -> Task | None:
        """Return one task."""
        stored = self._workflows.get(workflow_id)
        return _decode_task(stored.tasks[seq]) if stored and seq in stored.tasks else None

    async def open_tasks(self, queue: str, start: int, count: int) -> list[tuple[str, Task]]:
        """Return waiting tasks of a queue with their workflow ids, in the order of the queue."""
        rows = [row for _, row in sorted(self._queues.get(queue, {}).items(), key=_queue_order)]
        found = [(row.workflow_id, await self.task(row.workflow_id, row.seq)) for row in rows[start : start + count]]
        return [(workflow_id, task) for workflow_id, task in found if task is not None]

    async def open_counts(self, limit: int) -> dict[str, int]:
        """Return how many workflows are open, by definition."""
        counts = Counter(head.name for head in self._heads() if head.status not in WORKFLOW_TERMINAL)
        return dict(sorted(counts.items())[:limit])

    async def in_progress_counts(self, names: Collection[str]) -> dict[str, int]:
        """Return how many tasks of each task definition are in progress in open workflows."""
        counts = dict.fromkeys(names, 0)
        is_open = (
            stored for stored in self._workflows.values() if _decode_head(stored.head).status not in WORKFLOW_TERMINAL
        )
        for stored in is_open:
            for task in stored.tasks_in_order():
                if task.status == IN_PROGRESS and task.name in counts and task.runs != "engine":
                    counts[task.name] += 1
        return counts

    async def add_logs(self, workflow_id: str, seq: int, logs: Sequence[TaskLog]) -> None:
        """Append log lines to a task, which need not exist; the newest 10,000 are kept."""
        for log in logs:
            self._add_log(workflow_id, seq, log)

    def _add_log(self, workflow_id: str, seq: int, log: TaskLog) -> None:
        lines = self._logs.setdefault((workflow_id, seq), [])
        lines.append(TaskLog(log.log, task_id(workflow_id, seq), log.createdTime))
        del lines[:-LOGS_MAX]

    async def logs(self, workflow_id: str, seq: int) -> list[TaskLog]:
        """Return the log lines of a task, the oldest first."""
        return list(self._logs.get((workflow_id, seq), []))

    # search
    async def search_workflows(self, search: Search) -> Page[WorkflowRow]:
        """Return one page of workflows and the number of all that match."""
        found = []
        for stored in self._workflows.values():
            head = _decode_head(stored.head)
            values = match.workflow_values(head)
            if match.is_hit(search, values, lambda h=head, s=stored: match.workflow_text(h, s.input, s.output)):  # type: ignore[misc]
                payloads = (stored.input, stored.output) if search.payloads else ()
                found.append((values, WorkflowRow(head, *payloads)))
        return match.page(search, found)

    async def search_tasks(self, search: Search) -> Page[TaskRow]:
        """Return one page of tasks and the number of all that match."""
        found = []
        for stored in self._workflows.values():
            head = _decode_head(stored.head)
            for task in stored.tasks_in_order():
                values = match.task_values(head, task)
                if match.is_hit(search, values, lambda h=head, t=task: match.task_text(h, t)):  # type: ignore[misc]
                    found.append((values, TaskRow(head, task)))
        return match.page(search, found)

    # definitions and other documents
    async def put_document(self, document: Document, *, replace: bool = True) -> bool:
        """Store a document; False when it exists and *replace* is not set."""
        key = (document.kind, document.name, document.version)
        if key in self._documents and not replace:
            return False
        self._documents[key] = msgspec.structs.replace(document)
        return True

    async def swap_document(self, document: Document, before: bytes | None) -> bool:
        """Store a document if its body is still *before*, or if it does not exist where that is None."""
        found = self._documents.get((document.kind, document.name, document.version))
        return (found.body if found else None) == before and await self.put_document(document)

    async def document_stamps(self, kinds: Sequence[str]) -> dict[str, str]:
        """Return a text for each of *kinds* that changes with its documents."""
        found = {kind: [one for key, one in self._documents.items() if key[0] == kind] for kind in kinds}
        return {
            kind: f"{len(all_)} {sum(one.updated_ms for one in all_)} {sum(len(one.body) for one in all_)}"
            for kind, all_ in found.items()
            if all_
        }

    async def delete_document(self, kind: str, name: str, version: int = 0) -> bool:
        """Delete a document; False when there was none."""
        return self._documents.pop((kind, name, version), None) is not None

    async def document(self, kind: str, name: str, version: int = 0) -> Document | None:
        """Return one document."""
        found = self._documents.get((kind, name, version))
        return found and msgspec.structs.replace(found)

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by name and version."""
        return [msgspec.structs.replace(self._documents[key]) for key in sorted(self._documents) if key[0] == kind]

    async def put_definition(self, def_hash: str, body: bytes) -> None:
        """Keep a bound definition under its content hash."""
        self._definitions.setdefault(def_hash, body)

    async def definition(self, def_hash: str) -> bytes | None:
        """Return a bound definition."""
        return self._definitions.get(def_hash)

    async def add_event_execution(self, execution: EventExecution, *, replace: bool = False) -> bool:
        """Record the execution of an event action; False when it is recorded already and *replace* is not set."""
        if execution.id in self._event_executions and not replace:
            return False
        self._event_executions[execution.id] = msgspec.structs.replace(execution)
        return True

    async def event_execution(self, execution_id: str) -> EventExecution | None:
        """Return one execution."""
        found = self._event_executions.get(execution_id)
        return msgspec.structs.replace(found) if found else None

    async def event_executions(self, handler: str, limit: int) -> list[EventExecution]:
        """Return the newest executions of a handler, or of all handlers for an empty name."""
        newest = reversed(self._event_executions.values())
        return [msgspec.structs.replace(each) for each in newest if handler in {"", each.handler}][:limit]

    async def drop_event_executions(self, before_ms: int, limit: int) -> int:
        """Delete at most *limit* of the oldest executions, those before *before_ms*; returns how many those were."""
        oldest = itertools.islice(self._event_executions.values(), limit)
        old = [one.id for one in itertools.takewhile(lambda one: one.created_ms < before_ms, oldest)]
        for key in old:
            del self._event_executions[key]
        return len(old)

    # check
    async def check(self) -> AsyncIterator[str]:
        """Yield one line for each broken promise; nothing when all is well."""
        for stored in list(self._workflows.values()):
            for fault in faults(self._facts(stored)):
                yield fault
        for fault in self._slots.faults(self._is_in_progress):
            yield fault

    def _facts(self, stored: _Stored) -> Facts:
        head = _decode_head(stored.head)
        return Facts(
            head,
            [task for task in stored.tasks_in_order() if task.is_open],
            max(stored.tasks, default=0),
            {seq: row.queue for seq, row in stored.queued.items()},
            head.def_hash in self._definitions,
            self._status_of,
            lambda name: any(message.target == name for message in self._messages.values()),
        )

    def _status_of(self, name: str) -> str | None:
        stored = self._workflows.get(name)
        return _decode_head(stored.head).status if stored else None


def _queue_order(entry: tuple[tuple[int, int], QueueRow]) -> tuple[int, int, tuple[int, int]]:
    key, row = entry
    return (-row.priority, row.visible_ms, key)
