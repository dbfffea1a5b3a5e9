"""WAIT: until a time, for a duration, or for somebody to say so."""

from typing import Any

from podium.engine.graph import Step
from podium.engine.session import Place, Plan, encode
from podium.model.duration import parse_duration_seconds, parse_until_ms
from podium.model.status import FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS
from podium.model.task import NEVER_S
from podium.tasks.kind import Kind


class Wait(Kind):
    """Ends by itself at `due_ms`, or by an update at any time."""

    name = "WAIT"

    def create(self, step: Step, place: Place, plan: Plan) -> None:
        """Add the task with its deadline; a time that can't be read fails it."""
        values = plan.session.resolve(step, plan.next_seq)
        fields: dict[str, Any] = {"runs": "engine", "input": encode(values)}
        try:
            due_ms = _due_ms(values, plan.session.now_ms)
        except ValueError as error:
            plan.new(step, place, status=FAILED_WITH_TERMINAL_ERROR, reason=str(error), **fields)
            return
        seconds = NEVER_S if due_ms == 0 else max(0, (due_ms - plan.session.now_ms) // 1000)
        plan.new(step, place, status=IN_PROGRESS, due_ms=due_ms, callback_after_s=seconds, **fields)


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
