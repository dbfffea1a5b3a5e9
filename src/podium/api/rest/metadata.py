"""Routes of definitions."""

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, Route, json_of
from podium.model.workflow_def import RateLimitConfig, WorkflowDef
from podium.service import Services
from podium.service.bulk_response import BulkResponse
from podium.service.metadata import DefinitionSummary
from podium.service.tagged import TaggedTaskDef, TaggedWorkflowDef

AT = "/api/metadata"
WITH_TAGS = Parameter("metadata", "boolean", False)


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/metadata."""
    return [*_workflows(services), *_tasks(services)]


def _workflows(services: Services) -> list[Route]:
    metadata, tagged = services.metadata, services.tagged_metadata
    at, version = f"{AT}/workflow", Parameter("version", "integer")
    summaries = list[DefinitionSummary]
    overwrite = (Parameter("overwrite", "boolean", False),)
    one, several, bare = json_of(TaggedWorkflowDef), json_of(list[TaggedWorkflowDef]), json_of(WorkflowDef)
    found, classifier = list[TaggedWorkflowDef], (Parameter("classifier", "list"), WITH_TAGS)
    return [
        Route("POST", at, tagged.register_workflow, EMPTY, "Register a workflow definition", overwrite, one),
        Route("PUT", at, tagged.update_workflows, JSON, "Register or replace definitions", (), several, BulkResponse),
        Route("POST", f"{at}/validate", metadata.validate_workflow, EMPTY, "Check a definition", body=bare),
        Route("GET", at, tagged.workflow_defs, JSON, "Return all definitions", classifier, returns=found),
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
            "GET",
            f"{at}/{{name}}",
            tagged.workflow_def,
            JSON,
            "Return a definition",
            (version, WITH_TAGS),
            returns=TaggedWorkflowDef,
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
    metadata, tagged = services.metadata, services.tagged_metadata
    at, named, wanted = f"{AT}/taskdefs", f"{AT}/taskdefs/{{tasktype}}", (WITH_TAGS,)
    one, several, found = json_of(TaggedTaskDef), json_of(list[TaggedTaskDef]), list[TaggedTaskDef]
    return [
        Route("POST", at, tagged.register_tasks, EMPTY, "Register or replace task definitions", body=several),
        Route("PUT", at, tagged.update_task, EMPTY, "Replace a task definition", body=one),
        Route("GET", at, tagged.task_defs, JSON, "Return all task definitions", wanted, returns=found),
        Route("GET", named, tagged.task_def, JSON, "Return a task definition", wanted, returns=TaggedTaskDef),
        Route("DELETE", named, metadata.delete_task_def, EMPTY, "Remove a task definition"),
    ]
