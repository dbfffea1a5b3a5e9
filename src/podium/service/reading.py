"""Executions as clients see them: from memory where all of a workflow is there, else from the store.

A workflow object of the runtime is valid only until the next await; nothing here keeps one, and nothing changes one.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from podium.engine.graph import Graph, Step, step_of
from podium.engine.restore import restore
from podium.engine.view import TaskView, WorkflowView, task_view, view_of, workflow_view
from podium.model.errors import InvalidRequest, NotFound
from podium.model.ids import seq_of, workflow_of
from podium.model.start import CorrelationIdsSearchRequest
from podium.model.status import RUNNING, SKIPPED
from podium.model.task import Task
from podium.model.wire import decode
from podium.model.workflow import Head, Workflow
from podium.model.workflow_def import WorkflowTask
from podium.runtime.node import Node
from podium.service.masking import mask_task, mask_workflow
from podium.store.records import StoredWorkflow
from podium.tasks.progress import show_progress

CORRELATED_MAX = 5_000
NAMES_MAX = 100
LOAD_CHUNK = 50


class WorkflowStatusView(msgspec.Struct, kw_only=True):
    """The short answer about a workflow."""

    workflowId: str  # noqa: N815 (wire name)
    correlationId: str | UnsetType = UNSET  # noqa: N815 (wire name)
    output: Raw | UnsetType = UNSET
    variables: Raw | UnsetType = UNSET
    status: str


class Results(msgspec.Struct):
    """Conductor's SearchResult: one page, and the number of all hits."""

    totalHits: int  # noqa: N815 (wire name)
    results: list[Any]


