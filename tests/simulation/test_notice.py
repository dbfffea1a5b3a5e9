"""The simulation notices: with a mistake in the program, some of the first seeds breaks a law."""

import random
from typing import Any

import pytest

from podium.engine.commands import ChildEnded
from podium.engine.session import Session
from podium.model.errors import PodiumError
from podium.model.ids import RANDOM_BITS, workflow_id
from podium.model.schedule import ScheduleRun
from podium.runtime.clock import Clock
from podium.runtime.dispatch import Dispatcher
from podium.runtime.handover import HandOver
from podium.runtime.outcome import Outcomes
from podium.runtime.relay import Relay
from podium.runtime.schedules import Schedules
from podium.runtime.working_set import WorkingSet
from podium.store.memory import MemoryStore
from tests.simulation.database import BEGIN_MS
from tests.simulation.notice import Mistake, is_noticed


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
    original = HandOver._give

    def give(self: HandOver, poll: Any, workflow: Any, task: Any) -> None:
        original(self, poll, workflow, task)
        original(self, poll, workflow, task)

    patch.setattr(HandOver, "_give", give)


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
    patch.setattr(WorkingSet, "note_unknown", lambda *_: None)


def clocks_go_their_own_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Clock, "follow", lambda *_: None)


def claims_of_keys_are_not_heeded(patch: pytest.MonkeyPatch) -> None:
    async def claim_key(self: MemoryStore, name: str, key: str, workflow_id: str, *_: Any) -> str:
        return workflow_id

    patch.setattr(MemoryStore, "claim_key", claim_key)


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


MISTAKES: list[Mistake] = [
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
    slots_of_schedules_are_left_out,
    events_are_lost,
    events_start_something_new_each_time,
]

NODES = {
    news_of_queues_are_forgotten: 1,
    clocks_go_their_own_way: 2,
}  # with others, a node looks for itself


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_the_simulation_notices_that(mistake: Mistake, monkeypatch: pytest.MonkeyPatch) -> None:
    mistake(monkeypatch)

    assert is_noticed(nodes=NODES.get(mistake, 0))
