"""Rules of an event handler."""

from collections.abc import Iterator

from podium.model.errors import Violation
from podium.model.event import Action, EventHandler


def check_event_handler(handler: EventHandler, at: str) -> list[Violation]:
    """Check *handler*; *at* is its path (`addEventHandler.arg0`)."""
    return list(_violations(handler, at))


def _violations(handler: EventHandler, at: str) -> Iterator[Violation]:
    if not handler.name:
        yield Violation(f"{at}.name", "Missing event handler name")
    if not handler.event:
        yield Violation(f"{at}.event", "Missing event location")
    if not handler.actions:
        yield Violation(f"{at}.actions", "No actions specified. Please specify at-least one action")
    for index, action in enumerate(handler.actions):
        yield from _action_violations(action, f"{at}.actions[{index}]")


def _action_violations(action: Action, at: str) -> Iterator[Violation]:
    # Conductor accepts both and fails when the event arrives.
    if action.action is None:
        yield Violation(f"{at}.action", "Missing action")
    elif getattr(action, action.action) is None:
        yield Violation(f"{at}.{action.action}", f"{action.action} field is required for action: {action.action}")
