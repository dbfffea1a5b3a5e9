"""Event queues as operators see them: what handlers did, which queues there are, and their configurations."""
# ruff: noqa: N815 (wire names)

from typing import Any

import msgspec
from msgspec import Raw

from podium.model.errors import InvalidRequest, NotFound, TooLarge
from podium.model.event import EventHandler
from podium.model.status import COMPLETED, FAILED
from podium.model.wire import Json, encode_json, parse_json
from podium.runtime.events import Incoming
from podium.runtime.node import Node
from podium.service.reading import Results
from podium.service.tasks import Tasks
from podium.store.records import Document, EventExecution

CONFIG = "queue_config"
CONFIG_CHARS_MAX = 65_536
CONFIGS_MAX = 1_000
EXECUTIONS_MAX = 1_000
MESSAGES_COUNTED_MAX = 1_000
INTERNAL = "conductor"
NOTIFY = f"{INTERNAL}_notify_"  # what upstream calls the queues that end tasks; here a call ends them directly


class HandledEvent(msgspec.Struct):
    """One handler in the event monitor."""

    event: str
    name: str
    active: bool
    numberOfActions: int
    numberOfMessages: int


class EventExecutionView(msgspec.Struct):
    """What one action of a handler did with one message."""

    id: str
    messageId: str
    name: str
    event: str
    created: int
    status: str
    action: str
    output: Raw


class EventMessage(msgspec.Struct):
    """A message, by what was done with it."""

    id: str
    eventTarget: str
    createdAt: int
    status: str
    eventExecutions: list[EventExecutionView]
    eventType: str = "MESSAGE"


class EventQueues:
    """Use cases of the event monitor and of queue administration."""

    def __init__(self, node: Node, tasks: Tasks) -> None:
        self._node = node
        self._tasks = tasks

    # ---- the monitor

    async def handled(self) -> Results:
        """Return the handlers with the number of messages that each has handled lately."""
        counts: dict[str, set[str]] = {}
        for one in await self._node.store.event_executions("", EXECUTIONS_MAX):
            counts.setdefault(one.handler, set()).add(one.message_id)
        found = [_handled(one, len(counts.get(name, ()))) for name, one in sorted(self._handlers().items())]
        return Results(len(found), found)

    async def executions(self, handler: str) -> list[EventExecutionView]:
        """Return what the actions of a handler did, the newest first."""
        return [_view(one) for one in await self._node.store.event_executions(handler, EXECUTIONS_MAX)]

    async def messages(self, event: str) -> list[EventMessage]:
        """Return the messages of an event that were handled, the newest first."""
        found: dict[str, EventMessage] = {}
        for name in [name for name, one in self._handlers().items() if one.event == event]:
            for one in await self._node.store.event_executions(name, EXECUTIONS_MAX):
                message = EventMessage(one.message_id, event, one.created_ms, "HANDLED", [])
                found.setdefault(one.message_id, message).eventExecutions.append(_view(one))
        return sorted(found.values(), key=lambda message: -message.createdAt)

    async def receive(self, message: dict[str, Json]) -> None:
        """Run the handlers of the queue that `event` names, with the whole message as the payload."""
        event = message.get("event")
        if not isinstance(event, str) or ":" not in event:
            raise InvalidRequest("event: expected the name of an event, such as conductor:orders")
        given = message.get("id")
        message_id = given if isinstance(given, str) and given else self._node.clock.new_workflow_id()
        await self._node.events.handle(event, Incoming(message_id, encode_json(message), is_foreign=True, is_last=True))

    def _handlers(self) -> dict[str, EventHandler]:
        return self._node.catalog.event_handlers

    # ---- queues

    async def queues(self, verbose: bool) -> dict[str, Any]:
        """Return the queues that active handlers listen to; verbose, with the messages that wait in each."""
        events = sorted({one.event for one in self._handlers().values() if one.active})
        if not verbose:
            return {event: event.partition(":")[2] for event in events}
        waiting = await self._node.store.messages(0, MESSAGES_COUNTED_MAX)
        sizes = {event: sum(one.target == event for one in waiting) for event in events}
        return {event: {event.partition(":")[2]: size} for event, size in sizes.items()}

    async def notify_queues(self) -> dict[str, str]:
        """Return the queues by which messages end tasks."""
        return {status: f"{NOTIFY}{status}" for status in (COMPLETED, FAILED)}

    async def notify_sizes(self) -> dict[str, int]:
        """Return how many messages wait in these queues: none, as they are taken at once."""
        return dict.fromkeys((await self.notify_queues()).values(), 0)

    async def notify_by_ref(self, workflow_id: str, ref: str, status: str, output: dict[str, Json]) -> None:
        """End the open task of a reference name; no such task is no error."""
        await self._tasks.update_by_ref(workflow_id, ref, _ending(status), None, output)

    async def notify_by_id(self, workflow_id: str, task_id: str, status: str, output: dict[str, Json]) -> None:
        """End a task by its id; one that has ended or is not there is no error."""
        await self._tasks.update_by_id(workflow_id, task_id, _ending(status), output)

    # ---- configurations

    async def configs(self) -> dict[str, str]:
        """Return the configured queues, `type:name`, with their configurations as text."""
        return {one.name: one.body.decode() for one in await self._node.store.documents(CONFIG)}

    async def config(self, kind: str, name: str) -> Any:
        """Return the configuration of a queue."""
        found = await self._node.store.document(CONFIG, f"{kind}:{name}")
        if found is None:
            raise NotFound(f"There is no configuration of queue {kind[:100]}:{name[:100]}")
        return parse_json(found.body)

    async def put_config(self, kind: str, name: str, text: str) -> None:
        """Store the configuration of a queue, a JSON object."""
        if len(text) > CONFIG_CHARS_MAX:
            raise TooLarge(f"The configuration has {len(text)} characters, at most {CONFIG_CHARS_MAX} are possible")
        value = parse_json(text.encode())
        if isinstance(value, str):  # some clients send it as JSON text inside of JSON
            value = parse_json(value.encode())
        if not isinstance(value, dict):
            raise InvalidRequest("The configuration of a queue is a JSON object")
        if len(await self._node.store.documents(CONFIG)) >= CONFIGS_MAX:
            raise InvalidRequest(f"There are {CONFIGS_MAX} configurations already; delete some first")
        now_ms = self._node.clock.now_ms()
        await self._node.store.put_document(Document(CONFIG, f"{kind}:{name}", 0, encode_json(value), now_ms))

    async def delete_config(self, kind: str, name: str) -> None:
        """Delete the configuration of a queue; one that is not there is no error."""
        await self._node.store.delete_document(CONFIG, f"{kind}:{name}")


def _handled(handler: EventHandler, messages: int) -> HandledEvent:
    return HandledEvent(handler.event, handler.name, handler.active, len(handler.actions), messages)


def _view(one: EventExecution) -> EventExecutionView:
    output = Raw(one.output)
    return EventExecutionView(
        one.id, one.message_id, one.handler, one.event, one.created_ms, one.status, one.action, output
    )


def _ending(status: str) -> str:
    if status.upper() not in (COMPLETED, FAILED):
        raise InvalidRequest(f"There is no queue for handling {status[:100]} status; expected {COMPLETED} or {FAILED}")
    return status.upper()
