"""What an operator has stored long before a run: definitions with limits and versions, a schedule, event handlers."""

from random import Random
from typing import Any

from podium.model.event import Action, EventHandler, StartWorkflowAction
from podium.model.schedule import StoredSchedule, WorkflowSchedule
from podium.model.start import StartWorkflowRequest
from podium.model.task_def import TaskDef
from podium.model.wire import convert, encode_json
from podium.model.workflow_def import WorkflowDef
from podium.runtime.catalog import EVENT_HANDLER, TASK_DEF, WORKFLOW_DEF
from podium.runtime.cron import compile_cron
from podium.runtime.schedules import SCHEDULE, slot_workflow_id
from podium.store.records import Document
from podium.testing import steps
from tests.property.definitions import CHILDREN, TASK_DEFS, definition_of
from tests.simulation.database import BEGIN_MS, Database, finished
from tests.simulation.laws import Laws
from tests.simulation.places import Limit

SCHEDULED_S = 45
CRON = "*/15 * * * * *"
TALK = steps.workflow("talk", steps.step("t1", "EVENT", {"n": 1}, sink="conductor:x"), steps.simple("t2", name="plain"))
NARROW, WIDE = (
    {"name": name, "retryCount": 2, "retryDelaySeconds": 1, "responseTimeoutSeconds": 25, "concurrentExecLimit": limit}
    for name, limit in (("narrow", 1), ("wide", 9))
)
SHARED = steps.workflow("shared", steps.simple("s1", name="plain"))
KEY = {"name": "shared", "idempotencyKey": "${workflow.input.by}", "idempotencyStrategy": "RETURN_EXISTING"}
KEYED = steps.workflow(  # of those who start one at the same time, one does, and all are told of it
    "keyed",
    *steps.fork(
        "k",
        [steps.step("k1", "START_WORKFLOW", {"startWorkflow": KEY})],
        [steps.step("k2", "SUB_WORKFLOW", subWorkflowParam=KEY)],
    ),
)
LAST = {"name": "plain", "taskReferenceName": "last", "type": "SIMPLE"}


def _call(ref: str, name: str) -> dict[str, Any]:
    return steps.step(ref, "HTTP", {"uri": "http://x", "method": "GET"}, name=name)


CALLS = steps.workflow(
    "calls",
    *steps.fork("f", [_call("n1", "narrow"), _call("w1", "wide")], [_call("w2", "wide"), _call("n2", "narrow")]),
)


def install_calls(database: Database, laws: Laws) -> str:
    """Store a workflow whose tasks are the server's own, of two definitions in one queue; returns its name."""
    for known in (NARROW, WIDE):
        _put(database, TASK_DEF, known["name"], 0, convert(TaskDef, known))
        laws.limits[known["name"]] = Limit(known["concurrentExecLimit"])
    _put(database, WORKFLOW_DEF, "calls", 1, convert(WorkflowDef, CALLS))
    return "calls"


def install(database: Database, laws: Laws, plan: Random) -> list[str]:
    """Store everything and tell the laws; returns the names of the workflows that clients start."""
    for known in TASK_DEFS:
        limit = plan.choice([0, 0, 1, 2, 5])
        given = {
            **known,
            "responseTimeoutSeconds": known.get("responseTimeoutSeconds", 25),
            "concurrentExecLimit": limit,
        }
        definition = convert(TaskDef, given)
        _put(database, TASK_DEF, definition.name, 0, definition)
        if limit:
            laws.limits[definition.name] = Limit(limit)
    names = [f"drawn{number}" for number in range(plan.randint(1, 3))]
    flows = [definition_of(plan.getrandbits(24)) | {"name": name} for name in names]
    later = [{**flow, "version": 2, "tasks": [*flow["tasks"], LAST]} for flow in flows]
    for known in (*CHILDREN, TALK, SHARED, KEYED, *flows, *later):
        flow = convert(WorkflowDef, known)
        _put(database, WORKFLOW_DEF, flow.name, flow.version, flow)
    for name in (*names, "talk"):
        _handle(database, laws, f"conductor:{name}:x")
    if plan.random() < 0.5:
        _schedule(database, laws, plan.choice(["child", "quick", names[0]]))
    return [*names, "parent", "talk", "keyed"]


def _handle(database: Database, laws: Laws, event: str) -> None:
    """What workflows publish starts others."""
    action = Action(action="start_workflow", start_workflow=StartWorkflowAction(name="child"))
    _put(database, EVENT_HANDLER, event, 0, EventHandler(name=event, event=event, actions=[action], active=True))
    laws.handled.add(event)


def _schedule(database: Database, laws: Laws, workflow: str) -> None:
    """A workflow is started every some seconds for a while; a slot that was missed is made up for."""
    schedule = WorkflowSchedule(
        name="often",
        cronExpression=CRON,
        runCatchupScheduleInstances=True,
        scheduleEndTime=BEGIN_MS + SCHEDULED_S * 1000,
        startWorkflowRequest=StartWorkflowRequest(name=workflow),
    )
    [cron] = schedule.crons()
    slot = first = compile_cron(CRON, "UTC").next_ms(BEGIN_MS)
    while slot <= BEGIN_MS + SCHEDULED_S * 1000:
        laws.scheduled.add(slot_workflow_id(schedule.name, cron, slot))
        slot = compile_cron(CRON, "UTC").next_ms(slot)
    _put(database, SCHEDULE, schedule.name, 0, StoredSchedule(schedule, [first]))


def _put(database: Database, kind: str, name: str, version: int, definition: Any) -> None:
    finished(database.rows.put_document(Document(kind, name, version, encode_json(definition), 0)))
