"""Scripts of definitions, evaluated in this process: for tests that trust their own definitions, never in a server."""

import importlib
from functools import lru_cache
from typing import Any

from podium.engine.context import Script, ScriptAnswer
from podium.scripting import frame, javascript, jq, json_schema
from podium.scripting.script import ScriptLimits


def evaluate_here(script: Script) -> ScriptAnswer:
    """Return what the server's own script processes would answer; raises `ImportError` without the engine."""
    if script.language == "javascript":
        scripts = _javascript()
        evaluate = scripts.evaluate_body if script.is_body else scripts.evaluate
    elif script.language == "jq":
        evaluate = _jq().evaluate
    elif script.language == "json_schema":
        evaluate = _schemas().evaluate
    else:
        raise NotImplementedError(f"{script.language} scripts need a function of yours: Rehearsal(scripts=...)")
    kind, body = evaluate(script.source, script.input)
    if kind == frame.OK:
        return ScriptAnswer(bytes(body))
    return ScriptAnswer(error=body.decode(), timed_out=kind == frame.TIMEOUT)


@lru_cache(1)
def _javascript() -> Any:
    limits = ScriptLimits()
    engine = importlib.import_module("_quickjs")
    return javascript.Evaluator(engine, limits.time_ms, limits.heap_bytes, limits.stack_bytes, limits.output_bytes)


@lru_cache(1)
def _jq() -> Any:
    return jq.Evaluator(importlib.import_module("jq"), ScriptLimits().output_bytes)


@lru_cache(1)
def _schemas() -> Any:
    return json_schema.Evaluator(importlib.import_module("jsonschema_rs"))
