"""TERMINATE: end the workflow from inside."""

from podium.engine.session import Session, encode
from podium.model.status import COMPLETED, FAILED, TERMINATED
from podium.model.task import EMPTY, Task
from podium.tasks.kind import Kind


class Terminate(Kind):
    """Completes itself and so ends the workflow (engine.complete)."""

    name = "TERMINATE"

    def start(self, task: Task, session: Session) -> None:
        """Take the workflow's output from `workflowOutput`."""
        given = session.value(task, "input")
        if given.get("terminationStatus") not in (COMPLETED, FAILED, TERMINATED):
            session.fail(task, "given termination status is not valid")
            return
        output = given.get("workflowOutput")
        if output is None:
            session.finish(task, output=EMPTY)
        else:
            session.finish(task, output=encode(output if isinstance(output, dict) else {"output": output}))
