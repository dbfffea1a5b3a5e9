"""Tasks: polls, results, logs, and updates by reference name."""

from podium.engine.commands import ExtendLease, UpdateTask
from podium.engine.view import WorkflowView
from podium.model.errors import InvalidRequest, NotFound, TooLarge, ValidationFailed, Violation
from podium.model.ids import seq_of, task_id, workflow_of
from podium.model.status import IN_PROGRESS, TASK_REPORTABLE
from podium.model.task import Task, TaskLog
from podium.model.wire import Json, encode_json
from podium.model.workflow import Workflow
from podium.runtime.node import Node
from podium.service.reading import Reading
from podium.service.secrets import Secrets
from podium.service.task_result import TaskResult

POLL_MS_MAX = 5_000
SINGLE_POLL_MS = 100
LOG_CHARS_MAX = 1_000_000


class Tasks:
    """What workers and people do with tasks."""

    def __init__(self, node: Node, reading: Reading, secrets: Secrets) -> None:
        self._node = node
        self._reading = reading
        self._secrets = secrets

    # ---- polls: answers are JSON already

    async def poll(self, task_type: str, worker_id: str | None, domain: str | None) -> bytes | None:
        """Return one task, or None after a tenth of a second."""
        found = await self._poll(task_type, worker_id, domain, 1, SINGLE_POLL_MS)
        return found[0] if found else None

    async def poll_batch(
        self, task_type: str, worker_id: str | None, domain: str | None, count: int, timeout_ms: int
    ) -> bytes:
        """Return a list of up to *count* tasks: at once when there are any, else after *timeout_ms* an empty one."""
        if timeout_ms > POLL_MS_MAX:
            raise InvalidRequest("Long Poll Timeout value cannot be more than 5 seconds")
        return b"[" + b",".join(await self._poll(task_type, worker_id, domain, count, timeout_ms)) + b"]"

    async def _poll(
        self, task_type: str, worker_id: str | None, domain: str | None, count: int, timeout_ms: int
    ) -> list[bytes]:
        found: list[bytes] = await self._node.dispatcher.poll(task_type, domain or None, worker_id, count, timeout_ms)
        if not found:
            return found
        task_def = self._node.catalog.task_def(task_type)
        return [self._secrets.complete(task, task_def) for task in found]

    # ---- results

    async def update(self, result: TaskResult) -> str:
        """Take a result; returns the task's id, also when the task had ended already and nothing was done."""
        await self._report(result)
        return result.taskId

    async def update_and_poll(self, result: TaskResult) -> bytes | None:
        """Take a result and return another task of the same type and domain, or None."""
        task = await self._report(result)
        if task is None or task.is_open or result.extendLease:
            return None
        found = await self._poll(task.type, result.workerId, task.domain, 1, 0)
        return found[0] if found else None

    async def _report(self, result: TaskResult) -> Task | None:
        """Submit a result; returns the task as it is now."""
        workflow_id, seq = result.workflowInstanceId, seq_of(result.taskId)
        if not workflow_id or not result.taskId:
            raise ValidationFailed(_missing(result))
        if workflow_of(result.taskId) != workflow_id or not seq:
            await self._reading.state(workflow_id)
            workflow_id = workflow_of(result.taskId)  # upstream: of two workflows the task's own counts
            if not seq or await self._node.store.task(workflow_id, seq) is None:
                raise _no_task(result.taskId)
        command = ExtendLease(seq) if result.extendLease else _command(seq, result)
        # The log comes first: who learns that the task has ended, from whatever call, finds its log.
        if result.logs and not result.extendLease and await self._node.store.task(workflow_id, seq) is not None:
            await self._node.store.add_logs(workflow_id, seq, result.logs)
        task: Task | None = await self._node.committer.submit(workflow_id, command)
        if task is None:
            task = await self._node.store.task(workflow_id, seq)
            if task is None:
                raise _no_task(result.taskId)
        return task

    # ---- by reference name

    async def update_by_ref(
        self, workflow_id: str, ref: str, status: str, worker_id: str | None, output: dict[str, Json]
    ) -> str | None:
        """Update the open task of that reference name; None, and no error, when there is none."""
        reportable(status)
        workflow = await self._node.committer.read(workflow_id)
        task = open_task(workflow, ref) if workflow else None
        if task is None:
            return None
        await self._submit_by_ref(workflow_id, task.seq, status, worker_id, output, keep_worker=not worker_id)
        return task_id(workflow_id, task.seq)

    async def update_by_id(self, workflow_id: str, task: str, status: str, output: dict[str, Json]) -> None:
        """Lay *output* over that of a task and give it *status*; one that has ended or is not there is no error."""
        reportable(status)
        if workflow_of(task) != workflow_id or not seq_of(task):
            raise _no_task(task)
        if await self._node.store.task(workflow_id, seq_of(task)) is not None:
            await self._submit_by_ref(workflow_id, seq_of(task), status, None, output, keep_worker=True)

    async def update_by_ref_sync(
        self, workflow_id: str, ref: str, status: str, worker_id: str | None, output: dict[str, Json]
    ) -> WorkflowView:
        """Update the open task of that reference name and return the workflow."""
        reportable(status)
        task = open_task(await self._reading.state(workflow_id), ref)
        if task is None:
            raise NotFound(f"Found no running task {ref} of workflow {workflow_id} to update")
        await self._submit_by_ref(workflow_id, task.seq, status, worker_id, output, keep_worker=False)
        return await self._reading.workflow(workflow_id)

    async def _submit_by_ref(
        self,
        workflow_id: str,
        seq: int,
        status: str,
        worker_id: str | None,
        output: dict[str, Json],
        *,
        keep_worker: bool,
    ) -> None:
        body = encode_json(output)
        command = UpdateTask(seq, status, body, merge=True, worker_id=worker_id, keep_worker=keep_worker)
        await self._node.committer.submit(workflow_id, command)

    async def acknowledge(self, task: str) -> str:
        """Say whether a task is still the worker's: there is nothing else to do, as a poll hands it out for good."""
        found = await self._reading.task(task)
        return "true" if found.status == IN_PROGRESS else "false"

    # ---- logs

    async def add_log(self, task: str, text: str) -> None:
        """Append a line to a task's log; a task that is not ours is no error, as upstream has it."""
        if len(text) > LOG_CHARS_MAX:
            raise TooLarge(f"The log entry has {len(text)} characters, at most {LOG_CHARS_MAX} are possible")
        seq, workflow_id = seq_of(task), workflow_of(task)
        if seq and await self._node.store.exists(workflow_id):
            line = TaskLog(text, task, self._node.clock.now_ms())
            await self._node.store.add_logs(workflow_id, seq, [line])

    async def logs(self, task: str) -> list[TaskLog] | None:
        """Return the log of a task, None when it is empty."""
        seq = seq_of(task)
        return (await self._node.store.logs(workflow_of(task), seq) or None) if seq else None


