"""Workflow definitions on the wire, and the walk over their steps."""

import json
from typing import Any

import pytest

from podium.model.errors import InvalidRequest
from podium.model.wire import decode, encode_json
from podium.model.workflow_def import (
    CacheConfig,
    RateLimitConfig,
    StateChangeEvent,
    SubWorkflowParams,
    WorkflowDef,
    WorkflowTask,
)

STEP_DEFAULTS = {
    "name": "n",
    "taskReferenceName": "r",
    "inputParameters": {},
    "type": "SIMPLE",
    "decisionCases": {},
    "defaultCase": [],
    "forkTasks": [],
    "startDelay": 0,
    "joinOn": [],
    "optional": False,
    "defaultExclusiveJoinTask": [],
    "asyncComplete": False,
    "loopOver": [],
    "onStateChange": {},
    "permissive": False,
    "metadata": {},
}

STEP_FULL = {
    "name": "n",
    "taskReferenceName": "r",
    "description": "d",
    "inputParameters": {"a": None, "b": [1, {"c": None}]},
    "type": "MY_TYPE",
    "dynamicTaskNameParam": "dt",
    "caseValueParam": "cv",
    "caseExpression": "ce",
    "scriptExpression": "se",
    "decisionCases": {"x": [STEP_DEFAULTS], "": []},
    "dynamicForkJoinTasksParam": "dfj",
    "dynamicForkTasksParam": "df",
    "dynamicForkTasksInputParamName": "dfi",
    "defaultCase": [STEP_DEFAULTS],
    "forkTasks": [[STEP_DEFAULTS], [STEP_DEFAULTS, STEP_DEFAULTS]],
    "startDelay": 4,
    "subWorkflowParam": {
        "name": "child",
        "version": 2,
        "taskToDomain": {"*": "d"},
        "workflowDefinition": "${workflow.input.definition}",
        "idempotencyKey": "k",
        "idempotencyStrategy": "FAIL_ON_RUNNING",
        "priority": "${workflow.input.p}",
    },
    "joinOn": ["a"],
    "sink": "conductor",
    "optional": True,
    "taskDefinition": {"name": "n", "retryCount": 0},
    "rateLimited": False,
    "defaultExclusiveJoinTask": ["a"],
    "asyncComplete": True,
    "loopCondition": "",
    "loopOver": [STEP_DEFAULTS],
    "items": "${workflow.input.items}",
    "retryCount": 0,
    "evaluatorType": "javascript",
    "expression": "e",
    "onStateChange": {"onStart": [{"type": "event", "payload": {"a": None}}]},
    "joinStatus": "js",
    "cacheConfig": {"key": "k", "ttlInSecond": 10},
    "permissive": True,
    "joinMode": "SYNC",
    "metadata": {"m": None},
}

DEF_DEFAULTS = {
    "createTime": 0,
    "updateTime": 0,
    "name": "w",
    "version": 1,
    "tasks": [],
    "inputParameters": [],
    "outputParameters": {},
    "schemaVersion": 2,
    "restartable": True,
    "workflowStatusListenerEnabled": False,
    "timeoutPolicy": "ALERT_ONLY",
    "timeoutSeconds": 0,
    "variables": {},
    "inputTemplate": {},
    "enforceSchema": True,
    "metadata": {},
    "maskedFields": [],
}

DEF_FULL = {
    "ownerApp": "a",
    "createTime": 1,
    "updateTime": 2,
    "createdBy": "c",
    "updatedBy": "u",
    "name": "w",
    "description": "d",
    "version": -3,
    "tasks": [STEP_DEFAULTS],
    "inputParameters": ["i"],
    "outputParameters": {"o": None},
    "failureWorkflow": "f",
    "schemaVersion": 2,
    "restartable": False,
    "workflowStatusListenerEnabled": True,
    "ownerEmail": "",
    "timeoutPolicy": "TIME_OUT_WF",
    "timeoutSeconds": 2**40,
    "variables": {"v": "${not.resolved}"},
    "inputTemplate": {"t": None},
    "failureWorkflowVersion": 0,
    "workflowStatusListenerSink": "s",
    "rateLimitConfig": {"rateLimitKey": "k", "concurrentExecLimit": 2, "policy": "REJECT"},
    "inputSchema": {"createTime": 0, "updateTime": 0, "name": "i", "version": 1, "type": "AVRO"},
    "outputSchema": {"createTime": 0, "updateTime": 0, "name": "o", "version": 1, "type": "PROTOBUF"},
    "enforceSchema": False,
    "metadata": {"classifier": "agent", "n": None},
    "cacheConfig": {"key": "k", "ttlInSecond": 0},
    "maskedFields": ["password"],
}


def rewritten(wire_type: type, value: Any) -> Any:
    return json.loads(encode_json(decode(wire_type, json.dumps(value).encode())))


