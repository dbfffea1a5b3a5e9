"""A stage for tests: what workers would do, and looks at everything that is there."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from podium.engine.commands import PollTask, UpdateTask
from podium.engine.context import Limits
from podium.engine.requests import resolve_start
from podium.engine.task_type import Registry
from podium.model.errors import NotFound
from podium.model.status import COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR, SKIPPED
from podium.model.task import Task
from podium.model.transition import QueueRow
from podium.model.wire import Json, encode_json
from podium.model.workflow import Workflow
from podium.runtime.play import Play
from podium.runtime.stage import Evaluate, Stage
from podium.testing.outcome import Outcomes, request_of
from podium.testing.scripts import evaluate_here


class Rehearsal(Stage):
    """A stage with a clock, definitions, and the workflows that run on it."""

    def __init__(
        self,
        *,
        limits: Limits | None = None,
        scripts: Evaluate = evaluate_here,
        types: Registry | None = None,
        environment: Mapping[str, str] | Callable[[str], str | None] | None = None,
        is_forgetful: bool = False,
    ) -> None:
        """*is_forgetful*: read a workflow from its rows before each command, as a server does after a restart."""
        super().__init__(scripts, limits=limits, types=types, environment=environment, is_forgetful=is_forgetful)

    # ---- commands

    def run(
        self,
        name: str,
        given: dict[str, Json] | None = None,
        outcomes: Outcomes | None = None,
        *,
        children: Mapping[str, Outcomes] | None = None,
        **fields: Any,
    ) -> str:
        """Start a workflow, let it go on with *outcomes* of its tasks and of its *children*, and return its id.

        It has ended then, or waits for something that has no outcome. Delays and waits pass on the stage's clock.
        """
        request = request_of(name, given or {}, outcomes or {}, children or {}, fields)
        key = self.new_workflow_id()
        Play(self).run(key, resolve_start(self, request), request)
        return key

    def poll(self, queue: str, worker_id: str = "worker") -> Task | None:
        """Lease the next visible task of *queue*."""
        rows = [row for row in self.queue(queue) if row.visible_ms <= self.now_ms]
        if not rows:
            return None
        best = min(rows, key=lambda row: (-row.priority, row.visible_ms, row.workflow_id, row.seq))
        leased: Task | None = self.send(best.workflow_id, PollTask(best.seq, worker_id))
        return leased

    def update(
        self, workflow_id: str, ref: str, status: str, output: dict[str, Json] | None = None, **fields: Any
    ) -> Task | None:
        """Report on the latest task of a reference name; *fields* are those of `UpdateTask`."""
        command = UpdateTask(self.task(workflow_id, ref).seq, status, encode_json(output or {}), **fields)
        updated: Task | None = self.send(workflow_id, command)
        return updated

    def complete(self, workflow_id: str, ref: str, output: dict[str, Json] | None = None) -> None:
        """Report success."""
        self.update(workflow_id, ref, COMPLETED, output)

    def fail(self, workflow_id: str, ref: str, reason: str | None = None, *, is_terminal: bool = False) -> None:
        """Report a failure; a terminal one is not retried."""
        self.update(workflow_id, ref, FAILED_WITH_TERMINAL_ERROR if is_terminal else FAILED, reason=reason)

    # ---- looking

    def restored(self, workflow_id: str) -> Workflow:
        """Return the workflow as its rows describe it."""
        return self._rows[workflow_id].restored(self.workflow(workflow_id).graph)[0]

    def tasks(self, workflow_id: str) -> list[Task]:
        """Return all tasks in the order of seq."""
        return self._rows[workflow_id].tasks()

    def lines(self, workflow_id: str) -> list[str]:
        """Return `number reference_name TYPE STATUS` of each task, in the order of seq."""
        return [f"{task.seq} {task.ref} {task.type} {task.status}" for task in self.tasks(workflow_id)]

    def task(self, workflow_id: str, ref: str) -> Task:
        """Return the latest task of a reference name, with loop suffix or without."""
        flow = self.workflow(workflow_id)
        found = flow.latest.get(ref) or flow.plain.get(ref)
        if found is None:
            raise NotFound(f"No task found with reference name {ref}")
        return found

    def path(self, workflow_id: str) -> list[str]:
        """Return the reference names of the steps that were begun, in that order; each once, whatever its attempts."""
        return list(dict.fromkeys(task.ref for task in self.tasks(workflow_id) if task.status != SKIPPED))

    def status(self, workflow_id: str, ref: str | None = None) -> str:
        """Return the status of a workflow, or of the latest task of a reference name."""
        return self.workflow(workflow_id).head.status if ref is None else self.task(workflow_id, ref).status

    def reason(self, workflow_id: str, ref: str | None = None) -> str | None:
        """Return why a workflow, or a task, did not complete."""
        return self.workflow(workflow_id).head.reason if ref is None else self.task(workflow_id, ref).reason

    def given(self, workflow_id: str, ref: str | None = None) -> dict[str, Json]:
        """Return the input of a workflow, or of a task."""
        of = self.workflow(workflow_id) if ref is None else self.task(workflow_id, ref)
        body: dict[str, Json] = msgspec.json.decode(of.input)
        return body

    def output(self, workflow_id: str, ref: str | None = None) -> dict[str, Json]:
        """Return the output of a workflow, or of a task; an open loop shows its counters only."""
        of = self.workflow(workflow_id) if ref is None else self.task(workflow_id, ref)
        body: dict[str, Json] = msgspec.json.decode(of.output)
        return body

    def variables(self, workflow_id: str) -> dict[str, Json]:
        """Return the variables of a workflow."""
        body: dict[str, Json] = msgspec.json.decode(self.workflow(workflow_id).variables)
        return body

    def children(self, workflow_id: str) -> list[str]:
        """Return the ids of the workflows that SUB_WORKFLOW tasks of this one have started."""
        return [key for key, flow in self._workflows.items() if flow.head.parent_id == workflow_id]

    def queue(self, name: str) -> list[QueueRow]:
        """Return the entries of a queue, visible or not."""
        return [row for rows in self._rows.values() for row in rows.queue_rows() if row.queue == name]

    def view(self, workflow_id: str) -> dict[str, Json]:
        """Return a workflow with all tasks as `GET /api/workflow/{workflowId}` does."""
        shown: dict[str, Json] = msgspec.json.decode(encode_json(self.seen(workflow_id)))
        return shown
