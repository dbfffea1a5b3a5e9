"""DYNAMIC: a step whose task name comes from its input."""

from podium.engine.graph import Step
from podium.engine.session import Place, Plan, WorkflowEnds, encode
from podium.expressions.java_text import java_text
from podium.model.status import FAILED, SCHEDULED
from podium.tasks.kind import Kind
from podium.tasks.simple import add_worker_task

_NEED_A_STEP = (
    "SWITCH", "DECISION", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE", "SUB_WORKFLOW",
    "DYNAMIC",
)  # fmt: skip


class Dynamic(Kind):
    """A worker's task, or a task of the server, named at run time."""

    name = "DYNAMIC"
    runs = "worker"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add a task of the named type; all parameters become its input, the name too."""
        param = step.definition.dynamicTaskNameParam or ""
        values = plan.session.resolve(step, plan.next_seq)
        chosen = values.get(param)
        if not chosen:
            reason = (
                "Cannot map a dynamic task based on the parameter and input. "
                f"Parameter= {param}, input= {java_text(values)}"
            )
            raise WorkflowEnds(FAILED, reason)
        kind = plan.session.type_of(str(chosen))
        if kind.name in _NEED_A_STEP:
            raise WorkflowEnds(FAILED, f"The task {step.ref} can't become a {chosen}, which needs a step of its own")
        if kind.runs == "worker":
            add_worker_task(step, place, plan, str(chosen), str(chosen), rate_window_s=0)
            return
        plan.new(
            step,
            place,
            type=str(chosen),
            name=str(chosen),
            status=SCHEDULED,
            runs=kind.runs,
            input=encode(values),
        )
