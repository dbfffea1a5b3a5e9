"""JSON values as plain Python objects. They are shared, never copied: treat them as frozen."""

from typing import Any, TypeAlias

from podium.expressions.bounds import EXPANSION_CHARS_MAX, ExpressionTooLarge

Json: TypeAlias = Any  # dict[str, Json] | list[Json] | str | int | float | bool | None

_SCALAR_CHARS = 4


def plain(value: Json) -> Json:
    """Return *value*; a map that finds its entries on demand (a subclass of dict with `whole`) as an ordinary one."""
    if isinstance(value, dict) and type(value) is not dict:
        whole = getattr(value, "whole", None)
        return dict(value) if whole is None else whole()
    return value


def chars_of(value: Json, limit: int = EXPANSION_CHARS_MAX) -> int:
    """Return roughly how many characters *value* has as JSON; raise `ExpressionTooLarge` once over *limit*."""
    if type(value) is not dict and type(value) is not list:
        return len(value) if type(value) is str else _SCALAR_CHARS
    total = 0
    left: list[Json] = [value]
    while left:
        item = left.pop()
        kind = type(item)
        if kind is dict:
            total += sum(map(len, item)) + 2
            left.extend(item.values())
        elif kind is list:
            total += 2
            left.extend(item)
        else:
            total += len(item) if kind is str else _SCALAR_CHARS
        if total + len(left) > limit:
            raise ExpressionTooLarge(f"the expression yields more than {limit} characters")
    return total
