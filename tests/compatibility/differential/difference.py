"""What differs between two records of one scenario, and which differences are allowed.

Allowed ones are data, in allowed.toml: each names where it may be seen, why, and the row of
docs/compatibility/differences.md that tells users about it.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

Json = Any
ABSENT = "(absent)"
ALLOWED = Path(__file__).with_name("allowed.toml")


class Difference(NamedTuple):
    """Two values at the same place of the records of a scenario."""

    scenario: str
    place: str
    upstream: Json
    podium: Json

    def __str__(self) -> str:
        return f"{self.scenario}: {self.place}\n    upstream {self.upstream!r:.400}\n    podium   {self.podium!r:.400}"


def differences(scenario: str, upstream: Json, podium: Json) -> list[Difference]:
    """Return the differences between two records."""
    found = []
    for number, (one, other) in enumerate(_paired(upstream, podium)):
        label = one[0] if one is not ABSENT else other[0]
        if one is ABSENT or other is ABSENT or one[0] != other[0]:
            found.append(Difference(scenario, f"{number} {label}", _head(one), _head(other)))
        if one is not ABSENT and other is not ABSENT:
            place = f"{number} {label}"
            found += [Difference(scenario, *difference) for difference in _compared(place, one[1], other[1])]
    return found


def _head(entry: Json) -> Json:
    return entry if entry is ABSENT else entry[0]


def _paired(one: list[Json], other: list[Json]) -> Iterator[tuple[Json, Json]]:
    for index in range(max(len(one), len(other))):
        yield (one[index] if index < len(one) else ABSENT), (other[index] if index < len(other) else ABSENT)


def _compared(place: str, one: Json, other: Json) -> Iterator[tuple[str, Json, Json]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from _compared(f"{place}.{key}", one.get(key, ABSENT), other.get(key, ABSENT))
    elif isinstance(one, list) and isinstance(other, list):
        for index, (left, right) in enumerate(_paired(one, other)):
            yield from _compared(f"{place}.{index}{_ref(left) or _ref(right)}", left, right)
    elif one != other or type(one) is not type(other):
        yield place, one, other


def _ref(value: Json) -> str:
    return f"({value['referenceTaskName']})" if isinstance(value, dict) and "referenceTaskName" in value else ""


# ---- what is allowed


@dataclass
class Allowance:
    """A kind of difference that is meant; stars in the patterns stand for anything."""

    row: str
    why: str
    scenario: str = "*"
    place: str = "*"
    upstream: Json = "*"
    podium: Json = "*"
    beyond: bool = False  # seen only in drawn scenarios whose records are not kept
    when: str = "*"  # what else the record of the upstream server holds
    seen: int = field(default=0, compare=False)

    def covers(self, difference: Difference, record: str) -> bool:
        """Whether *difference* is of this kind; *record* is all that the upstream server did in the scenario."""
        return (
            self._scenario.fullmatch(difference.scenario) is not None
            and self._place.fullmatch(difference.place) is not None
            and _fits(self.upstream, difference.upstream)
            and _fits(self.podium, difference.podium)
            and (self.when == "*" or self._when.search(record) is not None)
        )

    @cached_property
    def _scenario(self) -> re.Pattern[str]:
        return glob(self.scenario)

    @cached_property
    def _when(self) -> re.Pattern[str]:
        return glob(self.when)

    @cached_property
    def _place(self) -> re.Pattern[str]:
        return glob(self.place)


def glob(pattern: str) -> re.Pattern[str]:
    """Return a pattern in which a star is any text and a bar separates choices."""
    choices = [".*".join(map(re.escape, choice.split("*"))) for choice in pattern.split("|")]
    return re.compile("|".join(choices), re.DOTALL)


def _fits(pattern: Json, value: Json) -> bool:
    if isinstance(pattern, str) and isinstance(value, str):
        return glob(pattern).fullmatch(value) is not None
    return pattern == "*" or (pattern == value and type(pattern) is type(value))


def allowances() -> list[Allowance]:
    """Return all allowed differences."""
    return [Allowance(**one) for one in tomllib.loads(ALLOWED.read_text(encoding="utf-8")).get("allowed", [])]


def forbidden(scenario: str, upstream: Json, podium: Json, allowed: Iterable[Allowance]) -> list[Difference]:
    """Return the differences that nothing allows; counts in each allowance what it was needed for."""
    found = differences(scenario, upstream, podium)
    record = json.dumps(upstream) if found else ""
    rest = []
    for difference in found:
        cover = next((one for one in allowed if one.covers(difference, record)), None)
        if cover is None:
            rest.append(difference)
        else:
            cover.seen += 1
    return rest
