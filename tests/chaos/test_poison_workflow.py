"""R13: a workflow on which the engine fails is held alone; the others go on, and it does so after the repair."""

import asyncio
import subprocess
import sys
from typing import Any

from tests.process import PROGRAM, Server

from .audit import Audit, verdict
from .client import Client
from .faulty import program
from .load import Load, Size
from .plan import Plan
from .report import Report

SHORT, FULL = 3, 100
SHORT_STORES = ("postgres",)
SIZE = Size(starters=2, workers=8, open_max=10)
WAITING = [{"name": "poison_task", "taskReferenceName": ref, "type": "SIMPLE"} for ref in ("a", "b")]


def test_a_workflow_that_the_engine_fails_on_is_held_and_released(server: Server, plan: Plan, report: Report) -> None:
    asyncio.run(_poison(server, plan, report))


async def _poison(server: Server, plan: Plan, report: Report) -> None:
    await asyncio.to_thread(server.start)
    client, load = Client(server.address), Load(server.address, size=SIZE)
    await load.register()
    assert (await client.post("/api/metadata/workflow", {"name": "poison", "version": 1, "tasks": WAITING})).is_ok
    ids = [await _started(client) for _ in range(plan.count(SHORT, FULL))]

    server.stop()
    server.program = program("broken=poison")
    await asyncio.to_thread(server.start)
    audit = Audit(load)
    async with load.running():
        for workflow_id in ids:
            await _provoke(client, workflow_id, report)
        await audit.run()
    report.happened(failures=len(ids), refusals=len(ids))
    faults = audit.faults
    server.stop()

    server.program = PROGRAM
    await asyncio.to_thread(server.start)
    for workflow_id in ids:
        assert not (await _complete_next(client)), "nothing of a held workflow is handed out"
        _release(server, workflow_id)
        assert await _complete_next(client)
        assert await _complete_next(client)
        status = (await client.get(f"/api/workflow/{workflow_id}")).json()["status"]
        faults += [] if status == "COMPLETED" else [f"workflow {workflow_id} is {status} after its release"]
    client.close()
    server.kill()
    report.figures["released"] = len(ids)
    report.audit = audit.figures
    verdict(faults, server.database)


async def _started(client: Client) -> str:
    answer = await client.post("/api/workflow", {"name": "poison"})
    assert answer.is_ok
    return answer.text


async def _provoke(client: Client, workflow_id: str, report: Report) -> None:
    """Send commands to a workflow on which the engine fails: the first one holds it, others are refused."""
    for kind in ("failures", "refusals"):
        answer = await client.call("PUT", f"/api/workflow/{workflow_id}/pause")
        assert answer.status == 500, answer
        assert "quarantined" in answer.text
        report.faults[kind] += 1


async def _complete_next(client: Client) -> bool:
    """Do a task, if there is one."""
    found: list[dict[str, Any]] = (await client.get("/api/tasks/poll/batch/poison_task?timeout=200")).json()
    for task in found:
        result = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"], "status": "COMPLETED"}
        assert (await client.post("/api/tasks", result)).is_ok
    return bool(found)


def _release(server: Server, workflow_id: str) -> None:
    command = [sys.executable, "-m", "podium", "workflow", "release", workflow_id, "--server", server.url]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
