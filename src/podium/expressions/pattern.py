"""Regular expressions of JSONPath filters, limited to those whose worst case is known before they run.

A backtracking matcher tries at most the product of the choices of each part. Groups may not repeat, so that product is
a constant times a power of the length of the subject; `cost` is that bound. Anything else is refused.
"""

import re
from dataclasses import dataclass

from podium.expressions.bounds import PATTERN_CHARS_MAX

_PART = re.compile(
    r"""(?P<atom>\\[dDwWsSbBtnrf]|\\[^\w\s]|\[\^?\]?(?:[^\]\\\[]|\\[dDwWsStnrf]|\\[^\w\s])*\]|[^\\\[\](){}*+?|^$])
        (?P<repeat>[*+?]\??|\{\d{1,3}(?:,\d{0,3})?\}\??)?
      | (?P<edge>[\^$])
      | (?P<open>\((?:\?:)?)
      | (?P<close>\)\??(?![*+?{]))
      | (?P<or>\|)""",
    re.VERBOSE | re.ASCII,
)
_FLAGS = {"i": re.IGNORECASE, "s": re.DOTALL, "m": re.MULTILINE}
_GROUPS_MAX = 20


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled expression; it takes at most factor * (length + 1) ** degree steps on a subject."""

    regex: re.Pattern[str]
    factor: int
    degree: int

    def cost(self, subject: str) -> int:
        """Return how many steps matching *subject* can take at most."""
        size = len(subject) + 1
        return int(self.factor * size**self.degree)

    def matches(self, subject: str) -> bool:
        """Tell whether all of *subject* matches."""
        return self.regex.fullmatch(subject) is not None


def compile_pattern(text: str, flags: str) -> Pattern | None:
    """Return the pattern, or None when its syntax is not supported or its cost has no useful bound."""
    if len(text) > PATTERN_CHARS_MAX or any(flag not in _FLAGS for flag in flags):
        return None
    factor, degree, groups, at = 1, 0, 0, 0
    while at < len(text):
        part = _PART.match(text, at)
        if part is None:
            return None
        at = part.end()
        choices, power = _choices(part)
        factor *= choices
        degree += power
        groups += part["open"] is not None
    if factor > 1_000_000 or groups > _GROUPS_MAX:
        return None
    try:
        regex = re.compile(text, sum(_FLAGS[flag] for flag in set(flags)))
    except re.error:
        return None
    return Pattern(regex, factor * (len(text) + 1), degree)


def _choices(part: re.Match[str]) -> tuple[int, int]:
    """Return by how much a part multiplies the ways to match, and by how many powers of the length."""
    if part["or"] or part["close"] == ")?":
        return 2, 0
    repeat = (part["repeat"] or "").removesuffix("?") or part["repeat"]
    if not repeat:
        return 1, 0
    if repeat == "?":
        return 2, 0
    if repeat in "*+":
        return 1, 1
    low, comma, high = repeat[1:-1].partition(",")
    if comma and not high:
        return 1, 1
    return (int(high) - int(low) + 1 if high else 1), 0
