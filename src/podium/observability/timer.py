"""How long something takes: count, sum, and quantiles of the last minutes, in constant memory.

Durations fall into buckets that grow with them, four to each doubling, so a quantile is off by an eighth at most.
"""

QUANTILES = (0.5, 0.75, 0.9, 0.95, 0.99)
_SMALL_BITS = 3  # durations of so few have a bucket each


class Timer:
    """A distribution of durations in µs. `observe` is on the hot path: it calls nothing that it can do without."""

    __slots__ = ("_before", "_before_max_us", "_max_us", "_window", "count", "total_us")

    def __init__(self) -> None:
        self.count = 0
        self.total_us = 0
        self._window: dict[int, int] = {}
        self._before: dict[int, int] = {}
        self._max_us = 0
        self._before_max_us = 0

    def observe(self, duration_us: int) -> None:
        """Take one duration; one that is negative, since a clock was set back, counts as 0."""
        if duration_us < 0:
            duration_us = 0
        self.count += 1
        self.total_us += duration_us
        if duration_us > self._max_us:
            self._max_us = duration_us
        bits = duration_us.bit_length()
        bucket = duration_us if bits <= _SMALL_BITS else bits << 2 | (duration_us >> bits - 3) & 3
        window = self._window
        window[bucket] = window.get(bucket, 0) + 1

    def rotate(self) -> None:
        """Begin a new window; the one before still counts, the one before that no more."""
        self._before, self._window = self._window, {}
        self._before_max_us, self._max_us = self._max_us, 0

    @property
    def max_us(self) -> int:
        """The longest duration of the last two windows."""
        return max(self._max_us, self._before_max_us)

    def quantiles_us(self) -> dict[float, float]:
        """Return the quantiles of the last two windows; nothing when they are empty."""
        counts = dict(self._before)
        for bucket, count in self._window.items():
            counts[bucket] = counts.get(bucket, 0) + count
        total, seen, found = sum(counts.values()), 0, dict[float, float]()
        for bucket in sorted(counts):
            seen += counts[bucket]
            for quantile in QUANTILES:
                if quantile not in found and seen >= quantile * total:
                    found[quantile] = min(_middle_us(bucket), float(self.max_us))
        return found


def _middle_us(bucket: int) -> float:
    if bucket < 1 << _SMALL_BITS:
        return float(bucket)
    shift = (bucket >> 2) - 3
    return float((4 | bucket & 3) << shift) + (1 << shift) / 2
