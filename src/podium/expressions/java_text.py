"""How Java prints a JSON value: `{a=1, l=[x, y], n=null}`. Seen wherever a token stands inside of text.

Results of indefinite JSONPaths (wildcards, filters, slices) print as JSON instead, with upstream's escapes.
"""

import re
from collections.abc import Callable
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
        return _Printer(_raw, "=", ", ", limit).text(value)
    return _scalar_text(value)


def json_text(value: Json, limit: int = EXPANSION_CHARS_MAX) -> str:
    """Return *value* as compact JSON with `/` escaped; raise `ExpressionTooLarge` beyond *limit* characters."""
    return _Printer(_quoted, ":", ",", limit).text(value)


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


class _Mark(str):
    """Punctuation between values, as opposed to a string value."""

    __slots__ = ()


def _raw(text: str) -> str:
    return text


def _quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    return _SHORT_ESCAPES.get(char) or f"\\u{ord(char):04X}"


class _Printer:
    """Prints one value without recursion: what is still to print waits on a stack, last first."""

    __slots__ = ("_between", "_equals", "_left", "_limit", "_string")

    def __init__(self, string: Callable[[str], str], equals: str, between: str, limit: int) -> None:
        self._string = string
        self._equals = equals
        self._between = _Mark(between)
        self._limit = limit
        self._left: list[Json] = []

    def text(self, value: Json) -> str:
        parts: list[str] = []
        size = 0
        self._left.append(value)
        while self._left:
            part = self._next_part(self._left.pop())
            parts.append(part)
            size += len(part)
            if size > self._limit:
                raise ExpressionTooLarge(f"the expression yields more than {self._limit} characters")
        return "".join(parts)

    def _next_part(self, item: Json) -> str:
        kind = type(item)
        if kind is _Mark:
            return str(item)
        if kind is str:
            return self._string(item)
        if kind is dict:
            self._push_map(item)
            return "{"
        if kind is list:
            self._push_list(item)
            return "["
        return _scalar_text(item)

    def _push_map(self, items: dict[str, Json]) -> None:
        left = self._left
        left.append(_Mark("}"))
        for key in reversed(items):
            left.append(items[key])
            left.append(_Mark(self._string(key) + self._equals))
            left.append(self._between)
        if items:
            left.pop()

    def _push_list(self, items: list[Json]) -> None:
        left = self._left
        left.append(_Mark("]"))
        for item in reversed(items):
            left.append(item)
            left.append(self._between)
        if items:
            left.pop()
