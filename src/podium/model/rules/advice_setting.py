"""Advice about settings: retries and timeouts that contradict each other, and what a definition names elsewhere."""

from collections.abc import Iterator

from podium.model.duration import parse_duration_seconds
from podium.model.rules.advice_finding import Finding, Known, did_you_mean, meant
from podium.model.rules.advice_outline import Located, Outline
from podium.model.rules.advice_value import value_advice
from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowDef

_WORKER_TYPES = ("SIMPLE", "USER_DEFINED")


def setting_advice(outline: Outline, known: Known) -> Iterator[Finding]:
    """Iterate over what is odd about the settings of a definition, and of the tasks that it uses."""
    yield from _of_workflow(outline.definition, known)
    for one in outline.steps:
        yield from _of_type(one, known)
        yield from _without_effect(one)
        yield from _of_sub_workflow(one, outline, known)
        yield from _of_task_def(one, outline.definition, known)
        yield from _of_wait(one, outline.definition)


# ---- the workflow


def _of_workflow(definition: WorkflowDef, known: Known) -> Iterator[Finding]:
    if definition.timeoutPolicy == "TIME_OUT_WF" and definition.timeoutSeconds <= 0:
        message = "timeoutPolicy TIME_OUT_WF has no effect without timeoutSeconds"
        yield Finding("info", "$.timeoutPolicy", message, "set timeoutSeconds")
    name = definition.failureWorkflow
    version = definition.failureWorkflowVersion
    if known.is_complete and name and "${" not in name and known.workflow_def(name, version) is None:
        hint = did_you_mean(name, known.workflow_names())
        yield Finding("warning", "$.failureWorkflow", f"the server knows no workflow {name}", hint)
    if definition.cacheConfig is not None:
        message = "cacheConfig of a workflow has no effect"
        yield Finding("info", "$.cacheConfig", message, "set it at the steps whose results may be used again")
    if definition.inputSchema is not None and definition.inputSchema.data:
        yield from value_advice(definition.inputTemplate, definition.inputSchema.data, "$.inputTemplate", is_part=True)


# ---- steps


def _of_type(one: Located, known: Known) -> Iterator[Finding]:
    kind = one.step.type
    if known.types and kind not in known.types and kind not in _WORKER_TYPES:
        found = meant(kind, known.types)
        if found is not None:
            message = f"{kind} is no type of the server: workers would have to poll for {kind}"
            yield Finding("warning", f"{one.path}.type", message, f"did you mean {found}?")


def _without_effect(one: Located) -> Iterator[Finding]:
    """Tell of fields that the step's type does not read."""
    step = one.step
    if step.type in ("JOIN", "EXCLUSIVE_JOIN") and step.expression:
        message = f"a {step.type} evaluates no script: it waits for joinOn"
        yield Finding("warning", f"{one.path}.expression", message, "put the choice into a SWITCH behind it")
    if step.scriptExpression:
        message = "scriptExpression is read from inputParameters: here it has no effect"
        yield Finding("warning", f"{one.path}.scriptExpression", message, "move it into inputParameters")
    param = step.subWorkflowParam
    if param is not None and bool(param.idempotencyKey) != (param.idempotencyStrategy is not None):
        message = "idempotencyKey and idempotencyStrategy act only together"
        yield Finding("warning", f"{one.path}.subWorkflowParam", message, "set both")


def _of_sub_workflow(one: Located, outline: Outline, known: Known) -> Iterator[Finding]:
    param = one.step.subWorkflowParam
    if one.step.type != "SUB_WORKFLOW" or param is None or param.workflowDefinition is not None:
        return
    path, name, version = f"{one.path}.subWorkflowParam", param.name, param.version
    if not name:
        yield Finding("warning", f"{path}.name", "no workflow is named: the task fails", "name one")
        return
    if "${" in name:
        return
    definition = outline.definition
    if name == definition.name and version in (None, 0, definition.version):
        if all(around.step.type not in ("SWITCH", "DECISION") for around in one.chain()):
            message = f"{name} starts itself each time it runs: it fails when that is too deep"
            yield Finding("warning", f"{path}.name", message, "put the step into a case of a SWITCH")
        return
    if not known.is_complete:
        return
    if known.workflow_def(name, None) is None:
        hint = did_you_mean(name, known.workflow_names()) or "register it before this one is started"
        yield Finding("warning", f"{path}.name", f"the server knows no workflow {name}", hint)
    elif version and known.workflow_def(name, version) is None:
        latest = known.workflow_def(name, None)
        hint = f"the latest one is {latest.version if latest else ''}"
        yield Finding("warning", f"{path}.version", f"the server knows no version {version} of {name}", hint)


