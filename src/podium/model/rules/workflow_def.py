"""Rules of a workflow definition: its own fields, its size, its steps and its references."""

import re
from collections.abc import Iterator
from itertools import chain, islice

from podium.model.errors import Violation
from podium.model.rules.checks import VIOLATIONS_MAX, Checks
from podium.model.rules.nesting import check_size, located_steps
from podium.model.rules.reference import reference_violations
from podium.model.rules.step import step_violations
from podium.model.workflow_def import WorkflowDef

_NAME = re.compile(r"[A-Za-z0-9_<>{}#\s-]+")


def check_workflow_defs(definitions: list[WorkflowDef], at: str, checks: Checks) -> list[Violation]:
    """Check a list sent for registration; *at* is the path of the list (`updateWorkflowDef.arg0`)."""
    if not definitions:
        return [Violation(at, "WorkflowDefList is empty")]
    found = (_violations(definition, f"{at}[{index}]", checks) for index, definition in enumerate(definitions))
    return list(islice(chain.from_iterable(found), VIOLATIONS_MAX))


def check_workflow_def(definition: WorkflowDef, at: str, checks: Checks) -> list[Violation]:
    """Check one definition; *at* is its path (`registerWorkflowDef.arg0`).

    Calls the compilers of *checks* once per script and per reference. A definition over the size limits is
    not looked into any further. Embedded sub-workflow definitions count for the limits and for nothing else.
    """
    return list(islice(_violations(definition, at, checks), VIOLATIONS_MAX))


def _violations(definition: WorkflowDef, at: str, checks: Checks) -> Iterator[Violation]:
    oversize = check_size(definition, at, checks)
    if oversize:
        yield from oversize
        return
    yield from _own_fields(definition, at, checks)
    for path, step in located_steps(definition, at):
        yield from step_violations(step, path, checks)
    yield from reference_violations(definition, at, checks)


def _own_fields(definition: WorkflowDef, at: str, checks: Checks) -> Iterator[Violation]:
    if not definition.name:
        yield Violation(f"{at}.name", "WorkflowDef name cannot be null or empty")
    elif checks.names_restricted and not _NAME.fullmatch(definition.name):
        yield Violation(f"{at}.name", _bad_name(definition.name), definition.name)
    if not definition.tasks:
        yield Violation(f"{at}.tasks", "WorkflowTask list cannot be empty")
    if definition.schemaVersion != 2:
        yield Violation(
            f"{at}.schemaVersion",
            "workflowDef schemaVersion: 2 is only supported",
            str(definition.schemaVersion),
        )
    if checks.owner_email_required and not definition.ownerEmail:
        yield Violation(f"{at}.ownerEmail", "ownerEmail cannot be empty")


def _bad_name(name: str) -> str:
    return (
        f"Invalid name '{name}'. Allowed characters are alphanumeric, underscores, spaces, hyphens, "
        "and special characters like <, >, {, }, #"
    )
