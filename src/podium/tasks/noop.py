"""NOOP: a step that does nothing."""

from podium.engine.graph import Step
from podium.engine.session import Place, Plan, Session
from podium.model.status import IN_PROGRESS
from podium.model.task import EMPTY, Task
from podium.tasks.kind import Kind


class Noop(Kind):
    """Ends at once; its input is not recorded."""

    name = "NOOP"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the task."""
        plan.new(step, place, status=IN_PROGRESS, runs="engine", input=EMPTY)

    def start(self, task: Task, session: Session) -> None:
        """End at once."""
        session.finish(task)
