"""What the tokens of templates are read from, and what one resolve may cost."""

from typing import Any, Final, Protocol

from podium.expressions.bounds import EXPANSION_CHARS_MAX, PATH_STEPS_MAX, ExpressionTooLarge
from podium.expressions.json_value import Json

MISSING: Final[Any] = object()  # what a document gives for a root, field or name that it does not have
ALL_ROOTS = "$"


class Document(Protocol):
    """What tokens are read from. A root is `workflow` or the reference name of a task."""

    def field(self, root: str, name: str) -> Json:
        """Return `root.name`, or MISSING."""

    def root(self, name: str) -> Json:
        """Return everything below a root as one map, or MISSING; the root `$` is a map of all roots."""

    def system(self, name: str) -> Json:
        """Return what a bare `${NAME}` means apart from a root, or MISSING."""

    def environment(self, name: str) -> str | None:
        """Return a value of the environment store."""


class MapDocument:
    """A document over one parsed JSON value, such as the payload of an event; without system names or environment."""

    __slots__ = ("_value",)

    def __init__(self, value: Json) -> None:
        self._value = value

    def field(self, root: str, name: str) -> Json:
        """Return a member of a member."""
        below = self.root(root)
        return below.get(name, MISSING) if isinstance(below, dict) else MISSING

    def root(self, name: str) -> Json:
        """Return a member, or the whole value for `$`."""
        if name == ALL_ROOTS:
            return self._value
        return self._value.get(name, MISSING) if isinstance(self._value, dict) else MISSING

    def system(self, name: str) -> Json:  # noqa: ARG002
        """Return MISSING."""
        return MISSING

    def environment(self, name: str) -> str | None:  # noqa: ARG002
        """Return None."""
        return None


class Budget:
    """The characters that one resolve may still produce, and the nodes that its paths may still visit."""

    __slots__ = ("left", "steps")

    def __init__(self, steps: int = PATH_STEPS_MAX) -> None:
        self.left = EXPANSION_CHARS_MAX
        self.steps = steps

    def take(self, chars: int) -> None:
        """Count characters; raise `ExpressionTooLarge` when they are too many."""
        self.left -= chars
        if self.left < 0:
            raise ExpressionTooLarge(f"the parameters expand to more than {EXPANSION_CHARS_MAX} characters")
