"""Jump: leave what a running workflow does, and go on with another step of it, forward or back.

Open tasks are cancelled and stay as a record, as superseded attempts. The target and all that comes after it is deleted
if it was there, so that it runs anew; what lies before it stays.
"""

from podium.engine.commands import Jump
from podium.engine.control import short_name
from podium.engine.finish import cancel_open
from podium.engine.graph import SWITCHES, Step
from podium.engine.restore import rebuild
from podium.engine.session import TOP, Reach, Session
from podium.model.errors import Conflict, InvalidRequest, NotFound
from podium.model.status import RUNNING
from podium.model.task import Task


def jump(session: Session, command: Jump, history: list[Task]) -> None:
    """Go on with the step `command.ref`, which must not be inside of a loop or of a branch of a fork."""
    if session.head.status != RUNNING or session.head.is_held:
        raise Conflict(f"Workflow {short_name(session)} is not running, so it cannot jump to {command.ref}")
    step = _target(session, command.ref)
    _leave(session)
    after = _steps_from(step)
    dropped = {task.seq for task in history if task.step in after}
    session.change.deleted.extend(sorted(dropped))
    for seq in dropped:
        session.change.updated.pop(seq, None)
    rebuild(session.workflow, [task for task in history if task.seq not in dropped])
    session.reached.append(Reach(step, TOP, given=command.input))
    session.change.is_changed = True


def _target(session: Session, ref: str) -> Step:
    step: Step | None = session.graph.steps.get(ref)
    if step is None:
        raise NotFound(f"The task referenced by {ref} does not exist in the WorkflowDefinition {session.graph.name}")
    parent = step.parent
    while parent is not None:
        if parent.type not in SWITCHES:
            raise InvalidRequest(f"The task {ref} is inside of {parent.ref} ({parent.type}): jump to {parent.ref}")
        parent = parent.parent
    return step


def _leave(session: Session) -> None:
    """Cancel what is open, and let nothing follow from what has ended."""
    cancel_open(session)
    for task in session.workflow.pending.values():
        task.executed = True
        task.retried = task.is_bad
        session.touch(task)
    for waiting in (session.reached, session.ended, session.starting, session.dirty, session.dirty_joins):
        waiting.clear()


def _steps_from(target: Step) -> set[str]:
    """Return the reference names of the target, of what is in it, and of all that comes after."""
    found: set[str] = set()
    step: Step | None = target
    while step is not None:
        found.update((step.ref, *step.body))
        step = step.steps.get(step.next) if step.next else None
    return found
