"""Handing leased tasks to polls. A task that is on its way to a poll is a promise: kept here, or taken back.

A poll is answered when nothing more is on its way to it. A task whose worker has gone meanwhile returns to its queue.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from podium.engine.commands import Command, UpdateTask
from podium.engine.graph import step_of
from podium.engine.view import task_view
from podium.model.errors import Overloaded, PodiumError
from podium.model.status import IN_PROGRESS
from podium.model.task import Task
from podium.model.workflow import Workflow
from podium.runtime.background import Background
from podium.runtime.poll import Poll, WaitingPolls

PUT_BACK_TRIES = 60
TRY_AGAIN_S = 1.0

encode = msgspec.json.Encoder().encode

Submit = Callable[[str, Command], asyncio.Future[Any]]


class HandOver:
    """Gives tasks to polls."""

    def __init__(
        self,
        submit: Submit,
        now_ms: Callable[[], int],
        waiting: WaitingPolls,
        on_room: Callable[[str], None],
        background: Background,
    ) -> None:
        """*on_room* is told of a queue when a poll for it can be given more again."""
        self._submit = submit
        self._now_ms = now_ms
        self._waiting = waiting
        self._on_room = on_room
        self._background = background

    def keep(self, poll: Poll, workflow: Workflow, task: Task) -> None:
        """Keep a promise; a task that can't be given must not hold up the others of its poll."""
        try:
            self._give(poll, workflow, task)
        finally:
            self.take_back(poll)

    def take_back(self, poll: Poll) -> None:
        """One promise less; the last one answers the poll if it has got anything."""
        poll.promised -= 1
        self._waiting.answer(poll)
        if poll.room > 0:
            self._on_room(poll.queue)

    def _give(self, poll: Poll, workflow: Workflow, task: Task) -> None:
        if not poll.is_gone:
            poll.tasks.append((workflow, task) if poll.raw else self.json(workflow, task))
        elif task.runs == "worker":
            self._background.spawn(self._put_back(workflow.id, task.seq))

    def json(self, workflow: Workflow, task: Task) -> bytes:
        """Return a task as workers get it."""
        return encode(task_view(workflow.head, task, step_of(workflow, task), self._now_ms()))

    async def _put_back(self, workflow_id: str, seq: int) -> None:
        """Put a task back into its queue, also when too much waits at the moment."""
        command = UpdateTask(seq, IN_PROGRESS, merge=True, keep_worker=True)
        for _ in range(PUT_BACK_TRIES):
            try:
                await self._submit(workflow_id, command)
            except Overloaded:
                await asyncio.sleep(TRY_AGAIN_S)
            except PodiumError:  # it has ended, or its response timeout brings it back
                return
            else:
                return
