"""Query parameters: their declaration, and reading them from a query string as leniently as upstream does."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote_plus

from podium.model.errors import InvalidRequest

Kind = Literal["text", "boolean", "integer", "long", "list", "map"]

PAIRS_MAX = 2_000

_TRUE = frozenset({"true", "on", "yes", "1"})
_FALSE = frozenset({"false", "off", "no", "0"})
_JAVA_TYPES = {"integer": "java.lang.Integer", "long": "java.lang.Long", "boolean": "boolean"}
_BITS = {"integer": 31, "long": 63}


class Parameter(NamedTuple):
    """One query parameter; *default* stands for it when it is absent or empty."""

    name: str
    kind: Kind = "text"
    default: Any = None
    required: bool = False


def read_parameters(parameters: Sequence[Parameter], query: bytes) -> list[Any]:
    """Return the values of *parameters* in their order; names that are not declared are ignored."""
    return _values(parameters, _pairs(query) if query else [])


def read_headers(parameters: Sequence[Parameter], headers: Iterable[tuple[bytes, bytes]]) -> list[Any]:
    """Return the values of *parameters*, which are headers, in their order."""
    spelled = {one.name.lower(): one.name for one in parameters}
    found = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
    return _values(parameters, [(spelled[name], value) for name, value in found if name in spelled])


def _values(parameters: Sequence[Parameter], pairs: list[tuple[str, str]]) -> list[Any]:
    first = dict(reversed(pairs))
    values = []
    for parameter in parameters:
        text = first.get(parameter.name)
        if text is None and parameter.required:
            raise InvalidRequest(
                f"Required request parameter '{parameter.name}' for method parameter type String is not present"
            )
        if parameter.kind in _MANY:
            values.append(_MANY[parameter.kind](parameter.name, pairs))
        elif text is None or (not text and parameter.kind != "text"):
            values.append(parameter.default)
        else:
            values.append(text if parameter.kind == "text" else _READERS[parameter.kind](parameter, text))
    return values


def _pairs(query: bytes) -> list[tuple[str, str]]:
    parts = query.decode("latin-1").split("&")
    if len(parts) > PAIRS_MAX:
        raise InvalidRequest(f"The query string has {len(parts)} parts, at most {PAIRS_MAX} are possible")
    pairs = []
    for part in parts:
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name, value = unquote_plus(name), unquote_plus(value)
        pairs.append((name, value))
    return pairs


def _list(name: str, pairs: list[tuple[str, str]]) -> list[str]:
    """Read a list, be its items repeated or separated by commas."""
    return [item for key, value in pairs if key == name for item in value.split(",") if item]


def _map(name: str, pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Read `name[key]=value` pairs."""
    opening = f"{name}["
    return {key[len(opening) : -1]: value for key, value in pairs if key.startswith(opening) and key.endswith("]")}


def _boolean(parameter: Parameter, text: str) -> bool:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _not_convertible(parameter.name, "boolean", f"Invalid boolean value [{text[:100]}]")


def _number(parameter: Parameter, text: str) -> int:
    return read_number(parameter.name, parameter.kind, text)


def read_number(name: str, kind: str, text: str) -> int:
    """Return the whole number in *text*, within the bounds of *kind*."""
    try:
        number = int(text.strip()) if len(text) < 30 and text.isascii() and "_" not in text else None
    except ValueError:
        number = None
    if number is None or not -(1 << _BITS[kind]) <= number < 1 << _BITS[kind]:
        raise _not_convertible(name, kind, f'For input string: "{text[:100]}"')
    return number


def _not_convertible(name: str, kind: str, detail: str) -> InvalidRequest:
    return InvalidRequest(
        f"Method parameter '{name}': Failed to convert value of type 'java.lang.String' "
        f"to required type '{_JAVA_TYPES[kind]}'; {detail}"
    )


_MANY: dict[str, Callable[[str, list[tuple[str, str]]], Any]] = {"list": _list, "map": _map}
_READERS: dict[str, Callable[[Parameter, str], Any]] = {"boolean": _boolean, "integer": _number, "long": _number}
