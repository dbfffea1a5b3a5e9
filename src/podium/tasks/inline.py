"""INLINE and LAMBDA: a script as a task."""

from podium.engine.session import Session, encode
from podium.model.status import FAILED, FAILED_WITH_TERMINAL_ERROR
from podium.model.task import Task
from podium.tasks.evaluation import EVALUATORS, EvaluationFailed, evaluate, run_javascript
from podium.tasks.kind import Kind


class Inline(Kind):
    """Evaluates `expression` with the evaluator that the input names; its value is `result`."""

    name = "INLINE"

    def start(self, task: Task, session: Session) -> None:
        """Evaluate; only a script that took too long is worth a retry."""
        given = session.value(task, "input")
        evaluator, expression = given.get("evaluatorType", "javascript"), given.get("expression")
        refusal = _refusal(evaluator, expression)
        if refusal:
            session.fail(task, refusal, FAILED_WITH_TERMINAL_ERROR, encode({"error": refusal}))
            return
        try:
            value = evaluate(session, str(evaluator), str(expression), given, attempt=task.retry_count)
        except EvaluationFailed as failure:
            status = FAILED if failure.timed_out else FAILED_WITH_TERMINAL_ERROR
            session.fail(task, failure.reason, status, encode({"error": failure.reason}))
        else:
            session.finish(task, output=encode({"result": value}))


def _refusal(evaluator: object, expression: object) -> str | None:
    if evaluator is None or not str(evaluator).strip():
        return "Empty 'evaluatorType' in INLINE task's input parameters. A non-empty String value must be provided."
    if evaluator not in EVALUATORS:
        return f"Unknown evaluator '{evaluator}' in INLINE task."
    if expression is None or not str(expression).strip():
        return "Empty 'expression' in Inline task's input parameters. A non-empty String value must be provided."
    return None


class Lambda(Kind):
    """The older form: the body of a JavaScript function."""

    name = "LAMBDA"

    def start(self, task: Task, session: Session) -> None:
        """Evaluate; failures are retried as the task definition says."""
        given = session.value(task, "input")
        source = given.get("scriptExpression")
        if source is None or not str(source).strip():
            text = "Empty 'scriptExpression' in Lambda task's input parameters. "
            session.fail(task, text + "A non-empty String value must be provided.")
            return
        try:
            value = run_javascript(session, str(source), given, is_body=True, attempt=task.retry_count)
        except EvaluationFailed as failure:
            session.fail(task, failure.reason, FAILED, encode({"error": failure.reason}))
        else:
            session.finish(task, output=encode({"result": value}))
