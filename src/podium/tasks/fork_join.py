"""FORK_JOIN: branches side by side, gathered by the JOIN that follows."""

from podium.engine.complete import reachable
from podium.engine.graph import Step
from podium.engine.session import Place, Plan, WorkflowEnds
from podium.model.status import COMPLETED, FAILED
from podium.tasks.kind import Kind
from podium.tasks.switch import add_first

NO_JOIN = "Fork task definition is not followed by a join task.  Check the blueprint"


class ForkJoin(Kind):
    """The fork is over as soon as its branches have begun."""

    name = "FORK_JOIN"
    is_retried = False

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the fork, the first task of each branch, and the join."""
        join = following_join(step, NO_JOIN)
        values = plan.session.resolved_input(step, 0)
        plan.new(step, place, type="FORK", name="FORK", status=COMPLETED, runs="engine", input=values)
        for branch in step.definition.forkTasks:
            add_first(step, place, plan, branch)
        if not is_skipped(join, place, plan):
            plan.add(join, place)


def following_join(step: Step, refusal: str) -> Step:
    """Return the JOIN after a fork; without one the workflow fails with *refusal*."""
    join = step.steps.get(step.next) if step.next else None
    if join is None or join.type != "JOIN":
        raise WorkflowEnds(FAILED, refusal)
    return join


def is_skipped(join: Step, place: Place, plan: Plan) -> bool:
    """Whether the join of a fork was skipped, so that nobody waits for the branches."""
    return reachable(plan.session, join, place.suffix) is not join
