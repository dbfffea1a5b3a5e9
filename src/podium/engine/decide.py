"""The decision: from a workflow and a command to a transition.

`decide` is a generator, for one reason: a script of a definition is evaluated outside of the server process. It yields
the scripts that it needs, and is resumed when `context.script` can answer them. Everything else is a plain function of
workflow, command and context.

The order of work is that of upstream's passes, so that tasks get the same order: first what follows from all ended
tasks, then the start of all tasks that the engine runs itself, and only then joins and loops.
"""

from collections.abc import Generator
from heapq import heappop
from typing import Any, TypeVar

from podium.engine import control
from podium.engine.admission import LOOK_AGAIN_MS, admit_held, admit_new
from podium.engine.commands import (
    AskEnd,
    ChildEnded,
    ChildRevived,
    Command,
    Decide,
    ExtendLease,
    Jump,
    Once,
    Pause,
    PollTask,
    PushMessage,
    Release,
    Remove,
    RequeueTask,
    Rerun,
    ResetCallbacks,
    Restart,
    Resume,
    Retry,
    SetVariables,
    SkipTask,
    StartWorkflow,
    Terminate,
    UpdateTask,
    Upgrade,
    Wake,
)
from podium.engine.complete import ends_by, follow, is_fatal, is_terminate, pass_over, reachable, terminated_by
from podium.engine.context import Script, ScriptNeeded
from podium.engine.finish import complete, end, output_of
from podium.engine.graph import Graph
from podium.engine.jump import jump
from podium.engine.messages import push
from podium.engine.once import once
from podium.engine.rerun import rerun
from podium.engine.restore import give_up, is_join
from podium.engine.revival import answer_parent, retry, revive_for_child
from podium.engine.schemas import end_fault, start_fault
from podium.engine.session import Plan, Session, WorkflowEnds, decode, encode
from podium.engine.update import (
    end_child,
    extend_lease,
    start_attempt,
    update,
    wake,
    workflow_due_ms,
)
from podium.engine.upgrade import upgrade
from podium.model.errors import InvalidRequest, PodiumError
from podium.model.status import COMPLETED, FAILED, IN_PROGRESS, RUNNING, SCHEDULED
from podium.model.task import EMPTY, FAR_MS, Task
from podium.model.transition import Transition
from podium.model.workflow import Head, Workflow

T = TypeVar("T")
Scripts = tuple[Script, ...]
Decision = Generator[Scripts, None, T]


def decide(session: Session, command: Command, history: list[Task] | None = None) -> Decision[Any]:
    """Apply *command* and all that follows from it; returns the command's own answer.

    *history* holds all tasks, the very objects of the workflow, for commands in `NEEDS_HISTORY`. An error of
    `model.errors` means that nothing was changed.
    """
    session.passed.clear()
    answer = yield from _answer(session, command, history or [])
    if len(session.workflow.pending) > len(session.ended) and session.head.status == RUNNING:
        control.take_up(session)  # what was cut off for its length
    yield from _run(session)
    return answer


def new_workflow(workflow_id: str, command: StartWorkflow, graph: Graph, now_ms: int) -> Workflow:
    """Return the workflow that *command* asks for; nothing of it is decided yet."""
    head = Head(
        id=workflow_id,
        name=graph.name,
        def_version=graph.version,
        def_hash=graph.hash,
        created_ms=now_ms,
        priority=command.priority,
        correlation_id=command.correlation_id,
        parent_id=command.parent_id,
        parent_task_seq=command.parent_task_seq,
        event=command.event,
        owner_app=command.owner_app,
        created_by=command.created_by,
        task_to_domain=command.task_to_domain,
        idempotency_key=command.idempotency_key,
        external_input_path=command.external_input_path,
        rate_limit_key=command.rate_limit_key,
        depth=command.depth,
        root_id=command.root_id,
    )
    return Workflow(head, graph, command.input)


def seal(session: Session) -> Transition:
    """Close the session: raise the version, and set when the workflow must be looked at again."""
    change, head, workflow = session.change, session.head, session.workflow
    if not change.is_changed or change.removed:
        return change
    _drop_unborn(change)
    head.version += 1
    head.updated_ms = session.now_ms
    wake_ms = _next_wake_ms(session)
    # An earlier wake-up that is still ahead stays: an idle look costs less than moving the row with each task.
    if not session.now_ms < head.wake_ms <= (wake_ms or 0):
        head.wake_ms = wake_ms
    if workflow.is_terminal:
        head.wake_ms = 0
    return change


