"""The workers of poison, a process of its own: what they send costs its sender too, and that is not to be measured.

Reads a line of JSON from its input, `[[how, ...], starts per second]`, starts a workflow for each *how* and does their
tasks until all of them have ended; then it writes a line: how each workflow was treated, what was done, and what was
wrong. It ends with its input.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from .client import FAILURES, Client

RETRIES = 1
LOOK_S = 0.2
STEP = {
    "name": "poison",
    "taskReferenceName": "p",
    "type": "SIMPLE",
    "inputParameters": {"how": "${workflow.input.how}"},
}
DEFINITION = {"name": "poison", "version": 1, "tasks": [STEP]}
TASK_DEF = {
    "name": "poison",
    "retryCount": RETRIES,
    "retryDelaySeconds": 0,
    "responseTimeoutSeconds": 1,
    "timeoutSeconds": 0,
    "ownerEmail": "chaos@example.com",
}

# how: the rest of the report, the statuses it may get, the end of the workflow
POISONS: dict[str, tuple[Callable[[], bytes] | None, tuple[int, ...], set[str]]] = {
    "fails": (lambda: b'"status": "FAILED", "outputData": {}}', (200,), {"FAILED"}),
    "hangs": (None, (), {"TIMED_OUT", "FAILED"}),
    "huge": (lambda: _output(b'"' + b"x" * (11 << 20) + b'"'), (200, 413), {"FAILED", "TIMED_OUT"}),
    "cut": (lambda: _output(b"[1, 2")[:-2], (400,), {"TIMED_OUT", "FAILED"}),
    "nan": (lambda: _output(b"NaN"), (400,), {"TIMED_OUT", "FAILED"}),
    "deep": (lambda: _output(b'{"x":' * 50_000 + b"1" + b"}" * 50_000), (400,), {"TIMED_OUT", "FAILED"}),
}


def _output(value: bytes) -> bytes:
    return b'"status": "COMPLETED", "outputData": {"x": ' + value + b"}}"


class Poisoner:
    """A client that starts such workflows, and the worker of their tasks."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._client = Client(address)
        self._made = {how: make() if make else b"" for how, (make, _, _) in POISONS.items()}
        self._done: Counter[str] = Counter()
        self._wrong: list[str] = []

    async def feed(self, kinds: list[str], per_s: float) -> dict[str, Any]:
        """Start a workflow of each kind and end them all."""
        begun_s, ids = time.monotonic(), {}
        worker = asyncio.create_task(self._work())
        for number, how in enumerate(kinds):
            await asyncio.sleep(begun_s + number / per_s - time.monotonic())
            answer = await self._client.post("/api/workflow", {"name": "poison", "input": {"how": how}})
            ids[answer.text] = how
        waiting = [*ids]
        while waiting:
            workflow = (await self._client.get(f"/api/workflow/{waiting[-1]}?includeTasks=false")).json()
            if workflow["status"] != "RUNNING":
                waiting.pop()
            else:
                await asyncio.sleep(LOOK_S)
        worker.cancel()
        done, self._done, wrong, self._wrong = self._done, Counter(), self._wrong, []
        return {"ids": ids, "done": done, "wrong": wrong}

    async def _work(self) -> None:
        client = Client(self._address)
        while True:
            for task in (await client.get("/api/tasks/poll/batch/poison?count=5&timeout=500")).json():
                await self._report(task)

    async def _report(self, task: dict[str, Any]) -> None:
        how = task["inputData"]["how"]
        make, statuses, _ = POISONS[how]
        self._done[how] += 1
        if make is None:
            return
        ids = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"]}
        client = Client(self._address)  # of its own, as it may be cut off
        try:
            answer = await client.post("/api/tasks", json.dumps(ids)[:-1].encode() + b", " + self._made[how])
            if answer.status not in statuses:
                self._wrong.append(f"{how}: {answer.status} {answer.text[:200]}")
        except FAILURES as error:
            if how != "huge":  # which may be refused while it is still being sent
                self._wrong.append(f"{how}: {error!r}")
        finally:
            client.close()


async def _main(address: tuple[str, int]) -> None:
    poisoner = Poisoner(address)
    for line in iter(sys.stdin.readline, ""):
        kinds, per_s = json.loads(line)
        print(json.dumps(await poisoner.feed(kinds, per_s)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main((sys.argv[1], int(sys.argv[2]))))
