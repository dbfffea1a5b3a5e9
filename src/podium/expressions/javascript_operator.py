"""What the operators of JavaScript do with JSON values, for the operands for which that is beyond doubt.

Every other combination raises `OutsideSubset`: the caller then asks a real engine. Numbers are Python ints and floats;
an int beyond 2**53 has no exact double and is never computed with.
"""

import re
from collections.abc import Callable
from math import fmod, isfinite, nan
from operator import ge, gt, le, lt
from typing import Any, Final, NoReturn

from podium.expressions.bounds import SCRIPT_STRING_CHARS_MAX
from podium.expressions.json_value import Json, plain

UNDEFINED: Final[Any] = type("Undefined", (), {"__slots__": (), "__repr__": lambda _: "undefined"})()

_EXACT_MAX = 1 << 53
_DECIMAL = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_WORDS = re.compile(r"[A-HJ-Za-z_][A-Za-z0-9_ ]*")
_LAST_BMP = "\uffff"
_LAST_BELOW_SURROGATES = "\ud7ff"
_INHERITED_NAMES = """
    __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__ __proto__ constructor hasOwnProperty
    isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf
"""
_INHERITED = frozenset(_INHERITED_NAMES.split())


class OutsideSubset(Exception):
    """The script or its operands are beyond what is evaluated here; a real engine must do it."""


def outside() -> NoReturn:
    """Give up."""
    raise OutsideSubset


def exact(value: Json) -> int | float:
    """Return a number that is the same in JavaScript."""
    if type(value) is int and -_EXACT_MAX <= value <= _EXACT_MAX:
        return value
    return value if type(value) is float and isfinite(value) else outside()


def member(value: Json, name: str) -> Json:
    """Return `value.name`."""
    if name == "__proto__":
        outside()
    if isinstance(value, dict):
        try:
            return value[name]
        except KeyError:
            return outside() if name in _INHERITED else UNDEFINED
    if name == "length" and (type(value) is list or _is_bmp(value)):
        return len(value)
    return outside()


def element(value: Json, key: Json) -> Json:
    """Return `value[key]`."""
    if type(key) is str:
        return member(value, key)
    index = exact(key)
    if index != int(index):
        outside()
    index = int(index)
    if type(value) is list or _is_bmp(value):
        return value[index] if 0 <= index < len(value) else UNDEFINED
    return member(value, str(index)) if isinstance(value, dict) else outside()


def is_truthy(value: Json) -> bool:
    """Tell what `if (value)` does; maps and lists are true even when they are empty."""
    if value is True or value is False:
        return bool(value)
    if isinstance(value, dict | list):
        return True
    return value is not UNDEFINED and bool(value)


def add(left: Json, right: Json) -> Json:
    """Return `left + right`: of numbers the sum, with a string the text."""
    if type(left) is str or type(right) is str:
        text = _text(left) + _text(right)
        return text if len(text) <= SCRIPT_STRING_CHARS_MAX else outside()
    return _number(exact(left) + exact(right))


def subtract(left: Json, right: Json) -> Json:
    """Return `left - right`."""
    return _number(exact(left) - exact(right))


def multiply(left: Json, right: Json) -> Json:
    """Return `left * right`."""
    product = _number(exact(left) * exact(right))
    return float(left) * float(right) if product == 0 else product  # which may be -0


def divide(left: Json, right: Json) -> Json:
    """Return `left / right`."""
    if right == 0:
        outside()
    return _number(exact(left) / exact(right))


def remainder(left: Json, right: Json) -> Json:
    """Return `left % right`, which has the sign of *left*."""
    if right == 0:
        outside()
    return fmod(exact(left), exact(right))


def negate(value: Json) -> Json:
    """Return `-value`."""
    return -exact(value) if value else -float(exact(value))


