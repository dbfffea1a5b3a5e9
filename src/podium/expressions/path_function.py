"""The functions of JSONPath: `length()`, `sum()`, `concat(…)` and so on. A function ends its path."""

from collections.abc import Callable
from math import sqrt
from typing import TypeAlias

from podium.expressions.bounds import EXPANSION_CHARS_MAX, ExpressionTooLarge
from podium.expressions.java_text import java_text
from podium.expressions.json_value import Json
from podium.expressions.path_step import Run, Step, Unreadable

Argument: TypeAlias = Callable[[Run], Json]
Function: TypeAlias = Callable[[Json, list[Json]], Json]


def compile_call(name: str, arguments: list[Argument]) -> Step:
    """Return the step that calls *name*; a name that does not exist makes the path null when it is read."""
    return Call(_FUNCTIONS.get(name, _unknown), arguments)


class Call(Step):
    """Applies a function to each selected value."""

    __slots__ = ("_arguments", "_function")
    ends_path = True

    def __init__(self, function: Function, arguments: list[Argument]) -> None:
        self._function = function
        self._arguments = arguments

    def select(self, value: Json, run: Run, found: list[Json]) -> None:
        """Append the result."""
        if isinstance(value, list | dict):
            run.spend(len(value))
        try:
            found.append(self._function(value, [argument(run) for argument in self._arguments]))
        except OverflowError:
            raise Unreadable from None


def _unknown(value: Json, arguments: list[Json]) -> Json:  # noqa: ARG001
    raise Unreadable


def _length(value: Json, arguments: list[Json]) -> Json:
    subject = arguments[0] if arguments else value
    return len(subject) if isinstance(subject, list | dict) else None


def _size(value: Json, arguments: list[Json]) -> Json:  # noqa: ARG001
    return len(value) if isinstance(value, list | dict) else None


def _keys(value: Json, arguments: list[Json]) -> Json:  # noqa: ARG001
    return list(value) if isinstance(value, dict) else None


def _numbers(value: Json, arguments: list[Json]) -> list[float]:
    """Return all numbers of the value and the arguments, lists among them opened once; there must be one at least."""
    found: list[float] = []
    for item in (value, *arguments):
        items = item if isinstance(item, list) else [item] if item is not value else []
        found.extend(float(i) for i in items if type(i) is int or type(i) is float)
    if not found:
        raise Unreadable
    return found


def _sum(value: Json, arguments: list[Json]) -> Json:
    return sum(_numbers(value, arguments))


def _min(value: Json, arguments: list[Json]) -> Json:
    return min(_numbers(value, arguments))


def _max(value: Json, arguments: list[Json]) -> Json:
    return max(_numbers(value, arguments))


def _average(value: Json, arguments: list[Json]) -> Json:
    numbers = _numbers(value, arguments)
    return sum(numbers) / len(numbers)


def _deviation(value: Json, arguments: list[Json]) -> Json:
    numbers = _numbers(value, arguments)
    total, count = sum(numbers), len(numbers)
    return sqrt(max(0.0, sum(n * n for n in numbers) / count - total * total / count / count))


def _element(value: Json, index: Json) -> Json:
    if not isinstance(value, list) or type(index) is not int or not -len(value) <= index < len(value):
        raise Unreadable
    return value[index]


def _first(value: Json, arguments: list[Json]) -> Json:  # noqa: ARG001
    return _element(value, 0)


def _last(value: Json, arguments: list[Json]) -> Json:  # noqa: ARG001
    return _element(value, -1)


def _index(value: Json, arguments: list[Json]) -> Json:
    return _element(value, arguments[0] if arguments else None)


def _append(value: Json, arguments: list[Json]) -> Json:
    return [*value, *arguments] if isinstance(value, list) else value


def _concat(value: Json, arguments: list[Json]) -> Json:
    """Join the strings of a list, then the text of each argument; null and booleans have none."""
    parts = [item for item in value if type(item) is str] if isinstance(value, list) else []
    size = sum(map(len, parts))
    for argument in arguments:
        for item in argument if isinstance(argument, list) else [argument]:
            if item is not None and type(item) is not bool:
                parts.append(java_text(item, EXPANSION_CHARS_MAX - size))
                size += len(parts[-1])
    if size > EXPANSION_CHARS_MAX:
        raise ExpressionTooLarge(f"concat yields more than {EXPANSION_CHARS_MAX} characters")
    return "".join(parts)


_FUNCTIONS: dict[str, Function] = {
    "length": _length,
    "size": _size,
    "keys": _keys,
    "sum": _sum,
    "min": _min,
    "max": _max,
    "avg": _average,
    "stddev": _deviation,
    "first": _first,
    "last": _last,
    "index": _index,
    "append": _append,
    "concat": _concat,
}
