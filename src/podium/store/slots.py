"""The slots of a store in memory, as plain lists: the same rules as in the function `podium_slots`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from podium.model.transition import Slot, SlotKind
from podium.store.check import leaked

FREES = (SlotKind.FREE, SlotKind.FREE_ALL)


@dataclass(slots=True)
class _Row:
    scope: str
    line: int  # place in the line, 0 when taken


class Slots:
    """Who holds places under limits, and who waits."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, int], _Row] = {}  # by workflow and seq
        self._last = 0
        self.capacities: dict[str, int] = {}

    def taken(self, scope: str) -> int:
        """Return how many slots of a scope are taken."""
        return sum(row.scope == scope and not row.line for row in self._rows.values())

    def faults(self, in_progress: Callable[[str, int], bool]) -> Iterator[str]:
        """Yield a sentence for each slot of what is not in progress; the count can't be wrong here."""
        for (workflow_id, seq), row in self._rows.items():
            if not in_progress(workflow_id, seq):
                yield leaked(row.scope, workflow_id, seq)

    def tidy(self, in_progress: Callable[[str, int], bool], limit: int) -> int:
        """Free slots of what is not in progress, forget scopes without any; returns how many those were."""
        leaks = [key for key in self._rows if not in_progress(*key)][:limit]
        for key in leaks:
            del self._rows[key]
        used = {row.scope for row in self._rows.values()}
        empty = [scope for scope in self.capacities if scope not in used][:limit]
        for scope in empty:
            del self.capacities[scope]
        return len(leaks) + len(empty)

    def refusal(self, workflow_id: str, slots: Sequence[Slot]) -> str:
        """Return the scope in which there is no room for what a transition takes; empty when there is."""
        asked: dict[str, int] = {}
        for slot in slots:
            if slot.kind is not SlotKind.TAKE or self._is_taken(workflow_id, slot):
                continue
            row = self._rows.get((workflow_id, slot.seq))
            lines = [one.line for one in self._rows.values() if one.scope == slot.scope and one.line]
            ahead = sum(row is None or line < row.line for line in lines)
            freed = sum(self._freed(workflow_id, one) for one in slots if one.scope == slot.scope)
            if self.taken(slot.scope) - freed + asked.get(slot.scope, 0) + ahead >= slot.limit:
                self.capacities[slot.scope] = slot.limit
                return slot.scope
            asked[slot.scope] = asked.get(slot.scope, 0) + 1
        return ""

    def _is_taken(self, workflow_id: str, slot: Slot) -> bool:
        row = self._rows.get((workflow_id, slot.seq))
        return row is not None and not row.line

    def _freed(self, workflow_id: str, slot: Slot) -> int:
        if slot.kind is SlotKind.FREE:
            return self._is_taken(workflow_id, slot)
        return len([key for key in self._held(workflow_id, slot) if not self._rows[key].line])

    def _held(self, workflow_id: str, slot: Slot) -> list[tuple[str, int]]:
        if slot.kind is SlotKind.FREE_ALL:
            return [key for key, row in self._rows.items() if key[0] == workflow_id and row.scope == slot.scope]
        return []

    def change(self, workflow_id: str, slots: Sequence[Slot]) -> None:
        """Do what a transition says, for which there is room."""
        for slot in sorted(slots, key=lambda one: one.kind not in FREES):
            key = (workflow_id, slot.seq)
            if slot.kind is SlotKind.FREE:
                self._rows.pop(key, None)
            elif slot.kind is SlotKind.FREE_ALL:
                for held in self._held(workflow_id, slot):
                    del self._rows[held]
            elif slot.kind is SlotKind.WAIT:
                self._last += 1
                self._rows.setdefault(key, _Row(slot.scope, self._last))
                self.capacities[slot.scope] = slot.limit
            else:
                self._rows[key] = _Row(slot.scope, 0)
                self.capacities[slot.scope] = slot.limit

    def next_in_line(self, scope: str) -> list[str]:
        """Return the workflows that wait and for which there is room."""
        found: list[tuple[int, str]] = []
        for name in [scope] if scope else list(self.capacities):
            lines = sorted((row.line, key[0]) for key, row in self._rows.items() if row.scope == name and row.line)
            found += lines[: max(self.capacities.get(name, 0) - self.taken(name), 0)]
        return [workflow_id for _, workflow_id in sorted(found)]
