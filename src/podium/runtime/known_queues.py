"""What a node knows of the queues in the store: which hold nothing visible now, and when to look at one again.

A poll for a queue that is known to be empty costs no query. What makes a queue worth a look (a commit of this node,
another node's news, a time that has come) takes that knowledge away.
"""

import asyncio
from collections.abc import Callable


class KnownQueues:
    """The queues in which nothing is visible, as far as this node knows, and the times to look at others."""

    def __init__(self, look: Callable[[str], None]) -> None:
        """*look* is told when a queue is to be looked at, because its time has come."""
        self._look = look
        self._empty: set[str] = set()
        self._delayed: dict[str, tuple[float, asyncio.TimerHandle]] = {}

    def is_empty(self, queue: str) -> bool:
        """Whether a look would find nothing."""
        return queue in self._empty

    def note_empty(self, queue: str) -> None:
        """Remember that nothing is visible."""
        self._empty.add(queue)

    def doubt(self, queue: str) -> None:
        """Something may be visible."""
        self._empty.discard(queue)

    def doubt_all(self) -> None:
        """Nothing is known of any queue."""
        self._empty.clear()

    def look_again(self, queue: str, delay_ms: int) -> None:
        """Look after *delay_ms*, or sooner if that is planned already."""
        loop = asyncio.get_running_loop()
        at_s = loop.time() + max(delay_ms, 1) / 1000
        known = self._delayed.get(queue)
        if known is not None:
            if known[0] <= at_s:
                return
            known[1].cancel()
        self._delayed[queue] = (at_s, loop.call_at(at_s, self._look_now, queue))

    def _look_now(self, queue: str) -> None:
        del self._delayed[queue]
        self._look(queue)
