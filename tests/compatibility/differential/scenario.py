"""What a scenario is: definitions, a worker's script and operations, as data that a driver plays on any server.

Names of definitions, tasks and queues begin with `~`, which stands for a prefix that no other scenario has. In paths
and bodies `@w` is the id of the workflow, `@t.REF` that of the latest task with a reference name, `@c.REF` that of the
workflow which the task started.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.compatibility.differential.call import NOTHING, Call
from tests.compatibility.differential.definition import workflow
from tests.compatibility.differential.outcome import Outcome

Json = Any


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


def work(**script: Sequence[Outcome]) -> Work:
    return Work(script)


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
