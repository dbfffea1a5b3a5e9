"""Routes of executions: start, read, search, and what people do to them."""

from typing import Any

from podium.api.rest.parameter import Parameter
from podium.api.rest.route import EMPTY, JSON, NO_CONTENT, TEXT, Route, json_of, optional_json_of
from podium.api.rest.shown import SignalResponse, Workflow
from podium.model.start import (
    CorrelationIdsSearchRequest,
    RerunWorkflowRequest,
    SkipTaskRequest,
    StartWorkflowRequest,
    UpgradeWorkflowRequest,
    WorkflowStateUpdate,
)
from podium.service import Services
from podium.service.bulk_response import BulkResponse
from podium.service.payload_location import ExternalStorageLocation
from podium.service.reading import Results, WorkflowStatusView

AT = "/api/workflow"
ONE = f"{AT}/{{workflowId}}"
GIVEN = json_of(dict[str, Any])
IDS = json_of(list[str])
REASON = Parameter("reason")
COMPENSATE = Parameter("triggerFailureWorkflow", "boolean", False)
ARCHIVE = Parameter("archiveWorkflow", "boolean", True)
USE_LATEST = Parameter("useLatestDefinitions", "boolean", False)
PAGE = (
    Parameter("start", "integer", 0),
    Parameter("size", "integer", 100),
    Parameter("sort", default=""),
    Parameter("freeText", default="*"),
    Parameter("query", default=""),
)


def routes(services: Services) -> list[Route]:
    """Return the routes of /api/workflow."""
    return [
        *_starts(services),
        *_reads(services),
        *_correlated(services),
        *_searches(services),
        *_operations(services),
        *_changes(services),
        *_endings(services),
        *_bulk(services),
        *location_routes(services, AT),
    ]


def location_routes(services: Services, at: str) -> list[Route]:
    """Return the two spellings of the call that asks where a large payload may go."""
    given = tuple(Parameter(name, required=True) for name in ("path", "operation", "payloadType"))
    location, text = services.payload_locations.location, "Where a payload that is too large for a call may go"
    return [
        Route("GET", f"{at}/{name}", location, JSON, text, given, returns=ExternalStorageLocation)
        for name in ("externalstoragelocation", "external-storage-location")
    ]


def _starts(services: Services) -> list[Route]:
    workflows, request = services.workflows, json_of(StartWorkflowRequest)
    by_name = (Parameter("correlationId"), Parameter("priority", "integer", 0))
    version = Parameter("version", "integer")
    return [
        Route("POST", AT, workflows.start, TEXT, "Start a workflow", body=request),
        Route(
            "POST",
            f"{AT}/{{name}}",
            workflows.start_by_name,
            TEXT,
            "Start a workflow from its bare input",
            (version, *by_name),
            GIVEN,
        ),
        Route(
            "POST",
            f"{AT}/start/{{name}}/{{version:integer}}",
            workflows.start_by_name,
            TEXT,
            "Start a version of a workflow from its bare input",
            by_name,
            GIVEN,
        ),
        Route(
            "POST",
            f"{AT}/execute/{{name}}/{{version:integer}}",
            services.signals.execute,
            JSON,
            "Start a workflow and wait until it ends or blocks; version 0 is the latest",
            (
                Parameter("requestId"),
                Parameter("waitUntilTaskRef", "list"),
                Parameter("waitForSeconds", "integer", 10),
                Parameter("returnStrategy", default="TARGET_WORKFLOW"),
            ),
            request,
            SignalResponse,
            waits=True,
        ),
        *(
            Route(
                method,
                f"{AT}/execute/{{name}}",
                services.signals.execute_by_name,
                JSON,
                "Start a workflow from its bare input, wait as above, and return its output",
                (version, Parameter("waitForSeconds", "integer", 0)),
                optional_json_of(dict[str, Any]) if method == "POST" else None,
                dict[str, Any],
                headers=(
                    Parameter("requestId"),
                    Parameter("waitUntilTaskRef"),
                    Parameter("waitForSeconds", "integer", 0),
                ),
                waits=True,
            )
            for method in ("POST", "GET")
        ),
    ]


