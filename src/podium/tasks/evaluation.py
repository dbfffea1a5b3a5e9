"""Expressions of definitions: `value-param`, JavaScript, Python.

Common JavaScript is evaluated here by a small evaluator without any access to anything; all else goes to the jailed
processes.
"""

from typing import Any

from podium.engine.context import Script
from podium.engine.session import Session, decode, encode
from podium.expressions.javascript import OutsideSubset, compile_script
from podium.expressions.javascript import Script as SmallScript

JAVASCRIPT = ("javascript", "graaljs")
EVALUATORS = (*JAVASCRIPT, "python", "value-param")
_CACHE_MAX = 1000
_small: dict[str, SmallScript | None] = {}


class EvaluationFailed(Exception):
    """The script threw, or took too long; the text is Conductor's."""

    def __init__(self, reason: str, *, timed_out: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.timed_out = timed_out


def evaluate(session: Session, evaluator: str, expression: str, values: dict[str, Any], *, attempt: int = 0) -> Any:
    """Return the value of *expression* on *values*; raises `EvaluationFailed`, or `ScriptNeeded` to be asked again."""
    if evaluator == "value-param":
        return values.get(expression)
    if evaluator in JAVASCRIPT:
        return run_javascript(session, expression, values, attempt=attempt)
    return _outside(session, Script("python", expression, encode(values), attempt=attempt))


def run_javascript(
    session: Session, source: str, values: dict[str, Any], *, is_body: bool = False, attempt: int = 0
) -> Any:
    """Return the value of a JavaScript program, or of a function body with `return`."""
    if not is_body:
        small = _small_script(source)
        if small is not None:
            try:
                return small.evaluate(values)
            except OutsideSubset:
                pass
    return _outside(session, Script("javascript", source, encode(values), is_body, attempt))


def _small_script(source: str) -> SmallScript | None:
    try:
        return _small[source]
    except KeyError:
        if len(_small) >= _CACHE_MAX:  # another thread may empty it as well
            _small.clear()
        script = _small[source] = compile_script(source)
        return script


def _outside(session: Session, script: Script) -> Any:
    answer = session.script(script)
    if answer.error is not None:
        raise EvaluationFailed(answer.error, timed_out=answer.timed_out)
    return None if answer.value is None else decode(answer.value)
