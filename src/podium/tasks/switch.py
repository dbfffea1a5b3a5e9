"""SWITCH and DECISION: one of several branches, chosen when the step is reached."""

from typing import Any

from podium.engine.complete import reachable
from podium.engine.graph import Step
from podium.engine.session import Place, Plan, Session, WorkflowEnds, encode
from podium.expressions.java_text import java_text
from podium.model.status import FAILED, IN_PROGRESS
from podium.model.task import Task
from podium.model.workflow_def import WorkflowTask
from podium.tasks.evaluation import EVALUATORS, EvaluationFailed, evaluate, run_javascript
from podium.tasks.kind import Kind


class Switch(Kind):
    """The branch that an evaluator names; a case that is present but empty runs nothing."""

    name = "SWITCH"
    is_retried = False

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Evaluate, and add the task with the first step of its branch."""
        session = plan.session
        evaluator = step.definition.evaluatorType or "null"
        if evaluator not in EVALUATORS:
            raise WorkflowEnds(FAILED, f"No evaluator registered for type: {evaluator}")
        values = plan.values(step)
        try:
            value = evaluate(session, evaluator, step.definition.expression or "", values)
        except EvaluationFailed as failure:
            plan.new(
                step,
                place,
                name=self.name,
                status=FAILED,
                runs="engine",
                input=encode(values),
                reason=failure.reason,
            )
            return
        case = case_text(value)
        cases = step.definition.decisionCases
        branch = cases.get(case, step.definition.defaultCase)
        given = {**values, "case": case}
        output = encode({"evaluationResult": [case], "selectedCase": case})
        add_branch(self.name, step, place, plan, given, output, branch)

    def start(self, task: Task, session: Session) -> None:
        """End at once; the branch is on its way already."""
        session.finish(task)


class Decision(Kind):
    """The older form of SWITCH: `caseValueParam` or a JavaScript `caseExpression`.

    A case without steps falls back to the default case.
    """

    name = "DECISION"
    is_retried = False

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Evaluate, and add the task with the first step of its branch."""
        values = plan.values(step)
        expression = step.definition.caseExpression
        if expression:
            try:
                value = run_javascript(plan.session, expression, values)
            except EvaluationFailed as failure:
                raise WorkflowEnds(FAILED, f"Error while evaluating script: {expression}") from failure
        else:
            value = values.get(step.definition.caseValueParam or "")
        case = case_text(value)
        branch = step.definition.decisionCases.get(case) or step.definition.defaultCase
        add_branch(self.name, step, place, plan, {"case": case}, encode({"caseOutput": [case]}), branch)

    def start(self, task: Task, session: Session) -> None:
        """End at once; the branch is on its way already."""
        session.finish(task)


def add_branch(
    name: str,
    step: Step,
    place: Place,
    plan: Plan,
    given: dict[str, Any],
    output: bytes,
    branch: list[WorkflowTask],
) -> None:
    """Add the switch task, and with it the first step of *branch*."""
    if branch:
        given["hasChildren"] = "true"
    plan.new(step, place, name=name, status=IN_PROGRESS, runs="engine", input=encode(given), output=output)
    add_first(step, place, plan, branch)


def add_first(step: Step, place: Place, plan: Plan, branch: list[WorkflowTask]) -> None:
    """Add the first step of a branch of *step* that is not skipped, if there is one."""
    first = reachable(plan.session, step.steps[branch[0].taskReferenceName], place.suffix) if branch else None
    if first is not None:
        plan.add(first, place)


def case_text(value: Any) -> str:
    """Return the text by which a case is looked up."""
    return java_text(value)
