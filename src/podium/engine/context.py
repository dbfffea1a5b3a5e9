"""What a decision may ask of the world: the time, ids, definitions, limits, and evaluated scripts.

Everything that is not a function of the workflow and the command comes in here, so that the same decision can be
repeated.
"""

from typing import Any, Protocol

import msgspec

from podium.engine.graph import Graph
from podium.model.schema_def import SchemaDef
from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowDef

KB = 1024


class Limits(msgspec.Struct, frozen=True):
    """Sizes that the engine enforces, in bytes, and counts."""

    task_payload_bytes: int = 10240 * KB
    workflow_payload_bytes: int = 10240 * KB
    variables_bytes: int = 256 * KB
    reason_chars: int = 500
    fork_width: int = 50_000
    loop_iterations: int = 1_000_000
    nesting_depth: int = 50
    family_size: int = 1_000_000
    # What one decision may do before it goes on in another one, so that no workflow keeps the others waiting …
    inline_tasks_per_decision: int = 1_000
    path_steps_per_decision: int = 500_000  # nodes that paths visit
    new_bytes_per_decision: int = 16 * KB * KB  # inputs and outputs
    # … and what even a single step, as a fork, must not exceed.
    path_steps: int = 4_000_000
    new_bytes: int = 256 * KB * KB  # inputs


class Script(msgspec.Struct, frozen=True):
    """A script to evaluate outside of the server process; `input` is compact JSON."""

    language: str  # "javascript", "python", "jq" or "json_schema"
    source: str
    input: bytes
    is_body: bool = False  # the source is the body of a function
    attempt: int = 0  # a further attempt of a task is evaluated anew


class ScriptAnswer(msgspec.Struct, frozen=True):
    """What a script said: compact JSON, or an error in Conductor's words."""

    value: bytes | None = None
    error: str | None = None
    timed_out: bool = False


class ScriptNeeded(Exception):
    """The step can't go on without the values of scripts; it is taken again when they are there."""

    def __init__(self, *scripts: Script) -> None:
        super().__init__(scripts[0].source[:80])
        self.scripts = scripts


class Context(Protocol):
    """The world as one decision sees it."""

    now_ms: int
    limits: Limits
    types: Any  # engine.task_type.Registry

    def new_workflow_id(self) -> str:
        """Return a fresh workflow id."""

    def jitter(self) -> float:
        """Return a number from 0 up to 1."""

    def graph(self, name: str, version: int | None) -> Graph | None:
        """Return the bound definition, the latest one without a version; None when there is none."""

    def graph_by_hash(self, def_hash: str) -> Graph | None:
        """Return a definition that was bound before."""

    def bind(self, definition: WorkflowDef) -> Graph:
        """Bind and keep a definition that comes with a request; errors are `InvalidRequest`."""

    def task_def(self, name: str) -> TaskDef | None:
        """Return a registered task definition."""

    def is_domain_active(self, queue: str) -> bool:
        """Whether a worker polled *queue* (with its domain) a short time ago."""

    def environment(self, name: str) -> str | None:
        """Return a value of the environment store."""

    def system(self, name: str) -> str | None:
        """Return the value of a bare `${NAME}` that the operator allows."""

    def count_start(self, root_id: str) -> int:
        """Count one more workflow that descends from *root_id*; returns how many were counted in this process."""

    def has_place(self, name: str, key: str, limit: int, workflow_id: str) -> bool:
        """Take one of *limit* places for open workflows of definition *name* with the rate limit key *key*."""

    def has_queue(self, provider: str) -> bool:
        """Whether messages can be published to event queues outside of podium that have this prefix."""

    def kept_output(self, name: str, key: str) -> bytes | None:
        """Return an output that tasks of definition *name* with this `cacheConfig` key may take over."""

    def schema_data(self, schema: SchemaDef) -> dict[str, Any] | None:
        """Return the JSON schema that a definition names or brings along; None when nobody has it."""

    def script(self, script: Script) -> ScriptAnswer | None:
        """Return the answer of a script evaluated for this decision; None when it was not asked yet."""
