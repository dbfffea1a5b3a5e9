"""The persistence port: what the rest of podium may ask of a database.

One transaction holds any number of transitions, each guarded by its workflow's version. An adapter promises: all of
a transition or nothing of it; nothing of a transition whose version is stale; an answer only when the data is
durable. Adapters keep no rules of the engine. The suite in tests/contract holds for every adapter.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from podium.model.task import Task, TaskLog
from podium.model.transition import Message, QueueRow, Transition
from podium.model.workflow import Head
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

__all__ = ["Store"]


class Store(Protocol):
    """A database with the workflows, their tasks, queues, wake-ups and messages, and the definitions."""

    @property
    def is_shared(self) -> bool:
        """Whether other nodes may use the database at the same time."""

    async def open(self) -> None:
        """Connect and bring the schema up to date."""

    async def close(self) -> None:
        """Finish what was begun and release the database."""

    async def now_ms(self) -> int:
        """Return the time of the database, by which all nodes agree."""

    # other nodes
    async def beat(self, node: NodeRow, dead_ms: int) -> Beat:
        """Say that *node* lives; one without a beat for *dead_ms* is dead, and forgotten some time later."""

    async def forget_node(self, node_id: str) -> None:
        """Note that a node has stopped."""

    async def notify(self, payload: str) -> None:
        """Tell all nodes that listen, this one too, a text of less than 8,000 bytes; it may be lost."""

    async def listen(self, heard: Callable[[str | None], None]) -> None:
        """Call *heard* with each notice until cancelled; with None at first, and whenever some may have been lost."""

    # workflows
    async def load(self, workflow_ids: Sequence[str]) -> dict[str, StoredWorkflow]:
        """Return header, payloads and all tasks (by seq) of those workflows that exist."""

    async def commit(self, transitions: Sequence[Transition]) -> list[bool]:
        """Write all transitions in one durable transaction.

        The answer says for each whether its version held; a stale one is left out, the others are written. One that
        applies a message which is not in the outbox any more is stale as well: somebody has applied it. For each one
        that is written the header's `version` is stored as it is in the workflow (the caller raised it), and
        `workflow.row` is set when the store has a key of its own. Its `messages` have their ids then. What is written
        is the state at the call, before the first wait. A failure is Unavailable, nothing was written then. Changes of
        one workflow in one commit count in their order, each with a Workflow object of its own.

        A store that is shared refuses a transition that takes a slot where there is no room: it is left out like a
        stale one, and its `refused` says in which scope. Another one heeds none: its node keeps limits in memory.
        """

    async def versions(self, workflow_ids: Sequence[str]) -> dict[str, int]:
        """Return the versions of those workflows that exist."""

    async def exists(self, workflow_id: str) -> bool:
        """Whether the workflow is stored."""

    # ended workflows that have no parent
    async def ended_kinds(self) -> list[tuple[str, str]]:
        """Return name and status of all of them, each pair once."""

    async def ended(self, name: str, status: str, before_ms: int, limit: int) -> list[Ended]:
        """Return up to *limit* that ended before *before_ms*, the longest ended first."""

    async def count_ended(self, name: str, status: str, before_ms: int) -> tuple[int, int]:
        """Return how many ended before *before_ms*, counted up to a million, and when the first did; 0 without any."""

    def alone(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Do something on one node only: False within while another node holds *name*, which ends with that node."""

    # queues and time
    async def ready(self, queue: str, now_ms: int, limit: int, reserve_ms: int = 0) -> list[QueueRow]:
        """Return up to *limit* rows of *queue* that are visible, best priority first, then the longest visible.

        With *reserve_ms* nobody who reserves gets them again for so long; where there is one node only it has no
        effect. It spares nodes the meeting at the same rows, and is no lease.
        """

    async def release(self, rows: Sequence[QueueRow]) -> None:
        """Take back the reservation of rows."""

    async def visible_queues(self, queues: Sequence[str], now_ms: int) -> list[str]:
        """Return those of the queues that have a visible row."""

    async def next_visible_ms(self, queue: str, after_ms: int = -1) -> int:
        """Return when the first row of *queue* becomes visible after a time; 0 when there is none."""

    async def due(self, now_ms: int, limit: int) -> list[str]:
        """Return the ids of workflows whose wake-up has come, the earliest first."""

    async def next_wake_ms(self, after_ms: int = 0) -> int:
        """Return the earliest wake-up of all workflows that is later than *after_ms*; 0 when there is none."""

    async def messages(self, after_id: int, limit: int) -> list[Message]:
        """Return messages of the outbox with an id above *after_id*, in order."""

    async def pending(self, ids: Sequence[int]) -> list[Message]:
        """Return those of the messages that are in the outbox still, in order."""

    async def claim(self, message_id: int, node_id: str, ttl_ms: int) -> bool:
        """Keep a message for one node; False when it is gone, or another one has claimed it within *ttl_ms*."""

    async def drop_messages(self, ids: Sequence[int]) -> None:
        """Delete messages that were handled outside of a workflow's commit."""

    async def queue_sizes(self) -> list[QueueSize]:
        """Return each queue's number of waiting and of leased rows."""

    # slots, in a store that is shared
    async def slots_taken(self, scopes: Sequence[str]) -> dict[str, int]:
        """Return how many slots are taken in those of *scopes* that are known."""

    async def next_in_line(self, limit: int, scope: str = "") -> list[str]:
        """Return workflows that wait and for which there is room, the longest waiting of each scope first."""

    async def tidy_slots(self, limit: int) -> int:
        """Free slots of what is not in progress any more, forget scopes without any; returns how many those were.

        A slot leaks when its task ends while its definition has no limit, or its workflow under a version without.
        """

    # reading
    async def tasks(self, workflow_id: str, *, after_seq: int = 0, limit: int = 0) -> list[Task]:
        """Return the tasks of a workflow by seq; limit 0 means all."""

    async def task(self, workflow_id: str, seq: int) -> Task | None:
        """Return one task."""

    async def add_logs(self, workflow_id: str, seq: int, logs: Sequence[TaskLog]) -> None:
        """Append log lines to a task, which need not exist; at most 10,000 lines per task are kept."""

    async def logs(self, workflow_id: str, seq: int) -> list[TaskLog]:
        """Return the log lines of a task, the oldest first."""

    async def search_workflows(self, search: Search) -> Page[WorkflowRow]:
        """Return one page of workflows and the number of all that match."""

    async def search_tasks(self, search: Search) -> Page[TaskRow]:
        """Return one page of tasks and the number of all that match."""

    async def running_ids(self, name: str, version: int, *, from_ms: int = 0, to_ms: int = 0) -> list[str]:
        """Return ids of open workflows of a definition (at most 10,000), by start time when a range is given."""

    async def open_heads(self, name: str, status: str, after: Head | None, limit: int) -> list[Head]:
        """Return headers of workflows of a definition with an open status, by start time, those after one of them."""

    async def correlated(self, name: str, correlation_ids: Sequence[str], *, closed: bool) -> dict[str, list[str]]:
        """Return workflow ids by correlation id; only running ones unless *closed*."""

    async def by_idempotency_key(self, name: str, key: str) -> str | None:
        """Return the id of the latest workflow of *name* that was started with *key*."""

    async def claim_key(self, name: str, key: str, workflow_id: str, replaces: str) -> str:
        """Return the id that a start with *key* is to use: *workflow_id*, or that of a start that came before it.

        An earlier claim of the id *replaces* makes way. A claim holds for an hour at least; whoever gets the id of
        another start goes on with it, as that one may never have got there. At most 10,000 are held in memory.
        """

    async def open_tasks(self, queue: str, start: int, count: int) -> list[tuple[str, Task]]:
        """Return waiting tasks of a queue with their workflow ids."""

    async def open_counts(self, limit: int) -> dict[str, int]:
        """Return how many workflows are open, by definition, of *limit* definitions at most; reads an index."""

    async def in_progress_counts(self, names: Collection[str]) -> dict[str, int]:
        """Return how many tasks of open workflows are in progress, by task definition; slow, for the start only.

        Those that the engine itself runs do not count, whatever their name is: they are not handed out.
        """

    # definitions and other documents: (kind, name, version) -> JSON
    async def put_document(self, document: Document, *, replace: bool = True) -> bool:
        """Store a document; False when it exists and *replace* is not set."""

    async def swap_document(self, document: Document, before: bytes | None) -> bool:
        """Store a document if its body is still *before*, or if it does not exist where that is None."""

    async def document_stamps(self, kinds: Sequence[str]) -> dict[str, str]:
        """Return a text for each of *kinds* that changes with its documents; none for a kind without any."""

    async def delete_document(self, kind: str, name: str, version: int = 0) -> bool:
        """Delete a document; False when there was none."""

    async def document(self, kind: str, name: str, version: int = 0) -> Document | None:
        """Return one document."""

    async def documents(self, kind: str) -> list[Document]:
        """Return all documents of a kind, by name and version."""

    async def put_definition(self, def_hash: str, body: bytes) -> None:
        """Keep a bound definition under its content hash; storing it again changes nothing."""

    async def definition(self, def_hash: str) -> bytes | None:
        """Return a bound definition."""

    async def add_event_execution(self, execution: EventExecution, *, replace: bool = False) -> bool:
        """Record the execution of an event action; False when it is recorded already and *replace* is not set."""

    async def event_execution(self, execution_id: str) -> EventExecution | None:
        """Return one execution."""

    async def event_executions(self, handler: str, limit: int) -> list[EventExecution]:
        """Return the newest executions of a handler, or of all handlers for an empty name."""

    async def drop_event_executions(self, before_ms: int, limit: int) -> int:
        """Delete at most *limit* of the oldest executions, those before *before_ms*; returns how many those were."""

    def check(self) -> AsyncIterator[str]:
        """Yield one line for each broken promise in the database; nothing when all is well."""
