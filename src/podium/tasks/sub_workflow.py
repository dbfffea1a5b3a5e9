"""SUB_WORKFLOW: a workflow as a step of another one.

The child is started by a message in the commit that starts this task, and its end comes back as a message: neither can
be lost or happen twice.
"""

from typing import Any

from podium.engine.commands import StartWorkflow
from podium.engine.finish import cancel_child
from podium.engine.graph import Graph, Step
from podium.engine.lineage import Runaway, next_lineage
from podium.engine.schemas import start_fault
from podium.engine.session import Place, Plan, Session, WorkflowEnds, decode, encode
from podium.expressions.java_text import java_text
from podium.expressions.parameters import compile_template
from podium.model.errors import PodiumError
from podium.model.status import FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, SCHEDULED
from podium.model.task import Task
from podium.model.wire import convert, encode_json, to_json_value
from podium.model.workflow_def import WorkflowDef
from podium.tasks.kind import Kind

STRATEGIES = ("FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING")


class SubWorkflow(Kind):
    """Waits for the workflow that it has started."""

    name = "SUB_WORKFLOW"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the task; its input says which child with which input."""
        if step.definition.subWorkflowParam is None:
            reason = f"Task {step.name} is defined as sub-workflow and is missing subWorkflowParams. "
            raise WorkflowEnds(FAILED, reason + "Please check the workflow definition")
        delay_s = step.definition.startDelay
        plan.new(
            step,
            place,
            status=SCHEDULED,
            runs="engine",
            input=encode(child_request(plan.session, step)),
            start_delay_s=delay_s,
            callback_after_s=delay_s,
            due_ms=plan.session.now_ms + delay_s * 1000 if delay_s else 0,
        )

    def start(self, task: Task, session: Session) -> None:
        """Start the child."""
        request = decode(task.input)
        try:
            graph = child_graph(session, request)
        except PodiumError as error:
            session.fail(task, error.message)
            return
        if graph is None:
            name, version = request.get("subWorkflowName"), request.get("subWorkflowVersion")
            session.fail(task, f"No such workflow defined. name={name}, version={version or 'null'}")
            return
        given = dict(request.get("workflowInput") or {})
        if request.get("subWorkflowDefinition") is not None:
            given["_systemMetadata"] = {"dynamic": True}
        body = encode(given)
        fault = start_fault(session.context, graph, body)
        if fault is not None:
            session.fail(task, fault, FAILED_WITH_TERMINAL_ERROR)
            return
        head = session.head
        try:
            lineage = next_lineage(head, session.context)
        except Runaway as error:
            session.fail(task, error.message, FAILED_WITH_TERMINAL_ERROR)
            return
        child_id = session.context.new_workflow_id()
        priority = request.get("priority")
        domains = request.get("subWorkflowTaskToDomain") or head.task_to_domain
        session.send(
            child_id,
            StartWorkflow(
                name=graph.name,
                version=graph.version,
                def_hash=graph.hash,
                input=body,
                is_checked=True,
                correlation_id=head.correlation_id,
                priority=priority if isinstance(priority, int) and 0 <= priority <= 99 else 0,
                task_to_domain={key: str(value) for key, value in domains.items()},
                parent_id=head.id,
                parent_task_seq=task.seq,
                depth=lineage.depth,
                root_id=lineage.root_id,
                **keyed(request.get("idempotencyKey"), request.get("idempotencyStrategy")),
            ),
        )
        task.sub_workflow_id = child_id
        task.status = IN_PROGRESS
        session.set_output(task, encode({"subWorkflowId": child_id}))

    def cancel(self, task: Task, session: Session) -> None:
        """Terminate the child."""
        cancel_child(session, task)

    def next_input(self, task: Task, step: Step, session: Session) -> bytes:
        """Resolve everything anew."""
        return encode(child_request(session, step))


def child_request(session: Session, step: Step) -> dict[str, Any]:
    """Return the task's input: every key is there, null when it is not used."""
    if "request" not in step.memo:
        step.memo["request"] = compile_template(_request_template(step))
    found: dict[str, Any] = dict(session.scope.resolve(step.memo["request"]))
    found["workflowInput"] = session.resolve(step, 0)
    if found["subWorkflowVersion"] is None and found["subWorkflowDefinition"] is None and found["subWorkflowName"]:
        latest = session.context.graph(str(found["subWorkflowName"]), None)
        found["subWorkflowVersion"] = latest.version if latest else None
    return found


def _request_template(step: Step) -> dict[str, Any]:
    param = step.definition.subWorkflowParam
    inline = param.workflowDefinition if param else None
    known = isinstance(inline, WorkflowDef)
    fields = to_json_value(param) if param else {}
    return {
        "subWorkflowName": inline.name if isinstance(inline, WorkflowDef) else fields.get("name"),
        "subWorkflowVersion": None if inline is not None else fields.get("version"),
        "subWorkflowTaskToDomain": fields.get("taskToDomain"),
        "subWorkflowDefinition": inline if isinstance(inline, str) else (literal(inline) if known else None),
        "priority": fields.get("priority"),
        "idempotencyKey": fields.get("idempotencyKey"),
        "idempotencyStrategy": fields.get("idempotencyStrategy"),
    }


def keyed(key: Any, strategy: Any) -> dict[str, Any]:
    """Return what a start command says of an idempotency key; one that is nothing, or is no strategy, has no effect."""
    if key in (None, ""):
        return {}
    text = key if isinstance(key, str) else java_text(key)
    return {"idempotency_key": text, "idempotency_strategy": strategy if strategy in STRATEGIES else None}


def literal(inline: Any) -> Any:
    """Return a definition as JSON in which `${` is escaped: its expressions belong to the child."""
    return escaped(decode(encode_json(inline)))


def escaped(value: Any) -> Any:
    """Return *value* with every `${` escaped."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [escaped(one) for one in value]
    if isinstance(value, dict):
        return {key: escaped(one) for key, one in value.items()}
    return value


def child_graph(session: Session, request: dict[str, Any]) -> Graph | None:
    """Return the definition that the child runs; errors of an inline one are errors of `model.errors`."""
    inline = request.get("subWorkflowDefinition")
    if inline is not None:
        return session.context.bind(convert(WorkflowDef, inline))
    version = request.get("subWorkflowVersion")
    number = int(version) if isinstance(version, int | float | str) and _is_number(version) else 0
    name = request.get("subWorkflowName")
    return session.context.graph(str(name), number or None) if name else None


def _is_number(version: float | str) -> bool:
    return not isinstance(version, str) or version.isdecimal()
