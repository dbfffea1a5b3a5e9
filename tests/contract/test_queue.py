"""Queues, wake-ups and the outbox."""

from typing import Any

from podium.model.transition import QueueRow
from podium.store import Store
from podium.store.records import QueueSize


def names(rows: list[QueueRow]) -> list[tuple[str, int]]:
    return [(row.workflow_id, row.seq) for row in rows]


def test_a_row_is_read_as_it_was_written(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        row = make.queued(workflow, 3, queue="eu:pack", priority=7, visible_ms=50, name="pack_def")
        await store.commit([make.start(workflow, make.task(3), enqueued=[row])])

        assert await store.ready("eu:pack", 50, 1) == [row]
        assert await store.ready("pack", 50, 1) == []

    run(scenario)


def test_only_visible_rows_are_ready(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        rows = [make.queued(workflow, seq, visible_ms=seq * 10) for seq in (1, 2, 3)]
        await store.commit([make.start(workflow, *(make.task(seq) for seq in (1, 2, 3)), enqueued=rows)])

        assert await store.ready("pack", 9, 10) == []
        assert names(await store.ready("pack", 20, 10)) == [(workflow.id, 1), (workflow.id, 2)]

    run(scenario)


def test_the_order_is_priority_then_visible_longest_then_arrival(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        first, second = make.workflow(), make.workflow()
        places = [
            (first, 1, 0, 5),
            (first, 2, 0, 4),
            (second, 1, 9, 8),
            (second, 2, 9, 99),
            (second, 3, 0, 4),
            (first, 3, -1, 1),
        ]
        for workflow in (first, second):
            rows = [
                make.queued(workflow, seq, priority=priority, visible_ms=visible_ms)
                for owner, seq, priority, visible_ms in places
                if owner is workflow
            ]
            await store.commit([make.start(workflow, *(make.task(row.seq) for row in rows), enqueued=rows)])

        expected = [(second.id, 1), (first.id, 2), (second.id, 3), (first.id, 1), (first.id, 3)]
        assert names(await store.ready("pack", 10, 10)) == expected
        assert names(await store.ready("pack", 10, 3)) == expected[:3]
        assert await store.ready("pack", 10, 0) == []

    run(scenario)


def test_a_row_leaves_the_queue(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow, other = make.workflow(), make.workflow()
        for each in (workflow, other):
            rows = [make.queued(each, seq) for seq in (1, 2, 3)]
            await store.commit([make.start(each, *(make.task(seq) for seq in (1, 2, 3)), enqueued=rows)])

        await store.commit([make.step(workflow, dequeued={2, 77})])
        assert names(await store.ready("pack", 0, 10))[:2] == [(workflow.id, 1), (workflow.id, 3)]

        again = make.queued(workflow, 3, queue="other")
        await store.commit([make.step(workflow, dequeued_all=True, enqueued=[again])])
        assert names(await store.ready("pack", 0, 10)) == [(other.id, 1), (other.id, 2), (other.id, 3)]
        assert await store.ready("other", 0, 10) == [again]

    run(scenario)


def test_a_task_is_in_one_queue_once(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        await store.commit([make.start(workflow, make.task(), enqueued=[make.queued(workflow, visible_ms=5)])])
        later = make.queued(workflow, visible_ms=50, priority=3)
        await store.commit([make.step(workflow, enqueued=[later])])

        assert await store.ready("pack", 49, 10) == []
        assert await store.ready("pack", 50, 10) == [later]
        assert await store.queue_sizes() == [QueueSize("pack", 1)]

        await store.commit([make.step(workflow, enqueued=[make.queued(workflow, queue="elsewhere")])])
        assert await store.queue_sizes() == [QueueSize("elsewhere", 1)]

    run(scenario)


def test_the_next_visible_row_of_any_priority_is_known(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        rows = [make.queued(workflow, seq, priority=seq, visible_ms=100 - seq) for seq in (1, 2, 3)]
        assert await store.next_visible_ms("pack") == 0
        await store.commit([make.start(workflow, *(make.task(seq) for seq in (1, 2, 3)), enqueued=rows)])

        assert await store.next_visible_ms("pack") == 97
        assert await store.next_visible_ms("pack", 96) == 97
        assert await store.next_visible_ms("pack", 97) == 98
        assert await store.next_visible_ms("pack", 99) == 0
        assert await store.next_visible_ms("other") == 0

    run(scenario)


def test_open_tasks_are_listed_in_pages(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        tasks = [make.task(seq) for seq in (1, 2, 3)]
        rows = [make.queued(workflow, seq, priority=seq) for seq in (1, 2, 3)]
        await store.commit([make.start(workflow, *tasks, enqueued=rows)])

        listed = await store.open_tasks("pack", 0, 2)
        assert [(name, task.seq) for name, task in listed] == [(workflow.id, 3), (workflow.id, 2)]
        assert await store.open_tasks("pack", 2, 5) == [(workflow.id, tasks[0])]
        assert await store.open_tasks("other", 0, 5) == []

    run(scenario)


def test_sizes_count_all_rows_of_each_queue(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow()
        rows = [
            make.queued(workflow, 1),
            make.queued(workflow, 2, visible_ms=1 << 50),
            make.queued(workflow, 3, queue="a"),
        ]
        await store.commit([make.start(workflow, *(make.task(seq) for seq in (1, 2, 3)), enqueued=rows)])

        assert await store.queue_sizes() == [QueueSize("a", 1), QueueSize("pack", 2)]

    run(scenario)


def test_workflows_are_due_in_the_order_of_their_wake_ups(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflows = {wake_ms: make.workflow(wake_ms=wake_ms) for wake_ms in (30, 0, 10, 20)}
        assert await store.next_wake_ms() == 0
        await store.commit([make.start(workflow) for workflow in workflows.values()])

        assert await store.due(9, 10) == []
        assert await store.due(20, 10) == [workflows[10].id, workflows[20].id]
        assert await store.due(99, 1) == [workflows[10].id]
        assert await store.next_wake_ms() == 10

    run(scenario)


def test_a_wake_up_moves_and_goes_with_the_header(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflow = make.workflow(wake_ms=10)
        await store.commit([make.start(workflow)])
        workflow.head.wake_ms = 40
        await store.commit([make.step(workflow)])
        assert (await store.due(39, 9), await store.next_wake_ms()) == ([], 40)

        workflow.head.wake_ms = 0
        await store.commit([make.step(workflow)])
        assert (await store.due(99, 9), await store.next_wake_ms()) == ([], 0)

        workflow.head.wake_ms = 40
        await store.commit([make.step(workflow)])
        assert await store.due(40, 9) == [workflow.id]

    run(scenario)


def test_messages_come_in_the_order_of_their_commits(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        first, second = make.workflow(), make.workflow()
        await store.commit(
            [
                make.start(first, messages=[make.message("a", b"1"), make.message("b", b"2", "event")]),
                make.start(second, messages=[make.message("c", b"3")]),
            ]
        )
        await store.commit([make.step(first, messages=[make.message("d", b"4")])])

        found = await store.messages(0, 10)
        assert [(message.target, message.body, message.kind) for message in found] == [
            ("a", b"1", "command"),
            ("b", b"2", "event"),
            ("c", b"3", "command"),
            ("d", b"4", "command"),
        ]
        ids = [message.id for message in found]
        assert ids == sorted(set(ids))
        assert min(ids) > 0
        assert await store.messages(0, 2) == found[:2]
        assert await store.messages(ids[1], 10) == found[2:]
        assert await store.messages(ids[3], 10) == []

    run(scenario)


def test_messages_go_with_the_commit_that_applies_them(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        source, target = make.workflow(), make.workflow()
        await store.commit([make.start(source, messages=[make.message(target.id, bytes([n])) for n in range(4)])])
        ids = [message.id for message in await store.messages(0, 10)]

        await store.commit([make.start(target, applied=[ids[2]])])
        assert [message.id for message in await store.messages(0, 10)] == [ids[0], ids[1], ids[3]]

        await store.drop_messages([ids[0], ids[3], 9_999])
        await store.drop_messages([])
        assert [message.id for message in await store.messages(0, 10)] == [ids[1]]

    run(scenario)


def test_messages_have_their_ids_after_the_commit(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        first, second, third = make.workflow(), make.workflow(), make.workflow()
        await store.commit([make.start(second)])
        changes = [
            make.start(first, messages=[make.message("a", b"1"), make.message("b", b"2", "event")]),
            make.stale(make.step(second, messages=[make.message("never")])),
            make.start(third, messages=[make.message("c", b"3")]),
        ]
        await store.commit(changes)

        assert [*changes[0].messages, *changes[2].messages] == await store.messages(0, 10)

    run(scenario)


def test_pending_messages_are_those_that_are_there_still(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        await store.commit([make.start(make.workflow(), messages=[make.message(body=bytes([n])) for n in range(3)])])
        found = await store.messages(0, 10)
        first, second, third = (message.id for message in found)
        await store.drop_messages([second])

        assert await store.pending([third, 9_999, second, first]) == [found[0], found[2]]
        assert await store.pending([]) == []

    run(scenario)


def test_a_message_is_applied_once(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        source, target, other = make.workflow(), make.workflow(), make.workflow()
        await store.commit([make.start(source, messages=[make.message(), make.message()]), make.start(target)])
        first, second = (message.id for message in await store.messages(0, 10))
        assert await store.commit([make.step(target, applied=[first])]) == [True]

        late = make.step(target, make.task(7), applied=[first, second], messages=[make.message("never")])
        created = make.start(other, make.task(), applied=[first])
        assert await store.commit([late, created, make.step(source)]) == [False, False, True]
        assert (await store.load([target.id]))[target.id].head.version == 2
        assert await store.tasks(target.id) == []
        assert not await store.exists(other.id)
        assert [message.id for message in await store.messages(0, 10)] == [second]

    run(scenario)


def test_of_two_that_apply_a_message_in_one_commit_the_first_holds(run: Any, make: Any) -> None:
    async def scenario(store: Store) -> None:
        workflows = [make.workflow() for _ in range(4)]
        source, first, second, third = workflows
        await store.commit([make.start(source, messages=[make.message()]), make.start(first), make.start(second)])
        [message] = await store.messages(0, 10)

        changes = [
            make.stale(make.step(first, applied=[message.id])),
            make.step(second, applied=[message.id]),
            make.start(third, applied=[message.id]),
        ]
        assert await store.commit(changes) == [False, True, False]
        assert await store.messages(0, 10) == []

    run(scenario)
