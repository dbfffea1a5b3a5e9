"""JSONPath as Conductor's definitions know it: a definite path yields a value or null, an indefinite one a list.

Plain paths (names and indexes) never come here at run time: parameters walks their keys itself. The number of nodes
that one read may visit is bounded, so that no path can keep the server busy.
"""

import re
from collections.abc import Callable

from podium.expressions import path_filter
from podium.expressions.bounds import PATH_CHARS_MAX, ExpressionTooLarge
from podium.expressions.json_value import Json
from podium.expressions.path_function import compile_call
from podium.expressions.path_reader import InvalidPath
from podium.expressions.path_step import Descend, Every, Indexes, Name, Names, Run, Slice, Step, Unreadable, select

__all__ = ["InvalidPath", "Path", "compile_path"]

_INT_MIN, _INT_MAX = -(1 << 31), (1 << 31) - 1
_NAME = re.compile(r"[^.\[( ]+")
_NESTED_NAME = re.compile(r"(?:[^.\[( )<>=!~,&|]|&(?!&)|\|(?!\|))+")
_INDEXES = re.compile(r"-?[0-9]+(?: *, *-?[0-9]+)*")
_SLICE = re.compile(r"(-?[0-9]+)?:(-?[0-9]+)?(?::.*)?")
_SELECTED = re.compile(r"[0-9,: -]+")


class Path:
    """A compiled path. `plain` holds its keys when it consists of names and single indexes only, else None."""

    __slots__ = ("is_definite", "needs_root", "plain", "steps", "text")

    def __init__(self, text: str, steps: list[Step], needs_root: bool) -> None:
        self.text = text
        self.steps = steps
        self.needs_root = needs_root  # a filter or function inside of it starts again at `$`
        self.is_definite = all(step.is_definite for step in steps)
        keys = [step.key for step in steps]
        self.plain: tuple[str | int, ...] | None = tuple(k for k in keys if k is not None)
        if None in keys:
            self.plain = None

    def read(self, root: Json) -> Json:
        """Return what the path selects of *root*: a value or None, or a list when it is indefinite.

        Raises `ExpressionTooLarge` when that takes too many steps.
        """
        return self.read_from(root, 0, Run(lambda: root))

    def read_from(self, value: Json, done: int, run: Run) -> Json:
        """Go on from *value*, which the first *done* steps have selected."""
        try:
            found = select(self.steps[done:], value, run)
        except Unreadable:
            return None
        except RecursionError:  # two deep values were compared
            raise ExpressionTooLarge("a path compares values that nest too deeply") from None
        if self.is_definite:
            return found[0] if found else None
        return found

    def leading_names(self) -> int:
        """Return how many steps at the start are names."""
        count = 0
        for step in self.steps:
            if not isinstance(step, Name):
                break
            count += 1
        return count


def compile_path(text: str) -> Path:
    """Compile *text*, which may leave out the leading `$.`; raise `InvalidPath` when it is no JSONPath."""
    if len(text) > PATH_CHARS_MAX:
        raise InvalidPath(f"invalid path: longer than {PATH_CHARS_MAX} characters")
    rooted = text.strip(" ")
    if not rooted:
        raise InvalidPath("invalid path: it is empty")
    if rooted[0] not in "$@":
        rooted = "$." + text.rstrip(" ")
    parser = _Parser(rooted)
    return parser.path()


class _Parser(path_filter.FilterParser):
    """Turns text into steps; filters in brackets and arguments of functions come back here for the paths in them."""

    __slots__ = ()

    def path(self) -> Path:
        """Read a path that must be all there is."""
        path = self._path(_NAME)
        if self.at < len(self.text):
            self.fail("'.' or '['")
        return path

    def nested_path(self) -> Path:
        """Read a path inside a filter or an argument; it ends where its text can't go on."""
        return self._path(_NESTED_NAME)

    def _path(self, name: re.Pattern[str]) -> Path:
        start = self.at
        outer, self.refers_to_root = self.refers_to_root, False
        self.at += 1
        steps: list[Step] = []
        while self.peek() in (".", "[") and self.peek():
            steps.extend(self._next_steps(name, not steps or all(step.is_definite for step in steps)))
        called = [i for i, step in enumerate(steps) if step.ends_path]
        del steps[called[0] + 1 if called else len(steps) :]  # upstream ignores what follows a function
        for before, step in zip([None, *steps], steps, strict=False):
            step.settle(after_descend=isinstance(before, Descend), is_last=step is steps[-1])
        path = Path(self.text[start : self.at], steps, self.refers_to_root)
        self.refers_to_root = outer or path.needs_root
        return path

    def _next_steps(self, name: re.Pattern[str], is_definite: bool) -> list[Step]:
        if self.take(".."):
            return [Descend(), self._selector(name, False)]
        self.take(".")
        return [self._selector(name, is_definite)]

    def _selector(self, name: re.Pattern[str], is_definite: bool) -> Step:
        if self.peek() == "[":
            return self._bracket(is_definite)
        if self.take("*"):
            return Every()
        key = self.match(name)
        if self.take("("):
            return self._call(key)
        if not key:
            self.fail("a name, '*' or '['")
        return Name(key)

    def _bracket(self, is_definite: bool) -> Step:
        self.deeper()
        self.at += 1
        char = self.peek_dark()
        if char in ("'", '"') and char:
            step = self._names()
        elif char == "*":
            self.at += 1
            step = Every()
        elif char == "?":
            self.at += 1
            self.expect("(")
            step = path_filter.Where(self.condition(), is_definite)
            self.expect(")")
        else:
            step = self._positions()
        self.expect("]")
        self.shallower()
        return step

    def _names(self) -> Step:
        names = [self.quoted()]
        while self.peek_dark() == ",":
            self.at += 1
            if self.peek_dark() not in ("'", '"') or not self.peek():
                self.fail("a quoted name")
            names.append(self.quoted())
        return Name(names[0]) if len(names) == 1 else Names(names)

    def _positions(self) -> Step:
        text = self.match(_SELECTED).strip(" ")
        if _INDEXES.fullmatch(text):
            return Indexes([self._int(part) for part in text.split(",")])
        found = _SLICE.fullmatch(text)
        if found is None or (found[1] is None and found[2] is None):
            self.fail("an index, a slice, a quoted name, '*' or a filter")
        low, high = (None if part is None else self._int(part) for part in found.groups())
        return Slice(low, high)

    def _int(self, text: str) -> int:
        number = int(text) if len(text.strip(" ")) < len(str(_INT_MIN)) + 1 else _INT_MAX + 1
        if not _INT_MIN <= number <= _INT_MAX:
            self.fail("a 32-bit index")
        return number

    def _call(self, name: str) -> Step:
        self.deeper()
        arguments: list[Callable[[Run], Json]] = []
        while self.peek_dark() != ")":
            arguments.append(self.argument())
            if self.peek_dark() != ")":
                self.expect(",")
        self.at += 1
        self.shallower()
        return compile_call(name, arguments)

    def argument(self) -> Callable[[Run], Json]:
        """Read an argument of a function: a literal, or a path that starts at the root of the document."""
        if self.peek_dark() not in ("$", "@") or not self.peek():
            value = self.literal()
            return lambda _: value
        path = self.nested_path()
        self.refers_to_root = True
        return lambda run: path_filter.read_nested(path.steps, path.is_definite, run.root(), run)
