"""Shows a workflow as it goes on: one line for each task whose status has changed."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Get = Callable[[str], Json]

COLOURS = {
    "COMPLETED": "32",
    "IN_PROGRESS": "36",
    "SCHEDULED": "34",
    "FAILED": "31",
    "TIMED_OUT": "33",
    "CANCELED": "90",
}


class Progress:
    """Prints what is new in a workflow and in its sub-workflows since the last look."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self._seen: dict[str, str] = {}

    def look(self, workflow_id: str) -> Json:
        """Print the news of a workflow, the oldest first, and return it."""
        found = self._get(f"/api/workflow/{workflow_id}")
        for when_ms, line in sorted(self._news(found, ""), key=lambda one: one[0]):
            print(f"{max(when_ms - found['startTime'], 0) / 1000:6.2f} s  {line}", flush=True)
        return found

    def _news(self, workflow: Json, indent: str) -> Iterator[tuple[int, str]]:
        for task in workflow["tasks"]:
            if self._seen.get(task["taskId"]) != task["status"]:
                self._seen[task["taskId"]] = task["status"]
                when_ms = task.get("endTime") or task.get("startTime") or task.get("scheduledTime")
                yield when_ms or workflow["startTime"], indent + line_of(task, 30 - len(indent))
            if task.get("subWorkflowId"):
                yield from self._news(self._get(f"/api/workflow/{task['subWorkflowId']}"), indent + "  ")


def line_of(task: Json, width: int) -> str:
    """Return a line about the present status of *task*."""
    attempt = f", attempt {task['retryCount'] + 1}" if task["retryCount"] else ""
    reason = f"  {task['reasonForIncompletion']}" if task["status"] in ("FAILED", "TIMED_OUT") else ""
    name = f"{task['referenceTaskName']}{attempt}"
    return f"{name:<{width}} {coloured(task['status'], 12)} {task['taskType']}{reason}"


def coloured(status: str, width: int = 0) -> str:
    """Return a status in its colour when standard output is a terminal."""
    text = f"{status:<{width}}"
    return f"\033[{COLOURS.get(status, '0')}m{text}\033[0m" if sys.stdout.isatty() else text