def _comparison(holds: Callable[[Any, Any], bool]) -> Callable[[Json, Json], bool]:
    """Return one of the four orderings; two small ints, which is nearly every loop condition, take the short way."""

    def compare(left: Json, right: Json) -> bool:
        if (
            type(left) is int
            and type(right) is int
            and -_EXACT_MAX <= left <= _EXACT_MAX
            and -_EXACT_MAX <= right <= _EXACT_MAX
        ):
            return holds(left, right)
        return holds(*_comparable(left, right))

    return compare


less = _comparison(lt)
less_or_equal = _comparison(le)
greater = _comparison(gt)
greater_or_equal = _comparison(ge)


def equal(left: Json, right: Json) -> bool:
    """Return `left == right`."""
    left_is_nothing = left is None or left is UNDEFINED
    right_is_nothing = right is None or right is UNDEFINED
    if left_is_nothing or right_is_nothing:
        return left_is_nothing and right_is_nothing
    if type(left) is str and type(right) is str:
        return left == right
    return bool(_coerced(left) == _coerced(right))


def not_equal(left: Json, right: Json) -> bool:
    """Return `left != right`."""
    return not equal(left, right)


def identical(left: Json, right: Json) -> bool:
    """Return `left === right`; for two maps or lists only an engine knows whether they are the same object."""
    if _is_number(left) and _is_number(right):
        return bool(exact(left) == exact(right))
    if isinstance(left, dict | list) and isinstance(right, dict | list):
        outside()
    return type(left) is type(right) and bool(left == right)


def not_identical(left: Json, right: Json) -> bool:
    """Return `left !== right`."""
    return not identical(left, right)


def result_of(value: Json) -> Json:
    """Return the JSON value that a script yields with *value*: whole numbers are ints, nothing is null."""
    if value is UNDEFINED:
        return None
    if type(value) is float:
        return _whole(value)
    if isinstance(value, dict | list):
        value = plain(value)
        _check_numbers(value)
    return value


def _whole(value: float) -> int | float:
    if not value.is_integer():
        return value
    if abs(value) > _EXACT_MAX or str(value) == "-0.0":
        outside()
    return int(value)


def _check_numbers(value: Json) -> None:
    """Let maps and lists pass that an engine would give back as they are: without 1.0, which would become 1."""
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            left.extend(item.values())
        elif type(item) is list:
            left.extend(item)
        elif (type(item) is float and item.is_integer()) or (type(item) is int and abs(item) > _EXACT_MAX):
            outside()


def _is_number(value: Json) -> bool:
    return type(value) is int or type(value) is float


def _number(value: float) -> int | float:
    """Return the result of arithmetic."""
    if (type(value) is int and not -_EXACT_MAX <= value <= _EXACT_MAX) or not isfinite(value):
        outside()
    return value


def _text(value: Json) -> str:
    """Return what `'' + value` gives."""
    if type(value) is str:
        return value
    if value is None or value is UNDEFINED:
        return "null" if value is None else "undefined"
    if type(value) is bool:
        return "true" if value else "false"
    number = exact(value)
    return str(int(number)) if number == int(number) and abs(number) <= _EXACT_MAX else outside()


def _comparable(left: Json, right: Json) -> tuple[Any, Any]:
    """Return both sides as two numbers, or as two strings in which code points and UTF-16 units sort alike."""
    if type(left) is str and type(right) is str:
        return (left, right) if _sorts_alike(left) and _sorts_alike(right) else outside()
    return (_coerced(left), _coerced(right))


def _coerced(value: Json) -> int | float:
    """Return the number that a comparison makes of *value*."""
    if value is None or type(value) is bool:
        return int(bool(value))
    if value is UNDEFINED:
        return nan
    if type(value) is not str:
        return exact(value)
    if _DECIMAL.fullmatch(value):
        return float(value)
    return nan if _WORDS.fullmatch(value) else outside()


def _sorts_alike(text: str) -> bool:
    return text.isascii() or max(text) <= _LAST_BELOW_SURROGATES


def _is_bmp(value: Json) -> bool:
    return type(value) is str and (value.isascii() or max(value) <= _LAST_BMP)
