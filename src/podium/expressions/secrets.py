"""Secrets: tokens that stay literal in stored data, and are replaced on the way to whoever needs their values."""

from collections.abc import Callable

from podium.expressions.bounds import DATA_DEPTH_MAX, ExpressionTooLarge
from podium.expressions.document import Budget
from podium.expressions.java_text import java_text
from podium.expressions.json_value import Json, chars_of
from podium.expressions.token_reader import SECRET_PREFIX, value_below
from podium.expressions.tokens import OPEN, Token, split_tokens

_SECRET_OPEN = OPEN + SECRET_PREFIX
_SECRET_OPEN_BYTES = _SECRET_OPEN.encode()


def substitute_secrets(value: Json, secret: Callable[[str], str | None]) -> Json:
    """Return *value* with each `${workflow.secrets.NAME[.path]}` replaced; as a whole string it may become any JSON."""
    return _with_secrets(value, secret, Budget(), 0)


def has_secrets(raw: bytes) -> bool:
    """Tell whether JSON text may hold a token of a secret; one look through the bytes, without parsing."""
    return _SECRET_OPEN_BYTES in raw


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
    return value_below(secret(name), below)


def _secret_text(token: Token, secret: Callable[[str], str | None]) -> str:
    value = _secret_value(token, secret)
    return "" if value is None else java_text(value)
