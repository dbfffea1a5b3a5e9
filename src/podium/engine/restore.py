"""From stored rows to a workflow in memory, and the bookkeeping of joins that a restore shares with the hot path."""

import msgspec

from podium.engine.deadlines import watch
from podium.engine.graph import SWITCHES, Graph, step_of
from podium.model.status import SKIPPED
from podium.model.task import EMPTY, Task
from podium.model.workflow import Head, Workflow

JOINS = ("JOIN", "EXCLUSIVE_JOIN")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def restore(head: Head, graph: Graph, payloads: tuple[bytes, bytes, bytes], tasks: list[Task]) -> Workflow:
    """Return the workflow that these rows describe; *tasks* in the order of seq. Takes O(tasks)."""
    workflow = Workflow(head, graph)
    workflow.input, workflow.output, workflow.variables = payloads
    rebuild(workflow, tasks)
    return workflow


def rebuild(workflow: Workflow, tasks: list[Task]) -> None:
    """Derive all indexes anew from *tasks*, which must be all tasks of the workflow in the order of seq."""
    workflow.clear()
    for task in tasks:
        workflow.adopt(task)
    if workflow.is_terminal:
        drop_indexes(workflow)
        return
    for task in tasks:
        if task.is_bad and task.executed and not task.retried and is_permissive(workflow, task):
            workflow.permissive[task.seq] = task
    for task in workflow.open.values():
        if is_join(task):
            await_refs(workflow, task, joined_refs(workflow, task))
        watch(workflow, task, step_of(workflow, task))


def is_permissive(workflow: Workflow, task: Task) -> bool:
    """Whether the workflow goes on after a failure of *task*, to fail at its end."""
    step = step_of(workflow, task)
    return step is not None and step.permissive and not step.optional


def drop_indexes(workflow: Workflow) -> None:
    """Empty the indexes that an ended workflow has no use for."""
    for index in (
        workflow.pending, workflow.joins, workflow.left, workflow.loops, workflow.permissive, workflow.failed,
        workflow.watched,
    ):  # fmt: skip
        index.clear()
    workflow.wakes.clear()


# ---- joins


def is_join(task: Task) -> bool:
    """Whether *task* is a join, and not a worker's task that is named so."""
    return task.type in JOINS and task.runs == "engine"


def joined_refs(workflow: Workflow, join: Task) -> list[str]:
    """Return the reference names that a join waits for, as they are in its iteration."""
    given = _decode(join.input)
    refs = [*(given.get("joinOn") or ()), *(given.get("defaultExclusiveJoinTask") or ())]
    return [tail_ref(workflow, ref + join.suffix) for ref in refs if isinstance(ref, str)]


def tail_ref(workflow: Workflow, ref: str) -> str:
    """Return the reference name with which what began as *ref* ends.

    That is *ref* itself, but for a switch in a branch of a dynamic fork: nobody can name the last step of the case that
    it takes, so the join follows the case to its end.
    """
    task = workflow.latest.get(ref)
    while task is not None and task.dynamic_step is not None and task.type in SWITCHES and task.executed:
        tail = _tail_of_case(workflow, task)
        if tail is None:
            break
        ref, task = tail, workflow.latest.get(tail)
    return ref


def _tail_of_case(workflow: Workflow, switch: Task) -> str | None:
    """Return the reference name of the last step of the case that a switch took, None when it took none."""
    step = step_of(workflow, switch)
    given = _decode(switch.input)
    if step is None or not given.get("hasChildren"):
        return None
    cases = step.definition.decisionCases
    case = cases.get(given.get("case")) or step.definition.defaultCase
    return case[-1].taskReferenceName + switch.suffix


def await_refs(workflow: Workflow, join: Task, refs: list[str]) -> int:
    """Register an open join for the ends of *refs*; returns how many have not ended."""
    waiting = [ref for ref in dict.fromkeys(refs) if not has_ended(workflow.latest.get(ref))]
    for ref in waiting:
        workflow.joins.setdefault(ref, []).append(join.seq)
    workflow.left[join.seq] = len(waiting)
    return len(waiting)


def stop_waiting(workflow: Workflow, join: Task) -> None:
    """Take a join that has ended out of the registers."""
    left = workflow.left.pop(join.seq)
    for ref in joined_refs(workflow, join) if left else ():
        waiting = workflow.joins.get(ref)
        if waiting is not None and join.seq in waiting:
            waiting.remove(join.seq)
            if not waiting:
                del workflow.joins[ref]


def give_up(workflow: Workflow, join: Task) -> list[str]:
    """Let an open join wait for nothing any more; returns the reference names that it waited for."""
    missing = [ref for ref in joined_refs(workflow, join) if not has_ended(workflow.latest.get(ref))]
    stop_waiting(workflow, join)
    workflow.left[join.seq] = 0
    return missing


def gathered(workflow: Workflow, join: Task) -> bytes:
    """Return what the ended tasks that an open join waits for have given so far."""
    found = (workflow.latest.get(ref) for ref in joined_refs(workflow, join))
    return joined_output([task for task in found if task is not None and task.is_good])


def joined_output(joined: list[Task]) -> bytes:
    """Return the outputs of tasks by reference name, without those that are empty, put together without parsing."""
    parts = {task.ref: task.output for task in joined if task.output != EMPTY}
    return b"{" + b",".join(_encode(ref) + b":" + body for ref, body in parts.items()) + b"}"


def has_ended(task: Task | None) -> bool:
    """Whether a joined task is done for good; a skipped one is."""
    if task is None or task.is_open or task.retried:
        return False
    return task.executed or task.status == SKIPPED
