"""Answers that clients have not read yet, of all connections together: a bound on what they take in memory.

A connection is given up when nothing is read of its answer for long, but until then a few hundred of them could hold
more than the machine has. Beyond the bound those that began to wait first are given up sooner: whoever reads is done
long before as much is waiting behind it.
"""

from collections.abc import Callable

UNREAD_BYTES_MAX = 256 << 20

Abort = Callable[[], None]


class UnreadAnswers:
    """The connections whose clients do not keep up, in the order in which they began to wait."""

    def __init__(self, bytes_max: int = UNREAD_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._waiting: dict[Abort, int] = {}
        self.size_bytes = 0

    def add(self, abort: Abort, size_bytes: int) -> None:
        """Note the connection that *abort* ends; others are ended when all have too much. One alone may be larger."""
        self.remove(abort)
        self._waiting[abort] = size_bytes
        self.size_bytes += size_bytes
        while self.size_bytes > self._bytes_max and len(self._waiting) > 1:
            first = next(iter(self._waiting))
            self.remove(first)
            first()

    def remove(self, abort: Abort) -> None:
        """Forget a connection: its answer has been read, or it is gone."""
        self.size_bytes -= self._waiting.pop(abort, 0)
