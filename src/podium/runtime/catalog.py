"""The definitions of a node in memory: registered ones by name, bound ones by content hash.

Every change goes to the store first, and is followed by all nodes. Bound definitions that came with a request are
stored before anything that refers to them is.
"""

from collections import OrderedDict

from podium.engine.graph import Graph, bind
from podium.model.event import EventHandler
from podium.model.task_def import TaskDef
from podium.model.wire import decode, encode_json
from podium.model.workflow_def import WorkflowDef
from podium.runtime.documents import Documents
from podium.store import Store
from podium.store.records import Document

TASK_DEF = "task_def"
WORKFLOW_DEF = "workflow_def"
EVENT_HANDLER = "event_handler"
GRAPHS_MAX = 2_000


class Catalog:
    """Task definitions, workflow definitions and event handlers, and the graphs that follow from them."""

    def __init__(self, store: Store, documents: Documents) -> None:
        self._store = store
        self._documents = documents
        documents.follow(TASK_DEF, self._keep_task_def, self._forget_task_def)
        documents.follow(WORKFLOW_DEF, self._keep_workflow_def, self._forget_workflow_def)
        documents.follow(EVENT_HANDLER, self._keep_event_handler, self._forget_event_handler)
        self.task_defs: dict[str, TaskDef] = {}
        self.workflow_defs: dict[str, dict[int, WorkflowDef]] = {}
        self.event_handlers: dict[str, EventHandler] = {}
        self._bound: dict[tuple[str, int], Graph] = {}  # dropped as a whole when a definition changes
        self._graphs: OrderedDict[str, Graph] = OrderedDict()
        self._unsaved: dict[str, bytes] = {}
        self._saved: set[str] = set()

    # ---- what the store has

    def _keep_task_def(self, document: Document) -> None:
        self.task_defs[document.name] = decode(TaskDef, document.body)
        self._bound.clear()

    def _forget_task_def(self, name: str, _: int) -> None:
        self.task_defs.pop(name, None)
        self._bound.clear()

    def _keep_workflow_def(self, document: Document) -> None:
        definition = decode(WorkflowDef, document.body)
        self.workflow_defs.setdefault(document.name, {})[document.version] = definition
        self._bound.clear()

    def _forget_workflow_def(self, name: str, version: int) -> None:
        versions = self.workflow_defs.get(name, {})
        versions.pop(version, None)
        if not versions:
            self.workflow_defs.pop(name, None)
        self._bound.clear()

    def _keep_event_handler(self, document: Document) -> None:
        self.event_handlers[document.name] = decode(EventHandler, document.body)

    def _forget_event_handler(self, name: str, _: int) -> None:
        self.event_handlers.pop(name, None)

    # ---- lookups

    def task_def(self, name: str) -> TaskDef | None:
        """Return a registered task definition."""
        return self.task_defs.get(name)

    def latest_version(self, name: str) -> int | None:
        """Return the highest version of a workflow definition."""
        versions = self.workflow_defs.get(name)
        return max(versions) if versions else None

    def workflow_def(self, name: str, version: int | None) -> WorkflowDef | None:
        """Return a registered workflow definition, the latest one without a version."""
        versions = self.workflow_defs.get(name)
        if not versions:
            return None
        return versions.get(max(versions) if version is None else version)

    def limited_names(self) -> list[str]:
        """Return the workflow definitions of which a version limits how many run at once."""
        found = self.workflow_defs.items()
        return [name for name, versions in found if any(one.rateLimitConfig for one in versions.values())]

    def graph(self, name: str, version: int | None) -> Graph | None:
        """Return a registered definition bound to the present task definitions."""
        definition = self.workflow_def(name, version)
        if definition is None:
            return None
        key = (name, definition.version)
        graph = self._bound.get(key)
        if graph is None:
            graph = self._bound[key] = self.bind(definition)
        return graph

    def bind(self, definition: WorkflowDef) -> Graph:
        """Bind and keep a definition; it will be stored by the next `save`."""
        graph = Graph(bind(definition, self.task_def, self.latest_version))
        known = self._graphs.get(graph.hash)
        if known is not None:
            return known
        self._keep(graph)
        if graph.hash not in self._saved:
            self._unsaved[graph.hash] = graph.json
        return graph

    def graph_by_hash(self, def_hash: str) -> Graph | None:
        """Return a bound definition that is in memory."""
        graph = self._graphs.get(def_hash)
        if graph is not None:
            self._graphs.move_to_end(def_hash)
        return graph

    async def fetch(self, def_hash: str) -> Graph | None:
        """Return a bound definition from memory or from the store."""
        graph = self.graph_by_hash(def_hash)
        if graph is not None:
            return graph
        body = await self._store.definition(def_hash)
        if body is None:
            return None
        graph = Graph(decode(WorkflowDef, body), body)
        self._keep(graph)
        self._saved.add(graph.hash)
        return graph

    def _keep(self, graph: Graph) -> None:
        self._graphs[graph.hash] = graph
        while len(self._graphs) > GRAPHS_MAX:
            old, _ = self._graphs.popitem(last=False)
            if old in self._unsaved:
                self._graphs[old] = _
                break

    async def save(self) -> None:
        """Store the bound definitions that are not stored yet; called before a commit that may refer to them."""
        while self._unsaved:
            def_hash, body = next(iter(self._unsaved.items()))
            await self._store.put_definition(def_hash, body)
            self._unsaved.pop(def_hash, None)
            self._saved.add(def_hash)

    # ---- changes

    async def put_task_def(self, definition: TaskDef, now_ms: int) -> None:
        """Store a task definition in place of one with the same name."""
        await self._documents.put(Document(TASK_DEF, definition.name, 0, encode_json(definition), now_ms))

    async def delete_task_def(self, name: str) -> bool:
        """Delete a task definition; False when there is none."""
        return await self._documents.delete(TASK_DEF, name)

    async def put_workflow_def(self, definition: WorkflowDef, now_ms: int, *, replace: bool = True) -> bool:
        """Store a workflow definition; False when the version exists and *replace* is not set."""
        document = Document(WORKFLOW_DEF, definition.name, definition.version, encode_json(definition), now_ms)
        return await self._documents.put(document, replace=replace)

    async def delete_workflow_def(self, name: str, version: int) -> bool:
        """Delete one version of a workflow definition; False when there is none."""
        return await self._documents.delete(WORKFLOW_DEF, name, version)

    async def put_event_handler(self, handler: EventHandler, now_ms: int) -> None:
        """Store an event handler in place of one with the same name."""
        await self._documents.put(Document(EVENT_HANDLER, handler.name, 0, encode_json(handler), now_ms))

    async def delete_event_handler(self, name: str) -> bool:
        """Delete an event handler; False when there is none."""
        return await self._documents.delete(EVENT_HANDLER, name)
