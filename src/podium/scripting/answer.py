"""What a worker answers, and the bounds that every value keeps before it leaves the worker."""

import re

from podium.scripting import frame

Answer = tuple[int, bytes]
"""A kind of `frame`, and the value (JSON) or the text of the error."""

DEPTH_MAX = 500
_TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKETS = re.compile(rb"[][{}]")


def failed(text: str, kind: int = frame.ERROR) -> Answer:
    """Answer an error; what UTF-8 can't hold in its text is replaced."""
    return kind, text.encode(errors="replace")


def broken_bound(value: bytes, output_bytes: int) -> str | None:
    """Say which bound the JSON text *value* breaks."""
    if len(value) > output_bytes:
        return "The result is too large"
    if value.count(b"[") + value.count(b"{") > DEPTH_MAX and _depth(value) > DEPTH_MAX:
        return f"The result is nested deeper than {DEPTH_MAX} levels"
    return None


def _depth(value: bytes) -> int:
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_TEXT.sub(b"", value)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest
