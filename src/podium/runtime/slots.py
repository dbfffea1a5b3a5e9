"""Slots: limits that hold over all nodes, kept by the commits.

Each commit says which slots it takes and frees, and the store refuses one for which there is no room: of tasks in
progress for definitions with a `concurrentExecLimit`, of open workflows for those with a `rateLimitConfig`. So a crash
leaks nothing.
"""

import asyncio
import contextlib
import json
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from typing import Any

from podium.engine.commands import Wake
from podium.engine.session import Session
from podium.model.errors import PodiumError
from podium.model.status import IN_PROGRESS, PAUSED
from podium.model.task_def import TaskDef
from podium.model.transition import Slot, SlotKind, Transition
from podium.runtime.background import Background
from podium.runtime.places import Places
from podium.store import Store

LOOK_S = 3.0
NEXT_MAX = 100
ASKED_MAX = 10_000
_TASK, _WORKFLOW = "task ", "workflow "


def task_scope(name: str) -> str:
    """Return the scope of the tasks of a definition."""
    return _TASK + name


def workflow_scope(name: str, key: str) -> str:
    """Return the scope of the workflows of a definition with one key."""
    return _WORKFLOW + json.dumps([name, key])


class SharedPlaces(Places):
    """The places of workflows with a rate limit; the store keeps who holds one, and the line of those that wait."""

    def __init__(self, store: Store, submit: Callable[[str, Wake], "asyncio.Future[Any]"], now_ms: Callable[[], int]):
        super().__init__(store, submit, now_ms)
        self._asked: OrderedDict[str, None] = OrderedDict()  # workflows that begin if the store has a place
        self._refused: OrderedDict[str, None] = OrderedDict()  # those for which it had none
        self._background = Background()

    async def load(self, names: Iterable[str]) -> None:
        """Do nothing: the store knows."""

    def has_place(self, name: str, key: str, limit: int, workflow_id: str) -> bool:  # noqa: ARG002
        """Whether to try; the store has the last word, and is not asked twice for one decision."""
        if workflow_id in self._refused:
            return False
        _remember(self._asked, workflow_id)
        return True

    def was_asked(self, workflow_id: str) -> bool:
        """Whether a decision, which is at its end, depends on a place."""
        self._refused.pop(workflow_id, None)
        return self._asked.pop(workflow_id, self) is None

    def refuse(self, workflow_id: str) -> None:
        """There was no place; the next decision will know."""
        _remember(self._refused, workflow_id)

    def note(self, change: Transition) -> None:
        """Learn of a commit: where a place came free, wake who is next."""
        for slot in change.slots:
            if slot.kind is SlotKind.FREE and slot.seq == 0:
                self._background.spawn(self._wake_next(slot.scope))

    async def _wake_next(self, scope: str) -> None:
        with contextlib.suppress(PodiumError):  # else the next look does it
            ids = await self._store.next_in_line(NEXT_MAX, scope)
            await asyncio.gather(*(self._submit(key, Wake()) for key in ids), return_exceptions=True)

    async def settle(self) -> None:
        """Wait until those who are next know it."""
        await self._background.settle()

    async def run(self) -> None:
        """Wake, for ever, whoever could begin and was not told, as a node died before it did."""
        while True:
            await asyncio.sleep(LOOK_S)
            await self._wake_next("")


class Slots:
    """What a commit takes and frees."""

    def __init__(self, task_def: Callable[[str], TaskDef | None], places: SharedPlaces) -> None:
        self._task_def = task_def
        self._places = places
        self.refused = 0

    def of(self, session: Session, leased: Collection[int]) -> list[Slot]:
        """Return the slots of a decision; *leased* are the tasks that it hands out, if there is room."""
        change, head = session.change, session.head
        if not change.leases and head.rate_limit_key is None:
            return []
        found = [self._of_workflow(session)] if head.rate_limit_key is not None else []
        for name in change.leases:
            task_def = self._task_def(name)
            if task_def is not None and task_def.concurrentExecLimit:
                found += _of_tasks(change, name, task_def.concurrentExecLimit, leased)
        return [slot for slot in found if slot is not None]

    def _of_workflow(self, session: Session) -> Slot | None:
        head, config = session.head, session.graph.definition.rateLimitConfig
        was_asked = self._places.was_asked(head.id)
        if config is None or config.concurrentExecLimit <= 0:
            return None
        scope = workflow_scope(head.name, head.rate_limit_key or "")
        if session.change.removed or session.workflow.is_terminal or (head.is_held and head.status == PAUSED):
            return Slot(scope, SlotKind.FREE)
        kind = SlotKind.WAIT if head.is_held else SlotKind.TAKE if was_asked else SlotKind.FORCE
        return Slot(scope, kind, 0, config.concurrentExecLimit)

    def refuse(self, workflow_id: str, scope: str) -> bool:
        """Learn of a refusal; True when it was for hand-outs of tasks."""
        self.refused += 1
        if scope.startswith(_TASK):
            return True
        self._places.refuse(workflow_id)
        return False


def _of_tasks(change: Transition, name: str, limit: int, leased: Collection[int]) -> Iterable[Slot]:
    scope = task_scope(name)
    if change.removed or change.deleted_all:
        yield Slot(scope, SlotKind.FREE_ALL)
    if change.removed:
        return
    for seq in change.deleted:
        yield Slot(scope, SlotKind.FREE, seq)
    for task in {one.seq: one for one in (*change.inserted, *change.updated.values())}.values():
        if task.name == name and task.runs != "engine":
            kind = SlotKind.TAKE if task.seq in leased else SlotKind.FORCE
            yield Slot(scope, kind if task.status == IN_PROGRESS else SlotKind.FREE, task.seq, limit)


def _remember(found: OrderedDict[str, None], workflow_id: str) -> None:
    found[workflow_id] = None
    if len(found) > ASKED_MAX:
        found.popitem(last=False)
