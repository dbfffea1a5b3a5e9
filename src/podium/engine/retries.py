"""Whether a failed task is tried again, and when.

Pure arithmetic on the task definition; jitter comes in as a number from 0 up to 1.
"""

from podium.engine.graph import Step
from podium.model.task import NEVER_S, Task
from podium.model.task_def import TaskDef


def retry_limit(step: Step | None) -> int:
    """Return how many attempts may follow the first; the step's own count wins, 0 without any definition."""
    if step is None:
        return 0
    own = step.definition.retryCount
    if isinstance(own, int):
        return own
    return step.task_def.retryCount if step.task_def else 0


def backoff_s(task_def: TaskDef, failed_attempts: int) -> int:
    """Return the delay before the next attempt after *failed_attempts* earlier retries, without jitter."""
    delay = task_def.retryDelaySeconds
    if task_def.retryLogic == "LINEAR_BACKOFF":
        delay *= task_def.backoffScaleFactor * (failed_attempts + 1)
    elif task_def.retryLogic == "EXPONENTIAL_BACKOFF":
        delay *= 2 ** min(failed_attempts, 31)
    delay = min(delay, NEVER_S)
    cap = task_def.maxRetryDelaySeconds
    return min(delay, cap) if cap > 0 else delay


def jitter_ms(task_def: TaskDef, chance: float) -> int:
    """Return the random part of the delay."""
    return int(chance * (task_def.backoffJitterMs + 1)) if task_def.backoffJitterMs > 0 else 0


def budget_spent_s(task: Task, task_def: TaskDef | None, now_ms: int) -> int | None:
    """Return the seconds since the first attempt when they reach the total budget, else None."""
    if task_def is None or task_def.totalTimeoutSeconds <= 0:
        return None
    elapsed = now_ms - (task.first_scheduled_ms or task.scheduled_ms)
    return elapsed // 1000 if elapsed >= task_def.totalTimeoutSeconds * 1000 else None
