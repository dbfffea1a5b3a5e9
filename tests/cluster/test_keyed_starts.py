"""Idempotency keys of sub-workflows and started workflows over several nodes."""

import asyncio
from typing import Any

import msgspec
import pytest

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


async def completed(site: Site, workflow_id: str) -> bool:
    return await site.status(workflow_id) == "COMPLETED"
