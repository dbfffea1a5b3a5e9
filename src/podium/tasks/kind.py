"""What most task types have in common: one task per step, nothing special at its start, change or cancellation."""

from podium.engine.graph import Step
from podium.engine.session import Place, Plan, Session, decode, encode
from podium.model.status import IN_PROGRESS
from podium.model.task import Runs, Task


class Kind:
    """A task type with the common behaviour; the others override what differs."""

    name = ""
    runs: Runs = "engine"
    is_retried = True

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add one running task with the resolved parameters as its input."""
        plan.new(step, place, status=IN_PROGRESS, runs=self.runs)

    def start(self, task: Task, session: Session) -> None:
        """Leave the task open."""

    def settle(self, task: Task, session: Session) -> None:
        """Nothing below the task concerns it."""

    def reopen(self, task: Task, session: Session) -> None:
        """Nothing but the status changes."""

    def cancel(self, task: Task, session: Session) -> None:
        """Nothing but the status changes."""

    def next_input(self, task: Task, step: Step, session: Session) -> bytes:
        """Lay freshly resolved parameters over the input of the failed attempt."""
        fresh = session.resolve(step, session.head.next_seq)
        return encode({**decode(task.input), **fresh}) if fresh else task.input
