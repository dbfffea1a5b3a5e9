"""Workflows that run in memory, one command after another, with a clock that is turned by hand.

The same decisions as in a server, without tasks of asyncio, store or network: what a decision writes goes through
`Rows`, and messages between workflows are carried at once. Nothing here waits or is random, so that a test of a
definition, of a task type or of the engine gives the same result each time.
"""

import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import msgspec

from podium.engine import commands
from podium.engine.commands import NEEDS_HISTORY, Command, StartWorkflow, Wake
from podium.engine.context import Limits, Script, ScriptAnswer
from podium.engine.decide import decide, new_workflow, seal
from podium.engine.graph import Graph, bind, step_of
from podium.engine.requests import resolve_start
from podium.engine.session import Session
from podium.engine.task_type import Registry
from podium.engine.view import WorkflowView, task_view, view_of
from podium.model.errors import Conflict, NotFound, PodiumError
from podium.model.ids import workflow_id
from podium.model.schema_def import SchemaDef
from podium.model.start import StartWorkflowRequest
from podium.model.task import Task
from podium.model.task_def import TaskDef
from podium.model.transition import KeptOutput, Message, Transition
from podium.model.wire import Json, convert
from podium.model.workflow import Workflow
from podium.model.workflow_def import WorkflowDef
from podium.runtime.idempotency import allowed_or_refused
from podium.runtime.keyed_starts import answer_of
from podium.runtime.rows import Rows
from podium.tasks import registry
from podium.tasks.progress import show_progress

BEGIN_MS = 1_700_000_000_000
WAKES_MAX = 10_000  # within one turn of the clock
_MESSAGES = (
    commands.StartWorkflow
    | commands.ChildEnded
    | commands.ChildRevived
    | commands.AskEnd
    | commands.Terminate
    | commands.Retry
    | commands.UpdateTask
)
_decode_command: Callable[[bytes], Command] = msgspec.msgpack.Decoder(_MESSAGES).decode
_decode_event = msgspec.msgpack.Decoder(tuple[str, bytes]).decode

Evaluate = Callable[[Script], ScriptAnswer]


class Definitions(Protocol):
    """Registered definitions of somebody else, as the catalog of a node."""

    def task_def(self, name: str) -> TaskDef | None:
        """Return a task definition."""

    def workflow_def(self, name: str, version: int | None) -> WorkflowDef | None:
        """Return a workflow definition, the latest one without a version."""


class Nothing:
    """No definitions."""

    def task_def(self, name: str) -> TaskDef | None:  # noqa: ARG002 (of the protocol)
        """Return None."""
        return None

    def workflow_def(self, name: str, version: int | None) -> WorkflowDef | None:  # noqa: ARG002 (of the protocol)
        """Return None."""
        return None


