"""Rows for the tests of the SQLite adapter, and a store that is open while a scenario runs."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from podium.model.ids import workflow_id
from podium.model.task import Task
from podium.model.transition import QueueRow, Transition
from podium.model.workflow import Head, Workflow
from podium.store.sqlite import SqliteStore


def new_workflow(number: int, **fields: Any) -> Workflow:
    known = {"version": 1, "created_ms": number, "next_seq": 100}
    return Workflow(Head(workflow_id(1_700_000_000_000, number), "order", 1, "hash", **known | fields), None)


def start(workflow: Workflow, body: bytes = b"{}") -> Transition:
    task = Task(1, "a", "SIMPLE", "pack", input=body)
    return Transition(workflow, -1, inserted=[task], enqueued={1: QueueRow("pack", workflow.id, 1, 0, 0, "pack")})


def step(workflow: Workflow, seq: int, body: bytes = b"{}") -> Transition:
    """The change that adds task *seq*, for which the version was raised."""
    workflow.head.version += 1
    return Transition(workflow, workflow.head.version - 1, inserted=[Task(seq, "a", "SIMPLE", "pack", input=body)])


class Rows:
    """What the tests write."""

    workflow = staticmethod(new_workflow)
    start = staticmethod(start)
    step = staticmethod(step)


@pytest.fixture
def rows() -> type[Rows]:
    return Rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "podium.db"


@pytest.fixture
def run(path: Path) -> Callable[[Callable[[SqliteStore], Awaitable[Any]]], Any]:
    """Run a scenario with the store in *path*, which is kept for the next scenario."""

    def run(scenario: Callable[[SqliteStore], Awaitable[Any]]) -> Any:
        async def main() -> Any:
            store = SqliteStore(path)
            await store.open()
            try:
                return await scenario(store)
            finally:
                await store.close()

        return asyncio.run(main())

    return run
