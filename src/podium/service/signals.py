"""Calls that wait for a workflow: start it and see how far it comes, or give a waiting task its signal.

A workflow has come far enough when it has ended, or when it, or an open sub-workflow of it, waits at a YIELD, at a WAIT
without a deadline, or has ended a task that the caller named. YIELD is a type of the hosted product: a worker's task
here as in the open-source server, but one that a signal may end.
"""

import asyncio
from typing import cast, get_args

from msgspec import Raw
from msgspec.structs import replace

from podium.engine.commands import SetVariables, UpdateTask
from podium.model.errors import InvalidRequest, NotFound
from podium.model.ids import task_id
from podium.model.start import StartWorkflowRequest, TaskOutcome, WorkflowStateUpdate
from podium.model.wire import Json, encode_json
from podium.model.workflow import Workflow
from podium.runtime.node import Node
from podium.service.reading import Reading
from podium.service.signal_response import Origin, Strategy, TaskRun, WorkflowRun, task_run, workflow_run
from podium.service.tasks import open_task, reportable
from podium.service.watch import Watch, Watcher
from podium.service.workflows import Workflows

WAIT_S = 10
WAIT_S_MAX = 3_600
REFS_MAX = 100
NESTING_MAX = 50
SIGNALLED = ("WAIT", "YIELD")

Place = tuple[str, int]
"""A workflow and the seq of one of its tasks."""


class Signals:
    """Use cases of callers that wait."""

    def __init__(self, node: Node, reading: Reading, workflows: Workflows, watch: Watch) -> None:
        self._node = node
        self._reading = reading
        self._workflows = workflows
        self._watch = watch

    async def execute(
        self,
        name: str,
        version: int,
        request_id: str | None,
        wait_until: list[str],
        wait_s: int,
        strategy: str,
        request: StartWorkflowRequest,
    ) -> WorkflowRun | TaskRun:
        """Start a workflow (version 0: the latest) and wait until it has come far enough, or for *wait_s* seconds."""
        chosen = _strategy(strategy)
        request = replace(request, name=name, version=version or None)
        if request.workflowDef is not None and request.workflowDef.tasks:
            request = replace(request, input={**request.input, "_systemMetadata": {"dynamic": True}})
        refs = _references(wait_until)
        workflow_id = await self._workflows.start(request)
        return await self._outcome(workflow_id, refs, _seconds(wait_s), chosen, request_id)

    async def execute_by_name(
        self,
        name: str,
        version: int | None,
        wait_s: int,
        request_id: str | None,
        wait_until: str | None,
        header_wait_s: int,
        given: dict[str, Json] | None = None,
    ) -> Raw:
        """Start a workflow from its bare input, wait as `execute` does, and return its output."""
        request = StartWorkflowRequest(name=name, version=version, input=given or {})
        refs = _references((wait_until or "").split(","))
        workflow_id = await self._workflows.start(request)
        await self._outcome(workflow_id, refs, _seconds(wait_s or header_wait_s), "TARGET_WORKFLOW", request_id)
        return (await self._reading.workflow(workflow_id, include_tasks=False)).output

    async def update_state(
        self,
        workflow_id: str,
        request_id: str | None,
        wait_until: list[str],
        wait_s: int,
        update: WorkflowStateUpdate,
    ) -> WorkflowRun | TaskRun:
        """Change variables, report a task by its reference name, and wait until the workflow has come far enough."""
        refs = _references(wait_until)
        task = open_task(await self._reading.state(workflow_id), update.taskReferenceName or "")
        if task is None and update.taskReferenceName:
            raise NotFound(f"Found no running task {update.taskReferenceName} of workflow {workflow_id} to update")
        if task is None and update.taskResult is not None:
            raise InvalidRequest("taskReferenceName: expected the name of the task that taskResult is for")
        seq = task.seq if task else 0
        if update.variables is not None:
            await self._node.committer.submit(workflow_id, SetVariables(encode_json(update.variables)))
        if seq:
            await self._node.committer.submit(workflow_id, _result_of(seq, update.taskResult or TaskOutcome()))
        return await self._outcome(workflow_id, refs, _seconds(wait_s), "TARGET_WORKFLOW", request_id)

    async def signal(self, workflow_id: str, status: str, output: dict[str, Json]) -> None:
        """Report *status* for the task that the workflow waits at; no such task is no error."""
        reportable(status)
        await self._reading.state(workflow_id)
        place = await self._waiting_at(workflow_id)
        if place is not None:
            await self._report(place, status, output)

    async def signal_sync(
        self, workflow_id: str, status: str, strategy: str, timeout_ms: int, output: dict[str, Json]
    ) -> WorkflowRun | TaskRun:
        """Report *status* for the task that the workflow waits at, and wait until it has come far enough again."""
        chosen = _strategy(strategy)
        reportable(status)
        await self._reading.state(workflow_id)
        place = await self._waiting_at(workflow_id)
        if place is None:
            raise NotFound(f"Found no blocked task in workflow {workflow_id} to signal")
        await self._report(place, status, output)
        return await self._outcome(workflow_id, [], min(max(timeout_ms, 0) / 1000, WAIT_S_MAX), chosen, None)

    async def _report(self, place: Place, status: str, output: dict[str, Json]) -> None:
        command = UpdateTask(place[1], status, encode_json(output), merge=True, keep_worker=True)
        await self._node.committer.submit(place[0], command)

    # ---- waiting

    async def _outcome(
        self, workflow_id: str, refs: list[str], seconds: float, strategy: Strategy, request_id: str | None
    ) -> WorkflowRun | TaskRun:
        deadline = asyncio.get_running_loop().time() + seconds
        with self._watch.open() as watcher:
            goes_on = True
            while goes_on:
                watcher.clear()
                place = await self._blocking(workflow_id, refs, watcher)
                if place is not None or (await self._reading.state(workflow_id)).is_terminal:
                    break
                goes_on = await watcher.wait(deadline)
        origin = Origin(
            responseType=strategy,
            targetWorkflowId=workflow_id,
            targetWorkflowStatus=(await self._reading.state(workflow_id)).head.status,
            requestId=request_id or self._node.clock.new_workflow_id(),
            signalTimeout=not goes_on,
        )
        return await self._answer(origin, place)

    async def _answer(self, origin: Origin, place: Place | None) -> WorkflowRun | TaskRun:
        """Show what the strategy asks for; the started workflow when nothing blocks (upstream fails then)."""
        wants_task = origin.responseType in ("BLOCKING_TASK", "BLOCKING_TASK_INPUT")
        if place is not None and wants_task:
            return task_run(origin, await self._reading.task(task_id(*place)))
        shown = origin.targetWorkflowId
        if place is not None and origin.responseType == "BLOCKING_WORKFLOW":
            shown = place[0]
        if wants_task:
            origin = replace(origin, responseType="TARGET_WORKFLOW")
        return workflow_run(origin, await self._reading.workflow(shown))

    async def _blocking(self, workflow_id: str, refs: list[str], watcher: Watcher, depth: int = 0) -> Place | None:
        """Return the first task that holds the workflow up, depth first; all workflows on the way are watched."""
        watcher.add(workflow_id)
        workflow = await self._node.committer.read(workflow_id)
        if workflow is None or depth > NESTING_MAX:
            return None
        steps = _open_steps(workflow, only_endless=True)
        missing = [ref for ref in refs if ref not in workflow.latest] if not workflow.has_all_tasks else []
        steps += [(task.seq, None) for ref in refs if (task := workflow.latest.get(ref)) and not task.is_open]
        if missing:
            past = await self._node.store.tasks(workflow_id)
            steps += [(task.seq, None) for task in past if task.ref in missing and not task.is_open]
        for seq, child_id in sorted(steps, key=lambda step: step[0]):
            if child_id is None:
                return workflow_id, seq
            place = await self._blocking(child_id, refs, watcher, depth + 1)
            if place is not None:
                return place
        return None

    async def _waiting_at(self, workflow_id: str, depth: int = 0) -> Place | None:
        """Return the first open task of the workflow that takes a signal, else that of an open sub-workflow."""
        workflow = await self._node.committer.read(workflow_id)
        if workflow is None or depth > NESTING_MAX:
            return None
        steps = _open_steps(workflow, only_endless=False)
        for seq, child_id in steps:
            if child_id is None:
                return workflow_id, seq
        for _, child_id in steps:
            place = await self._waiting_at(child_id, depth + 1) if child_id else None
            if place is not None:
                return place
        return None


