"""Rerun: take the workflow back to one task, or to its beginning.

Only what comes after the task goes: sibling branches of a fork keep their results, and the joins and loops around the
task are opened again. (Upstream deletes everything with a higher sequence number and so loses parallel branches.)
"""

import msgspec

from podium.engine.commands import Rerun
from podium.engine.control import drop_all, need_terminal, revive, schedule_first, take_up, tell_revived
from podium.engine.graph import FORKS, SWITCHES, Step
from podium.engine.restore import rebuild
from podium.engine.revival import begin, begin_again, reopen
from podium.engine.session import Place, Reach, Session
from podium.model.errors import InvalidRequest
from podium.model.ids import task_id
from podium.model.status import SKIPPED
from podium.model.task import EMPTY, Task
from podium.model.workflow import waits_for_others

REPLACED = (*SWITCHES, "DO_WHILE", *FORKS)
"""Steps whose task is deleted and created anew, since their children come with them."""

_decode = msgspec.json.Decoder().decode


def rerun(session: Session, command: Rerun, history: list[Task]) -> None:
    """Run again from task number `command.seq`, or everything when that is 0."""
    need_terminal(session, "rerun")
    target = next((task for task in history if task.seq == command.seq), None)
    if command.seq and target is None:
        raise InvalidRequest(f"Task {task_id(session.head.id, command.seq)} not found")
    if target is not None and _is_skipped_in_loop(session, target):
        name = task_id(session.head.id, target.seq)
        raise InvalidRequest(f"Task {name} was skipped in all iterations of its loop; rerun from a task before it")
    _take_inputs(session, command)
    revive(session)
    session.head.last_retried_ms = session.now_ms  # or a workflow with a time-out would end at once
    session.head.failed_refs, session.head.failed_names = [], []
    if target is None:
        drop_all(session)
        schedule_first(session)
    else:
        _from_task(session, target, command, history)
    tell_revived(session, "reran")


def _is_skipped_in_loop(session: Session, target: Task) -> bool:
    step = session.graph.steps.get(target.step)
    return target.status == SKIPPED and step is not None and bool(step.loop)


def _take_inputs(session: Session, command: Rerun) -> None:
    if command.workflow_input is not None:
        session.workflow.input = command.workflow_input
        session.workflow.values.pop("input", None)
        session.change.input_changed = True
    if command.correlation_id is not None:
        session.head.correlation_id = command.correlation_id


def _from_task(session: Session, target: Task, command: Rerun, history: list[Task]) -> None:
    region = Region(session, target, history)
    kept: list[Task] = []
    again: list[Task] = []
    for task in history:
        if region.holds(task):
            region.deleted[task.seq] = task
        elif task is target or (task.is_bad and not task.retried):
            if _is_replaced(session, task, target):
                region.deleted[task.seq] = task
                again.append(task)
                continue
            kept.append(task)
            _take_back(session, region, task, again)
        else:
            kept.append(task)
            if task.seq in region.around:
                _reopen(session, region, task)
    if command.task_input is not None:
        target.input = command.task_input
    session.change.deleted.extend(region.deleted)
    rebuild(session.workflow, kept)
    for task in again:
        if task.seq in region.deleted:
            is_given = task is target and task.type in SWITCHES
            _reach_again(session, task, (command.task_input if is_given else None) or EMPTY)
        else:
            begin(session, task)
    take_up(session, look_inside=True)


def _is_replaced(session: Session, task: Task, target: Task) -> bool:
    if task.status == SKIPPED:
        return True
    step = session.step_of(task)
    return step is not None and step.type in (REPLACED if task is target else SWITCHES)


def _take_back(session: Session, region: "Region", task: Task, again: list[Task]) -> None:
    """Have the target, or a task that had failed, run again under its id; of the target the reason stays (upstream)."""
    if waits_for_others(task):
        _reopen(session, region, task)
        return
    begin_again(session, task)
    again.append(task)
    if task is not region.target or task.type == "SUB_WORKFLOW":
        task.reason = None


def _reopen(session: Session, region: "Region", task: Task) -> None:
    task.loop_count = region.iterations.get(task.ref, task.loop_count)
    task.reason = None
    reopen(session, task)


