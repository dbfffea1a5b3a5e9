"""Judges what two servers did with the same scenarios, and counts.

Upstream's threads race, so one scenario may have several answers: podium's must be one of those that it gives. Where it
gives several and podium's is none of them, the scenario says nothing; there may be few of those.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from tests.compatibility.differential.difference import Allowance, allowances, forbidden
from tests.compatibility.differential.driver import Record

RESTLESS_SHARE_MAX = 0.01
SHOWN_MAX = 12


@dataclass
class Tally:
    """How many scenarios were compared, and with which result."""

    equal: int = 0
    allowed: int = 0  # but for allowed differences
    restless: list[str] = field(default_factory=list)
    bad: list[str] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)  # scenarios by the row that allows a difference in them
    idle: set[str] = field(default_factory=set)  # allowances that no scenario needed

    def __iadd__(self, other: Self) -> Self:
        is_first = not self.compared
        self.equal += other.equal
        self.allowed += other.allowed
        self.restless += other.restless
        self.bad += other.bad
        self.rows += other.rows
        self.idle = other.idle if is_first else self.idle & other.idle
        return self

    @property
    def compared(self) -> int:
        return self.equal + self.allowed + len(self.restless) + len(self.bad)

    def is_good(self) -> bool:
        """Whether nothing differs that may not, and upstream was clear enough about what it does."""
        return not self.bad and len(self.restless) <= self.compared * RESTLESS_SHARE_MAX

    def line(self) -> str:
        return (
            f"{self.compared} compared, {self.equal} equal, {self.allowed} equal but for allowed differences, "
            f"{len(self.restless)} that upstream answers in several ways, {len(self.bad)} differ"
        )

    def table(self) -> str:
        """Return all counts, as text."""
        rows = [f"{number:6} {row}" for row, number in self.rows.most_common()]
        found = [self.line(), "allowed, in so many scenarios:", *rows]
        found += [f"not clear: {name}" for name in sorted(self.restless)]
        found += [f"differs: {name}" for name in sorted(self.bad)]
        found += [f"allowance without need: {one}" for one in sorted(self.idle)]
        return "\n".join(found)


class Judge:
    """Compares the records of one subject; hears upstream again about what differs."""

    def __init__(self, subject: str, upstream: dict[str, Record], podium: dict[str, Record]) -> None:
        self._subject = subject
        self._podium = podium
        self._allowed = allowances()
        self._runs: dict[str, list[Record]] = {name: [] for name in podium}
        self.good: dict[str, Record] = {}  # what upstream did, where podium did the same
        self.hear({name: record for name, record in upstream.items() if name in podium})

    @property
    def bad(self) -> list[str]:
        """Names of scenarios that still differ."""
        return [name for name in self._runs if name not in self.good]

    def hear(self, again: dict[str, Record]) -> None:
        """Take in a run of upstream."""
        for name, record in again.items():
            self._runs[name].append(record)
            if not forbidden(f"{self._subject}/{name}", record, self._podium[name], self._allowed):
                self.good[name] = record

    def tally(self) -> Tally:
        """Return the counts; prints the differences that nothing allows."""
        counted, allowed = Tally(), allowances()
        for name, record in self.good.items():
            rows = self._rows_of(name, record, allowed)
            counted.rows += Counter(rows)
            counted.allowed += bool(rows)
            counted.equal += not rows
        for name in self.bad:
            if self._is_restless(name):
                counted.restless.append(f"{self._subject}/{name}")
            else:
                counted.bad.append(f"{self._subject}/{name}")
                self._show(name)
        counted.idle = {f"{one.row}: {one.scenario}: {one.place}: {one.why}" for one in allowed if not one.seen}
        return counted

    def _rows_of(self, name: str, record: Record, allowed: list[Allowance]) -> set[str]:
        before = [one.seen for one in allowed]
        forbidden(f"{self._subject}/{name}", record, self._podium[name], allowed)
        return {one.row for one, seen in zip(allowed, before, strict=True) if one.seen > seen}

    def _is_restless(self, name: str) -> bool:
        """Whether upstream's runs differ from each other in more than what is allowed."""
        first, *others = self._runs[name] or [[]]
        scenario = f"{self._subject}/{name}"
        return any(forbidden(scenario, first, other, self._allowed) for other in others)

    def _show(self, name: str) -> None:
        scenario, record = f"{self._subject}/{name}", (self._runs[name] or [[]])[0]
        for difference in forbidden(scenario, record, self._podium[name], self._allowed)[:SHOWN_MAX]:
            print(difference)
