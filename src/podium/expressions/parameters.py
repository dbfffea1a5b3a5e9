"""Templates: JSON of a definition whose strings hold tokens such as `${t1.output.name}`.

Compiled once and resolved per task, at the cost of the tokens alone: constant parts are shared with the template and
values with the document, so treat a result as frozen below its top level. Secrets stay literal until
`substitute_secrets`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import msgspec

from podium.expressions.bounds import (
    DATA_DEPTH_MAX,
    EXPANSION_CHARS_MAX,
    PATH_CHARS_MAX,
    PATH_STEPS_MAX,
    TEMPLATE_DEPTH_MAX,
    TOKEN_DEPTH_MAX,
    UNMEASURED_VALUES_MAX,
    ExpressionTooLarge,
)
from podium.expressions.java_text import java_text, json_text
from podium.expressions.json_path import InvalidPath, Path, compile_path
from podium.expressions.json_value import Json, chars_of, plain
from podium.expressions.path_step import Run
from podium.expressions.tokens import ESCAPED_OPEN, OPEN, Token, split_tokens

MISSING: Final[Any] = object()  # what a document gives for a root, field or name that it does not have

SECRET_PREFIX = "workflow.secrets."  # noqa: S105
ENVIRONMENT_PREFIX = "workflow.env."
SYSTEM_NAMES = frozenset({"CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"})
ALL_ROOTS = "$"

_SECRET_OPEN = OPEN + SECRET_PREFIX
_SECRET_OPEN_BYTES = _SECRET_OPEN.encode()
_CACHED_TOKENS = 512


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


_Read: TypeAlias = Callable[[Document, Budget], Json]
_ReadText: TypeAlias = Callable[[Document, Budget], str]
_UNUSED_BUDGET = Budget()


class Template:
    """Compiled JSON. `roots` are the names its tokens start with; when `is_dynamic`, there may be others."""

    __slots__ = ("_constant", "_read", "has_secrets", "is_constant", "is_dynamic", "measures", "roots")

    def __init__(self, constant: Json, read: _Read | None, notes: "_Notes") -> None:
        self._constant = constant
        self._read = read
        self.measures = notes.measures  # whether a budget matters
        self.is_constant = read is None
        self.roots = frozenset(notes.roots)
        self.is_dynamic = notes.is_dynamic
        self.has_secrets = notes.has_secrets

    def resolve(self, document: Document, budget: Budget | None = None) -> Json:
        """Return the value on *document*; a map or list at the top is the caller's own.

        Raises `ExpressionTooLarge` when the result would be over the limit.
        """
        if self._read is None:
            constant = self._constant
            return constant.copy() if type(constant) is dict or type(constant) is list else constant
        if not self.measures:
            return self._read(document, _UNUSED_BUDGET)
        return self._read(document, budget or Budget())


def compile_template(value: Json) -> Template:
    """Compile JSON of a definition, once for many resolves; raise `ExpressionTooLarge` when it nests too deeply."""
    notes = _Notes()
    notes.measures = _count_strings(value, 0) > UNMEASURED_VALUES_MAX
    constant, read = _compile(value, notes)
    return Template(constant, read, notes)


def substitute_secrets(value: Json, secret: Callable[[str], str | None]) -> Json:
    """Return *value* with each `${workflow.secrets.NAME[.path]}` replaced; as a whole string it may become any JSON."""
    return _with_secrets(value, secret, Budget(), 0)


def has_secrets(raw: bytes) -> bool:
    """Tell whether JSON text may hold a token of a secret; one look through the bytes, without parsing."""
    return _SECRET_OPEN_BYTES in raw


class _Notes:
    """What compiling learns about a template besides its value."""

    __slots__ = ("has_secrets", "is_dynamic", "measures", "roots")

    def __init__(self) -> None:
        self.roots: set[str] = set()
        self.is_dynamic = False
        self.has_secrets = False
        self.measures = False


class _Reader(NamedTuple):
    """A compiled token: its value, and its text inside of a longer string. Without *value* it is the constant."""

    constant: Json
    value: _Read | None
    is_list: bool = False
    roots: tuple[str, ...] = ()
    is_bounded: bool = True  # the size of the value is at most that of something in the document


def _count_strings(value: Json, depth: int) -> int:
    """Return how many strings have tokens, and check the depth once and for all."""
    if depth > TEMPLATE_DEPTH_MAX:
        raise ExpressionTooLarge(f"a template nests deeper than {TEMPLATE_DEPTH_MAX}")
    if isinstance(value, str):
        return OPEN in value
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    count = 0
    for item in items:
        count += _count_strings(item, depth + 1)
    return count


def _compile(value: Json, notes: _Notes) -> tuple[Json, _Read | None]:
    if isinstance(value, str):
        return _compile_string(value, notes)
    if isinstance(value, dict):
        return _compile_map(value, notes)
    if isinstance(value, list):
        return _compile_list(value, notes)
    return value, None


def _compile_map(value: dict[str, Json], notes: _Notes) -> tuple[Json, _Read | None]:
    skeleton: dict[str, Json] = {}
    slots: list[tuple[str, _Read]] = []
    for key, item in value.items():
        skeleton[key], read = _compile(item, notes)
        if read is not None:
            slots.append((key, read))
    if not slots:
        return skeleton, None

    def read_map(document: Document, budget: Budget) -> Json:
        result = skeleton.copy()
        for key, read in slots:
            result[key] = read(document, budget)
        return result

    return None, read_map


def _compile_list(value: list[Json], notes: _Notes) -> tuple[Json, _Read | None]:
    skeleton: list[Json] = []
    slots: list[tuple[int, _Read]] = []
    for index, item in enumerate(value):
        constant, read = _compile(item, notes)
        skeleton.append(constant)
        if read is not None:
            slots.append((index, read))
    if not slots:
        return skeleton, None

    def read_list(document: Document, budget: Budget) -> Json:
        result = skeleton.copy()
        for index, read in slots:
            result[index] = read(document, budget)
        return result

    return None, read_list


def _compile_string(text: str, notes: _Notes) -> tuple[Json, _Read | None]:
    if OPEN not in text:
        return text, None
    pieces = split_tokens(text)
    if len(pieces) == 1 and isinstance(pieces[0], Token):
        reader = _compile_token(pieces[0], notes, 0)
        if reader.value is not None and (notes.measures or not reader.is_bounded):
            notes.measures = True
            return None, _measured(reader.value)
        return reader.constant, reader.value
    return _compile_text(pieces, notes, 0)


def _measured(read: _Read) -> _Read:
    def read_measured(document: Document, budget: Budget) -> Json:
        value = read(document, budget)
        budget.take(chars_of(value, budget.left))
        return value

    return read_measured


def _compile_text(pieces: list[str | Token], notes: _Notes, depth: int) -> tuple[Json, _Read | None]:
    """Compile a string that mixes text and tokens."""
    parts: list[str | _ReadText] = [
        piece if isinstance(piece, str) else _text_of(_compile_token(piece, notes, depth)) for piece in pieces
    ]
    if all(isinstance(part, str) for part in parts):
        return _unescaped("".join(map(str, parts))), None
    notes.measures = True

    def read_text(document: Document, budget: Budget) -> Json:
        texts: list[str] = []
        for part in parts:
            text = part if isinstance(part, str) else part(document, budget)
            budget.take(len(text))
            texts.append(text)
        return _unescaped("".join(texts))

    return None, read_text


def _text_of(reader: _Reader) -> str | _ReadText:
    read = reader.value
    if read is None:
        return java_text(reader.constant)
    if isinstance(read, _DynamicToken):
        return read.text
    to_text = json_text if reader.is_list else java_text

    def read_text(document: Document, budget: Budget) -> str:
        value = read(document, budget)
        return "null" if value is None else to_text(value, budget.left)

    return read_text


def _unescaped(text: str) -> str:
    return text.replace(ESCAPED_OPEN, OPEN) if ESCAPED_OPEN in text else text


def _compile_token(token: Token, notes: _Notes, depth: int) -> _Reader:
    if depth >= TOKEN_DEPTH_MAX:
        raise ExpressionTooLarge(f"tokens nest deeper than {TOKEN_DEPTH_MAX}")
    path: Json = token.path
    if OPEN in path:
        path, read_path = _compile_text(split_tokens(path), notes, depth + 1)
        if read_path is not None:
            notes.is_dynamic = True
            return _Reader(None, _DynamicToken(token.text, read_path), is_bounded=False)
    reader = _token_reader(path, token.text)
    notes.roots.update(root for root in reader.roots if root != ALL_ROOTS)
    notes.is_dynamic |= ALL_ROOTS in reader.roots
    notes.has_secrets |= token.path.startswith(SECRET_PREFIX)
    return reader


class _DynamicToken:
    """A token whose path depends on other tokens, so that it can only be compiled when they are known."""

    __slots__ = ("_literal", "_read_path")

    def __init__(self, literal: str, read_path: _Read) -> None:
        self._literal = literal
        self._read_path = read_path

    def __call__(self, document: Document, budget: Budget) -> Json:
        reader = self._reader(document, budget)
        return reader.constant if reader.value is None else reader.value(document, budget)

    def text(self, document: Document, budget: Budget) -> str:
        """Return the text of the value inside of a longer string."""
        text = _text_of(self._reader(document, budget))
        return text if isinstance(text, str) else text(document, budget)

    def _reader(self, document: Document, budget: Budget) -> _Reader:
        path = self._read_path(document, budget)
        return _NULL if len(path) > PATH_CHARS_MAX else _cached_reader(path, self._literal)


def _token_reader(path: str, literal: str) -> _Reader:
    """Compile the inside of a token that holds no other tokens. What is no path yields null."""
    if not path.strip():
        return _Reader("", None)
    if path.startswith(SECRET_PREFIX):
        return _Reader(literal, None)
    if path.startswith(ENVIRONMENT_PREFIX):
        return _Reader(None, _environment_reader(path.removeprefix(ENVIRONMENT_PREFIX)))
    if path in SYSTEM_NAMES:
        return _Reader(None, _system_reader(path, lambda _: literal))
    try:
        compiled = compile_path(path)
    except InvalidPath:
        return _NULL
    return _path_reader(compiled)


_NULL = _Reader(None, None)
_cached_reader = lru_cache(_CACHED_TOKENS)(_token_reader)


def _system_reader(name: str, otherwise: Callable[[Document], Json]) -> _Read:
    def read(document: Document, budget: Budget) -> Json:  # noqa: ARG001
        value = document.system(name)
        return otherwise(document) if value is MISSING else value

    return read


def _environment_reader(path: str) -> _Read:
    name, _, below = path.partition(".")

    def read(document: Document, budget: Budget) -> Json:  # noqa: ARG001
        return _below(document.environment(name), below)

    return read


def _below(text: str | None, path: str) -> Json:
    """Return a value of a store, or what *path* finds in it as JSON; null when there is nothing or it is no JSON."""
    if text is None or not path:
        return text
    try:
        return compile_path(path).read(msgspec.json.decode(text))
    except (InvalidPath, msgspec.DecodeError, RecursionError):
        return None


def _path_reader(path: Path) -> _Reader:
    keys = path.plain
    names = path.leading_names()
    roots = (str(path.steps[0].key) if names else ALL_ROOTS, *([ALL_ROOTS] if path.needs_root else []))
    if keys is None or names == 0:
        return _Reader(None, _wide_reader(path, min(names, 2)), not path.is_definite, roots, is_bounded=False)
    if len(keys) == 1:
        return _Reader(None, _system_reader(str(keys[0]), _root_reader(str(keys[0]))), roots=roots)
    if names == 1:
        return _Reader(None, None, roots=roots)  # an index on a root, which is a map
    return _Reader(None, _field_reader(str(keys[0]), str(keys[1]), keys[2:]), roots=roots)


def _root_reader(root: str) -> Callable[[Document], Json]:
    def read(document: Document) -> Json:
        value = document.root(root)
        return None if value is MISSING else plain(value)

    return read


def _wide_reader(path: Path, names: int) -> _Read:
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


def _field_reader(root: str, name: str, keys: tuple[str | int, ...]) -> _Read:
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


def _whole_field_reader(root: str, name: str) -> _Read:
    def read(document: Document, budget: Budget) -> Json:  # noqa: ARG001
        value = document.field(root, name)
        return None if value is MISSING else plain(value)

    return read


def _indexed_field_reader(root: str, name: str, keys: tuple[str | int, ...]) -> _Read:
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


def _with_secrets(value: Json, secret: Callable[[str], str | None], budget: Budget, depth: int) -> Json:
    if type(value) is str:
        return _string_with_secrets(value, secret, budget) if _SECRET_OPEN in value else value
    if depth > DATA_DEPTH_MAX:
        raise ExpressionTooLarge(f"a payload with secrets nests deeper than {DATA_DEPTH_MAX}")
    if type(value) is dict:
        result = {}
        for key, item in value.items():
            result[key] = _with_secrets(item, secret, budget, depth + 1)
        return result
    if type(value) is list:
        items = []
        for item in value:
            items.append(_with_secrets(item, secret, budget, depth + 1))  # noqa: PERF401 (a frame less per level)
        return items
    return value


def _string_with_secrets(text: str, secret: Callable[[str], str | None], budget: Budget) -> Json:
    pieces = split_tokens(text)
    if len(pieces) == 1 and isinstance(pieces[0], Token):
        value = _secret_value(pieces[0], secret)
        budget.take(chars_of(value, budget.left))
        return value
    parts: list[str] = []
    for piece in pieces:
        part = piece if isinstance(piece, str) else _secret_text(piece, secret)
        budget.take(len(part))
        parts.append(part)
    return "".join(parts)


def _secret_value(token: Token, secret: Callable[[str], str | None]) -> Json:
    if not token.path.startswith(SECRET_PREFIX):
        return token.text
    name, _, below = token.path.removeprefix(SECRET_PREFIX).partition(".")
    return _below(secret(name), below)


def _secret_text(token: Token, secret: Callable[[str], str | None]) -> str:
    value = _secret_value(token, secret)
    return "" if value is None else java_text(value)
