"""What a commit promises: all of a transition or nothing, nothing of a stale one, and rows that are as they were at
the call.
"""

import asyncio
from typing import Any

import pytest

from podium.model.task import TaskLog
from podium.store import Store


def test_a_new_workflow_is_loaded_as_it_was(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow(payload=b'{"a":1}', correlation_id="c", task_to_domain={"*": "eu"}, failed_refs=["x"])
        workflow.variables = b'{"v":2}'
        tasks = [make.task(1, input=b'{"i":1}', status="COMPLETED"), make.task(2, domain="eu", dynamic_step=b"{}")]

        assert await store.commit([make.start(workflow, *tasks)]) == [True]

        stored = (await store.load([workflow.id, "unknown"]))[workflow.id]
        assert stored.head == workflow.head
        assert (stored.input, stored.output, stored.variables) == (b'{"a":1}', b"{}", b'{"v":2}')
        assert stored.tasks == tasks
        assert stored.row == workflow.row

    run(scenario)


def test_what_does_not_exist_is_not_found(run: Any) -> None:
    async def scenario(store: Store) -> None:
        assert await store.load(["unknown"]) == {}
        assert await store.exists("unknown") is False
        assert await store.tasks("unknown") == []
        assert await store.task("unknown", 1) is None
        assert await store.ready("unknown", 1, 1) == []
        assert await store.commit([]) == []

    run(scenario)


def test_a_later_change_in_memory_is_not_stored(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow, task = make.workflow(), make.task()
        waiting = asyncio.ensure_future(store.commit([make.start(workflow, task)]))
        await asyncio.sleep(0)
        workflow.head.status = task.status = "COMPLETED"
        workflow.head.failed_refs.append("late")
        await waiting

        stored = (await store.load([workflow.id]))[workflow.id]
        stored.head.reason = "changed in a copy"
        again = (await store.load([workflow.id]))[workflow.id]
        assert (again.head.status, again.head.failed_refs, again.head.reason) == ("RUNNING", [], None)
        assert again.tasks[0].status == "SCHEDULED"

    run(scenario)


def test_a_change_replaces_header_and_tasks(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow, task = make.workflow(), make.task()
        await store.commit([make.start(workflow, task)])
        task.status, task.output = "COMPLETED", b'{"o":1}'
        workflow.head.status, workflow.head.ended_ms, workflow.output = "COMPLETED", 5, b'{"out":1}'
        change = make.step(workflow, task, inserted=[make.task(2)], output_changed=True)

        assert await store.commit([change]) == [True]

        stored = (await store.load([workflow.id]))[workflow.id]
        assert (stored.head, stored.output) == (workflow.head, b'{"out":1}')
        assert stored.tasks == [task, make.task(2)]
        assert await store.task(workflow.id, 1) == task

    run(scenario)


def test_payloads_are_written_only_when_they_changed(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow(payload=b'{"old":1}')
        await store.commit([make.start(workflow)])
        workflow.input = workflow.output = workflow.variables = b'{"new":1}'
        await store.commit([make.step(workflow, variables_changed=True)])

        stored = (await store.load([workflow.id]))[workflow.id]
        assert (stored.input, stored.output, stored.variables) == (b'{"old":1}', b"{}", b'{"new":1}')

    run(scenario)


async def everything(store: Store, workflow_id: str) -> Any:
    """Return all that can be seen of a workflow with tasks 1 and 2."""
    return (
        await store.load([workflow_id]),
        await store.ready("pack", 100, 10),
        await store.due(100, 10),
        await store.messages(0, 10),
        await store.logs(workflow_id, 1),
        await store.running_ids("order", 1),
    )


def test_nothing_of_a_stale_transition_is_written(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow, task = make.workflow(wake_ms=5), make.task()
        await store.commit([make.start(workflow, task, enqueued=[make.queued(workflow)], messages=[make.message()])])
        before = await everything(store, workflow.id)
        task.status = workflow.head.status = "COMPLETED"
        workflow.head.wake_ms = 0
        workflow.input = workflow.output = workflow.variables = b'{"stale":1}'
        change = make.step(
            workflow,
            task,
            inserted=[make.task(2)],
            enqueued=[make.queued(workflow, 2)],
            dequeued={1},
            messages=[make.message()],
            applied=[1],
            logs=[(1, TaskLog("line"))],
            input_changed=True,
            output_changed=True,
            variables_changed=True,
        )
        for stale in (make.stale(change), make.start(workflow, make.task(3))):
            assert await store.commit([stale]) == [False]
            assert await everything(store, workflow.id) == before

        assert await store.commit([change]) == [True]
        assert await everything(store, workflow.id) != before

    run(scenario)


@pytest.mark.parametrize("kind", ["deleted_all", "removed", "dequeued_all"])
def test_a_stale_transition_deletes_nothing(run: Any, make: Any, kind: str) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        start = make.start(workflow, make.task(), enqueued=[make.queued(workflow)], logs=[(1, TaskLog("line"))])
        await store.commit([start])
        before = await everything(store, workflow.id)

        assert await store.commit([make.stale(make.step(workflow, **{kind: True}))]) == [False]
        assert await everything(store, workflow.id) == before

    run(scenario)


def test_a_change_of_an_unknown_workflow_is_stale(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()

        assert await store.commit([make.step(workflow, make.task())]) == [False]
        assert await store.exists(workflow.id) is False

    run(scenario)


def test_the_others_of_a_batch_are_written(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        first, second, third = make.workflow(), make.workflow(), make.workflow()
        await store.commit([make.start(first), make.start(second)])
        batch = [
            make.step(first, inserted=[make.task()], messages=[make.message("to first")]),
            make.stale(make.step(second, inserted=[make.task()], messages=[make.message("to second")])),
            make.start(third, make.task()),
        ]

        assert await store.commit(batch) == [True, False, True]

        stored = await store.load([first.id, second.id, third.id])
        assert [len(stored[each.id].tasks) for each in (first, second, third)] == [1, 0, 1]
        assert [stored[each.id].head.version for each in (first, second, third)] == [2, 1, 1]
        assert [message.target for message in await store.messages(0, 10)] == ["to first"]

    run(scenario)


def test_a_searched_field_is_right_after_a_stale_change(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        await store.commit([make.start(workflow)])
        workflow.head.status = "COMPLETED"
        change = make.step(workflow)
        await store.commit([make.stale(change)])
        assert await store.running_ids("order", 1) == [workflow.id]

        await store.commit([change])
        assert await store.running_ids("order", 1) == []

    run(scenario)


def test_of_two_changes_of_one_version_one_wins(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        await store.commit([make.start(workflow)])
        change = make.step(workflow)

        held = await asyncio.gather(*(store.commit([change]) for _ in range(20)))

        assert sorted(held) == [[False]] * 19 + [[True]]

    run(scenario)


def test_of_two_starts_under_one_id_one_wins(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        first = make.workflow("first")
        second = make.workflow("second", id=first.id)

        assert await store.commit([make.start(first), make.start(second, make.task())]) == [True, False]
        stored = (await store.load([first.id]))[first.id]
        assert (stored.head.name, stored.tasks, second.row) == ("first", [], 0)

    run(scenario)


def test_many_commits_at_once_are_all_written(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflows = [make.workflow() for _ in range(60)]

        held = await asyncio.gather(*(store.commit([make.start(workflow, make.task())]) for workflow in workflows))

        assert held == [[True]] * 60
        stored = await store.load([workflow.id for workflow in workflows])
        assert len(stored) == 60
        assert len({each.row for each in stored.values()}) in (60, 1)  # where a store has keys of its own, each has one

    run(scenario)


def test_changes_under_one_id_in_one_commit_follow_each_other(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        old = make.workflow()
        await store.commit([make.start(old, make.task(1), enqueued=[make.queued(old)])])
        new, late = make.workflow("new", id=old.id), make.workflow("late", id=old.id)
        start = make.start(new, make.task(2), enqueued=[make.queued(new, 2)])

        assert await store.commit([make.step(old, removed=True), start, make.start(late)]) == [True, True, False]

        stored = (await store.load([old.id]))[old.id]
        assert (stored.head.name, [task.seq for task in stored.tasks]) == ("new", [2])
        assert [row.seq for row in await store.ready("pack", 0, 9)] == [2]

    run(scenario)


def test_nothing_is_written_when_a_transition_cannot_be_encoded(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        good, bad = make.workflow(), make.workflow()

        with pytest.raises(TypeError):
            await store.commit([make.start(good), make.start(bad, make.task(input=object()))])

        assert await store.load([good.id, bad.id]) == {}
        assert await store.commit([make.start(good)]) == [True]

    run(scenario)


def test_a_caller_that_stops_waiting_does_no_harm(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        gone, there = make.workflow(), make.workflow()
        waiting = asyncio.ensure_future(store.commit([make.start(gone, make.task())]))
        await asyncio.sleep(0)
        waiting.cancel()
        assert await store.commit([make.start(there)]) == [True]

        stored = await store.load([gone.id, there.id])
        assert there.id in stored
        assert gone.id not in stored or len(stored[gone.id].tasks) == 1

    run(scenario)


def test_tasks_are_deleted_one_by_one_or_all(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        await store.commit([make.start(workflow, *(make.task(seq) for seq in (1, 2, 3)))])
        await store.commit([make.step(workflow, make.task(3, status="FAILED"), deleted=[1])])
        assert [task.seq for task in await store.tasks(workflow.id)] == [2, 3]

        await store.commit([make.step(workflow, deleted_all=True, inserted=[make.task(4)])])
        assert [task.seq for task in await store.tasks(workflow.id)] == [4]

    run(scenario)


def test_a_removed_workflow_is_gone_and_leaves_its_messages(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow, other = make.workflow(payload=b'{"a":1}', wake_ms=3, correlation_id="c"), make.workflow(wake_ms=4)
        for each in (workflow, other):
            rows = [make.queued(each)]
            await store.commit([make.start(each, make.task(), enqueued=rows, logs=[(1, TaskLog("line"))])])
        removal = make.step(workflow, removed=True, messages=[make.message("parent")])

        assert await store.commit([removal]) == [True]

        assert await store.load([workflow.id]) == {}
        assert await store.tasks(workflow.id) == []
        assert await store.logs(workflow.id, 1) == []
        assert await store.correlated("order", ["c"], closed=True) == {"c": []}
        assert await store.due(10, 10) == [other.id]
        assert [row.workflow_id for row in await store.ready("pack", 10, 10)] == [other.id]
        assert [message.target for message in await store.messages(0, 10)] == ["parent"]
        assert len(await store.logs(other.id, 1)) == len(await store.tasks(other.id)) == 1

    run(scenario)


def test_a_removed_workflow_may_be_started_again(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow(payload=b'{"a":1}')
        await store.commit([make.start(workflow, make.task())])
        await store.commit([make.step(workflow, removed=True)])
        again = make.workflow(id=workflow.id)

        assert await store.commit([make.start(again)]) == [True]
        stored = (await store.load([workflow.id]))[workflow.id]
        assert (stored.head.version, stored.input, stored.tasks) == (1, b"{}", [])

    run(scenario)


def test_a_workflow_of_many_tasks_is_read_whole_and_in_parts(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow, small = make.workflow(next_seq=2_001), make.workflow()
        await store.commit([make.start(workflow, *(make.task(seq) for seq in range(1, 2_001))), make.start(small)])

        stored = (await store.load([small.id, workflow.id]))[workflow.id]
        assert [task.seq for task in stored.tasks] == list(range(1, 2_001))
        assert [task.seq for task in await store.tasks(workflow.id, after_seq=1_990)] == list(range(1_991, 2_001))
        assert [task.seq for task in await store.tasks(workflow.id, after_seq=10, limit=3)] == [11, 12, 13]
        assert len(await store.tasks(workflow.id)) == 2_000

        await store.commit([make.step(workflow, deleted_all=True)])
        assert await store.tasks(workflow.id) == []
        await store.commit([make.step(workflow, removed=True)])
        assert await store.exists(workflow.id) is False

    run(scenario)


def test_all_is_there_after_closing_and_opening(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow(wake_ms=7)
        await store.commit(
            [make.start(workflow, make.task(), enqueued=[make.queued(workflow)], messages=[make.message()])]
        )
        before = await everything(store, workflow.id)
        await store.close()
        await store.open()

        assert await everything(store, workflow.id) == before
        new = make.workflow()
        assert await store.commit([make.start(new, messages=[make.message("second")]), make.step(workflow)]) == [
            True,
            True,
        ]
        assert new.row > workflow.row or new.row == 0
        assert [message.target for message in await store.messages(0, 9)] == ["target", "second"]

    run(scenario)


def test_time_is_that_of_the_database(run: Any) -> None:
    async def scenario(store: Store) -> None:
        first = await store.now_ms()
        second = await store.now_ms()

        assert 1_700_000_000_000 < first <= second

    run(scenario)
