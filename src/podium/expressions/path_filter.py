"""Filters of JSONPath, `[?(@.price > 10 && @.tag in ['a','b'])]`: their grammar and what they mean.

As upstream, numbers equal numeric strings and `===` tells them apart; ordering needs two numbers or two strings; what
is missing compares like null.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from podium.expressions.java_text import java_text
from podium.expressions.json_value import Json
from podium.expressions.path_reader import PathReader
from podium.expressions.path_step import Run, Step, Unreadable, select
from podium.expressions.pattern import Pattern, compile_pattern

if TYPE_CHECKING:
    from podium.expressions.json_path import Path

Test: TypeAlias = Callable[[Json, Run], bool]
Operand: TypeAlias = Callable[[Json, Run], Json]
Relation: TypeAlias = Callable[[Json, Json, Run], bool]

_OPERATOR = re.compile(r"===|!==|==|!=|<=|>=|=~|<|>|[A-Za-z]+")
_REGEX = re.compile(r"/((?:[^/\\]|\\.)*)/([a-z]*)")
_DECIMAL = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_STEPS_PER_PATTERN_STEP = 10  # a step of the regular expression engine is about ten times cheaper than one of ours


class Where(Step):
    """The elements of a list, or the map itself, for which a condition holds."""

    __slots__ = ("_after_definite", "_only_itself", "_test")
    is_definite = False

    def __init__(self, test: Test, after_definite: bool) -> None:
        self._test = test
        self._after_definite = after_definite
        self._only_itself = False

    def settle(self, after_descend: bool, is_last: bool) -> None:  # noqa: ARG002
        """After `..` each element comes by itself as well."""
        self._only_itself = after_descend

    def select(self, value: Json, run: Run, found: list[Json]) -> None:
        """Append what the condition accepts."""
        if isinstance(value, dict):
            if self._test(value, run):
                found.append(value)
        elif isinstance(value, list):
            if not self._only_itself:
                run.spend(len(value))
                found.extend(item for item in value if self._test(item, run))
        elif value is not None and self._after_definite:
            raise Unreadable


def read_nested(steps: Sequence[Step], is_definite: bool, value: Json, run: Run) -> Json:
    """Read a path inside of another one, on the account of the same run."""
    found = select(steps, value, run)
    if is_definite:
        return found[0] if found else None
    return found


class FilterParser(PathReader):
    """Reads the condition of a filter; paths in it are read by the class that extends this one."""

    __slots__ = ("refers_to_root",)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.refers_to_root = False

    def nested_path(self) -> "Path":
        """Read a path that begins here."""
        raise NotImplementedError

    def condition(self) -> Test:
        """Read conditions joined by `||`."""
        self.deeper()
        tests = [self._conjunction()]
        while self.peek_dark() == "|" and self.take("||"):
            tests.append(self._conjunction())
        self.shallower()
        return tests[0] if len(tests) == 1 else lambda item, run: any(test(item, run) for test in tests)

    def _conjunction(self) -> Test:
        tests = [self._term()]
        while self.peek_dark() == "&" and self.take("&&"):
            tests.append(self._term())
        return tests[0] if len(tests) == 1 else lambda item, run: all(test(item, run) for test in tests)

    def _term(self) -> Test:
        char = self.peek_dark()
        if char == "!":
            self.at += 1
            self.deeper()
            test = self._term()
            self.shallower()
            return lambda item, run: not test(item, run)
        if char == "(":
            self.at += 1
            test = self.condition()
            self.expect(")")
            return test
        return self._comparison()

    def _comparison(self) -> Test:
        if self.peek() in ("@", "$") and self.peek():
            path = self.nested_path()
            left = self._reader(path)
        else:
            path = None
            left = self._operand()
        self.peek_dark()
        name = self.match(_OPERATOR)
        if not name:
            if path is None:
                self.fail("a comparison")
            return self._existence(path)
        relation = _RELATIONS.get(name.lower())
        if relation is None:
            self.fail("an operator")
        self.peek_dark()
        right = self._operand()
        return lambda item, run: relation(left(item, run), right(item, run), run)

    def _operand(self) -> Operand:
        char = self.peek()
        if char in ("@", "$") and char:
            return self._reader(self.nested_path())
        value = self._pattern() if char == "/" else self.literal()
        return lambda _item, _run: value

    def _pattern(self) -> Pattern | None:
        found = _REGEX.match(self.text, self.at)
        if found is None:
            self.fail("a closing '/'")
        self.at = found.end()
        return compile_pattern(found[1].replace("\\/", "/"), found[2])

    def _reader(self, path: "Path") -> Operand:
        steps, is_definite = path.steps, path.is_definite
        if path.text[0] == "@":
            return lambda item, run: read_nested(steps, is_definite, item, run)
        self.refers_to_root = True
        return lambda _, run: read_nested(steps, is_definite, run.root(), run)

    def _existence(self, path: "Path") -> Test:
        steps = path.steps
        if not path.is_definite:  # a list exists even when it is empty
            return lambda _item, _run: True
        if path.text[0] == "@":
            return lambda item, run: bool(select(steps, item, run))
        return lambda _, run: bool(select(steps, run.root(), run))


def _is_number(value: Json) -> bool:
    return type(value) is int or type(value) is float


def _equal(left: Json, right: Json, _: Run) -> bool:
    if _is_number(left) and type(right) is str:
        return _DECIMAL.fullmatch(right) is not None and float(right) == left
    if type(left) is str and _is_number(right):
        return left == java_text(right)
    return _same(left, right)


def _same(left: Json, right: Json) -> bool:
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    return type(left) is type(right) and bool(left == right)


def _ordered(holds: Callable[[Json, Json], bool]) -> Relation:
    def relation(left: Json, right: Json, _: Run) -> bool:
        comparable = (_is_number(left) and _is_number(right)) or (type(left) is str and type(right) is str)
        return comparable and holds(left, right)

    return relation


def _member(item: Json, items: Json, run: Run) -> bool:
    run.spend(len(items))
    return any(_equal(item, other, run) for other in items)


def _in(left: Json, right: Json, run: Run) -> bool:
    return isinstance(right, list) and _member(left, right, run)


def _not_in(left: Json, right: Json, run: Run) -> bool:
    return isinstance(right, list) and not _member(left, right, run)


def _contains(left: Json, right: Json, run: Run) -> bool:
    if type(left) is str:
        return type(right) is str and right in left
    return isinstance(left, list) and _member(right, left, run)


def _all(left: Json, right: Json, run: Run) -> bool:
    return _lists(left, right) and bool(right) and all(_member(item, left, run) for item in right)


def _subset_of(left: Json, right: Json, run: Run) -> bool:
    return _lists(left, right) and all(_member(item, right, run) for item in left)


def _any_of(left: Json, right: Json, run: Run) -> bool:
    return _lists(left, right) and any(_member(item, right, run) for item in left)


def _none_of(left: Json, right: Json, run: Run) -> bool:
    return _lists(left, right) and not _any_of(left, right, run)


def _lists(left: Json, right: Json) -> bool:
    return isinstance(left, list) and isinstance(right, list)


def _has_size(left: Json, right: Json, _: Run) -> bool:
    return isinstance(left, list | str) and type(right) is int and len(left) == right


def _is_empty(left: Json, right: Json, _: Run) -> bool:
    return isinstance(left, list | str | dict) and type(right) is bool and (not left) is right


def _is_like(left: Json, right: Json, run: Run) -> bool:
    pattern, subject = (right, left) if isinstance(right, Pattern) else (left, right)
    if not isinstance(pattern, Pattern):
        if pattern is None or subject is None:  # an expression that was refused
            raise Unreadable
        return False
    return any(_matches(pattern, item, run) for item in (subject if isinstance(subject, list) else [subject]))


def _matches(pattern: Pattern, item: Json, run: Run) -> bool:
    if isinstance(item, dict | list):
        return False
    text = java_text(item)
    run.spend(pattern.cost(text) // _STEPS_PER_PATTERN_STEP)
    return pattern.matches(text)


def _never(left: Json, right: Json, run: Run) -> bool:  # noqa: ARG001
    return False


_RELATIONS: dict[str, Relation] = {
    "==": _equal,
    "!=": lambda left, right, run: not _equal(left, right, run),
    "===": lambda left, right, _: _same(left, right),
    "!==": lambda left, right, _: not _same(left, right),
    "<": _ordered(lambda left, right: bool(left < right)),
    "<=": _ordered(lambda left, right: bool(left <= right)),
    ">": _ordered(lambda left, right: bool(left > right)),
    ">=": _ordered(lambda left, right: bool(left >= right)),
    "=~": _is_like,
    "in": _in,
    "nin": _not_in,
    "contains": _contains,
    "all": _all,
    "subsetof": _subset_of,
    "anyof": _any_of,
    "noneof": _none_of,
    "size": _has_size,
    "empty": _is_empty,
    "type": _never,
    "matches": _never,
}
