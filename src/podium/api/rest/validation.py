"""Routes that check definitions and try them out, and store nothing."""

from typing import Any

from podium.api.rest.route import JSON, Route, json_of
from podium.api.rest.shown import Workflow
from podium.model.start import WorkflowTestRequest
from podium.service import Services
from podium.service.validation import Report

AT = "/api/metadata"


def routes(services: Services) -> list[Route]:
    """Return the routes of advice, and the one of test runs."""
    validation, body, test = services.validation, json_of(dict[str, Any]), json_of(WorkflowTestRequest)
    workflow_text = "Say what is wrong with a workflow definition, and what is most likely not meant"
    task_text = "Say what is wrong with a task definition, and what is most likely not meant"
    test_text = "Run a workflow with given results of its tasks, in memory and at once; nothing is stored"
    run = services.rehearsals.run
    return [
        Route("POST", f"{AT}/workflow/advice", validation.workflow, JSON, workflow_text, body=body, returns=Report),
        Route("POST", f"{AT}/taskdefs/advice", validation.task, JSON, task_text, body=body, returns=Report),
        Route("POST", "/api/workflow/test", run, JSON, test_text, body=test, returns=Workflow, waits=True),
    ]
