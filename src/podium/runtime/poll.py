"""Workers' polls: how much each still wants, when it is to be answered, and those that wait."""

import asyncio
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from podium.model.errors import Overloaded

WAITING_POLLS_MAX = 100_000


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


class WaitingPolls:
    """The polls that wait on this node, by queue and in the order of arrival. They cost memory only."""

    def __init__(self) -> None:
        self._by_queue: dict[str, dict[Poll, None]] = {}
        self.count = 0

    def __contains__(self, queue: str) -> bool:
        return queue in self._by_queue

    def __iter__(self) -> Iterator[str]:
        """Iterate over the queues that polls wait for."""
        return iter(self._by_queue)

    def add(self, poll: Poll) -> None:
        """Have a poll wait. Raises Overloaded."""
        if self.count >= WAITING_POLLS_MAX:
            raise Overloaded("Too many workers are waiting, try again later")
        self._by_queue.setdefault(poll.queue, {})[poll] = None
        self.count += 1

    def remove(self, poll: Poll) -> None:
        """Forget a poll; doing so twice is harmless."""
        polls = self._by_queue.get(poll.queue, {})
        if poll in polls:
            del polls[poll]
            self.count -= 1
            if not polls:
                del self._by_queue[poll.queue]

    def of(self, queue: str) -> Collection[Poll]:
        """Return the polls that wait for *queue*, whoever came first before the others."""
        return self._by_queue.get(queue, ())

    def with_room(self, queue: str) -> Iterator[Poll]:
        """Iterate over those of them that can be given a task."""
        return (poll for poll in self.of(queue) if poll.room > 0)

    def answer(self, poll: Poll) -> None:
        """Answer a poll if it is due."""
        if poll.is_due:
            poll.reply.set_result(poll.tasks)
            self.remove(poll)

    def time_out(self, poll: Poll) -> None:
        """Answer a poll with what it has got, or with nothing; not while a task is on its way to it."""
        poll.is_expired = True
        self.answer(poll)

    def release_all(self) -> None:
        """Time out all of them: the server stops."""
        for polls in list(self._by_queue.values()):
            for poll in list(polls):
                self.time_out(poll)
