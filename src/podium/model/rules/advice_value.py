"""Advice about constants that break a JSON schema; parts with expressions are left out, for they are not known yet."""

from collections.abc import Iterator
from typing import Any

from podium.model.rules.advice_finding import Finding, at_key, did_you_mean
from podium.model.wire import Json

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_DEPTH_MAX = 20


def value_advice(
    value: Json, schema: dict[str, Any], path: str, *, is_part: bool = False, depth: int = 0
) -> Iterator[Finding]:
    """Iterate over types, missing and unknown names and `enum` as JSON Schema has them; all other keywords are ignored.

    *is_part*: names may be missing, for others add them.
    """
    if depth > _DEPTH_MAX or (isinstance(value, str) and "${" in value):
        return
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []
    if names and not any(_is(value, name) for name in names):
        message = f"the schema wants {' or '.join(map(str, names))}, not {_shown(value)}"
        yield Finding("warning", path, message)
        return
    choices = schema.get("enum")
    if isinstance(choices, list) and value not in choices:
        hint = did_you_mean(value, [one for one in choices if isinstance(one, str)]) if isinstance(value, str) else None
        message = f"the schema wants one of {', '.join(map(str, choices[:10]))}, not {_shown(value)}"
        yield Finding("warning", path, message, hint)
    if isinstance(value, dict):
        yield from _of_object(value, schema, path, is_part, depth)
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from value_advice(item, items, f"{path}[{index}]", depth=depth + 1)


def _of_object(
    value: dict[str, Json], schema: dict[str, Any], path: str, is_part: bool, depth: int
) -> Iterator[Finding]:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    for name in required if isinstance(required, list) and not is_part else ():
        if isinstance(name, str) and name not in value:
            yield Finding("warning", path, f"the schema requires {name}", f"add {name}")
    for name, item in value.items():
        inner = known.get(name)
        if isinstance(inner, dict):
            yield from value_advice(item, inner, at_key(path, name), is_part=is_part, depth=depth + 1)
        elif inner is None and schema.get("additionalProperties") is False:
            yield Finding("warning", at_key(path, name), f"the schema has no {name}", did_you_mean(name, known))


def _is(value: Json, name: object) -> bool:
    if isinstance(value, bool) and name in ("integer", "number"):
        return False
    if isinstance(value, float) and name == "integer":
        return value.is_integer()
    return isinstance(value, _TYPES.get(str(name), (object,)))


def _shown(value: Json) -> str:
    text = (
        repr(value) if not isinstance(value, dict | list) else ("an object" if isinstance(value, dict) else "an array")
    )
    return text if len(text) <= 60 else text[:59] + "…"
