"""What is read leniently: one row for each way that a client's value may differ from the declared type."""

from typing import Any

import pytest

from podium.model.errors import InvalidRequest
from podium.model.start import StartWorkflowRequest
from podium.model.task_def import TaskDef
from podium.model.wire import decode, encode_json
from podium.model.workflow_def import WorkflowDef, WorkflowTask

LENIENT = [
    # numbers
    (TaskDef, "retryCount", None, 0),
    (TaskDef, "responseTimeoutSeconds", None, 0),
    (TaskDef, "concurrentExecLimit", None, None),
    (TaskDef, "rateLimitPerFrequency", None, 0),
    (TaskDef, "rateLimitFrequencyInSeconds", None, 1),
    (TaskDef, "backoffScaleFactor", None, 1),
    (TaskDef, "retryCount", "7", 7),
    (TaskDef, "retryCount", " 7 ", 7),
    (TaskDef, "retryCount", "-7", -7),
    (TaskDef, "retryCount", "", 0),
    (TaskDef, "retryCount", 7.9, 7),
    (TaskDef, "retryCount", -7.9, -7),
    (TaskDef, "concurrentExecLimit", "", None),
    (TaskDef, "concurrentExecLimit", "7", 7),
    (TaskDef, "concurrentExecLimit", 7.0, 7),
    (TaskDef, "createTime", 2**40, 2**40),
    (WorkflowDef, "version", None, 0),
    (WorkflowDef, "version", "1", 1),
    # booleans
    (TaskDef, "taskStatusListenerEnabled", None, False),
    (WorkflowDef, "restartable", "false", False),
    (WorkflowDef, "restartable", " False ", False),
    (WorkflowDef, "workflowStatusListenerEnabled", "TRUE", True),
    (WorkflowDef, "workflowStatusListenerEnabled", 1, True),
    (WorkflowDef, "workflowStatusListenerEnabled", 2, True),
    (WorkflowDef, "restartable", 0, False),
    (WorkflowDef, "restartable", "", False),
    (WorkflowTask, "rateLimited", None, None),
    (WorkflowTask, "rateLimited", "", None),
    (WorkflowTask, "rateLimited", "true", True),
    # texts
    (TaskDef, "name", None, ""),
    (TaskDef, "name", 12, "12"),
    (TaskDef, "name", True, "true"),
    (TaskDef, "description", None, None),
    (TaskDef, "description", False, "false"),
    (TaskDef, "description", 1.5, "1.5"),
    (TaskDef, "description", 10**30, str(10**30)),
    (TaskDef, "inputKeys", ["a", 1], ["a", "1"]),
    # names from a fixed set
    (TaskDef, "retryLogic", None, "FIXED"),
    (WorkflowTask, "joinMode", None, None),
    # collections
    (TaskDef, "inputKeys", None, []),
    (TaskDef, "inputTemplate", None, {}),
    (WorkflowTask, "inputParameters", None, {}),
    (WorkflowTask, "metadata", None, {}),
    (WorkflowTask, "decisionCases", None, {}),
    (WorkflowTask, "forkTasks", None, []),
    (WorkflowTask, "subWorkflowParam", None, None),
    (StartWorkflowRequest, "taskToDomain", {"a": "b", "c": None, "d": 1}, {"a": "b", "d": "1"}),
    (StartWorkflowRequest, "priority", None, 0),
    # free-form maps stay as they are, beside a value that needs leniency
    (
        WorkflowTask,
        "inputParameters",
        {"a": None, "b": "1", "c": [1.5, None]},
        {"a": None, "b": "1", "c": [1.5, None]},
    ),
]


@pytest.mark.parametrize(("wire_type", "name", "sent", "read"), LENIENT)
def test_lenient_reading(wire_type: type, name: str, sent: Any, read: Any):
    value = getattr(decode(wire_type, encode_json({name: sent})), name)
    assert value == read
    assert type(value) is type(read)


def test_free_form_maps_are_left_alone_when_another_property_needs_leniency():
    body = b'{"name":5,"inputTemplate":{"a":null,"n":"1","f":1.0,"big":123456789012345678901234567890}}'
    template = decode(TaskDef, body).inputTemplate
    assert template == {"a": None, "n": "1", "f": 1.0, "big": 123456789012345678901234567890}


def test_valid_values_are_untouched_when_another_property_needs_leniency():
    valid = {
        "name": "n",
        "retryLogic": "FIXED",
        "retryCount": 4,
        "concurrentExecLimit": 5,
        "inputKeys": ["a", ""],
        "taskStatusListenerEnabled": 1,
        "enforceSchema": 0,
        "inputSchema": {"name": "s", "type": "JSON"},
    }
    assert decode(TaskDef, encode_json(valid | {"description": 5})) == decode(
        TaskDef, encode_json(valid | {"description": "5"})
    )


def test_leniency_reaches_every_depth():
    body = encode_json(
        {
            "tasks": [
                {"decisionCases": {"a": [{"forkTasks": [[{"startDelay": "3", "loopOver": [{"optional": None}]}]]}]}}
            ]
        }
    )
    step = decode(WorkflowDef, body).tasks[0].decisionCases["a"][0].forkTasks[0][0]
    assert step.startDelay == 3
    assert step.loopOver[0].optional is False


def test_null_input_is_refused_with_conductors_words():
    with pytest.raises(InvalidRequest, match=r"^NULL input passed when starting workflow$"):
        decode(StartWorkflowRequest, b'{"name":"w","input":null}')


def test_null_input_is_empty_when_the_input_is_stored_elsewhere():
    request = decode(StartWorkflowRequest, b'{"name":"w","input":null,"externalInputPayloadStoragePath":"p"}')
    assert request.input == {}
