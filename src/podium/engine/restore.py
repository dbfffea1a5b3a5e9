"""From stored rows to a workflow in memory, and the bookkeeping of joins that a restore shares with the hot path."""

from heapq import heappush

import msgspec

from podium.engine.deadlines import next_due_ms
from podium.engine.graph import Graph, step_of
from podium.model.status import SKIPPED
from podium.model.task import Task
from podium.model.workflow import Head, Workflow

JOINS = ("JOIN", "EXCLUSIVE_JOIN")
_decode = msgspec.json.Decoder().decode


def restore(head: Head, graph: Graph, payloads: tuple[bytes, bytes, bytes], tasks: list[Task]) -> Workflow:
    """Return the workflow that these rows describe; *tasks* in the order of seq. Takes O(tasks)."""
    workflow = Workflow(head, graph)
    workflow.input, workflow.output, workflow.variables = payloads
    rebuild(workflow, tasks)
    return workflow


def rebuild(workflow: Workflow, tasks: list[Task]) -> None:
    """Derive all indexes anew from *tasks*, which must be all tasks of the workflow in the order of seq."""
    for index in (
        workflow.open, workflow.latest, workflow.plain, workflow.joins, workflow.left, workflow.loops, workflow.permissive,
        workflow.failed, workflow.values,
    ):  # fmt: skip
        index.clear()
    workflow.wakes.clear()
    workflow.has_all_tasks = True
    for task in tasks:
        workflow.adopt(task)
    for task in workflow.latest.values():
        step = step_of(workflow, task)
        if task.is_bad and step is not None and step.permissive and not step.optional:
            workflow.permissive[task.ref] = task
    for task in workflow.open.values():
        if task.type in JOINS:
            await_refs(workflow, task, joined_refs(task))
        due_ms = next_due_ms(task, step_of(workflow, task))
        if due_ms:
            heappush(workflow.wakes, (due_ms, task.seq))
    for ref in [
        ref for ref in workflow.loops if ref not in workflow.latest or not workflow.latest[ref].is_open
    ]:
        del workflow.loops[ref]


def joined_refs(join: Task) -> list[str]:
    """Return the reference names that a join waits for, as they are in its iteration."""
    given = _decode(join.input)
    refs = [*(given.get("joinOn") or ()), *(given.get("defaultExclusiveJoinTask") or ())]
    return [ref + join.suffix for ref in refs if isinstance(ref, str)]


def await_refs(workflow: Workflow, join: Task, refs: list[str]) -> int:
    """Register an open join for the ends of *refs*; returns how many have not ended."""
    waiting = [ref for ref in dict.fromkeys(refs) if not has_ended(workflow.latest.get(ref))]
    for ref in waiting:
        workflow.joins.setdefault(ref, []).append(join.seq)
    workflow.left[join.seq] = len(waiting)
    return len(waiting)


def has_ended(task: Task | None) -> bool:
    """Whether a joined task is done for good; a skipped one is."""
    return task is not None and not task.is_open and (task.executed or task.status == SKIPPED)
