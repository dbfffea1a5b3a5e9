"""The steps of a compiled JSONPath: each selects some values of those that the step before it selected."""

from collections.abc import Callable, Sequence

from podium.expressions.bounds import PATH_STEPS_MAX, ExpressionTooLarge
from podium.expressions.json_value import Json

_ABSENT = object()


class Unreadable(Exception):
    """The path has no meaning on this document; as a whole it yields null."""


class Run:
    """One read of a path: where `$` starts, and how many steps are left."""

    __slots__ = ("_root", "left")

    def __init__(self, root: Callable[[], Json], left: int = PATH_STEPS_MAX) -> None:
        self._root = root
        self.left = left

    def root(self) -> Json:
        """Return the whole document."""
        return self._root()

    def spend(self, steps: int) -> None:
        """Count *steps*; raise when too many were taken."""
        self.left -= steps
        if self.left < 0:
            raise ExpressionTooLarge(f"paths visit more than {PATH_STEPS_MAX} nodes")


class Step:
    """What all steps share. `key` is set for a plain name or single index."""

    __slots__ = ()
    is_definite = True
    ends_path = False
    key: str | int | None = None

    def settle(self, after_descend: bool, is_last: bool) -> None:
        """Learn the place in the path."""

    def select(self, value: Json, run: Run, found: list[Json]) -> None:
        """Append to *found* what this step selects of *value*."""
        raise NotImplementedError


def select(steps: Sequence[Step], value: Json, run: Run) -> list[Json]:
    """Return what *steps*, one after the other, select of *value*, in the order of the document."""
    values = [value]
    for step in steps:
        found: list[Json] = []
        for item in values:
            before = len(found)
            step.select(item, run, found)
            run.spend(1 + len(found) - before)
        values = found
    return values


class Name(Step):
    """One member of a map."""

    __slots__ = ("key",)

    def __init__(self, name: str) -> None:
        self.key: str | int | None = name

    def select(self, value: Json, run: Run, found: list[Json]) -> None:  # noqa: ARG002
        """Append the member, if there is one."""
        if isinstance(value, dict):
            item = value.get(self.key, _ABSENT)
            if item is not _ABSENT:
                found.append(item)


class Names(Step):
    """Several members of a map: at the end of a path a map of them, else each of them."""

    __slots__ = ("_all_needed", "_merges", "_names", "is_definite")

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._merges = False
        self._all_needed = False
        self.is_definite = True

    def settle(self, after_descend: bool, is_last: bool) -> None:
        """Decide whether to merge."""
        self._all_needed = after_descend
        self._merges = self.is_definite = is_last

    def select(self, value: Json, run: Run, found: list[Json]) -> None:  # noqa: ARG002
        """Append the members that are there."""
        if not isinstance(value, dict):
            return
        items = {name: value[name] for name in self._names if name in value}
        if self._all_needed and len(items) < len(set(self._names)):
            return
        if self._merges:
            found.append(items)
        else:
            found.extend(items.values())


class Indexes(Step):
    """One or several elements of a list; negative ones count from its end."""

    __slots__ = ("_indexes", "is_definite", "key")

    def __init__(self, indexes: list[int]) -> None:
        self._indexes = indexes
        self.is_definite = len(indexes) == 1
        self.key: str | int | None = indexes[0] if self.is_definite else None

    def select(self, value: Json, run: Run, found: list[Json]) -> None:  # noqa: ARG002
        """Append the elements that are there."""
        if isinstance(value, list):
            size = len(value)
            found.extend(value[i] for i in self._indexes if -size <= i < size)


class Slice(Step):
    """A range of a list. With both ends given a negative start wraps around, as upstream does."""

    __slots__ = ("_high", "_low")
    is_definite = False

    def __init__(self, low: int | None, high: int | None) -> None:
        self._low = low
        self._high = high

    def select(self, value: Json, run: Run, found: list[Json]) -> None:  # noqa: ARG002
        """Append the elements of the range."""
        if not isinstance(value, list):
            return
        if self._low is None or self._high is None:
            found.extend(value[self._low : self._high])
            return
        size = len(value)
        found.extend(value[i] for i in range(max(self._low, -size), min(self._high, size)))


class Every(Step):
    """All members of a map or elements of a list."""

    __slots__ = ()
    is_definite = False

    def select(self, value: Json, run: Run, found: list[Json]) -> None:  # noqa: ARG002
        """Append all that is in *value*."""
        if isinstance(value, dict):
            found.extend(value.values())
        elif isinstance(value, list):
            found.extend(value)


class Descend(Step):
    """The value and all maps and lists in it, at any depth."""

    __slots__ = ()
    is_definite = False

    def select(self, value: Json, run: Run, found: list[Json]) -> None:
        """Append every map and list, each before what is in it."""
        left = [value]
        while left:
            item = left.pop()
            if isinstance(item, dict):
                found.append(item)
                run.spend(len(item))
                left.extend(reversed(item.values()))
            elif isinstance(item, list):
                found.append(item)
                run.spend(len(item))
                left.extend(reversed(item))
