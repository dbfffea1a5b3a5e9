"""What people do to running and ended workflows: pause, restart, retry, rerun, skip, terminate, remove.

Commands whose effect reaches a parent or children are answered when the messages between them have arrived, so that
whoever reads next sees the effect; under heavy load at the latest after SETTLE_S.
"""

from podium.engine.commands import (
    Command,
    Decide,
    Jump,
    Pause,
    PushMessage,
    Remove,
    Rerun,
    ResetCallbacks,
    Restart,
    Resume,
    Retry,
    SetVariables,
    SkipTask,
    Terminate,
    Upgrade,
)
from podium.engine.view import WorkflowView
from podium.model.errors import Conflict, InvalidRequest, NotFound
from podium.model.ids import seq_of, workflow_of
from podium.model.start import RerunWorkflowRequest, SkipTaskRequest, UpgradeWorkflowRequest
from podium.model.wire import Json, encode_json
from podium.model.workflow import Workflow
from podium.runtime.node import Node
from podium.service.archive import Archive
from podium.service.reading import Reading

SETTLE_S = 2.0
ANCESTORS_MAX = 100
UNFILLED = "{taskReferenceName}"


class Control:
    """Operations on one workflow; unknown ones are `NotFound`."""

    def __init__(self, node: Node, reading: Reading, archive: Archive) -> None:
        self._node = node
        self._reading = reading
        self._archive = archive

    async def pause(self, workflow_id: str) -> None:
        """Schedule nothing more; pausing twice is no error."""
        await self._node.committer.submit(workflow_id, Pause())

    async def resume(self, workflow_id: str) -> None:
        """Go on after a pause."""
        await self._node.committer.submit(workflow_id, Resume())

    async def decide(self, workflow_id: str) -> None:
        """Look whether anything follows from the present state."""
        await self._node.committer.submit(workflow_id, Decide())

    async def reset_callbacks(self, workflow_id: str) -> None:
        """Make all tasks that wait for a callback visible now."""
        await self._node.committer.submit(workflow_id, ResetCallbacks())

    async def restart(self, workflow_id: str, use_latest: bool) -> None:
        """Begin anew under the same id."""
        command = Restart()
        if use_latest:
            head = (await self._reading.state(workflow_id)).head
            graph = self._node.catalog.graph(head.name, None)
            # A hash that does not exist makes the engine refuse, after it has checked the workflow's status.
            command = Restart(graph.hash, graph.version) if graph else Restart("none")
        await self._submit(workflow_id, command)

    async def retry(self, workflow_id: str, resume_subworkflows: bool) -> None:
        """Run failed tasks again, or those of failed sub-workflows."""
        await self._submit(workflow_id, Retry(resume_subworkflows=resume_subworkflows))

    async def rerun(self, workflow_id: str, request: RerunWorkflowRequest) -> str:
        """Run again from the beginning, or from a task of the workflow or of a sub-workflow."""
        task = request.reRunFromTaskId
        owner = workflow_of(task) if task else workflow_id
        if task and (not seq_of(task) or not await self._is_within(owner, workflow_id)):
            await self._need_terminal(workflow_id)
            raise InvalidRequest(f"Task {task} not found")
        is_own = owner == workflow_id
        if not is_own:
            await self._need_terminal(workflow_id)
        command = Rerun(
            seq_of(task) if task else 0,
            _payload(request.taskInput),
            _payload(request.workflowInput) if is_own else None,
            request.correlationId if is_own else None,
        )
        await self._submit(owner, command)
        return workflow_id

    async def _is_within(self, workflow_id: str, ancestor_id: str) -> bool:
        """Whether a workflow is *ancestor_id* or one of its descendants."""
        current: str | None = workflow_id
        for _ in range(ANCESTORS_MAX):
            if current == ancestor_id:
                return True
            workflow = await self._node.committer.read(current) if current else None
            current = workflow.head.parent_id if workflow else None
        return False

    async def _need_terminal(self, workflow_id: str) -> None:
        workflow = await self._reading.state(workflow_id)
        if not workflow.is_terminal:
            head = workflow.head
            name = f"{head.name}.{head.def_version}/{head.id}.{head.status}"
            raise Conflict(f"Workflow: {name} is not in terminal state, unable to rerun.")

    async def skip(
        self,
        workflow_id: str,
        ref: str,
        given: dict[str, str],
        output: dict[str, str],
        request: SkipTaskRequest | None,
    ) -> None:
        """Mark a step that was not reached as skipped; the payloads are those of the body, else of the query."""
        body = request or SkipTaskRequest()
        command = SkipTask(ref, encode_json(body.taskInput or given), encode_json(body.taskOutput or output))
        await self._node.committer.submit(workflow_id, command)

    async def terminate(self, workflow_id: str, reason: str | None, compensate: bool = False) -> None:
        """End a workflow now, with its sub-workflows."""
        await self._submit(workflow_id, Terminate(reason, compensate=compensate))

    async def remove(self, workflow_id: str, archive: bool) -> None:
        """Delete a workflow with all its rows; *archive* writes it away first, and refuses one that has not ended."""
        if archive and self._archive.is_kept:
            version, view = await self._reading.stored(workflow_id)
            await self._archive.keep([view], self._node.clock.now_ms())
            command = Remove(archive=True, version=version)
        else:
            command = Remove(archive=archive)
        await self._node.committer.submit(workflow_id, command)

    async def terminate_and_remove(self, workflow_id: str, reason: str | None, archive: bool) -> None:
        """End a workflow and delete it."""
        await self.terminate(workflow_id, reason)
        await self.remove(workflow_id, archive)

    async def jump(self, workflow_id: str, ref: str, given_ref: str | None, body: dict[str, Json] | None) -> None:
        """Leave what is open and go on with the step *ref*, its input under *body*.

        The Python and Go clients leave the place of the name in the path unfilled; Python's comes as a parameter.
        """
        if ref == UNFILLED:
            ref = given_ref or ref
        await self._submit(workflow_id, Jump(ref, encode_json(body or {})))

    async def upgrade(self, workflow_id: str, request: UpgradeWorkflowRequest) -> None:
        """Go on under another version of the definition, the latest if none is given."""
        name = (await self._reading.state(workflow_id)).head.name
        if request.name not in ("", name):
            raise InvalidRequest(f"name: workflow {workflow_id} is one of {name}, not of {request.name[:100]}")
        graph = self._node.catalog.graph(name, request.version)
        if graph is None:
            shown = "" if request.version is None else f", version {request.version}"
            raise NotFound(f"No such workflow definition: {name}{shown}")
        outputs = {ref: encode_json(output) for ref, output in (request.taskOutput or {}).items()}
        await self._submit(workflow_id, Upgrade(graph.hash, outputs, _payload(request.workflowInput)))

    async def push_message(self, workflow_id: str, message: dict[str, Json]) -> str:
        """Put a message into the workflow's own queue; returns the message's id."""
        message_id = self._node.clock.new_workflow_id()
        await self._node.committer.submit(workflow_id, PushMessage(message_id, encode_json(message)))
        return message_id

    async def set_variables(self, workflow_id: str, variables: dict[str, Json]) -> WorkflowView:
        """Lay *variables* over those of an open workflow."""
        await self._node.committer.submit(workflow_id, SetVariables(encode_json(variables)))
        return await self._reading.workflow(workflow_id)

    async def _submit(self, workflow_id: str, command: Command) -> None:
        await self._node.committer.submit(workflow_id, command)
        workflow = await self._node.committer.read(workflow_id)
        if workflow is None:
            raise NotFound(f"No such workflow found by id: {workflow_id}")
        if _has_relatives(workflow):
            await self._node.settle(SETTLE_S)


def _payload(value: dict[str, Json] | None) -> bytes | None:
    return None if value is None else encode_json(value)


def _has_relatives(workflow: Workflow) -> bool:
    return workflow.head.parent_id is not None or any(task.sub_workflow_id for task in workflow.latest.values())
