"""How workflows that start workflows come to an end.

Each workflow knows how many starts led to it without a pause, and where they began. A SUB_WORKFLOW or a failure
workflow is one level deeper than what started it. So is what START_WORKFLOW or an event starts, but only when that
comes from the first decision of a workflow: one that has waited for somebody or something may start itself for ever.
"""

from typing import NamedTuple

from podium.engine.context import Context
from podium.model.errors import Conflict
from podium.model.workflow import Head


class Lineage(NamedTuple):
    """The place of a workflow that another one starts."""

    depth: int = 0
    root_id: str | None = None  # None for the workflow itself


class Runaway(Conflict):
    """Workflows start each other without end; starting once more would fail again."""


def next_lineage(head: Head, context: Context, *, is_at_once: bool = True) -> Lineage:
    """Return the place of a workflow that the one of *head* starts; raises `Runaway`.

    *is_at_once*: it is a sub-workflow, a failure workflow, or was asked for in the first decision.
    """
    if not is_at_once:
        return Lineage()
    limits, root_id = context.limits, head.root_id or head.id
    if head.depth >= limits.nesting_depth:
        raise Runaway(
            f"Workflows that start each other may be nested at most {limits.nesting_depth} levels deep: "
            f"{head.name} at that depth can't start another one"
        )
    if context.count_start(root_id) > limits.family_size:
        raise Runaway(f"More than {limits.family_size} workflows descend from workflow {root_id}")
    return Lineage(head.depth + 1, root_id)
