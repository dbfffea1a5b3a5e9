"""Evaluates JavaScript inside a worker process: each script in a world of its own, ready before it is asked for.

Assumes nothing of the script. Its own limits (time, heap, stack) stop loops, memory bombs and recursion; long
built-in functions they do not stop: that is the pool's part. Never used in the server process.
"""

import json
import os.path
import re

from podium.scripting import fault, frame
from podium.scripting.answer import Answer, broken_bound, failed

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing would be a fifth of what the start of a worker costs
    from typing import Any

_BODY_HEAD, _BODY_TAIL = "(function(){", "\n})()"
_STRICT = re.compile(r"\s*(['\"])use strict\1")
_OUT_OF_MEMORY = "InternalError: out of memory"
_PROBE = "throw null;"
_FRAMES_OF_WORLD = 2
_LONE_SURROGATE = re.compile(r"(?<!\\)((?:\\\\)*)\\ud[89a-f][0-9a-f]{2}")
_MANY_DIGITS = b"0" * 16
_LONG_LENGTH_MAX = 20
_DIGITS_TO_ZERO = bytes.maketrans(b"123456789", b"000000000")


class Evaluator:
    """JavaScript within limits; made before the process is jailed, since it reads its sources."""

    def __init__(self, engine: "Any", time_ms: int, heap_bytes: int, stack_bytes: int, output_bytes: int) -> None:
        self._engine = engine
        self._time_s = time_ms / 1000
        self._heap_bytes, self._stack_bytes, self._output_bytes = heap_bytes, stack_bytes, output_bytes
        self._world, *self._parts = (_stripped(name) for name in ("world.js", "value.js", "unusual.js", "report.js"))
        self._timeout = f"Script not evaluated within {self._time_s:g} seconds, interrupted."
        self._context: Any = None
        self._call_world: Any = None
        self._is_fresh = False
        self.prepare()

    def prepare(self) -> None:
        """Replace the used world by a new one: most of the work of a small script, done while nobody waits."""
        if self._is_fresh:
            return
        self._context = self._call_world = None
        self._context = context = self._engine.Context()
        context.set_memory_limit(self._heap_bytes)
        context.set_time_limit(self._time_s)
        context.set_max_stack_size(self._stack_bytes)
        self._call_world = context.eval(self._world)
        self._is_fresh = True

    def evaluate(self, source: str, data: bytes) -> Answer:
        """Evaluate a program with `$` = *data* (JSON)."""
        return self._answer(source, source, 0, data)

    def evaluate_body(self, source: str, data: bytes) -> Answer:
        """Evaluate the body of a function, which gives its value by `return`."""
        return self._answer(source, _BODY_HEAD + source + _BODY_TAIL, len(_BODY_HEAD), data)

    def check(self, source: str) -> Answer:
        """Compile *source* without running it; the answer is empty or says what is wrong."""
        strict = _STRICT.match(source)
        head = ("'use strict';" if strict else "") + _PROBE
        try:
            self._call(head + source, None)
            thrown = self._thrown()
        except Exception as error:  # noqa: BLE001 (whatever the engine raises: it is no error of syntax)
            return self._stopped(error)
        if thrown.stack is None or not thrown.is_of_syntax():
            return frame.OK, b""
        detail, _ = fault.syntax_detail(source, thrown.message, thrown.stack, len(head))
        return failed(detail, frame.SYNTAX)

    def _answer(self, source: str, program: str, shift: int, data: bytes) -> Answer:
        try:
            reply = self._call(program, data)
            return self._checked(reply) if reply is not None else _reported(source, shift, self._thrown())
        except Exception as error:  # noqa: BLE001 (the engine raises more than it says; each is the script's failure)
            return self._stopped(error)

    def _call(self, program: str, data: bytes | None) -> str | None:
        self.prepare()
        self._is_fresh = False
        exact = None
        if data is not None:
            self._context.set("$", self._context.parse_json(data.decode()))
            exact = _exact_integers(data)
        reply: str | None = self._call_world(program, *self._parts, exact, self._output_bytes)
        return reply

    def _thrown(self) -> "_Thrown":
        return _Thrown(**json.loads(self._call_world(None, *self._parts)))

    def _stopped(self, error: Exception) -> Answer:
        """Answer for what JavaScript can't catch: the time limit; or an exhausted heap."""
        if isinstance(error, MemoryError):
            return failed(fault.error_text(_OUT_OF_MEMORY))
        if not isinstance(error, self._engine.JSException):
            return failed(fault.error_text(f"InternalError: {error}"))
        said = str(error).partition("\n")[0]
        if said == "InternalError: interrupted":
            return failed(self._timeout, frame.TIMEOUT)
        return failed(fault.error_text(said))

    def _checked(self, reply: str) -> Answer:
        if "\\ud" in reply:
            reply = _LONE_SURROGATE.sub(r"\1\\ufffd", reply)
        value = reply.encode()
        broken = broken_bound(value, self._output_bytes)
        return failed(fault.error_text(f"RangeError: {broken}")) if broken else (frame.OK, value)


class _Thrown:
    """What a script threw, as report.js describes it."""

    def __init__(self, said: str, stack: str | None, ran: bool) -> None:
        self.said, self.stack, self.ran = said, stack, ran
        self.message = said.partition(": ")[2]

    def is_of_syntax(self) -> bool:
        return self.said.startswith("SyntaxError: ") and fault.is_of_program(self.stack, _FRAMES_OF_WORLD)


def _reported(source: str, shift: int, thrown: _Thrown) -> Answer:
    if thrown.ran:
        return failed(fault.error_text(thrown.said))
    if thrown.stack is not None and thrown.is_of_syntax():
        detail, line = fault.syntax_detail(source, thrown.message, thrown.stack, shift)
        return failed(fault.error_text(detail, line), frame.SYNTAX)
    if thrown.said == "null" and "throw" not in source:
        return failed(fault.error_text(_OUT_OF_MEMORY))  # the engine had no room left for an error
    return failed(fault.run_error(" " * shift + source, thrown.said, thrown.stack))


def _exact_integers(data: bytes) -> str | None:
    """Map the digits that a double makes of a large integer of the input back to the integer, as JSON.

    JavaScript has no long: without this an identifier of 17 digits that a script only passes on would come out
    changed. Two integers that become the same double can't be told apart and stay as the double.
    """
    if _MANY_DIGITS not in data.translate(_DIGITS_TO_ZERO):
        return None
    found: dict[str, set[int]] = {}

    def note(digits: str) -> int:
        value = int(digits) if len(digits) <= _LONG_LENGTH_MAX else 0
        if abs(value) > 2**53 and -(2**63) <= value < 2**63:
            found.setdefault(str(int(float(value))), set()).add(value)
        return value

    try:
        json.loads(data, parse_int=note)
    except RecursionError:
        return None  # JavaScript reads deeper than Python; the integers stay doubles
    exact = {key: str(values.pop()) for key, values in found.items() if len(values) == 1}
    return json.dumps(exact) if exact else None


def _stripped(name: str) -> str:
    """Read a source without its comments and indents, which would be lexed at each evaluation."""
    path = os.path.join(os.path.dirname(__file__), name)  # noqa: PTH118, PTH120 (pathlib would double the imports)
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        lines = [line.strip() for line in file]
    return "\n".join(line for line in lines if line and not line.startswith("//"))
