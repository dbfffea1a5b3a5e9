"""The places of task definitions with a limit, and the line of tasks before each: nobody waits while a place is free.

All is taken from what is stored, so it holds whatever the nodes believe of the limits.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from podium.model.ids import task_id
from podium.model.transition import QueueRow

OVERTAKEN_MAX = 3  # by tasks that came later: of several nodes, each of which has read a part of the line


@dataclass
class Limit:
    """How many tasks of a definition may be in progress, and since when there were fewer without a break."""

    most: int
    free_since_ms: float = 0  # or infinity, while all places are taken
    overtaken: Counter[tuple[str, int]] = field(default_factory=Counter)

    def count(self, in_progress: int, now_ms: int) -> None:
        """Learn how many are in progress after a transition."""
        if in_progress >= self.most:
            self.free_since_ms = math.inf
        elif self.free_since_ms == math.inf:
            self.free_since_ms = now_ms

    def could_go_ms(self, row: QueueRow) -> float:
        """Return since when nothing has been in the way of a task that waits."""
        return max(row.visible_ms, self.free_since_ms)

    def overtaken_by(self, taken: QueueRow, waiting: Iterable[QueueRow]) -> str:
        """Note that a task was leased before all of *waiting*; returns whom that happened to too often."""
        for row in waiting:
            if row.priority >= taken.priority and row.visible_ms < taken.visible_ms:
                key = row.workflow_id, row.seq
                self.overtaken[key] += 1
                if self.overtaken[key] > OVERTAKEN_MAX:
                    return task_id(*key)
        return ""
