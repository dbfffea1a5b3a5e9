"""Admission: which commands are refused because they would wait for too long.

The measure is time, not numbers: how long the commits take now, and how many batches wait before a new command. Starts
are refused first, since they bring further work; what workers, people and operators report goes on ten times longer,
as it ends work. A start is always taken while the next commit has room for it, so a slow store gets full batches.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from podium.engine.commands import Command, StartWorkflow, UpdateTask
from podium.model.errors import Overloaded

BATCH_MAX = 256  # workflows of one commit
WAITING_MAX = 50_000  # commands
WAITING_BYTES_MAX = 256 << 20  # of their payloads
START_WAIT_S_MAX = 3.0
OTHERS_LONGER = 10
SMOOTHING = 0.2  # weight of the latest commit
RETRY_S_MAX = 30


@dataclass(slots=True)
class Refused:
    """How many commands were refused."""

    starts: int = 0
    others: int = 0


@dataclass(slots=True)
class Admission:
    """The queue before the commits, as far as its length in time goes."""

    start_wait_s_max: float = START_WAIT_S_MAX
    now_s: Callable[[], float] = time.monotonic
    commands: int = 0
    payload_bytes: int = 0
    refused: Refused = field(default_factory=Refused)
    _usual_s: float = 0.0  # from taking the commands of a batch to their answers
    _began_s: dict[int, float] = field(default_factory=dict)  # the oldest batch first
    _number: int = 0

    def admit(self, command: Command, workflows: int) -> None:
        """Raise `Overloaded` when *command* is to be refused; *workflows* wait for a commit."""
        refusal = self.refusal(workflows, is_start=type(command) is StartWorkflow)
        if refusal is not None:
            raise refusal

    def refusal(self, workflows: int, *, is_start: bool) -> Overloaded | None:
        """Return why a start, or another command, is to be refused; None when it is not."""
        wait_s_max = self.start_wait_s_max * (1 if is_start else OTHERS_LONGER)
        is_late = self.elapsed_s() > wait_s_max or (workflows >= BATCH_MAX and self.wait_s(workflows) > wait_s_max)
        if not is_late and self.commands < WAITING_MAX and self.payload_bytes < WAITING_BYTES_MAX:
            return None
        if is_start:
            self.refused.starts += 1
        else:
            self.refused.others += 1
        retry_s = min(max(math.ceil(self.wait_s(workflows)), 1), RETRY_S_MAX)
        return Overloaded("The server has more work than it can do now, try again later", retry_s)

    def elapsed_s(self) -> float:
        """Return for how long the oldest batch has been on its way."""
        return self.now_s() - next(iter(self._began_s.values())) if self._began_s else 0.0

    def wait_s(self, workflows: int) -> float:
        """Return the estimate of how long a command that comes now waits for its commit."""
        if not self._began_s and not workflows:
            return 0.0
        return max(self._usual_s, self.elapsed_s()) + workflows // BATCH_MAX * self._usual_s

    # ---- what the mailboxes and the committer tell

    def add(self, payload_bytes: int) -> None:
        """A command with a payload of that size waits."""
        self.commands += 1
        self.payload_bytes += payload_bytes

    def remove(self, payload_bytes: int) -> None:
        """It waits no longer."""
        self.commands -= 1
        self.payload_bytes -= payload_bytes

    def begin(self) -> int:
        """A batch is taken; returns its number for `end`."""
        self._number += 1
        self._began_s[self._number] = self.now_s()
        return self._number

    def end(self, number: int) -> None:
        """A batch has been answered."""
        took_s = self.now_s() - self._began_s.pop(number)
        self._usual_s += SMOOTHING * (took_s - self._usual_s)


def payload_size(command: Command) -> int:
    """Return the bytes that a command brings along, as far as they may be many."""
    if type(command) is StartWorkflow:
        return len(command.input)
    return len(command.output) if type(command) is UpdateTask else 0
