"""The only place that reads a clock or draws chance."""

import secrets
import time

from podium.model.ids import RANDOM_BITS, workflow_id


class Clock:
    """The machine's time, until it is told to follow another one; and ids from it.

    Tests put a clock of their own in its place. A clock that follows does not heed what happens to the machine's time.
    """

    def __init__(self) -> None:
        self._ahead_ns: int | None = None  # of the monotonic clock

    def now_ms(self) -> int:
        """Return the time as epoch ms."""
        if self._ahead_ns is None:
            return time.time_ns() // 1_000_000
        return (self.monotonic_ns() + self._ahead_ns) // 1_000_000

    def monotonic_ns(self) -> int:
        """Return the time since some moment, which nobody sets."""
        return time.monotonic_ns()

    def follow(self, now_ms: int, before_ns: int, after_ns: int) -> None:
        """Keep to a time that was asked for and came between two readings of the monotonic clock.

        What is known is changed no further than the answer demands, so a slow one does no harm.
        """
        least, most = now_ms * 1_000_000 - after_ns, (now_ms + 1) * 1_000_000 - before_ns
        known = (least + most) // 2 if self._ahead_ns is None else self._ahead_ns
        self._ahead_ns = min(max(known, least), most)

    def new_workflow_id(self) -> str:
        """Return a fresh workflow id."""
        return workflow_id(self.now_ms(), secrets.randbits(RANDOM_BITS))

    def new_node_id(self) -> str:
        """Return a fresh id for a server process."""
        return secrets.token_hex(4)

    def jitter(self) -> float:
        """Return a number from 0 up to 1."""
        return secrets.randbelow(1 << 30) / (1 << 30)
