"""One task: one execution of a step; each attempt is a task of its own.

`input` and `output` are compact JSON objects as bytes: the engine carries them and looks inside only when an
expression asks. The field order is the stored format: append fields at the end, each with a default, and never
reorder.
"""

from typing import Literal

import msgspec

from podium.model.status import SCHEDULED, TASK_BAD, TASK_GOOD, TASK_OPEN

EMPTY = b"{}"

NEVER_S = 2147483647  # what Conductor shows as callbackAfterSeconds of a wait without an end
FAR_MS = 253_402_300_799_000  # the end of the year 9999; no time that is stored comes after it

Runs = Literal["worker", "system", "engine"]


class Task(msgspec.Struct, array_like=True, gc=False):
    """Mutable inside the engine; rows of the store elsewhere. Times are epoch ms, 0 is "not yet"."""

    seq: int
    ref: str  # reference name with the loop suffix
    type: str  # Conductor's taskType
    name: str  # taskDefName: what the step or the dynamic choice names
    status: str = SCHEDULED
    step: str = ""  # reference name of the step, without suffix
    suffix: str = ""  # "__2", or "__2__1" in a loop of a loop
    iteration: int = 0
    loop: str = ""  # reference name of the open loop around it, with suffix
    runs: Runs = "worker"
    input: bytes = EMPTY
    output: bytes = EMPTY
    scheduled_ms: int = 0
    started_ms: int = 0
    ended_ms: int = 0
    updated_ms: int = 0
    first_scheduled_ms: int = 0  # of the first attempt: the start of the total budget
    due_ms: int = 0  # end of a WAIT, or the delayed start of a task that the engine runs
    retry_count: int = 0
    retried: bool = False  # a newer attempt exists
    retried_seq: int = 0  # the attempt before this one
    executed: bool = False  # what follows from its end has been done
    poll_count: int = 0
    worker_id: str | None = None
    domain: str | None = None
    reason: str | None = None
    start_delay_s: int = 0
    callback_after_s: int = 0
    response_timeout_s: int = 0
    rate_limit: int = 0
    rate_window_s: int = 0
    sub_workflow_id: str | None = None
    sub_workflow_changed: bool = False
    queue: str = ""  # the queue it waits in, "" when it does not
    dynamic_step: bytes | None = None  # WorkflowTask JSON of a step that exists only in this workflow
    namespace: str | None = None
    isolation_group: str | None = None
    external_input_path: str | None = None
    external_output_path: str | None = None
    loop_count: int = 0  # of a DO_WHILE task: the iterations it has begun

    @property
    def is_open(self) -> bool:
        """Whether something can still happen to it."""
        return self.status in TASK_OPEN

    @property
    def is_good(self) -> bool:
        """Whether it ended well, or well enough to go on."""
        return self.status in TASK_GOOD

    @property
    def is_bad(self) -> bool:
        """Whether it ended in failure, timeout or cancellation."""
        return self.status in TASK_BAD


class TaskLog(msgspec.Struct, omit_defaults=False):
    """A line that a worker logged about a task."""

    log: str
    taskId: str = ""  # noqa: N815 (wire name)
    createdTime: int = 0  # noqa: N815 (wire name)
