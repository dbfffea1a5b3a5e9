"""A worker's poll: how much it still wants, and when it is to be answered."""

import asyncio
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class Poll:
    """A worker that waits for up to `wanted` tasks."""

    queue: str
    worker_id: str | None
    wanted: int
    reply: asyncio.Future[list[Any]]
    raw: bool = False  # answer with (workflow, task) instead of JSON, for the server's own runner
    tasks: list[Any] = field(default_factory=list)
    promised: int = 0  # tasks that are on their way to it
    looks: int = 0  # at the store, which may bring it something
    is_expired: bool = False
    is_gone: bool = False  # nobody is there for the answer

    @property
    def room(self) -> int:
        """How many tasks it may still be given."""
        return 0 if self.is_expired or self.reply.done() else self.wanted - len(self.tasks) - self.promised

    @property
    def is_due(self) -> bool:
        """Whether it is to be answered: nothing more is on its way."""
        return not (self.promised or self.looks or self.reply.done()) and bool(self.tasks or self.is_expired)
