"""One workflow: its header, and what the engine keeps of its tasks.

The header and the task rows are the whole truth. The indexes of `Workflow` are derived from them by `adopt`, so a
workflow that is loaded from the store and one that stayed in memory are equal. Of tasks only the open ones and the
latest of each reference name are kept; of the earlier iterations of an open loop only their outputs.
"""

from typing import Any

import msgspec

from podium.model.status import PAUSED, RUNNING, SKIPPED, TASK_FAILED, WORKFLOW_TERMINAL
from podium.model.task import EMPTY, Task

FAILED_NAMES_MAX = 1000
_WAITS = frozenset({"JOIN", "EXCLUSIVE_JOIN", "DO_WHILE"})


class Head(msgspec.Struct, array_like=True):
    """The stored header; the field order is the stored format: append only, each with a default. Times are epoch ms."""

    id: str
    name: str
    def_version: int
    def_hash: str
    status: str = RUNNING
    version: int = 0  # +1 with each commit: the fence against two writers
    created_ms: int = 0
    updated_ms: int = 0
    ended_ms: int = 0
    last_retried_ms: int = 0
    wake_ms: int = 0  # when the engine must look at it again, 0 never
    priority: int = 0
    correlation_id: str | None = None
    parent_id: str | None = None
    parent_task_seq: int = 0
    reason: str | None = None
    event: str | None = None
    owner_app: str = ""
    created_by: str | None = None
    task_to_domain: dict[str, str] = {}
    failed_refs: list[str] = []
    failed_names: list[str] = []
    failed_task_seq: int = 0
    idempotency_key: str | None = None
    external_input_path: str | None = None
    external_output_path: str | None = None
    rate_limit_key: str | None = None
    next_seq: int = 1
    quarantine: str | None = None  # why the engine refuses to touch it
    rerun_from_id: str | None = None
    seq_base: int = (
        0  # what clients see as seq starts after it; ids of tasks are never used twice, not even after a restart
    )
    depth: int = 0  # starts that led here without a pause (engine.lineage)
    root_id: str | None = None  # the workflow that they began with, None for itself
    is_held: bool = False  # not begun: it waits for a place of its rate limit key
    messages: list[bytes] = []  # sent to it and not pulled yet, as JSON objects (engine.messages)
    once_keys: list[int] = []  # of the latest commands that may come again and have been applied (engine.once)


class Loop:
    """What an open loop knows of its iterations; outputs are JSON bytes by iteration and step."""

    __slots__ = ("keeps", "open", "outputs", "source", "tasks")

    def __init__(self, owner: Task) -> None:
        self.open = 0  # open tasks of its body
        self.outputs: dict[int, dict[str, bytes]] = {}
        self.source = owner.dynamic_step  # tasks with another one are not part of its body
        self.keeps = b'"keepLastN"' in owner.input  # only then the tasks of each iteration are noted
        self.tasks: dict[int, dict[int, str]] = {}  # by iteration: numbers and steps, loops inside included


