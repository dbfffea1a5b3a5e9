"""The steps of a definition with their places: what encloses each, and what comes before it."""

from collections.abc import Iterator
from typing import NamedTuple

from podium.model.rules.advice_finding import at_key
from podium.model.workflow_def import WorkflowDef, WorkflowTask

SELF, BEFORE, AFTER, OTHER_CASE, BESIDE, AROUND, INSIDE = (
    "itself", "before", "after", "other case", "beside", "around", "inside",
)  # fmt: skip


class Block(NamedTuple):
    """A sequence of steps inside of a step, or the whole definition (owner None)."""

    owner: "Located | None"
    path: str
    branch: int
    steps: list[WorkflowTask]


class Located(NamedTuple):
    """A step, its JSONPath, the sequence that it stands in and its place there."""

    step: WorkflowTask
    path: str
    block: Block
    number: int

    @property
    def ref(self) -> str:
        """The reference name."""
        return self.step.taskReferenceName

    def before(self) -> "Located | None":
        """Return the step right before this one in its sequence."""
        number = self.number - 1
        if number < 0:
            return None
        return Located(self.block.steps[number], f"{self.block.path}[{number}]", self.block, number)

    def chain(self) -> "list[Located]":
        """Return the steps around this one, outermost first, and the step itself."""
        found = [self]
        while (owner := found[-1].block.owner) is not None:
            found.append(owner)
        return found[::-1]


class Outline:
    """All steps that can be executed, outer before inner, and the first of each reference name."""

    def __init__(self, definition: WorkflowDef) -> None:
        self.definition = definition
        self.top = Block(None, "$.tasks", 0, definition.tasks)
        self.steps: list[Located] = []
        self.blocks: list[Block] = [self.top]
        waiting = self.top_steps()
        while waiting:
            one = waiting.pop()
            self.steps.append(one)
            inner = blocks_of(one)
            self.blocks += inner
            waiting.extend(held for block in reversed(inner) for held in reversed(located(block)))
        self.by_ref: dict[str, Located] = {}
        for one in self.steps:
            self.by_ref.setdefault(one.ref, one)
        self.is_dynamic = any(one.step.type == "FORK_JOIN_DYNAMIC" for one in self.steps)

    def top_steps(self) -> list[Located]:
        """Return the outermost steps, the last one first."""
        return located(self.top)[::-1]


def located(block: Block) -> list[Located]:
    """Return the steps of a sequence with their paths."""
    return [Located(step, f"{block.path}[{number}]", block, number) for number, step in enumerate(block.steps)]


def blocks_of(one: Located) -> list[Block]:
    """Return the sequences that a step runs inside of itself."""
    return [Block(one, path, number, steps) for number, (path, steps) in enumerate(_branches(one))]


def _branches(one: Located) -> Iterator[tuple[str, list[WorkflowTask]]]:
    step, path = one.step, one.path
    if step.type in ("SWITCH", "DECISION"):
        for case, steps in step.decisionCases.items():
            yield at_key(f"{path}.decisionCases", case), steps
        yield f"{path}.defaultCase", step.defaultCase
    elif step.type == "FORK_JOIN":
        for number, steps in enumerate(step.forkTasks):
            yield f"{path}.forkTasks[{number}]", steps
    elif step.type == "DO_WHILE":
        yield f"{path}.loopOver", step.loopOver


def relation(reader: Located, source: Located) -> str:
    """Return where *source* stands as seen from *reader*; a loop around both makes what comes later come before."""
    mine, other = reader.chain(), source.chain()
    in_loop = False
    for own, theirs in zip(mine, other, strict=False):
        if own.path == theirs.path:
            if own is mine[-1] or theirs is other[-1]:
                return _nested(own is mine[-1], theirs is other[-1], in_loop)
            in_loop = in_loop or own.step.type == "DO_WHILE"
            continue
        return BEFORE if in_loop else _apart(own, theirs)
    return BEFORE  # not reached: one of two steps ends before the other, or they part


def _nested(is_mine: bool, is_theirs: bool, in_loop: bool) -> str:
    if is_mine and is_theirs:
        return BEFORE if in_loop else SELF
    if is_theirs:
        return AROUND
    return BEFORE if in_loop else INSIDE


def _apart(own: Located, theirs: Located) -> str:
    if own.block.path == theirs.block.path:
        return BEFORE if theirs.number < own.number else AFTER
    owner = own.block.owner
    return BESIDE if owner is not None and owner.step.type == "FORK_JOIN" else OTHER_CASE
