"""What a scenario is: definitions, a worker's script and operations, as data that a driver plays on any server.

Names of definitions, tasks and queues begin with `~`, which stands for a prefix that no other scenario has. In paths
and bodies `@w` is the id of the workflow, `@t.REF` that of the latest task with a reference name, `@c.REF` that of the
workflow which the task started.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = Any
NOTHING: Json = object()


@dataclass(frozen=True)
class Outcome:
    """What the worker says of one attempt at a task; `status` may be one of the words below."""

    status: str
    fields: Mapping[str, Json] = field(default_factory=dict)


LEAVE = "leave"  # never polled
HOLD = "hold"  # polled, and not answered


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


@dataclass(frozen=True)
class Work:
    """A worker does what the script says for as long as there is something to do."""

    script: Mapping[str, Sequence[Outcome]] = field(default_factory=dict)


@dataclass(frozen=True)
class Until:
    """Wait until the workflow, or the latest task of a reference name, has a status; then executions are recorded."""

    status: str
    ref: str = ""
    within_s: float = 75.0


@dataclass(frozen=True)
class Poll:
    """Poll once, recorded with the task that it brings; waits for a task when `until_found`."""

    queue: str
    until_found: bool = True
    domain: str = ""
    is_held: bool = True


@dataclass(frozen=True)
class Rest:
    """Let the server come to rest, and record executions."""


Step = Call | Work | Until | Poll | Rest


@dataclass(frozen=True)
class Scenario:
    """One scenario; *covers* names the statements of the specification that it shows, as `page section`."""

    name: str
    covers: tuple[str, ...]
    steps: tuple[Step, ...]
    patience_s: float = 0.0  # how long the upstream server may take to come to rest; 0: the driver's own


# ---- outcomes


def ok(**output: Json) -> Outcome:
    return Outcome("COMPLETED", {"outputData": output})


def fail(reason: str = "broken", **output: Json) -> Outcome:
    return Outcome("FAILED", {"reasonForIncompletion": reason, "outputData": output})


def terminal(reason: str = "hopeless", **output: Json) -> Outcome:
    return Outcome("FAILED_WITH_TERMINAL_ERROR", {"reasonForIncompletion": reason, "outputData": output})


def progress(after_s: int = 0, **output: Json) -> Outcome:
    return Outcome("IN_PROGRESS", {"callbackAfterSeconds": after_s, "outputData": output})


canceled = Outcome("CANCELED")
leave = [Outcome(LEAVE)] * 99
hold = [Outcome(HOLD)]


# ---- steps of a scenario


def operation(method: str, path: str, body: Json = NOTHING, **fields: Json) -> Call:
    """Return a call after which the server comes to rest."""
    return Call(method, path, body, look=True, **fields)


def work(**script: Sequence[Outcome]) -> Work:
    return Work(script)


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


# ---- whole scenarios


def workflow(name: str, *tasks: Json, **fields: Json) -> dict[str, Json]:
    return {"name": name, "version": 1, "tasks": list(tasks), **fields}


def task_def(name: str, **fields: Json) -> dict[str, Json]:
    """Return a definition of a task that is not retried unless told so, and at once then."""
    return {"name": name, "retryCount": 0, "retryDelaySeconds": 0, **fields}


def case(
    name: str,
    covers: str,
    tasks: Sequence[Json],
    *steps: Step,
    given: Json = NOTHING,
    defs: Sequence[Json] = (),
    script: Mapping[str, Sequence[Outcome]] | None = None,
    start: Mapping[str, Json] | None = None,
    patience_s: float = 0.0,
    **fields: Json,
) -> Scenario:
    """Return a scenario that registers a workflow of *tasks* and *defs*, starts it, works by *script*, then makes *steps*.

    *covers* holds statements with commas between; *start* are further fields of the start request.
    """
    flow = workflow("~w", *tasks, **fields)
    body: dict[str, Json] = {"name": "~w", **(start or {})}
    if given is not NOTHING:
        body["input"] = given
    first: list[Step] = [*registered(*defs, flow), Call("POST", "/workflow", body, keeps="w"), Work(script or {})]
    return Scenario(name, statements(covers), (*first, *steps), patience_s)


def calls(name: str, covers: str, *steps: Step, defs: Sequence[Json] = ()) -> Scenario:
    """Return a scenario of calls alone."""
    return Scenario(name, statements(covers), (*registered(*defs), *steps))


def statements(covers: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in covers.split(","))


def registered(*defs: Json) -> list[Step]:
    """Return the calls that register definitions; those of workflows have tasks."""
    task_defs = [one for one in defs if "tasks" not in one]
    found: list[Step] = [Call("POST", "/metadata/taskdefs", task_defs)] if task_defs else []
    return [*found, *(Call("POST", "/metadata/workflow", one) for one in defs if "tasks" in one)]
