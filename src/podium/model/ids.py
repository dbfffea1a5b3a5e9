"""Identifiers of workflows and tasks: UUID version 8 text whose order is the order of creation.

Layout: 48 bits of time in ms, 42 random bits, 32 bits of sequence. A workflow is sequence 0; its tasks are 1, 2, 3,
…. So a task's id names its workflow and its place in it, and no index from task to workflow is needed. Clients treat
ids as opaque.
"""

SEQ_MAX = (1 << 24) - 1  # tasks of one workflow, superseded attempts included
_WORKFLOW_CHARS = 28
_TASK_CHARS = 36
RANDOM_BITS = 42


def workflow_id(time_ms: int, random: int) -> str:
    """Return a new workflow id from the clock and *random*, an integer of 42 random bits."""
    a, b, c = random >> 30 & 0xFFF, random >> 16 & 0x3FFF, random & 0xFFFF
    return f"{time_ms >> 16:08x}-{time_ms & 0xFFFF:04x}-8{a:03x}-{0x8000 | b:04x}-{c:04x}00000000"


def task_id(workflow: str, seq: int) -> str:
    """Return the id of task number *seq* of *workflow*."""
    return f"{workflow[:_WORKFLOW_CHARS]}{seq:08x}"


def workflow_of(task: str) -> str:
    """Return the id of the workflow that owns *task*."""
    return task[:_WORKFLOW_CHARS] + "00000000"


def seq_of(task: str) -> int:
    """Return the number of *task* in its workflow; 0 when the text is no task id of ours."""
    if len(task) != _TASK_CHARS:
        return 0
    try:
        seq = int(task[_WORKFLOW_CHARS:], 16)
    except ValueError:
        return 0
    return seq if 0 < seq <= SEQ_MAX else 0
