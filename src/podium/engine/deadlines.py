"""The deadlines of an open task, in the order in which they are checked.

Times are computed from the task's own fields, so that a deadline needs no row of its own: the workflow keeps one
wake-up, the earliest.
"""

from heapq import heappush

from podium.engine.graph import Step
from podium.model.status import IN_PROGRESS, SCHEDULED
from podium.model.task import Task
from podium.model.task_def import TaskDef
from podium.model.workflow import Workflow

START = "start"  # the delayed start of a task that the engine runs
WAIT = "wait"
TOTAL = "total"
ATTEMPT = "attempt"
POLL = "poll"
RESPONSE = "response"


def starts_later(task: Task) -> bool:
    """Whether a task of the engine has a delay before it that is not over."""
    return task.due_ms > 0 and task.type != "WAIT"


def deadlines(task: Task, step: Step | None) -> list[tuple[int, str]]:
    """Return the time and kind of each deadline that applies to *task* now."""
    found = []
    if task.due_ms:
        found.append((task.due_ms, START if starts_later(task) else WAIT))
    task_def = step.task_def if step else None
    if task_def is not None and task_def.timeoutPolicy != "ALERT_ONLY":
        _add_of_definition(found, task, task_def)
    if task.response_timeout_s and task.status == IN_PROGRESS and _has_lease(task, step):
        found.append((task.updated_ms + (task.response_timeout_s + task.callback_after_s) * 1000, RESPONSE))
    return found


def _add_of_definition(found: list[tuple[int, str]], task: Task, task_def: TaskDef) -> None:
    if task_def.totalTimeoutSeconds > 0:
        found.append(((task.first_scheduled_ms or task.scheduled_ms) + task_def.totalTimeoutSeconds * 1000, TOTAL))
    if task_def.timeoutSeconds > 0 and task.started_ms > 0:
        found.append((task.started_ms + (task.start_delay_s + task_def.timeoutSeconds) * 1000, ATTEMPT))
    poll_timeout_s = task_def.pollTimeoutSeconds
    if poll_timeout_s and task.status == SCHEDULED and task.runs != "engine":
        found.append((queued_ms(task) + poll_timeout_s * 1000, POLL))


def queued_ms(task: Task) -> int:
    """Return since when a scheduled task can be polled: since its delay, or the pause that a worker asked for, is over.

    Upstream counts the delay twice, and always from the first scheduling: tasks whose workers report progress time out.
    """
    if task.updated_ms:
        return task.updated_ms + task.callback_after_s * 1000
    return task.scheduled_ms + max(task.start_delay_s, 0) * 1000


def _has_lease(task: Task, step: Step | None) -> bool:
    """Whether someone who took the task must answer; tasks that end from outside have no lease."""
    return task.runs == "worker" or (task.runs == "system" and not (step and step.definition.asyncComplete))


def next_due_ms(task: Task, step: Step | None) -> int:
    """Return the earliest deadline of *task*, 0 when it has none."""
    found = deadlines(task, step)
    return min(found)[0] if found else 0


def watch(workflow: Workflow, task: Task, step: Step | None) -> None:
    """Have the workflow woken for the next deadline of an open task.

    An entry that comes before it stays the only one, so that the heap does not grow when a lease is extended: its
    wake-up finds nothing to do and enters the deadline of that time.
    """
    due_ms = next_due_ms(task, step)
    earliest_ms = workflow.watched.get(task.seq, 0)
    if due_ms and not 0 < earliest_ms <= due_ms:
        workflow.watched[task.seq] = due_ms
        heappush(workflow.wakes, (due_ms, task.seq))
