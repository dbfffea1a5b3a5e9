"""The rules of definitions, applied with what this server knows: its task definitions, and its compilers."""

from collections.abc import Awaitable, Callable

from podium.expressions.javascript import compile_script
from podium.expressions.json_path import compile_path
from podium.expressions.path_reader import InvalidPath
from podium.model.errors import ValidationFailed, Violation
from podium.model.rules import Checks
from podium.model.task_def import TaskDef

SCRIPTS_MAX = 1_000  # of one request; further ones are compiled when they are first evaluated

ScriptError = Callable[[str], Awaitable[str | None]]
"""Says what is wrong with the syntax of a script, None when nothing is."""


class Checking:
    """Applies rules."""

    def __init__(self, task_def: Callable[[str], TaskDef | None], script_error: ScriptError | None) -> None:
        self._task_def = task_def
        self._script_error = script_error

    async def refuse(self, rule: Callable[[Checks], list[Violation]]) -> None:
        """Raise `ValidationFailed` for what *rule* finds.

        The rule runs first to name the scripts, which are compiled outside of this process, and again if one is wrong.
        """
        scripts: dict[str, None] = {}
        broken = rule(self._checks(scripts.setdefault))
        errors = await self._errors(list(scripts)[:SCRIPTS_MAX])
        if errors:
            broken = rule(self._checks(errors.get))
        if broken:
            raise ValidationFailed(broken)

    async def _errors(self, scripts: list[str]) -> dict[str, str]:
        errors: dict[str, str] = {}
        if self._script_error is None:
            return errors
        for script in scripts:
            error = None if compile_script(script) else await self._script_error(script)
            if error is not None:
                errors[script] = error
        return errors

    def _checks(self, script_error: Callable[[str], str | None]) -> Checks:
        return Checks(task_def=self._task_def, script_error=script_error, path_error=_path_error)


def _path_error(path: str) -> str | None:
    try:
        compile_path(path)
    except InvalidPath as error:
        return str(error)
    return None
