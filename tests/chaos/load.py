"""The standard load: workflows with forks, loops, switches and sub-workflows, and workers that remember what they did.

Everything that the server acknowledged is recorded, so that an audit can compare it with what the server holds.
"""

import asyncio
import random
from typing import Any

import httpx

TASK = "chaos_task"


def simple(ref: str) -> dict[str, Any]:
    return {"name": TASK, "taskReferenceName": ref, "type": "SIMPLE", "inputParameters": {"k": "${workflow.input.k}"}}


CHILD = {"name": "chaos_child", "version": 1, "tasks": [simple("c1"), simple("c2")]}
PARENT = {
    "name": "chaos_parent",
    "version": 1,
    "tasks": [
        simple("a"),
        {
            "name": "fork",
            "taskReferenceName": "fork",
            "type": "FORK_JOIN",
            "forkTasks": [[simple("b1"), simple("b2")], [simple("b3")]],
        },
        {"name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": ["b2", "b3"]},
        {
            "name": "loop",
            "taskReferenceName": "loop",
            "type": "DO_WHILE",
            "loopCondition": "$.loop.iteration < 3",
            "loopOver": [simple("l")],
        },
        {
            "name": "switch",
            "taskReferenceName": "switch",
            "type": "SWITCH",
            "evaluatorType": "value-param",
            "expression": "x",
            "inputParameters": {"x": "${workflow.input.k}"},
            "decisionCases": {"odd": [simple("odd")]},
            "defaultCase": [simple("even")],
        },
        {
            "name": "sub",
            "taskReferenceName": "sub",
            "type": "SUB_WORKFLOW",
            "inputParameters": {"k": "${workflow.input.k}"},
            "subWorkflowParam": {"name": "chaos_child", "version": 1},
        },
        {
            "name": "set",
            "taskReferenceName": "set",
            "type": "SET_VARIABLE",
            "inputParameters": {"done": "${a.output.by}"},
        },
    ],
}
COMPLETED_REFS = {"a", "b1", "b2", "b3", "l__1", "l__2", "l__3"}
TASK_DEF = {
    "name": TASK,
    "retryCount": 1000,
    "retryDelaySeconds": 0,
    "responseTimeoutSeconds": 1,
    "timeoutSeconds": 0,
    "ownerEmail": "a@b.c",
}


class Load:
    """Clients and workers against one server that may vanish at any moment."""

    def __init__(self, url: str, seed: int, starters: int = 2, workers: int = 4) -> None:
        self.url = url
        self.random = random.Random(seed)
        self.started: list[str] = []
        self.done: dict[str, str] = {}  # task id -> nonce, of updates that were acknowledged
        self.wanted = True
        self.stopped = False
        self._starters, self._workers = starters, workers
        self._nonce = 0

    async def register(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=5.0) as client:
            (await client.post("/api/metadata/taskdefs", json=[TASK_DEF])).raise_for_status()
            for definition in (CHILD, PARENT):
                (await client.post("/api/metadata/workflow?overwrite=true", json=definition)).raise_for_status()

    async def run(self) -> None:
        async with httpx.AsyncClient(base_url=self.url, timeout=5.0) as client:
            jobs = [self._start(client) for _ in range(self._starters)]
            jobs += [self._work(client, number) for number in range(self._workers)]
            await asyncio.gather(*jobs)

    async def _start(self, client: httpx.AsyncClient) -> None:
        while self.wanted:
            body = {"name": "chaos_parent", "version": 1, "input": {"k": self.random.choice(["odd", "x"])}}
            try:
                answer = await client.post("/api/workflow", json=body)
                if answer.status_code == 200:
                    self.started.append(answer.text)
            except httpx.HTTPError:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.01)

    async def _work(self, client: httpx.AsyncClient, number: int) -> None:
        path = f"/api/tasks/poll/batch/{TASK}?workerid=w{number}&count=5&timeout=100"
        while not self.stopped:
            try:
                answer = await client.get(path)
                tasks = answer.json() if answer.status_code == 200 else []
            except (httpx.HTTPError, ValueError):
                await asyncio.sleep(0.02)
                continue
            for task in tasks:
                await self._complete(client, task)

    async def _complete(self, client: httpx.AsyncClient, task: dict[str, Any]) -> None:
        self._nonce += 1
        nonce = f"n{self._nonce}"
        result = {
            "workflowInstanceId": task["workflowInstanceId"],
            "taskId": task["taskId"],
            "status": "COMPLETED",
            "outputData": {"by": nonce},
        }
        for _ in range(2):  # a worker repeats what it has no answer to
            try:
                answer = await client.post("/api/tasks", json=result)
                if answer.status_code == 200:
                    self.done.setdefault(task["taskId"], nonce)
                return
            except httpx.HTTPError:
                await asyncio.sleep(0.02)


async def audit(load: Load, patience_s: float = 30.0) -> dict[str, Any]:
    """Wait until everything that was started has ended, and compare what the server holds with what it acknowledged."""
    found: dict[str, Any] = {"lost": [], "stuck": [], "doubled": [], "unacknowledged": [], "failed": []}
    async with httpx.AsyncClient(base_url=load.url, timeout=10.0) as client:
        loop = asyncio.get_running_loop()
        seen: dict[str, dict[str, Any]] = {}
        for workflow_id in load.started:
            until = loop.time() + patience_s  # since the one before it was done: the load makes progress all the time
            await _examine(client, workflow_id, until, found, seen, parent=True)
        for task_id, nonce in load.done.items():
            task = seen.get(task_id) or await _task(client, task_id)
            if task is None or task["status"] not in ("COMPLETED", "TIMED_OUT"):
                found["lost"].append((task_id, nonce, task and task["status"]))
    found["tasks"] = len(seen)
    return found


async def _task(client: httpx.AsyncClient, task_id: str) -> dict[str, Any] | None:
    """Read a task of a workflow whose start was not acknowledged."""
    answer = await client.get(f"/api/tasks/{task_id}")
    return answer.json() if answer.status_code == 200 else None


async def _examine(
    client: httpx.AsyncClient,
    workflow_id: str,
    until: float,
    found: dict[str, Any],
    seen: dict[str, dict[str, Any]],
    *,
    parent: bool,
) -> None:
    while True:
        answer = await client.get(f"/api/workflow/{workflow_id}")
        if answer.status_code == 404:
            found["lost"].append(workflow_id)
            return
        workflow = answer.json()
        if workflow["status"] != "RUNNING":
            break
        if asyncio.get_running_loop().time() > until:
            found["stuck"].append(workflow_id)
            return
        await asyncio.sleep(0.05)
    if workflow["status"] != "COMPLETED":
        found["failed"].append((workflow_id, workflow.get("reasonForIncompletion")))
    good = [task["referenceTaskName"] for task in workflow["tasks"] if task["status"] == "COMPLETED"]
    if len(good) != len(set(good)) or (parent and not set(good) >= COMPLETED_REFS):
        found["doubled"].append((workflow_id, good))
    for task in workflow["tasks"]:
        seen[task["taskId"]] = task
        if task["taskType"] == "SUB_WORKFLOW" and task.get("subWorkflowId"):
            await _examine(client, task["subWorkflowId"], until, found, seen, parent=False)
