"""Any sequence of commits leaves every adapter as it leaves the reference."""

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from podium.model.task import TaskLog
from podium.model.transition import QueueRow, Transition
from podium.store import Store
from podium.store.query import parse

WORKFLOWS = 3
COMMITS = 40
SEQS = range(1, 5)
STATUSES = ["RUNNING", "PAUSED", "COMPLETED", "FAILED", "TIMED_OUT"]
TASK_STATUSES = ["SCHEDULED", "IN_PROGRESS", "FAILED", "COMPLETED"]
FLAGS = ["deleted_all", "dequeued_all", "input_changed", "output_changed"]


def random_change(random: Random, place: int) -> dict[str, Any]:
    def small() -> int:
        return random.randint(0, 3)

    def some(chance: float, value: Callable[[int], Any]) -> dict[int, Any]:
        return {seq: value(seq) for seq in SEQS if random.random() < chance}

    head = {
        "status": random.choice(STATUSES),
        "wake_ms": small(),
        "created_ms": small(),
        "ended_ms": small(),
        "correlation_id": random.choice([None, "a", "b"]),
        "reason": random.choice([None, "why"]),
        "priority": small(),
        "failed_refs": random.choice([[], ["x"]]),
    }
    return {
        "place": place,
        "head": {name: value for name, value in head.items() if random.random() < 0.3},
        "tasks": some(0.3, lambda _: random.choice(TASK_STATUSES)),
        "rows": some(0.3, lambda _: (random.choice("pq"), small(), small())),
        "deleted": list(some(0.15, bool)),
        "dequeued": set(some(0.3, bool)),
        "messages": random.randint(0, 2),
        "applied": random.sample(range(7), random.randint(0, 2)),
        "logs": list(some(0.2, bool)),
        "flags": [flag for flag in FLAGS if random.random() < 0.2],
        "removed": random.random() < 0.1,
        "stale": random.random() < 0.2,
    }


def random_history(seed: int) -> list[list[dict[str, Any]]]:
    random = Random(seed)
    places = range(WORKFLOWS)
    return [
        [random_change(random, place) for place in random.sample(places, random.randint(1, WORKFLOWS))]
        for _ in range(COMMITS)
    ]


def ranked(rows: list[QueueRow]) -> list[QueueRow]:
    """Order the equal ones, which an adapter may give in any order; the ranks must be right."""
    ranks = [(-row.priority, row.visible_ms) for row in rows]
    assert ranks == sorted(ranks)
    return sorted(rows, key=lambda row: (-row.priority, row.visible_ms, row.workflow_id, row.seq))


def by_id(rows: list[Any]) -> list[Any]:
    return sorted(rows, key=lambda row: (row.head.id, row.task.seq if hasattr(row, "task") else 0))


class Player:
    """Plays a history on one store, as a careful caller would."""

    def __init__(self, store: Store, make: Any) -> None:
        self.store = store
        self.make = make
        self.workflows = [make.workflow() for _ in range(WORKFLOWS)]
        self.expected = [-1] * WORKFLOWS
        self.seen: list[Any] = []

    async def play(self, commits: list[list[dict[str, Any]]]) -> list[Any]:
        for commit in commits:
            transitions = [await self.transition(change) for change in commit]
            held = await self.store.commit(transitions)
            for change, transition, is_held in zip(commit, transitions, held, strict=True):
                self.settle(change["place"], transition, is_held)
            self.seen += [held, *await self.look()]
        return self.seen

    async def transition(self, change: dict[str, Any]) -> Transition:
        workflow = self.workflows[change["place"]]
        expected = self.expected[change["place"]]
        workflow.head = msgspec.structs.replace(
            workflow.head, version=expected + 1 if expected > 0 else 1, **change["head"]
        )
        workflow.input = workflow.output = b'{"version":%d}' % workflow.head.version
        messages = await self.store.messages(0, 100)
        return Transition(
            workflow,
            expected + 5 if change["stale"] else expected,
            inserted=[self.make.task(seq, status=status) for seq, status in change["tasks"].items()],
            enqueued={
                seq: self.make.queued(workflow, seq, queue=queue, priority=priority, visible_ms=visible_ms)
                for seq, (queue, priority, visible_ms) in change["rows"].items()
            },
            deleted=change["deleted"],
            dequeued=change["dequeued"],
            messages=[self.make.message(f"target {number}") for number in range(change["messages"])],
            applied=[messages[number].id for number in change["applied"] if number < len(messages)],
            logs=[(seq, TaskLog(f"{workflow.head.version}")) for seq in change["logs"]],
            removed=change["removed"] and expected > 0,
            deleted_all="deleted_all" in change["flags"],
            dequeued_all="dequeued_all" in change["flags"],
            input_changed="input_changed" in change["flags"],
            output_changed="output_changed" in change["flags"],
        )

    def settle(self, place: int, transition: Transition, is_held: bool) -> None:
        if not is_held:
            return
        self.expected[place] = transition.workflow.head.version
        if transition.removed:
            self.workflows[place] = self.make.workflow()
            self.expected[place] = -1

    async def look(self) -> list[Any]:
        store = self.store
        ids = [workflow.id for workflow in self.workflows]
        return [
            {name: (each.head, each.input, each.output, each.tasks) for name, each in (await store.load(ids)).items()},
            [ranked(await store.ready(queue, now_ms, 20)) for queue in "pq" for now_ms in (0, 1, 3)],
            [await store.next_visible_ms(queue) for queue in "pq"],
            await store.queue_sizes(),
            sorted(await store.due(2, 10)),
            await store.next_wake_ms(),
            [(message.target, message.body) for message in await store.messages(0, 100)],
            [await store.logs(name, seq) for name in ids for seq in SEQS],
            sorted(await store.running_ids("order", 0)),
            {key: sorted(ids) for key, ids in (await store.correlated("order", ["a", "b"], closed=False)).items()},
            await store.in_progress_counts(["pack"]),
            by_id((await store.search_tasks(parse("task", query="status=FAILED"))).rows),
            by_id(
                (await store.search_workflows(parse("workflow", query="status IN (FAILED,PAUSED)", payloads=True))).rows
            ),
        ]


@pytest.mark.parametrize("seed", range(12))
def test_any_history_of_commits_leaves_all_adapters_alike(run_all: Any, make: Any, seed: int) -> None:
    async def scenario(store: Store) -> list[Any]:
        return await Player(store, type(make)()).play(random_history(seed))

    reference, *others = run_all(scenario)

    assert {False, True} <= {held for answer in reference[::14] for held in answer}
    for other in others:
        for expected, answer in zip(reference, other, strict=True):
            assert answer == expected
