"""The rules that registered definitions and start requests must keep, with Conductor's messages and paths.

Each check returns what is wrong and raises nothing; the caller turns a non-empty list into ValidationFailed.
What needs other parts of the server (task definitions, compilers of scripts, of paths) comes with Checks.
"""

from podium.model.rules.checks import Checks
from podium.model.rules.event import check_event_handler
from podium.model.rules.start import check_start_request
from podium.model.rules.task_def import check_task_def, check_task_defs
from podium.model.rules.workflow_def import check_workflow_def, check_workflow_defs

__all__ = [
    "Checks",
    "check_event_handler",
    "check_start_request",
    "check_task_def",
    "check_task_defs",
    "check_workflow_def",
    "check_workflow_defs",
]
