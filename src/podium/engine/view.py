# ruff: noqa: N815 (wire names)
"""Tasks and workflows as clients see them.

Payloads and definitions are put in as the JSON they are kept as, so that a view costs no parsing.
"""

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from podium.engine.graph import Graph, Step
from podium.model.ids import task_id
from podium.model.status import SKIPPED
from podium.model.task import Task
from podium.model.wire import encode_json
from podium.model.workflow import Head, Workflow

if TYPE_CHECKING:
    from podium.engine.session import Session

Text = str | UnsetType
NO_METADATA = Raw(b'{"additionalContext":{},"empty":true,"additionalContextMap":{}}')
NO_STEP = Raw(
    b'{"inputParameters":{},"type":"SIMPLE","decisionCases":{},"defaultCase":[],"forkTasks":[],"startDelay":0,"joinOn":[],'
    b'"optional":false,"defaultExclusiveJoinTask":[],"asyncComplete":false,"loopOver":[],"onStateChange":{},'
    b'"permissive":false,"metadata":{}}'
)


class TaskView(msgspec.Struct, kw_only=True, gc=False):
    """Conductor's Task."""

    taskType: str
    status: str
    inputData: Raw
    referenceTaskName: str
    retryCount: int
    seq: int
    correlationId: Text
    pollCount: int
    taskDefName: str
    scheduledTime: int
    startTime: int
    endTime: int
    updateTime: int
    startDelayInSeconds: int
    retriedTaskId: Text
    retried: bool
    executed: bool
    callbackFromWorker: bool = True
    responseTimeoutSeconds: int
    workflowInstanceId: str
    workflowType: Text
    taskId: str
    reasonForIncompletion: Text
    callbackAfterSeconds: int
    workerId: Text
    outputData: Raw
    workflowTask: Raw
    domain: Text
    rateLimitPerFrequency: int
    rateLimitFrequencyInSeconds: int
    externalInputPayloadStoragePath: Text
    externalOutputPayloadStoragePath: Text
    workflowPriority: int
    executionNameSpace: Text
    isolationGroupId: Text
    iteration: int
    subWorkflowId: Text
    subworkflowChanged: bool
    firstStartTime: int = 0
    executionMetadata: Raw = NO_METADATA
    parentTaskId: Text = UNSET
    taskDefinition: Raw | UnsetType
    loopOverTask: bool
    queueWaitTime: int
    runtimeMetadata: dict[str, str] | UnsetType = UNSET


class WorkflowView(msgspec.Struct, kw_only=True, gc=False):
    """Conductor's Workflow."""

    ownerApp: str
    createTime: int
    updateTime: int
    createdBy: Text
    status: str
    endTime: int
    workflowId: str
    parentWorkflowId: Text
    parentWorkflowTaskId: Text
    tasks: list[TaskView]
    input: Raw
    output: Raw
    correlationId: Text
    reRunFromWorkflowId: Text
    reasonForIncompletion: Text
    event: Text
    taskToDomain: dict[str, str]
    failedReferenceTaskNames: list[str]
    workflowDefinition: Raw
    externalInputPayloadStoragePath: Text
    externalOutputPayloadStoragePath: Text
    priority: int
    variables: Raw
    lastRetriedTime: int
    failedTaskNames: list[str]
    history: list[Any] = []
    idempotencyKey: Text
    rateLimitKey: Text
    rateLimited: bool = False
    startTime: int
    workflowName: str
    workflowVersion: int


