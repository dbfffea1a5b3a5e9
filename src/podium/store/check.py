"""What must be true of any database: rules over the header, open tasks, queue rows and messages of a workflow.

The rules say that something will move every open workflow on. An adapter gathers the facts and yields the sentences.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from podium.model.ids import task_id
from podium.model.status import IN_PROGRESS, RUNNING, SCHEDULED, WORKFLOW_STATUSES, WORKFLOW_TERMINAL
from podium.model.task import Task
from podium.model.workflow import Head

# Tasks that wait for other tasks of their workflow: alone they would wait for ever.
INNER_TYPES = frozenset({"JOIN", "EXCLUSIVE_JOIN", "DO_WHILE", "FORK_JOIN", "FORK_JOIN_DYNAMIC"})


@dataclass(slots=True)
class Facts:
    """What is stored of one workflow; `status_of` and `is_addressed` look up other workflows and their messages."""

    head: Head
    open: list[Task]
    last_seq: int  # of all tasks
    queued: dict[int, str]  # queue by seq
    has_definition: bool
    status_of: Callable[[str], str | None] = field(repr=False)
    is_addressed: Callable[[str], bool] = field(repr=False)


def faults(facts: Facts) -> Iterator[str]:
    """Yield a sentence for each broken rule."""
    name = f"workflow {facts.head.id}"
    for rule in (_header, _tasks, _queue):
        for fault in rule(facts):
            yield f"{name}: {fault}"
    head = facts.head
    if head.status == RUNNING and head.quarantine is None:
        for rule in (_progress, _wake, _children):
            for fault in rule(facts):
                yield f"{name}: {fault}"


def _header(facts: Facts) -> Iterator[str]:
    head = facts.head
    if head.version < 1:
        yield f"its version is {head.version}"
    if head.status not in WORKFLOW_STATUSES:
        yield f"its status is {head.status}, which does not exist"
    if head.status not in WORKFLOW_TERMINAL and not facts.has_definition:
        yield f"its definition {head.def_hash} is not stored"


def _tasks(facts: Facts) -> Iterator[str]:
    head = facts.head
    if facts.last_seq >= head.next_seq:
        yield f"task {facts.last_seq} exists, but the next one to be made is {head.next_seq}"
    if head.status in WORKFLOW_TERMINAL:
        for task in facts.open:
            yield f"it is {head.status}, but task {task.seq} ({task.ref}) is {task.status}"


def _queue(facts: Facts) -> Iterator[str]:
    open_seqs = {task.seq for task in facts.open}
    for seq, queue in facts.queued.items():
        if seq not in open_seqs:
            yield f"queue {queue} holds task {task_id(facts.head.id, seq)}, which is not open"


def _progress(facts: Facts) -> Iterator[str]:
    """Something must move a running workflow on: time, a queue, a message, or somebody outside who holds a task."""
    for task in facts.open:
        if task.runs == "worker" and task.status == SCHEDULED and task.seq not in facts.queued:
            yield f"task {task.seq} ({task.ref}) is scheduled, but in no queue"
    held = any(task.status == IN_PROGRESS and task.type not in INNER_TYPES for task in facts.open)
    if not (facts.head.wake_ms or facts.queued or held or facts.is_addressed(facts.head.id)):
        yield "it is running, but nothing will move it on: no wake-up, queue row, message or task in other hands"


def _wake(facts: Facts) -> Iterator[str]:
    wake_ms = facts.head.wake_ms
    for task in facts.open:
        if task.due_ms and not 0 < wake_ms <= task.due_ms:
            yield f"task {task.seq} ({task.ref}) is due at {task.due_ms}, but the wake-up is at {wake_ms}"


def _children(facts: Facts) -> Iterator[str]:
    for task in facts.open:
        child = task.sub_workflow_id
        if task.type != "SUB_WORKFLOW" or task.status != IN_PROGRESS or child is None:
            continue
        status = facts.status_of(child)
        if status is None and not facts.is_addressed(child):
            yield f"task {task.seq} ({task.ref}) waits for workflow {child}, which does not exist"
        elif status in WORKFLOW_TERMINAL and not (facts.is_addressed(facts.head.id) or facts.is_addressed(child)):
            yield f"task {task.seq} ({task.ref}) waits for workflow {child}, which is {status} already"


# ---- slots, which belong to no workflow alone


def leaked(scope: str, workflow_id: str, seq: int) -> str:
    """Return the sentence for a slot whose holder is not in progress; it keeps others out until it is tidied away."""
    holder = f"task {task_id(workflow_id, seq)}" if seq else f"workflow {workflow_id}"
    return f"a slot of scope {scope!r} belongs to {holder}, which is not in progress"


def miscounted(scope: str, counted: int, held: int) -> str:
    """Return the sentence for a scope whose count differs from its slots."""
    return f"scope {scope!r} counts {counted} slots as taken, but {held} are held"