def _drop_unborn(change: Transition) -> None:
    """Leave out tasks that were created and deleted since the last commit, as a loop does that keeps few iterations."""
    if not change.deleted or not change.inserted:
        return
    first, deleted = change.inserted[0].seq, set(change.deleted)
    change.inserted = [task for task in change.inserted if task.seq not in deleted]
    change.deleted = [seq for seq in change.deleted if seq < first]


def _next_wake_ms(session: Session) -> int:
    workflow = session.workflow
    if session.head.is_held:
        return session.now_ms + LOOK_AGAIN_MS
    if workflow.pending and session.head.status == RUNNING:
        return session.now_ms  # cut off for its length; goes on at once
    wakes = workflow.wakes
    while wakes and workflow.watched.get(wakes[0][1]) != wakes[0][0]:
        heappop(wakes)
    wake_ms = 0 if not wakes or workflow.is_paused else wakes[0][0]
    due_ms = workflow_due_ms(session)
    if due_ms and not 0 < wake_ms <= due_ms:
        wake_ms = due_ms
    return min(wake_ms, FAR_MS)


# ---- the command itself


def _answer(session: Session, command: Command, history: list[Task]) -> Decision[Any]:
    while True:
        try:
            return _apply(session, command, history)
        except ScriptNeeded as need:  # raised before anything was changed
            yield need.scripts
        except WorkflowEnds as outcome:
            end(session, outcome)
            return None


def _apply(session: Session, command: Command, history: list[Task]) -> Any:  # noqa: C901 (a dispatch)
    match command:
        case UpdateTask():
            return update(session, command)
        case PollTask():
            return start_attempt(session, command)
        case StartWorkflow():
            return _start(session, command)
        case ExtendLease():
            return extend_lease(session, command)
        case Wake():
            return wake(session)
        case Decide():
            wake(session)
            return control.take_up(session, look_inside=True)
        case ChildEnded():
            return end_child(session, command)
        case ChildRevived():
            return revive_for_child(session, command, history)
        case AskEnd():
            return answer_parent(session, command)
        case Pause():
            return control.pause(session, command)
        case Resume():
            return control.resume(session, command)
        case Terminate():
            return control.stop(session, command)
        case Restart():
            return control.restart(session, command)
        case Retry():
            return retry(session, command, history)
        case Rerun():
            return rerun(session, command, history)
        case SkipTask():
            return control.skip(session, command)
        case ResetCallbacks():
            return control.reset_callbacks(session)
        case RequeueTask():
            return control.requeue(session, command.seq)
        case Release():
            return control.release_quarantined(session)
        case SetVariables():
            return control.set_variables(session, command)
        case Jump():
            return jump(session, command, history)
        case Upgrade():
            return upgrade(session, command, history)
        case PushMessage():
            return push(session, command)
        case Remove():
            return control.remove(session, command)
        case Once():
            return once(session, command, lambda inner: _apply(session, inner, history))
        case _:
            raise TypeError(f"not a command: {command!r}")


def _start(session: Session, command: StartWorkflow) -> str:
    fault = None if command.is_checked else start_fault(session.context, session.graph, command.input)
    if fault is not None:
        raise InvalidRequest(fault)
    may_begin = admit_new(session)
    if command.starter_id:
        told = encode({"workflowId": session.head.id})
        session.send(command.starter_id, UpdateTask(command.starter_seq, COMPLETED, told, from_system=True))
    session.change.is_changed = True
    session.change.input_changed = True
    if may_begin:
        _begin(session)
    return session.head.id


def _begin(session: Session) -> None:
    variables = session.graph.definition.variables
    if variables:
        session.set_variables(variables)
    if session.graph.first is None:
        end(session, WorkflowEnds(COMPLETED, "No tasks found to be executed"))
    else:
        control.schedule_first(session)


# ---- what follows


def _is_admitted(session: Session) -> bool:
    """Begin a workflow that was held back, if it may."""
    if session.head.status != RUNNING or not admit_held(session):
        return False
    _begin(session)
    return True


def _run(session: Session) -> Decision[None]:
    if session.head.is_held and not _is_admitted(session):
        return
    while session.head.status == RUNNING:
        try:
            if session.reached:
                yield from _create_reached(session)
            elif session.ended and not _is_cut_off(session):
                yield from _follow_all(session)
            elif session.starting:
                yield from _start_all(session)
            elif (dirty := session.dirty or session.dirty_joins) and not session.ended:
                yield from _settle_all(session, dirty)
            elif session.workflow.pending:
                return
            elif not session.workflow.open:
                yield from _complete(session)
            elif len(session.workflow.open) == session.workflow.waiting:
                _unblock(session)
            else:
                return
        except WorkflowEnds as outcome:
            end(session, outcome)
        except PodiumError as error:  # an expression without bounds, a branch that is no step: the definition's fault
            end(session, WorkflowEnds(FAILED, error.message))


