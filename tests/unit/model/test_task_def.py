"""Task definitions and schemas on the wire: names, order and defaults."""

import json

import pytest

from podium.model.schema_def import SchemaDef
from podium.model.task_def import TaskDef
from podium.model.wire import decode, encode_json

TASK_DEF_DEFAULTS = {
    "createTime": 0,
    "updateTime": 0,
    "name": "t",
    "retryCount": 3,
    "timeoutSeconds": 0,
    "inputKeys": [],
    "outputKeys": [],
    "runtimeMetadata": [],
    "timeoutPolicy": "TIME_OUT_WF",
    "retryLogic": "FIXED",
    "retryDelaySeconds": 60,
    "responseTimeoutSeconds": 3600,
    "inputTemplate": {},
    "rateLimitPerFrequency": 0,
    "rateLimitFrequencyInSeconds": 1,
    "backoffScaleFactor": 1,
    "maxRetryDelaySeconds": 0,
    "backoffJitterMs": 0,
    "totalTimeoutSeconds": 0,
    "taskStatusListenerEnabled": True,
    "enforceSchema": False,
}

TASK_DEF_FULL = {
    "ownerApp": "app",
    "createTime": 1700000000000,
    "updateTime": 1700000000001,
    "createdBy": "",
    "updatedBy": "u",
    "name": "t",
    "description": "d",
    "retryCount": 0,
    "timeoutSeconds": 2**40,
    "inputKeys": ["a"],
    "outputKeys": ["b"],
    "runtimeMetadata": ["SECRET"],
    "timeoutPolicy": "RETRY",
    "retryLogic": "EXPONENTIAL_BACKOFF",
    "retryDelaySeconds": 5,
    "responseTimeoutSeconds": 10,
    "concurrentExecLimit": 4,
    "inputTemplate": {"a": None, "b": "${workflow.input.b}"},
    "rateLimitPerFrequency": 10,
    "rateLimitFrequencyInSeconds": 60,
    "isolationGroupId": "g",
    "executionNameSpace": "n",
    "ownerEmail": "a@b.c",
    "pollTimeoutSeconds": 30,
    "backoffScaleFactor": 2,
    "maxRetryDelaySeconds": 600,
    "backoffJitterMs": 100,
    "baseType": "SIMPLE",
    "totalTimeoutSeconds": 86400,
    "taskStatusListenerEnabled": False,
    "inputSchema": {
        "createTime": 0,
        "updateTime": 0,
        "name": "s",
        "version": 1,
        "type": "JSON",
        "data": {"x": None},
    },
    "outputSchema": {"createTime": 0, "updateTime": 0, "name": "o", "version": 2, "externalRef": "r"},
    "enforceSchema": True,
}


def test_defaults_of_a_task_definition():
    assert json.loads(encode_json(TaskDef(name="t"))) == TASK_DEF_DEFAULTS


def test_a_task_definition_keeps_every_property_in_conductors_order():
    written = json.loads(encode_json(decode(TaskDef, json.dumps(TASK_DEF_FULL).encode())))
    assert written == TASK_DEF_FULL
    assert list(written) == list(TASK_DEF_FULL)


@pytest.mark.parametrize("policy", ["RETRY", "TIME_OUT_WF", "ALERT_ONLY"])
def test_timeout_policies(policy: str):
    assert decode(TaskDef, encode_json({"timeoutPolicy": policy})).timeoutPolicy == policy


@pytest.mark.parametrize("logic", ["FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"])
def test_retry_logics(logic: str):
    assert decode(TaskDef, encode_json({"retryLogic": logic})).retryLogic == logic


def test_defaults_of_a_schema():
    assert json.loads(encode_json(SchemaDef(name="s"))) == {
        "createTime": 0,
        "updateTime": 0,
        "name": "s",
        "version": 1,
    }


def test_a_missing_name_is_left_out():
    assert "name" not in json.loads(encode_json(decode(TaskDef, b'{"name":null}')))
