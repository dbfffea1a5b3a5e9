"""Waiting for changes of workflows without asking again and again: an event per waiter, set by the commits."""

import asyncio
from types import TracebackType
from typing import Self

from podium.model.errors import Overloaded
from podium.model.transition import Transition
from podium.runtime.changes import Changes

WATCHERS_MAX = 10_000


class Watch:
    """All waiters of this node; `note` is called with each commit."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        changes.on_change = self.wake
        self._events: dict[str, set[asyncio.Event]] = {}
        self._count = 0
        self.is_over = False

    def note(self, change: Transition) -> None:
        """Wake those that wait for the workflow of *change*."""
        if self._events:
            self.wake(change.workflow.head.id)

    def wake(self, workflow_id: str) -> None:
        """Wake those that wait for a workflow."""
        for event in self._events.get(workflow_id, ()):
            event.set()

    def open(self) -> "Watcher":
        """Return a waiter, to be used in a `with`."""
        if self._count >= WATCHERS_MAX:
            raise Overloaded("Too many callers are waiting for workflows, try again later")
        return Watcher(self)

    def release_all(self) -> None:
        """Wake everybody for good: the server stops."""
        self.is_over = True
        for events in self._events.values():
            for event in events:
                event.set()

    def enter(self, event: asyncio.Event) -> None:
        """Count a waiter."""
        self._count += 1
        if self.is_over:
            event.set()

    def leave(self, event: asyncio.Event, workflow_ids: set[str]) -> None:
        """Forget a waiter."""
        self._count -= 1
        for workflow_id in workflow_ids:
            events = self._events[workflow_id]
            events.discard(event)
            if not events:
                del self._events[workflow_id]
                self._changes.unwatch(workflow_id)

    def add(self, event: asyncio.Event, workflow_id: str) -> None:
        """Have *event* set by changes of a workflow, which need not exist yet."""
        self._events.setdefault(workflow_id, set()).add(event)
        self._changes.watch(workflow_id)


class Watcher:
    """One waiter and the workflows that it waits for.

    Clear, name the workflows and read them, then wait: no change between reading and waiting is missed.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._event = asyncio.Event()
        self._workflow_ids: set[str] = set()

    def __enter__(self) -> Self:
        self._watch.enter(self._event)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.leave(self._event, self._workflow_ids)

    def clear(self) -> None:
        """Forget the changes so far."""
        if not self._watch.is_over:
            self._event.clear()

    def add(self, workflow_id: str) -> None:
        """Wait for changes of this workflow as well."""
        if workflow_id not in self._workflow_ids:
            self._workflow_ids.add(workflow_id)
            self._watch.add(self._event, workflow_id)

    async def wait(self, deadline: float) -> bool:
        """Wait for a change; False when *deadline* (the event loop's time, in s) comes first or the server stops."""
        left_s = deadline - asyncio.get_running_loop().time()
        if left_s <= 0 or self._watch.is_over:
            return False
        try:
            await asyncio.wait_for(self._event.wait(), left_s)
        except TimeoutError:
            return False
        return not self._watch.is_over
