"""What several nodes over one store do together: each scenario in memory and on PostgreSQL."""

import asyncio
from collections import Counter
from typing import Any

import msgspec

from podium.engine.commands import ChildEnded, Terminate, UpdateTask
from podium.model.ids import seq_of
from podium.model.status import COMPLETED
from podium.model.transition import Message, Transition
from podium.runtime import changes, dispatch, poll_data, relay, timers
from tests.api.conftest import child, simple, wait
from tests.cluster.conftest import Cluster, Run, until

COUNT = 24


def test_a_poll_on_another_node_gets_the_task_soon(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setattr(dispatch, "LOOK_S", 1_000.0)

    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(simple("a"))
        assert await b.poll() == []  # so that the node knows the queue to be empty
        waiting = asyncio.create_task(b.poll(timeout_ms=20_000))
        await until(lambda: b.node.dispatcher.waiting("a") == 1)
        workflow_id = await a.start()

        assert [task["workflowInstanceId"] for task in await waiting] == [workflow_id]

    run(scenario)


def test_a_poll_gets_a_task_that_nobody_told_of(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(simple("a"))
        a.node.bus.is_alone = lambda: True  # it tells nothing
        waiting = asyncio.create_task(b.poll(timeout_ms=20_000))
        await until(lambda: b.node.dispatcher.waiting("a") == 1)
        workflow_id = await a.start()

        assert [task["workflowInstanceId"] for task in await waiting] == [workflow_id]

    run(scenario)


def test_a_change_on_one_node_is_seen_by_the_next_read_on_another(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(simple("a"), simple("b"))
        for _ in range(5):
            workflow_id = await a.start()
            for site, other, name in ((a, b, "a"), (b, a, "b")):
                assert await other.status(workflow_id) == "RUNNING"
                [task] = await until(lambda name=name, site=site: site.poll(name))
                view = await other.services.reading.workflow(workflow_id)
                assert [one.status for one in view.tasks if one.taskId == task["taskId"]] == ["IN_PROGRESS"]
                await site.report(task)
            assert [await site.status(workflow_id) for site in (a, b)] == ["COMPLETED"] * 2

    run(scenario)


def test_a_result_is_not_lost_at_a_node_that_knows_an_older_state(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(simple("a"), simple("b"))
        workflow_id = await a.start()
        assert await b.status(workflow_id) == "RUNNING"  # in b's memory from now on
        [first] = await until(a.poll)
        await a.report(first)
        [second] = await until(lambda: a.poll("b"))
        await b.node.committer.submit(workflow_id, UpdateTask(seq_of(second["taskId"]), "COMPLETED"))

        assert await a.status(workflow_id) == "COMPLETED"

    run(scenario)


def test_tasks_go_once_to_workers_who_poll_and_report_on_any_node(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(simple("first", "a"), simple("second", "a"), simple("third", "a"))
        ids = await asyncio.gather(*(sites[number % 3].start() for number in range(COUNT)))
        taken: Counter[str] = Counter()

        async def work(number: int) -> None:
            while len(taken) < 3 * COUNT:
                for task in await sites[number % 3].poll(count=2, timeout_ms=200):
                    taken[task["taskId"]] += 1
                    await sites[(number + 1) % 3].report(task)

        async with asyncio.timeout(60):
            await asyncio.gather(*(work(number) for number in range(6)))
        assert set(taken.values()) == {1}
        assert {await sites[0].status(workflow_id) for workflow_id in ids} == {"COMPLETED"}

    run(scenario)


def test_children_are_started_and_end_once_wherever_they_run(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(simple("a"), name="c")
        await cluster.define(child("one", "c"), child("two", "c"))
        ids = await asyncio.gather(*(sites[number % 3].start() for number in range(COUNT)))
        count = 0
        while count < 2 * COUNT:
            for task in await until(lambda: sites[count % 3].poll(count=5, timeout_ms=500)):  # noqa: B023
                await sites[(count + 1) % 3].report(task)
                count += 1

        async def all_ended() -> bool:
            return {await sites[0].status(workflow_id) for workflow_id in ids} == {"COMPLETED"}

        await until(all_ended)
        await asyncio.sleep(0)
        assert await sites[1].poll() == []
        await until(lambda: outbox_is_empty(sites[0].node.store))

    run(scenario)


async def outbox_is_empty(store: Any) -> bool:
    return await store.messages(0, 1) == []


def test_a_message_that_several_nodes_carry_is_applied_once(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(wait("w"))
        applied: Counter[int] = Counter()
        for site in sites:
            site.node.committer.on_commit.append(lambda change: applied.update(change.applied))
        workflow_id = await sites[0].start()
        workflow = await sites[1].node.committer.read(workflow_id)
        assert workflow is not None
        [seq] = workflow.open
        change = Transition(workflow, workflow.head.version, is_changed=True)
        workflow.head.version += 1
        body = msgspec.msgpack.encode(ChildEnded(seq, "of nobody", COMPLETED))
        change.messages = [Message(workflow_id, "command", body) for _ in range(5)]
        assert await sites[1].node.store.commit([change]) == [True]

        for message in change.messages:
            for site in sites:
                site.node.relay._send(message)
        await until(lambda: outbox_is_empty(sites[0].node.store))
        await until(lambda: not any(site.node.relay._tasks for site in sites))

        assert applied == {message.id: 1 for message in change.messages}
        assert sum(site.node.committer.stale for site in sites) > 0

    run(scenario)


def test_what_the_owner_of_a_message_does_not_carry_others_do(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setattr(relay, "TAKE_OVER_S", 0.2)
    monkeypatch.setattr(relay, "LOOK_S", 0.1)

    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(simple("a"), name="c")
        await cluster.define(child("one", "c"))
        b.node.relay._send = lambda message: None  # type: ignore[method-assign]
        for _ in range(8):
            await a.start()

        count = 0
        while count < 8:
            count += len(await until(lambda: a.poll(count=8)))

    run(scenario)


def test_a_termination_that_overtakes_the_start_of_its_child_waits_for_it(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setattr(relay, "LOOK_S", 1_000.0)

    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(simple("a"), name="c")
        await cluster.define(child("one", "c"))
        for site in (a, b):  # only what is sent by hand is on its way
            site.node.relay.look_soon = lambda: None  # type: ignore[method-assign]
            site.node.committer.on_commit.remove(site.node.relay.note)
        workflow_id = await a.start()
        await a.node.committer.submit(workflow_id, Terminate("enough"))
        start, stop = await a.node.store.messages(0, 10)
        b.node.relay._send(stop)
        await asyncio.sleep(0.05)
        b.node.relay._send(start)

        async def is_child_terminated() -> bool:
            return await b.node.store.exists(start.target) and await b.status(start.target) == "TERMINATED"

        await until(is_child_terminated)

    run(scenario)


def test_an_event_is_handled_once_though_two_nodes_would(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(2)
        handled: list[str] = []

        async def handle(queue: str, message_id: str, payload: bytes) -> None:
            handled.append(message_id)
            await asyncio.sleep(0.02)

        await cluster.define(wait("w"))
        workflow = await sites[0].node.committer.read(await sites[0].start())
        assert workflow is not None
        change = Transition(workflow, workflow.head.version, is_changed=True)
        workflow.head.version += 1
        change.messages = [Message("conductor:q", "event", msgspec.msgpack.encode(("m", b"{}")))]
        for site in sites:
            site.node.relay._handle_event = handle
        await sites[0].node.store.commit([change])
        for site in sites:
            site.node.relay._send(change.messages[0])
        await until(lambda: outbox_is_empty(sites[0].node.store))

        assert handled == ["m"]

    run(scenario)


def test_timers_of_a_node_that_is_gone_are_late_but_not_lost(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setattr(timers, "LATE_MS", 200)

    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(
            {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 seconds"}}
        )
        b.node.timers._submit = lambda *_: asyncio.get_running_loop().create_future()
        ids = await asyncio.gather(*(a.start() for _ in range(10)))
        assert len({a.node.membership.owner(workflow_id) for workflow_id in ids}) == 2

        async def all_ended() -> bool:
            return {await a.status(workflow_id) for workflow_id in ids} == {"COMPLETED"}

        await until(all_ended)

    run(scenario)


def test_a_near_timer_set_by_another_node_fires_in_time(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setattr(timers, "SLEEP_AMONG_OTHERS_S", 1_000.0)
    monkeypatch.setattr(timers, "LATE_MS", 1_000_000)

    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(
            {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 seconds"}}
        )
        ids = await asyncio.gather(*(a.start() for _ in range(10)))
        assert len({a.node.membership.owner(workflow_id) for workflow_id in ids}) == 2

        async def all_ended() -> bool:
            return {await b.status(workflow_id) for workflow_id in ids} == {"COMPLETED"}

        await until(all_ended)

    run(scenario)


def test_who_waits_on_one_node_learns_of_changes_on_another(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setattr(changes, "LOOK_S", 1_000.0)

    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(simple("a"))
        workflow_id = await a.start()
        with a.services._watch.open() as watcher:
            watcher.add(workflow_id)
            watcher.clear()
            await cluster.hear_all()
            [task] = await until(b.poll)
            await b.report(task)
            deadline = asyncio.get_running_loop().time() + 20
            while await a.status(workflow_id) != "COMPLETED":
                assert await watcher.wait(deadline)
                watcher.clear()

    run(scenario)


def test_a_worker_of_a_domain_counts_on_every_node(run: Run, monkeypatch: Any) -> None:
    monkeypatch.setattr(poll_data, "SHARE_S", 1_000.0)

    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await a.node.dispatcher.poll("a", "eu", "me", 1, 0)

        await until(lambda: b.node.dispatcher.is_domain_active("eu:a"))
        await a.node.dispatcher.poll_book.share()
        await b.node.dispatcher.poll_book.learn()
        assert [(one.queue, one.domain, one.worker_id) for one in b.node.dispatcher.poll_data("a")] == [
            ("a", "eu", "me")
        ]

    run(scenario)
