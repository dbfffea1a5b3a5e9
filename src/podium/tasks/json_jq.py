"""JSON_JQ_TRANSFORM: a jq program over the task's input."""

from podium.engine.context import Script
from podium.engine.session import Session, decode, encode
from podium.model.task import EMPTY, Task
from podium.tasks.kind import Kind


class JsonJq(Kind):
    """`result` is the first result, `resultList` all of them."""

    name = "JSON_JQ_TRANSFORM"

    def start(self, task: Task, session: Session) -> None:
        """Run the program in the jailed processes."""
        program = session.value(task, "input").get("queryExpression")
        if program is None:
            session.fail(task, "Missing 'queryExpression' in input parameters", output=EMPTY)
            return
        answer = session.script(Script("jq", str(program), task.input, attempt=task.retry_count))
        if answer.error is not None:
            session.fail(task, answer.error, output=encode({"error": answer.error}))
            return
        results = decode(answer.value or b"[]")
        session.finish(task, output=encode({"result": results[0] if results else None, "resultList": results}))
