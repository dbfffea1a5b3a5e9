"""The work on one workflow between two commits: the edits that decisions and task types are made of.

A session changes the workflow in place and notes each change in its transition. If the commit fails, both are dropped
and the workflow is read again; therefore nothing here needs to be undone.
"""

from collections import deque
from typing import Any, NamedTuple

import msgspec

from podium.engine.announcement import SCHEDULED, STARTED, announce, announce_end
from podium.engine.context import Context, Script, ScriptAnswer, ScriptNeeded
from podium.engine.deadlines import starts_later, watch
from podium.engine.graph import Step, step_of
from podium.engine.restore import stop_waiting
from podium.engine.reuse import keep_output, reuse_output
from podium.engine.schemas import input_fault
from podium.engine.scope import Scope
from podium.engine.task_type import TaskType
from podium.model.ids import SEQ_MAX, task_id
from podium.model.status import COMPLETED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, SKIPPED
from podium.model.task import EMPTY, FAR_MS, Task
from podium.model.transition import Message, QueueRow, Transition
from podium.model.workflow import Workflow

encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder().decode
pack = msgspec.msgpack.Encoder().encode


class Place(NamedTuple):
    """Where in the loops a task runs; outside of loops all is empty."""

    suffix: str = ""
    iteration: int = 0
    loop: str = ""


TOP = Place()


class Reach(NamedTuple):
    """A step that the flow has reached but whose tasks are not created yet."""

    step: Step
    place: Place = TOP
    is_again: bool = False  # there are attempts before it
    retry_count: int = 0
    retried_seq: int = 0
    given: bytes = EMPTY  # laid over the input


