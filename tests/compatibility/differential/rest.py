"""Whether a family of workflows has come to rest: nothing more happens until somebody from outside acts.

A condition instead of a pause: the upstream server moves many things on by looking every now and then.
"""

from collections.abc import Mapping
from typing import Any

Json = Any
OPEN = frozenset({"SCHEDULED", "IN_PROGRESS"})
ENDED = frozenset({"COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED"})
BY_SERVER = frozenset(
    {
        "DECISION", "SWITCH", "FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE",
        "SUB_WORKFLOW", "START_WORKFLOW", "TERMINATE", "SET_VARIABLE", "INLINE", "LAMBDA", "NOOP", "JSON_JQ_TRANSFORM",
        "WAIT", "HUMAN", "EVENT", "HTTP",
    }
)  # fmt: skip
UNSEEN = frozenset({"JOIN", "SUB_WORKFLOW", "WAIT", "HTTP", "START_WORKFLOW"})
SOON_S = 20  # a WAIT that ends within that is waited for


def latest(flow: Json, ref: str) -> Json | None:
    """Return the newest task of a reference name."""
    found = [task for task in flow["tasks"] if task["referenceTaskName"] == ref]
    return max(found, key=lambda task: (task["seq"], task["retryCount"])) if found else None


def is_at_rest(family: Mapping[str, Json], *, joins_in_pause: bool) -> bool:
    """Whether all workflows of a family wait for somebody outside, or have ended.

    *joins_in_pause*: the server ends the joins of a paused workflow.
    """
    return all(_rests(flow, family, joins_in_pause) for flow in family.values())


def _rests(flow: Json, family: Mapping[str, Json], joins_in_pause: bool) -> bool:
    parent = family.get(flow.get("parentWorkflowId", ""))
    if flow["status"] in ENDED:
        return parent is None or parent["status"] in ENDED or not _is_waited_for(flow, parent)
    if parent is not None and parent["status"] in ENDED:
        return False
    open_tasks = [task for task in flow["tasks"] if task["status"] in OPEN]
    if flow["status"] != "PAUSED" and any(map(_is_unseen, flow["tasks"])):
        return False
    if not open_tasks:
        return flow["status"] == "PAUSED"
    if flow["status"] == "PAUSED" and not joins_in_pause:
        open_tasks = [task for task in open_tasks if task["taskType"] != "JOIN"]
    return all(_waits(task, flow, family) for task in open_tasks)


def _is_unseen(task: Json) -> bool:
    """Whether a task that upstream ends outside of a decision waits for the decision."""
    return task["taskType"] in UNSEEN and task["status"] not in OPEN and not task["executed"] and not task["retried"]


def _is_waited_for(flow: Json, parent: Json) -> bool:
    """Whether the newest attempt of the parent's task has this child, and is open."""
    task = next((one for one in parent["tasks"] if one.get("subWorkflowId") == flow["workflowId"]), None)
    return task is not None and task["status"] in OPEN and parent["status"] != "PAUSED"


def _waits(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    kind = task["taskType"]
    if kind not in BY_SERVER or kind in ("HUMAN", "EVENT"):
        return True
    return _WAITS.get(kind, _never)(task, flow, family)


def _never(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    return False


def _wait(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    given = task["inputData"]
    is_timed = given.get("duration") or given.get("until")
    return task["status"] == "IN_PROGRESS" and (not is_timed or task["callbackAfterSeconds"] > SOON_S)


def _join(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    suffix = f"__{task['iteration']}" if task["iteration"] else ""
    joined = [latest(flow, f"{name}{suffix}") for name in task["inputData"].get("joinOn") or []]
    return any(one is None or one["status"] in OPEN for one in joined) and all(
        one["referenceTaskName"] in task["outputData"]
        for one in joined
        if one and one["outputData"] and one["status"] not in OPEN
    )


def _exclusive_join(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    suffix = f"__{task['iteration']}" if task["iteration"] else ""
    given = task["inputData"]
    names = [*(given.get("joinOn") or []), *(given.get("defaultExclusiveJoinTask") or [])]
    found = next((one for name in names if (one := latest(flow, f"{name}{suffix}"))), None)
    return found is None or found["status"] in OPEN


def _loop(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    is_open = any(one["status"] in OPEN and one["iteration"] for one in flow["tasks"] if one is not task)
    return is_open or flow["status"] == "PAUSED"


def _child(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    child = family.get(task.get("subWorkflowId", ""))
    return task["status"] == "IN_PROGRESS" and child is not None and child["status"] not in ENDED


def _paused(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    return flow["status"] == "PAUSED"


def _http(task: Json, flow: Json, family: Mapping[str, Json]) -> bool:
    return task["status"] == "IN_PROGRESS" and bool(task["inputData"].get("asyncComplete"))


_WAITS = {
    "WAIT": _wait,
    "JOIN": _join,
    "EXCLUSIVE_JOIN": _exclusive_join,
    "DO_WHILE": _loop,
    "SUB_WORKFLOW": _child,
    "HTTP": _http,
}
