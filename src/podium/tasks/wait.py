"""WAIT: until a time, for a duration, or for somebody to say so."""

from typing import Any

from podium.engine.session import Session
from podium.model.duration import parse_duration_seconds, parse_until_ms
from podium.model.status import FAILED_WITH_TERMINAL_ERROR
from podium.model.task import NEVER_S, Task
from podium.tasks.kind import Kind


class Wait(Kind):
    """Ends by itself at `due_ms`, or by an update at any time."""

    name = "WAIT"

    def start(self, task: Task, session: Session) -> None:
        """Set the deadline; a time that can't be read fails the task. A further attempt keeps the old deadline."""
        if not task.due_ms:
            try:
                task.due_ms = _due_ms(session.value(task, "input"), session.now_ms)
            except ValueError as error:
                session.fail(task, str(error), FAILED_WITH_TERMINAL_ERROR)
                return
        if 0 < task.due_ms <= session.now_ms:
            session.finish(task)
            return
        task.callback_after_s = max(0, (task.due_ms - session.now_ms) // 1000) if task.due_ms else NEVER_S


def _due_ms(values: dict[str, Any], now_ms: int) -> int:
    """Return the deadline, 0 when there is none; raises `ValueError` with Conductor's text."""
    duration, until = _text(values.get("duration")), _text(values.get("until"))
    if duration and until:
        raise ValueError("Both 'duration' and 'until' specified. Please provide only one input")
    if duration:
        try:
            return now_ms + parse_duration_seconds(duration) * 1000
        except ValueError as error:
            raise ValueError(f"Not valid duration: {duration}") from error
    if until:
        try:
            return max(parse_until_ms(until), 1)
        except ValueError as error:
            raise ValueError(f"Invalid/Unsupported Wait Until format.  Provided: {until}") from error
    return 0


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()
