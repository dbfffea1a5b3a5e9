"""The queue of messages that a workflow has for itself: pushed from outside, pulled by PULL_WORKFLOW_MESSAGES tasks.

It is a part of the header, so a message is stored with the commit that answers its sender, and leaves with the commit
that ends the task which pulled it. The header is written with each step; therefore the queue is bounded in bytes.
"""

from datetime import UTC, datetime
from typing import Any

from podium.engine.commands import PushMessage
from podium.engine.control import short_name
from podium.engine.session import Session, decode, encode
from podium.model.errors import Conflict, Overloaded
from podium.model.status import RUNNING
from podium.model.task import Task

PULL = "PULL_WORKFLOW_MESSAGES"
COUNT_MAX = 1_000
BYTES_MAX = 256 * 1024
BATCH_MAX = 100


def push(session: Session, command: PushMessage) -> str:
    """Append a message and hand it to a task that waits; returns the message's id."""
    head = session.head
    if head.status != RUNNING:
        raise Conflict(f"Workflow {short_name(session)} is not running (status {head.status}): it takes no messages")
    received = (
        datetime.fromtimestamp(session.now_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )
    message = {"id": command.id, "workflowId": head.id, "payload": decode(command.payload), "receivedAt": received}
    text = encode(message)
    _check_room(session, len(text))
    head.messages = [*head.messages, text]
    session.change.is_changed = True
    for task in sorted(session.workflow.open.values(), key=lambda one: one.seq):
        if task.type == PULL and task.runs == "engine" and head.messages:
            pull(session, task)
    return command.id


def _check_room(session: Session, size: int) -> None:
    messages, name = session.head.messages, f"Workflow message queue for workflowId={session.head.id}"
    if len(messages) >= COUNT_MAX:
        raise Overloaded(f"{name} has reached the maximum size of {COUNT_MAX}")
    if sum(map(len, messages)) + size > BYTES_MAX:
        raise Overloaded(f"{name} has reached the maximum size of {BYTES_MAX} bytes")


def pull(session: Session, task: Task) -> None:
    """End *task* with the oldest messages; with none it goes on waiting unless it is told not to."""
    given, head = session.value(task, "input"), session.head
    if not head.messages and given.get("blocking") not in (False, "false"):
        return
    size = _batch_size(given.get("batchSize"))
    taken, head.messages = head.messages[:size], head.messages[size:]
    session.finish(task, output=encode({"messages": [decode(one) for one in taken], "count": len(taken)}))


def _batch_size(value: Any) -> int:
    try:
        return min(max(int(value), 1), BATCH_MAX)
    except (TypeError, ValueError, OverflowError):
        return 1
