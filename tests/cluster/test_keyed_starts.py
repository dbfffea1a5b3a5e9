"""Idempotency keys of sub-workflows and started workflows over several nodes."""

import asyncio
from typing import Any

import msgspec
import pytest

from podium.engine.commands import StartWorkflow
from podium.model.transition import Message
from tests.cluster.conftest import Cluster, Run, Site, until

Json = Any
WAIT = {"name": "hold", "taskReferenceName": "hold", "type": "SIMPLE"}
KEYED = {"name": "inner", "idempotencyKey": "k", "idempotencyStrategy": "RETURN_EXISTING"}
CHILD = {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": KEYED}
STARTER = {"name": "s", "taskReferenceName": "s", "type": "START_WORKFLOW", "inputParameters": {"startWorkflow": KEYED}}


@pytest.mark.parametrize("step", [CHILD, STARTER], ids=["sub-workflow", "started"])
def test_many_ask_on_many_nodes_and_one_is_started(run: Run, step: Json) -> None:
    async def scenario(cluster: Cluster) -> None:
        sites = await cluster.add(3)
        await cluster.define(WAIT, name="inner")
        await cluster.define(step, name="outer")

        outer = await asyncio.gather(*(sites[number % 3].start("outer") for number in range(12)))

        [task] = await until(lambda: sites[0].poll("hold"))
        await sites[1].report(task)
        for one in outer:
            await until(lambda one=one: completed(sites[0], one))
        assert await sites[2].poll("hold") == []
        key = "subWorkflowId" if step is CHILD else "workflowId"
        told = [msgspec.json.decode((await sites[0].node.store.tasks(one))[0].output)[key] for one in outer]
        assert set(told) == {task["workflowInstanceId"]}

    run(scenario)


@pytest.mark.parametrize("step", [CHILD, STARTER], ids=["sub-workflow", "started"])
@pytest.mark.parametrize("is_slow_at", ["look", "launch"])
def test_who_has_claimed_the_id_and_finds_it_started_by_another_is_told_too(
    run: Run, step: Json, is_slow_at: str
) -> None:
    """Two nodes agree on the id that the first one has claimed, and the second one is quicker with the start."""

    async def scenario(cluster: Cluster) -> None:
        a, b = await cluster.add(2)
        await cluster.define(WAIT, name="inner")
        await cluster.define(step, name="outer")
        for site in (a, b):
            site.node.relay.start_keyed = _not_yet
        outer = [await site.start("outer") for site in (a, b)]
        first, second = await until(lambda: _two_messages(a))
        if is_slow_at == "look":
            await a.node.store.claim_key("inner", "k", first.target, "")
            await _carry(b, second)
        else:
            submit = a.node.keyed_starts._submit

            async def slow(*arguments: Any) -> Any:
                a.node.keyed_starts._submit = submit
                await _carry(b, second)
                return await submit(*arguments)

            a.node.keyed_starts._submit = slow
        await _carry(a, first)

        [task] = await until(lambda: a.poll("hold"))
        assert task["workflowInstanceId"] == first.target
        for site in (a, b):
            site.node.relay.start_keyed = site.node.keyed_starts.carry
        await b.report(task)
        for one in outer:
            await until(lambda one=one: completed(a, one))
        assert await a.node.store.messages(0, 10) == []

    run(scenario)


async def _not_yet(*_: Any) -> bool:
    return False


async def _two_messages(site: Site) -> list[Message]:
    found = await site.node.store.messages(0, 10)
    return found if len(found) == 2 else []


async def _carry(site: Site, message: Message) -> None:
    command = msgspec.msgpack.decode(message.body, type=StartWorkflow)
    await site.node.keyed_starts.carry(message.target, command, message.id)


async def completed(site: Site, workflow_id: str) -> bool:
    return await site.status(workflow_id) == "COMPLETED"
