"""The port for event queues outside of podium, and the way in which their providers are found.

A provider is a function under the entry point group `podium.event_queues`; the entry point's name is the prefix of its
events (`nats:orders`). podium's own come by the same door. Providers keep no rules of handlers: they carry messages.
"""

import importlib.metadata
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

GROUP = "podium.event_queues"


class Delivery(msgspec.Struct, frozen=True):
    """One delivery of a message; `id` is the same for each delivery of it, `attempt` counts them from 1."""

    id: str
    body: bytes
    attempt: int = 1


Receive = Callable[[Delivery], Awaitable[None]]


class Broker(Protocol):
    """A system of queues. An address is what follows the prefix and the colon in the name of an event."""

    async def publish(self, address: str, message_id: str, body: bytes) -> None:
        """Return when the broker has the message for good; a second one with an id that it knows counts once.

        `QueueUnavailable` when that can't be now; any other `PodiumError` when it never can.
        """

    async def ready(self) -> None:
        """Return when the broker can be reached, however long that takes."""

    async def listen(self, address: str, receive: Receive) -> None:
        """Hand each message of *address* to *receive*, some at a time, until cancelled.

        A message is acknowledged when *receive* returns, and given back for later when it raises. Of several nodes
        that listen, one gets a message. What breaks on the way to the broker is mended here.
        """

    async def close(self) -> None:
        """Release the connection."""


Provider = Callable[[Mapping[str, Any]], Broker | None]


def brokers(settings: Mapping[str, Any]) -> dict[str, Broker | None]:
    """Return the brokers by prefix; None for one that is installed and not set up. One provider has one broker."""
    made: dict[Provider, Broker | None] = {}
    found = {}
    for point in importlib.metadata.entry_points(group=GROUP):
        provider: Provider = point.load()
        if provider not in made:
            made[provider] = provider(settings)
        found[point.name] = made[provider]
    return found
