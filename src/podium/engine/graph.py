"""A definition compiled once: for each step its successor, its enclosing loop and its input template.

A graph never changes and is shared by all workflows with the same content hash. The definition in it is bound: each step carries the
task definition that was valid when the hash was made.
"""

import hashlib
from collections.abc import Callable, Iterator
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


class Step:
    """A node of a definition, or a task that a dynamic fork brought along."""

    __slots__ = (
        "body", "defaults", "definition", "json", "loop", "memo", "name", "next", "optional", "parent", "permissive", "ref",
        "task_def", "template", "type",
    )  # fmt: skip

    def __init__(
        self, definition: WorkflowTask, next_ref: str | None, loop: str, parent: "Step | None" = None
    ) -> None:
        self.definition = definition
        self.ref = definition.taskReferenceName
        self.name = definition.name
        self.type = definition.type
        self.next = next_ref
        self.loop = loop
        self.parent = parent  # the fork, switch or loop around it
        self.body: tuple[str, ...] = ()  # the reference names inside
        self.optional = bool(definition.optional)
        self.permissive = bool(definition.permissive)
        self.task_def: TaskDef | None = definition.taskDefinition or None
        self.defaults: dict[str, Any] = (self.task_def.inputTemplate if self.task_def else None) or {}
        self.template: Template = compile_template({**self.defaults, **(definition.inputParameters or {})})
        self.json = encode_json(definition)
        self.memo: dict[str, Any] = {}  # what its task type computed once


class Graph:
    """A bound definition, its steps by reference name, and its JSON."""

    __slots__ = ("definition", "first", "hash", "json", "name", "outputs", "steps", "version")

    def __init__(self, definition: WorkflowDef, json: bytes | None = None) -> None:
        self.definition = definition
        self.name = definition.name
        self.version = definition.version
        self.json = json or encode_json(definition)
        self.hash = content_hash(self.json)
        self.steps: dict[str, Step] = {}
        _compile(definition.tasks, None, "", self.steps)
        self.first = definition.tasks[0].taskReferenceName if definition.tasks else None
        self.outputs = compile_template(definition.outputParameters) if definition.outputParameters else None

    def size_bytes(self) -> int:
        """Estimate what it takes in memory."""
        return 8 * len(self.json) + 2_000 * len(self.steps)


def step_of(workflow: Workflow, task: Task) -> Step | None:
    """Return the step that *task* executes; None for tasks made by skipping."""
    if task.dynamic_step is None:
        graph: Graph = workflow.graph
        return None if task.status == SKIPPED else graph.steps.get(task.step)
    key = (task.step, "step")
    step: Step | None = workflow.values.get(key)
    if step is None:
        step = workflow.values[key] = Step(decode(WorkflowTask, task.dynamic_step), None, task.loop)
    return step


def content_hash(json: bytes) -> str:
    """Return the key under which a bound definition is stored."""
    return hashlib.blake2b(json, digest_size=16).hexdigest()


def _compile(
    tasks: list[WorkflowTask],
    after: str | None,
    loop: str,
    steps: dict[str, Step],
    parent: Step | None = None,
) -> None:
    """Add the steps of one list; *after* follows its last one. Definitions are at most 50 levels deep (model.rules)."""
    for place, task in enumerate(tasks):
        follows = tasks[place + 1].taskReferenceName if place + 1 < len(tasks) else after
        step = steps[task.taskReferenceName] = Step(task, follows, loop, parent)
        before = len(steps)
        if task.type == "DO_WHILE":
            _compile(task.loopOver, None, task.taskReferenceName, steps, step)
        elif task.type in FORKS:
            for branch in task.forkTasks:
                _compile(branch, None, loop, steps, step)
        else:
            for case in inner_lists(task):
                _compile(case, follows, loop, steps, step)
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

    A step whose task is not registered gets a definition of its own: with Conductor's defaults when it is SIMPLE, else without retries
    and response timeout (upstream: MetadataMapperService). A sub-workflow that is named by an expression or is unknown stays open.
    """

    def bound(step: WorkflowTask) -> WorkflowTask:
        return replace(
            step,
            taskDefinition=step.taskDefinition or task_def(step.name) or ad_hoc_task_def(step),
            subWorkflowParam=_with_version(step, latest_version),
            decisionCases={key: [bound(inner) for inner in case] for key, case in step.decisionCases.items()},
            defaultCase=[bound(inner) for inner in step.defaultCase],
            forkTasks=[[bound(inner) for inner in branch] for branch in step.forkTasks],
            loopOver=[bound(inner) for inner in step.loopOver],
        )

    return replace(definition, tasks=[bound(step) for step in definition.tasks])


def _with_version(
    step: WorkflowTask, latest_version: Callable[[str], int | None]
) -> SubWorkflowParams | None:
    param = step.subWorkflowParam
    if (
        step.type != "SUB_WORKFLOW"
        or param is None
        or param.version
        or param.workflowDefinition
        or "${" in param.name
    ):
        return param
    version = latest_version(param.name)
    return replace(param, version=version) if version else param


def ad_hoc_task_def(step: WorkflowTask) -> TaskDef:
    """Return the definition of a task that is not registered."""
    if step.type == "SIMPLE":
        return TaskDef(name=step.name)
    return TaskDef(name=step.name, retryCount=0, responseTimeoutSeconds=0)
