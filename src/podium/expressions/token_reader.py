"""One token of a template: what its path means, compiled to a function that reads it from a document.

Paths that hold further tokens are for `parameters` to put together first.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import msgspec

from podium.expressions.document import ALL_ROOTS, MISSING, Budget, Document
from podium.expressions.json_path import InvalidPath, Path, compile_path
from podium.expressions.json_value import Json, plain
from podium.expressions.path_step import Run

SECRET_PREFIX = "workflow.secrets."  # noqa: S105
ENVIRONMENT_PREFIX = "workflow.env."
SYSTEM_NAMES = frozenset({"CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"})
_CACHED_TOKENS = 512

Read: TypeAlias = Callable[[Document, Budget], Json]


class TokenReader(NamedTuple):
    """A compiled token: its value, and its text inside of a longer string. Without *value* it is the constant."""

    constant: Json
    value: Read | None
    is_list: bool = False
    roots: tuple[str, ...] = ()
    is_bounded: bool = True  # the size of the value is at most that of something in the document


def token_reader(path: str, literal: str) -> TokenReader:
    """Compile the inside of a token that holds no other tokens. What is no path yields null."""
    if not path.strip():
        return TokenReader("", None)
    if path.startswith(SECRET_PREFIX):
        return TokenReader(literal, None)
    if path.startswith(ENVIRONMENT_PREFIX):
        return TokenReader(None, _environment_reader(path.removeprefix(ENVIRONMENT_PREFIX)))
    if path in SYSTEM_NAMES:
        return TokenReader(None, _system_reader(path, lambda _: literal))
    try:
        compiled = compile_path(path)
    except InvalidPath:
        return NULL
    return _path_reader(compiled)


NULL = TokenReader(None, None)
cached_reader = lru_cache(_CACHED_TOKENS)(token_reader)


def _system_reader(name: str, otherwise: Callable[[Document], Json]) -> Read:
    def read(document: Document, budget: Budget) -> Json:  # noqa: ARG001
        value = document.system(name)
        return otherwise(document) if value is MISSING else value

    return read


def _environment_reader(path: str) -> Read:
    name, _, below = path.partition(".")

    def read(document: Document, budget: Budget) -> Json:  # noqa: ARG001
        return value_below(document.environment(name), below)

    return read


def value_below(text: str | None, path: str) -> Json:
    """Return a value of a store, or what *path* finds in it as JSON; null when there is nothing or it is no JSON."""
    if text is None or not path:
        return text
    try:
        return compile_path(path).read(msgspec.json.decode(text))
    except (InvalidPath, msgspec.DecodeError, RecursionError):
        return None


def _path_reader(path: Path) -> TokenReader:
    keys = path.plain
    names = path.leading_names()
    roots = (str(path.steps[0].key) if names else ALL_ROOTS, *([ALL_ROOTS] if path.needs_root else []))
    if keys is None or names == 0:
        return TokenReader(None, _wide_reader(path, min(names, 2)), not path.is_definite, roots, is_bounded=False)
    if len(keys) == 1:
        return TokenReader(None, _system_reader(str(keys[0]), _root_reader(str(keys[0]))), roots=roots)
    if names == 1:
        return TokenReader(None, None, roots=roots)  # an index on a root, which is a map
    return TokenReader(None, _field_reader(str(keys[0]), str(keys[1]), keys[2:]), roots=roots)


def _root_reader(root: str) -> Callable[[Document], Json]:
    def read(document: Document) -> Json:
        value = document.root(root)
        return None if value is MISSING else plain(value)

    return read


def _wide_reader(path: Path, names: int) -> Read:
    """Read a path that is more than keys; as many leading names as possible are left to the document."""
    keys = [str(step.key) for step in path.steps[:names]]

    def read(document: Document, budget: Budget) -> Json:
        if names == 2:
            start = document.field(keys[0], keys[1])
        else:
            start = document.root(keys[0] if keys else ALL_ROOTS)
        start = None if start is MISSING else plain(start)
        run = Run(lambda: document.root(ALL_ROOTS), budget.steps)
        found = path.read_from(start, names, run)
        budget.steps = run.left
        return found

    return read


def _field_reader(root: str, name: str, keys: tuple[str | int, ...]) -> Read:
    """Read a field and what *keys* find in it: the case that is nearly all there is, kept short."""
    if not keys:
        return _whole_field_reader(root, name)
    if not all(type(key) is str for key in keys):
        return _indexed_field_reader(root, name, keys)

    def read(document: Document, budget: Budget) -> Json:  # noqa: ARG001
        value = document.field(root, name)
        try:
            for key in keys:
                value = value[key]
        except (KeyError, TypeError):
            return None
        return value

    return read


def _whole_field_reader(root: str, name: str) -> Read:
    def read(document: Document, budget: Budget) -> Json:  # noqa: ARG001
        value = document.field(root, name)
        return None if value is MISSING else plain(value)

    return read


def _indexed_field_reader(root: str, name: str, keys: tuple[str | int, ...]) -> Read:
    def read(document: Document, budget: Budget) -> Json:  # noqa: ARG001
        value = document.field(root, name)
        try:
            for key in keys:
                if type(key) is int and type(value) is not list:
                    return None
                value = value[key]
        except (KeyError, TypeError, IndexError):
            return None
        return value

    return read
