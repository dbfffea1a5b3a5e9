"""The characters of a JSONPath under a cursor, and the literals in it. Raises `InvalidPath`, never anything else."""

import re
from typing import NoReturn

from podium.expressions.bounds import PATH_DEPTH_MAX
from podium.expressions.json_value import Json
from podium.model.errors import InvalidRequest

_NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": True, "false": False, "null": None}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_UNICODE_ESCAPE_CHARS = 4


class InvalidPath(InvalidRequest):
    """The text is not a JSONPath."""


class PathReader:
    """A cursor over the text of a path."""

    __slots__ = ("at", "depth", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0

    def fail(self, expected: str) -> NoReturn:
        """Say what was expected at the cursor."""
        raise InvalidPath(f"invalid path '{self.text[:200]}': expected {expected} at position {self.at}")

    def deeper(self) -> None:
        """Enter a bracket; `shallower` leaves it."""
        self.depth += 1
        if self.depth > PATH_DEPTH_MAX:
            self.fail(f"at most {PATH_DEPTH_MAX} brackets inside each other")

    def shallower(self) -> None:
        """Leave a bracket."""
        self.depth -= 1

    def peek(self) -> str:
        """Return the character at the cursor, "" at the end."""
        return self.text[self.at : self.at + 1]

    def peek_dark(self) -> str:
        """Skip blanks and return the character there."""
        while self.peek() == " ":
            self.at += 1
        return self.peek()

    def take(self, text: str) -> bool:
        """Step over *text* if it is here."""
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def expect(self, char: str) -> None:
        """Step over *char*, blanks before it included, or fail."""
        self.peek_dark()
        if not self.take(char):
            self.fail(f"'{char}'")

    def match(self, pattern: re.Pattern[str]) -> str:
        """Step over what *pattern* matches here and return it, "" when it matches nothing."""
        found = pattern.match(self.text, self.at)
        if found is None:
            return ""
        self.at = found.end()
        return found.group()

    def quoted(self) -> str:
        """Read a string in single or double quotes."""
        quote = self.peek()
        self.at += 1
        start = self.at
        while self.peek() != quote:
            self.at += 2 if self.peek() == "\\" else 1
            if self.at >= len(self.text):
                self.fail(f"a closing {quote}")
        text = self.text[start : self.at]
        self.at += 1
        return _unescape(text) if "\\" in text else text

    def literal(self) -> Json:
        """Read a JSON value in which strings may also stand in single quotes."""
        char = self.peek_dark()
        if char in ("'", '"') and char:
            return self.quoted()
        if char == "[":
            return self._list()
        if char == "{":
            return self._map()
        number = self.match(_NUMBER)
        if number:
            return _number(number)
        for word, value in _WORDS.items():
            if self.take(word):
                return value
        return self.fail("a value")

    def _list(self) -> list[Json]:
        items: list[Json] = []
        self.deeper()
        self.at += 1
        while self.peek_dark() != "]":
            items.append(self.literal())
            if self.peek_dark() != "]":
                self.expect(",")
        self.at += 1
        self.shallower()
        return items

    def _map(self) -> dict[str, Json]:
        items: dict[str, Json] = {}
        self.deeper()
        self.at += 1
        while self.peek_dark() != "}":
            if self.peek() not in ("'", '"'):
                self.fail("a quoted key")
            key = self.quoted()
            self.expect(":")
            items[key] = self.literal()
            if self.peek_dark() != "}":
                self.expect(",")
        self.at += 1
        self.shallower()
        return items


def _number(text: str) -> int | float:
    return float(text) if any(char in text for char in ".eE") else int(text)


def _unescape(text: str) -> str:
    parts: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == "\\" and at < len(text):
            char = text[at]
            at += 1
            code = text[at : at + _UNICODE_ESCAPE_CHARS]
            if char == "u" and re.fullmatch("[0-9a-fA-F]{4}", code):
                char = chr(int(code, 16))
                at += _UNICODE_ESCAPE_CHARS
            else:
                char = _ESCAPES.get(char, char)
        parts.append(char)
    return "".join(parts)
