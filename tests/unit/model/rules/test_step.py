"""What each type of step requires: every message once, and what just passes."""

from typing import Any

import pytest

from podium.model.errors import Violation
from podium.model.rules import Checks, check_workflow_def
from podium.model.task_def import TaskDef
from podium.model.workflow_def import SubWorkflowParams, WorkflowDef, WorkflowTask

AT = "registerWorkflowDef.arg0"

TEMPLATES = {
    "http_known": TaskDef(name="http_known", inputTemplate={"http_request": {}}),
    "uri_known": TaskDef(name="uri_known", inputTemplate={"uri": "u"}),
    "kafka_known": TaskDef(name="kafka_known", inputTemplate={"kafka_request": {}}),
    "jq_known": TaskDef(name="jq_known", inputTemplate={"queryExpression": "."}),
}
CHECKS = Checks(
    task_def=TEMPLATES.get,
    script_error=lambda source: "line 1: unexpected" if "syntax error" in source else None,
    path_error=lambda _: None,
)
HTTP_INPUT = "inputParameters.http_request or inputParameters.uri"
TERMINATION_STATUS = (
    "terminate task must have an terminationStatus parameter and must be set to COMPLETED or FAILED, taskName: n"
)
BOTH_FORMS = (
    "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and dynamicForkTasksParam "
    "cam be used for taskType: FORK_JOIN_DYNAMIC taskName: n"
)
BAD_DURATION = "Either date or duration is passed as null "
INNER = [WorkflowTask(name="i", taskReferenceName="inner")]
CASES = {"a": INNER}


def found(type_: str, **fields: Any) -> list[Violation]:
    step = WorkflowTask(**{"name": "n", "taskReferenceName": "r", "type": type_, **fields})
    return check_workflow_def(WorkflowDef(name="w", tasks=[step]), AT, CHECKS)


def wait(**parameters: Any) -> dict[str, Any]:
    return {"inputParameters": parameters}


BROKEN = [
    ("EVENT", {}, "sink field is required for taskType: EVENT taskName: n"),
    ("EVENT", {"sink": ""}, "sink field is required for taskType: EVENT taskName: n"),
    (
        "DECISION",
        {"decisionCases": CASES},
        "caseValueParam or caseExpression field is required for taskType: DECISION taskName: n",
    ),
    (
        "DECISION",
        {"caseValueParam": "p"},
        "decisionCases should have atleast one task for taskType: DECISION taskName: n",
    ),
    (
        "DECISION",
        {"caseExpression": "syntax error", "decisionCases": CASES},
        "Expression is not well formatted: line 1: unexpected, taskType: DECISION taskName n",
    ),
    (
        "SWITCH",
        {"expression": "e", "decisionCases": CASES},
        "evaluatorType field is required for taskType: SWITCH taskName: n",
    ),
    (
        "SWITCH",
        {"evaluatorType": "value-param", "decisionCases": CASES},
        "expression field is required for taskType: SWITCH taskName: n",
    ),
    (
        "SWITCH",
        {"evaluatorType": "value-param", "expression": "e"},
        "decisionCases should have atleast one task for taskType: SWITCH taskName: n",
    ),
    (
        "SWITCH",
        {"evaluatorType": "javascript", "expression": "syntax error", "decisionCases": CASES},
        "Expression is not well formatted: line 1: unexpected, taskType: SWITCH taskName n",
    ),
    ("DYNAMIC", {}, "dynamicTaskNameParam field is required for taskType: DYNAMIC taskName: n"),
    ("FORK_JOIN", {}, "forkTasks should have atleast one task for taskType: FORK_JOIN taskName: n"),
    (
        "FORK_JOIN_DYNAMIC",
        {"dynamicForkTasksInputParamName": "i"},
        "dynamicForkTasksParam field is required for taskType: FORK_JOIN_DYNAMIC taskName: n",
    ),
    (
        "FORK_JOIN_DYNAMIC",
        {"dynamicForkTasksParam": "t"},
        "dynamicForkTasksInputParamName field is required for taskType: FORK_JOIN_DYNAMIC taskName: n",
    ),
    (
        "FORK_JOIN_DYNAMIC",
        {"dynamicForkJoinTasksParam": "j", "dynamicForkTasksParam": "t"},
        BOTH_FORMS,
    ),
    (
        "HTTP",
        {},
        f"{HTTP_INPUT} field is required for taskType: HTTP taskName: n",
    ),
    (
        "HTTP",
        {"name": "uri_known"},
        f"{HTTP_INPUT} field is required for taskType: HTTP taskName: uri_known",
    ),
    (
        "KAFKA_PUBLISH",
        {},
        "inputParameters.kafka_request field is required for taskType: KAFKA_PUBLISH taskName: n",
    ),
    (
        "JSON_JQ_TRANSFORM",
        {},
        "inputParameters.queryExpression field is required for taskType: JSON_JQ_TRANSFORM taskName: n",
    ),
    ("DO_WHILE", {"loopOver": INNER}, "loopCondition field is required for taskType: DO_WHILE taskName: n"),
    (
        "DO_WHILE",
        {"loopOver": INNER, "items": "${workflow.input.l}"},
        "loopCondition field is required for taskType: DO_WHILE taskName: n",
    ),
    ("DO_WHILE", {"loopCondition": ""}, "loopOver field is required for taskType: DO_WHILE taskName: n"),
    ("SUB_WORKFLOW", {}, "subWorkflowParam field is required for taskType: SUB_WORKFLOW taskName: n"),
    (
        "TERMINATE",
        {"optional": True, "inputParameters": {"terminationStatus": "FAILED"}},
        "terminate task cannot be optional, taskName: n",
    ),
    *[
        (
            "TERMINATE",
            {"inputParameters": parameters},
            TERMINATION_STATUS,
        )
        for parameters in (
            {},
            {"terminationStatus": "${workflow.input.s}"},
            {"terminationStatus": ["FAILED"]},
        )
    ],
    (
        "WAIT",
        wait(duration="1s", until="2026-01-01"),
        "Both 'duration' and 'until' specified. Please provide only one input",
    ),
    (
        "WAIT",
        wait(duration="${workflow.input.d}", until="${workflow.input.u}"),
        "Both 'duration' and 'until' specified. Please provide only one input",
    ),
    *[("WAIT", wait(duration=bad), "Either date or duration is passed as null ") for bad in ("soon", 5, [], "5 ${x}")],
    *[("WAIT", wait(until=bad), "Unable to parse date ") for bad in ("tomorrow", 1700000000000)],
]


