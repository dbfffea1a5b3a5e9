"""Event queues outside of podium: what is published goes to them, and what they bring goes to the event handlers.

What can't be sent now stays in the outbox, and is sent when its broker can be reached again. A message that arrives is
acknowledged when all that its handlers want is committed; one that breaks its handlers again and again ends with a
record. Which queues are listened to follows from the active handlers.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from podium.events import Broker, Delivery
from podium.model.errors import PodiumError, QueueUnavailable
from podium.runtime.catalog import Catalog
from podium.runtime.events import Events, Incoming

LOOK_S = 0.5
AGAIN_S = 1.0
ATTEMPTS_MAX = 5
LISTENERS_MAX = 1_000

log = logging.getLogger(__name__)


class Brokers:
    """The brokers of a node by the prefix of their events; None stands for one that is not set up."""

    def __init__(self, brokers: Mapping[str, Broker | None], events: Events, catalog: Catalog) -> None:
        self._brokers = brokers
        self._events = events
        self._catalog = catalog
        self._listeners: dict[str, asyncio.Task[None]] = {}
        self._recoveries: dict[str, asyncio.Task[None]] = {}
        self.on_ready: Callable[[], None] = lambda: None

    def has_queue(self, provider: str) -> bool:
        """Whether messages can be published with this prefix."""
        return self._brokers.get(provider) is not None

    # ---- out

    async def handle(self, queue: str, message_id: str, body: bytes) -> None:
        """Bring an event of the outbox to its broker, or to the handlers when its queue is inside of podium."""
        provider, _, address = queue.partition(":")
        if provider not in self._brokers:
            await self._events.handle(queue, Incoming(message_id, body, is_last=True))
            return
        broker = self._brokers[provider]
        if broker is None:
            raise QueueUnavailable(f"Event queues {provider} are not set up, so a message for {queue[:100]} waits")
        try:
            await broker.publish(address, message_id, body)
        except QueueUnavailable:
            self._recover(provider, broker)
            raise
        except PodiumError as error:
            log.error("a message for %s is not sent: %s", queue, error.message)
            await self._events.note_refused(queue, message_id, body, error.message)

    def _recover(self, provider: str, broker: Broker) -> None:
        """Have the outbox looked at again when the broker can be reached."""
        if provider not in self._recoveries:
            self._recoveries[provider] = asyncio.create_task(self._recovery(provider, broker))

    async def _recovery(self, provider: str, broker: Broker) -> None:
        try:
            await asyncio.sleep(AGAIN_S)
            await broker.ready()
        finally:
            self._recoveries.pop(provider, None)
        self.on_ready()

    # ---- in

    async def run(self) -> None:
        """Listen to the queues of active handlers, for ever."""
        while any(self._brokers.values()):
            wanted = self._wanted()
            for event in self._listeners.keys() - wanted:
                self._listeners.pop(event).cancel()
            for event in sorted(wanted - self._listeners.keys())[: LISTENERS_MAX - len(self._listeners)]:
                self._listeners[event] = asyncio.create_task(self._listen(event))
            await asyncio.sleep(LOOK_S)

    def _wanted(self) -> set[str]:
        handlers = self._catalog.event_handlers.values()
        return {one.event for one in handlers if one.active and self.has_queue(one.event.partition(":")[0])}

    async def _listen(self, event: str) -> None:
        provider, _, address = event.partition(":")
        broker = self._brokers[provider]

        async def receive(delivery: Delivery) -> None:
            await self._receive(event, delivery)

        while broker is not None:
            try:
                await broker.listen(address, receive)
            except Exception:
                log.exception("listening to %s failed", event)
            await asyncio.sleep(AGAIN_S)

    async def _receive(self, event: str, delivery: Delivery) -> None:
        incoming = Incoming(delivery.id, delivery.body, is_foreign=True, is_last=delivery.attempt >= ATTEMPTS_MAX)
        await self._events.handle(event, incoming)

    async def stop(self) -> None:
        """Take nothing more, and release the connections."""
        tasks = [*self._listeners.values(), *self._recoveries.values()]
        self._listeners.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for broker in {id(one): one for one in self._brokers.values() if one is not None}.values():
            await broker.close()
