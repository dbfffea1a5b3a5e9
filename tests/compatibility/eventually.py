"""Waiting in tests: for a condition, at most until a deadline, and never for a fixed time."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

LOOK_EVERY_S = 0.02


def eventually(look: Callable[[], Found], what: str, deadline_s: float = 15.0) -> Found:
    """Return the first true answer of *look*; fail when there is none within *deadline_s*."""
    until = time.monotonic() + deadline_s
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < until, f"not within {deadline_s} s: {what}; last seen: {found!r}"
        time.sleep(LOOK_EVERY_S)