def task_view(head: Head, task: Task, step: Step | None, now_ms: int) -> TaskView:
    """Return a task as clients see it; *step* is None for tasks made by skipping."""
    wait_ms = 0
    if task.started_ms and task.scheduled_ms:
        if task.updated_ms and task.callback_after_s:
            wait_ms = max(0, now_ms - (task.updated_ms + task.callback_after_s * 1000))
        else:
            wait_ms = task.started_ms - task.scheduled_ms
    skipped = task.status == SKIPPED and not task.iteration and step is None
    return TaskView(
        taskType=task.type,
        status=task.status,
        inputData=Raw(task.input),
        referenceTaskName=task.ref,
        retryCount=task.retry_count,
        seq=0 if task.status == SKIPPED else task.seq - head.seq_base,
        correlationId=head.correlation_id or UNSET,
        pollCount=task.poll_count,
        taskDefName=task.name,
        scheduledTime=task.scheduled_ms,
        startTime=task.started_ms,
        endTime=task.ended_ms,
        updateTime=task.updated_ms,
        startDelayInSeconds=task.start_delay_s,
        retriedTaskId=task_id(head.id, task.retried_seq) if task.retried_seq else UNSET,
        retried=task.retried,
        executed=task.executed,
        responseTimeoutSeconds=task.response_timeout_s,
        workflowInstanceId=head.id,
        workflowType=UNSET if skipped else head.name,
        taskId=task_id(head.id, task.seq),
        reasonForIncompletion=UNSET if task.reason is None else task.reason,
        callbackAfterSeconds=task.callback_after_s,
        workerId=UNSET if task.worker_id is None else task.worker_id,
        outputData=Raw(task.output),
        workflowTask=NO_STEP if step is None else Raw(step.json),
        domain=task.domain or UNSET,
        rateLimitPerFrequency=task.rate_limit,
        rateLimitFrequencyInSeconds=task.rate_window_s,
        externalInputPayloadStoragePath=task.external_input_path or UNSET,
        externalOutputPayloadStoragePath=task.external_output_path or UNSET,
        workflowPriority=head.priority,
        executionNameSpace=task.namespace or UNSET,
        isolationGroupId=task.isolation_group or UNSET,
        iteration=task.loop_count or task.iteration,
        subWorkflowId=task.sub_workflow_id or _shown_child(task) or UNSET,
        subworkflowChanged=task.sub_workflow_changed,
        taskDefinition=_task_definition(step),
        loopOverTask=(task.loop_count or task.iteration) > 0,
        queueWaitTime=wait_ms,
    )


def _shown_child(task: Task) -> str | None:
    """Return the id of a child that another task has passed on in its output, as upstream shows it."""
    for body in (task.output, task.input):
        if b'"subWorkflowId"' in body:
            found = msgspec.json.decode(body).get("subWorkflowId")
            if isinstance(found, str):
                return found
    return None


def _task_definition(step: Step | None) -> Raw | UnsetType:
    if step is None or step.task_def is None:
        return UNSET
    found: Raw | None = step.memo.get("task_def")
    if found is None:
        found = step.memo["task_def"] = Raw(encode_json(step.task_def))
    return found


def workflow_view(
    head: Head, graph: Graph, payloads: tuple[bytes, bytes, bytes], tasks: list[TaskView]
) -> WorkflowView:
    """Return a workflow as clients see it; *payloads* are input, output and variables."""
    return WorkflowView(
        ownerApp=head.owner_app,
        createTime=head.created_ms,
        updateTime=head.updated_ms,
        createdBy=head.created_by or UNSET,
        status=head.status,
        endTime=head.ended_ms,
        workflowId=head.id,
        parentWorkflowId=head.parent_id or UNSET,
        parentWorkflowTaskId=task_id(head.parent_id, head.parent_task_seq) if head.parent_id else UNSET,
        tasks=tasks,
        input=Raw(payloads[0]),
        output=Raw(payloads[1]),
        correlationId=head.correlation_id or UNSET,
        reRunFromWorkflowId=head.rerun_from_id or UNSET,
        reasonForIncompletion=UNSET if head.reason is None else head.reason,
        event=head.event or UNSET,
        taskToDomain=head.task_to_domain,
        failedReferenceTaskNames=head.failed_refs,
        workflowDefinition=Raw(graph.json),
        externalInputPayloadStoragePath=head.external_input_path or UNSET,
        externalOutputPayloadStoragePath=head.external_output_path or UNSET,
        priority=head.priority,
        variables=Raw(payloads[2]),
        lastRetriedTime=head.last_retried_ms,
        failedTaskNames=head.failed_names,
        idempotencyKey=head.idempotency_key or UNSET,
        rateLimitKey=head.rate_limit_key or UNSET,
        rateLimited=head.is_held,
        startTime=head.created_ms,
        workflowName=head.name,
        workflowVersion=head.def_version,
    )


def view_of(workflow: Workflow, tasks: list[TaskView]) -> WorkflowView:
    """Return a workflow in memory as clients see it."""
    payloads = (workflow.input, workflow.output, workflow.variables)
    return workflow_view(workflow.head, workflow.graph, payloads, tasks)


def failed_workflow_view(session: "Session") -> WorkflowView:
    """Return the ended workflow for the input of its failure workflow, of each step only the latest task."""
    workflow = session.workflow
    ordered = sorted(workflow.latest.values(), key=lambda task: task.seq)
    views = [task_view(workflow.head, task, session.step_of(task), session.now_ms) for task in ordered]
    return view_of(workflow, views)