def _complete(session: Session) -> Decision[None]:
    if session.graph.definition.outputSchema is None:
        complete(session)
        return
    output = output_of(session)
    while True:
        try:
            fault = end_fault(session.context, session.graph, output)
            break
        except ScriptNeeded as need:
            yield need.scripts
    complete(session, fault)


def _is_cut_off(session: Session) -> bool:
    """Whether the cascade is so long that the rest waits for a wake-up."""
    limits = session.context.limits
    return (
        session.starts > limits.inline_tasks_per_decision
        or session.path_steps > limits.path_steps_per_decision
        or session.new_bytes > limits.new_bytes_per_decision
    )


def _create_reached(session: Session) -> Decision[None]:
    reach = session.reached[0]
    plan = Plan(session, reach.given)
    try:
        following = reach.step if reach.is_again else reachable(session, reach.step, reach.place.suffix)
        if following is not None:
            plan.add(following, reach.place)
    except ScriptNeeded as need:
        yield need.scripts
        return
    session.reached.popleft()
    if reach.is_again:
        plan.tasks[0].retry_count = reach.retry_count
        plan.tasks[0].retried_seq = reach.retried_seq
    if reach.given != EMPTY and plan.tasks:
        plan.tasks[0].input = encode({**decode(plan.tasks[0].input), **decode(reach.given)})
    session.adopt(plan)


def _follow_all(session: Session) -> Decision[None]:
    session.passed.clear()
    ender = _terminate_task(session)
    if len(session.ended) > 1:
        _end_by_failure(session)
    for _ in range(len(session.ended)):
        task = session.ended[0]
        if ender is not None and task.seq in session.workflow.pending:
            pass_over(session, task)
        while task.seq in session.workflow.pending and ender is None:
            try:
                follow(session, task)
                break
            except ScriptNeeded as need:
                yield need.scripts
        session.ended.popleft()
    if ender is not None:
        raise terminated_by(session, ender)


def _end_by_failure(session: Session) -> None:
    """End the workflow if one of the tasks that have just ended fails it; nothing new begins beside that."""
    fatal = next((task for task in session.ended if task.is_bad and is_fatal(session, task)), None)
    if fatal is not None:
        raise ends_by(session, fatal)


def _terminate_task(session: Session) -> Task | None:
    """Return the latest TERMINATE task among those that have just ended well."""
    enders = [task for task in session.ended if is_terminate(task) and task.is_good]
    return enders[-1] if enders else None


def _start_all(session: Session) -> Decision[None]:
    """Start the engine's tasks; those that need scripts are evaluated side by side."""
    batch = [task for task in session.starting if task.is_open]
    session.starting.clear()
    session.starts += len(batch)
    while batch:
        needs: list[Script] = []
        again: list[Task] = []
        for task in batch:
            try:
                session.type_of(task.type).start(task, session)
                if task.is_open:
                    _leave_open(session, task)
            except ScriptNeeded as need:
                needs += need.scripts
                again.append(task)
        batch = again
        if needs:
            yield tuple(needs)
    if len(session.ended) > 1:
        session.ended = type(session.ended)(sorted(session.ended, key=lambda task: task.seq))


def _leave_open(session: Session, task: Task) -> None:
    if task.status == SCHEDULED:
        task.status = IN_PROGRESS
    session.touch(task)
    session.watch(task)


def _settle_all(session: Session, dirty: dict[int, None]) -> Decision[None]:
    while dirty and not session.ended and not session.starting:
        seq = next(iter(dirty))
        task = session.workflow.open.get(seq)
        while task is not None:
            try:
                session.type_of(task.type).settle(task, session)
                break
            except ScriptNeeded as need:
                yield need.scripts
        dirty.pop(seq, None)


def _unblock(session: Session) -> None:
    """Let a join end whose tasks nothing can reach any more: only joins, and loops around them, are open.

    Upstream waits for ever when a joined task is in a branch that was not taken.
    """
    workflow = session.workflow
    joins = [task for seq, task in sorted(workflow.open.items()) if is_join(task)]
    waiting = {seq for ref, seqs in workflow.joins.items() if _is_open(workflow, ref) for seq in seqs}
    join = next((one for one in joins if one.seq not in waiting), joins[0] if joins else None)
    if join is None or not workflow.left.get(join.seq):
        raise WorkflowEnds(FAILED, "Nothing that is open can go on")
    missing = give_up(workflow, join)
    join.reason = f"ended without {', '.join(missing)}, which nothing can reach any more"
    session.touch(join)
    session.need_settle(join)


def _is_open(workflow: Workflow, ref: str) -> bool:
    task = workflow.latest.get(ref)
    return task is not None and task.is_open
