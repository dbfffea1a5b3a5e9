"""What is registered on one node is effective on all others when the registration is answered."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from podium.model.errors import Conflict
from podium.model.event import EventHandler
from podium.model.schedule import WorkflowSchedule
from podium.model.schema_def import SchemaDef
from podium.model.task_def import TaskDef
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.runtime import documents
from podium.runtime.cipher import Cipher
from tests.cluster.conftest import Cluster, Run, Site, until

Json = Any
STEP = {"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}


def workflow(version: int = 1, **fields: Json) -> WorkflowDef:
    return convert(WorkflowDef, {"name": "w", "version": version, "tasks": [STEP], **fields})


HANDLER = convert(
    EventHandler,
    {
        "name": "h",
        "event": "conductor:q",
        "active": True,
        "actions": [{"action": "complete_task", "complete_task": {}}],
    },
)
SCHEDULE = convert(WorkflowSchedule, {"name": "s", "cronExpression": "@hourly", "startWorkflowRequest": {"name": "w"}})
TASK = convert(TaskDef, {"name": "t", "ownerEmail": "a@b.example"})


async def register_all(site: Site) -> None:
    services = site.services
    await services.metadata.register_workflow(False, workflow())
    await services.metadata.register_tasks([TASK])
    await services.events.add([HANDLER])
    await services.schemas.save(False, [convert(SchemaDef, {"name": "x", "version": 1, "data": {}})])
    await services.environment.put("region", "eu")
    await services.secret_store.put("password", "secret")
    await services.schedules.save(SCHEDULE)


def known(site: Site) -> list[bool]:
    node = site.node
    return [
        node.catalog.workflow_def("w", 1) is not None,
        node.catalog.task_def("t") is not None,
        "h" in node.catalog.event_handlers,
        node.schemas.find("x", 1) is not None,
        node.variables.environment("region") == "eu",
        node.variables.secret("password") == "secret",
        "s" in node.schedules.known,
    ]


async def delete_all(site: Site) -> None:
    services = site.services
    await services.schedules.delete("s")
    await services.secret_store.delete("password")
    await services.environment.delete("region")
    await services.schemas.delete("x")
    await services.events.remove("h")
    await services.metadata.delete_task_def("t")
    await services.metadata.delete_workflow_def("w", 1)


@pytest.fixture(autouse=True)
def _cipher(monkeypatch: pytest.MonkeyPatch) -> None:
    cipher = Cipher("key")  # takes a while
    make = Cluster.add

    async def add(self: Cluster, count: int = 1) -> list[Site]:
        sites = await make(self, count)
        for site in sites:
            site.node.variables._cipher = cipher
        return sites

    monkeypatch.setattr(Cluster, "add", add)


def test_every_kind_is_known_everywhere_when_its_change_is_answered(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "READ_S_MAX", 20.0)
    monkeypatch.setattr(documents, "LOOK_S", 1_000.0)  # so that only the news can do it

    async def scenario(cluster: Cluster) -> None:
        first, *others = await cluster.add(3)
        await register_all(first)
        assert [known(site) for site in others] == [[True] * 7] * 2

        await delete_all(others[0])
        assert [known(site) for site in cluster.sites] == [[False] * 7] * 3

    run(scenario)


def test_a_new_version_is_what_the_next_start_on_another_node_gets(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        for version in range(1, 10):
            await sites[version % 3].services.metadata.register_workflow(False, workflow(version))
            ids = [await site.start() for site in sites]
            found = await asyncio.gather(*(sites[0].services.reading.workflow(one, False) for one in ids))
            assert {one.workflowVersion for one in found} == {version}

    run(scenario)


def test_of_registrations_of_one_version_on_several_nodes_one_is_the_first(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        results = await asyncio.gather(
            *(site.services.metadata.register_workflow(False, workflow()) for site in sites), return_exceptions=True
        )
        assert sorted(isinstance(one, Conflict) for one in results) == [False, True, True]

    run(scenario)


def deafen(site: Site) -> None:
    """Have a node hear no news of documents."""
    callbacks = site.node.bus._callbacks
    callbacks[documents.TOPIC] = []


def test_news_that_are_lost_keep_nobody_waiting_for_long_and_a_miss_is_looked_up(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "READ_S_MAX", 0.05)
    monkeypatch.setattr(documents, "LOOK_S", 1_000.0)

    async def scenario(cluster: Cluster) -> None:
        first, deaf = await cluster.add(2)
        await until(lambda: not deaf.node.documents._news.is_set())
        await deaf.services.refresh()  # what it was told when it joined is done then
        deafen(deaf)
        await register_all(first)
        assert known(deaf) == [False] * 7

        assert await deaf.services.refresh() is True
        assert known(deaf) == [True] * 7
        assert await deaf.services.refresh() is False

    run(scenario)


def test_news_that_are_lost_are_found_in_time(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "READ_S_MAX", 0.05)
    monkeypatch.setattr(documents, "LOOK_S", 0.05)

    async def scenario(cluster: Cluster) -> None:
        first, deaf = await cluster.add(2)
        deafen(deaf)
        await register_all(first)
        await until(lambda: known(deaf) == [True] * 7)
        await delete_all(first)
        await until(lambda: known(deaf) == [False] * 7)

    run(scenario)


def test_many_changes_at_once_arrive(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "LOOK_S", 1_000.0)

    async def scenario(cluster: Cluster) -> None:
        first, second = await cluster.add(2)
        names = [f"name_{number}" for number in range(300)]
        await asyncio.gather(*(first.services.environment.put(name, "x") for name in names))
        await until(lambda: second.node.variables.environment_names() == sorted(names))

    run(scenario)


# ---- schedules


def count_tries(sites: list[Site]) -> Callable[[], int]:
    tried: list[str] = []

    def watch(site: Site) -> None:
        submit = site.node.schedules._submit

        async def counted(key: str, command: Any) -> Any:
            tried.append(key)
            return await submit(key, command)

        site.node.schedules._submit = counted

    for site in sites:
        watch(site)
    return lambda: len(tried)


def every_second(name: str) -> WorkflowSchedule:
    start = {"name": "w"}
    return convert(WorkflowSchedule, {"name": name, "cronExpression": "* * * * * *", "startWorkflowRequest": start})


def test_one_node_runs_a_schedule_and_another_one_goes_on_when_it_stops(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await sites[0].services.metadata.register_workflow(False, workflow())
        tries = count_tries(sites)
        await sites[1].services.schedules.save(every_second("s"))

        async def runs() -> list[Json]:
            return (await cluster.sites[0].services.schedules.runs(None, None, 0, 100, "scheduledTime:ASC")).results

        async def has_runs(count: int) -> bool:
            return len(await runs()) >= count

        await until(lambda: has_runs(2))
        assert tries() <= len(await runs()) + 1
        owner = sites[0].node.membership.owner("schedule s")
        gone = next(site for site in sites if site.node.id == owner)
        await cluster.remove(gone)
        before = len(await runs())
        await until(lambda: has_runs(before + 2))

        await cluster.sites[0].services.schedules.pause_all()
        assert all(site.node.schedules.is_paused for site in cluster.sites)
        found = await runs()
        slots = [run.scheduledTime for run in found]
        assert len(set(slots)) == len(slots)
        assert {run.state for run in found} == {"EXECUTED"}
        ids = {run.workflowId for run in found}
        assert len(ids) == len(slots)

    run(scenario)


def test_a_schedule_that_is_changed_elsewhere_while_it_runs_keeps_the_change(run: Run) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(2)
        await sites[0].services.metadata.register_workflow(False, workflow())
        await sites[0].services.schedules.save(every_second("s"))
        owner = sites[0].node.membership.owner("schedule s")
        runner, other = sorted(sites, key=lambda site: site.node.id != owner)
        submit, is_changed = runner.node.schedules._submit, asyncio.Event()

        async def with_change(key: str, command: Any) -> Any:
            if not is_changed.is_set():
                is_changed.set()
                await other.services.schedules.pause("s", "holidays")
            return await submit(key, command)

        runner.node.schedules._submit = with_change
        await until(is_changed.is_set)

        def is_paused(site: Site) -> bool:
            return site.node.schedules.known["s"].schedule.pausedReason == "holidays"

        await until(lambda: all(map(is_paused, sites)))
        await asyncio.sleep(0)
        assert all(map(is_paused, sites))
        stored = await runner.node.store.document("schedule", "s")
        assert stored is not None
        assert b"holidays" in stored.body

    run(scenario)
