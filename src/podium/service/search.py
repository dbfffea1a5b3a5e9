"""Search for workflows and tasks: by the query language, by free text, and back from tasks to workflows."""
# ruff: noqa: N815 (wire names)

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import UNSET, UnsetType

from podium.expressions.bounds import ExpressionTooLarge
from podium.expressions.java_text import java_text
from podium.model.errors import ValidationFailed, Violation
from podium.model.ids import task_id
from podium.model.task import Task
from podium.model.wire import parse_json
from podium.model.workflow import Head
from podium.runtime.node import Node
from podium.service.masking import masked
from podium.service.reading import Reading, Results
from podium.store.query import Kind, parse
from podium.store.query import Search as Query
from podium.store.records import Page, TaskRow, WorkflowRow

SIZE_MAX = 5_000
IDS_PER_QUERY = 500
CLASSIFIER = "workflow"

Text = str | UnsetType


class WorkflowSummary(msgspec.Struct, kw_only=True):
    """A hit as the index of upstream has it: payloads as Java's text of a map, times as ISO text."""

    workflowType: str
    version: int
    workflowId: str
    correlationId: Text
    startTime: Text
    updateTime: Text
    endTime: Text
    status: str
    input: str
    output: str
    reasonForIncompletion: Text
    executionTime: int
    event: Text
    failedReferenceTaskNames: str
    externalInputPayloadStoragePath: Text
    externalOutputPayloadStoragePath: Text
    priority: int
    failedTaskNames: list[str]
    createdBy: Text
    taskToDomain: dict[str, str]
    idempotencyKey: Text
    parentWorkflowId: str
    classifier: str = CLASSIFIER
    inputSize: int
    outputSize: int


class TaskSummary(msgspec.Struct, kw_only=True):
    """A hit among tasks, in the same manner."""

    workflowId: str
    workflowType: str
    correlationId: Text
    scheduledTime: Text
    startTime: Text
    updateTime: Text
    endTime: Text
    status: str
    reasonForIncompletion: Text
    executionTime: int
    queueWaitTime: int
    taskDefName: str
    taskType: str
    input: str
    output: str
    taskId: str
    externalInputPayloadStoragePath: Text
    externalOutputPayloadStoragePath: Text
    workflowPriority: int
    domain: Text


