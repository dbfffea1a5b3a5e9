"""Routes of definitions."""

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, Route, json_of
from podium.model.task_def import TaskDef
from podium.model.workflow_def import RateLimitConfig, WorkflowDef
from podium.service import Services
from podium.service.bulk_response import BulkResponse
from podium.service.metadata import DefinitionSummary

AT = "/api/metadata"


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/metadata."""
    return [*_workflows(services), *_tasks(services)]


def _workflows(services: Services) -> list[Route]:
    metadata = services.metadata
    at, version = f"{AT}/workflow", Parameter("version", "integer")
    body, summaries = json_of(WorkflowDef), list[DefinitionSummary]
    overwrite = (Parameter("overwrite", "boolean", False),)
    several = json_of(list[WorkflowDef])
    classifier = (Parameter("classifier", "list"),)
    return [
        Route("POST", at, metadata.register_workflow, EMPTY, "Register a workflow definition", overwrite, body),
        Route("PUT", at, metadata.update_workflows, JSON, "Register or replace definitions", (), several, BulkResponse),
        Route("POST", f"{at}/validate", metadata.validate_workflow, EMPTY, "Check a definition", body=body),
        Route("GET", at, metadata.workflow_defs, JSON, "Return all definitions", classifier, returns=list[WorkflowDef]),
        Route("GET", f"{at}/names", metadata.workflow_names, JSON, "Return all names", returns=list[str]),
        Route(
            "GET",
            f"{at}/names-and-versions",
            metadata.names_and_versions,
            JSON,
            "Return the versions of each name",
            returns=dict[str, list[DefinitionSummary]],
        ),
        Route(
            "GET",
            f"{at}/latest-versions",
            metadata.latest_versions,
            JSON,
            "Return the latest version of each name",
            returns=list[WorkflowDef],
        ),
        Route(
            "GET", f"{at}/{{name}}", metadata.workflow_def, JSON, "Return a definition", (version,), returns=WorkflowDef
        ),
        Route("GET", f"{at}/{{name}}/versions", metadata.versions, JSON, "Return the versions", returns=summaries),
        Route(
            "DELETE", f"{at}/{{name}}/{{version:integer}}", metadata.delete_workflow_def, EMPTY, "Remove one version"
        ),
        *_rate_limit(services, f"{at}/{{name}}/rate-limit"),
    ]


def _rate_limit(services: Services, at: str) -> list[Route]:
    metadata, config = services.metadata, RateLimitConfig
    return [
        Route("GET", at, metadata.rate_limit, JSON, "Return how many run at once", returns=config),
        Route("PUT", at, metadata.put_rate_limit, EMPTY, "Set how many run at once", body=json_of(config)),
        Route("DELETE", at, metadata.delete_rate_limit, EMPTY, "Let any number run at once"),
    ]


def _tasks(services: Services) -> list[Route]:
    metadata = services.metadata
    at, several = f"{AT}/taskdefs", json_of(list[TaskDef])
    return [
        Route("POST", at, metadata.register_tasks, EMPTY, "Register or replace task definitions", body=several),
        Route("PUT", at, metadata.update_task, EMPTY, "Replace a task definition", body=json_of(TaskDef)),
        Route("GET", at, metadata.task_defs, JSON, "Return all task definitions", returns=list[TaskDef]),
        Route("GET", f"{at}/{{tasktype}}", metadata.task_def, JSON, "Return a task definition", returns=TaskDef),
        Route("DELETE", f"{at}/{{tasktype}}", metadata.delete_task_def, EMPTY, "Remove a task definition"),
    ]
