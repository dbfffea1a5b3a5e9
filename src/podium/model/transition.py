"""What a decision changes and causes: rows to write, and messages to other workflows and queues.

A transition is plain data. The store writes all of it in one transaction; the runtime hands out the tasks and wakes
whoever waits.
"""

from dataclasses import dataclass, field
from enum import IntEnum

import msgspec

from podium.model.task import Task, TaskLog
from podium.model.workflow import Workflow


class QueueRow(msgspec.Struct, array_like=True, frozen=True):
    """A task that waits in a queue: visible to pollers from `visible_ms` on; higher priority first."""

    queue: str
    workflow_id: str
    seq: int
    priority: int
    visible_ms: int
    name: str = ""  # task definition name, for its limits; empty for a task at work, which has its place


class Message(msgspec.Struct, array_like=True, frozen=True):
    """A command for another workflow, or an event; `number` is its place among the workflow's messages of this
    commit."""

    target: str  # workflow id, or the event queue
    kind: str  # "command" or "event"
    body: bytes
    id: int = 0  # given by the store


class KeptOutput(msgspec.Struct, frozen=True):
    """The output of a task that others with the same key may take over until a time."""

    name: str  # task definition
    key: str
    until_ms: int
    output: bytes


class SlotKind(IntEnum):
    """What happens to a slot."""

    FREE = 0
    FREE_ALL = 1  # of the workflow, in the scope
    TAKE = 2  # if there is room
    FORCE = 3  # in any case
    WAIT = 4


class Slot(msgspec.Struct, frozen=True):
    """A place under a limit that holds over all nodes; the workflow itself has `seq` 0."""

    scope: str
    kind: SlotKind
    seq: int = 0
    limit: int = 0


@dataclass(slots=True)
class Transition:
    """The change of one workflow in one commit."""

    workflow: Workflow
    expected_version: int  # -1: the workflow must not exist
    inserted: list[Task] = field(default_factory=list)
    updated: dict[int, Task] = field(default_factory=dict)
    deleted: list[int] = field(default_factory=list)
    deleted_all: bool = False  # every earlier task goes
    removed: bool = False  # the workflow itself goes
    input_changed: bool = False
    output_changed: bool = False
    variables_changed: bool = False
    enqueued: dict[int, QueueRow] = field(default_factory=dict)
    dequeued: set[int] = field(default_factory=set)
    dequeued_all: bool = False
    messages: list[Message] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)  # ids of outbox messages that this commit consumes
    logs: list[tuple[int, TaskLog]] = field(default_factory=list)
    leases: dict[str, int] = field(default_factory=dict)  # task definition -> tasks that began less those that ended
    kept: list[KeptOutput] = field(default_factory=list)  # for the runtime's memory; not stored
    slots: list[Slot] = field(default_factory=list)  # only for a store that several nodes share
    refused: str = ""  # by the store: the scope in which there was no room, then nothing was written
    is_changed: bool = False
