"""Calls of a scenario, and those of them by which people and workers steer workflows."""

from dataclasses import dataclass
from typing import Any

Json = Any
NOTHING: Json = object()


@dataclass(frozen=True)
class Call:
    """A call of which status and body are recorded; then the server may come to rest, and executions are recorded."""

    method: str
    path: str
    body: Json = NOTHING
    look: bool = False
    keeps: str = ""  # the name under which an id in the answer is known from then on
    content_type: str = "application/json"
    is_shown: bool = True


def operation(method: str, path: str, body: Json = NOTHING, **fields: Json) -> Call:
    """Return a call after which the server comes to rest."""
    return Call(method, path, body, look=True, **fields)


def pause(who: str = "@w") -> Call:
    return operation("PUT", f"/workflow/{who}/pause")


def resume(who: str = "@w") -> Call:
    return operation("PUT", f"/workflow/{who}/resume")


def retry(who: str = "@w", query: str = "") -> Call:
    return operation("POST", f"/workflow/{who}/retry{query}")


def restart(who: str = "@w", query: str = "") -> Call:
    return operation("POST", f"/workflow/{who}/restart{query}")


def rerun(ref: str = "", who: str = "@w", **body: Json) -> Call:
    return operation("POST", f"/workflow/{who}/rerun", {"reRunFromTaskId": f"@t.{ref}", **body} if ref else body)


def terminate(who: str = "@w", query: str = "?reason=enough") -> Call:
    return operation("DELETE", f"/workflow/{who}{query}")


def skip(ref: str, query: str = "") -> Call:
    return operation("PUT", f"/workflow/@w/skiptask/{ref}{query}")


def decide(who: str = "@w") -> Call:
    return operation("PUT", f"/workflow/decide/{who}")


def update(ref: str, status: str = "COMPLETED", output: Json = NOTHING, **fields: Json) -> Call:
    """Return a task update by id."""
    body = {"workflowInstanceId": "@w", "taskId": f"@t.{ref}", "status": status, **fields}
    if output is not NOTHING:
        body["outputData"] = output
    return operation("POST", "/tasks", body)


def by_ref(ref: str, status: str = "COMPLETED", output: Json = NOTHING, query: str = "") -> Call:
    """Return a task update by reference name."""
    return operation("POST", f"/tasks/@w/{ref}/{status}{query}", {} if output is NOTHING else output)
