"""The simulation notices: with a mistake in the program, some of the first seeds breaks a law."""

from collections.abc import Callable
from typing import Any

import pytest

from podium.engine.commands import ChildEnded
from podium.engine.session import Session
from podium.model.errors import PodiumError
from podium.runtime.clock import Clock
from podium.runtime.committer import Committer
from podium.runtime.dispatch import Dispatcher
from podium.store.memory import MemoryStore
from tests.simulation.run import simulate

SEEDS = 40


def applied_messages_stay(patch: pytest.MonkeyPatch) -> None:
    original = MemoryStore._write_rest

    def write_rest(self: MemoryStore, name: str, transition: Any) -> None:
        kept = {number: self._messages[number] for number in transition.applied if number in self._messages}
        original(self, name, transition)
        self._messages |= kept

    patch.setattr(MemoryStore, "_write_rest", write_rest)


def refused_commits_are_acknowledged(patch: pytest.MonkeyPatch) -> None:
    def abandon(self: Committer, works: list[Any], error: PodiumError) -> None:
        for work in works:
            self._finish(work)

    patch.setattr(Committer, "_abandon", abandon)


def wake_ups_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("podium.engine.decide._next_wake_ms", lambda session: 0)


def news_of_queues_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Dispatcher, "_look", lambda *_: None)


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
    original = Committer._refuse

    def refuse(self: Committer, work: Any, error: PodiumError) -> None:
        original(self, work, error)
        if work.session is not None:
            self._cache.put(work.session.workflow)

    patch.setattr(Committer, "_refuse", refuse)


def clocks_go_their_own_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Clock, "follow", lambda *_: None)


def claims_of_keys_are_not_heeded(patch: pytest.MonkeyPatch) -> None:
    async def claim_key(self: MemoryStore, name: str, key: str, workflow_id: str, *_: Any) -> str:
        return workflow_id

    patch.setattr(MemoryStore, "claim_key", claim_key)


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
]

NODES = {news_of_queues_are_forgotten: 1, clocks_go_their_own_way: 2}  # with others, a node looks for itself


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_the_simulation_notices_that(
    mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)

    assert any(simulate(seed, nodes=NODES.get(mistake, 0)).fault for seed in range(SEEDS))
