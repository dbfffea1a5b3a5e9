"""SET_VARIABLE: put values into the workflow's variables."""

from podium.engine.graph import Step
from podium.engine.session import Place, Plan, Session
from podium.model.status import COMPLETED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS
from podium.model.task import EMPTY, Task
from podium.tasks.kind import Kind


class SetVariable(Kind):
    """Every input key becomes a variable; nested maps are replaced, not merged."""

    name = "SET_VARIABLE"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the task."""
        plan.new(step, place, status=IN_PROGRESS, runs="engine", input=plan.session.resolved_input(step, 0))

    def start(self, task: Task, session: Session) -> None:
        """Set the variables, all or none."""
        refusal = session.set_variables(session.value(task, "input"))
        if refusal is None:
            session.finish(task, COMPLETED, EMPTY)
        else:
            session.fail(task, refusal, FAILED_WITH_TERMINAL_ERROR)