class Stage:
    """A stage with a clock, definitions, and the workflows that run on it."""

    def __init__(
        self,
        scripts: Evaluate,
        *,
        limits: Limits | None = None,
        types: Registry | None = None,
        environment: Mapping[str, str] | Callable[[str], str | None] | None = None,
        definitions: Definitions | None = None,
        begin_ms: int = BEGIN_MS,
        new_id: Callable[[], str] | None = None,
        schema_data: Callable[[SchemaDef], dict[str, Any] | None] = lambda schema: schema.data,
        is_forgetful: bool = False,
    ) -> None:
        """*definitions* are used where `register` was not called for a name.

        *is_forgetful*: read a workflow from its rows before each command, as a server does after a restart.
        """
        self.now_ms = begin_ms
        self.limits = limits or Limits()
        self.types = types or registry()
        self.chance = 0.0  # what stands for chance in retry delays, from 0 up to 1
        self.active_queues: set[str] = set()  # `domain:queue` names that workers have polled a short time ago
        self.queue_providers: set[str] = set()  # prefixes of event queues outside of podium that are set up
        self.events: list[tuple[str, str, Json]] = []  # published: queue, message id, payload
        self.messages: deque[Message] = deque()  # on their way between workflows
        self.carries_messages = True
        self.commits: list[Transition] = []
        self.on_commit: list[Callable[[Transition], object]] = [self.commits.append]
        self.takes: Callable[[Command], bool] = lambda _: False  # whether a command between workflows is kept back
        self.last_rows = 0  # rows that the last commit wrote
        self._scripts = scripts
        self._schema_data = schema_data
        self._definitions = definitions or Nothing()
        self._environment = environment if callable(environment) else (environment or {}).get
        self._is_forgetful = is_forgetful
        self._ids = itertools.count(1)
        self.new_workflow_id = new_id or self._next_id
        self._task_defs: dict[str, TaskDef] = {}
        self._workflow_defs: dict[str, dict[int, WorkflowDef]] = {}
        self._graphs: dict[str, Graph] = {}
        self._rows: dict[str, Rows] = {}
        self._workflows: dict[str, Workflow] = {}
        self._answers: dict[Script, ScriptAnswer] = {}
        self._families: Counter[str] = Counter()
        self._kept: dict[tuple[str, str], KeptOutput] = {}
        self._kept_starts: list[Message] = []  # until what stands for them has ended

    # ---- definitions

    def register(self, *definitions: WorkflowDef | TaskDef | dict[str, Json]) -> None:
        """Take definitions; a map with `tasks` is one of a workflow, any other map one of a task."""
        for given in definitions:
            known = given
            if isinstance(known, dict):
                known = convert(WorkflowDef, known) if "tasks" in known else convert(TaskDef, known)
            if isinstance(known, TaskDef):
                self._task_defs[known.name] = known
            else:
                self._workflow_defs.setdefault(known.name, {})[known.version] = known

    # ---- what decisions ask of the world (engine.context.Context)

    def _next_id(self) -> str:
        return workflow_id(self.now_ms, next(self._ids))

    def jitter(self) -> float:
        """Return the number that stands for chance."""
        return self.chance

    def graph(self, name: str, version: int | None) -> Graph | None:
        """Return a registered definition, bound."""
        versions = self._workflow_defs.get(name)
        if versions:
            definition = versions.get(max(versions) if version is None else version)
        else:
            definition = self._definitions.workflow_def(name, version)
        return None if definition is None else self.bind(definition)

    def graph_by_hash(self, def_hash: str) -> Graph | None:
        """Return a definition that was bound before."""
        return self._graphs.get(def_hash)

    def bind(self, definition: WorkflowDef) -> Graph:
        """Bind and keep a definition."""
        graph = Graph(bind(definition, self.task_def, self._latest_version))
        return self._graphs.setdefault(graph.hash, graph)

    def _latest_version(self, name: str) -> int | None:
        if name in self._workflow_defs:
            return max(self._workflow_defs[name])
        known = self._definitions.workflow_def(name, None)
        return None if known is None else known.version

    def task_def(self, name: str) -> TaskDef | None:
        """Return a registered task definition."""
        return self._task_defs.get(name) or self._definitions.task_def(name)

    def is_domain_active(self, queue: str) -> bool:
        """Whether *queue* is among the active ones."""
        return queue in self.active_queues

    def environment(self, name: str) -> str | None:
        """Return a value of the environment store."""
        return self._environment(name)

    def system(self, name: str) -> str | None:  # noqa: ARG002 (of the protocol)
        """Return None: no variable of the process is given away."""
        return None

    def has_queue(self, provider: str) -> bool:
        """Whether *provider* is among those that are set up."""
        return provider in self.queue_providers

    def kept_output(self, name: str, key: str) -> bytes | None:
        """Return an output that a task with a `cacheConfig` has left, until its time has passed."""
        kept = self._kept.get((name, key))
        return kept.output if kept is not None and kept.until_ms > self.now_ms else None

    def has_place(self, name: str, key: str, limit: int, workflow_id: str) -> bool:  # noqa: ARG002 (of the protocol)
        """Return True: on a stage nothing waits for others."""
        return True

    def count_start(self, root_id: str) -> int:
        """Count one more workflow that descends from *root_id*."""
        self._families[root_id] += 1
        return self._families[root_id]

    def schema_data(self, schema: SchemaDef) -> dict[str, Any] | None:
        """Return the JSON schema that a definition brings along, or that somebody has under its name."""
        return self._schema_data(schema)

    def script(self, script: Script) -> ScriptAnswer | None:
        """Return the answer of a script that was evaluated for this decision."""
        return self._answers.get(script)

    # ---- commands

    def start(self, name: str, given: dict[str, Json] | None = None, **fields: Any) -> str:
        """Start a registered workflow and return its id; *fields* are those of Conductor's start request."""
        request = convert(StartWorkflowRequest, {"name": name, "input": given or {}, **fields})
        key = self.new_workflow_id()
        self.send(key, resolve_start(self, request))
        return key

    def send(self, workflow_id: str, *wanted: Command) -> Any:
        """Decide on commands in one commit, carry the messages that follow, and return the answer of the last one.

        A refused command raises its error, after the commit of those before it.
        """
        answer = self._decide(workflow_id, wanted)
        if self.carries_messages:
            self.carry()
        return answer

    def advance(self, seconds: float) -> None:
        """Turn the clock on, and let every deadline on the way take effect at its time."""
        until_ms = self.now_ms + round(seconds * 1000)
        for _ in range(WAKES_MAX):
            wake_ms, key = min(self._wakes(), default=(until_ms + 1, ""))
            if wake_ms > until_ms:
                self.now_ms = until_ms
                return
            self.now_ms = max(self.now_ms, wake_ms)
            self.send(key, Wake())
        raise RuntimeError(f"more than {WAKES_MAX} wake-ups until {until_ms}: some deadline does not move")

    def _wakes(self) -> Iterable[tuple[int, str]]:
        return ((flow.head.wake_ms, key) for key, flow in self._workflows.items() if flow.head.wake_ms)

    def carry(self) -> None:
        """Bring all messages home, also those that they cause; a refused one is dropped, as in a server."""
        while self.messages:
            self.carry_next()

    def carry_next(self) -> None:
        """Bring the oldest message home."""
        message = self.messages.popleft()
        if message.kind == "event":
            message_id, payload = _decode_event(message.body)
            self.events.append((message.target, message_id, msgspec.json.decode(payload)))
            return
        command = _decode_command(message.body)
        if self.takes(command):
            return
        try:
            if not self._is_answered(message, command):
                self._decide(message.target, (command,))
        except PodiumError as error:
            answer = commands.bounced(message.target, command, error.message)
            if answer is not None:
                self._decide(answer[0], (answer[1],))

    def _is_answered(self, message: Message, command: Command) -> bool:
        """Answer a start for whose idempotency key there is a workflow, as `KeyedStarts` does."""
        if not isinstance(command, StartWorkflow) or not command.idempotency_strategy:
            return False
        pair = (command.name, command.idempotency_key)
        known = [one for one in self._workflows.values() if (one.head.name, one.head.idempotency_key) == pair]
        if not known or (command.idempotency_strategy == "FAIL_ON_RUNNING" and known[-1].is_terminal):
            return False
        standing = known[-1]
        allowed_or_refused(*pair, command.idempotency_strategy, standing.head.id)
        answer = answer_of(standing, message.target, command)
        if answer is None:
            self._kept_starts.append(message)
        else:
            self._decide(answer[0], (answer[1],))
        return True

    # ---- looking

    def workflow(self, workflow_id: str) -> Workflow:
        """Return the workflow in memory; never change it."""
        if workflow_id not in self._workflows:
            raise NotFound(f"No such workflow found by id: {workflow_id}")
        return self._workflows[workflow_id]

    def workflow_ids(self) -> list[str]:
        """Return the ids of all workflows, in the order of their start."""
        return list(self._workflows)

    def rows(self, workflow_id: str) -> Rows:
        """Return the rows of a workflow."""
        return self._rows[workflow_id]

    def seen(self, workflow_id: str) -> WorkflowView:
        """Return a workflow with all tasks as clients see it."""
        flow, tasks = self._rows[workflow_id].restored(self.workflow(workflow_id).graph)
        views = []
        for task in tasks:
            view = task_view(flow.head, task, step_of(flow, task), self.now_ms)
            show_progress(view, flow, task)
            views.append(view)
        return view_of(flow, views)

    # ---- one commit

    def _decide(self, workflow_id: str, wanted: Iterable[Command]) -> Any:
        wanted = tuple(wanted)
        flow, history = self._take(workflow_id, wanted[0])
        session = Session(flow, self)
        self._answers.clear()
        answer: Any = None
        refusal: PodiumError | None = None
        for command in wanted:
            was_changed = session.change.is_changed
            try:
                answer, refusal = self._answer(session, command, history), None
            except PodiumError as error:
                answer, refusal = None, error
                if session.change.is_changed and not was_changed:
                    raise AssertionError(f"{command} was refused, but had changed the workflow") from error
        self._commit(workflow_id, session)
        if refusal is not None:
            raise refusal
        return answer

    def _answer(self, session: Session, command: Command, history: list[Task]) -> Any:
        decision = decide(session, command, history)
        try:
            while True:
                for script in next(decision):
                    self._answers[script] = self._scripts(script)
        except StopIteration as end:
            return end.value

    def _take(self, workflow_id: str, command: Command) -> tuple[Workflow, list[Task]]:
        rows = self._rows.get(workflow_id)
        if isinstance(command, StartWorkflow):
            if rows is not None:
                raise Conflict(f"Workflow with id {workflow_id} already exists!")
            return new_workflow(workflow_id, command, self._graphs[command.def_hash], self.now_ms), []
        flow = self.workflow(workflow_id)
        if rows is not None and (self._is_forgetful or type(command) in NEEDS_HISTORY):
            return rows.restored(flow.graph)
        return flow, []

    def _commit(self, workflow_id: str, session: Session) -> None:
        change = seal(session)
        self.messages.extend(change.messages)
        self._kept.update({(kept.name, kept.key): kept for kept in change.kept})
        if change.removed:
            del self._rows[workflow_id], self._workflows[workflow_id]
        elif change.is_changed:
            self.last_rows = self._rows.setdefault(workflow_id, Rows()).apply(change)
            self._workflows[workflow_id] = session.workflow
        if change.is_changed:
            for note in self.on_commit:
                note(change)
        if self._kept_starts and session.workflow.is_terminal:
            kept, self._kept_starts = self._kept_starts, []
            self.messages.extend(kept)
