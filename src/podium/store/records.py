"""Row shapes that all adapters share."""

from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

import msgspec

from podium.model.task import EMPTY, Task
from podium.model.workflow import Head

T = TypeVar("T")


@dataclass(slots=True)
class StoredWorkflow:
    """A workflow as it lies in the store: header, payloads and all tasks in the order of seq."""

    head: Head
    row: int = 0
    input: bytes = EMPTY
    output: bytes = EMPTY
    variables: bytes = EMPTY
    tasks: list[Task] = field(default_factory=list)


class Document(msgspec.Struct):
    """A definition or another named object: `body` is its JSON as it is shown to clients."""

    kind: str  # "task_def", "workflow_def", "event_handler", …
    name: str
    version: int
    body: bytes
    updated_ms: int = 0


@dataclass(slots=True)
class WorkflowRow:
    """A search hit; payloads are there when the search asked for them."""

    head: Head
    input: bytes = EMPTY
    output: bytes = EMPTY


class Ended(NamedTuple):
    """An ended workflow as it was found: whoever changes it later raises its version."""

    id: str
    version: int


@dataclass(slots=True)
class TaskRow:
    """A search hit."""

    head: Head
    task: Task


@dataclass(slots=True)
class Page(Generic[T]):
    """One page of hits and the number of all hits."""

    total: int
    rows: list[T]


@dataclass(slots=True)
class QueueSize:
    """How full a queue is."""

    queue: str
    waiting: int
    leased: int = 0


class EventExecution(msgspec.Struct):
    """What one action of an event handler did with one message."""

    id: str
    handler: str
    event: str
    message_id: str
    action: str
    status: str
    created_ms: int
    output: bytes = EMPTY


class NodeRow(msgspec.Struct, frozen=True):
    """A server process that uses the database; times are the database's."""

    id: str
    address: str = ""  # where its HTTP can be reached; empty when nobody has said
    version: str = ""  # of the program
    started_ms: int = 0
    beat_ms: int = 0


@dataclass(slots=True, frozen=True)
class Beat:
    """What a node learns by its beat: the time of the database, and which nodes are alive, itself among them."""

    now_ms: int
    nodes: list[NodeRow]
