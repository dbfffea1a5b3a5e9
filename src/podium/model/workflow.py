"""One workflow: its header, and what the engine keeps of its tasks.

The header and the task rows are the whole truth. The indexes of `Workflow` are derived from them by `adopt`, so a workflow that is
loaded from the store and one that stayed in memory are equal. Of tasks only the open ones and the latest of each reference name
are kept: a loop of a million iterations holds a handful.
"""

from typing import Any

import msgspec

from podium.model.status import PAUSED, RUNNING, TASK_FAILED, WORKFLOW_TERMINAL
from podium.model.task import EMPTY, Task

FAILED_NAMES_MAX = 1000


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
    seq_base: int = 0  # what clients see as seq starts after it; ids of tasks are never used twice, not even after a restart


class Loop:
    """What an open loop knows of its iterations; outputs are JSON bytes by iteration and step."""

    __slots__ = ("open", "outputs", "seqs")

    def __init__(self) -> None:
        self.open = 0  # open tasks of the current iteration
        self.outputs: dict[int, dict[str, bytes]] = {}
        self.seqs: dict[int, list[int]] = {}


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
        "permissive",
        "plain",
        "row",
        "size_bytes",
        "values",
        "variables",
        "wakes",
    )

    def __init__(self, head: Head, graph: Any, payload: bytes = EMPTY) -> None:
        self.head = head
        self.graph = graph  # engine.graph.Graph
        self.input: bytes = payload
        self.output: bytes = EMPTY
        self.variables: bytes = EMPTY
        self.row = 0  # the store's own key, 0 before the first commit
        self.open: dict[int, Task] = {}
        self.latest: dict[str, Task] = {}  # by reference name with suffix; current loop iterations only
        self.plain: dict[str, Task] = {}  # by the step's reference name
        self.joins: dict[str, list[int]] = {}  # reference name -> open joins that wait for it
        self.left: dict[int, int] = {}  # open join -> how many reference names it still waits for
        self.loops: dict[str, Loop] = {}  # by the reference name of the loop, with suffix
        self.permissive: dict[str, Task] = {}  # failed, but the workflow goes on until its end
        self.failed: dict[str, str] = {}  # reference name -> task name of failures in this run
        self.values: dict[Any, Any] = {}  # parsed payloads, by the engine's keys
        self.wakes: list[tuple[int, int]] = []  # heap of (due_ms, task seq); entries may be out of date
        self.has_all_tasks = True
        self.size_bytes = 0

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
        if before is not None:
            self.has_all_tasks = False
            if before.ref != task.ref:
                self.latest.pop(before.ref, None)
        self.plain[task.step] = task
        self.latest[task.ref] = task
        self.values.pop((task.step, "output"), None)
        self.values.pop((task.step, "input"), None)
        if task.loop:
            self._adopt_in_loop(task)
        if task.is_open:
            self.open[task.seq] = task
        elif task.status in TASK_FAILED:
            self.note_failure(task)

    def _adopt_in_loop(self, task: Task) -> None:
        loop = self.loops.setdefault(task.loop, Loop())
        loop.seqs.setdefault(task.iteration, []).append(task.seq)
        if task.is_open:
            loop.open += 1
        else:
            self.note_iteration(task, loop)

    def close(self, task: Task) -> None:
        """Take a task that has just ended out of the open ones."""
        del self.open[task.seq]
        self.values.pop((task.step, "output"), None)
        loop = self.loops.get(task.loop) if task.loop else None
        if loop is not None:
            loop.open -= 1
            self.note_iteration(task, loop)
        if task.status in TASK_FAILED:
            self.note_failure(task)

    def note_iteration(self, task: Task, loop: Loop) -> None:
        """Record the output of a loop's task; members of dynamic forks are not part of a loop's output."""
        if task.dynamic_step is None:
            loop.outputs.setdefault(task.iteration, {})[task.step] = task.output

    def note_failure(self, task: Task) -> None:
        """Remember *task* among those that failed; at most 1,000 names are kept."""
        if len(self.failed) < FAILED_NAMES_MAX:
            self.failed[task.ref] = task.name
