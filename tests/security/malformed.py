"""JSON that is none or too much, and values that a field does not take, whatever it is lenient about."""

from collections.abc import Iterator
from typing import Any

from msgspec import inspect

Json = Any

FRAGMENTS: dict[str, bytes] = {
    "nothing": b"",
    "a word": b"tru",
    "a name": b"undefined",
    "not a number": b"NaN",
    "infinity": b"Infinity",
    "less than infinity": b"-Infinity",
    "a leading zero": b"01",
    "a bare fraction": b".5",
    "hexadecimal": b"0x10",
    "a number over all range": b"1e400",
    "an exponent without end": b"1e999999999",
    "a million digits": b"9" * 1_000_000,
    "a million negative digits": b"-" + b"9" * 1_000_000,
    "single quotes": b"'a'",
    "an unknown escape": b'"\\x"',
    "half an escape": b'"\\u12"',
    "a high surrogate": b'"\\ud800"',
    "surrogates in the wrong order": b'"\\udc00\\ud800"',
    "no UTF-8": b'"\xff"',
    "half a character": b'"\xc3"',
    "an overlong character": b'"\xc0\x80"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "a control character": b'"\x01"',
    "a line break": b'"a\nb"',
    "a byte order mark": b"\xef\xbb\xbf1",
    "a comment": b"/**/1",
    "a trailing comma": b"[1,]",
    "no colon": b'{"a" 1}',
    "a key that is a number": b"{1:2}",
    "a key twice": b'{"a":1,"a":2}',
    "a key twice, far down": b'[[{"a":{"b":1,"b":2}}]]',
    "a key twice, once escaped": b'{"a":1,"\\u0061":2}',
    "a key twice among colons": b'{"a:":1,"\\u003a":2,"b":"::","b":"::::"}',
    "arrays 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "arrays without an end": b"[" * 100_000,
    "arrays 251 deep": b"[" * 251 + b"]" * 251,
    "a million keys": b"{" + b",".join(b'"k%d":0' % number for number in range(1_000_000)) + b"}",
    "millions of arrays": b"[" + b"[]," * 3_000_000 + b"0]",
}

ODD_FRAGMENTS = [b"1e-400", b"0." + b"1" * 100_000, b'"\\u0000"', b'"\xed\x9f\xbf"', b"[" * 240 + b"]" * 240]
"""Unusual, but JSON."""

WHOLE = [b"", b" ", b"null", b"{", b"]", b"{}{}", b"\x00", b"\xff\xfe{\x00}\x00", b"5", b'"a"', b"true", b"1.5"]
"""Bodies that hold no object and no array."""

_WRONG: dict[type, list[Json]] = {
    inspect.IntType: [[], {}, "one", 10**30],
    inspect.FloatType: [[], {}, "one"],
    inspect.BoolType: [[], {}, "perhaps"],
    inspect.StrType: [[], {}],
    inspect.ListType: [5, "a", {"a": 1}, True],
    inspect.DictType: [5, "a", [1], True],
    inspect.StructType: [5, "a", [1], True],
    inspect.LiteralType: [[], {}, "NO_SUCH_WORD"],
    inspect.RawType: [5, "a", [1], True],  # of a result: an object
}


def wrong_fields(wire_type: type) -> Iterator[tuple[str, Json]]:
    """Yield each field of a type with each wrong value for it."""
    node = inspect.type_info(wire_type)
    assert isinstance(node, inspect.StructType)
    for field in node.fields:
        for value in _wrong_values(field.type):
            yield field.encode_name, value


def _wrong_values(node: inspect.Type) -> list[Json]:
    if isinstance(node, inspect.Metadata):
        return _wrong_values(node.type)
    if isinstance(node, inspect.UnionType):
        first, *others = (_wrong_values(one) for one in node.types if not isinstance(one, inspect.NoneType))
        return [value for value in first if all(value in other for other in others)]
    return _WRONG.get(type(node), [])
