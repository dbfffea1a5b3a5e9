"""Advice about fields that no definition has: they are ignored, so a misspelled one has no effect."""

from collections.abc import Iterator
from typing import Any

from podium.model.rules.advice_finding import Finding, Severity, at_key, did_you_mean
from podium.model.task_def import TaskDef
from podium.model.wire import Json
from podium.model.workflow_def import SubWorkflowParams, WorkflowDef, WorkflowTask

_WORKFLOW, _STEP, _TASK, _SUB = (
    frozenset(one.__struct_fields__) for one in (WorkflowDef, WorkflowTask, TaskDef, SubWorkflowParams)
)
# What clients send that has no meaning and is no mistake.
_HARMLESS = frozenset({"workflowTaskType", "accessPolicy", "dynamicForkJoinTasks"})


def field_advice(body: Json, *, is_task: bool = False) -> Iterator[Finding]:
    """Iterate over unknown fields of a definition as it was sent."""
    if not isinstance(body, dict):
        return
    if is_task:
        yield from _unknown(body, _TASK, "$")
        return
    waiting: list[tuple[Json, str, frozenset[str]]] = [(body, "$", _WORKFLOW)]
    while waiting:
        value, path, names = waiting.pop()
        if isinstance(value, list):
            waiting.extend((item, f"{path}[{index}]", names) for index, item in reversed(list(enumerate(value))))
        elif isinstance(value, dict):
            yield from _unknown(value, names, path)
            waiting.extend(reversed(list(_inner(value, path, names))))


def _unknown(value: dict[str, Any], names: frozenset[str], path: str) -> Iterator[Finding]:
    for key in value:
        if key not in names and key not in _HARMLESS:
            hint = did_you_mean(key, names)
            severity: Severity = "warning" if hint else "info"
            yield Finding(severity, at_key(path, key), f"{key} is no field of a {_title(names)}: it is ignored", hint)


def _title(names: frozenset[str]) -> str:
    return {_WORKFLOW: "workflow definition", _STEP: "step", _TASK: "task definition"}.get(names, "sub-workflow")


def _inner(value: dict[str, Any], path: str, names: frozenset[str]) -> Iterator[tuple[Json, str, frozenset[str]]]:
    if names == _WORKFLOW:
        yield value.get("tasks"), f"{path}.tasks", _STEP
    elif names == _STEP:
        cases = value.get("decisionCases")
        for case, steps in cases.items() if isinstance(cases, dict) else ():
            yield steps, at_key(f"{path}.decisionCases", case), _STEP
        for key in ("defaultCase", "forkTasks", "loopOver"):
            yield value.get(key), f"{path}.{key}", _STEP
        yield value.get("taskDefinition"), f"{path}.taskDefinition", _TASK
        yield value.get("subWorkflowParam"), f"{path}.subWorkflowParam", _SUB
    elif names == _SUB:
        yield value.get("workflowDefinition"), f"{path}.workflowDefinition", _WORKFLOW
