"""The simulation notices mistakes in what limits do, over several nodes and on one."""

from typing import Any

import msgspec
import pytest

from podium.engine.session import Session
from podium.model.transition import SlotKind
from podium.runtime.claims import Claims
from podium.runtime.limits import StartLimits
from podium.runtime.shared_limits import SharedStartLimits
from podium.store.memory import MemoryStore
from podium.store.slots import Slots
from tests.simulation.notice import Mistake, is_noticed


def limits_are_not_heeded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Slots, "refusal", lambda *_: "")
    patch.setattr(SharedStartLimits, "may_start", lambda *_: True)
    patch.setattr(StartLimits, "may_start", lambda *_: True)


def slots_are_not_freed(patch: pytest.MonkeyPatch) -> None:
    original = Slots.change

    def change(self: Slots, workflow_id: str, slots: Any) -> None:
        original(self, workflow_id, [slot for slot in slots if slot.kind is not SlotKind.FREE])

    patch.setattr(Slots, "change", change)


def places_of_limits_are_not_given_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(StartLimits, "change", lambda self, name, delta: False)


def a_free_place_is_passed_over(patch: pytest.MonkeyPatch) -> None:
    """Where a limit is more than one, a place is never used: in the memory of one node, and in what several ask for."""
    may_start, slots_taken = StartLimits.may_start, MemoryStore.slots_taken

    def may_start_one_less(self: StartLimits, name: str) -> bool:
        taken = self._running.get(name, 0) + self._promised.get(name, 0)
        task_def = self._task_def(name)
        if task_def is not None and 0 < taken == task_def.concurrentExecLimit - 1:
            return False
        return may_start(self, name)

    async def one_more_taken(self: MemoryStore, scopes: Any) -> dict[str, int]:
        return {scope: taken + bool(taken) for scope, taken in (await slots_taken(self, scopes)).items()}

    patch.setattr(StartLimits, "may_start", may_start_one_less)
    patch.setattr(MemoryStore, "slots_taken", one_more_taken)


def what_waits_for_a_limit_holds_up_its_queue(patch: pytest.MonkeyPatch) -> None:
    original = Claims._lease_all

    def leases(self: Claims, queue: str, polls: list[Any], free: list[Any]) -> Any:
        if not polls[0].raw:
            return original(self, queue, polls, free)
        found, held_back = original(self, queue, polls, free[:1])
        return found, held_back and len(free)

    patch.setattr(Claims, "_lease_all", leases)


def a_task_at_work_waits_for_its_own_place(patch: pytest.MonkeyPatch) -> None:
    original = Session.enqueue

    def enqueue(self: Session, task: Any, delay_ms: int) -> None:
        original(self, task, delay_ms)
        self.change.enqueued[task.seq] = msgspec.structs.replace(self.change.enqueued[task.seq], name=task.name)

    patch.setattr(Session, "enqueue", enqueue)


def who_comes_last_is_served_first(patch: pytest.MonkeyPatch) -> None:
    def order(entry: Any) -> Any:
        key, row = entry
        return (-row.priority, -row.visible_ms, key)

    patch.setattr("podium.store.memory.queues._queue_order", order)


def places_stay_promised(patch: pytest.MonkeyPatch) -> None:
    original = StartLimits.settle

    def settle(self: StartLimits, name: str, *, is_started: bool) -> bool:
        return not is_started and original(self, name, is_started=False)

    patch.setattr(StartLimits, "settle", settle)


def what_is_in_progress_is_not_counted_at_the_start(patch: pytest.MonkeyPatch) -> None:
    async def load(*_: Any) -> None:
        """Do nothing."""

    patch.setattr(StartLimits, "load", load)


MISTAKES: list[Mistake] = [
    limits_are_not_heeded,
    slots_are_not_freed,
    places_of_limits_are_not_given_back,
    a_free_place_is_passed_over,
    what_waits_for_a_limit_holds_up_its_queue,
    a_task_at_work_waits_for_its_own_place,
    who_comes_last_is_served_first,
    places_stay_promised,
    what_is_in_progress_is_not_counted_at_the_start,
]

NODES = {
    places_of_limits_are_not_given_back: 1,
    places_stay_promised: 1,
    what_is_in_progress_is_not_counted_at_the_start: 1,
}

OF_CALLS = {what_waits_for_a_limit_holds_up_its_queue, a_task_at_work_waits_for_its_own_place}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_the_simulation_notices_that(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    mistake(monkeypatch)

    assert is_noticed(nodes=NODES.get(mistake, 0), with_calls=mistake in OF_CALLS)
