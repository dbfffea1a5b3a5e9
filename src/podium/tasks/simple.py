"""SIMPLE and every type that the server does not know: tasks that workers poll."""

from typing import Any

from podium.engine.graph import Step
from podium.engine.session import Place, Plan
from podium.tasks.kind import Kind


class Simple(Kind):
    """A worker's task in the queue of its name."""

    name = "SIMPLE"
    runs = "worker"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Queue the task, after the step's start delay."""
        add_worker_task(step, place, plan, step.name)


class UserDefined(Kind):
    """A worker's task in the queue of its type, for types that the server does not know."""

    runs = "worker"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Queue the task under the text of its type."""
        add_worker_task(step, place, plan, step.type, shows_delay=False)


def add_worker_task(
    step: Step,
    place: Place,
    plan: Plan,
    queue: str,
    name: str | None = None,
    *,
    shows_delay: bool = True,
    **fields: Any,
) -> None:
    """Add a task that workers poll from *queue*, with the limits of its definition; *fields* are those of the task."""
    task_def, delay_s = step.task_def, step.definition.startDelay
    known = {
        "start_delay_s": delay_s if shows_delay else 0,
        "callback_after_s": delay_s,
        "response_timeout_s": task_def.responseTimeoutSeconds if task_def else 0,
        "rate_limit": task_def.rateLimitPerFrequency or 0 if task_def else 0,
        "rate_window_s": task_def.rateLimitFrequencyInSeconds or 1 if task_def else 0,
    }
    plan.new(step, place, type=queue, name=name or step.name, runs="worker", **{**known, **fields})
