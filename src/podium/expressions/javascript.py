"""The small scripts of SWITCH, DO_WHILE and INLINE, evaluated without leaving the process.

Only what certainly means the same in a real engine is evaluated: a script outside of the subset does not compile here,
and one whose operands leave it raises `OutsideSubset`. In both cases the caller asks the real engine.
"""

from podium.expressions.bounds import SCRIPT_CHARS_MAX
from podium.expressions.javascript_node import Run
from podium.expressions.javascript_operator import OutsideSubset, result_of
from podium.expressions.javascript_parser import parse_script
from podium.expressions.json_value import Json

__all__ = ["OutsideSubset", "Script", "compile_script", "truth"]


class Script:
    """A compiled script."""

    __slots__ = ("_run",)

    def __init__(self, run: Run) -> None:
        self._run = run

    def evaluate(self, dollar: Json) -> Json:
        """Return the value of the script with *dollar* as `$`; raise `OutsideSubset` when that is not certain.

        Maps and lists in the result are those of *dollar*, not copies.
        """
        value = self._run(dollar)
        if value is None or type(value) is bool or type(value) is str or type(value) is int:
            return value
        return result_of(value)


def compile_script(text: str) -> Script | None:
    """Compile *text*; None when it is outside of the subset, be it right or wrong. Compile once, evaluate often."""
    if len(text) > SCRIPT_CHARS_MAX:
        return None
    try:
        return Script(parse_script(text))
    except OutsideSubset:
        return None


def truth(value: Json) -> bool:
    """Tell what a loop or condition makes of a script's value: true, or a number above zero; nothing else is true."""
    return value is True or ((type(value) is int or type(value) is float) and value > 0)
