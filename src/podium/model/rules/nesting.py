"""The steps inside steps: where each is in Conductor's path notation, and whether there are too many.

Looks at every list of steps that a step holds, used by its type or not, as Conductor does. Never recursive.
"""

from collections.abc import Iterator

from podium.model.errors import Violation
from podium.model.rules.checks import Checks
from podium.model.workflow_def import WorkflowDef, WorkflowTask


def located_steps(definition: WorkflowDef, at: str) -> Iterator[tuple[str, WorkflowTask]]:
    """Iterate over all steps with their paths, outer before inner; embedded definitions are not entered."""
    waiting = list(_located(definition.tasks, f"{at}.tasks"))
    while waiting:
        path, step = waiting.pop()
        yield path, step
        for where, held in _held_lists(step):
            waiting.extend(_located(held, path + where))


def check_size(definition: WorkflowDef, at: str, checks: Checks) -> list[Violation]:
    """Return a violation when steps are nested too deep or too many, embedded definitions included."""
    waiting = [(step, 1) for step in definition.tasks]
    count = 0
    while waiting:
        step, depth = waiting.pop()
        count += 1
        if depth > checks.depth_max:
            return [Violation(at, f"tasks are nested more than {checks.depth_max} levels deep")]
        if count > checks.steps_max:
            return [Violation(at, f"more than {checks.steps_max} tasks in one workflowDefinition")]
        waiting.extend((inner, depth + 1) for _, held in _held_lists(step) for inner in held)
        waiting.extend((inner, depth + 1) for inner in _embedded_steps(step))
    return []


def _located(steps: list[WorkflowTask], path: str) -> Iterator[tuple[str, WorkflowTask]]:
    return ((f"{path}[{index}]", step) for index, step in enumerate(steps))


def _held_lists(step: WorkflowTask) -> Iterator[tuple[str, list[WorkflowTask]]]:
    for case, steps in step.decisionCases.items():
        yield f".decisionCases[{case}].<map value>", steps
    for index, steps in enumerate(step.forkTasks):
        yield f".forkTasks[{index}].<list element>", steps
    yield ".defaultCase", step.defaultCase
    yield ".loopOver", step.loopOver


def _embedded_steps(step: WorkflowTask) -> list[WorkflowTask]:
    embedded = step.subWorkflowParam.workflowDefinition if step.subWorkflowParam else None
    return embedded.tasks if isinstance(embedded, WorkflowDef) else []