class Searches:
    """Answers searches; every argument is text of a client, and a wrong one is `InvalidRequest`."""

    def __init__(self, node: Node, reading: Reading) -> None:
        self._node = node
        self._reading = reading

    # ---- workflows

    async def workflows(
        self, start: int, size: int, sort: str, text: str, query: str, classifiers: list[str], top_level: bool
    ) -> Results:
        """Return summaries of workflows."""
        page = await self._workflow_rows(start, size, sort, text, query, classifiers, top_level, payloads=True)
        return Results(page.total, [await self._workflow_summary(row) for row in page.rows])

    async def workflows_whole(
        self, start: int, size: int, sort: str, text: str, query: str, classifiers: list[str], top_level: bool
    ) -> Results:
        """Return workflows without their tasks."""
        page = await self._workflow_rows(start, size, sort, text, query, classifiers, top_level, payloads=False)
        views = await self._reading.several([row.head.id for row in page.rows], include_tasks=False)
        return Results(page.total - len(page.rows) + len(views), views)

    async def _workflow_rows(
        self,
        start: int,
        size: int,
        sort: str,
        text: str,
        query: str,
        classifiers: list[str],
        top_level: bool,
        *,
        payloads: bool,
    ) -> Page[WorkflowRow]:
        further = [f"classifier IN ({_quoted(classifiers)})"] if classifiers else []
        if top_level:
            further.append('parentWorkflowId = ""')
        if further:
            query = " AND ".join([f"({query})", *further] if query.strip() else further)
        search = _parse("workflow", start, size, sort, text, query, payloads=payloads)
        return await self._node.store.search_workflows(search)

    # ---- workflows by their tasks

    async def workflows_by_tasks(self, start: int, size: int, sort: str, text: str, query: str) -> Results:
        """Return summaries of the workflows of the tasks that match; each once."""
        total, ids = await self._workflow_ids_by_tasks(start, size, sort, text, query)
        rows: dict[str, WorkflowRow] = {}
        for place in range(0, len(ids), IDS_PER_QUERY):
            chunk = ids[place : place + IDS_PER_QUERY]
            search = parse("workflow", query=f"workflowId IN ({_quoted(chunk)})", size=len(chunk), payloads=True)
            rows.update((row.head.id, row) for row in (await self._node.store.search_workflows(search)).rows)
        summaries = [await self._workflow_summary(rows[one]) for one in ids if one in rows]
        return Results(total - len(ids) + len(summaries), summaries)

    async def workflows_by_tasks_whole(self, start: int, size: int, sort: str, text: str, query: str) -> Results:
        """Return the workflows of the tasks that match, without their tasks; each once."""
        total, ids = await self._workflow_ids_by_tasks(start, size, sort, text, query)
        views = await self._reading.several(ids, include_tasks=False)
        return Results(total - len(ids) + len(views), views)

    async def _workflow_ids_by_tasks(
        self, start: int, size: int, sort: str, text: str, query: str
    ) -> tuple[int, list[str]]:
        """Return the number of hits less the repeated ones of this page, and the workflows of the page."""
        page = await self._task_rows(start, size, sort, text, query)
        ids = list(dict.fromkeys(row.head.id for row in page.rows))
        return page.total - len(page.rows) + len(ids), ids

    # ---- tasks

    async def tasks(self, start: int, size: int, sort: str, text: str, query: str) -> Results:
        """Return summaries of tasks."""
        page = await self._task_rows(start, size, sort, text, query)
        return Results(page.total, [await self._task_summary(row.head, row.task) for row in page.rows])

    async def tasks_whole(self, start: int, size: int, sort: str, text: str, query: str) -> Results:
        """Return tasks."""
        page = await self._task_rows(start, size, sort, text, query)
        return Results(page.total, [await self._reading.task_of(row.head, row.task) for row in page.rows])

    async def _task_rows(self, start: int, size: int, sort: str, text: str, query: str) -> Page[TaskRow]:
        return await self._node.store.search_tasks(_parse("task", start, size, sort, text, query))

    # ---- summaries

    async def _workflow_summary(self, row: WorkflowRow) -> WorkflowSummary:
        head, keys = row.head, await self._masked_keys(row.head)
        given, output = _payload_text(row.input, keys), _payload_text(row.output, keys)
        return WorkflowSummary(
            workflowType=head.name,
            version=head.def_version,
            workflowId=head.id,
            correlationId=_text(head.correlation_id),
            startTime=iso_time(head.created_ms),
            updateTime=iso_time(head.updated_ms),
            endTime=iso_time(head.ended_ms),
            status=head.status,
            input=given,
            output=output,
            reasonForIncompletion=_text(head.reason),
            executionTime=_duration_ms(head.created_ms, head.ended_ms),
            event=_text(head.event),
            failedReferenceTaskNames=",".join(head.failed_refs),
            externalInputPayloadStoragePath=_text(head.external_input_path),
            externalOutputPayloadStoragePath=_text(head.external_output_path),
            priority=head.priority,
            failedTaskNames=head.failed_names,
            createdBy=_text(head.created_by),
            taskToDomain=head.task_to_domain,
            idempotencyKey=_text(head.idempotency_key),
            parentWorkflowId=head.parent_id or "",
            inputSize=len(given),
            outputSize=len(output),
        )

    async def _task_summary(self, head: Head, task: Task) -> TaskSummary:
        keys = await self._masked_keys(head)
        return TaskSummary(
            workflowId=head.id,
            workflowType=head.name,
            correlationId=_text(head.correlation_id),
            scheduledTime=iso_time(task.scheduled_ms),
            startTime=iso_time(task.started_ms),
            updateTime=iso_time(task.updated_ms),
            endTime=iso_time(task.ended_ms),
            status=task.status,
            reasonForIncompletion=_text(task.reason),
            executionTime=_duration_ms(task.started_ms, task.ended_ms),
            queueWaitTime=_duration_ms(task.scheduled_ms, task.started_ms),
            taskDefName=task.name,
            taskType=task.type,
            input=_payload_text(task.input, keys),
            output=_payload_text(task.output, keys),
            taskId=task_id(head.id, task.seq),
            externalInputPayloadStoragePath=_text(task.external_input_path),
            externalOutputPayloadStoragePath=_text(task.external_output_path),
            workflowPriority=head.priority,
            domain=_text(task.domain),
        )

    async def _masked_keys(self, head: Head) -> Collection[str]:
        return frozenset((await self._reading.graph(head)).definition.maskedFields)


def _parse(kind: Kind, start: int, size: int, sort: str, text: str, query: str, *, payloads: bool = False) -> Query:
    if size > SIZE_MAX:
        method = "searchWorkflows" if kind == "workflow" else "searchTasks"
        message = f"Cannot return more than {SIZE_MAX} {kind}s. Please use pagination."
        raise ValidationFailed([Violation(f"{method}.arg1", message, str(size))])
    return parse(kind, query=query, text=text, sort=sort, start=start, size=size, payloads=payloads)


def _quoted(values: Sequence[str]) -> str:
    escaped = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return ", ".join(f'"{value}"' for value in escaped)


def _text(value: str | None) -> Text:
    return UNSET if value is None else value


def _duration_ms(begin_ms: int, end_ms: int) -> int:
    return end_ms - begin_ms if begin_ms and end_ms else 0


def iso_time(time_ms: int) -> Text:
    """Return a time as ISO 8601 text in UTC with milliseconds; nothing for 0."""
    if not time_ms:
        return UNSET
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _payload_text(payload: bytes, keys: Collection[str]) -> str:
    """Return a payload as Java prints a map; one that is too long for that reads as empty."""
    if payload == b"{}":
        return "{}"
    value = parse_json(payload)
    try:
        return java_text(masked(value, keys) if keys else value)
    except ExpressionTooLarge:
        return ""
