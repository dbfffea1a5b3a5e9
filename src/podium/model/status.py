"""Statuses of workflows and tasks and what they mean; the texts are Conductor's."""

RUNNING = "RUNNING"
PAUSED = "PAUSED"
COMPLETED = "COMPLETED"
FAILED = "FAILED"
TIMED_OUT = "TIMED_OUT"
TERMINATED = "TERMINATED"

SCHEDULED = "SCHEDULED"
IN_PROGRESS = "IN_PROGRESS"
COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
SKIPPED = "SKIPPED"
FAILED_WITH_TERMINAL_ERROR = "FAILED_WITH_TERMINAL_ERROR"
CANCELED = "CANCELED"

WORKFLOW_TERMINAL = frozenset({COMPLETED, FAILED, TIMED_OUT, TERMINATED})
WORKFLOW_STATUSES = WORKFLOW_TERMINAL | {RUNNING, PAUSED}

TASK_OPEN = frozenset({SCHEDULED, IN_PROGRESS})
TASK_GOOD = frozenset({COMPLETED, COMPLETED_WITH_ERRORS, SKIPPED})
TASK_BAD = frozenset({FAILED, FAILED_WITH_TERMINAL_ERROR, TIMED_OUT, CANCELED})
TASK_STATUSES = TASK_OPEN | TASK_GOOD | TASK_BAD
# A plain failure; these names end up in failedReferenceTaskNames.
TASK_FAILED = frozenset({FAILED, FAILED_WITH_TERMINAL_ERROR})
TASK_RETRIABLE = frozenset({FAILED, TIMED_OUT})
# What a worker may report.
TASK_REPORTABLE = frozenset({IN_PROGRESS, COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR, CANCELED})


def workflow_status_of(task_status: str) -> str:
    """Return the status in which a workflow ends because a task ended in *task_status*."""
    if task_status == CANCELED:
        return TERMINATED
    return TIMED_OUT if task_status == TIMED_OUT else FAILED
