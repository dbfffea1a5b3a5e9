"""Runs a workflow on a stage with outcomes that were written down beforehand, as fast as they can be decided.

Each outcome takes its time on the clock of the stage: the task waits, is leased, and ends after its execution time.
So retries, delays, waits and timeouts happen when they would, without anybody waiting for them.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import NamedTuple

from podium.engine.commands import ChildEnded, Command, PollTask, StartWorkflow, UpdateTask
from podium.model.start import TaskMock, WorkflowTestRequest
from podium.model.status import CANCELED, COMPLETED, FAILED, IN_PROGRESS, SCHEDULED, TERMINATED
from podium.model.task import Task
from podium.model.transition import Transition
from podium.model.wire import encode_json
from podium.model.workflow import Head
from podium.runtime.stage import Stage

OUTCOMES_MAX = 20_000
TASKS_MAX = 50_000
WORKER = "mock"
_OPERATORS = frozenset({"JOIN", "EXCLUSIVE_JOIN", "DO_WHILE", "SUB_WORKFLOW"})
_CHILD_STATUS = {COMPLETED: COMPLETED, CANCELED: TERMINATED}

Place = tuple[str, int]  # workflow id, and number of the task


class Endless(Exception):
    """The run takes more tasks or results than it may."""


class Cast:
    """The outcomes of one workflow that are not used up, by reference name, and those of its children."""

    def __init__(self, request: WorkflowTestRequest) -> None:
        self._left = {ref: iter(mocks) for ref, mocks in request.taskRefToMockOutput.items()}
        self.children = request.subWorkflowTestRequest

    def names(self, task: Task) -> bool:
        """Whether the request has outcomes for the task, used up or not."""
        return task.ref in self._left or task.step in self._left

    def take(self, task: Task) -> TaskMock | None:
        """Return the next outcome of a task; one in a loop may be named with or without its iteration."""
        for ref in dict.fromkeys((task.ref, task.step)):
            found = next(self._left[ref], None) if ref in self._left else None
            if found is not None:
                return found
        return None


class Cue(NamedTuple):
    """What is to happen at a time; `number` keeps the order of those at the same time."""

    at_ms: int
    number: int
    workflow_id: str
    seq: int
    mock: TaskMock
    is_lease: bool


class Play:
    """One run: until the workflow ends, or waits for what nobody has written down."""

    def __init__(self, stage: Stage, check: Callable[[], None] = lambda: None) -> None:
        """*check* is called at each commit, and may raise to end the run."""
        self._stage = stage
        self._check = check
        self._casts: dict[str, Cast] = {}
        self._cues: list[Cue] = []
        self._cued: set[Place] = set()
        self._silent: set[Place] = set()  # tasks that somebody else would have to end
        self._waits: set[Place] = set()  # WAIT tasks that end by themselves
        self._tasks = self._number = 0

    def run(self, workflow_id: str, command: StartWorkflow, request: WorkflowTestRequest) -> None:
        """Start a workflow and let everything happen that can, with the outcomes of *request*.

        Raises `Endless`, and what starts and results raise.
        """
        stage, takes = self._stage, self._stage.takes
        self._casts[workflow_id] = Cast(request)
        self._stand_in(command, request)
        stage.on_commit.append(self._note)
        stage.takes = self._takes
        try:
            stage.send(workflow_id, command)
            self._go_on()
        finally:
            stage.on_commit.remove(self._note)
            stage.takes = takes

    def _stand_in(self, command: StartWorkflow, request: WorkflowTestRequest) -> None:
        """Register something for children that have outcomes and no definition: it never runs."""
        graph = self._stage.graph_by_hash(command.def_hash)
        for step in graph.definition.steps() if graph else ():
            child = step.subWorkflowParam
            if child is None or child.workflowDefinition or step.taskReferenceName not in request.taskRefToMockOutput:
                continue
            if "${" not in child.name and self._stage.graph(child.name, None) is None:
                nothing = {"name": child.name, "taskReferenceName": "nothing", "type": "NOOP"}
                self._stage.register({"name": child.name, "version": child.version or 1, "tasks": [nothing]})

    def _go_on(self) -> None:
        for _ in range(OUTCOMES_MAX):
            if self._cues:
                self._act(heappop(self._cues))
            elif not self._pass_time():
                return
        raise Endless(f"The run needs more than {OUTCOMES_MAX} results of tasks: does a loop never end?")

    def _act(self, cue: Cue) -> None:
        self._turn_to(cue.at_ms)
        task = self._open((cue.workflow_id, cue.seq))
        if task is None:
            return
        if cue.is_lease:
            if task.status == SCHEDULED and task.runs != "engine":
                self._stage.send(cue.workflow_id, PollTask(cue.seq, WORKER))
            self._cue(cue._replace(at_ms=self._stage.now_ms + cue.mock.executionTime, is_lease=False))
            return
        self._cued.discard((cue.workflow_id, cue.seq))
        self._stage.send(cue.workflow_id, _result(task, cue.mock))

    def _pass_time(self) -> bool:
        """Turn the clock to the end of the next wait, unless somebody would have to act before."""
        self._turn_to(self._stage.now_ms)  # long decisions go on in another one
        if self._cues:
            return True
        if any(self._open(place) for place in self._silent):
            return False
        ends = [task.due_ms for place in self._waits if (task := self._open(place))]
        if not ends:
            return False
        self._turn_to(min(ends))
        return True

    def _turn_to(self, until_ms: int) -> None:
        self._stage.advance(max(0, until_ms - self._stage.now_ms) / 1000)

    # ---- following what the stage does

    def _note(self, change: Transition) -> None:
        """Give a cue for each open task that was added or touched."""
        self._check()
        self._tasks += len(change.inserted)
        if self._tasks > TASKS_MAX:
            raise Endless(f"The run makes more than {TASKS_MAX} tasks: does a loop never end?")
        key = change.workflow.id
        cast = self._casts.get(key) or self._meet(key, change.workflow.head)
        for task in (*change.inserted, *change.updated.values()):
            row = change.enqueued.get(task.seq)
            self._place((key, task.seq), cast, row.visible_ms if row else 0)

    def _meet(self, workflow_id: str, head: Head) -> Cast:
        """Find the outcomes of a child among those of its parent."""
        parent = self._casts.get(head.parent_id or "")
        task = self._open((head.parent_id, head.parent_task_seq)) if head.parent_id else None
        request = (parent.children.get(task.ref) or parent.children.get(task.step)) if parent and task else None
        cast = self._casts[workflow_id] = Cast(request or WorkflowTestRequest())
        return cast

    def _place(self, place: Place, cast: Cast, visible_ms: int) -> None:
        task = self._open(place)
        if task is None or place in self._cued:
            return
        mock = cast.take(task)
        if mock is not None:
            self._cued.add(place)
            delayed_ms = task.due_ms if task.type == "SUB_WORKFLOW" else visible_ms
            at_ms = max(self._stage.now_ms, delayed_ms) + mock.queueWaitTime
            self._cue(Cue(at_ms, 0, *place, mock, is_lease=True))
        elif task.type == "WAIT" and task.due_ms:
            self._waits.add(place)
        elif task.type not in _OPERATORS or cast.names(task):
            self._silent.add(place)

    def _cue(self, cue: Cue) -> None:
        self._number += 1
        heappush(self._cues, cue._replace(number=self._number))

    def _open(self, place: Place) -> Task | None:
        flow = self._stage.workflow(place[0])
        return None if flow.is_terminal else flow.open.get(place[1])

    def _takes(self, command: Command) -> bool:
        """Keep back the start of a child whose end is written down."""
        if not isinstance(command, StartWorkflow) or not command.parent_id:
            return False
        parent = self._casts.get(command.parent_id)
        task = self._open((command.parent_id, command.parent_task_seq))
        return parent is not None and task is not None and parent.names(task)


def _result(task: Task, mock: TaskMock) -> Command:
    output = encode_json(mock.output)
    if task.type == "SUB_WORKFLOW" and mock.status != IN_PROGRESS:
        status = _CHILD_STATUS.get(mock.status, FAILED)
        return ChildEnded(task.seq, task.sub_workflow_id or "", status, output)
    return UpdateTask(task.seq, mock.status, output, merge=True, worker_id=WORKER)
