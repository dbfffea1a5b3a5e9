"""The audit after each fault test: what the servers hold against what they acknowledged and what the model says."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from . import model
from .client import FAILURES, Client
from .load import Load

PATIENCE_S = 60.0  # since the last workflow that ended
SLOW_S = 120.0  # more, to tell what is slow from what is stuck
AGAIN_S = 0.1
CLOCK_MS = 20  # of difference between two processes' view of one clock

Json = dict[str, Any]


class Audit:
    """Reads every workflow that was started, once it has ended."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.faults: list[str] = []
        self.workflows = 0
        self.late = 0  # results that were acknowledged after their task had timed out
        self.tasks: dict[str, Json] = {}
        self._client = Client(*load.addresses)

    async def run(self) -> None:
        """Examine all, and let nothing more start; the load's workers must go on until this is done."""
        await self.load.end_starts()
        for workflow_id, k in list(self.load.started.items()):
            await self._parent(workflow_id, k)
        await self.examine_results()
        for task_id, count in list(self.load.handed_out.items()):
            if count > 1:
                self.faults.append(f"task {task_id} was handed out {count} times")

    async def examine_results(self) -> None:
        """Look for each result that was acknowledged, whatever has become of its workflow."""
        for task_id in list(self.load.acknowledged):
            await self._acknowledged(task_id)
        self._client.close()

    @property
    def figures(self) -> Json:
        """What was examined."""
        counts = {"workflows": self.workflows, "tasks": len(self.tasks), "results": len(self.load.acknowledged)}
        return {**counts, "late results": self.late, "faults": len(self.faults)}

    async def _parent(self, workflow_id: str, k: int) -> None:
        workflow = await self._ended(workflow_id)
        if workflow is None:
            return
        self._examine(workflow, k, model.refs_of(k))
        if workflow["output"] != model.output_of(k):
            self._note(workflow, f"its output is {workflow['output']}, not {model.output_of(k)}")
        for task in workflow["tasks"]:
            if task["taskType"] == "SUB_WORKFLOW" and task["status"] == "COMPLETED":
                child = await self._ended(task["subWorkflowId"])
                if child is not None:
                    self._examine(child, k, model.CHILD_REFS)

    async def _ended(self, workflow_id: str) -> Json | None:
        """Return a workflow when it has ended; None, with a fault, when it is not there or does not end in time."""
        workflow = await self._rested(workflow_id, PATIENCE_S)
        if workflow is None:
            self.faults.append(f"workflow {workflow_id} is lost")
        elif workflow["status"] != "RUNNING":
            self.workflows += 1
            return workflow
        else:
            before, after = _open_tasks(workflow), await self._rested(workflow_id, SLOW_S)
            is_stuck = after is None or after["status"] == "RUNNING"
            still = _open_tasks(after) if after and is_stuck else ""
            self.faults.append(f"workflow {workflow_id} is {'stuck' if is_stuck else 'slow'}: {before} {still}")
        return None

    async def _rested(self, workflow_id: str, patience_s: float) -> Json | None:
        """Return a workflow when it has ended, or as it is after some time; None when it is not there."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + patience_s
        workflow = await self._read(f"/api/workflow/{workflow_id}")
        while workflow is not None and workflow["status"] == "RUNNING" and loop.time() < until_s:
            await asyncio.sleep(AGAIN_S)
            workflow = await self._read(f"/api/workflow/{workflow_id}")
        return workflow

    async def _read(self, path: str) -> Json | None:
        """Return what is at a path, None when nothing is; waits for a server that is away."""
        for _ in range(100):
            try:
                answer = await self._client.get(path)
            except FAILURES:
                await asyncio.sleep(AGAIN_S)
                continue
            if answer.is_ok or answer.status == 404:
                found: Json | None = answer.json() if answer.is_ok else None
                return found
            await asyncio.sleep(AGAIN_S)
        raise AssertionError(f"{path} can't be read")

    def _examine(self, workflow: Json, k: int, wanted: set[str]) -> None:
        if workflow["status"] != "COMPLETED":
            self._note(workflow, f"it is {workflow['status']}: {workflow.get('reasonForIncompletion')}")
        done = [task["referenceTaskName"] for task in workflow["tasks"] if task["status"] == "COMPLETED"]
        if sorted(done) != sorted(wanted):
            self._note(workflow, f"completed tasks are {sorted(done)}, not {sorted(wanted)}")
        for task in workflow["tasks"]:
            self.tasks[task["taskId"]] = task
            value = task["outputData"].get("value")
            if task["taskDefName"] in model.TYPES and task["status"] == "COMPLETED":
                ref, given = task["referenceTaskName"], task["inputData"]["given"]
                if value != model.value_of(k, ref, given):
                    self._note(workflow, f"task {ref} gave {value}")

    async def _acknowledged(self, task_id: str) -> None:
        """A result that was acknowledged is there, unless its task had timed out before."""
        told = self.load.acknowledged[task_id]
        task = self.tasks.get(task_id) or await self._read(f"/api/tasks/{task_id}")
        if task is None:
            self.faults.append(f"task {task_id} is lost")
        elif task["status"] == told.status and task["outputData"].get("by") == told.nonce:
            return
        elif task["status"] == "TIMED_OUT" and task["endTime"] <= told.at_ms + CLOCK_MS:
            self.late += 1
        else:
            at_ms, by = task["endTime"], task["outputData"].get("by")
            self.faults.append(f"result {told} of task {task_id} is lost: it is {task['status']} by {by} at {at_ms}")

    def _note(self, workflow: Json, fault: str) -> None:
        self.faults.append(f"workflow {workflow['workflowId']} ({workflow['workflowName']}): {fault}")


def _open_tasks(workflow: Json) -> list[str]:
    waiting = [task for task in workflow["tasks"] if task["status"] in ("SCHEDULED", "IN_PROGRESS")]
    return [f"{task['referenceTaskName']} {task['status']} {task['taskId']} {task['updateTime']}" for task in waiting]


def check_database(url: str) -> str:
    """Return what `podium db check` complains of, nothing when all promises are kept."""
    command = [sys.executable, "-m", "podium", "db", "check", "--database", url]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    return "" if checked.returncode == 0 else checked.stdout + checked.stderr


def verdict(faults: list[str], database: str) -> None:
    """Assert that the audit found nothing and that the database keeps its promises."""
    found = [*faults, *_lines(check_database(database))]
    assert not found, f"{len(found)} faults, the first of them: {found[:5]}"


def _lines(text: str) -> Iterator[str]:
    return (line for line in text.splitlines() if line)
