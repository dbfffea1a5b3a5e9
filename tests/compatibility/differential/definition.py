"""Definitions that scenarios register."""

from typing import Any

Json = Any


def workflow(name: str, *tasks: Json, **fields: Json) -> dict[str, Json]:
    return {"name": name, "version": 1, "tasks": list(tasks), **fields}


def task_def(name: str, **fields: Json) -> dict[str, Json]:
    """Return a definition of a task that is not retried unless told so, and at once then."""
    return {"name": name, "retryCount": 0, "retryDelaySeconds": 0, **fields}


def task_defs(*refs: str) -> list[dict[str, Json]]:
    """Return definitions of the tasks that `flow.simple` makes."""
    return [task_def(f"~{ref}") for ref in refs]