def _open_steps(workflow: Workflow, *, only_endless: bool) -> list[tuple[int, str | None]]:
    """Return, by seq, the open tasks that take a signal, and the open sub-workflows with their ids."""
    found: list[tuple[int, str | None]] = []
    for task in sorted(workflow.open.values(), key=lambda task: task.seq):
        if task.type in SIGNALLED and not (only_endless and task.type == "WAIT" and task.due_ms):
            found.append((task.seq, None))
        elif task.type == "SUB_WORKFLOW" and task.sub_workflow_id:
            found.append((task.seq, task.sub_workflow_id))
    return found


def _references(texts: list[str]) -> list[str]:
    refs = [ref.strip() for ref in texts if ref.strip()]
    if len(refs) > REFS_MAX:
        raise InvalidRequest(f"waitUntilTaskRef names {len(refs)} tasks, at most {REFS_MAX} are possible")
    return refs


def _seconds(wait_s: int) -> int:
    return min(wait_s, WAIT_S_MAX) if wait_s > 0 else WAIT_S


def _result_of(seq: int, outcome: TaskOutcome) -> UpdateTask:
    return UpdateTask(
        seq,
        outcome.status,
        encode_json(outcome.outputData),
        merge=True,
        reason=outcome.reasonForIncompletion,
        worker_id=outcome.workerId,
        keep_worker=outcome.workerId is None,
        callback_after_s=max(outcome.callbackAfterSeconds, 0),
    )


def _strategy(text: str) -> Strategy:
    if text not in get_args(Strategy):
        raise InvalidRequest(
            "Method parameter 'returnStrategy': Failed to convert value of type 'java.lang.String' to required type "
            f"'WorkflowSignalReturnStrategy'; expected one of {', '.join(get_args(Strategy))}, got {text[:100]!r}"
        )
    return cast("Strategy", text)
