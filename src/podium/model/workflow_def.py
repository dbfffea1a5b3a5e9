"""A workflow definition as registered, and its steps.

Structure only: the rules that a definition must keep are in `rules`, its meaning is in the engine.
"""
# ruff: noqa: N815

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from podium.model.audit import Audited
from podium.model.coercion import NULL_REFUSED
from podium.model.schema_def import SchemaDef
from podium.model.task_def import TaskDef
from podium.model.wire import Int32, Int64, Json, WireObject, always

WorkflowTimeoutPolicy = Literal["TIME_OUT_WF", "ALERT_ONLY"]
RateLimitPolicy = Literal["QUEUE", "REJECT"]
JoinMode = Literal["SYNC", "ASYNC"]
IdempotencyStrategy = Literal["FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"]


class RateLimitConfig(WireObject, frozen=True, kw_only=True):
    """How many workflows with the same key may run at once."""

    rateLimitKey: str | None = None
    concurrentExecLimit: Int32 = always(0)
    policy: RateLimitPolicy = always("QUEUE")


class CacheConfig(WireObject, frozen=True, kw_only=True):
    """Under which key, and for how long, a result may be used again."""

    key: str | None = None
    ttlInSecond: Int32 = always(0)


class StateChangeEvent(WireObject, frozen=True, kw_only=True):
    """What to publish when a task changes its state."""

    type: str | None = None
    payload: dict[str, Json] | None = None


class SubWorkflowParams(WireObject, frozen=True, kw_only=True):
    """Which workflow a SUB_WORKFLOW step starts; an embedded definition lends its name and version."""

    name: str = ""
    version: Int32 | None = None
    taskToDomain: dict[str, str] | None = None
    workflowDefinition: "WorkflowDef | str | None" = None
    idempotencyKey: str | None = None
    idempotencyStrategy: IdempotencyStrategy | None = None
    priority: int | float | str | None = None

    def __post_init__(self) -> None:
        """Refuse a text that is no expression; let an embedded definition name itself."""
        embedded = self.workflowDefinition
        if isinstance(embedded, str) and not (embedded.startswith("${") and embedded.endswith("}")):
            raise ValueError("workflowDefinition is a string, but not a valid DSL string")
        if isinstance(embedded, WorkflowDef):
            msgspec.structs.force_setattr(self, "name", embedded.name)
            msgspec.structs.force_setattr(self, "version", embedded.version)


class WorkflowTask(WireObject, frozen=True, kw_only=True):
    """A step of a definition; which fields matter depends on `type`."""

    name: str = ""
    taskReferenceName: str = ""
    description: str | None = None
    inputParameters: dict[str, Json] = always({})
    type: Annotated[str, NULL_REFUSED] = always("SIMPLE")
    dynamicTaskNameParam: str | None = None
    caseValueParam: str | None = None
    caseExpression: str | None = None
    scriptExpression: str | None = None
    decisionCases: "dict[str, list[WorkflowTask]]" = always({})
    dynamicForkJoinTasksParam: str | None = None
    dynamicForkTasksParam: str | None = None
    dynamicForkTasksInputParamName: str | None = None
    defaultCase: "list[WorkflowTask]" = always([])
    forkTasks: "list[list[WorkflowTask]]" = always([])
    startDelay: Int32 = always(0)
    subWorkflowParam: SubWorkflowParams | None = None
    joinOn: list[str] = always([])
    sink: str | None = None
    optional: bool = always(False)
    taskDefinition: TaskDef | None = None
    rateLimited: bool | None = None
    defaultExclusiveJoinTask: list[str] = always([])
    asyncComplete: bool = always(False)
    loopCondition: str | None = None
    loopOver: "list[WorkflowTask]" = always([])
    items: str | None = None
    retryCount: Int32 | None = None
    evaluatorType: str | None = None
    expression: str | None = None
    onStateChange: dict[str, list[StateChangeEvent]] = always({})
    joinStatus: str | None = None
    cacheConfig: CacheConfig | None = None
    permissive: bool = always(False)
    joinMode: JoinMode | None = None
    metadata: dict[str, Json] = always({})

    def branches(self) -> "list[list[WorkflowTask]]":
        """Return the sequences of steps that this step's type runs inside itself; none for a leaf."""
        match self.type:
            case "SWITCH" | "DECISION":
                return [*self.decisionCases.values(), self.defaultCase]
            case "FORK_JOIN":
                return self.forkTasks
            case "DO_WHILE":
                return [self.loopOver]
            case _:
                return []


class WorkflowDef(Audited, frozen=True, kw_only=True):
    """A named, versioned graph of steps with its templates, timeouts and listeners; times in seconds."""

    name: str = ""
    description: str | None = None
    version: Int32 = always(1)
    tasks: Annotated[list[WorkflowTask], NULL_REFUSED] = always([])
    inputParameters: list[str] = always([])
    outputParameters: dict[str, Json] = always({})
    failureWorkflow: str | None = None
    schemaVersion: Int32 = always(2)
    restartable: bool = always(True)
    workflowStatusListenerEnabled: bool = always(False)
    ownerEmail: str | None = None
    timeoutPolicy: WorkflowTimeoutPolicy = always("ALERT_ONLY")
    timeoutSeconds: Int64 = always(0)
    variables: dict[str, Json] = always({})
    inputTemplate: dict[str, Json] = always({})
    failureWorkflowVersion: Int32 | None = None
    workflowStatusListenerSink: str | None = None
    rateLimitConfig: RateLimitConfig | None = None
    inputSchema: SchemaDef | None = None
    outputSchema: SchemaDef | None = None
    enforceSchema: bool = always(True)
    metadata: dict[str, Json] = always({})
    cacheConfig: CacheConfig | None = None
    maskedFields: list[str] = always([])

    def steps(self) -> Iterator[WorkflowTask]:
        """Iterate over all steps, outer before inner, in the order of the definition.

        Enters cases, branches and loop bodies; never an embedded sub-workflow definition.
        """
        waiting = self.tasks[::-1]
        while waiting:
            step = waiting.pop()
            yield step
            waiting.extend(inner for branch in reversed(step.branches()) for inner in reversed(branch))
