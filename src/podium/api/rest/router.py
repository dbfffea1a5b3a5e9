"""From method and path to a route: one tree of path segments per method; a literal segment wins over a variable.

Paths without variables, as those of results and starts, are found at once.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from podium.api.rest.parameter import read_number
from podium.api.rest.route import Route

_NONE: dict[str, Route] = {}


class _Node:
    __slots__ = ("literals", "route", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.variable: _Node | None = None
        self.route: Route | None = None


class Router:
    """Finds routes; built once."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._trees: dict[str, _Node] = {}
        self._literals: dict[str, dict[str, Route]] = {}  # by method and path
        self._numbers: dict[str, list[tuple[int, str]]] = {}  # places and names of the variables that are numbers
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._trees.setdefault(route.method, _Node())
        for part in route.path.split("/"):
            if part.startswith("{"):
                node.variable = node.variable or _Node()
                node = node.variable
            else:
                node = node.literals.setdefault(part, _Node())
        if node.route is not None:
            raise ValueError(f"two routes for {route.method} {route.path}")
        node.route = route
        if "{" not in route.path:
            self._literals.setdefault(route.method, {})[route.path] = route
        numbers = [(place, one.name) for place, one in enumerate(route.variables) if one.kind == "integer"]
        if numbers:
            self._numbers[route.path] = numbers

    def literal(self, method: str, path: str) -> Route | None:
        """Return the route of a path that has no variables; None says nothing."""
        return self._literals.get(method, _NONE).get(path)

    def find(self, method: str, segments: Sequence[str]) -> tuple[Route, list[Any]] | None:
        """Return the route of a path, cut at its slashes, and the values of the path's variables."""
        tree = self._trees.get(method)
        values: list[Any] = []
        route = _find(tree, segments, 0, values) if tree is not None else None
        if route is None:
            return None
        if ":" in route.path:
            for place, name in self._numbers[route.path]:
                values[place] = read_number(name, "integer", values[place])
        return route, values

    def methods(self, segments: Sequence[str]) -> list[str]:
        """Return the methods that the path knows."""
        return sorted(method for method, tree in self._trees.items() if _find(tree, segments, 0, []))


def _find(node: _Node, segments: Sequence[str], place: int, values: list[Any]) -> Route | None:
    """Walk down; the depth is that of the deepest route, whatever the path."""
    if place == len(segments):
        return node.route
    segment = segments[place]
    below = node.literals.get(segment)
    if below is not None:
        route = _find(below, segments, place + 1, values)
        if route is not None:
            return route
    if node.variable is None or not segment:
        return None
    values.append(segment)
    route = _find(node.variable, segments, place + 1, values)
    if route is None:
        values.pop()
    return route
