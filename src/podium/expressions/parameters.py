"""Templates: JSON of a definition whose strings hold tokens such as `${t1.output.name}`.

Compiled once and resolved per task, at the cost of the tokens alone: constant parts are shared with the template and
values with the document, so treat a result as frozen below its top level. Secrets stay literal: `secrets` puts them in.
"""

from collections.abc import Callable
from typing import TypeAlias

from podium.expressions.bounds import (
    PATH_CHARS_MAX,
    TEMPLATE_DEPTH_MAX,
    TOKEN_DEPTH_MAX,
    UNMEASURED_VALUES_MAX,
    ExpressionTooLarge,
)
from podium.expressions.document import ALL_ROOTS, Budget, Document
from podium.expressions.java_text import java_text, json_text
from podium.expressions.json_value import Json, chars_of
from podium.expressions.token_reader import NULL, SECRET_PREFIX, Read, TokenReader, cached_reader, token_reader
from podium.expressions.tokens import ESCAPED_OPEN, OPEN, Token, split_tokens

_ReadText: TypeAlias = Callable[[Document, Budget], str]
_UNUSED_BUDGET = Budget()


class Template:
    """Compiled JSON. `roots` are the names its tokens start with; when `is_dynamic`, there may be others."""

    __slots__ = ("_constant", "_read", "has_secrets", "is_constant", "is_dynamic", "measures", "roots")

    def __init__(self, constant: Json, read: Read | None, notes: "_Notes") -> None:
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


class _Notes:
    """What compiling learns about a template besides its value."""

    __slots__ = ("has_secrets", "is_dynamic", "measures", "roots")

    def __init__(self) -> None:
        self.roots: set[str] = set()
        self.is_dynamic = False
        self.has_secrets = False
        self.measures = False


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


def _compile(value: Json, notes: _Notes) -> tuple[Json, Read | None]:
    if isinstance(value, str):
        return _compile_string(value, notes)
    if isinstance(value, dict):
        return _compile_map(value, notes)
    if isinstance(value, list):
        return _compile_list(value, notes)
    return value, None


def _compile_map(value: dict[str, Json], notes: _Notes) -> tuple[Json, Read | None]:
    skeleton: dict[str, Json] = {}
    slots: list[tuple[str, Read]] = []
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


def _compile_list(value: list[Json], notes: _Notes) -> tuple[Json, Read | None]:
    skeleton: list[Json] = []
    slots: list[tuple[int, Read]] = []
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


def _compile_string(text: str, notes: _Notes) -> tuple[Json, Read | None]:
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


def _measured(read: Read) -> Read:
    def read_measured(document: Document, budget: Budget) -> Json:
        value = read(document, budget)
        budget.take(chars_of(value, budget.left))
        return value

    return read_measured


def _compile_text(pieces: list[str | Token], notes: _Notes, depth: int) -> tuple[Json, Read | None]:
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


def _text_of(reader: TokenReader) -> str | _ReadText:
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


def _compile_token(token: Token, notes: _Notes, depth: int) -> TokenReader:
    if depth >= TOKEN_DEPTH_MAX:
        raise ExpressionTooLarge(f"tokens nest deeper than {TOKEN_DEPTH_MAX}")
    path: Json = token.path
    if OPEN in path:
        path, read_path = _compile_text(split_tokens(path), notes, depth + 1)
        if read_path is not None:
            notes.is_dynamic = True
            return TokenReader(None, _DynamicToken(token.text, read_path), is_bounded=False)
    reader = token_reader(path, token.text)
    notes.roots.update(root for root in reader.roots if root != ALL_ROOTS)
    notes.is_dynamic |= ALL_ROOTS in reader.roots
    notes.has_secrets |= token.path.startswith(SECRET_PREFIX)
    return reader


class _DynamicToken:
    """A token whose path depends on other tokens, so that it can only be compiled when they are known."""

    __slots__ = ("_literal", "_read_path")

    def __init__(self, literal: str, read_path: Read) -> None:
        self._literal = literal
        self._read_path = read_path

    def __call__(self, document: Document, budget: Budget) -> Json:
        reader = self._reader(document, budget)
        return reader.constant if reader.value is None else reader.value(document, budget)

    def text(self, document: Document, budget: Budget) -> str:
        """Return the text of the value inside of a longer string."""
        text = _text_of(self._reader(document, budget))
        return text if isinstance(text, str) else text(document, budget)

    def _reader(self, document: Document, budget: Budget) -> TokenReader:
        path = self._read_path(document, budget)
        return NULL if len(path) > PATH_CHARS_MAX else cached_reader(path, self._literal)
