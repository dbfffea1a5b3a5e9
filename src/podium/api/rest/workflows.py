"""Routes of executions: start, read."""

from typing import Any

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import JSON, TEXT, Route, json_of
from podium.engine.view import WorkflowView
from podium.model.start import StartWorkflowRequest
from podium.service import Services

AT = "/api/workflow"
GIVEN = json_of(dict[str, Any])


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/workflow that are about one execution or a few."""
    return [*_starts(services), *_reads(services)]


def _starts(services: Services) -> list[Route]:
    workflows = services.workflows
    by_name = (Parameter("correlationId"), Parameter("priority", "integer", 0))
    return [
        Route("POST", AT, workflows.start, TEXT, "Start a workflow", body=json_of(StartWorkflowRequest)),
        Route(
            "POST",
            f"{AT}/{{name}}",
            workflows.start_by_name,
            TEXT,
            "Start a workflow from its bare input",
            (Parameter("version", "integer"), *by_name),
            GIVEN,
        ),
    ]


def _reads(services: Services) -> list[Route]:
    reading = services.reading
    return [
        Route(
            "GET",
            f"{AT}/{{workflowId}}",
            reading.workflow,
            JSON,
            "Return a workflow, with its tasks unless asked not to",
            (Parameter("includeTasks", "boolean", True),),
            returns=WorkflowView,
        ),
    ]