def _reads(services: Services) -> list[Route]:
    reading = services.reading
    times = (Parameter("version", "integer", 1), Parameter("startTime", "long", 0), Parameter("endTime", "long", 0))
    return [
        Route(
            "GET",
            ONE,
            reading.workflow,
            JSON,
            "Return a workflow, with its tasks unless asked not to",
            (Parameter("includeTasks", "boolean", True),),
            returns=Workflow,
        ),
        Route(
            "GET",
            f"{ONE}/status",
            reading.status,
            JSON,
            "Return the status of a workflow",
            (Parameter("includeOutput", "boolean", False), Parameter("includeVariables", "boolean", False)),
            returns=WorkflowStatusView,
        ),
        Route(
            "GET",
            f"{ONE}/tasks",
            reading.tasks,
            JSON,
            "Return a page of a workflow's tasks",
            (Parameter("start", "integer", 0), Parameter("count", "integer", 15), Parameter("status", "list")),
            returns=Results,
        ),
        Route(
            "GET",
            f"{AT}/running/{{name}}",
            reading.running,
            JSON,
            "Return the ids of open workflows",
            times,
            returns=list[str],
        ),
    ]


def _correlated(services: Services) -> list[Route]:
    reading = services.reading
    closed = (Parameter("includeClosed", "boolean", False), Parameter("includeTasks", "boolean", False))
    return [
        Route(
            "GET",
            f"{AT}/{{name}}/correlated/{{correlationId}}",
            reading.correlated,
            JSON,
            "Return the workflows of a correlation id",
            closed,
            returns=list[Workflow],
        ),
        Route(
            "POST",
            f"{AT}/{{name}}/correlated",
            reading.correlated_all,
            JSON,
            "Return the workflows of several correlation ids",
            closed,
            IDS,
            dict[str, list[Workflow]],
        ),
        Route(
            "POST",
            f"{AT}/correlated/batch",
            reading.correlated_batch,
            JSON,
            "Return the workflows of several names and correlation ids",
            closed,
            json_of(CorrelationIdsSearchRequest),
            dict[str, list[Workflow]],
        ),
    ]


def _searches(services: Services) -> list[Route]:
    search = services.search
    page = (*PAGE, Parameter("classifier", "list"), Parameter("topLevelOnly", "boolean", False))
    rows: list[tuple[str, Any, tuple[Parameter, ...], str]] = [
        ("search", search.workflows, page, "Search for workflows"),
        ("search-v2", search.workflows_whole, page, "Search for workflows, and return them whole but for their tasks"),
        ("search-by-tasks", search.workflows_by_tasks, PAGE, "Search for workflows by their tasks"),
        ("search-by-tasks-v2", search.workflows_by_tasks_whole, PAGE, "The same, and return the workflows whole"),
    ]
    return [Route("GET", f"{AT}/{name}", call, JSON, text, given, returns=Results) for name, call, given, text in rows]


def _operations(services: Services) -> list[Route]:
    control = services.control
    resume = (Parameter("resumeSubworkflowTasks", "boolean", False),)
    skipped = (Parameter("taskInput", "map"), Parameter("taskOutput", "map"))
    return [
        Route("PUT", f"{AT}/decide/{{workflowId}}", control.decide, EMPTY, "Look whether anything is to be done"),
        Route("PUT", f"{ONE}/pause", control.pause, EMPTY, "Schedule nothing more"),
        Route("PUT", f"{ONE}/resume", control.resume, EMPTY, "Go on after a pause"),
        Route(
            "PUT",
            f"{ONE}/skiptask/{{taskReferenceName}}",
            control.skip,
            EMPTY,
            "Mark a task that was not reached as skipped",
            skipped,
            optional_json_of(SkipTaskRequest),
        ),
        Route(
            "POST",
            f"{ONE}/rerun",
            control.rerun,
            TEXT,
            "Run again from a task or from the beginning",
            body=json_of(RerunWorkflowRequest),
        ),
        Route("POST", f"{ONE}/restart", control.restart, NO_CONTENT, "Begin anew under the same id", (USE_LATEST,)),
        Route("POST", f"{ONE}/retry", control.retry, NO_CONTENT, "Run failed tasks again", resume),
        Route("POST", f"{ONE}/resetcallbacks", control.reset_callbacks, NO_CONTENT, "Make delayed tasks visible now"),
    ]


