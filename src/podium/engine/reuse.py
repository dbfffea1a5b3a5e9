"""`cacheConfig` of a step: a task whose key was answered a short time ago takes that answer, without a worker.

Upstream accepts the field without effect. The key is text with `${name}` of the task's input in it; answers are kept
by task definition and key for `ttlInSecond`. They may be forgotten at any time: then the task is worked on.
"""

from typing import TYPE_CHECKING

from podium.engine.graph import Step
from podium.expressions.document import MapDocument
from podium.expressions.java_text import java_text
from podium.expressions.parameters import compile_template
from podium.model.status import COMPLETED
from podium.model.task import Task
from podium.model.transition import KeptOutput
from podium.model.workflow_def import CacheConfig

if TYPE_CHECKING:
    from podium.engine.session import Session

KEY_CHARS_MAX = 1_000


def reuse_output(session: "Session", task: Task, step: Step | None) -> None:
    """End a new task with a kept output, if there is one."""
    found = _config(session, task, step)
    if found is None:
        return
    output = session.context.kept_output(task.name, _key(session, task, found))
    if output is not None:
        task.status, task.output = COMPLETED, output


def keep_output(session: "Session", task: Task) -> None:
    """Note the output of a completed task for those that come with the same key."""
    found = _config(session, task)
    if found is not None and task.status == COMPLETED:
        key = _key(session, task, found)
        until_ms = session.now_ms + found.ttlInSecond * 1000
        session.change.kept.append(KeptOutput(task.name, key, until_ms, task.output))


def _config(session: "Session", task: Task, step: Step | None = None) -> CacheConfig | None:
    """Return the step's setting, for tasks that are not the engine's own."""
    if task.runs == "engine":
        return None
    if not session.graph.reuses and (task.dynamic_step is None or b'"cacheConfig"' not in task.dynamic_step):
        return None
    step = step or session.step_of(task)
    config = step.definition.cacheConfig if step is not None else None
    return config if config is not None and config.key and config.ttlInSecond > 0 else None


def _key(session: "Session", task: Task, config: CacheConfig) -> str:
    template = compile_template(config.key or "")
    return java_text(template.resolve(MapDocument(session.value(task, "input"))))[:KEY_CHARS_MAX]
