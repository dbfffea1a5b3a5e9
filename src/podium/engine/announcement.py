"""`onStateChange` of a step: events that tell others how its tasks get on, published with the workflow's commit.

Upstream accepts the field without effect. An event goes to the queue that its `type` names, a plain name meaning the
internal queue; event handlers take it from there. It is told once for each change of an attempt.
"""

from typing import TYPE_CHECKING

from podium.engine.graph import Step
from podium.expressions.parameters import compile_template
from podium.model.errors import PodiumError
from podium.model.ids import task_id
from podium.model.status import CANCELED, COMPLETED, COMPLETED_WITH_ERRORS, TASK_FAILED, TIMED_OUT
from podium.model.task import Task
from podium.model.wire import Json, encode_json
from podium.model.workflow_def import StateChangeEvent

if TYPE_CHECKING:
    from podium.engine.session import Session

SCHEDULED, STARTED, SUCCEEDED, FAILED, CANCELLED = "onScheduled", "onStart", "onSuccess", "onFailed", "onCancelled"
INTERNAL = "conductor:"
_SILENT = b'"onStateChange":{}'  # so much is seen of a branch without compiling it again


def announce(session: "Session", task: Task, state: str, step: Step | None = None) -> None:
    """Publish the events of the step of *task* for *state*; a step without any costs one look."""
    if not session.graph.announces and (task.dynamic_step is None or _SILENT in task.dynamic_step):
        return
    step = step or session.step_of(task)
    if step is None or not step.definition.onStateChange:
        return
    for number, event in enumerate(_events(step, state)):
        queue = event.type if ":" in (event.type or "") else f"{INTERNAL}{event.type}"
        body = encode_json({**_payload(session, task, event), **_identity(session, task, state)})
        session.publish(str(queue), f"{task_id(session.head.id, task.seq)}:{state}:{number}", body)


def announce_end(session: "Session", task: Task) -> None:
    """Publish how *task* ended; a skipped one tells nothing."""
    if task.status in (COMPLETED, COMPLETED_WITH_ERRORS):
        announce(session, task, SUCCEEDED)
    elif task.status == CANCELED:
        announce(session, task, CANCELLED)
    elif task.status in TASK_FAILED or task.status == TIMED_OUT:
        announce(session, task, FAILED)


def _events(step: Step, state: str) -> list[StateChangeEvent]:
    """Return the events of *state*; a key may name several states, with commas between them."""
    found = step.definition.onStateChange.items()
    named = [event for names, events in found if state in map(str.strip, names.split(",")) for event in events]
    return [event for event in named if event.type]


def _payload(session: "Session", task: Task, event: StateChangeEvent) -> dict[str, Json]:
    try:
        template = compile_template(event.payload or {})
        resolved: dict[str, Json] = session.scope.resolve(template, task.seq)
    except PodiumError as error:  # a bad expression must not keep a task from ending
        return {"error": error.message}
    return resolved


def _identity(session: "Session", task: Task, state: str) -> dict[str, Json]:
    head = session.head
    return {
        "state": state,
        "status": task.status,
        "taskId": task_id(head.id, task.seq),
        "taskRefName": task.ref,
        "taskType": task.type,
        "workflowInstanceId": head.id,
        "workflowType": head.name,
        "workflowVersion": head.def_version,
        "correlationId": head.correlation_id,
    }
