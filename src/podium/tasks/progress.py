"""What an open task shows of what has been done below it, put together when somebody looks."""

from msgspec import Raw

from podium.engine.restore import gathered, is_join
from podium.engine.view import TaskView
from podium.model.task import Task
from podium.model.workflow import Workflow
from podium.tasks.do_while import loop_output


def show_progress(view: TaskView, workflow: Workflow, task: Task) -> None:
    """Put into the view of an open loop its iterations, and into that of an open join what branches gave so far."""
    if not task.is_open:
        return
    loop = workflow.loops.get(task.ref) if task.type == "DO_WHILE" else None
    if loop is not None:
        view.outputData = Raw(loop_output(task, loop))
    elif is_join(task):
        view.outputData = Raw(gathered(workflow, task))
