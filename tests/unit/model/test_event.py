"""Event handlers on the wire."""

import json

import pytest

from podium.model.errors import InvalidRequest
from podium.model.event import EventHandler, StartWorkflowAction, TaskAction, UpdateVariablesAction
from podium.model.wire import decode, encode_json

HANDLER_FULL = {
    "name": "h",
    "event": "kafka:orders",
    "condition": "$.a == 1",
    "actions": [
        {
            "action": "start_workflow",
            "start_workflow": {
                "name": "w",
                "version": 2,
                "correlationId": "${id}",
                "input": {"a": None},
                "taskToDomain": {"t": "d"},
            },
            "expandInlineJSON": True,
        },
        {
            "action": "complete_task",
            "complete_task": {"workflowId": "${w}", "taskRefName": "r", "taskId": "i", "output": {"a": 1}},
            "expandInlineJSON": False,
        },
        {
            "action": "fail_task",
            "fail_task": {"taskId": "i", "output": {}, "reasonForIncompletion": "late"},
            "expandInlineJSON": False,
        },
        {
            "action": "terminate_workflow",
            "terminate_workflow": {"workflowId": "w", "terminationReason": "r"},
            "expandInlineJSON": False,
        },
        {
            "action": "update_workflow_variables",
            "update_workflow_variables": {"workflowId": "w", "variables": {"a": None}, "appendArray": False},
            "expandInlineJSON": False,
        },
        {
            "action": "start_agent",
            "start_agent": {
                "name": "a",
                "version": 1,
                "prompt": "p",
                "sessionId": "s",
                "idempotencyKey": "k",
                "context": {"c": None},
                "media": ["m"],
            },
            "expandInlineJSON": False,
        },
    ],
    "active": True,
    "evaluatorType": "javascript",
}


def test_a_handler_keeps_every_property_in_conductors_order():
    written = json.loads(encode_json(decode(EventHandler, json.dumps(HANDLER_FULL).encode())))
    assert written == HANDLER_FULL
    assert list(written) == list(HANDLER_FULL)
    assert [list(action) for action in written["actions"]] == [list(action) for action in HANDLER_FULL["actions"]]


def test_defaults():
    assert encode_json(EventHandler(name="h", event="e")) == b'{"name":"h","event":"e","actions":[],"active":false}'
    assert decode(EventHandler, b'{"actions":[{"action":"fail_task"}]}').actions[0].expandInlineJSON is False
    assert encode_json(StartWorkflowAction(name="w")) == b'{"name":"w","input":{}}'
    assert encode_json(TaskAction()) == b'{"output":{}}'
    assert encode_json(UpdateVariablesAction()) == b'{"variables":{}}'


def test_an_unknown_action_is_refused():
    with pytest.raises(InvalidRequest, match=r"got 'START_WORKFLOW' - at `\$\.actions\[0\]\.action`"):
        decode(EventHandler, b'{"actions":[{"action":"START_WORKFLOW"}]}')
