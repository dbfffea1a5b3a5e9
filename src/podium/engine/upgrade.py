"""Upgrade: go on with a running workflow under another version of its definition.

What has run stays as it is. Each open task must have its step, of the same type and in the same loop, in the new
version; steps that are new there and come before it are not run.
"""

from podium.engine.commands import SkipTask, Upgrade
from podium.engine.control import short_name, skip, take_up
from podium.engine.graph import Graph
from podium.engine.restore import rebuild
from podium.engine.session import Session, decode, encode
from podium.model.errors import Conflict, InvalidRequest, NotFound
from podium.model.status import RUNNING
from podium.model.task import Task


def upgrade(session: Session, command: Upgrade, history: list[Task]) -> None:
    """Take the definition `command.def_hash`; steps with a given output are skipped."""
    if session.head.status != RUNNING:
        raise Conflict(f"Workflow {short_name(session)} is not running, so it cannot be upgraded")
    graph: Graph | None = session.context.graph_by_hash(command.def_hash)
    if graph is None or graph.name != session.head.name:
        raise NotFound(f"No such version of the definition {session.head.name}")
    _check_open(session, graph)
    _check_outputs(session, graph, command)
    session.graph = session.workflow.graph = graph
    session.head.def_hash, session.head.def_version = graph.hash, graph.version
    session.change.is_changed = True
    rebuild(session.workflow, history)
    if command.input is not None:
        session.workflow.input = encode({**decode(session.workflow.input), **decode(command.input)})
        session.change.input_changed = True
    for ref, output in command.outputs.items():
        skip(session, SkipTask(ref, output=output))
    take_up(session, look_inside=True)


def _check_open(session: Session, graph: Graph) -> None:
    for task in session.workflow.open.values():
        old = session.graph.steps.get(task.step)
        if task.dynamic_step is not None or old is None:
            continue
        new = graph.steps.get(task.step)
        if new is None or (new.type, new.loop) != (old.type, old.loop):
            raise Conflict(
                f"Version {graph.version} of {graph.name} has no step {task.step} of type {old.type} at the same "
                f"place, and the workflow is at this step: upgrade it later, or to a version that has the step"
            )


def _check_outputs(session: Session, graph: Graph, command: Upgrade) -> None:
    for ref in command.outputs:
        if ref not in graph.steps:
            raise InvalidRequest(f"taskOutput: version {graph.version} of {graph.name} has no step {ref}")
        if ref in session.workflow.latest:
            raise InvalidRequest(f"taskOutput: the step {ref} has been reached already, so it cannot be skipped")
