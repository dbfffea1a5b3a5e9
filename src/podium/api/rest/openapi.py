"""The OpenAPI document, made from the route table."""

from collections.abc import Iterable
from typing import Any, get_args

import msgspec
from msgspec import inspect

from podium import __version__
from podium.api.rest.failure import ErrorBody
from podium.api.rest.parameter import Kind, Parameter
from podium.api.rest.route import Answer, Body, Route

_SCHEMAS: dict[Kind, dict[str, Any]] = {
    "text": {"type": "string"},
    "boolean": {"type": "boolean"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "list": {"type": "array", "items": {"type": "string"}},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document for *routes*."""
    routes = list(routes)
    wire_types = {
        id(one): one for route in routes for one in (route.returns, route.body and route.body.wire_type) if one
    }
    wire_types[id(ErrorBody)] = ErrorBody
    schemas, components = msgspec.json.schema_components(
        wire_types.values(), ref_template="#/components/schemas/{name}"
    )
    _allow_absence(wire_types.values(), components)
    schema_of = dict(zip(wire_types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(_template(route), {})[route.method.lower()] = _operation(route, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "podium",
            "version": __version__,
            "description": "Workflow orchestration, by Conductor's API.",
        },
        "paths": paths,
        "components": {"schemas": components},
    }


def _allow_absence(wire_types: Iterable[Any], components: dict[str, Any]) -> None:
    """Take fields that may be left out off the required ones; msgspec puts all there that have no default."""
    for cls in _structs(wire_types):
        schema = components[cls.__name__]
        absent = {one.encode_name for one in msgspec.structs.fields(cls) if msgspec.UnsetType in get_args(one.type)}
        schema["required"] = [name for name in schema.get("required", []) if name not in absent]


def _structs(wire_types: Iterable[Any]) -> set[type]:
    """Return the structs among *wire_types* and within them."""
    waiting: list[Any] = list(inspect.multi_type_info(wire_types))
    found: set[type] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, inspect.StructType) and node.cls not in found:
            found.add(node.cls)
            waiting.extend(field.type for field in node.fields)
        waiting.extend(getattr(node, "types", ()))
        waiting.extend(getattr(node, name) for name in ("type", "item_type", "value_type") if hasattr(node, name))
    return found


def _template(route: Route) -> str:
    return route.path.replace(":integer}", "}")


def _operation(route: Route, schema_of: dict[int, dict[str, Any]]) -> dict[str, Any]:
    parts = route.path.split("/")
    operation: dict[str, Any] = {
        "tags": [parts[2] if parts[1] == "api" and len(parts) > 2 else "server"],
        "summary": route.summary,
        "operationId": _identifier(route),
        "parameters": [
            *(_parameter(one, "path") for one in route.variables),
            *(_parameter(one, "query") for one in route.parameters),
            *(_parameter(one, "header") for one in route.headers),
        ],
        "responses": _responses(route, schema_of),
    }
    if route.body is not None:
        operation["requestBody"] = _request_body(route.body, schema_of)
    return operation


def _identifier(route: Route) -> str:
    words = _template(route).replace("{", "").replace("}", "").replace("-", "/_").replace(".", "/").split("/")
    return route.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)


def _parameter(parameter: Parameter, place: str) -> dict[str, Any]:
    schema = dict(_SCHEMAS[parameter.kind])
    if parameter.default not in (None, ""):
        schema["default"] = parameter.default
    found = {"name": parameter.name, "in": place, "required": parameter.required, "schema": schema}
    if parameter.kind == "map":
        found["style"] = "deepObject"
    return found


def _request_body(body: Body, schema_of: dict[int, dict[str, Any]]) -> dict[str, Any]:
    if not body.is_json:
        return {"required": True, "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"required": body.required, "content": {"application/json": {"schema": schema_of[id(body.wire_type)]}}}


def _responses(route: Route, schema_of: dict[int, dict[str, Any]]) -> dict[str, Any]:
    error = {
        "description": "What went wrong",
        "content": {"application/json": {"schema": schema_of[id(ErrorBody)]}},
    }
    found = {str(route.answer.status): _success(route.answer, route.returns, schema_of), "default": error}
    if route.answer.content_type == "application/json":
        found["204"] = {"description": "There is nothing to return"}
    return found


def _success(answer: Answer, returns: Any, schema_of: dict[int, dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": "Done"}
    if answer.content_type is not None:
        schema = schema_of.get(id(returns), {}) if answer.content_type == "application/json" else {"type": "string"}
        found["content"] = {answer.content_type.partition(";")[0]: {"schema": schema}}
    return found
