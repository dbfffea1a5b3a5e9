"""EVENT: publish a message to a queue, once, with the commit of the workflow."""

from podium.engine.graph import Step
from podium.engine.session import Place, Plan, Session, encode
from podium.expressions.parameters import Template, compile_template
from podium.model.ids import task_id
from podium.model.status import IN_PROGRESS
from podium.model.task import Task
from podium.tasks.kind import Kind

INTERNAL = "conductor"


class Event(Kind):
    """Publishes its input with the workflow's identity; with asyncComplete it then waits for an update."""

    name = "EVENT"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the task; sink and asyncComplete become part of the input."""
        session = plan.session
        sink = session.scope.resolve(_sink(step), plan.next_seq)
        given = {
            **session.resolve(step, plan.next_seq),
            "sink": sink,
            "asyncComplete": bool(step.definition.asyncComplete),
        }
        plan.new(step, place, status=IN_PROGRESS, runs="engine", input=encode(given))

    def start(self, task: Task, session: Session) -> None:
        """Publish and end, or publish and wait."""
        given = session.value(task, "input")
        head = session.head
        payload = {
            **given,
            "workflowInstanceId": head.id,
            "workflowType": head.name,
            "workflowVersion": head.def_version,
            "correlationId": head.correlation_id,
            "taskToDomain": head.task_to_domain,
        }
        queue, refusal = queue_of(str(given.get("sink")), head.name, task.ref)
        if refusal is not None:
            session.fail(task, refusal, output=encode(payload))
            return
        payload["event_produced"] = queue
        body = encode(payload)
        provider = queue.partition(":")[0]
        if provider != INTERNAL and not session.context.has_queue(provider):
            own_id = task_id(head.id, task.seq)
            reason = f"Error loading queue:{queue}, for task:{own_id}, error: Unknown queue type {provider}"
            session.fail(task, reason, output=body)
            return
        session.publish(queue, task_id(head.id, task.seq), body)
        if given.get("asyncComplete") is True:
            session.set_output(task, body)
        else:
            session.finish(task, output=body)


def _sink(step: Step) -> Template:
    if "sink" not in step.memo:
        step.memo["sink"] = compile_template(step.definition.sink)
    template: Template = step.memo["sink"]
    return template


def queue_of(sink: str, workflow_name: str, ref: str) -> tuple[str, str | None]:
    """Return the queue that a sink means, or the reason why it means none."""
    if sink == INTERNAL:
        return f"{INTERNAL}:{workflow_name}:{ref}", None
    if sink.startswith(INTERNAL + ":"):
        return f"{INTERNAL}:{workflow_name}:{sink[len(INTERNAL) + 1 :]}", None
    if sink.startswith(INTERNAL):
        return "", f"Invalid / Unsupported sink specified: {sink}"
    return sink, None
