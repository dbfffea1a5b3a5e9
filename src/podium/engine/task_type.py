"""The protocol of a task type, and the registry.

A task type says how a step becomes tasks, and, when the engine runs it, what happens at its start and when something
below it changes. It works on the session of the decision and does no I/O: types that must act (HTTP, …) are run by the
runtime and report back.
"""

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from podium.engine.graph import Step
from podium.model.task import EMPTY, Runs, Task

if TYPE_CHECKING:
    from podium.engine.session import Place, Plan, Session


class TaskType(Protocol):
    """One type of task."""

    @property
    def name(self) -> str:
        """Conductor's text for the type."""

    @property
    def runs(self) -> Runs:
        """Who ends it: "worker" (polls), "system" (a runner of the server), "engine" (the decision, or an update)."""

    @property
    def is_retried(self) -> bool:
        """Whether a failure is retried as the task definition says; control flow never is."""

    def create(self, step: Step, place: "Place", plan: "Plan") -> None:
        """Add the tasks of *step* to *plan*; may raise `ScriptNeeded` since nothing is done yet."""

    def start(self, task: Task, session: "Session") -> None:
        """Run a task of the engine; may leave it open. May raise `ScriptNeeded` before it changes anything."""

    def settle(self, task: Task, session: "Session") -> None:
        """Look at an open task again after something that it waits for has changed."""

    def reopen(self, task: Task, session: "Session") -> None:
        """Make an ended task of a type that waits for others fit to go on; the indexes are out of date here."""

    def cancel(self, task: Task, session: "Session") -> None:
        """Do what the cancellation of an open task takes beyond its status."""

    def next_input(self, task: Task, step: Step, session: "Session") -> bytes:
        """Return the input of the attempt that follows the failed *task*."""


class Registry:
    """Task types by name; any other type is a worker's."""

    def __init__(self, types: list[TaskType], fallback: TaskType) -> None:
        self._types = {one.name: one for one in types}
        self._fallback = fallback

    def of(self, type_name: str) -> TaskType:
        """Return the type of that name, else that of a worker's task."""
        return self._types.get(type_name, self._fallback)

    def names(self) -> list[str]:
        """Return the names of the types that the server itself knows."""
        return sorted(self._types)

    def system_queues(self) -> list[str]:
        """Return the queues that the server's own runner polls."""
        return sorted(name for name, one in self._types.items() if one.runs == "system")


class Outcome(msgspec.Struct, frozen=True):
    """What the runner reports of a task of the server; `IN_PROGRESS` with a callback means: run it again later."""

    status: str
    output: bytes = EMPTY
    reason: str | None = None
    callback_after_s: int = 0


class Request(msgspec.Struct, frozen=True):
    """An HTTP request to make."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None = None
    connect_timeout_ms: int = 3000
    read_timeout_ms: int = 3000


class Response(msgspec.Struct, frozen=True):
    """An HTTP response; header names as they came."""

    status: int
    phrase: str
    headers: dict[str, list[str]]
    body: bytes


class Io(Protocol):
    """The tools that a task of the server gets for its work."""

    async def http(self, request: Request) -> Response:
        """Make a request and return the response, whatever its status; raises `OSError` with a clear text otherwise."""


class SystemTaskType(TaskType, Protocol):
    """A task type that the server's own runner executes, outside of decisions."""

    async def execute(self, given: dict[str, Any], io: Io) -> Outcome:
        """Do the work of a task with the input *given* (secrets are put in)."""
