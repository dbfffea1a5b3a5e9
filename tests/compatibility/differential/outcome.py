"""What the worker of a scenario says of its attempts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = Any


@dataclass(frozen=True)
class Outcome:
    """What the worker says of one attempt at a task; `status` may be one of the words below."""

    status: str
    fields: Mapping[str, Json] = field(default_factory=dict)


LEAVE = "leave"  # never polled
HOLD = "hold"  # polled, and not answered


def ok(**output: Json) -> Outcome:
    return Outcome("COMPLETED", {"outputData": output})


def fail(reason: str = "broken", **output: Json) -> Outcome:
    return Outcome("FAILED", {"reasonForIncompletion": reason, "outputData": output})


def terminal(reason: str = "hopeless", **output: Json) -> Outcome:
    return Outcome("FAILED_WITH_TERMINAL_ERROR", {"reasonForIncompletion": reason, "outputData": output})


def progress(after_s: int = 0, **output: Json) -> Outcome:
    return Outcome("IN_PROGRESS", {"callbackAfterSeconds": after_s, "outputData": output})


canceled = Outcome("CANCELED")
leave = [Outcome(LEAVE)] * 99
hold = [Outcome(HOLD)]
