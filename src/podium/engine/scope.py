"""What `${...}` expressions of a workflow see: its own fields and those of the latest task of each reference name.

Payloads are parsed once and kept with the workflow until they change.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from podium.expressions.bounds import PATH_STEPS_MAX
from podium.expressions.document import ALL_ROOTS, MISSING, Budget
from podium.expressions.parameters import Template
from podium.model.ids import task_id
from podium.model.task import Task
from podium.model.workflow import Loop, Workflow

if TYPE_CHECKING:
    from podium.engine.session import Session

decode = msgspec.json.Decoder().decode


class LoopOutput(dict[str, Any]):
    """The output of an open loop; an iteration is parsed when it is asked for."""

    def __init__(self, known: dict[str, Any], loop: Loop) -> None:
        super().__init__(known)
        self._loop = loop

    def __missing__(self, key: str) -> Any:
        outputs = self._loop.outputs.get(int(key)) if key.isdecimal() and len(key) < 10 else None
        if outputs is None:
            raise KeyError(key)
        self[key] = {ref: decode(body) for ref, body in outputs.items()}
        return self[key]

    def whole(self) -> dict[str, Any]:
        """Return a plain map with all iterations."""
        return {**{str(n): self[str(n)] for n in self._loop.outputs}, **dict(self)}


class Scope:
    """The document that templates are resolved against."""

    __slots__ = ("_seq", "_session", "_workflow")

    _session: "Session"
    _workflow: Workflow

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._workflow = session.workflow
        self._seq = 0

    def resolve(self, template: Template, seq: int = 0) -> Any:
        """Return the value of *template*; *seq* is the number of the task that `${CPEWF_TASK_ID}` means in it."""
        self._seq = seq
        if not template.measures:
            return template.resolve(self)
        session = self._session
        budget = Budget(max(min(PATH_STEPS_MAX, session.context.limits.path_steps - session.path_steps), 0))
        before = budget.steps
        found = template.resolve(self, budget)
        session.path_steps += before - budget.steps
        return found

    def field(self, root: str, name: str) -> Any:
        """Return `root.name`, or MISSING when the root is unknown or has no such field."""
        if root == "workflow":
            read = _WORKFLOW_FIELDS.get(name)
            return MISSING if read is None else read(self)
        task = self._workflow.plain.get(root)
        if task is None:
            return MISSING
        if name == "output":
            return self.output(task)
        if name == "input":
            return self._session.value(task, "input")
        plain = _TASK_FIELDS.get(name)
        return MISSING if plain is None else plain(task, self)

    def root(self, name: str) -> Any:
        """Return everything below a root as one map, or MISSING."""
        if name == ALL_ROOTS:
            return {root: self.root(root) for root in ("workflow", *self._workflow.plain)}
        if name == "workflow":
            return {key: self.field(name, key) for key in _WORKFLOW_FIELDS}
        if name not in self._workflow.plain:
            return MISSING
        return {key: self.field(name, key) for key in ("input", "output", *_TASK_FIELDS)}

    def output(self, task: Task) -> Any:
        """Return the parsed output of *task*; that of an open loop has its iterations."""
        value = self._session.value(task, "output")
        loop = self._workflow.loops.get(task.ref) if task.type == "DO_WHILE" and task.is_open else None
        return LoopOutput(value, loop) if loop is not None else value

    def environment(self, name: str) -> str | None:
        """Return a value of the environment store."""
        return self._session.context.environment(name)

    def system(self, name: str) -> Any:
        """Return the value of a bare `${NAME}`, or MISSING: then the token stays as it is."""
        if name == "CPEWF_TASK_ID":
            return task_id(self._workflow.head.id, self._seq) if self._seq else MISSING
        value = self._session.context.system(name)
        return MISSING if value is None else value

    def variables(self) -> dict[str, Any]:
        """Return the workflow's variables; callers must not change them."""
        values = self._workflow.values
        if "variables" not in values:
            values["variables"] = decode(self._workflow.variables)
        found: dict[str, Any] = values["variables"]
        return found

    def workflow_input(self) -> Any:
        """Return the parsed input of the workflow."""
        values = self._workflow.values
        if "input" not in values:
            values["input"] = decode(self._workflow.input)
        return values["input"]

    def parent_task_id(self) -> str | None:
        """Return the id of the sub-workflow task that started this workflow."""
        head = self._workflow.head
        return task_id(head.parent_id, head.parent_task_seq) if head.parent_id else None


_WORKFLOW_FIELDS: dict[str, Callable[[Scope], Any]] = {
    "input": Scope.workflow_input,
    "output": lambda s: decode(s._workflow.output),
    "status": lambda s: s._workflow.head.status,
    "workflowId": lambda s: s._workflow.head.id,
    "parentWorkflowId": lambda s: s._workflow.head.parent_id,
    "parentWorkflowTaskId": Scope.parent_task_id,
    "workflowType": lambda s: s._workflow.head.name,
    "version": lambda s: s._workflow.head.def_version,
    "correlationId": lambda s: s._workflow.head.correlation_id,
    "reasonForIncompletion": lambda s: s._workflow.head.reason,
    "schemaVersion": lambda _: 2,
    "variables": Scope.variables,
}

_TASK_FIELDS: dict[str, Callable[[Task, Scope], Any]] = {
    "taskType": lambda t, _: t.type,
    "status": lambda t, _: t.status,
    "referenceTaskName": lambda t, _: t.ref,
    "retryCount": lambda t, _: t.retry_count,
    "correlationId": lambda _, s: s._workflow.head.correlation_id,
    "pollCount": lambda t, _: t.poll_count,
    "taskDefName": lambda t, _: t.name,
    "scheduledTime": lambda t, _: t.scheduled_ms,
    "startTime": lambda t, _: t.started_ms,
    "endTime": lambda t, _: t.ended_ms,
    "workflowInstanceId": lambda _, s: s._workflow.head.id,
    "taskId": lambda t, s: task_id(s._workflow.head.id, t.seq),
    "reasonForIncompletion": lambda t, _: t.reason,
    "callbackAfterSeconds": lambda t, _: t.callback_after_s,
    "workerId": lambda t, _: t.worker_id,
    "iteration": lambda t, _: t.loop_count or t.iteration,
}
