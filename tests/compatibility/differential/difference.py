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
CONTAINERS = ("JOIN", "EXCLUSIVE_JOIN", "DO_WHILE")  # of which there is one, however often it is tried
REPORT = "report on "
ALLOWED = Path(__file__).with_name("allowed.toml")


class Difference(NamedTuple):
    """Two values at the same place of the records of a scenario."""

    scenario: str
    place: str
    upstream: Json
    podium: Json
    task: str = ""  # the statuses there and here of the task that it lies in, with a slash between

    def __str__(self) -> str:
        return f"{self.scenario}: {self.place}\n    upstream {self.upstream!r:.400}\n    podium   {self.podium!r:.400}"


def differences(scenario: str, upstream: Json, podium: Json) -> list[Difference]:
    """Return the differences between two records."""
    found = []
    for number, (one, other) in enumerate(_aligned(upstream, podium)):
        label = one[0] if one is not ABSENT else other[0]
        if one is ABSENT or other is ABSENT or one[0] != other[0]:
            found.append(Difference(scenario, f"{number} {label}", _head(one), _head(other)))
        if one is not ABSENT and other is not ABSENT:
            place = f"{number} {label}"
            found += [Difference(scenario, *difference) for difference in _compared(place, one[1], other[1])]
    return found


def _aligned(one: list[Json], other: list[Json]) -> Iterator[tuple[Json, Json]]:
    """Pair the steps of two records; refusals of a worker's report come in between."""
    left, right = list(one), list(other)
    while left and right:
        is_same = left[0][0] == right[0][0]
        if not is_same and left[0][0].startswith(REPORT):
            yield left.pop(0), ABSENT
        elif not is_same and right[0][0].startswith(REPORT):
            yield ABSENT, right.pop(0)
        else:
            yield left.pop(0), right.pop(0)
    yield from ((entry, ABSENT) for entry in left)
    yield from ((ABSENT, entry) for entry in right)


def _head(entry: Json) -> Json:
    return entry if entry is ABSENT else entry[0]


def _paired(one: list[Json], other: list[Json]) -> Iterator[tuple[Json, Json]]:
    for index in range(max(len(one), len(other))):
        yield (one[index] if index < len(one) else ABSENT), (other[index] if index < len(other) else ABSENT)


def _compared(place: str, one: Json, other: Json, task: str = "") -> Iterator[tuple[str, Json, Json, str]]:
    if isinstance(one, dict) and isinstance(other, dict):
        if "referenceTaskName" in one and "referenceTaskName" in other:
            task = f"{one.get('status')}/{other.get('status')}"
        for key, left, right in _fields(one, other):
            yield from _compared(f"{place}.{key}", left, right, task)
    elif isinstance(one, list) and isinstance(other, list):
        for index, (left, right) in enumerate(_paired(one, other)):
            yield from _compared(f"{place}.{index}", left, right, task)
    elif one != other or type(one) is not type(other):
        yield place, one, other, task


def _fields(one: Json, other: Json) -> Iterator[tuple[str, Json, Json]]:
    """Pair the fields of two maps; tasks by what they are, since a task more or less moves all that follow."""
    by_name = _is_execution(one) and _is_execution(other)
    is_copied = by_name and _last(one)[1] == one["output"] and _last(other)[1] == other["output"]
    for key in sorted(one.keys() | other.keys()):
        if by_name and key == "tasks":
            yield key, _named(one[key]), _named(other[key])
        elif is_copied and key == "output":  # what was copied is compared where it comes from
            yield key, *(f"that of {_last(each)[0]}" for each in (one, other))
        else:
            yield key, one.get(key, ABSENT), other.get(key, ABSENT)


def _is_execution(value: Json) -> bool:
    return "taskToDomain" in value and "output" in value and isinstance(value.get("tasks"), list)


def _last(execution: Json) -> tuple[str, Json]:
    """Return name and output of the task created last."""
    found = max(execution["tasks"], key=lambda task: task["seq"], default=None)
    return (found["referenceTaskName"], found["outputData"]) if found else ("", None)


def _named(tasks: Json) -> dict[str, Json]:
    """Return tasks by reference name and attempt; what still has the same name gets a number."""
    found: dict[str, Json] = {}
    for task in tasks:
        attempt = "" if task["taskType"] in CONTAINERS else f"#{task['retryCount']}"
        name = f"({task['referenceTaskName']}{attempt.removesuffix('#0')})"
        same = sum(1 for one in found if one == name or one.startswith(f"{name}~"))
        found[f"{name}~{same + 1}" if same else name] = task
    return found


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
    task: str = "*"  # statuses of the task, there and here
    beyond: bool = False  # seen only in drawn scenarios whose records are not kept
    when: str = "*"  # what else the records hold, that of the upstream server first
    seen: int = field(default=0, compare=False)

    def covers(self, difference: Difference, record: str) -> bool:
        """Whether *difference* is of this kind; *record* is all that the servers did in the scenario."""
        return (
            self._scenario.fullmatch(difference.scenario) is not None
            and self._place.fullmatch(difference.place) is not None
            and _fits(self.upstream, difference.upstream)
            and _fits(self.podium, difference.podium)
            and (self.task == "*" or self._task.fullmatch(difference.task) is not None)
            and (self.when == "*" or self._when.search(record) is not None)
        )

    @cached_property
    def _scenario(self) -> re.Pattern[str]:
        return glob(self.scenario)

    @cached_property
    def _when(self) -> re.Pattern[str]:
        return glob(self.when)

    @cached_property
    def _task(self) -> re.Pattern[str]:
        return glob(self.task)

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
    record = json.dumps([upstream, podium]) if found else ""
    rest = []
    for difference in found:
        cover = next((one for one in allowed if one.covers(difference, record)), None)
        if cover is None:
            rest.append(difference)
        else:
            cover.seen += 1
    return rest
