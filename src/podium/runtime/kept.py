"""Outputs that tasks with a `cacheConfig` may take over, in the memory of this node, bounded in bytes."""

from collections import OrderedDict
from collections.abc import Callable

from podium.model.transition import KeptOutput, Transition

BYTES_MAX = 16 << 20
ENTRY_BYTES = 300
OUTPUT_BYTES_MAX = 1 << 20


class KeptOutputs:
    """An LRU of outputs by task definition and key; only committed ones come in."""

    def __init__(self, now_ms: Callable[[], int], bytes_max: int = BYTES_MAX) -> None:
        self._now_ms = now_ms
        self._bytes_max = bytes_max
        self._bytes = 0
        self._outputs: OrderedDict[tuple[str, str], KeptOutput] = OrderedDict()

    def note(self, change: Transition) -> None:
        """Learn of a commit; called for each."""
        for kept in change.kept:
            if len(kept.output) <= OUTPUT_BYTES_MAX:
                self._put(kept)

    def _put(self, kept: KeptOutput) -> None:
        self._drop((kept.name, kept.key))
        self._outputs[kept.name, kept.key] = kept
        self._bytes += _size(kept)
        while self._bytes > self._bytes_max:
            self._drop(next(iter(self._outputs)))

    def get(self, name: str, key: str) -> bytes | None:
        """Return the output under a key, if its time has not passed."""
        kept = self._outputs.get((name, key))
        if kept is None:
            return None
        if kept.until_ms <= self._now_ms():
            self._drop((name, key))
            return None
        self._outputs.move_to_end((name, key))
        return kept.output

    def _drop(self, place: tuple[str, str]) -> None:
        kept = self._outputs.pop(place, None)
        if kept is not None:
            self._bytes -= _size(kept)


def _size(kept: KeptOutput) -> int:
    return len(kept.output) + len(kept.name) + len(kept.key) + ENTRY_BYTES
