"""Rules of event handlers."""

import pytest

from podium.model.errors import Violation
from podium.model.event import Action, EventHandler, StartWorkflowAction, TaskAction
from podium.model.rules import check_event_handler

AT = "addEventHandler.arg0"
START = Action(action="start_workflow", start_workflow=StartWorkflowAction(name="w"))


@pytest.mark.parametrize(
    ("handler", "path", "message"),
    [
        (EventHandler(event="e", actions=[START]), ".name", "Missing event handler name"),
        (EventHandler(name="h", actions=[START]), ".event", "Missing event location"),
        (
            EventHandler(name="h", event="e"),
            ".actions",
            "No actions specified. Please specify at-least one action",
        ),
        (
            EventHandler(name="h", event="e", actions=[START, Action()]),
            ".actions[1].action",
            "Missing action",
        ),
        (
            EventHandler(name="h", event="e", actions=[Action(action="fail_task", complete_task=TaskAction())]),
            ".actions[0].fail_task",
            "fail_task field is required for action: fail_task",
        ),
    ],
)
def test_a_broken_rule_is_reported(handler: EventHandler, path: str, message: str):
    assert check_event_handler(handler, AT) == [Violation(AT + path, message)]


def test_a_complete_handler_is_valid():
    assert check_event_handler(EventHandler(name="h", event="e", actions=[START]), AT) == []