def _changes(services: Services) -> list[Route]:
    control = services.control
    return [
        Route(
            "POST",
            f"{ONE}/jump/{{taskReferenceName}}",
            control.jump,
            EMPTY,
            "Leave what is open and go on with another step",
            (Parameter("taskReferenceName"),),
            optional_json_of(dict[str, Any]),
        ),
        Route(
            "POST",
            f"{ONE}/upgrade",
            control.upgrade,
            EMPTY,
            "Go on under another version of the definition",
            body=json_of(UpgradeWorkflowRequest),
        ),
        Route(
            "POST",
            f"{ONE}/messages",
            control.push_message,
            TEXT,
            "Put a message into the workflow's queue, for its PULL_WORKFLOW_MESSAGES tasks",
            body=GIVEN,
        ),
        Route(
            "POST",
            f"{ONE}/state",
            services.signals.update_state,
            JSON,
            "Change variables, report a task, and wait until the workflow ends or blocks",
            (
                Parameter("requestId"),
                Parameter("waitUntilTaskRef", "list"),
                Parameter("waitForSeconds", "integer", 10),
            ),
            json_of(WorkflowStateUpdate),
            SignalResponse,
            waits=True,
        ),
        Route(
            "POST",
            f"{ONE}/variables",
            control.set_variables,
            JSON,
            "Change the variables of an open workflow",
            body=GIVEN,
            returns=Workflow,
        ),
    ]


def _endings(services: Services) -> list[Route]:
    control = services.control
    return [
        Route("DELETE", ONE, control.terminate, EMPTY, "Terminate a workflow", (REASON, COMPENSATE)),
        Route("DELETE", f"{ONE}/remove", control.remove, EMPTY, "Delete a workflow", (ARCHIVE,)),
        Route(
            "DELETE",
            f"{ONE}/terminate-remove",
            control.terminate_and_remove,
            EMPTY,
            "Terminate a workflow and delete it",
            (REASON, ARCHIVE),
        ),
    ]


def _bulk(services: Services) -> list[Route]:
    bulk = services.bulk
    rows: list[tuple[str, str, Any, tuple[Parameter, ...], str]] = [
        ("PUT", "pause", bulk.pause, (), "Pause workflows"),
        ("PUT", "resume", bulk.resume, (), "Resume workflows"),
        ("POST", "restart", bulk.restart, (USE_LATEST,), "Restart workflows"),
        ("POST", "retry", bulk.retry, (), "Retry the failed tasks of workflows"),
        ("POST", "terminate", bulk.terminate, (REASON, COMPENSATE), "Terminate workflows"),
        ("DELETE", "remove", bulk.remove, (ARCHIVE,), "Delete workflows"),
        ("POST", "delete", bulk.remove, (ARCHIVE,), "Delete workflows"),
        ("POST", "search", bulk.search, (Parameter("includeTasks", "boolean", True),), "Return workflows"),
        ("DELETE", "terminate-remove", bulk.terminate_and_remove, (ARCHIVE, REASON), "Terminate and delete workflows"),
    ]
    return [
        Route(method, f"{AT}/bulk/{name}", call, JSON, text, given, IDS, BulkResponse)
        for method, name, call, given, text in rows
    ]
