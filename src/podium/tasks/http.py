"""HTTP: a request to another server, made by the server's own runner.

The decision only queues the task; the runner sends the request and reports the outcome like a worker would. At least once: a server
that dies in between sends the request again.
"""

from podium.engine.graph import Step
from podium.engine.session import Place, Plan, encode
from podium.tasks.kind import Kind


class Http(Kind):
    """Queued for the runner, with the limits of its definition."""

    name = "HTTP"
    runs = "system"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Queue the task, after the step's start delay."""
        task_def = step.task_def
        given = plan.session.resolve(step, plan.next_seq)
        given.setdefault("asyncComplete", bool(step.definition.asyncComplete))
        plan.new(
            step,
            place,
            runs="system",
            input=encode(given),
            start_delay_s=step.definition.startDelay,
            callback_after_s=step.definition.startDelay,
            rate_limit=task_def.rateLimitPerFrequency or 0 if task_def else 0,
            rate_window_s=task_def.rateLimitFrequencyInSeconds or 1 if task_def else 0,
            namespace=task_def.executionNameSpace if task_def else None,
            isolation_group=task_def.isolationGroupId if task_def else None,
        )
