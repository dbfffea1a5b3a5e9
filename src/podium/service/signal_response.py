"""The answers of calls that wait for a workflow: Conductor's WorkflowRun and TaskRun."""
# ruff: noqa: N815 (wire names)

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from podium.engine.view import TaskView, WorkflowView

Text = str | UnsetType
Strategy = Literal["TARGET_WORKFLOW", "BLOCKING_WORKFLOW", "BLOCKING_TASK", "BLOCKING_TASK_INPUT"]


class Origin(msgspec.Struct, kw_only=True):
    """What is the same in every answer to one call."""

    responseType: Strategy
    targetWorkflowId: str
    targetWorkflowStatus: str
    requestId: str
    signalTimeout: bool


class WorkflowRun(Origin, kw_only=True):
    """The state of a workflow."""

    workflowId: str
    correlationId: Text
    input: Raw
    output: Raw
    priority: int
    variables: Raw
    tasks: list[TaskView]
    createdBy: Text
    createTime: int
    status: str
    updateTime: int


class TaskRun(Origin, kw_only=True):
    """The task that a workflow waits at."""

    workflowId: str
    correlationId: Text
    input: Raw
    output: Raw
    taskType: str
    taskId: str
    referenceTaskName: str
    retryCount: int
    taskDefName: str
    retriedTaskId: Text
    workflowType: Text
    reasonForIncompletion: Text
    priority: int
    createdBy: Text
    createTime: int
    updateTime: int
    status: str


def workflow_run(origin: Origin, view: WorkflowView) -> WorkflowRun:
    """Return the answer that shows a workflow."""
    return WorkflowRun(
        **msgspec.structs.asdict(origin),
        workflowId=view.workflowId,
        correlationId=view.correlationId,
        input=view.input,
        output=view.output,
        priority=view.priority,
        variables=view.variables,
        tasks=view.tasks,
        createdBy=view.createdBy,
        createTime=view.createTime,
        status=view.status,
        updateTime=view.updateTime,
    )


def task_run(origin: Origin, view: TaskView) -> TaskRun:
    """Return the answer that shows a task; its creator is its worker, as upstream has it."""
    return TaskRun(
        **msgspec.structs.asdict(origin),
        workflowId=view.workflowInstanceId,
        correlationId=view.correlationId,
        input=view.inputData,
        output=view.outputData,
        taskType=view.taskType,
        taskId=view.taskId,
        referenceTaskName=view.referenceTaskName,
        retryCount=view.retryCount,
        taskDefName=view.taskDefName,
        retriedTaskId=view.retriedTaskId,
        workflowType=view.workflowType or UNSET,
        reasonForIncompletion=view.reasonForIncompletion,
        priority=view.workflowPriority,
        createdBy=view.workerId,
        createTime=view.startTime,
        updateTime=view.updateTime,
        status=view.status,
    )
