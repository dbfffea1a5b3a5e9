"""How long something takes: count, sum, and quantiles of the last minutes, in constant memory.

Durations fall into buckets that grow with them, four to each doubling, so a quantile is off by an eighth at most.
"""

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
_SMALL_MS = 8  # durations below have a bucket each


class Timer:
    """A distribution of durations in ms."""

    __slots__ = ("_before", "_before_max_ms", "_max_ms", "_window", "count", "total_ms")

    def __init__(self) -> None:
        self.count = 0
        self.total_ms = 0
        self._window: dict[int, int] = {}
        self._before: dict[int, int] = {}
        self._max_ms = 0
        self._before_max_ms = 0

    def observe(self, duration_ms: int) -> None:
        """Take one duration; one that is negative, since a clock was set back, counts as 0."""
        duration_ms = max(duration_ms, 0)
        self.count += 1
        self.total_ms += duration_ms
        self._max_ms = max(self._max_ms, duration_ms)
        bucket = _bucket(duration_ms)
        self._window[bucket] = self._window.get(bucket, 0) + 1

    def rotate(self) -> None:
        """Begin a new window; the one before still counts, the one before that no more."""
        self._before, self._window = self._window, {}
        self._before_max_ms, self._max_ms = self._max_ms, 0

    @property
    def max_ms(self) -> int:
        """The longest duration of the last two windows."""
        return max(self._max_ms, self._before_max_ms)

    def quantiles_ms(self) -> dict[float, float]:
        """Return the quantiles of the last two windows; nothing when they are empty."""
        counts = dict(self._before)
        for bucket, count in self._window.items():
            counts[bucket] = counts.get(bucket, 0) + count
        total, seen, found = sum(counts.values()), 0, dict[float, float]()
        for bucket in sorted(counts):
            seen += counts[bucket]
            for quantile in QUANTILES:
                if quantile not in found and seen >= quantile * total:
                    found[quantile] = min(_middle_ms(bucket), float(self.max_ms))
        return found


def _bucket(duration_ms: int) -> int:
    if duration_ms < _SMALL_MS:
        return duration_ms
    bits = duration_ms.bit_length()
    return bits << 2 | (duration_ms >> (bits - 3)) & 3


def _middle_ms(bucket: int) -> float:
    if bucket < _SMALL_MS:
        return float(bucket)
    shift = (bucket >> 2) - 3
    return float((4 | bucket & 3) << shift) + (1 << shift) / 2
