"""The simulation notices: with a mistake in the program, some of the first seeds breaks a law."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from podium.engine.commands import ChildEnded
from podium.engine.session import Session
from podium.model.errors import PodiumError
from podium.model.ids import RANDOM_BITS, workflow_id
from podium.model.schedule import ScheduleRun
from podium.model.transition import SlotKind
from podium.runtime.clock import Clock
from podium.runtime.dispatch import Dispatcher
from podium.runtime.limits import StartLimits
from podium.runtime.outcome import Outcomes
from podium.runtime.relay import Relay
from podium.runtime.schedules import Schedules
from podium.runtime.shared_limits import SharedStartLimits
from podium.store.memory import MemoryStore
from podium.store.slots import Slots
from tests.simulation.database import BEGIN_MS
from tests.simulation.run import has_calls, simulate

SEEDS = 40


def applied_messages_stay(patch: pytest.MonkeyPatch) -> None:
    original = MemoryStore._write_rest

    def write_rest(self: MemoryStore, name: str, transition: Any) -> None:
        kept = {number: self._messages[number] for number in transition.applied if number in self._messages}
        original(self, name, transition)
        self._messages |= kept

    patch.setattr(MemoryStore, "_write_rest", write_rest)


def refused_commits_are_acknowledged(patch: pytest.MonkeyPatch) -> None:
    def abandon(self: Outcomes, works: list[Any], error: PodiumError) -> None:
        for work in works:
            self.finish(work)

    patch.setattr(Outcomes, "abandon", abandon)


def wake_ups_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("podium.engine.decide._next_wake_ms", lambda session: 0)


def news_of_queues_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Dispatcher, "_look", lambda *_: None)
    patch.setattr("podium.runtime.dispatch.LOOK_ALONE_S", 1e9)  # or the net finds what was forgotten


def tasks_are_handed_out_twice(patch: pytest.MonkeyPatch) -> None:
    original = Dispatcher._give

    def give(self: Dispatcher, poll: Any, workflow: Any, task: Any) -> None:
        original(self, poll, workflow, task)
        original(self, poll, workflow, task)

    patch.setattr(Dispatcher, "_give", give)


def parents_are_not_told(patch: pytest.MonkeyPatch) -> None:
    original = Session.send

    def send(self: Session, target: str, command: Any) -> None:
        if not isinstance(command, ChildEnded):
            original(self, target, command)

    patch.setattr(Session, "send", send)


def versions_are_not_compared(patch: pytest.MonkeyPatch) -> None:
    original = MemoryStore._write

    def write(self: MemoryStore, change: Any) -> bool:
        stored = self._workflows.get(change.head.id)
        if stored is not None:
            change.transition.expected_version = stored.version
        return original(self, change)

    patch.setattr(MemoryStore, "_write", write)


def what_failed_stays_in_memory(patch: pytest.MonkeyPatch) -> None:
    original = Outcomes.refuse

    def refuse(self: Outcomes, work: Any, error: PodiumError) -> None:
        original(self, work, error)
        if work.session is not None:
            self._working_set.learn(work.session.workflow, None)

    patch.setattr(Outcomes, "refuse", refuse)


def clocks_go_their_own_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Clock, "follow", lambda *_: None)


def claims_of_keys_are_not_heeded(patch: pytest.MonkeyPatch) -> None:
    async def claim_key(self: MemoryStore, name: str, key: str, workflow_id: str, *_: Any) -> str:
        return workflow_id

    patch.setattr(MemoryStore, "claim_key", claim_key)


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
    original = Dispatcher._leases

    def leases(self: Dispatcher, queue: str, polls: list[Any], free: list[Any]) -> Any:
        if not polls[0].raw:
            return original(self, queue, polls, free)
        found, held_back = original(self, queue, polls, free[:1])
        return found, held_back and len(free)

    patch.setattr(Dispatcher, "_leases", leases)


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


def slots_of_schedules_are_left_out(patch: pytest.MonkeyPatch) -> None:
    original = Schedules._start

    async def start(self: Schedules, schedule: Any, cron: Any, slot: int, now_ms: int) -> Any:
        if slot % 30_000:
            return await original(self, schedule, cron, slot, now_ms)
        return ScheduleRun(executionId=f"{slot}")

    patch.setattr(Schedules, "_start", start)


def events_are_lost(patch: pytest.MonkeyPatch) -> None:
    async def handle(self: Relay, message: Any) -> bool:
        await self._store.drop_messages([message.id])
        return True

    patch.setattr(Relay, "_handle", handle)


def events_start_something_new_each_time(patch: pytest.MonkeyPatch) -> None:
    new_id = property(lambda self: workflow_id(BEGIN_MS, random.getrandbits(RANDOM_BITS)))
    patch.setattr("podium.runtime.events.Cause.new_id", new_id)


MISTAKES: list[Callable[[pytest.MonkeyPatch], None]] = [
    applied_messages_stay,
    refused_commits_are_acknowledged,
    wake_ups_are_forgotten,
    news_of_queues_are_forgotten,
    tasks_are_handed_out_twice,
    parents_are_not_told,
    versions_are_not_compared,
    what_failed_stays_in_memory,
    clocks_go_their_own_way,
    claims_of_keys_are_not_heeded,
    limits_are_not_heeded,
    slots_are_not_freed,
    places_of_limits_are_not_given_back,
    a_free_place_is_passed_over,
    what_waits_for_a_limit_holds_up_its_queue,
    a_task_at_work_waits_for_its_own_place,
    who_comes_last_is_served_first,
    places_stay_promised,
    what_is_in_progress_is_not_counted_at_the_start,
    slots_of_schedules_are_left_out,
    events_are_lost,
    events_start_something_new_each_time,
]

NODES = {
    places_of_limits_are_not_given_back: 1,
    places_stay_promised: 1,
    what_is_in_progress_is_not_counted_at_the_start: 1,
    news_of_queues_are_forgotten: 1,
    clocks_go_their_own_way: 2,
}  # with others, a node looks for itself

OF_CALLS = {what_waits_for_a_limit_holds_up_its_queue, a_task_at_work_waits_for_its_own_place}


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_the_simulation_notices_that(
    mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)

    seeds = [seed for seed in range(SEEDS) if mistake not in OF_CALLS or has_calls(seed)]
    assert any(simulate(seed, nodes=NODES.get(mistake, 0)).fault for seed in seeds)
