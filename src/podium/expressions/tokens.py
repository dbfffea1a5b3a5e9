"""Finds the tokens `${…}` of a string, in one pass. Knows nothing of what is inside of them."""

from typing import NamedTuple

OPEN = "${"
ESCAPED_OPEN = "$${"


class Token(NamedTuple):
    """One `${…}` as it stands in the string: *text* with the braces, *path* without."""

    text: str
    path: str


def split_tokens(text: str) -> list[str | Token]:
    """Cut *text* into plain pieces and tokens, in order.

    A token ends at the brace that balances its own. Without such a brace, or after another `$`, it is plain text.
    """
    if OPEN not in text:
        return [text] if text else []
    closing = _closing_braces(text)
    pieces: list[str | Token] = []
    done = 0
    at = text.find(OPEN)
    while at >= 0:
        end = closing.get(at + 1)
        if end is None or (at > 0 and text[at - 1] == "$"):
            at = text.find(OPEN, at + 2)
            continue
        if at > done:
            pieces.append(text[done:at])
        done = end + 1
        pieces.append(Token(text[at:done], text[at + 2 : end]))
        at = text.find(OPEN, done)
    if done < len(text):
        pieces.append(text[done:])
    return pieces


def token_paths(text: str) -> list[str]:
    """Return what is inside of each token of *text*; a token within a token stays part of the outer one."""
    return [piece.path for piece in split_tokens(text) if isinstance(piece, Token)]


def _closing_braces(text: str) -> dict[int, int]:
    """Map the position of each `{` that is balanced to that of its `}`."""
    found: dict[int, int] = {}
    opened: list[int] = []
    for at in range(text.find("{"), len(text)):
        char = text[at]
        if char == "{":
            opened.append(at)
        elif char == "}" and opened:
            found[opened.pop()] = at
    return found