def _reach_again(session: Session, task: Task, given: bytes) -> None:
    step = session.graph.steps.get(task.step) if task.status == SKIPPED else session.step_of(task)
    if step is not None:
        place = Place(task.suffix, task.iteration, task.loop)
        is_again = task.retried_seq > 0
        session.reached.append(Reach(step, place, is_again, task.retry_count, task.retried_seq, given))


class Region:
    """What comes after a task and goes with it, and which joins and loops are around it.

    Where a task stands is known from its step, in the definition or in the branch of a dynamic fork, and from the
    iterations of the loops around it.
    """

    def __init__(self, session: Session, target: Task, history: list[Task]) -> None:
        self._session = session
        self.target = target
        self.deleted: dict[int, Task] = {}  # filled by whoever asks, in the order of seq: a fork before its branches
        self._loops = {task.ref: task for task in history if task.type == "DO_WHILE" and task.runs == "engine"}
        self._forks = {key: task for task in history for key in _branch_keys(task)}
        self._path = self._path_of(target)
        self.iterations = dict(self._path)  # of the loops around the target, by their reference names
        self._after: set[str] = set()
        around = self._climb()
        self.around = {
            task.seq for task in history if task.step in around and waits_for_others(task) and self._is_prefix(task)
        }

    def holds(self, task: Task) -> bool:
        """Whether *task* comes after the target."""
        if task is self.target:
            return False
        for (loop, iteration), (target_loop, target_iteration) in zip(self._path_of(task), self._path, strict=False):
            if loop != target_loop:
                break
            if iteration != target_iteration:
                return iteration > target_iteration
        if task.seq < self.target.seq or task.status == SKIPPED:
            return False
        if task.ref == self.target.ref or task.step in self._after:
            return True
        fork = self._fork_of(task)
        return fork is not None and fork.seq in self.deleted

    def _path_of(self, task: Task) -> list[tuple[str, int]]:
        """Return the loops around *task* with its iterations, the outermost first."""
        path: list[tuple[str, int]] = []
        loop, iteration = task.loop, task.iteration
        while loop:
            path.append((loop, iteration))
            owner = self._loops.get(loop)
            loop, iteration = (owner.loop, owner.iteration) if owner is not None else ("", 0)
        return path[::-1]

    def _is_prefix(self, task: Task) -> bool:
        path = self._path_of(task)
        return path == self._path[: len(path)]

    def _climb(self) -> set[str]:
        """Collect the steps after the target, from its own list up to the top; returns the joins and loops around."""
        around: set[str] = set()
        step = self._session.step_of(self.target) or self._session.graph.steps.get(self.target.step)
        place: Task | None = self.target
        if step is not None:
            self._after.update(step.body)
        while step is not None:
            self._add_following(step)
            parent = _enclosing(step)
            if parent is None and step.source is not None and place is not None:
                place = self._fork_of(place)
                parent = self._session.step_of(place) if place is not None else None
            if parent is not None and parent.type in FORKS:
                parent = parent.steps.get(parent.next) if parent.next else None
            step = parent
            if step is not None:
                around.add(step.ref)
        self._after -= around
        return around

    def _add_following(self, step: Step) -> None:
        ref = step.next
        while ref is not None:
            following = step.steps[ref]
            self._after.update((ref, *following.body))
            ref = following.next

    def _fork_of(self, task: Task) -> Task | None:
        """Return the task of the dynamic fork that brought *task* along."""
        step = self._session.step_of(task) if task.dynamic_step is not None else None
        if step is None:
            return None
        while step.parent is not None:
            step = step.parent
        suffix = task.suffix
        while suffix and (step.ref, suffix) not in self._forks:
            suffix = suffix.rpartition("__")[0]
        return self._forks.get((step.ref, suffix))


def _enclosing(step: Step) -> Step | None:
    """Return the fork or loop around *step*; what follows a switch follows the last steps of its cases."""
    parent = step.parent
    while parent is not None and parent.type in SWITCHES:
        parent = parent.parent
    return parent


def _branch_keys(task: Task) -> list[tuple[str, str]]:
    """Return reference names and suffix of the branches of a dynamic fork."""
    if task.type != "FORK" or b'"forkedTasks"' not in task.input:
        return []
    refs = _decode(task.input).get("forkedTasks")
    return [(str(ref), task.suffix) for ref in refs] if isinstance(refs, list) else []