def _of_task_def(one: Located, definition: WorkflowDef, known: Known) -> Iterator[Finding]:
    step = one.step
    embedded = step.taskDefinition
    used = embedded or known.task_def(step.name)
    if used is None:
        if step.type in _WORKER_TYPES and known.is_complete:
            hint = did_you_mean(step.name, known.task_names()) or "register one to set its retries and timeouts"
            yield Finding("info", f"{one.path}.name", f"the server has no task definition {step.name}", hint)
        return
    if embedded is not None:
        yield from task_def_advice(embedded, f"{one.path}.taskDefinition")
    if 0 < definition.timeoutSeconds < used.timeoutSeconds and definition.timeoutPolicy == "TIME_OUT_WF":
        message = (
            f"the task {step.name} may take {used.timeoutSeconds} s, the whole workflow only "
            f"{definition.timeoutSeconds} s"
        )
        yield Finding("warning", f"{one.path}.name", message, "give the workflow more time, or the task less")
    if used.inputSchema is not None and used.inputSchema.data:
        given = {**used.inputTemplate, **step.inputParameters}
        yield from value_advice(given, used.inputSchema.data, f"{one.path}.inputParameters")


def _of_wait(one: Located, definition: WorkflowDef) -> Iterator[Finding]:
    duration = one.step.inputParameters.get("duration") if one.step.type == "WAIT" else None
    if not isinstance(duration, str) or "${" in duration or definition.timeoutPolicy != "TIME_OUT_WF":
        return
    try:
        seconds = parse_duration_seconds(duration)
    except ValueError:
        return
    if 0 < definition.timeoutSeconds <= seconds:
        message = f"the wait of {duration} is longer than the workflow may take, {definition.timeoutSeconds} s"
        yield Finding(
            "warning", f"{one.path}.inputParameters.duration", message, "raise timeoutSeconds of the workflow"
        )


# ---- task definitions


def task_def_advice(definition: TaskDef, path: str = "$") -> Iterator[Finding]:
    """Iterate over settings of a task definition that contradict each other."""
    timeout_s, lease_s = definition.timeoutSeconds, definition.responseTimeoutSeconds
    if timeout_s > 0 and lease_s == timeout_s:
        message = f"responseTimeoutSeconds is as long as timeoutSeconds ({timeout_s} s): it has no effect of its own"
        yield Finding("warning", f"{path}.responseTimeoutSeconds", message, "make it shorter than timeoutSeconds")
    if timeout_s > 0 and definition.retryCount > 0 and definition.timeoutPolicy == "TIME_OUT_WF":
        message = (
            "timeoutPolicy TIME_OUT_WF ends the workflow at the first timeout: retryCount counts for failures only"
        )
        yield Finding("info", f"{path}.timeoutPolicy", message, "to retry timeouts as well, use the policy RETRY")
    if timeout_s <= 0 and definition.timeoutPolicy == "RETRY" and definition.retryCount == 0:
        yield Finding(
            "warning", f"{path}.timeoutPolicy", "the policy RETRY needs a retryCount above 0", "set retryCount"
        )
    if (poll_s := definition.pollTimeoutSeconds or 0) and 0 < timeout_s <= poll_s:
        message = f"pollTimeoutSeconds ({poll_s} s) is not shorter than timeoutSeconds ({timeout_s} s)"
        yield Finding("warning", f"{path}.pollTimeoutSeconds", message, "make it shorter")
    yield from _of_retries(definition, path)


def _of_retries(definition: TaskDef, path: str) -> Iterator[Finding]:
    delay_s, most_s, total_s = (
        definition.retryDelaySeconds,
        definition.maxRetryDelaySeconds,
        definition.totalTimeoutSeconds,
    )
    if 0 < most_s < delay_s:
        message = f"maxRetryDelaySeconds ({most_s} s) is below retryDelaySeconds ({delay_s} s)"
        yield Finding("warning", f"{path}.maxRetryDelaySeconds", message, "raise it, or lower the delay")
    if definition.backoffScaleFactor > 1 and definition.retryLogic != "LINEAR_BACKOFF":
        message = f"backoffScaleFactor has no effect with retryLogic {definition.retryLogic}"
        yield Finding("info", f"{path}.backoffScaleFactor", message, "use LINEAR_BACKOFF, or leave it out")
    if total_s > 0 and definition.retryCount > 0 and delay_s >= total_s:
        message = f"the first retry would come after {delay_s} s, when totalTimeoutSeconds ({total_s} s) is over"
        yield Finding("warning", f"{path}.totalTimeoutSeconds", message, "raise it, or lower retryDelaySeconds")
    if definition.rateLimitPerFrequency > 0 and definition.rateLimitFrequencyInSeconds <= 0:
        message = "rateLimitPerFrequency has no effect without rateLimitFrequencyInSeconds"
        yield Finding("warning", f"{path}.rateLimitFrequencyInSeconds", message, "set it to a number of seconds")
