"""From a start request to a start command: which definition, with which input."""

from podium.engine.commands import StartWorkflow
from podium.engine.context import Context
from podium.engine.graph import Graph
from podium.model.errors import NotFound, TooLarge, ValidationFailed, Violation
from podium.model.start import StartWorkflowRequest
from podium.model.wire import encode_json


def resolve_start(context: Context, request: StartWorkflowRequest, at: str = "") -> StartWorkflow:
    """Return the command for *request*; *at* is the path that violations begin with.

    Errors: `NotFound` for an unknown definition, `ValidationFailed`, `TooLarge` for an input over the limit.
    """
    _check(request, at)
    graph = _graph(context, request)
    given = request.input
    template = graph.definition.inputTemplate
    if template and given:  # upstream: an empty input gets no defaults, and a null counts as missing
        given = template | {key: value for key, value in given.items() if value is not None or key not in template}
    body = encode_json(given)
    limit = context.limits.workflow_payload_bytes
    if len(body) > limit:
        raise TooLarge(
            f"The payload size: {len(body)} of workflow input is greater than the permissible limit: {limit} bytes"
        )
    return StartWorkflow(
        name=graph.name,
        version=graph.version,
        def_hash=graph.hash,
        input=body,
        correlation_id=request.correlationId,
        priority=request.priority,
        task_to_domain=request.taskToDomain,
        external_input_path=request.externalInputPayloadStoragePath,
        created_by=request.createdBy,
        idempotency_key=request.idempotencyKey,
    )


def _check(request: StartWorkflowRequest, at: str) -> None:
    broken = []
    dot = f"{at}." if at else ""
    if not request.name and request.workflowDef is None:
        broken.append(Violation(f"{dot}name", "Workflow name cannot be null or empty"))
    if request.priority > 99:
        broken.append(
            Violation(f"{dot}priority", f"priority: {request.priority} should be maximum 99", str(request.priority))
        )
    if request.priority < 0:
        broken.append(
            Violation(f"{dot}priority", f"priority: {request.priority} should be minimum 0", str(request.priority))
        )
    if broken:
        raise ValidationFailed(broken)


def _graph(context: Context, request: StartWorkflowRequest) -> Graph:
    if request.workflowDef is not None:
        return context.bind(request.workflowDef)
    graph = context.graph(request.name, request.version)
    if graph is None:
        version = "null" if request.version is None else request.version
        raise NotFound(f"No such workflow defined. name={request.name}, version={version}")
    return graph
