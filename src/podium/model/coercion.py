"""Leniency toward clients: bends parsed JSON to a wire type wherever Conductor's own parser would.

Null for a number or a boolean is zero, null for a collection, an enum or a name is the field's default;
texts, numbers and booleans convert into each other. Assumes values from the JSON parser, no deeper than
`wire.DEPTH_MAX`. Never touches free-form maps; what can't be bent is left for the type check to report.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

from podium.model.errors import InvalidRequest

type_info = inspect.type_info
Coercion = Callable[[Any], Any]
NullRule = Callable[[dict[str, Any]], Any]


def on_null(rule: NullRule) -> msgspec.Meta:
    """Mark a field that must not be null: *rule* says what to read instead.

    It gets the object around the null and returns a value, UNSET for the field's default, or None to refuse.
    """
    return msgspec.Meta(extra={"on_null": rule})


NULL_IS_DEFAULT = on_null(lambda _: msgspec.UNSET)
NULL_REFUSED = on_null(lambda _: None)


class _MisfitError(Exception):
    """Carries what is wrong outwards while each level adds its step of the path."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.steps: list[str] = []

    def text(self) -> str:
        return f"{self} - at `${''.join(reversed(self.steps))}`"


class _Field(NamedTuple):
    name: str
    coerce: Coercion
    when_null: NullRule


def coerce(wire_type: Any, value: Any) -> Any:
    """Return a copy of *value* with the leniencies for *wire_type* applied; cost about 0.3 µs per field."""
    try:
        return _coercion_of(wire_type)(value)
    except _MisfitError as misfit:
        raise InvalidRequest(f"JSON parse error: {misfit.text()}") from None


@cache
def _coercion_of(wire_type: Any) -> Coercion:
    return _coercion(type_info(wire_type))


def _coercion(node: inspect.Type) -> Coercion:
    match node:
        case inspect.Metadata():
            return _coercion(node.type)
        case inspect.StructType():
            return partial(_coerce_struct, node.cls)
        case inspect.ListType():
            return partial(_coerce_list, _coercion(node.item_type))
        case inspect.DictType():
            return _map_coercion(node.value_type)
        case inspect.LiteralType():
            return partial(_check_literal, node.values)
        case inspect.UnionType():
            return _union_coercion(node)
        case _:
            return _scalar_coercion(node, optional=False)


def _scalar_coercion(node: inspect.Type, *, optional: bool) -> Coercion:
    match node:
        case inspect.IntType():
            return partial(_coerce_int, None if optional else 0)
        case inspect.BoolType():
            return partial(_coerce_bool, None if optional else False)
        case inspect.StrType():
            return _coerce_text
        case _:
            return _unchanged


def _union_coercion(union: inspect.UnionType) -> Coercion:
    members = [_bare(member) for member in union.types if not isinstance(member, inspect.NoneType)]
    structs = [member for member in members if isinstance(member, inspect.StructType)]
    if len(members) == 1:
        scalar = isinstance(members[0], inspect.IntType | inspect.BoolType | inspect.StrType)
        return _scalar_coercion(members[0], optional=True) if scalar else _coercion(members[0])
    return _coercion(structs[0]) if structs else _unchanged


def _map_coercion(value_type: inspect.Type) -> Coercion:
    bare = _bare(value_type)
    if isinstance(bare, inspect.AnyType):
        return _unchanged
    return partial(_coerce_map, _coercion(bare), isinstance(bare, inspect.StrType))


def _bare(node: inspect.Type) -> inspect.Type:
    return node.type if isinstance(node, inspect.Metadata) else node


@cache
def _fields(cls: type) -> list[_Field]:
    struct = type_info(cls)
    assert isinstance(struct, inspect.StructType)  # noqa: S101 (only called with the class of one)
    return [_Field(f.encode_name, _coercion(f.type), _null_rule(f.type)) for f in struct.fields]


def _null_rule(node: inspect.Type) -> NullRule:
    extra = (node.extra or {}) if isinstance(node, inspect.Metadata) else {}
    if "on_null" in extra:
        rule: NullRule = extra["on_null"]
        return rule
    match _bare(node):
        case inspect.UnionType() | inspect.AnyType():
            return lambda _: None
        case inspect.IntType():
            return lambda _: 0
        case inspect.BoolType():
            return lambda _: False
        case _:
            return lambda _: msgspec.UNSET


def _coerce_struct(cls: type, value: Any) -> Any:
    if type(value) is not dict:
        return value
    result = {}
    for name, coerce_field, when_null in _fields(cls):
        if name not in value:
            continue
        try:
            given = value[name]
            read = when_null(value) if given is None else coerce_field(given)
        except _MisfitError as misfit:
            misfit.steps.append(f".{name}")
            raise
        if read is not msgspec.UNSET:
            result[name] = read
    return result


def _coerce_list(coerce_item: Coercion, value: Any) -> Any:
    if type(value) is not list:
        return value
    result = []
    for index, item in enumerate(value):
        try:
            result.append(coerce_item(item))
        except _MisfitError as misfit:
            misfit.steps.append(f"[{index}]")
            raise
    return result


def _coerce_map(coerce_item: Coercion, null_is_absent: bool, value: Any) -> Any:
    if type(value) is not dict:
        return value
    result = {}
    for key, item in value.items():
        if item is None and null_is_absent:
            continue
        try:
            result[key] = coerce_item(item)
        except _MisfitError as misfit:
            misfit.steps.append("[...]")
            raise
    return result


def _check_literal(allowed: tuple[Any, ...], value: Any) -> Any:
    if value in allowed or value is None:
        return value
    shown = value if isinstance(value, str | int | float) else type(value).__name__
    raise _MisfitError(f"Expected one of {', '.join(map(str, allowed))}, got {str(shown)[:100]!r}")


def _coerce_int(blank: int | None, value: Any) -> Any:
    if type(value) is float:
        return int(value)
    if type(value) is str:
        return value.strip() or blank
    return value


def _coerce_bool(blank: bool | None, value: Any) -> Any:
    if type(value) is int:
        return value != 0
    if type(value) is str:
        return value.strip() or blank
    return value


def _coerce_text(value: Any) -> Any:
    if type(value) is bool:
        return "true" if value else "false"
    return str(value) if type(value) in (int, float) else value


def _unchanged(value: Any) -> Any:
    return value
