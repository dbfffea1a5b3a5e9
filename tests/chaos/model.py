"""The definitions of the standard load, and what their workflows must come to.

Every task of a worker gives a number that follows from the workflow's input, the task's name and the number that it was
given; so that a result that was lost, taken from another task or counted twice shows in a workflow's output.
"""

import zlib
from typing import Any

TASK, FLAKY, SILENT = "chaos_task", "chaos_flaky", "chaos_silent"
TYPES = (TASK, FLAKY, SILENT)
SILENT_EVERY = 4  # workflows: in one of them the worker says nothing at the first attempt
LOOPS = 3

Json = dict[str, Any]


def value_of(k: int, ref: str, given: int = 0) -> int:
    """Return what a worker gives for a task."""
    return zlib.crc32(f"{k} {ref} {given}".encode())


def _simple(ref: str, name: str = TASK, given: Any = 0) -> Json:
    inputs = {"k": "${workflow.input.k}", "given": given}
    return {"name": name, "taskReferenceName": ref, "type": "SIMPLE", "inputParameters": inputs}


CHILD = {
    "name": "chaos_child",
    "version": 1,
    "tasks": [_simple("c1"), _simple("c2", given="${c1.output.value}")],
    "outputParameters": {"value": "${c2.output.value}"},
}
PARENT = {
    "name": "chaos_parent",
    "version": 1,
    "tasks": [
        _simple("a"),
        {
            "name": "fork",
            "taskReferenceName": "fork",
            "type": "FORK_JOIN",
            "forkTasks": [[_simple("b1"), _simple("b2", given="${b1.output.value}")], [_simple("b3")]],
        },
        {"name": "join", "taskReferenceName": "join", "type": "JOIN", "joinOn": ["b2", "b3"]},
        {
            "name": "loop",
            "taskReferenceName": "loop",
            "type": "DO_WHILE",
            "loopCondition": f"$.loop.iteration < {LOOPS}",
            "loopOver": [_simple("l")],
        },
        {
            "name": "switch",
            "taskReferenceName": "switch",
            "type": "SWITCH",
            "evaluatorType": "value-param",
            "expression": "side",
            "inputParameters": {"side": "${workflow.input.side}"},
            "decisionCases": {"odd": [_simple("odd")]},
            "defaultCase": [_simple("even")],
        },
        {
            "name": "sub",
            "taskReferenceName": "sub",
            "type": "SUB_WORKFLOW",
            "inputParameters": {"k": "${workflow.input.k}"},
            "subWorkflowParam": {"name": "chaos_child", "version": 1},
        },
        {"name": "wait", "taskReferenceName": "wait", "type": "WAIT", "inputParameters": {"duration": "1 seconds"}},
        _simple("flaky", FLAKY, "${sub.output.value}"),
        _simple("silent", SILENT, "${flaky.output.value}"),
        _simple("last", given="${silent.output.value}"),
    ],
    "outputParameters": {"joined": "${b2.output.value}", "last": "${last.output.value}"},
}


def task_def(name: str, response_s: int) -> Json:
    """Return the definition of a task that is tried again until it succeeds."""
    known = {"name": name, "retryCount": 1_000, "retryDelaySeconds": 0, "ownerEmail": "chaos@example.com"}
    return {**known, "responseTimeoutSeconds": response_s, "timeoutSeconds": 0}


def input_of(k: int) -> Json:
    """Return the input of the k-th workflow."""
    return {"k": k, "side": "odd" if k % 2 else "even"}


def output_of(k: int) -> Json:
    """Return the output that it must have."""
    child = value_of(k, "c2", value_of(k, "c1"))
    silent = value_of(k, "silent", value_of(k, "flaky", child))
    return {"joined": value_of(k, "b2", value_of(k, "b1")), "last": value_of(k, "last", silent)}


def refs_of(k: int) -> set[str]:
    """Return the tasks that must have completed, each once."""
    loops = {f"l__{number}" for number in range(1, LOOPS + 1)}
    fixed = {"a", "fork", "b1", "b2", "b3", "join", "loop", "switch", "sub", "wait", "flaky", "silent", "last"}
    return fixed | loops | {"odd" if k % 2 else "even"}


CHILD_REFS = {"c1", "c2"}


def answer_to(task: Json) -> tuple[str, Json] | None:
    """Return status and output that a worker reports for a task it was given; None: it says nothing."""
    values, ref = task["inputData"], task["referenceTaskName"]
    is_first = task["retryCount"] == 0
    if task["taskDefName"] == FLAKY and is_first:
        return "FAILED", {}
    if task["taskDefName"] == SILENT and is_first and values["k"] % SILENT_EVERY == 0:
        return None
    return "COMPLETED", {"value": value_of(values["k"], ref, values["given"])}
