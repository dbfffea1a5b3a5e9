"""How long ended workflows are kept: times by status, as settings and definitions give them.

Pure. `failed` also speaks for TIMED_OUT and TERMINATED where those have no time of their own.
"""

import re
from typing import Any

import msgspec

from podium.model.duration import parse_duration_seconds
from podium.model.status import COMPLETED, FAILED, TERMINATED, TIMED_OUT

FOREVER = "forever"
FOREVER_MS = -1
METADATA = "retention"  # its place in the `metadata` of a definition

_FIELDS = {
    COMPLETED: ("completed",),
    FAILED: ("failed",),
    TIMED_OUT: ("timed_out", "failed"),
    TERMINATED: ("terminated", "failed"),
}
_PAIR = re.compile(r"\s*([a-z_]+)\s*[=: ]\s*(\S[^,]*?)\s*", re.ASCII)


class Retention(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Times like `7d` or `12 hours`, or `forever`; None says nothing, and another rule may."""

    completed: str | None = None
    failed: str | None = None
    timed_out: str | None = None
    terminated: str | None = None

    def time_of(self, status: str) -> str | None:
        """Return the text that speaks for *status*."""
        texts = (getattr(self, field) for field in _FIELDS.get(status, ()))
        return next((text for text in texts if text is not None), None)


def keep_ms(text: str) -> int:
    """Return a time in ms, `FOREVER_MS` for ever; ValueError for a text that is no time."""
    return FOREVER_MS if text.strip().lower() == FOREVER else parse_duration_seconds(text) * 1000


def check(rule: Retention) -> Retention:
    """Return *rule*; ValueError when one of its texts is no time."""
    for field, text in msgspec.to_builtins(rule).items():
        try:
            keep_ms(text)
        except ValueError:
            raise ValueError(f"{field}: expected a time like 7d, 12h or {FOREVER}, not {text[:60]!r}") from None
    return rule


def parse(text: str) -> Retention:
    """Return the rule of a text like `completed=7d, failed=30d`; ValueError says what is wrong with it."""
    pairs: dict[str, str] = {}
    for part in text.split(",") if text.strip() else ():
        match = _PAIR.fullmatch(part)
        if match is None:
            raise ValueError(f"expected pairs like completed=7d, not {part.strip()[:60]!r}")
        pairs[match[1]] = match[2]
    return read(pairs)


def read(value: Any) -> Retention:
    """Return the rule of an object, such as a definition's metadata; ValueError says what is wrong with it."""
    try:
        return check(msgspec.convert(value, Retention))
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
