"""Rules of a task definition."""

from collections.abc import Iterator
from itertools import chain, islice

from podium.model.errors import Violation
from podium.model.rules.checks import VIOLATIONS_MAX
from podium.model.task_def import TaskDef


def check_task_defs(definitions: list[TaskDef], at: str, *, owner_email_required: bool = False) -> list[Violation]:
    """Check a list sent for registration; *at* is the path of the list (`registerTaskDef.arg0`)."""
    if not definitions:
        return [Violation(at, "TaskDefList is empty")]
    found = (
        _violations(definition, f"{at}[{index}]", owner_email_required) for index, definition in enumerate(definitions)
    )
    return list(islice(chain.from_iterable(found), VIOLATIONS_MAX))


def check_task_def(definition: TaskDef, at: str, *, owner_email_required: bool = False) -> list[Violation]:
    """Check one definition; *at* is its path (`updateTaskDef.arg0`)."""
    return list(_violations(definition, at, owner_email_required))


def _violations(definition: TaskDef, at: str, owner_email_required: bool) -> Iterator[Violation]:
    if not definition.name:
        yield Violation(f"{at}.name", "TaskDef name cannot be null or empty")
    if owner_email_required and not definition.ownerEmail:
        yield Violation(f"{at}.ownerEmail", "ownerEmail cannot be empty")
    yield from _minimums(definition, at)
    yield from _timeouts(definition, at)


def _minimums(definition: TaskDef, at: str) -> Iterator[Violation]:
    for field in (
        "retryCount",
        "pollTimeoutSeconds",
        "maxRetryDelaySeconds",
        "backoffJitterMs",
        "totalTimeoutSeconds",
    ):
        value = getattr(definition, field)
        if value is not None and value < 0:
            # Conductor prints the limit here, not the value.
            yield Violation(f"{at}.{field}", f"TaskDef {field}: 0 must be >= 0", str(value))
    lease_s = definition.responseTimeoutSeconds
    if lease_s < 1:
        message = f"TaskDef responseTimeoutSeconds: {lease_s} should be minimum 1 second"
        yield Violation(f"{at}.responseTimeoutSeconds", message, str(lease_s))
    if definition.backoffScaleFactor < 1:
        message = "Backoff scale factor. Applicable for LINEAR_BACKOFF"
        yield Violation(f"{at}.backoffScaleFactor", message, str(definition.backoffScaleFactor))


def _timeouts(definition: TaskDef, at: str) -> Iterator[Violation]:
    name, timeout_s = definition.name, definition.timeoutSeconds
    lease_s, total_s = definition.responseTimeoutSeconds, definition.totalTimeoutSeconds
    if timeout_s <= 0:
        return
    if lease_s > timeout_s:  # equal is allowed, whatever the message says
        yield Violation(
            at,
            f"TaskDef: {name} responseTimeoutSeconds: {lease_s} must be less than timeoutSeconds: {timeout_s}",
        )
    if 0 < total_s < timeout_s:
        yield Violation(
            at,
            f"TaskDef: {name} timeoutSeconds: {timeout_s} must be less than or equal to totalTimeoutSeconds: {total_s}",
        )
