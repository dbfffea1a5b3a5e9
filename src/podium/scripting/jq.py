"""Evaluates jq programs inside a worker process with libjq.

Programs are pure functions of their input: a compiled one is kept and used again, as compiling costs a hundred times
more than running. The environment is empty in a worker, modules can't be found, and `now` is cut to milliseconds.
Time and memory are limited by the process. Never used in the server process.
"""

import functools
import json
import re
import sys
from collections.abc import Iterator

from podium.scripting import frame
from podium.scripting.answer import Answer, broken_bound, failed

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing would be a fifth of what the start of a worker costs
    from typing import Any

_PROGRAMS_MAX = 64
_DEFINITIONS = {
    "now": "def _now: now; def now: _now * 1000 | floor / 1000; ",
    "leaf_paths": "def leaf_paths: paths(scalars); ",
    "_nwise": "def _nwise($n): def n: if length <= $n then . else .[:$n], (.[$n:] | n) end; n; ",
}
"""Put before a program that has the word: a clock of milliseconds, and what upstream's jq has but libjq lost."""
_QUOTED_INDEX = re.compile(r'^(Cannot index \w+ with string) \((".*")\)$', re.DOTALL)
_SHOWN_VALUE = re.compile(r"^(Cannot (?:iterate over|index \w+ with) \w+) \(.*\)$", re.DOTALL)
_OUTSIZED_NUMBER = re.compile(rb"\d{19}|\d[eE]\+?\d{3}")
_DOUBLE_MAX = sys.float_info.max
_TEXT_LENGTH_MAX = 4_000


class Evaluator:
    """jq within an output limit."""

    def __init__(self, engine: "Any", output_bytes: int) -> None:
        self._compile = engine.compile
        self._output_bytes = output_bytes
        self._compiled = functools.lru_cache(_PROGRAMS_MAX)(self._written)

    def evaluate(self, source: str, data: bytes) -> Answer:
        """Run *source* on *data* (JSON); the value is the list of all results."""
        try:
            program = self._compiled(source)
        except ValueError as error:
            return failed(_said(error), frame.SYNTAX)
        try:
            return self._collected(iter(program.input_text(data.decode())))
        except ValueError as error:
            return failed(_said(error))

    def check(self, source: str) -> Answer:
        """Compile *source* without running it; the answer is empty or says what is wrong."""
        try:
            self._compiled(source)
        except ValueError as error:
            return failed(_said(error), frame.SYNTAX)
        return frame.OK, b""

    def _written(self, source: str) -> "Any":
        """Compile *source* so that it gives JSON texts: as Python values, large integers would lose digits."""
        head = "".join(text for word, text in _DEFINITIONS.items() if word in source)
        try:
            return self._compile(f"{head}({source}\n) | tojson")
        except ValueError:
            self._compile(head + source)  # the error of the program as it was written
            raise

    def _collected(self, results: Iterator[str]) -> Answer:
        parts: list[str] = []
        room = self._output_bytes
        for result in results:
            room -= len(result) + 1
            if room < 0:
                return failed("The result is too large")
            parts.append(result)
        value = f"[{','.join(parts)}]".encode(errors="replace")
        broken = broken_bound(value, self._output_bytes)
        if broken:
            return failed(broken)
        return frame.OK, _with_java_numbers(value) if _OUTSIZED_NUMBER.search(value) else value


def _said(error: ValueError) -> str:
    """Word an error as upstream does, where that is known; what the compiler says stays its own."""
    text = _QUOTED_INDEX.sub(r"\1 \2", str(error)[:_TEXT_LENGTH_MAX])
    return _SHOWN_VALUE.sub(r"\1", text)


def _with_java_numbers(value: bytes) -> bytes:
    """Make doubles of integers that are no long, and finite ones of all: libjq hands on literals of any size."""
    plain = json.loads(value, parse_int=_long_or_double, parse_float=_finite)
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def _long_or_double(digits: str) -> int | float:
    is_long = len(digits) <= 20 and -(2**63) <= int(digits) < 2**63
    return int(digits) if is_long else _finite(digits)


def _finite(digits: str) -> float:
    return max(-_DOUBLE_MAX, min(_DOUBLE_MAX, float(digits)))
