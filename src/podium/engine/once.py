"""Commands that may come again, as those of events do when a server dies: the second time changes nothing.

Their keys are a part of the header, so they are stored by the very commit that applies the command. The header is
written with each step; therefore only the latest keys are kept.
"""

from collections.abc import Callable
from typing import Any

from podium.engine.commands import Command, Once
from podium.engine.session import Session, WorkflowEnds

KEYS_MAX = 256


def once(session: Session, command: Once, apply: Callable[[Command], Any]) -> Any:
    """Return the answer of the command inside, None when it was applied before; a refused one may be tried again."""
    if command.key in session.head.once_keys:
        return None
    try:
        answer = apply(command.command)
    except WorkflowEnds:
        _note(session, command.key)
        raise
    _note(session, command.key)
    return answer


def _note(session: Session, key: int) -> None:
    session.head.once_keys = [*session.head.once_keys[1 - KEYS_MAX :], key]
    session.change.is_changed = True