@pytest.mark.parametrize(("type_", "fields", "message"), BROKEN)
def test_a_broken_rule_is_reported_at_the_step(type_: str, fields: dict[str, Any], message: str):
    violation = Violation(f"{AT}.tasks[0]", message)
    assert [v for v in found(type_, **fields) if v.path != AT] == [violation]


@pytest.mark.parametrize(
    ("type_", "fields"),
    [
        ("EVENT", {"sink": "conductor"}),
        ("DECISION", {"caseValueParam": "p", "decisionCases": CASES}),
        ("DECISION", {"caseExpression": "e", "decisionCases": {"a": []}}),
        ("SWITCH", {"evaluatorType": "javascript", "expression": "e", "decisionCases": CASES}),
        ("SWITCH", {"evaluatorType": "graaljs", "expression": "syntax error", "decisionCases": CASES}),
        ("SWITCH", {"evaluatorType": "no such", "expression": "e", "decisionCases": {"a": []}}),
        ("DYNAMIC", {"dynamicTaskNameParam": "p"}),
        ("FORK_JOIN", {"forkTasks": [INNER]}),
        ("FORK_JOIN", {"forkTasks": [INNER, []]}),
        ("FORK_JOIN_DYNAMIC", {"dynamicForkTasksParam": "t", "dynamicForkTasksInputParamName": "i"}),
        ("FORK_JOIN_DYNAMIC", {"dynamicForkJoinTasksParam": "j"}),
        ("FORK_JOIN_DYNAMIC", {"inputParameters": {"forkTaskInputs": None}}),
        ("HTTP", {"inputParameters": {"http_request": None}}),
        ("HTTP", {"inputParameters": {"uri": "u"}}),
        ("HTTP", {"inputParameters": {"method": "GET"}}),
        ("HTTP", {"name": "http_known"}),
        ("HTTP", {"taskDefinition": TEMPLATES["http_known"]}),
        ("KAFKA_PUBLISH", {"inputParameters": {"kafka_request": {}}}),
        ("KAFKA_PUBLISH", {"name": "kafka_known"}),
        ("JSON_JQ_TRANSFORM", {"inputParameters": {"queryExpression": "not | compiled ("}}),
        ("JSON_JQ_TRANSFORM", {"name": "jq_known"}),
        ("DO_WHILE", {"loopCondition": "", "loopOver": INNER}),
        ("SUB_WORKFLOW", {"subWorkflowParam": SubWorkflowParams()}),
        *[
            ("TERMINATE", {"inputParameters": {"terminationStatus": status}})
            for status in ("COMPLETED", "FAILED", "TERMINATED")
        ],
        *[
            ("WAIT", wait(**parameters))
            for parameters in (
                {},
                {"duration": "1 days 3 hours"},
                {"duration": " ${workflow.input.d}"},
                {"duration": "${workflow.input.d} minutes"},
                {"duration": None, "until": "2026-01-01 10:00 PST"},
                {"duration": " ", "until": "${workflow.input.u}"},
            )
        ],
        ("JOIN", {"joinOn": ["nobody"]}),
        ("MY_OWN_TYPE", {}),
        ("", {}),
        ("SIMPLE", {"taskDefinition": TaskDef(retryCount=-1)}),
    ],
)
def test_what_just_passes(type_: str, fields: dict[str, Any]):
    assert found(type_, **fields) == []


def test_the_definition_in_the_step_wins_over_the_registered_one():
    assert found("HTTP", name="http_known", taskDefinition=TaskDef(name="http_known")) != []


def test_all_broken_rules_of_a_step_are_reported():
    assert len(found("SWITCH", name="", startDelay=-1)) == 4
