"""The tokens of the subset of JavaScript that conditions are written in, and the values of literals."""

import re
from typing import NamedTuple

from podium.expressions import javascript_operator as js
from podium.expressions.javascript_operator import outside

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_$.\\])
      | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)(?!\\)
      | (?P<string>'(?:[^'\\\r\n]|\\.)*'|"(?:[^"\\\r\n]|\\.)*")
      | (?P<sign>===|!==|=>|==|!=|<=|>=|&&|\|\||-(?!-)|[+*/%<>!?:;.(){}\[\]])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", "'": "'", '"': '"', "/": "/"}


class Token(NamedTuple):
    """A piece of the text; *kind* is number, name, string or sign."""

    kind: str
    text: str
    after_newline: bool


END = Token("end", "", True)


def read_tokens(text: str) -> list[Token]:
    """Return the tokens of a script; `OutsideSubset` for what is none."""
    tokens: list[Token] = []
    at, after_newline = 0, False
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            outside()
        at = found.end()
        kind, part = str(found.lastgroup), found.group()
        if kind == "space":
            after_newline = after_newline or "\n" in part or "\r" in part
        else:
            tokens.append(Token(kind, part, after_newline))
            after_newline = False
    return tokens


def number_of(text: str) -> int | float:
    """Return the value of a number."""
    return js.exact(int(text) if text.isdigit() else float(text))


def string_of(text: str) -> str:
    """Return the value of a string with its quotes."""
    return _ESCAPE.sub(_unescaped, text[1:-1])


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    if code is None:
        return _ESCAPED[match[3]] if match[3] in _ESCAPED else outside()
    char = chr(int(code, 16))
    return char if not "\ud800" <= char <= "\udfff" else outside()