def reportable(status: str) -> None:
    """Refuse a text that is no status for a report."""
    if status not in TASK_REPORTABLE:
        raise InvalidRequest(
            "Method parameter 'status': Failed to convert value of type 'java.lang.String' to required type "
            f"'TaskResult$Status'; expected one of {', '.join(sorted(TASK_REPORTABLE))}, got {status[:100]!r}"
        )


def _missing(result: TaskResult) -> list[Violation]:
    broken = []
    if not result.taskId:
        broken.append(Violation("updateTask.arg0.taskId", "Task ID cannot be null or empty"))
    if not result.workflowInstanceId:
        broken.append(Violation("updateTask.arg0.workflowInstanceId", "Workflow Id cannot be null or empty"))
    return broken


def _no_task(task: str) -> NotFound:
    return NotFound(f"No such task found by id: {task}")


def _command(seq: int, result: TaskResult) -> UpdateTask:
    if result.status is None:
        raise ValidationFailed([Violation("updateTask.arg0.status", "Task status cannot be null")])
    return UpdateTask(
        seq,
        result.status,
        bytes(result.outputData),
        reason=result.reasonForIncompletion,
        worker_id=result.workerId,
        callback_after_s=max(result.callbackAfterSeconds, 0),
        sub_workflow_id=result.subWorkflowId,
        external_output_path=result.externalOutputPayloadStoragePath,
    )


def open_task(workflow: Workflow, ref: str) -> Task | None:
    """Return the open task of exactly that name, else the first one whose name without loop suffix it is."""
    exact = workflow.latest.get(ref)
    if exact is not None and exact.is_open:
        return exact
    inside = [task for task in workflow.open.values() if task.step == ref]
    return min(inside, key=lambda task: task.seq, default=None)
