"""Advice about `${…}`: names that nobody has, steps that can't have run before, fields and outputs that never exist."""

import re
from collections.abc import Iterable, Iterator

from podium.model.rules.advice_finding import Finding, at_key, did_you_mean
from podium.model.rules.advice_outline import AFTER, BESIDE, INSIDE, OTHER_CASE, SELF, Located, Outline, relation
from podium.model.rules.reference import SYSTEM_NAMES
from podium.model.wire import Json

# What `${workflow.…}` and `${REF.…}` can be followed by.
WORKFLOW_FIELDS = (
    "input", "output", "variables", "secrets", "env", "status", "workflowId", "workflowType", "version",
    "correlationId", "parentWorkflowId", "parentWorkflowTaskId", "reasonForIncompletion", "schemaVersion",
)  # fmt: skip
TASK_FIELDS = (
    "input", "output", "status", "taskId", "taskType", "taskDefName", "referenceTaskName", "retryCount", "pollCount",
    "scheduledTime", "startTime", "endTime", "correlationId", "workflowInstanceId", "reasonForIncompletion",
    "callbackAfterSeconds", "workerId", "iteration",
)  # fmt: skip
# What a task of these types has as its output, whatever it is given.
_OUTPUTS = {
    "INLINE": ("result",),
    "LAMBDA": ("result",),
    "HTTP": ("response",),
    "JSON_JQ_TRANSFORM": ("result", "resultList", "error"),
    "SWITCH": ("evaluationResult", "selectedCase"),
    "DECISION": ("caseOutput",),
    "START_WORKFLOW": ("workflowId",),
}
_NEVER = {
    SELF: "{ref} is the task itself: it has no output before it has run",
    AFTER: "{ref} runs later: this reads as null",
    OTHER_CASE: "{ref} is in another case of the same switch: when this step runs, {ref} does not",
    BESIDE: "{ref} is in another branch of the same fork: nobody waits for it before this step",
    INSIDE: "{ref} is inside of this step and has not run when the step begins",
}
_TOKEN = re.compile(r"(?<!\$)\$\{([^{}]*)\}")
_PART = re.compile(r"[^.\[\]'\"]+")


def reference_advice(outline: Outline) -> Iterator[Finding]:
    """Iterate over what is odd about the references of all steps and of the output."""
    reader = Reader(outline)
    for one in outline.steps:
        texts = texts_of(one.step.inputParameters, f"{one.path}.inputParameters")
        for path, text in texts:
            yield from reader.findings(text, path, one)
        for field in ("items", "sink"):
            if isinstance(value := getattr(one.step, field), str):
                yield from reader.findings(value, f"{one.path}.{field}", one)
    for path, text in texts_of(outline.definition.outputParameters, "$.outputParameters"):
        yield from reader.findings(text, path, None)


def texts_of(value: Json, path: str) -> Iterator[tuple[str, str]]:
    """Iterate over all strings of a JSON value, with their paths."""
    waiting: list[tuple[str, Json]] = [(path, value)]
    while waiting:
        at, found = waiting.pop()
        if isinstance(found, str):
            yield at, found
        elif isinstance(found, dict):
            waiting.extend((at_key(at, key), item) for key, item in reversed(found.items()))
        elif isinstance(found, list):
            waiting.extend((f"{at}[{index}]", item) for index, item in reversed(list(enumerate(found))))


class Reader:
    """Looks at single references of one definition."""

    def __init__(self, outline: Outline) -> None:
        self._outline = outline
        definition = outline.definition
        self._inputs = {*definition.inputParameters, *definition.inputTemplate} if definition.inputParameters else set()
        self._variables = {*definition.variables}
        for one in outline.steps:
            if one.step.type == "SET_VARIABLE":
                self._variables.update(one.step.inputParameters)

    def findings(self, text: str, path: str, reader: Located | None) -> Iterator[Finding]:
        """Iterate over what is odd about the references in *text*, which the step *reader* has, or the output."""
        for match in _TOKEN.finditer(text):
            token = match.group(1)
            if token in SYSTEM_NAMES or token.startswith("$"):
                continue
            parts = _PART.findall(token)[:4]
            if not parts:
                yield Finding(
                    "warning", path, "${} names nothing", "write ${workflow.input.NAME} or ${REF.output.NAME}"
                )
            elif parts[0] == "workflow":
                yield from self._of_workflow(parts, path)
            else:
                yield from self._of_task(parts, path, reader)

    def _of_workflow(self, parts: list[str], path: str) -> Iterator[Finding]:
        field = parts[1] if len(parts) > 1 else ""
        if field and field not in WORKFLOW_FIELDS:
            hint = did_you_mean(field, WORKFLOW_FIELDS, "workflow.")
            yield Finding("warning", path, f"workflow.{field} is no field of a workflow: this reads as null", hint)
        if len(parts) < 3:
            return
        name = parts[2]
        if field == "input" and self._inputs and name not in self._inputs:
            hint = did_you_mean(name, self._inputs, "workflow.input.")
            yield Finding("info", path, f"the input {name} is not among the definition's inputParameters", hint)
        if field == "variables" and name not in self._variables:
            hint = did_you_mean(name, self._variables, "workflow.variables.")
            yield Finding("warning", path, f"no SET_VARIABLE step and no default sets the variable {name}", hint)

    def _of_task(self, parts: list[str], path: str, reader: Located | None) -> Iterator[Finding]:
        ref = parts[0]
        source = self._outline.by_ref.get(ref)
        if source is None:
            yield from self._unknown(ref, path)
            return
        never = _NEVER.get(relation(reader, source)) if reader is not None else None
        if never is not None and not (reader is not None and _looks_inside(reader)):
            yield Finding("warning", path, never.format(ref=ref), _earlier(reader))
        if len(parts) > 1:
            yield from _of_fields(source, parts[1:], path)

    def _unknown(self, ref: str, path: str) -> Iterator[Finding]:
        names: Iterable[str] = ("workflow", *self._outline.by_ref)
        hint = did_you_mean(ref, names)
        if hint or not self._outline.is_dynamic:  # branches of a dynamic fork have names that stand nowhere
            yield Finding("warning", path, f"no step has the reference name {ref}", hint)


def _looks_inside(reader: Located) -> bool:
    """Whether the parameters are resolved again when steps inside have run: the condition of a loop is."""
    return reader.step.type == "DO_WHILE"


def _earlier(reader: Located | None) -> str | None:
    before = reader.before() if reader is not None else None
    return None if before is None else f"the step before this one is {before.ref}"


def _of_fields(source: Located, parts: list[str], path: str) -> Iterator[Finding]:
    field = parts[0]
    if field not in TASK_FIELDS:
        hint = did_you_mean(field, TASK_FIELDS, f"{source.ref}.") or f"outputs are read as {source.ref}.output.NAME"
        yield Finding("warning", path, f"{source.ref}.{field} is no field of a task: this reads as null", hint)
    outputs = _OUTPUTS.get(source.step.type)
    if field == "output" and outputs and len(parts) > 1 and parts[1] not in outputs:
        hint = did_you_mean(parts[1], outputs, f"{source.ref}.output.") or f"it has {', '.join(outputs)}"
        yield Finding("warning", path, f"the output of {source.step.type} tasks has no {parts[1]}", hint)