class Workflow:
    """A workflow in memory. The engine changes it in place; whoever fails to commit the change drops the object."""

    __slots__ = (
        "failed",
        "graph",
        "has_all_tasks",
        "head",
        "input",
        "joins",
        "latest",
        "left",
        "loops",
        "open",
        "output",
        "payload_bytes",
        "pending",
        "permissive",
        "plain",
        "row",
        "size_bytes",
        "values",
        "variables",
        "waiting",
        "wakes",
        "watched",
    )

    def __init__(self, head: Head, graph: Any, payload: bytes = EMPTY) -> None:
        self.head = head
        self.graph = graph  # engine.graph.Graph
        self.input: bytes = payload
        self.output: bytes = EMPTY
        self.variables: bytes = EMPTY
        self.row = 0  # the store's own key, 0 before the first commit
        self.size_bytes = 0
        self.values: dict[Any, Any] = {}  # parsed payloads, by the engine's keys
        self.clear()

    def clear(self) -> None:
        """Empty all indexes."""
        self.open: dict[int, Task] = {}
        self.pending: dict[int, Task] = {}  # ended, but what follows has not been decided
        self.latest: dict[str, Task] = {}  # by reference name with suffix; of loops the current iteration only
        self.plain: dict[str, Task] = {}  # by the step's reference name
        self.waiting = 0  # open joins and loops
        self.joins: dict[str, list[int]] = {}  # reference name -> open joins that wait for it
        self.left: dict[int, int] = {}  # open join -> how many reference names it still waits for
        self.loops: dict[str, Loop] = {}  # open loops by their reference name with suffix
        self.permissive: dict[int, Task] = {}  # failed, but the workflow goes on until its end
        self.failed: dict[int, tuple[str, str]] = {}  # number -> reference and task name of attempts that failed
        self.wakes: list[tuple[int, int]] = []  # heap of (due_ms, task seq); may be too early, never too late
        self.watched: dict[int, int] = {}  # task seq -> its earliest entry in that heap
        self.payload_bytes = 0  # of the inputs and outputs of these tasks, or somewhat more
        self.has_all_tasks = True
        self.values.clear()

    @property
    def id(self) -> str:
        """The workflow id."""
        return self.head.id

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.head.status in WORKFLOW_TERMINAL

    @property
    def is_paused(self) -> bool:
        """Whether it is paused."""
        return self.head.status == PAUSED

    def adopt(self, task: Task) -> None:
        """Take a new task, or one read from the store in the order of `seq`, into the indexes."""
        before = self.plain.get(task.step)
        if before is not None and task.status == SKIPPED:  # a step of a loop, to be left out from now on
            self.latest[task.ref] = task
            return
        if before is not None:
            self.has_all_tasks = False
            self.payload_bytes -= len(before.input) + (0 if task.loop else len(before.output))
            if before.ref != task.ref and before.status != SKIPPED:
                self.latest.pop(before.ref, None)
        self.payload_bytes += len(task.input) + len(task.output)
        self.plain[task.step] = task
        self.latest[task.ref] = task
        self.values.pop((task.step, "output"), None)
        self.values.pop((task.step, "input"), None)
        if task.loop:
            self._adopt_in_loop(task)
        if task.is_open:
            self.open[task.seq] = task
            self.waiting += waits_for_others(task)
        elif not (task.executed or task.retried or task.status == SKIPPED):
            self.pending[task.seq] = task
        else:
            self.note_failure(task)

    def _adopt_in_loop(self, task: Task) -> None:
        loop = self.loops.get(task.loop)
        owner = self.latest.get(task.loop)
        if loop is None and owner is not None and owner.is_open:
            loop = self.loops[task.loop] = Loop(owner)
        if loop is not None:
            loop.open += task.is_open
            self.note_output(task)
        iteration = task.iteration
        while owner is not None:  # nested loops: once per level
            loop = self.loops.get(owner.ref)
            if loop is not None and loop.keeps:
                loop.tasks.setdefault(iteration, {})[task.seq] = task.step
            iteration, owner = owner.iteration, self.latest.get(owner.loop)

    def close(self, task: Task) -> None:
        """Take a task that has just ended out of the open ones."""
        del self.open[task.seq]
        self.pending[task.seq] = task
        self.watched.pop(task.seq, None)
        self.values.pop((task.step, "output"), None)
        if waits_for_others(task):
            self.waiting -= 1
            self.loops.pop(task.ref, None)
        loop = self.loops.get(task.loop) if task.loop else None
        if loop is not None:
            loop.open -= 1
            self.note_output(task)

    def note_output(self, task: Task) -> None:
        """Record the output of a task in a loop; branches of dynamic forks are not part of a loop's output."""
        loop = self.loops.get(task.loop)
        if loop is not None and task.dynamic_step == loop.source:
            loop.outputs.setdefault(task.iteration, {})[task.step] = task.output

    def forget(self, seq: int, step: str, owner: Task) -> None:
        """Take a task that the loop *owner* deletes out of the indexes."""
        self.failed.pop(seq, None)
        self.permissive.pop(seq, None)
        outer: Task | None = owner
        while outer is not None and outer.loop:
            loop = self.loops.get(outer.loop)
            if loop is not None and loop.keeps:
                loop.tasks.get(outer.iteration, {}).pop(seq, None)
            outer = self.latest.get(outer.loop)
        task = self.plain.get(step)
        if task is not None and task.seq == seq:
            del self.plain[step]
            self.latest.pop(task.ref, None)
            self.values.pop((step, "output"), None)
            self.values.pop((step, "input"), None)
            if step in self.latest:  # which was skipped later on
                self.plain[step] = self.latest[step]

    def note_failure(self, task: Task) -> None:
        """Remember *task* if it failed; at most 1,000 failures are kept."""
        if task.status in TASK_FAILED and len(self.failed) < FAILED_NAMES_MAX:
            self.failed[task.seq] = (task.ref, task.name)


def waits_for_others(task: Task) -> bool:
    """Whether *task* is a join or loop: open only as long as other tasks are."""
    return task.runs == "engine" and task.type in _WAITS
