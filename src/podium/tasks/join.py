"""JOIN and EXCLUSIVE_JOIN: gather what parallel branches have done.

A join counts the tasks that it waits for (engine.restore.await_refs, engine.complete.release), so the end of one of ten
thousand branches costs the same as the end of one of two.
"""

from podium.engine.graph import Step
from podium.engine.restore import await_refs, gathered, has_ended, joined_output, joined_refs
from podium.engine.session import Place, Plan, Session, encode
from podium.model.ids import task_id
from podium.model.status import (
    CANCELED,
    COMPLETED,
    COMPLETED_WITH_ERRORS,
    FAILED,
    FAILED_WITH_TERMINAL_ERROR,
    IN_PROGRESS,
    SKIPPED,
)
from podium.model.task import EMPTY, Task
from podium.tasks.kind import Kind


class Join(Kind):
    """Waits for all tasks in `joinOn`."""

    name = "JOIN"
    is_retried = False

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the task; other parameters are dropped as upstream does."""
        given = encode({"joinOn": step.definition.joinOn})
        plan.new(step, place, name=self.name, status=IN_PROGRESS, runs="engine", input=given)

    def start(self, task: Task, session: Session) -> None:
        """Begin to wait."""
        if await_refs(session.workflow, task, joined_refs(session.workflow, task)) == 0:
            session.need_settle(task)

    def settle(self, task: Task, session: Session) -> None:
        """End when nothing is waited for any more: well, with errors of optional tasks, or in failure."""
        if session.workflow.left.get(task.seq, 0):
            return
        joined = joined_tasks(session, task)
        size = sum(len(one.output) for one in joined)
        if size > session.context.limits.task_payload_bytes:
            reason = session.payload_reason(size, f"task: {task_id(session.head.id, task.seq)} in workflow")
            session.fail(task, reason, FAILED_WITH_TERMINAL_ERROR)
            return
        output = joined_output(joined)
        failed = [one for one in joined if one.is_bad]
        if failed:
            status = CANCELED if all(one.status == CANCELED for one in failed) else FAILED
            reason = " ".join(one.reason for one in failed if one.reason is not None)
            session.finish(task, status, output, reason)
            return
        errors = [one for one in joined if one.status == COMPLETED_WITH_ERRORS and _is_optional(session, one)]
        if errors:
            names = " ".join(f"{one.name}/{task_id(session.head.id, one.seq)}" for one in errors)
            session.finish(task, COMPLETED_WITH_ERRORS, output, f"{names} completed with errors")
        else:
            session.finish(task, COMPLETED, output)

    def reopen(self, task: Task, session: Session) -> None:
        """Gather anew."""
        task.output = EMPTY

    def cancel(self, task: Task, session: Session) -> None:
        """Keep what was gathered until then."""
        session.set_output(task, gathered(session.workflow, task))


def joined_tasks(session: Session, join: Task) -> list[Task]:
    """Return the tasks that *join* joins, as far as they exist."""
    latest = session.workflow.latest
    return [latest[ref] for ref in joined_refs(session.workflow, join) if ref in latest]


def _is_optional(session: Session, task: Task) -> bool:
    step = session.step_of(task)
    return step is not None and step.optional


class ExclusiveJoin(Kind):
    """Takes the output of the first task in `joinOn` that has been reached, else of a default."""

    name = "EXCLUSIVE_JOIN"
    is_retried = False

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the task."""
        defaults = step.definition.defaultExclusiveJoinTask
        given = {"joinOn": step.definition.joinOn, "defaultExclusiveJoinTask": defaults}
        plan.new(step, place, name=self.name, status=IN_PROGRESS, runs="engine", input=encode(given))

    def start(self, task: Task, session: Session) -> None:
        """Begin to wait, and look at once."""
        await_refs(session.workflow, task, joined_refs(session.workflow, task))
        session.need_settle(task)

    def settle(self, task: Task, session: Session) -> None:
        """End when the first task that has been reached has ended, or when none can be reached any more."""
        found = next((one for one in joined_tasks(session, task) if one.status != SKIPPED), None)
        if found is None:
            if session.workflow.left.get(task.seq, 0) == 0:
                session.finish(task, COMPLETED, EMPTY)
        elif not has_ended(found):
            return
        elif found.is_bad:
            session.fail(task, found.reason or "", FAILED)
        else:
            session.finish(task, COMPLETED, found.output)

    def reopen(self, task: Task, session: Session) -> None:
        """Look for a task anew."""
        task.output = EMPTY
