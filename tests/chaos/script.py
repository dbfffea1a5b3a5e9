"""A course of commands that has every kind, step by step, on a node whose clock stands still.

Each step begins on a node that has just been started, so it can be repeated from a copy of the database before it.
"""

import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Self

from podium.engine import commands as c
from podium.model.errors import PodiumError, Unavailable
from podium.model.ids import RANDOM_BITS, workflow_id
from podium.model.start import StartWorkflowRequest
from podium.model.status import COMPLETED, FAILED, IN_PROGRESS
from podium.model.task_def import TaskDef
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime import committer
from podium.runtime.clock import Clock
from podium.runtime.node import Node
from podium.service import Services
from podium.store import Store
from podium.tasks import registry

BEGIN_MS = 1_700_000_000_000
LATER_MS = BEGIN_MS + 3_600_000
MAIN, OTHER = "main", "other"
DRIVEN_MAX = 200


class StandingClock(Clock):
    """Gives the same time and ids whenever a step is repeated."""

    def __init__(self, step: int) -> None:
        self.time_ms = BEGIN_MS
        self.begin(step)

    def begin(self, step: int) -> None:
        """Give the ids of a step, from the first one on."""
        self._ids = itertools.count(1 + (step << 10))

    def now_ms(self) -> int:
        """Return the step's time."""
        return self.time_ms

    def new_workflow_id(self) -> str:
        """Return the next id of this step."""
        return workflow_id(BEGIN_MS, next(self._ids) % (1 << RANDOM_BITS))

    def jitter(self) -> float:
        """Return no chance."""
        return 0.0


def _simple(ref: str) -> dict[str, Any]:
    return {"name": "t", "taskReferenceName": ref, "type": "SIMPLE"}


def _sub(ref: str) -> dict[str, Any]:
    return {"name": ref, "taskReferenceName": ref, "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "child"}}


TASK_DEF = {"name": "t", "retryCount": 1, "retryDelaySeconds": 0, "responseTimeoutSeconds": 60, "ownerEmail": "a@b.c"}
TIMER = {"name": "timer", "taskReferenceName": "timer", "type": "WAIT", "inputParameters": {"duration": "1 hour"}}
FORK = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[_simple("x")], [_sub("sub")]]}
JOIN = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["x", "sub"]}
CHILD = {"name": "child", "version": 1, "tasks": [_simple("c")]}
TASKS = [_simple("a"), FORK, JOIN, TIMER, _simple("skipped"), _simple("z")]
DEFINITIONS = [CHILD, *({"name": "w", "version": number, "tasks": TASKS} for number in (1, 2))]


class Stage:
    """A node over a store, on which steps are made."""

    def __init__(self, store: Store, step: int) -> None:
        self.store = store
        self.clock = StandingClock(step)
        self.node = Node(store, registry([]), _no_scripts, clock=self.clock)
        self.services = Services(self.node)

    async def __aenter__(self) -> Self:
        await self.node.start()
        await self.node.settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.node.stop()

    async def register(self) -> None:
        """Register the definitions."""
        await self.services.metadata.register_tasks([convert(TaskDef, TASK_DEF)])
        for definition in DEFINITIONS:
            await self.services.metadata.register_workflow(True, convert(WorkflowDef, definition))

    async def start(self, key: str) -> None:
        """Start a workflow that is known by *key* from then on."""
        given = {"name": "w", "version": 1, "idempotencyKey": key, "idempotencyStrategy": "RETURN_EXISTING"}
        await self.services.workflows.start(convert(StartWorkflowRequest, given))

    async def id(self, key: str) -> str:
        """Return the workflow of a key."""
        return await self.store.by_idempotency_key("w", key) or ""

    async def child(self, key: str) -> str:
        """Return the sub-workflow that a workflow waits for, or waited for last."""
        tasks = await self.store.tasks(await self.id(key))
        return next((task.sub_workflow_id or "" for task in reversed(tasks) if task.sub_workflow_id), "")

    async def seq(self, workflow: str, ref: str) -> int:
        """Return the latest task of a name."""
        return max((task.seq for task in await self.store.tasks(workflow) if task.ref == ref), default=0)

    async def submit(self, workflow: str, command: c.Command) -> None:
        """Carry out a command, and all that it causes in other workflows."""
        await self.node.committer.submit(workflow, command)
        await self.node.settle()

    async def drive(self) -> list[str]:
        """Complete whatever is open, until nothing is; returns what can't be brought to an end."""
        self.clock.begin(len(COURSE) + 1)
        for _ in range(DRIVEN_MAX):
            heads = [row for row in await self._open() if row]
            if not heads:
                return []
            for workflow in heads:
                await self._advance(workflow)
        return [f"workflow {one} does not end" for one in await self._open()]

    async def _open(self) -> list[str]:
        names = [definition["name"] for definition in DEFINITIONS[:2]]
        return [one for name in names for one in await self.store.running_ids(name, 0)]

    async def _advance(self, workflow: str) -> None:
        with suppress(PodiumError):
            await self.submit(workflow, c.Release())
        with suppress(PodiumError):
            await self.submit(workflow, c.Resume())
        for task in await self.store.tasks(workflow):
            if task.is_open and (task.runs == "worker" or task.type == "WAIT"):
                with suppress(PodiumError):
                    await self.submit(workflow, c.UpdateTask(task.seq, COMPLETED))


