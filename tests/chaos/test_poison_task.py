"""R12: a few tasks are poison: they fail, hang, or are reported with what no server should swallow.

They end by their retry policy; the server lives, and the rest of the load is done as well as without them.
"""

import asyncio
import itertools
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.process import Server

from .audit import Audit, verdict
from .client import FAILURES, Client
from .load import Load, Size
from .plan import Plan
from .report import Report
from .waiting import until

SHORT, FULL = 10, 500
RETRIES = 1
SIZE = Size(starters=2, workers=8, open_max=20)
SLOWER_MAX, SLOWER_SHORT_MAX = 1.5, 5.0  # of the p99 of others; the short version shares its machine
DEFINITION = {
    "name": "poison",
    "version": 1,
    "tasks": [
        {
            "name": "poison",
            "taskReferenceName": "p",
            "type": "SIMPLE",
            "inputParameters": {"how": "${workflow.input.how}"},
        }
    ],
}
TASK_DEF = {
    "name": "poison",
    "retryCount": RETRIES,
    "retryDelaySeconds": 0,
    "responseTimeoutSeconds": 1,
    "timeoutSeconds": 0,
    "ownerEmail": "chaos@example.com",
}


def _failing(head: str) -> bytes:
    return (head + '"status": "FAILED", "outputData": {}}').encode()


def _huge(head: str) -> bytes:
    return (head + '"status": "COMPLETED", "outputData": {"x": "' + "x" * (11 << 20) + '"}}').encode()


def _cut(head: str) -> bytes:
    return (head + '"status": "COMPLETED", "outputData": {"x": [1, 2').encode()


def _nan(head: str) -> bytes:
    return (head + '"status": "COMPLETED", "outputData": {"x": NaN}}').encode()


def _deep(head: str) -> bytes:
    return (head + '"status": "COMPLETED", "outputData": ' + '{"x":' * 50_000 + "1" + "}" * 50_001).encode()


# how: the report, the statuses it may get, the end of the workflow
POISONS: dict[str, tuple[Callable[[str], bytes] | None, tuple[int, ...], set[str]]] = {
    "fails": (_failing, (200,), {"FAILED"}),
    "hangs": (None, (), {"TIMED_OUT", "FAILED"}),
    "huge": (_huge, (200, 413), {"FAILED", "TIMED_OUT"}),
    "cut": (_cut, (400,), {"TIMED_OUT", "FAILED"}),
    "nan": (_nan, (400,), {"TIMED_OUT", "FAILED"}),
    "deep": (_deep, (400,), {"TIMED_OUT", "FAILED"}),
}


class Timed(Load):
    """A load that measures how long reports take."""

    def __init__(self, *addresses: tuple[str, int]) -> None:
        super().__init__(*addresses, size=SIZE)
        self.seconds: list[float] = []

    async def call(self, client: Client, method: str, path: str, body: Any = None) -> Any:
        """Call and measure."""
        begun_s = time.monotonic()
        try:
            return await super().call(client, method, path, body)
        finally:
            if path == "/api/tasks":
                self.seconds.append(time.monotonic() - begun_s)

    def p99_ms(self) -> float:
        """Return the figure for what was measured since the last time."""
        taken, self.seconds = self.seconds, []
        return statistics.quantiles(taken, n=100)[98] * 1000


def test_poison_harms_nothing_else(server: Server, plan: Plan, report: Report) -> None:
    asyncio.run(_poison(server, plan, report))


async def _poison(server: Server, plan: Plan, report: Report) -> None:
    await asyncio.to_thread(server.start)
    pid, load, client = server.pid, Timed(server.address), Client(server.address)
    await load.register()
    assert (await client.post("/api/metadata/taskdefs", [TASK_DEF])).is_ok
    assert (await client.post("/api/metadata/workflow", DEFINITION)).is_ok
    audit = Audit(load)
    async with load.running():
        await until(lambda: len(load.seconds) > 200)
        before_ms = load.p99_ms()
        ids = await _feed(client, server, plan.count(SHORT, FULL), report)
        await until(lambda: len(load.seconds) > 200)
        with_poison_ms = load.p99_ms()
        await audit.run()
    faults = audit.faults + [fault for one, how in ids.items() if (fault := await _end(client, one, how))]
    client.close()
    assert server.pid == pid
    server.kill()
    report.figures = {"p99 ms": before_ms, "p99 ms with poison": with_poison_ms}
    report.audit = audit.figures
    report.happened(**{how: len(ids) // len(POISONS) for how in POISONS})
    assert with_poison_ms < before_ms * (SLOWER_MAX if plan.is_full else SLOWER_SHORT_MAX) + 100
    assert b"Traceback" not in server.log.read_bytes()
    verdict(faults, server.database)


async def _feed(client: Client, server: Server, count: int, report: Report) -> dict[str, str]:
    """Start poison and be its worker until all of it has ended; returns the workflows with what was done to them."""
    kinds = itertools.cycle(POISONS)
    ids: dict[str, str] = {}
    for _ in range(max(count, len(POISONS))):
        how = next(kinds)
        answer = await client.post("/api/workflow", {"name": "poison", "input": {"how": how}})
        assert answer.is_ok
        ids[answer.text] = how
    waiting = [*ids]
    while waiting:
        for task in (await client.get("/api/tasks/poll/batch/poison?count=5&timeout=500")).json():
            await _report(server, task, report)
        workflow = (await client.get(f"/api/workflow/{waiting[-1]}?includeTasks=false")).json()
        if workflow["status"] != "RUNNING":
            waiting.pop()
    return ids


async def _report(server: Server, task: dict[str, Any], report: Report) -> None:
    how = task["inputData"]["how"]
    make, statuses, _ = POISONS[how]
    report.faults[how] += 1
    if make is None:
        return
    ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
    client = Client(server.address)  # of its own, as it may be cut off
    try:
        answer = await client.post("/api/tasks", make(json.dumps(ids)[:-1] + ", "))
        assert answer.status in statuses, (how, answer)
    except FAILURES:
        assert how == "huge", how  # refused while it was still sending
    finally:
        client.close()


async def _end(client: Client, workflow_id: str, how: str) -> str | None:
    """Return what is wrong with the end of a poisoned workflow."""
    workflow = (await client.get(f"/api/workflow/{workflow_id}")).json()
    attempts = len(workflow["tasks"])
    if workflow["status"] in POISONS[how][2] and attempts <= RETRIES + 1:
        return None
    return f"workflow {workflow_id} with a task that {how} is {workflow['status']} after {attempts} attempts"
