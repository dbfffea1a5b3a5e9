"""How Java prints a JSON value: `{a=1, l=[x, y], n=null}`. Seen wherever a token stands inside of text.

Results of indefinite JSONPaths (wildcards, filters, slices) print as JSON instead, with upstream's escapes.
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from math import isinf, isnan

from podium.expressions.bounds import EXPANSION_CHARS_MAX, ExpressionTooLarge
from podium.expressions.json_value import Json

_PLAIN_MIN = 1e-3
_PLAIN_MAX = 1e7
_ESCAPED = re.compile(r'["\\/\x00-\x1f\x7f-\x9f\u2000-\u20ff]')
_SHORT_ESCAPES = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "/": "\\/"}


def java_text(value: Json, limit: int = EXPANSION_CHARS_MAX) -> str:
    """Return Java's text of *value*; raise `ExpressionTooLarge` beyond *limit* characters."""
    if type(value) is str:
        return value
    if type(value) is dict or type(value) is list:
        return _printed(value, _raw, "=", ", ", limit)
    return _scalar_text(value)


def json_text(value: Json, limit: int = EXPANSION_CHARS_MAX) -> str:
    """Return *value* as compact JSON with `/` escaped; raise `ExpressionTooLarge` beyond *limit* characters."""
    return _printed(value, _quoted, ":", ",", limit)


def _scalar_text(value: Json) -> str:
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    return _float_text(value) if type(value) is float else str(value)


def _float_text(value: float) -> str:
    """Return Double.toString: plain from 0.001 to 10,000,000, else with an exponent."""
    size = abs(value)
    if _PLAIN_MIN <= size < _PLAIN_MAX or value == 0:
        return repr(value)
    if isnan(value) or isinf(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    sign = "-" if value < 0 else ""
    _, digits, exponent = Decimal(repr(size)).normalize().as_tuple()
    power = int(exponent) + len(digits) - 1
    text = "".join(map(str, digits))
    if len(text) == 1:  # Java gives two digits, the closest ones: 4.9E-324 where Python says 5e-324
        text = f"{size:.1e}".partition("e")[0].replace(".", "")
    return f"{sign}{text[0]}.{text[1:]}E{power}"


def _raw(text: str) -> str:
    return text


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return _SHORT_ESCAPES.get(char) or f"\\u{ord(char):04X}"


def _printed(value: Json, string: Callable[[str], str], equals: str, between: str, limit: int) -> str:
    """Print without recursion: each map and list that is not finished waits on a stack."""
    parts: list[str] = []
    size = 0
    open_ones: list[tuple[Iterator[tuple[str, Json]], str]] = [(iter([("", value)]), "")]
    while open_ones:
        items, end = open_ones[-1]
        for prefix, item in items:
            kind = type(item)
            if kind is dict:
                parts.append(prefix + "{")
                open_ones.append((_members(item, string, equals, between), "}"))
                break
            if kind is list:
                parts.append(prefix + "[")
                open_ones.append((_elements(item, between), "]"))
                break
            part = prefix + (string(item) if kind is str else str(item) if kind is int else _scalar_text(item))
            parts.append(part)
            size += len(part)
            if size > limit:
                break
        else:
            parts.append(end)
            open_ones.pop()
        size += len(parts[-1])
        if size > limit:
            raise ExpressionTooLarge(f"the expression yields more than {limit} characters")
    return "".join(parts)


def _members(
    items: dict[str, Json], string: Callable[[str], str], equals: str, between: str
) -> Iterator[tuple[str, Json]]:
    prefix = ""
    for key, item in items.items():
        yield f"{prefix}{string(key)}{equals}", item
        prefix = between


def _elements(items: list[Json], between: str) -> Iterator[tuple[str, Json]]:
    prefix = ""
    for item in items:
        yield prefix, item
        prefix = between