class WorkflowEnds(Exception):
    """What was just decided ends the workflow; raised by task types and caught by the decision."""

    def __init__(self, status: str, reason: str | None, task: Task | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.task = task


class Plan:
    """New tasks that are not part of the workflow yet; dropping a plan leaves no trace."""

    __slots__ = ("_depth", "_given", "_needs", "new_bytes", "next_seq", "session", "steps", "tasks")

    def __init__(self, session: "Session", given: bytes = EMPTY) -> None:
        self.session = session
        self._given = given
        self.tasks: list[Task] = []
        self.steps: list[Step | None] = []  # of the tasks
        self.next_seq = session.head.next_seq
        self.new_bytes = 0
        self._depth = 0
        self._needs: list[Script] = []  # gathered, so that a wide fork is not made anew for each branch

    def add(self, step: Step, place: Place) -> None:
        """Add the tasks that *step* becomes: itself, and with a fork or switch those that start with it."""
        self._depth += 1
        self.session.type_of(step.type).create(step, place, self)
        self._depth -= 1
        if self._needs and not self._depth:
            raise ScriptNeeded(*self._needs)

    def values(self, step: Step) -> dict[str, Any]:
        """Return the resolved parameters of *step*; those of the first one with what the caller lays over them."""
        values = self.session.resolve(step, 0)
        return values if self.tasks or self._given == EMPTY else {**values, **decode(self._given)}

    def new(self, step: Step, place: Place, **fields: Any) -> Task:
        """Add one task of *step*; `input` defaults to the resolved parameters."""
        if self.next_seq > SEQ_MAX:
            raise WorkflowEnds("FAILED", f"The workflow has more than {SEQ_MAX} tasks", None)
        if "input" not in fields:
            fields["input"] = self.session.resolved_input(step, self.next_seq)
        self._count_bytes(len(fields["input"]), step)
        if step.task_def is not None and step.task_def.enforceSchema and fields.get("status") != SKIPPED:
            self._check(step, fields)
        task = Task(
            seq=self.next_seq,
            ref=step.ref + place.suffix,
            type=fields.pop("type", step.type),
            name=fields.pop("name", step.name),
            step=step.ref,
            dynamic_step=step.source,
            suffix=place.suffix,
            iteration=place.iteration,
            loop=place.loop,
            **fields,
        )
        self.next_seq += 1
        self.append(task, step)
        return task

    def _check(self, step: Step, fields: dict[str, Any]) -> None:
        """Let a task whose input breaks its schema be born as a failed one."""
        try:
            fault = input_fault(self.session.context, step, fields["input"])
        except ScriptNeeded as need:
            self._needs += need.scripts
        else:
            if fault is not None:
                fields.update(
                    status=FAILED_WITH_TERMINAL_ERROR, reason=fault[: self.session.context.limits.reason_chars]
                )

    def append(self, task: Task, step: Step | None) -> None:
        """Add a task that is made already."""
        self.tasks.append(task)
        self.steps.append(step)

    def _count_bytes(self, size: int, step: Step) -> None:
        self.new_bytes += size
        limit = self.session.context.limits.new_bytes
        if self.new_bytes > limit:
            raise WorkflowEnds("FAILED", f"The inputs of the tasks that begin with {step.ref} exceed {limit} bytes")


class Session:
    """One workflow under change."""

    __slots__ = (
        "change", "context", "dirty", "dirty_joins", "ended", "graph", "head", "new_bytes", "now_ms", "passed",
        "path_steps", "reached", "starting", "starts", "workflow",
    )  # fmt: skip

    def __init__(self, workflow: Workflow, context: Context) -> None:
        self.workflow = workflow
        self.head = workflow.head
        self.graph = workflow.graph
        self.context = context
        self.now_ms = context.now_ms
        self.change = Transition(workflow, workflow.head.version or -1)
        self.reached: deque[Reach] = deque()
        self.ended: deque[Task] = deque()  # tasks whose consequences are still to come
        self.starting: deque[Task] = deque()  # tasks of the engine that have not been started
        self.dirty: dict[int, None] = {}  # open loops and exclusive joins to look at, in order
        self.dirty_joins: dict[int, None] = {}  # open joins to look at when all else is done, in order
        self.passed: list[Task] = []  # tasks whose consequences came in the present pass
        self.starts = 0  # tasks of the engine
        self.path_steps = 0  # nodes that the paths of expressions have visited
        self.new_bytes = 0  # of inputs and outputs

    # ---- lookups

    @property
    def scope(self) -> Scope:
        """What expressions see; made anew each time, so that no session waits for the collector of cycles."""
        return Scope(self)

    def type_of(self, type_name: str) -> TaskType:
        """Return the task type of that name."""
        found: TaskType = self.context.types.of(type_name)
        return found

    def step_of(self, task: Task) -> Step | None:
        """Return the step that *task* executes; None for tasks made by skipping."""
        return step_of(self.workflow, task)

    def resolved_input(self, step: Step, seq: int) -> bytes:
        """Return the input parameters of *step*, resolved for task number *seq* (0: for no task)."""
        if step.template.is_constant and not step.defaults:
            constant: bytes | None = step.memo.get("input")
            if constant is None:
                constant = step.memo["input"] = encode(self.resolve(step, seq))
            return constant
        return encode(self.resolve(step, seq))

    def resolve(self, step: Step, seq: int) -> dict[str, Any]:
        """Return the input parameters as a map; a null takes the raw value of the task definition's input template."""
        values: dict[str, Any] = self.scope.resolve(step.template, seq)
        for key, default in step.defaults.items():
            if values.get(key) is None:
                values[key] = default
        return values

    def value(self, task: Task, side: str) -> Any:
        """Return the parsed "input" or "output" of *task*; callers must not change it."""
        key = (task.step, side)
        values = self.workflow.values
        if self.workflow.plain.get(task.step) is not task:
            return decode(task.input if side == "input" else task.output)
        if key not in values:
            values[key] = decode(task.input if side == "input" else task.output)
        return values[key]

    def script(self, script: Script) -> ScriptAnswer:
        """Return the answer of *script*, or ask for it by `ScriptNeeded`."""
        answer = self.context.script(script)
        if answer is None:
            raise ScriptNeeded(script)
        return answer

    # ---- edits

    def touch(self, task: Task) -> None:
        """Note that the row of *task* must be written."""
        self.change.is_changed = True
        if not self._is_new(task):
            self.change.updated[task.seq] = task

    def adopt(self, plan: Plan) -> None:
        """Make the tasks of *plan* part of the workflow, and queue or start them."""
        self.head.next_seq = plan.next_seq
        self.new_bytes += plan.new_bytes
        for task, step in zip(plan.tasks, plan.steps, strict=True):
            self.change.inserted.append(task)
            self._adopt(task, step)
        self.change.is_changed = True

    def _adopt(self, task: Task, step: Step | None) -> None:
        task.scheduled_ms = self.now_ms
        task.first_scheduled_ms = task.first_scheduled_ms or self.now_ms
        if len(task.input) > self.context.limits.task_payload_bytes:
            self._refuse_input(task)
        else:
            reuse_output(self, task, step)
        self.workflow.adopt(task)
        announce(self, task, SCHEDULED, step)
        if not task.is_open:
            announce_end(self, task)
            task.ended_ms = task.ended_ms or self.now_ms
            if task.status != SKIPPED:
                task.started_ms = task.started_ms or self.now_ms
                task.updated_ms = self.now_ms
            self.ended.append(task)
        elif task.runs == "engine":
            self._begin(task)
        else:
            self.assign_domain(task)
            self.enqueue(task, task.callback_after_s * 1000)
        if task.is_open:
            watch(self.workflow, task, step)

    def _begin(self, task: Task) -> None:
        if starts_later(task):
            return
        task.started_ms = self.now_ms
        announce(self, task, STARTED)
        self.starting.append(task)

    def _refuse_input(self, task: Task) -> None:
        task.reason = self.payload_reason(len(task.input), f"task: {task_id(self.head.id, task.seq)} in workflow")
        task.input = EMPTY
        task.status = FAILED_WITH_TERMINAL_ERROR

    def payload_reason(self, size: int, what: str) -> str:
        """Return Conductor's text for a payload over its limit."""
        limit = self.context.limits.task_payload_bytes
        place = f"{what}: {self.head.id}" if what == "workflow" else f"{what}: {self.head.id} "
        return f"The payload size: {size} of {place} is greater than the permissible limit: {limit} bytes"

    def delete(self, seq: int, step: str, owner: Task) -> None:
        """Delete an ended task of *step* from an earlier iteration of the loop *owner*."""
        self.workflow.forget(seq, step, owner)
        self.change.updated.pop(seq, None)
        self.change.deleted.append(seq)
        self.change.is_changed = True

    def finish(
        self, task: Task, status: str = COMPLETED, output: bytes | None = None, reason: str | None = None
    ) -> None:
        """End an open task; what follows from it is decided later in the same decision."""
        before = len(task.output)
        if output is not None:
            task.output = output
        if reason is not None:
            task.reason = reason
        if len(task.output) > self.context.limits.task_payload_bytes:
            size, task.output = len(task.output), EMPTY
            status = FAILED_WITH_TERMINAL_ERROR
            task.reason = self.payload_reason(size, f"task: {task_id(self.head.id, task.seq)} in workflow")
        self.workflow.payload_bytes += len(task.output) - before
        self.new_bytes += len(task.output)
        self.count_lease(task, -1)
        task.status = status
        task.ended_ms = self.now_ms
        task.updated_ms = task.updated_ms or self.now_ms
        self.workflow.close(task)
        if task.seq in self.workflow.left:
            stop_waiting(self.workflow, task)
        self.dequeue(task)
        self.ended.append(task)
        self.touch(task)
        keep_output(self, task)
        announce_end(self, task)

    def fail(self, task: Task, reason: str, status: str = "FAILED", output: bytes | None = None) -> None:
        """End an open task badly."""
        self.finish(task, status, output, reason)

    def set_output(self, task: Task, output: bytes) -> None:
        """Replace the output of a task that stays open."""
        self.workflow.payload_bytes += len(output) - len(task.output)
        task.output = output
        self.workflow.values.pop((task.step, "output"), None)
        if task.loop:
            self.workflow.note_output(task)
        self.touch(task)

    def set_variables(self, values: dict[str, Any]) -> str | None:
        """Lay *values* over the workflow's variables; returns the reason when they would be too large."""
        merged = {**self.scope.variables(), **values}
        body = encode(merged)
        limit = self.context.limits.variables_bytes
        if len(body) > limit:
            return (
                f"The variables payload size: {len(body)} of workflow: {self.head.id} is greater than the "
                f"permissible limit: {limit // 1024} kilobytes"
            )
        self.workflow.variables = body
        self.workflow.values["variables"] = merged
        self.change.variables_changed = True
        self.change.is_changed = True
        return None

    # ---- queues, time, messages

    def assign_domain(self, task: Task) -> None:
        """Choose the domain of a worker's task: the first one with an active worker, else the last of the list."""
        domains = self.head.task_to_domain
        if task.runs != "worker" or not domains or task.retry_count:
            return
        text = domains.get(task.type, domains.get("*"))
        if not text:
            return
        names = [name.strip() for name in text.split(",") if name.strip()]
        for name in names:
            if name.upper() != "NO_DOMAIN" and self.context.is_domain_active(f"{name}:{task.type}"):
                task.domain = name
                return
        task.domain = names[-1] if names and names[-1].upper() != "NO_DOMAIN" else None

    def enqueue(self, task: Task, delay_ms: int) -> None:
        """Put an open task into its queue, or move it there in time."""
        task.queue = queue_name(task)
        visible_ms = min(self.now_ms + delay_ms, FAR_MS)
        name = "" if task.status == IN_PROGRESS else task.name  # one at work has its place under the limits of its name
        row = QueueRow(task.queue, self.head.id, task.seq, self.head.priority, visible_ms, name)
        self.change.enqueued[task.seq] = row
        self.change.dequeued.discard(task.seq)
        self.change.is_changed = True

    def count_lease(self, task: Task, delta: int) -> None:
        """Note that a worker's task begins (+1), or ends or goes back to its queue (-1) when it was in progress."""
        if task.runs == "engine" or (delta < 0 and task.status != IN_PROGRESS):
            return
        leases = self.change.leases
        leases[task.name] = leases.get(task.name, 0) + delta

    def dequeue(self, task: Task) -> None:
        """Take a task out of its queue."""
        if not task.queue:
            return
        task.queue = ""
        if self.change.enqueued.pop(task.seq, None) is None or not self._is_new(task):
            self.change.dequeued.add(task.seq)

    def _is_new(self, task: Task) -> bool:
        inserted = self.change.inserted
        return bool(inserted) and inserted[0].seq <= task.seq

    def watch(self, task: Task) -> None:
        """Remember when the next deadline of an open task comes."""
        watch(self.workflow, task, self.step_of(task))

    def send(self, target: str, command: Any) -> None:
        """Send a command to another workflow, with the commit of this one."""
        self.change.messages.append(Message(target, "command", pack(command)))
        self.change.is_changed = True

    def publish(self, queue: str, message_id: str, payload: bytes) -> None:
        """Publish an event, with the commit of this workflow."""
        self.change.messages.append(Message(queue, "event", pack((message_id, payload))))
        self.change.is_changed = True

    def need_settle(self, task: Task) -> None:
        """Have an open join or loop looked at before the decision ends; joins come last, as upstream polls them."""
        (self.dirty_joins if task.type == "JOIN" else self.dirty)[task.seq] = None


def queue_name(task: Task) -> str:
    """Return `[domain:]type[@namespace][-group]`; the server's own runner takes all tasks of a type from one queue."""
    if task.runs == "system":
        return task.type
    name = f"{task.domain}:{task.type}" if task.domain else task.type
    if task.namespace:
        name += f"@{task.namespace}"
    return f"{name}-{task.isolation_group}" if task.isolation_group else name
