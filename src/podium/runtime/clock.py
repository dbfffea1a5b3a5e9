"""The only place that reads a clock or draws chance."""

import secrets
import time

from podium.model.ids import RANDOM_BITS, workflow_id


class Clock:
    """The machine's time, and ids from it. Tests put a clock of their own in its place."""

    def now_ms(self) -> int:
        """Return the time as epoch ms."""
        return time.time_ns() // 1_000_000

    def new_workflow_id(self) -> str:
        """Return a fresh workflow id."""
        return workflow_id(self.now_ms(), secrets.randbits(RANDOM_BITS))

    def jitter(self) -> float:
        """Return a number from 0 up to 1."""
        return secrets.randbelow(1 << 30) / (1 << 30)