class Reading:
    """Reads workflows and tasks; unknown ones are `NotFound`."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def state(self, workflow_id: str) -> Workflow:
        """Return the committed workflow itself; valid until the next await and never to be changed."""
        workflow = await self._node.committer.read(workflow_id)
        if workflow is None:
            # The id of a child is known to whoever reads its parent before the child exists.
            await self._node.arrival(workflow_id)
            workflow = await self._node.committer.read(workflow_id)
        if workflow is None:
            raise no_workflow(workflow_id)
        return workflow

    async def workflow(self, workflow_id: str, include_tasks: bool = True) -> WorkflowView:
        """Return a workflow with all its tasks, or with none."""
        workflow = await self._node.committer.remembered(workflow_id)
        if workflow is None and not include_tasks:
            workflow = await self.state(workflow_id)
        if workflow is not None and (workflow.has_all_tasks or not include_tasks):
            return self._view(workflow, workflow.latest.values() if include_tasks else ())
        return self._view(*await self._load(workflow_id))

    async def stored(self, workflow_id: str) -> tuple[int, WorkflowView]:
        """Return a workflow with all its tasks as it lies in the store, and its version."""
        await self._node.committer.quiet(workflow_id)
        workflow, tasks = await self._load(workflow_id)
        version = workflow.head.version
        return version, self._view(workflow, tasks)

    async def _load(self, workflow_id: str) -> tuple[Workflow, list[Task]]:
        """Read header, payloads and all tasks in one piece, so that they fit together."""
        stored = (await self._node.store.load([workflow_id])).get(workflow_id)
        if stored is None:
            await self._node.arrival(workflow_id)
            stored = (await self._node.store.load([workflow_id])).get(workflow_id)
        if stored is None:
            raise no_workflow(workflow_id)
        graph = await self.graph(stored.head)
        payloads = (stored.input, stored.output, stored.variables)
        return restore(stored.head, graph, payloads, stored.tasks), stored.tasks

    def _view(self, workflow: Workflow, tasks: Iterable[Task]) -> WorkflowView:
        now_ms = self._node.clock.now_ms()
        views = []
        for task in sorted(tasks, key=_seq):
            view = task_view(workflow.head, task, step_of(workflow, task), now_ms)
            show_progress(view, workflow, task)
            views.append(view)
        return _masked(view_of(workflow, views), workflow.graph)

    async def task(self, task_id: str) -> TaskView:
        """Return one task."""
        workflow_id, seq = workflow_of(task_id), seq_of(task_id)
        stored = await self._node.store.task(workflow_id, seq) if seq else None
        workflow = await self._node.committer.read(workflow_id) if seq else None
        if stored is None or workflow is None:
            raise NotFound(f"Task not found for taskId: {task_id}")
        task = workflow.open.get(seq, stored)
        view = task_view(workflow.head, task, step_of(workflow, task), self._node.clock.now_ms())
        show_progress(view, workflow, task)
        if workflow.graph.definition.maskedFields:
            mask_task(view, frozenset(workflow.graph.definition.maskedFields))
        return view

    async def status(self, workflow_id: str, include_output: bool, include_variables: bool) -> WorkflowStatusView:
        """Return status and correlation id, and on demand output and variables."""
        view = await self.workflow(workflow_id, include_tasks=False)
        return WorkflowStatusView(
            workflowId=view.workflowId,
            correlationId=view.correlationId,
            output=view.output if include_output else UNSET,
            variables=view.variables if include_variables else UNSET,
            status=view.status,
        )

    async def tasks(self, workflow_id: str, start: int, count: int, statuses: list[str]) -> Results:
        """Return one page of a workflow's tasks, in their order."""
        if start < 0 or count < 0:
            raise InvalidRequest(f"fromIndex({start}) > toIndex({start + count})")
        wanted = {status.upper() for status in statuses}
        tasks = (await self.workflow(workflow_id)).tasks
        hits = [task for task in tasks if not wanted or task.status in wanted]
        return Results(len(hits), hits[start : start + count])

    async def running(self, name: str, version: int, from_ms: int, to_ms: int) -> list[str]:
        """Return ids of open workflows; by start time only when both ends of the range are given."""
        if from_ms and to_ms:
            return await self._node.store.running_ids(name, version, from_ms=from_ms, to_ms=to_ms)
        return await self._node.store.running_ids(name, version)

    async def correlated(
        self, name: str, correlation_id: str, include_closed: bool, include_tasks: bool
    ) -> list[WorkflowView]:
        """Return the workflows of one correlation id."""
        found = await self.correlated_all(name, include_closed, include_tasks, [correlation_id])
        return found[correlation_id]

    async def correlated_all(
        self, name: str, include_closed: bool, include_tasks: bool, correlation_ids: list[str]
    ) -> dict[str, list[WorkflowView]]:
        """Return the workflows of each correlation id; a paused one counts as closed, as upstream has it."""
        found = await self._node.store.correlated(name, correlation_ids, closed=include_closed)
        count = sum(map(len, found.values()))
        if count > CORRELATED_MAX:
            raise InvalidRequest(
                f"{count} workflows are correlated, at most {CORRELATED_MAX} are returned: use the search"
            )
        answer: dict[str, list[WorkflowView]] = {}
        for correlation_id in correlation_ids:
            views = await self.several(found.get(correlation_id, ()), include_tasks)
            answer[correlation_id] = [view for view in views if include_closed or view.status == RUNNING]
        return answer

    async def correlated_batch(
        self, include_closed: bool, include_tasks: bool, request: CorrelationIdsSearchRequest
    ) -> dict[str, list[WorkflowView]]:
        """Return the workflows of each correlation id, of all the names; ids without any are left out."""
        answer: dict[str, list[WorkflowView]] = {}
        for name in dict.fromkeys(request.workflowNames[:NAMES_MAX]):
            found = await self.correlated_all(name, include_closed, include_tasks, request.correlationIds)
            for correlation_id, views in found.items():
                if views:
                    answer.setdefault(correlation_id, []).extend(views)
        return answer

    async def several(self, workflow_ids: Sequence[str], include_tasks: bool) -> list[WorkflowView]:
        """Return those of the workflows that exist, in the order of *workflow_ids*."""
        views: list[WorkflowView] = []
        for place in range(0, len(workflow_ids), LOAD_CHUNK):
            chunk = workflow_ids[place : place + LOAD_CHUNK]
            stored = await self._node.store.load(chunk)
            views += [await self._stored_view(stored[name], include_tasks) for name in chunk if name in stored]
        return views

    async def _stored_view(self, stored: StoredWorkflow, include_tasks: bool) -> WorkflowView:
        graph = await self.graph(stored.head)
        payloads = (stored.input, stored.output, stored.variables)
        if include_tasks:
            return self._view(restore(stored.head, graph, payloads, stored.tasks), stored.tasks)
        return _masked(workflow_view(stored.head, graph, payloads, []), graph)

    async def task_of(self, head: Head, task: Task) -> TaskView:
        """Return a task that was found without its workflow; an open loop shows its counters only."""
        graph = await self.graph(head)
        view = task_view(head, task, _step_in(graph, task), self._node.clock.now_ms())
        if graph.definition.maskedFields:
            mask_task(view, frozenset(graph.definition.maskedFields))
        return view

    async def graph(self, head: Head) -> Graph:
        """Return the definition of a workflow."""
        graph = await self._node.catalog.fetch(head.def_hash)
        if graph is None:
            raise NotFound(f"The definition of workflow {head.id} is not stored")
        return graph


def no_workflow(workflow_id: str) -> NotFound:
    """Return the error for an unknown workflow."""
    return NotFound(f"No such workflow found by id: {workflow_id}")


def _seq(task: Task) -> tuple[int, int]:
    """Order tasks as their numbers are shown, which are 0 for those that were skipped."""
    return (0 if task.status == SKIPPED else task.seq), task.seq


def _masked(view: WorkflowView, graph: Graph) -> WorkflowView:
    if graph.definition.maskedFields:
        mask_workflow(view, frozenset(graph.definition.maskedFields))
    return view


def _step_in(graph: Graph, task: Task) -> Step | None:
    if task.dynamic_step is not None:
        return Step(decode(WorkflowTask, task.dynamic_step), None, task.loop)
    return None if task.status == SKIPPED else graph.steps.get(task.step)
