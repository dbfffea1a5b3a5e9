"""Secrets for workers: put into the copy of a task that a worker gets, and never stored."""

import logging

from podium.expressions.bounds import ExpressionTooLarge
from podium.expressions.secrets import has_secrets, substitute_secrets
from podium.model.task_def import TaskDef
from podium.model.wire import encode_json, parse_json
from podium.runtime.variables import Variables

log = logging.getLogger(__name__)


class Secrets:
    """Completes tasks on their way to workers."""

    def __init__(self, variables: Variables) -> None:
        self._variables = variables

    def complete(self, task: bytes, task_def: TaskDef | None) -> bytes:
        """Return the JSON of a polled task with its secrets, and with the values that *task_def* wants at run time."""
        wanted = task_def.runtimeMetadata if task_def is not None else []
        if not wanted and not has_secrets(task):
            return task
        view = parse_json(task)
        try:
            view["inputData"] = substitute_secrets(view["inputData"], self._variables.secret)
        except ExpressionTooLarge as error:
            log.warning("secrets of task %s stay unresolved: %s", view["taskId"], error.message)
        found = {name: value for name in wanted if (value := self._value(name)) is not None}
        if found:
            view["runtimeMetadata"] = found
        return encode_json(view)

    def _value(self, name: str) -> str | None:
        value = self._variables.secret(name)
        return value if value is not None else self._variables.environment(name)
