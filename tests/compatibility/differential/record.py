"""A record of a scenario, without what no two runs have in common: ids, times, host names, the prefix of names."""

import json
import re
from collections.abc import Iterator
from typing import Any

Json = Any

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
ELAPSED = [
    (re.compile(r"timed out after \d+ seconds"), "timed out after <n> seconds"),
    (re.compile(r"\(elapsed \d+ seconds"), "(elapsed <n> seconds"),
]
TIMES = frozenset(
    {
        "createTime", "updateTime", "startTime", "endTime", "scheduledTime", "lastRetriedTime", "lastPollTime", "createdTime",
        "firstStartTime", "updatedTime", "nextRunTime",
    }
)  # fmt: skip
GONE = frozenset({"queueWaitTime", "executionTime", "instance", "history"})
TASK_GONE = frozenset({"workflowTask", "taskDefinition"})
WORKFLOW_GONE = frozenset({"workflowDefinition"})
POLLED_BY_SERVER = frozenset(
    {"JOIN", "SUB_WORKFLOW", "HTTP", "WAIT", "START_WORKFLOW", "DO_WHILE", "EXCLUSIVE_JOIN", "HUMAN", "EVENT"}
)
SETS = frozenset({"failedTaskNames", "failedReferenceTaskNames"})
TIMING = frozenset({"pollCount", "updateTime"})  # of tasks that upstream's own threads visit


class Names:
    """Gives ids names that say what they belong to; the first sight of an execution names its tasks and children."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def give(self, found: str, name: str) -> str:
        """Name an id unless it has a name; a name that is taken gets a number."""
        if found not in self._names:
            taken = sum(1 for one in self._names.values() if one == name or one.startswith(f"{name}~"))
            self._names[found] = f"{name}~{taken + 1}" if taken else name
        return self._names[found]

    def learn(self, flow: Json) -> list[str]:
        """Name the tasks of an execution; returns the ids of the workflows that it started."""
        mine = self.give(flow["workflowId"], "w")
        started = []
        for task in flow["tasks"]:
            attempt = f"#{task['retryCount']}" if task["retryCount"] else ""
            name = self.give(task["taskId"], f"{mine}:{task['referenceTaskName']}{attempt}")
            started += [self._given(one, f"{name}>") for one in _started(task)]
        failure = flow["output"].get("conductor.failure_workflow")
        if isinstance(failure, str) and ID.fullmatch(failure):
            started.append(self._given(failure, f"{mine}>failure"))
        return started

    def _given(self, found: str, name: str) -> str:
        self.give(found, name)
        return found

    def applied(self, text: str) -> str:
        return ID.sub(lambda match: f"<{self._names.get(match.group(), 'id')}>", text)


def _started(task: Json) -> Iterator[str]:
    if task["taskType"] == "SUB_WORKFLOW" and task.get("subWorkflowId"):
        yield task["subWorkflowId"]
    if task["taskType"] == "START_WORKFLOW" and task["outputData"].get("workflowId"):
        yield task["outputData"]["workflowId"]


def normalised(value: Json, names: Names, prefix: str) -> Json:
    """Return JSON with names for ids and times, and `~` for the prefix."""
    text = names.applied(json.dumps(timeless(value), sort_keys=True)).replace(prefix, "~")
    for pattern, instead in ELAPSED:
        text = pattern.sub(instead, text)
    return json.loads(text)


def timeless(value: Json) -> Json:
    """Return JSON without times and whatever else has no order or depends on the clock."""
    if isinstance(value, list):
        return [timeless(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {key: _time(one) if key in TIMES else timeless(_ordered(key, one)) for key, one in _kept(value).items()}


def _ordered(key: str, value: Json) -> Json:
    """Sort what has no order: sets, and the errors of a validation."""
    if key == "validationErrors" and isinstance(value, list):
        return sorted(value, key=lambda one: (one["path"], one["message"]))
    if key in SETS and isinstance(value, list):
        return sorted(value, key=json.dumps)
    if isinstance(value, list) and value and all(isinstance(one, dict) and "lastPollTime" in one for one in value):
        return sorted(value, key=json.dumps)
    if key == "tasks" and isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return sorted(
            value, key=lambda one: (one.get("seq", 1), one.get("seq") == 0 and one.get("referenceTaskName", ""))
        )
    return value


def _time(value: Json) -> Json:
    return value if value in (0, None) or isinstance(value, dict) else "<time>"


def _kept(value: Json) -> Json:
    gone = GONE
    if "referenceTaskName" in value and "taskId" in value:
        gone |= TASK_GONE | (TIMING if value.get("taskType") in POLLED_BY_SERVER else frozenset())
        gone |= {"callbackAfterSeconds"} if value.get("taskType") == "JOIN" else frozenset()
    elif "workflowDefinition" in value and "tasks" in value:
        gone |= WORKFLOW_GONE
    return {key: one for key, one in value.items() if key not in gone}
