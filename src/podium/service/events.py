"""Event handlers: registration, reading, removal."""

import asyncio

from podium.model.errors import Conflict, NotFound, ValidationFailed
from podium.model.event import EventHandler
from podium.model.rules import check_event_handler
from podium.runtime.node import Node


class Events:
    """Use cases around event handlers; every change is in the store before it is answered."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._writing = asyncio.Lock()  # so that of two handlers of one name only one is the first

    async def add(self, handlers: list[EventHandler]) -> None:
        """Register handlers under new names; all are checked before the first is stored."""
        async with self._writing:
            for handler in handlers:
                _check(handler, "addEventHandler.arg0")
                if handler.name in self._node.catalog.event_handlers:
                    raise Conflict(f"EventHandler with name {handler.name} already exists!")
            for handler in handlers:
                await self._node.catalog.put_event_handler(handler, self._node.clock.now_ms())

    async def update(self, handler: EventHandler) -> None:
        """Replace a handler."""
        _check(handler, "updateEventHandler.arg0")
        if handler.name not in self._node.catalog.event_handlers:
            raise _unknown(handler.name)
        await self._node.catalog.put_event_handler(handler, self._node.clock.now_ms())

    async def remove(self, name: str) -> None:
        """Remove a handler."""
        if not await self._node.catalog.delete_event_handler(name):
            raise _unknown(name)

    async def handler(self, name: str) -> EventHandler:
        """Return one handler."""
        found = self._node.catalog.event_handlers.get(name)
        if found is None:
            raise _unknown(name)
        return found

    async def handlers(self) -> list[EventHandler]:
        """Return all handlers by name."""
        return [handler for _, handler in sorted(self._node.catalog.event_handlers.items())]

    async def handlers_of(self, event: str, active_only: bool) -> list[EventHandler]:
        """Return the handlers of one event (`type:queue`)."""
        return [one for one in await self.handlers() if one.event == event and (one.active or not active_only)]


def _check(handler: EventHandler, at: str) -> None:
    broken = check_event_handler(handler, at)
    if broken:
        raise ValidationFailed(broken)


def _unknown(name: str) -> NotFound:
    return NotFound(f"EventHandler with name {name} not found!")
