"""The server's own workers: they take tasks of the types that act (HTTP, …) from their queues, and report like any
worker.

The number of tasks at work is bounded per type. A task whose server dies becomes visible again after its lease
(engine.update).
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, cast

import msgspec

from podium.engine.commands import Command, ExtendLease, UpdateTask
from podium.engine.task_type import Io, Outcome, Registry, SystemTaskType
from podium.expressions.secrets import has_secrets, substitute_secrets
from podium.model.errors import PodiumError
from podium.model.status import FAILED
from podium.model.task import Task
from podium.model.workflow import Workflow
from podium.runtime.dispatch import Dispatcher

POLL_MS = 60_000
TRY_AGAIN_S = 1.0
RENEW_S = 20.0  # a third of the shortest lease (engine.update)

log = logging.getLogger(__name__)

Submit = Callable[[str, Command], "asyncio.Future[Any]"]
_decode = msgspec.json.Decoder().decode


class SystemTasks:
    """Runs the tasks of the server, at most *slots* of each type at once."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        submit: Submit,
        types: Registry,
        io: Io,
        secret: Callable[[str], str | None],
        slots: int = 64,
    ) -> None:
        self._dispatcher = dispatcher
        self._submit = submit
        self._types = types
        self._io = io
        self._secret = secret
        self._slots = slots
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Serve the queues of all system task types for ever; on the way out, stop what is at work."""
        try:
            async with asyncio.TaskGroup() as group:
                for queue in self._types.system_queues():
                    group.create_task(self._serve(queue))
        finally:
            for task in self._tasks:
                task.cancel()

    async def _serve(self, queue: str) -> None:
        free = self._slots
        changed = asyncio.Event()

        def release(done: asyncio.Task[None]) -> None:
            nonlocal free
            free += 1
            self._tasks.discard(done)
            changed.set()

        while True:
            if not free:
                changed.clear()
                await changed.wait()
            try:
                found = await self._dispatcher.poll(queue, None, None, free, POLL_MS, raw=True)
            except PodiumError:
                await asyncio.sleep(TRY_AGAIN_S)
                continue
            for workflow, leased in found:
                free -= 1
                task = asyncio.get_running_loop().create_task(self._work(workflow, leased))
                self._tasks.add(task)
                task.add_done_callback(release)

    async def _work(self, workflow: Workflow, task: Task) -> None:
        seq = task.seq
        work = asyncio.get_running_loop().create_task(self._outcome(task))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=RENEW_S)
                if not work.done():
                    self._submit(workflow.id, ExtendLease(seq))  # else the task would be handed out again
            outcome = work.result()
        finally:
            work.cancel()
        command = UpdateTask(
            seq=seq,
            status=outcome.status,
            output=outcome.output,
            reason=outcome.reason,
            callback_after_s=outcome.callback_after_s,
            keep_worker=True,
            from_system=True,
        )
        while True:
            try:
                await self._submit(workflow.id, command)
                return
            except PodiumError as error:
                if not error.retryable:
                    log.warning("the result of task %s of %s was refused: %s", task.ref, workflow.id, error.message)
                    return
                await asyncio.sleep(TRY_AGAIN_S)

    async def _outcome(self, task: Task) -> Outcome:
        kind = cast("SystemTaskType", self._types.of(task.type))
        given = _decode(task.input)
        if has_secrets(task.input):
            given = substitute_secrets(given, self._secret)
        try:
            return await kind.execute(given, self._io)
        except Exception as error:
            log.exception("task type %s failed", task.type)
            return Outcome(FAILED, reason=f"Task execution failed: {error}")
