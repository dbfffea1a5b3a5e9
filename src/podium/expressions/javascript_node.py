"""Compiled pieces of JavaScript, and how larger ones are put together from smaller ones."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from podium.expressions import javascript_operator as js
from podium.expressions.bounds import SCRIPT_DEPTH_MAX
from podium.expressions.javascript_operator import outside
from podium.expressions.json_value import Json

Run: TypeAlias = Callable[[Json], Json]

EMPTY: Final[Any] = object()  # what a statement yields that has no value
NO_CONSTANT: Final[Any] = object()
BINARY: dict[str, tuple[int, Callable[[Json, Json], Json]]] = {
    "==": (3, js.equal),
    "!=": (3, js.not_equal),
    "===": (3, js.identical),
    "!==": (3, js.not_identical),
    "<": (4, js.less),
    "<=": (4, js.less_or_equal),
    ">": (4, js.greater),
    ">=": (4, js.greater_or_equal),
    "+": (5, js.add),
    "-": (5, js.subtract),
    "*": (6, js.multiply),
    "/": (6, js.divide),
    "%": (6, js.remainder),
}


class Node(NamedTuple):
    """A compiled expression: *depth* bounds the recursion of running it; *keys* is set for a plain path below `$`."""

    run: Run
    depth: int
    constant: Json = NO_CONSTANT
    keys: tuple[str, ...] | None = None


def compose(run: Run, *children: Node) -> Node:
    """Return what runs others; `OutsideSubset` when it nests too deeply."""
    depth = 1 + max(child.depth for child in children)
    return Node(run, depth) if depth <= SCRIPT_DEPTH_MAX else outside()


def constant(value: Json) -> Node:
    """Return what gives *value*."""
    return Node(lambda _: value, 1, value)


def without_value(node: Node) -> Node:
    """Return the statement that an expression makes inside of a function."""
    inner = node.run

    def run(dollar: Json) -> Json:
        inner(dollar)
        return EMPTY

    return compose(run, node)


def block(nodes: list[Node], in_function: bool) -> Node:
    """Return what runs *nodes* in order: in a function up to the first that returns, else for the last value."""
    if len(nodes) < 2:
        return nodes[0] if nodes else constant(EMPTY)
    runs = [node.run for node in nodes]

    def run_function(dollar: Json) -> Json:
        for run in runs:
            value = run(dollar)
            if value is not EMPTY:
                return value
        return EMPTY

    def run_program(dollar: Json) -> Json:
        last = EMPTY
        for run in runs:
            value = run(dollar)
            if value is not EMPTY:
                last = value
        return last

    return compose(run_function if in_function else run_program, *nodes)


def joined(sign: str, left: Node, right: Node) -> Node:
    """Return a binary operation."""
    first, second = left.run, right.run
    if sign == "&&":

        def run_and(dollar: Json) -> Json:
            value = first(dollar)
            return second(dollar) if js.is_truthy(value) else value

        return compose(run_and, left, right)
    if sign == "||":

        def run_or(dollar: Json) -> Json:
            value = first(dollar)
            return value if js.is_truthy(value) else second(dollar)

        return compose(run_or, left, right)
    operate = BINARY[sign][1]
    return compose(lambda dollar: operate(first(dollar), second(dollar)), left, right)


def member(node: Node, name: str) -> Node:
    """Return the access to a member by name."""
    if name == "__proto__":
        outside()
    if node.keys is not None:
        keys = (*node.keys, name)
        return Node(_path(keys), 1, keys=keys)
    inner = node.run
    return compose(lambda dollar: js.member(inner(dollar), name), node)


def _path(keys: tuple[str, ...]) -> Run:
    """Return the walk down maps; anything but a map on the way is left to `member`."""

    def run(dollar: Json) -> Json:
        value = dollar
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError):
            value = dollar
            for key in keys:
                value = js.member(value, key)
        return value

    return run


def element(node: Node, key: Node) -> Node:
    """Return the access to a member or an item by what *key* gives."""
    inner, index = node.run, key.run
    return compose(lambda dollar: js.element(inner(dollar), index(dollar)), node, key)
