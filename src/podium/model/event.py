"""Event handlers: which actions follow when a message arrives on a queue."""
# ruff: noqa: N815

from typing import Literal

from podium.model.wire import Int32, Json, WireObject, always

ActionType = Literal[
    "start_workflow",
    "complete_task",
    "fail_task",
    "terminate_workflow",
    "update_workflow_variables",
    "start_agent",
]


class StartWorkflowAction(WireObject, frozen=True, kw_only=True):
    """Start a workflow; `input` and `correlationId` may hold expressions on the message."""

    name: str = ""
    version: Int32 | None = None
    correlationId: str | None = None
    input: dict[str, Json] = always({})
    taskToDomain: dict[str, str] | None = None


class TaskAction(WireObject, frozen=True, kw_only=True):
    """Complete or fail the task of an id, or of a reference name in a workflow."""

    workflowId: str | None = None
    taskRefName: str | None = None
    taskId: str | None = None
    output: dict[str, Json] = always({})
    reasonForIncompletion: str | None = None


class TerminateWorkflowAction(WireObject, frozen=True, kw_only=True):
    """End a workflow with a reason."""

    workflowId: str | None = None
    terminationReason: str | None = None


class UpdateVariablesAction(WireObject, frozen=True, kw_only=True):
    """Merge variables into a workflow's, appending to lists if so asked."""

    workflowId: str | None = None
    variables: dict[str, Json] = always({})
    appendArray: bool | None = None


class StartAgentAction(WireObject, frozen=True, kw_only=True):
    """Start an agent with a prompt."""

    name: str = ""
    version: Int32 | None = None
    prompt: str | None = None
    sessionId: str | None = None
    idempotencyKey: str | None = None
    context: dict[str, Json] | None = None
    media: list[str] | None = None


class Action(WireObject, frozen=True, kw_only=True):
    """One action; its details are in the field that bears the action's name."""

    action: ActionType | None = None
    start_workflow: StartWorkflowAction | None = None
    complete_task: TaskAction | None = None
    fail_task: TaskAction | None = None
    terminate_workflow: TerminateWorkflowAction | None = None
    update_workflow_variables: UpdateVariablesAction | None = None
    start_agent: StartAgentAction | None = None
    expandInlineJSON: bool = always(False)


class EventHandler(WireObject, frozen=True, kw_only=True):
    """What to do with messages of `event` (`type:queue`) for which `condition` holds; only while `active`."""

    name: str = ""
    event: str = ""
    condition: str | None = None
    actions: list[Action] = always([])
    active: bool = always(False)
    evaluatorType: str | None = None
