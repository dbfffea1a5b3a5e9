"""The adapters under test and the rows that the tests are made of. A new adapter joins the suite with one line in
ADAPTERS.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.gated import GatedStore
from tests.postgres import emptied

from podium.model.ids import workflow_id
from podium.model.task import Task
from podium.model.transition import Message, QueueRow, Transition
from podium.model.workflow import Head, Workflow
from podium.store import Store
from podium.store.memory import MemoryStore
from podium.store.postgres import PostgresStore
from podium.store.sqlite import SqliteStore

ADAPTERS: dict[str, Callable[[pytest.FixtureRequest], Store]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda request: SqliteStore(folder(request) / "podium.db"),
    "postgres": lambda request: empty_postgres(request),
    "gated": lambda _: GatedStore(MemoryStore()),  # type: ignore[dict-item]
}


def folder(request: pytest.FixtureRequest) -> Path:
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    return factory.mktemp("store")


def empty_postgres(request: pytest.FixtureRequest) -> Store:
    url: str = request.getfixturevalue("postgres_url")
    asyncio.run(emptied(url))
    return PostgresStore(url, connections=2)


Scenario = Callable[[Store], Awaitable[Any]]


def run_on(store: Store, scenario: Scenario) -> Any:
    async def main() -> Any:
        await store.open()
        try:
            return await scenario(store)
        finally:
            await store.close()

    return asyncio.run(main())


@pytest.fixture(params=ADAPTERS)
def run(request: pytest.FixtureRequest) -> Callable[[Scenario], Any]:
    """Run a scenario with an empty store of each adapter."""
    return lambda scenario: run_on(ADAPTERS[request.param](request), scenario)


@pytest.fixture
def run_all(request: pytest.FixtureRequest) -> Callable[[Scenario], list[Any]]:
    """Run a scenario with an empty store of every adapter and return all answers."""

    def run_all(scenario: Scenario) -> list[Any]:
        return [run_on(make(request), scenario) for make in ADAPTERS.values()]

    return run_all


class Make:
    """Makes rows with unimportant values filled in."""

    def __init__(self) -> None:
        self._number = 0

    def workflow(self, name: str = "order", *, payload: bytes = b"{}", **fields: Any) -> Workflow:
        self._number += 1
        known = {"version": 1, "created_ms": 1_000, "updated_ms": 1_000, "next_seq": 100}
        name_of_it = fields.pop("id", workflow_id(1_700_000_000_000, self._number))
        return Workflow(Head(name_of_it, name, fields.pop("def_version", 1), "hash", **known | fields), None, payload)

    @staticmethod
    def task(seq: int = 1, **fields: Any) -> Task:
        known = {"ref": f"step_{seq}", "type": "SIMPLE", "name": "pack", "step": f"step_{seq}"}
        return Task(seq, **known | fields)

    @staticmethod
    def queued(workflow: Workflow, seq: int = 1, **fields: Any) -> QueueRow:
        known: dict[str, Any] = {"queue": "pack", "priority": 0, "visible_ms": 0, "name": "pack"}
        return QueueRow(workflow_id=workflow.id, seq=seq, **known | fields)

    def start(self, workflow: Workflow, *tasks: Task, **changes: Any) -> Transition:
        return Transition(workflow, -1, inserted=list(tasks), **self._queue(changes))

    def step(self, workflow: Workflow, *updated: Task, **changes: Any) -> Transition:
        """A further transition, for which the version was raised."""
        workflow.head.version += 1
        changes = self._queue(changes)
        return Transition(workflow, workflow.head.version - 1, updated={task.seq: task for task in updated}, **changes)

    @staticmethod
    def stale(transition: Transition) -> Transition:
        return dataclasses.replace(transition, expected_version=transition.expected_version + 7)

    @staticmethod
    def _queue(changes: dict[str, Any]) -> dict[str, Any]:
        rows = changes.pop("enqueued", [])
        return changes | {"enqueued": {row.seq: row for row in rows}}

    @staticmethod
    def message(target: str = "target", body: bytes = b"body", kind: str = "command") -> Message:
        return Message(target, kind, body)


@pytest.fixture
def make() -> Make:
    return Make()
