"""Rules of a start request."""

from collections.abc import Iterator
from itertools import islice

from podium.model.errors import Violation
from podium.model.rules.checks import VIOLATIONS_MAX, Checks
from podium.model.rules.workflow_def import check_workflow_def
from podium.model.start import StartWorkflowRequest


def check_start_request(request: StartWorkflowRequest, at: str, checks: Checks) -> list[Violation]:
    """Check *request* and the definition in it, if any; *at* is its path (`startWorkflow.arg0`)."""
    return list(islice(_violations(request, at, checks), VIOLATIONS_MAX))


def _violations(request: StartWorkflowRequest, at: str, checks: Checks) -> Iterator[Violation]:
    priority = request.priority
    if not request.name and request.workflowDef is None:  # clients that bring a definition may leave the name to it
        yield Violation(f"{at}.name", "Workflow name cannot be null or empty")
    if priority > 99:
        yield Violation(f"{at}.priority", f"priority: {priority} should be maximum 99", str(priority))
    if priority < 0:
        yield Violation(f"{at}.priority", f"priority: {priority} should be minimum 0", str(priority))
    if request.workflowDef is not None:
        yield from check_workflow_def(request.workflowDef, f"{at}.workflowDef", checks)
