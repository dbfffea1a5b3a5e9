"""Rules of one step of a definition: its own fields, and what its type requires.

Messages that look odd are Conductor's own; clients compare them.
"""

from collections.abc import Callable, Iterator
from typing import Any

from podium.model.duration import parse_duration_seconds, parse_until_ms
from podium.model.errors import Violation
from podium.model.rules.checks import Checks
from podium.model.workflow_def import WorkflowTask

LOOP_BODY = ".loopOver["
Rule = Callable[[WorkflowTask, Checks], Iterator[str]]


def step_violations(step: WorkflowTask, at: str, checks: Checks) -> Iterator[Violation]:
    """Iterate over what is wrong with *step* at the path *at*, not looking into the steps that it holds."""
    if not step.name:
        yield Violation(f"{at}.name", "WorkflowTask name cannot be empty or null")
    if not step.taskReferenceName:
        yield Violation(f"{at}.taskReferenceName", "WorkflowTask taskReferenceName name cannot be empty or null")
    if step.startDelay < 0:
        yield Violation(f"{at}.startDelay", "must be greater than or equal to 0", str(step.startDelay))
    rule = _RULES.get(step.type)
    if rule is not None and LOOP_BODY not in at:  # which upstream leaves to the run
        for message in rule(step, checks):
            yield Violation(at, message)


def _required(step: WorkflowTask, field: str) -> str:
    return f"{field} field is required for taskType: {step.type} taskName: {step.name}"


def _no_tasks(step: WorkflowTask, field: str) -> str:
    return f"{field} should have atleast one task for taskType: {step.type} taskName: {step.name}"


def _event(step: WorkflowTask, _: Checks) -> Iterator[str]:
    if not step.sink:
        yield _required(step, "sink")


def _decision(step: WorkflowTask, checks: Checks) -> Iterator[str]:
    if not step.caseValueParam and not step.caseExpression:
        yield _required(step, "caseValueParam or caseExpression")
    if not step.decisionCases:
        yield _no_tasks(step, "decisionCases")
    if step.caseExpression:
        yield from _script(step, step.caseExpression, checks)


def _switch(step: WorkflowTask, checks: Checks) -> Iterator[str]:
    if not step.evaluatorType:
        yield _required(step, "evaluatorType")
    elif not step.expression:
        yield _required(step, "expression")
    elif step.evaluatorType == "javascript":
        yield from _script(step, step.expression, checks)
    if not step.decisionCases:
        yield _no_tasks(step, "decisionCases")


def _script(step: WorkflowTask, source: str, checks: Checks) -> Iterator[str]:
    error = checks.script_error(source)
    if error is not None:
        yield f"Expression is not well formatted: {error}, taskType: {step.type} taskName {step.name}"


def _dynamic(step: WorkflowTask, _: Checks) -> Iterator[str]:
    if not step.dynamicTaskNameParam:
        yield _required(step, "dynamicTaskNameParam")


def _fork(step: WorkflowTask, _: Checks) -> Iterator[str]:
    if not step.forkTasks:
        yield _no_tasks(step, "forkTasks")


def _dynamic_fork(step: WorkflowTask, _: Checks) -> Iterator[str]:
    if "forkTaskInputs" in step.inputParameters:
        return
    tasks, inputs = step.dynamicForkTasksParam, step.dynamicForkTasksInputParamName
    if step.dynamicForkJoinTasksParam is not None:
        if tasks is not None or inputs is not None:
            yield (
                "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and "
                f"dynamicForkTasksParam cam be used for taskType: {step.type} taskName: {step.name}"
            )
        return
    if not tasks:
        yield _required(step, "dynamicForkTasksParam")
    if not inputs:
        yield _required(step, "dynamicForkTasksInputParamName")


def _http(step: WorkflowTask, checks: Checks) -> Iterator[str]:
    if {"http_request", "uri", "method"}.isdisjoint(step.inputParameters) and not _in_template(
        step, "http_request", checks
    ):
        yield _required(step, "inputParameters.http_request or inputParameters.uri")


def _input_required(key: str) -> Rule:
    def rule(step: WorkflowTask, checks: Checks) -> Iterator[str]:
        if key not in step.inputParameters and not _in_template(step, key, checks):
            yield _required(step, f"inputParameters.{key}")

    return rule


def _in_template(step: WorkflowTask, key: str, checks: Checks) -> bool:
    definition = step.taskDefinition or checks.task_def(step.name)
    return definition is not None and key in definition.inputTemplate


def _do_while(step: WorkflowTask, _: Checks) -> Iterator[str]:
    if step.loopCondition is None:  # empty is fine
        yield _required(step, "loopCondition")
    if not step.loopOver:
        yield _required(step, "loopOver")


def _sub_workflow(step: WorkflowTask, _: Checks) -> Iterator[str]:
    if step.subWorkflowParam is None:
        yield _required(step, "subWorkflowParam")


def _terminate(step: WorkflowTask, _: Checks) -> Iterator[str]:
    if step.optional:
        yield f"terminate task cannot be optional, taskName: {step.name}"
    # An expression is refused as well.
    if step.inputParameters.get("terminationStatus") not in ("COMPLETED", "FAILED", "TERMINATED"):
        yield (
            "terminate task must have an terminationStatus parameter and must be set to COMPLETED or FAILED, "
            f"taskName: {step.name}"
        )


def _wait(step: WorkflowTask, _: Checks) -> Iterator[str]:
    duration = _text(step.inputParameters.get("duration"))
    until = _text(step.inputParameters.get("until"))
    if duration and until:
        yield "Both 'duration' and 'until' specified. Please provide only one input"
    elif _is_literal(duration) and not _parses(parse_duration_seconds, duration):
        yield "Either date or duration is passed as null "
    elif _is_literal(until) and not _parses(parse_until_ms, until):
        yield "Unable to parse date "


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _is_literal(text: str) -> bool:
    return bool(text) and not text.startswith("${")


def _parses(parse: Callable[[str], int], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


_RULES: dict[str, Rule] = {
    "EVENT": _event,
    "DECISION": _decision,
    "SWITCH": _switch,
    "DYNAMIC": _dynamic,
    "FORK_JOIN": _fork,
    "FORK_JOIN_DYNAMIC": _dynamic_fork,
    "HTTP": _http,
    "KAFKA_PUBLISH": _input_required("kafka_request"),
    "JSON_JQ_TRANSFORM": _input_required("queryExpression"),
    "DO_WHILE": _do_while,
    "SUB_WORKFLOW": _sub_workflow,
    "TERMINATE": _terminate,
    "WAIT": _wait,
}
