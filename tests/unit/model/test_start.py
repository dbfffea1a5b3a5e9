"""Requests to start, test, rerun and skip on the wire."""

import json
from typing import Any

import pytest

from podium.model.start import (
    RerunWorkflowRequest,
    SkipTaskRequest,
    StartWorkflowRequest,
    TaskMock,
    WorkflowTestRequest,
)
from podium.model.wire import decode, encode_json

START_FULL = {
    "name": "w",
    "version": 0,
    "correlationId": "",
    "input": {"a": None, "b": {"c": [None]}},
    "taskToDomain": {"*": "d"},
    "externalInputPayloadStoragePath": "p",
    "priority": 99,
    "createdBy": "me",
    "idempotencyKey": "k",
    "idempotencyStrategy": "RETURN_EXISTING",
}
MOCK = {"status": "FAILED", "output": {"a": None}, "executionTime": 2**40, "queueWaitTime": 1}
RERUN_FULL = {
    "reRunFromWorkflowId": "w",
    "reRunFromTaskId": "t",
    "workflowInput": {"a": None},
    "taskInput": {},
    "correlationId": "c",
}


@pytest.mark.parametrize(
    ("wire_type", "sent"),
    [
        (StartWorkflowRequest, START_FULL),
        (TaskMock, MOCK),
        (RerunWorkflowRequest, RERUN_FULL),
        (RerunWorkflowRequest, {}),
        (SkipTaskRequest, {"taskInput": {"a": None}, "taskOutput": {}}),
        (SkipTaskRequest, {}),
        (
            WorkflowTestRequest,
            START_FULL | {"taskRefToMockOutput": {"t": [MOCK, MOCK]}, "subWorkflowTestRequest": {}},
        ),
    ],
)
def test_every_property_is_kept_in_conductors_order(wire_type: type, sent: dict[str, Any]):
    written = json.loads(encode_json(decode(wire_type, json.dumps(sent).encode())))
    assert written == sent
    assert list(written) == list(sent)


def test_defaults():
    assert encode_json(decode(StartWorkflowRequest, b'{"name":"w"}')) == (
        b'{"name":"w","input":{},"taskToDomain":{},"priority":0}'
    )
    assert encode_json(TaskMock()) == b'{"status":"COMPLETED","output":{},"executionTime":0,"queueWaitTime":0}'


def test_no_version_differs_from_version_zero():
    assert decode(StartWorkflowRequest, b'{"version":null}').version is None
    assert decode(StartWorkflowRequest, b'{"version":0}').version == 0


def test_an_embedded_definition_is_read():
    request = decode(StartWorkflowRequest, b'{"name":"w","workflowDef":{"name":"i","tasks":[{"name":"t"}]}}')
    assert request.workflowDef is not None
    assert request.workflowDef.tasks[0].name == "t"


def test_tests_of_sub_workflows_are_read_recursively():
    request = decode(
        WorkflowTestRequest,
        b'{"subWorkflowTestRequest":{"a":{"subWorkflowTestRequest":{"b":{"name":"inner"}}}}}',
    )
    assert request.subWorkflowTestRequest["a"].subWorkflowTestRequest["b"].name == "inner"
