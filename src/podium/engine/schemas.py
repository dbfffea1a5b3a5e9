"""Schemas of definitions, enforced: inputs and outputs that break their JSON schema end what has them.

Upstream accepts the fields without effect. A schema is evaluated like a script, outside of the server process and
within limits: what it takes is up to whoever wrote it. One that can't be used refuses everything, and says why.
"""

from podium.engine.context import Context, Script, ScriptNeeded
from podium.engine.graph import Graph, Step
from podium.model.schema_def import SchemaDef
from podium.model.task import EMPTY
from podium.model.wire import encode_json, parse_json

LANGUAGE = "json_schema"
SHOWN_MAX = 3


def input_fault(context: Context, step: Step, body: bytes) -> str | None:
    """Say how the input of a new task of *step* breaks the schema of its task definition."""
    definition = step.task_def
    if definition is None or not definition.enforceSchema:
        return None
    return _fault(context, definition.inputSchema, body, f"The input of {step.name}")


def output_fault(context: Context, step: Step | None, body: bytes) -> str | None:
    """Say how the output of a task of *step* breaks the schema of its task definition."""
    definition = step.task_def if step is not None else None
    if step is None or definition is None or not definition.enforceSchema:
        return None
    return _fault(context, definition.outputSchema, body, f"The output of {step.name}")


def start_fault(context: Context, graph: Graph, body: bytes) -> str | None:
    """Say how *body* breaks the schema for the input of workflows of *graph*."""
    definition = graph.definition
    if not definition.enforceSchema:
        return None
    return _fault(context, definition.inputSchema, body, f"The input of workflow {graph.name}")


def end_fault(context: Context, graph: Graph, body: bytes) -> str | None:
    """Say how *body* breaks the schema for the output of workflows of *graph*."""
    definition = graph.definition
    if not definition.enforceSchema:
        return None
    return _fault(context, definition.outputSchema, body, f"The output of workflow {graph.name}")


def _fault(context: Context, schema: SchemaDef | None, body: bytes, what: str) -> str | None:
    """Raise `ScriptNeeded` while the answer is not there; a schema that nobody has is not enforced."""
    data = context.schema_data(schema) if schema is not None and schema.type in (None, "JSON") else None
    if schema is None or data is None:
        return None
    script = Script(LANGUAGE, encode_json(data).decode(), body or EMPTY)
    answer = context.script(script)
    if answer is None:
        raise ScriptNeeded(script)
    name = f"schema {schema.name or '(unnamed)'} version {schema.version}"
    if answer.value is None:
        return f"{what} can't be checked against {name}: {answer.error}"
    faults = parse_json(answer.value)
    if not faults:
        return None
    shown = "; ".join(f"{path}: {message}" for path, message in faults[:SHOWN_MAX])
    more = f", and {len(faults) - SHOWN_MAX} more" if len(faults) > SHOWN_MAX else ""
    return f"{what} breaks {name}: {shown}{more}"
