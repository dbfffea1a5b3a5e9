"""What clients send to start, test, rerun a workflow or to skip one of its tasks."""
# ruff: noqa: N815

from typing import Annotated, Literal

from podium.model.coercion import on_null
from podium.model.errors import InvalidRequest
from podium.model.wire import Int32, Int64, Json, WireObject, always
from podium.model.workflow_def import IdempotencyStrategy, WorkflowDef

MockStatus = Literal["IN_PROGRESS", "COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR", "CANCELED"]


def _input_for_null(request: dict[str, Json]) -> dict[str, Json]:
    # An input that was stored elsewhere may come as null; any other null is most likely the caller's mistake.
    if request.get("externalInputPayloadStoragePath") is None:
        raise InvalidRequest("NULL input passed when starting workflow")
    return {}


class StartWorkflowRequest(WireObject, frozen=True, kw_only=True):
    """Start the workflow `name` (its latest version if none is given), or the embedded `workflowDef`."""

    name: str = ""
    version: Int32 | None = None
    correlationId: str | None = None
    input: Annotated[dict[str, Json], on_null(_input_for_null)] = always({})
    taskToDomain: dict[str, str] = always({})
    workflowDef: WorkflowDef | None = None
    externalInputPayloadStoragePath: str | None = None
    priority: Int32 = always(0)
    createdBy: str | None = None
    idempotencyKey: str | None = None
    idempotencyStrategy: IdempotencyStrategy | None = None


class TaskMock(WireObject, frozen=True, kw_only=True):
    """The outcome that a test gives to one attempt of a task; times in milliseconds."""

    status: MockStatus = always("COMPLETED")
    output: dict[str, Json] = always({})
    executionTime: Int64 = always(0)
    queueWaitTime: Int64 = always(0)


class WorkflowTestRequest(StartWorkflowRequest, frozen=True, kw_only=True):
    """Run a workflow at once with given outcomes, by the reference name of the task or sub-workflow."""

    taskRefToMockOutput: dict[str, list[TaskMock]] = always({})
    subWorkflowTestRequest: "dict[str, WorkflowTestRequest]" = always({})


class RerunWorkflowRequest(WireObject, frozen=True, kw_only=True):
    """Run a finished workflow again from one of its tasks, or from its start; null keeps what there was."""

    reRunFromWorkflowId: str | None = None
    reRunFromTaskId: str | None = None
    workflowInput: dict[str, Json] | None = None
    taskInput: dict[str, Json] | None = None
    correlationId: str | None = None


class SkipTaskRequest(WireObject, frozen=True, kw_only=True):
    """Input and output for the record of a skipped task."""

    taskInput: dict[str, Json] | None = None
    taskOutput: dict[str, Json] | None = None


class UpgradeWorkflowRequest(WireObject, frozen=True, kw_only=True):
    """Go on with a running workflow under another version; steps with an output in `taskOutput` are skipped."""

    name: str = ""
    version: Int32 | None = None
    taskOutput: dict[str, dict[str, Json]] | None = None
    workflowInput: dict[str, Json] | None = None


class CorrelationIdsSearchRequest(WireObject, frozen=True, kw_only=True):
    """Ask for the workflows of several names by their correlation ids."""

    correlationIds: list[str] = always([])
    workflowNames: list[str] = always([])


class TaskOutcome(WireObject, frozen=True, kw_only=True):
    """The part of a task's result that counts when the task is named by its reference name."""

    status: MockStatus = always("COMPLETED")
    outputData: dict[str, Json] = always({})
    reasonForIncompletion: str | None = None
    workerId: str | None = None
    callbackAfterSeconds: Int32 = always(0)


class WorkflowStateUpdate(WireObject, frozen=True, kw_only=True):
    """Change variables and report a task at once; the task is the one of `taskReferenceName`."""

    taskReferenceName: str | None = None
    taskResult: TaskOutcome | None = None
    variables: dict[str, Json] | None = None
