"""A definition compiled once: for each step its successor, its enclosing loop and its input template.

A graph never changes and is shared by all workflows with the same content hash. The definition in it is bound: each
step carries the task definition that was valid when the hash was made. A branch of a dynamic fork is no part of the
definition: its steps are compiled from the JSON that its tasks carry.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from msgspec.structs import replace

from podium.expressions.parameters import Template, compile_template
from podium.model.status import SKIPPED
from podium.model.task import Task
from podium.model.task_def import TaskDef
from podium.model.wire import decode, encode_json
from podium.model.workflow import Workflow
from podium.model.workflow_def import SubWorkflowParams, WorkflowDef, WorkflowTask

FORKS = ("FORK_JOIN", "FORK_JOIN_DYNAMIC")
SWITCHES = ("SWITCH", "DECISION")
BRANCHES_KEPT = 2_000  # compiled branches of dynamic forks that a workflow keeps at a time

Steps = dict[str, "Step"]


class Step:
    """A node of a definition, or of a branch that a dynamic fork brought along."""

    __slots__ = (
        "body", "defaults", "definition", "json", "loop", "memo", "name", "next", "optional", "parent", "permissive",
        "ref", "shared", "source", "task_def", "template", "type",
    )  # fmt: skip

    def __init__(
        self,
        definition: WorkflowTask,
        next_ref: str | None,
        loop: str,
        parent: "Step | None" = None,
        steps: Steps | None = None,
        source: bytes | None = None,
    ) -> None:
        self.definition = definition
        self.ref = definition.taskReferenceName
        self.name = definition.name
        self.type = definition.type
        self.next = next_ref
        self.loop = loop
        self.parent = parent  # the fork, switch or loop around it
        self.shared = steps  # see `steps`; None for a step that is alone
        self.source = source  # of a branch of a dynamic fork: its JSON
        self.body: tuple[str, ...] = ()  # the reference names inside
        self.optional = bool(definition.optional)
        self.permissive = bool(definition.permissive)
        self.task_def: TaskDef | None = definition.taskDefinition or None
        self.defaults: dict[str, Any] = (self.task_def.inputTemplate if self.task_def else None) or {}
        self.template: Template = compile_template({**self.defaults, **(definition.inputParameters or {})})
        self.json = source if source and parent is None and not steps else encode_json(definition)
        self.memo: dict[str, Any] = {}  # what its task type computed once

    @property
    def steps(self) -> Steps:
        """Return itself and all others of its definition, by reference name.

        A step that is alone does not refer to itself: wide forks have thousands of them, and what is in no cycle is
        freed with its last user, without the garbage collector, which stops everything while it looks.
        """
        return {self.ref: self} if self.shared is None else self.shared


class Graph:
    """A bound definition, its steps by reference name, and its JSON."""

    __slots__ = ("announces", "definition", "first", "hash", "json", "name", "outputs", "reuses", "steps", "version")

    def __init__(self, definition: WorkflowDef, json: bytes | None = None) -> None:
        self.definition = definition
        self.name = definition.name
        self.version = definition.version
        self.json = json or encode_json(definition)
        self.hash = content_hash(self.json)
        self.steps: Steps = {}
        _compile(definition.tasks, None, "", self.steps)
        self.announces = any(step.definition.onStateChange for step in self.steps.values())
        self.reuses = any(step.definition.cacheConfig for step in self.steps.values())
        self.first = definition.tasks[0].taskReferenceName if definition.tasks else None
        self.outputs = compile_template(definition.outputParameters) if definition.outputParameters else None

    def size_bytes(self) -> int:
        """Estimate what it takes in memory."""
        return 8 * len(self.json) + 2_000 * len(self.steps)


def compile_branch(definition: WorkflowTask, source: bytes) -> Step:
    """Return a compiled branch of a dynamic fork; *source* is its JSON. It may hold further steps, as a switch does."""
    steps: Steps = {}
    _compile([definition], None, "", steps, source=source)
    root = steps[definition.taskReferenceName]
    if len(steps) == 1:
        root.shared = None
    return root


def step_in(graph: Graph, task: Task) -> Step | None:
    """Return the step that *task* executes, without a workflow to keep compiled branches; None for skipped tasks."""
    if task.status == SKIPPED:
        return None
    if task.dynamic_step is None:
        return graph.steps.get(task.step)
    return compile_branch(decode(WorkflowTask, task.dynamic_step), task.dynamic_step).steps.get(task.step)


def step_of(workflow: Workflow, task: Task) -> Step | None:
    """Return the step that *task* executes; None for tasks made by skipping."""
    if task.dynamic_step is None:
        graph: Graph = workflow.graph
        return None if task.status == SKIPPED else graph.steps.get(task.step)
    kept: dict[bytes, Steps] | None = workflow.values.get("branches")
    steps = kept.get(task.dynamic_step) if kept else None
    if steps is None:
        steps = compile_branch(decode(WorkflowTask, task.dynamic_step), task.dynamic_step).steps
        keep_branch(workflow, task.dynamic_step, steps)
    return steps.get(task.step)


def keep_branch(workflow: Workflow, source: bytes, steps: Steps) -> None:
    """Keep a compiled branch with the workflow; the oldest make room."""
    kept: dict[bytes, Steps] = workflow.values.setdefault("branches", {})
    kept[source] = steps
    if len(kept) > BRANCHES_KEPT:
        del kept[next(iter(kept))]


def content_hash(json: bytes) -> str:
    """Return the key under which a bound definition is stored."""
    return hashlib.blake2b(json, digest_size=16).hexdigest()


def _compile(
    tasks: list[WorkflowTask],
    after: str | None,
    loop: str,
    steps: Steps,
    parent: Step | None = None,
    source: bytes | None = None,
) -> None:
    """Add the steps of one list; *after* follows its last one. Definitions are at most 50 levels deep (model.rules)."""
    for place, task in enumerate(tasks):
        follows = tasks[place + 1].taskReferenceName if place + 1 < len(tasks) else after
        step = steps[task.taskReferenceName] = Step(task, follows, loop, parent, steps, source)
        before = len(steps)
        if task.type == "DO_WHILE":
            _compile(task.loopOver, None, task.taskReferenceName, steps, step, source)
        elif task.type in FORKS:
            for branch in task.forkTasks:
                _compile(branch, None, loop, steps, step, source)
        else:
            for case in inner_lists(task):
                _compile(case, follows, loop, steps, step, source)
        if len(steps) > before:
            step.body = tuple(steps)[before:]


def inner_lists(task: WorkflowTask) -> Iterator[list[WorkflowTask]]:
    """Yield the branches of a SWITCH or DECISION."""
    yield from (task.decisionCases or {}).values()
    if task.defaultCase:
        yield task.defaultCase


def bind(
    definition: WorkflowDef,
    task_def: Callable[[str], TaskDef | None],
    latest_version: Callable[[str], int | None],
) -> WorkflowDef:
    """Return a copy of *definition* in which each step carries its task definition and each sub-workflow a version.

    A step whose task is not registered gets a definition of its own: with Conductor's defaults when it is SIMPLE, else
    without retries and response timeout (upstream: MetadataMapperService). A sub-workflow that is named by an
    expression or is unknown stays open.
    """

    def find(step: WorkflowTask) -> TaskDef:
        return task_def(step.name) or ad_hoc_task_def(step)

    return replace(definition, tasks=[bind_step(step, find, latest_version) for step in definition.tasks])


def bind_step(
    step: WorkflowTask,
    find: Callable[[WorkflowTask], TaskDef],
    latest_version: Callable[[str], int | None] | None = None,
) -> WorkflowTask:
    """Return a copy of *step* and of all steps inside it, each with its task definition."""

    def bound(steps: list[WorkflowTask]) -> list[WorkflowTask]:
        return [bind_step(inner, find, latest_version) for inner in steps]

    return replace(
        step,
        taskDefinition=step.taskDefinition or find(step),
        subWorkflowParam=_with_version(step, latest_version) if latest_version else step.subWorkflowParam,
        decisionCases={key: bound(case) for key, case in step.decisionCases.items()},
        defaultCase=bound(step.defaultCase),
        forkTasks=[bound(branch) for branch in step.forkTasks],
        loopOver=bound(step.loopOver),
    )


def _with_version(step: WorkflowTask, latest_version: Callable[[str], int | None]) -> SubWorkflowParams | None:
    param = step.subWorkflowParam
    if step.type != "SUB_WORKFLOW" or param is None or param.version is not None:
        return param
    if param.workflowDefinition or "${" in param.name:
        return param
    version = latest_version(param.name)
    return replace(param, version=version) if version else param


def ad_hoc_task_def(step: WorkflowTask) -> TaskDef:
    """Return the definition of a task that is not registered."""
    return _ad_hoc(step.name, step.type == "SIMPLE")


@lru_cache(1024)
def _ad_hoc(name: str, is_simple: bool) -> TaskDef:
    return TaskDef(name=name) if is_simple else TaskDef(name=name, retryCount=0, responseTimeoutSeconds=0)


def run_time_task_def(step: WorkflowTask) -> TaskDef:
    """Return the definition of an unregistered task that a dynamic fork brings along: it has no retries (upstream)."""
    return replace(ad_hoc_task_def(step), retryCount=0)
