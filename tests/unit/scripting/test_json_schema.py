"""JSON schemas in a worker: faults with their paths, schemas that are none, and nothing fetched."""

import asyncio
import importlib
import json
from typing import Any

import pytest

from podium.scripting import ScriptLimits, ScriptPool, ScriptRequest, ScriptResult, frame, json_schema


@pytest.fixture(scope="module")
def evaluator() -> json_schema.Evaluator:
    return json_schema.Evaluator(importlib.import_module("jsonschema_rs"))


def faults(evaluator: json_schema.Evaluator, schema: Any, value: Any) -> list[list[str]]:
    kind, body = evaluator.evaluate(json.dumps(schema), json.dumps(value).encode())
    assert kind == frame.OK, body
    found: list[list[str]] = json.loads(body)
    return found


def test_valid(evaluator: json_schema.Evaluator) -> None:
    assert faults(evaluator, {"type": "object", "required": ["a"]}, {"a": 1}) == []


def test_faults_have_paths(evaluator: json_schema.Evaluator) -> None:
    schema = {"properties": {"a": {"items": {"type": "integer"}}}, "required": ["b"]}

    assert faults(evaluator, schema, {"a": [1, "x"]}) == [
        ["$", '"b" is a required property'],
        ["$.a[1]", '"x" is not of type "integer"'],
    ]


def test_faults_are_bounded(evaluator: json_schema.Evaluator) -> None:
    found = faults(evaluator, {"items": {"type": "integer"}}, ["x" * 1_000] * 100)

    assert len(found) == 10
    assert max(len(message) for _, message in found) == 200


@pytest.mark.parametrize("schema", [{"type": "none"}, {"$ref": "http://example.com/s.json"}, {"pattern": "("}])
def test_schemas_that_are_none(evaluator: json_schema.Evaluator, schema: Any) -> None:
    kind, body = evaluator.check(json.dumps(schema))

    assert kind == frame.SYNTAX
    assert body
    assert evaluator.evaluate(json.dumps(schema), b"{}")[0] == frame.SYNTAX


def test_a_schema_that_never_ends_is_cut_off() -> None:
    """It applies itself twice to the value in each value, so that the work doubles with each level."""
    schema = json.dumps({"properties": {"a": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}}, "required": ["b"]})
    value = b'{"a":' * 60 + b"{}" + b"}" * 60

    async def evaluated() -> list[ScriptResult]:
        pool = ScriptPool(ScriptLimits(time_ms=300), size=1, kind_of_worker="schemas")
        await pool.start()
        try:
            requests = [ScriptRequest("json_schema", schema, value), ScriptRequest("json_schema", "{}", b"{}")]
            return [await pool.evaluate(one) for one in requests]
        finally:
            await pool.close()

    hostile, harmless = asyncio.run(evaluated())
    assert hostile.kind in ("timeout", "error")  # of time or memory, whichever is used up first
    assert harmless == ScriptResult("ok", value=b"[]")
