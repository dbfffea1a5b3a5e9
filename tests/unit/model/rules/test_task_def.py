"""Every rule of a task definition: its message, its path, and the value that just passes."""

from typing import Any

import pytest

from podium.model.errors import Violation
from podium.model.rules import check_task_def, check_task_defs
from podium.model.task_def import TaskDef

AT = "updateTaskDef.arg0"


def found(**fields: Any) -> list[Violation]:
    return check_task_def(TaskDef(**{"name": "t", **fields}), AT)


def test_the_defaults_are_valid():
    assert found() == []


@pytest.mark.parametrize(
    ("fields", "path", "message", "value"),
    [
        ({"name": ""}, ".name", "TaskDef name cannot be null or empty", None),
        ({"retryCount": -1}, ".retryCount", "TaskDef retryCount: 0 must be >= 0", "-1"),
        (
            {"pollTimeoutSeconds": -1},
            ".pollTimeoutSeconds",
            "TaskDef pollTimeoutSeconds: 0 must be >= 0",
            "-1",
        ),
        (
            {"maxRetryDelaySeconds": -2},
            ".maxRetryDelaySeconds",
            "TaskDef maxRetryDelaySeconds: 0 must be >= 0",
            "-2",
        ),
        ({"backoffJitterMs": -1}, ".backoffJitterMs", "TaskDef backoffJitterMs: 0 must be >= 0", "-1"),
        (
            {"totalTimeoutSeconds": -1},
            ".totalTimeoutSeconds",
            "TaskDef totalTimeoutSeconds: 0 must be >= 0",
            "-1",
        ),
        (
            {"responseTimeoutSeconds": 0},
            ".responseTimeoutSeconds",
            "TaskDef responseTimeoutSeconds: 0 should be minimum 1 second",
            "0",
        ),
        (
            {"responseTimeoutSeconds": -5},
            ".responseTimeoutSeconds",
            "TaskDef responseTimeoutSeconds: -5 should be minimum 1 second",
            "-5",
        ),
        (
            {"backoffScaleFactor": 0},
            ".backoffScaleFactor",
            "Backoff scale factor. Applicable for LINEAR_BACKOFF",
            "0",
        ),
        (
            {"timeoutSeconds": 10},
            "",
            "TaskDef: t responseTimeoutSeconds: 3600 must be less than timeoutSeconds: 10",
            None,
        ),
        (
            {"timeoutSeconds": 20, "responseTimeoutSeconds": 5, "totalTimeoutSeconds": 19},
            "",
            "TaskDef: t timeoutSeconds: 20 must be less than or equal to totalTimeoutSeconds: 19",
            None,
        ),
    ],
)
def test_a_broken_rule_is_reported(fields: dict[str, Any], path: str, message: str, value: str | None):
    assert found(**fields) == [Violation(AT + path, message, value)]


@pytest.mark.parametrize(
    "fields",
    [
        {"retryCount": 0, "pollTimeoutSeconds": 0, "responseTimeoutSeconds": 1},
        {"timeoutSeconds": 3600},
        {"timeoutSeconds": -1},
        {"timeoutSeconds": 9, "responseTimeoutSeconds": 9, "totalTimeoutSeconds": 9},
        {"retryDelaySeconds": -1},
    ],
)
def test_the_limits_themselves_are_valid(fields: dict[str, Any]):
    assert found(**fields) == []


def test_all_broken_rules_are_reported():
    assert len(found(name="", retryCount=-1, timeoutSeconds=1, backoffScaleFactor=0)) == 4


def test_an_owner_is_required_only_when_so_configured():
    assert check_task_def(TaskDef(name="t"), AT, owner_email_required=True) == [
        Violation(AT + ".ownerEmail", "ownerEmail cannot be empty")
    ]
    assert check_task_def(TaskDef(name="t", ownerEmail="anything"), AT, owner_email_required=True) == []


def test_a_list_is_checked_element_by_element():
    at = "registerTaskDef.arg0"
    assert check_task_defs([], at) == [Violation(at, "TaskDefList is empty")]
    assert check_task_defs([TaskDef(name="a"), TaskDef()], at) == [
        Violation(at + "[1].name", "TaskDef name cannot be null or empty")
    ]
    assert [v.path for v in check_task_defs([TaskDef(name="a")], at, owner_email_required=True)] == [
        at + "[0].ownerEmail"
    ]


def test_the_number_of_violations_is_bounded():
    assert len(check_task_defs([TaskDef()] * 5000, "registerTaskDef.arg0")) == 1000
