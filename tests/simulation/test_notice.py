"""The simulation notices: with a mistake in the program, some of the first seeds breaks a law."""

from collections.abc import Callable
from typing import Any

import pytest

from podium.engine.commands import ChildEnded
from podium.engine.session import Session
from podium.model.errors import PodiumError
from podium.runtime.committer import Committer
from podium.runtime.dispatch import Dispatcher
from podium.runtime.timers import Timers
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
    patch.setattr(Timers, "note", lambda *_: None)


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


MISTAKES: list[Callable[[pytest.MonkeyPatch], None]] = [
    applied_messages_stay,
    refused_commits_are_acknowledged,
    wake_ups_are_forgotten,
    news_of_queues_are_forgotten,
    tasks_are_handed_out_twice,
    parents_are_not_told,
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)
def test_the_simulation_notices_that(
    mistake: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake(monkeypatch)

    assert any(simulate(seed).fault for seed in range(SEEDS))
