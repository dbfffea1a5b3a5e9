"""Rules about references inside a definition: unique names, and `${…}` that names something.

Only inputs of top-level steps are checked, as in Conductor; a wrong reference further inside reads as null.
"""

import re
from collections import Counter
from collections.abc import Iterator

from podium.model.errors import Violation
from podium.model.rules.checks import Checks
from podium.model.wire import Json
from podium.model.workflow_def import WorkflowDef, WorkflowTask

SYSTEM_NAMES = frozenset({"CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"})

# Cuts before each `${` that is not escaped by another `$`, and after each `}`.
_PIECES = re.compile(r"(?=(?<!\$)\$\{)|(?<=\})")


def reference_violations(definition: WorkflowDef, at: str, checks: Checks) -> Iterator[Violation]:
    """Iterate over names that are not unique, and then over references that can't be right."""
    counts = Counter(step.taskReferenceName for step in definition.steps())
    for name, count in counts.items():
        if name and count > 1:
            yield Violation(
                at,
                f"taskReferenceName: {name} should be unique across tasks "
                f"for a given workflowDefinition: {definition.name}",
            )
    roots = {"workflow", *counts}
    for step in definition.tasks:
        for message in _broken_references(step, roots, checks):
            yield Violation(at, message)


def _broken_references(step: WorkflowTask, roots: set[str], checks: Checks) -> Iterator[str]:
    for key, text in _texts(step.inputParameters):
        for piece in _PIECES.split(text):
            if not (piece.startswith("${") and piece.endswith("}")):
                continue
            path = piece[2:-1]
            root = path.partition(".")[0]
            if not path.strip() or checks.path_error(path) is not None:
                yield f"key: {key} input parameter value: {path} is not valid"
            elif path not in SYSTEM_NAMES and path not in checks.known_names and root not in roots:
                yield (
                    f"taskReferenceName: {root} for given task: {step.name} input value: {key} "
                    f"of input parameter: {text} is not defined in workflow definition."
                )


def _texts(parameters: dict[str, Json]) -> Iterator[tuple[str, str]]:
    """Iterate over all strings at any depth, each with the nearest key around it."""
    waiting: list[tuple[str, Json]] = list(parameters.items())
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, dict):
            waiting.extend(value.items())
        elif isinstance(value, list):
            waiting.extend((key, item) for item in value)
