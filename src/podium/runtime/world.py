"""The context of decisions on this node: clock, definitions, limits, and the answers of scripts."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from podium.engine.context import Limits, Script, ScriptAnswer
from podium.engine.graph import Graph
from podium.engine.task_type import Registry
from podium.model.errors import InvalidRequest
from podium.model.rules import Checks
from podium.model.rules.nesting import check_size
from podium.model.schema_def import SchemaDef
from podium.model.task_def import TaskDef
from podium.model.workflow_def import WorkflowDef
from podium.runtime.catalog import Catalog
from podium.runtime.clock import Clock
from podium.runtime.schemas import Schemas
from podium.runtime.variables import Variables

STACK_NAMES = ("NETFLIX_ENV", "NETFLIX_STACK")
FAMILIES_MAX = 10_000
_SIZES = Checks(task_def=lambda _: None, script_error=lambda _: None, path_error=lambda _: None)


class World:
    """What all decisions of a node share; `context()` gives what one decision sees."""

    def __init__(
        self,
        clock: Clock,
        catalog: Catalog,
        types: Registry,
        limits: Limits,
        variables: Variables,
        schemas: Schemas,
    ) -> None:
        self.clock = clock
        self.catalog = catalog
        self.types = types
        self.limits = limits
        self.variables = variables
        self.schemas = schemas
        self.is_domain_active: Callable[[str], bool] = lambda _: False
        self.has_place: Callable[[str, str, int, str], bool] = lambda *_: True
        self.has_queue: Callable[[str], bool] = lambda _: False
        self.kept_output: Callable[[str, str], bytes | None] = lambda *_: None
        self._families: OrderedDict[str, int] = OrderedDict()

    def count_start(self, root_id: str) -> int:
        """Count one more workflow that descends from *root_id*; the families counted longest ago are forgotten."""
        count = self._families[root_id] = self._families.get(root_id, 0) + 1
        self._families.move_to_end(root_id)
        if len(self._families) > FAMILIES_MAX:
            self._families.popitem(last=False)
        return count

    def context(self) -> "Sight":
        """Return the world at this moment."""
        return Sight(self)


class Sight:
    """The world as one decision sees it (engine.context.Context)."""

    __slots__ = ("_answers", "_world", "limits", "now_ms", "types")

    def __init__(self, world: World) -> None:
        self._world = world
        self._answers: dict[Script, ScriptAnswer] = {}
        self.now_ms = world.clock.now_ms()
        self.limits = world.limits
        self.types = world.types

    def new_workflow_id(self) -> str:
        """Return a fresh workflow id."""
        return self._world.clock.new_workflow_id()

    def jitter(self) -> float:
        """Return a number from 0 up to 1."""
        return self._world.clock.jitter()

    def graph(self, name: str, version: int | None) -> Graph | None:
        """Return the bound definition, the latest one without a version."""
        return self._world.catalog.graph(name, version)

    def graph_by_hash(self, def_hash: str) -> Graph | None:
        """Return a definition that was bound before."""
        return self._world.catalog.graph_by_hash(def_hash)

    def bind(self, definition: WorkflowDef) -> Graph:
        """Bind and keep a definition that comes with a request."""
        broken = check_size(definition, "workflowDef", _SIZES)
        if broken:
            raise InvalidRequest(f"{broken[0].path}: {broken[0].message}")
        return self._world.catalog.bind(definition)

    def task_def(self, name: str) -> TaskDef | None:
        """Return a registered task definition."""
        return self._world.catalog.task_def(name)

    def is_domain_active(self, queue: str) -> bool:
        """Whether a worker polled *queue* a short time ago."""
        return self._world.is_domain_active(queue)

    def environment(self, name: str) -> str | None:
        """Return a value of the environment store."""
        return self._world.variables.environment(name)

    def system(self, name: str) -> str | None:
        """Return NETFLIX_ENV or NETFLIX_STACK; no other variable of the process is given away."""
        return self._world.variables.system(name) if name in STACK_NAMES else None

    def count_start(self, root_id: str) -> int:
        """Count one more workflow that descends from *root_id*."""
        return self._world.count_start(root_id)

    def has_queue(self, provider: str) -> bool:
        """Whether messages can be published to event queues outside of podium that have this prefix."""
        return self._world.has_queue(provider)

    def kept_output(self, name: str, key: str) -> bytes | None:
        """Return an output that tasks of definition *name* with this `cacheConfig` key may take over."""
        return self._world.kept_output(name, key)

    def has_place(self, name: str, key: str, limit: int, workflow_id: str) -> bool:
        """Take one of *limit* places for open workflows of definition *name* with the rate limit key *key*."""
        return self._world.has_place(name, key, limit, workflow_id)

    def schema_data(self, schema: SchemaDef) -> dict[str, Any] | None:
        """Return the JSON schema that a definition brings along or names."""
        return self._world.schemas.data(schema)

    def script(self, script: Script) -> ScriptAnswer | None:
        """Return the answer of a script that was evaluated for this decision."""
        return self._answers.get(script)

    def learn(self, script: Script, answer: ScriptAnswer) -> None:
        """Take the answer of a script."""
        self._answers[script] = answer