def test_defaults_of_a_definition_and_of_a_step():
    assert json.loads(encode_json(WorkflowDef(name="w"))) == DEF_DEFAULTS
    assert json.loads(encode_json(WorkflowTask(name="n", taskReferenceName="r"))) == STEP_DEFAULTS


def test_defaults_of_the_small_types():
    assert encode_json(RateLimitConfig()) == b'{"concurrentExecLimit":0,"policy":"QUEUE"}'
    assert encode_json(CacheConfig()) == b'{"ttlInSecond":0}'
    assert encode_json(StateChangeEvent(type="t")) == b'{"type":"t"}'
    assert encode_json(SubWorkflowParams(name="c")) == b'{"name":"c"}'


def test_a_definition_keeps_every_property_in_conductors_order():
    written = rewritten(WorkflowDef, DEF_FULL)
    assert written == DEF_FULL
    assert list(written) == list(DEF_FULL)


def test_a_step_keeps_every_property_in_conductors_order():
    written = rewritten(WorkflowTask, STEP_FULL)
    assert written["taskDefinition"].pop("timeoutPolicy") == "TIME_OUT_WF"
    assert written["taskDefinition"].items() >= STEP_FULL["taskDefinition"].items()
    assert written | {"taskDefinition": STEP_FULL["taskDefinition"]} == STEP_FULL
    assert list(written) == list(STEP_FULL)


@pytest.mark.parametrize("priority", [5, 1.5, "7", "${x}"])
def test_the_priority_of_a_sub_workflow_keeps_its_type(priority: Any):
    assert rewritten(SubWorkflowParams, {"name": "c", "priority": priority})["priority"] == priority


def test_an_embedded_definition_gives_its_name_and_version():
    params = decode(
        SubWorkflowParams,
        b'{"name":"other","version":9,"workflowDefinition":{"name":"inner","version":"4","tasks":[]}}',
    )
    assert (params.name, params.version) == ("inner", 4)
    assert isinstance(params.workflowDefinition, WorkflowDef)


def test_an_embedded_definition_is_read_leniently_as_well():
    params = decode(SubWorkflowParams, b'{"workflowDefinition":{"name":5,"tasks":[{"optional":null}]}}')
    assert params.name == "5"


@pytest.mark.parametrize("text", ["", "inner", "${open", "x ${workflow.input.d}"])
def test_a_text_that_is_no_expression_is_no_embedded_definition(text: str):
    body = encode_json({"tasks": [{"subWorkflowParam": {"workflowDefinition": text}}]})
    with pytest.raises(InvalidRequest, match=r"not a valid DSL string - at `\$\.tasks\[0\]\.subWorkflowParam`"):
        decode(WorkflowDef, body)


@pytest.mark.parametrize("value", [5, True, ["${x}"]])
def test_another_json_type_is_no_embedded_definition(value: Any):
    with pytest.raises(InvalidRequest, match=r"at `\$\.workflowDefinition`"):
        decode(SubWorkflowParams, encode_json({"workflowDefinition": value}))


def step(ref: str, **fields: Any) -> WorkflowTask:
    return WorkflowTask(name="n", taskReferenceName=ref, **fields)


def test_steps_are_walked_outer_before_inner_in_order():
    definition = WorkflowDef(
        tasks=[
            step(
                "a",
                type="SWITCH",
                decisionCases={"x": [step("b"), step("c")], "y": []},
                defaultCase=[step("d")],
            ),
            step(
                "e",
                type="FORK_JOIN",
                forkTasks=[[step("f", type="DO_WHILE", loopOver=[step("g")])], [step("h")]],
            ),
            step("i", type="DECISION", decisionCases={"x": [step("j")]}),
            step("k"),
        ]
    )
    assert [found.taskReferenceName for found in definition.steps()] == list("abcdefghijk")


def test_steps_that_the_type_does_not_run_and_embedded_definitions_are_not_walked():
    inner = SubWorkflowParams(workflowDefinition=WorkflowDef(tasks=[step("hidden")]))
    definition = WorkflowDef(
        tasks=[
            step("a", type="SUB_WORKFLOW", subWorkflowParam=inner),
            step("b", defaultCase=[step("hidden")]),
        ]
    )
    assert [found.taskReferenceName for found in definition.steps()] == ["a", "b"]


def test_the_walk_survives_any_depth():
    innermost = step("x")
    for _ in range(20_000):
        innermost = step("x", type="DO_WHILE", loopOver=[innermost])
    assert sum(1 for _ in WorkflowDef(tasks=[innermost]).steps()) == 20_001
    while innermost.loopOver:  # take it apart from the outside, so that it is not freed recursively
        innermost = innermost.loopOver.pop()
