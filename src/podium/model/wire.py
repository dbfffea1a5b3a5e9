"""JSON in and out: how wire types are declared, and how they are read and written for Conductor's clients.

Writing leaves out null properties of objects and nothing else; nulls inside free-form maps stay.
Reading turns every kind of bad input, also hostile, into InvalidRequest. Knows no type of the domain.
"""

import itertools
import json
from collections.abc import Callable
from typing import Annotated, Any, TypeAlias, TypeVar

import msgspec

from podium.model.coercion import coerce
from podium.model.errors import InvalidRequest

T = TypeVar("T")

Json: TypeAlias = Any
"""Any JSON value as plain Python: dict, list, str, int of any size, float, bool or None."""

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]

DEPTH_MAX = 250
"""Deepest nesting of objects and arrays that is accepted: fifty nested steps and their payloads fit."""

PARTS_MAX = 1_000_000
"""Most objects, arrays and properties of one text: small ones take twenty times their size in memory, and seconds."""

_NO_MARK = bytes(code for code in range(256) if code not in b"{[:")
_SLICE_BYTES = 1 << 20
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


class WireObject(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the types that travel as JSON objects.

    Declare `x: T | None = None` for a property that is left out when null, `x: T = always(...)` for others.
    A plain `x: str = ""` is a text that is left out when empty: for names that validation requires anyway.
    """


def always(value: T) -> T:
    """Declare the default of a field that is written even when it has that default.

    The encoder leaves out fields that *are* their declared default, by identity. What a factory makes is
    never taken for the default unless the factory is plain `list` or `dict`; those are avoided here.
    """
    copy: Callable[[], T] | None = getattr(value, "copy", None)
    return msgspec.field(default_factory=copy or itertools.repeat(value).__next__)


def encode_json(value: Any) -> bytes:
    """Return compact JSON for a wire object, a plain JSON value, or lists and maps of them."""
    return _encoder.encode(value)


def to_json_value(value: Any) -> Json:
    """Return plain dicts and lists for a wire object, by the same rules as `encode_json`."""
    return msgspec.to_builtins(value)


def decode(wire_type: type[T], data: bytes) -> T:
    """Decode a request body into *wire_type*, as leniently as Conductor does; raises InvalidRequest."""
    value = parse_json(data)
    if value is None:
        raise InvalidRequest("Required request body is missing")
    return convert(wire_type, value)


def convert(wire_type: type[T], value: Json) -> T:
    """Turn plain JSON into *wire_type* by the rules of `decode`; free-form parts are shared, not copied."""
    try:
        return msgspec.convert(value, wire_type, strict=False)
    except (msgspec.ValidationError, RecursionError):
        pass  # rare: try again with the leniencies that the fast path lacks
    try:
        return msgspec.convert(coerce(wire_type, value), wire_type, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"JSON parse error: {error}") from None
    except RecursionError:
        raise InvalidRequest(_TOO_DEEP) from None


def parse_json(data: bytes) -> Json:
    """Parse *data* into plain values; an empty body is null. The guards cost as much as the parsing.

    Refuses nesting over DEPTH_MAX, more parts than PARTS_MAX, repeated keys, text that is not Unicode, numbers out of
    all range.
    """
    return parse_and_compact(data)[0]


def parse_and_compact(data: bytes) -> tuple[Json, bytes]:
    """Return the value of `parse_json` and its compact text, which the guards have made anyway."""
    if not data.strip():
        return None, b"null"
    marks = _marks(data)
    if len(marks) > PARTS_MAX:
        _refuse_many_parts(data)
    colons = marks.count(b":")
    try:
        value = _decoder.decode(data)
        if len(marks) - colons > DEPTH_MAX:
            _refuse_depth(value)
        compact = _encoder.encode(value)
        if compact != data:
            _refuse_repeated_keys(data, colons, compact)
    except RecursionError:
        raise InvalidRequest(_TOO_DEEP) from None
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"JSON parse error: the text is not valid UTF-8: {error.reason}") from None
    except ValueError as error:  # of either parser
        raise InvalidRequest(f"JSON parse error: {error}") from None
    return value, compact


_TOO_DEEP = f"JSON parse error: nested more than {DEPTH_MAX} levels deep"


def _refuse_many_parts(data: bytes) -> None:
    unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    if len(_marks(b"".join(unescaped.split(b'"')[::2]))) > PARTS_MAX:  # outside of strings
        raise InvalidRequest(f"JSON parse error: more than {PARTS_MAX} objects, arrays and properties")


def _marks(data: bytes) -> bytes:
    """Return what begins an object, an array or a value, in one look: to count each of them is slower."""
    if len(data) <= _SLICE_BYTES:
        return data.translate(None, _NO_MARK)
    slices = (data[at : at + _SLICE_BYTES] for at in range(0, len(data), _SLICE_BYTES))  # other threads get a turn
    return b"".join(one.translate(None, _NO_MARK) for one in slices)


def _refuse_depth(value: Json) -> None:
    level = [value]
    for _ in range(DEPTH_MAX):
        level = [inner for outer in level for inner in _containers_in(outer)]
        if not level:
            return
    raise InvalidRequest(_TOO_DEEP)


def _containers_in(value: Json) -> list[Json]:
    items = value.values() if type(value) is dict else value if type(value) is list else ()
    return [item for item in items if type(item) is dict or type(item) is list]


def _refuse_repeated_keys(data: bytes, colons: int, compact: bytes) -> None:
    # A repeated key is lost in decoding, together with at least its colon: encoded again, the text has fewer
    # colons than before, unless some hide in escapes. Only then is the slow parser worth its time.
    if colons != _marks(compact).count(b":") or (b"\\" in data and (b"\\u003a" in data or b"\\u003A" in data)):
        json.loads(data, object_pairs_hook=_refuse_repeated)


def _refuse_repeated(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result: dict[str, Json] = {}
    for key, value in pairs:
        if key in result:
            raise InvalidRequest(f"JSON parse error: Duplicate field {key[:100]!r}")
        result[key] = value
    return result