async def _no_scripts(_: Any) -> Any:
    raise AssertionError("the definitions have no scripts")


# ---- steps

Step = Callable[[Stage], Awaitable[None]]


def on(key: str, make: Callable[[int], c.Command], ref: str = "") -> Step:
    """Return a step that sends the workflow of *key* a command about its latest task *ref*."""

    async def step(stage: Stage) -> None:
        workflow = await stage.id(key)
        await stage.submit(workflow, make(await stage.seq(workflow, ref)))

    return step


def on_child(key: str, make: Callable[[int], c.Command], ref: str = "") -> Step:
    """Return a step that sends the sub-workflow of a workflow a command."""

    async def step(stage: Stage) -> None:
        workflow = await stage.child(key)
        await stage.submit(workflow, make(await stage.seq(workflow, ref)))

    return step


def start(key: str) -> Step:
    """Return a step that starts a workflow."""
    return lambda stage: stage.start(key)


async def upgrade(stage: Stage) -> None:
    """Go on under version 2."""
    graph = stage.node.catalog.graph("w", 2)
    assert graph is not None
    await stage.submit(await stage.id(MAIN), c.Upgrade(graph.hash))


async def wake(stage: Stage) -> None:
    """Let the hour of the WAIT pass."""
    stage.clock.time_ms = LATER_MS
    await stage.submit(await stage.id(MAIN), c.Wake())


async def hold(stage: Stage) -> None:
    """Let the engine fail once, so that the workflow is quarantined."""
    real = committer.decide

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError("a fault of the engine")

    committer.decide = fail
    try:
        with suppress(PodiumError):
            await stage.submit(await stage.id(OTHER), c.Decide())
    finally:
        committer.decide = real
    found = await stage.store.load([await stage.id(OTHER)])
    if not all(one.head.quarantine for one in found.values()):
        raise Unavailable("the workflow is not held, since that could not be written")


COURSE: list[tuple[str, Step]] = [
    ("start", start(MAIN)),
    ("poll", on(MAIN, c.PollTask, "a")),
    ("extend lease", on(MAIN, c.ExtendLease, "a")),
    ("update in progress", on(MAIN, lambda seq: c.UpdateTask(seq, IN_PROGRESS, callback_after_s=60), "a")),
    ("requeue task", on(MAIN, c.RequeueTask, "a")),
    ("reset callbacks", on(MAIN, lambda _: c.ResetCallbacks())),
    ("update failed", on(MAIN, lambda seq: c.UpdateTask(seq, FAILED, reason="no"), "a")),
    ("pause", on(MAIN, lambda _: c.Pause())),
    ("update while paused", on(MAIN, lambda seq: c.UpdateTask(seq, COMPLETED, b'{"x":1}'), "a")),
    ("resume, start of a child", on(MAIN, lambda _: c.Resume())),
    ("decide", on(MAIN, lambda _: c.Decide())),
    ("set variables", on(MAIN, lambda _: c.SetVariables(b'{"v":1}'))),
    ("set variables, once", on(MAIN, lambda _: c.Once(7, c.SetVariables(b'{"w":1}')))),
    ("push message", on(MAIN, lambda _: c.PushMessage("m", b"{}"))),
    ("skip", on(MAIN, lambda _: c.SkipTask("skipped"))),
    ("update in a fork", on(MAIN, lambda seq: c.UpdateTask(seq, COMPLETED), "x")),
    ("child's task fails", on_child(MAIN, lambda seq: c.UpdateTask(seq, "FAILED_WITH_TERMINAL_ERROR"), "c")),
    ("retry of the parent", on(MAIN, lambda _: c.Retry(resume_subworkflows=True))),
    ("child's task fails again", on_child(MAIN, lambda seq: c.UpdateTask(seq, "FAILED_WITH_TERMINAL_ERROR"), "c")),
    ("retry of the child", on_child(MAIN, lambda _: c.Retry())),
    ("child ends", on_child(MAIN, lambda seq: c.UpdateTask(seq, COMPLETED), "c")),
    ("wake", wake),
    ("jump", on(MAIN, lambda _: c.Jump("a"))),
    ("upgrade", upgrade),
    ("to the child again", on(MAIN, lambda seq: c.UpdateTask(seq, COMPLETED), "a")),
    ("terminate with a child", on(MAIN, lambda _: c.Terminate("enough"))),
    ("rerun from a task", on(MAIN, lambda seq: c.Rerun(seq), "x")),
    ("terminate again", on(MAIN, lambda _: c.Terminate("enough"))),
    ("restart", on(MAIN, lambda _: c.Restart())),
    ("start another", start(OTHER)),
    ("fault of the engine", hold),
    ("release", on(OTHER, lambda _: c.Release())),
    ("remove", on(OTHER, lambda _: c.Remove(archive=False))),
]
