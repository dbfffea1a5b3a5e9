"""Rules of start requests."""

from typing import Any

import pytest

from podium.model.errors import Violation
from podium.model.rules import Checks, check_start_request
from podium.model.start import StartWorkflowRequest
from podium.model.workflow_def import WorkflowDef, WorkflowTask

AT = "startWorkflow.arg0"
CHECKS = Checks(task_def=lambda _: None, script_error=lambda _: None, path_error=lambda _: None)


def found(**fields: Any) -> list[Violation]:
    return check_start_request(StartWorkflowRequest(**{"name": "w", **fields}), AT, CHECKS)


@pytest.mark.parametrize("priority", [0, 99])
def test_the_limits_of_the_priority_are_valid(priority: int):
    assert found(priority=priority) == []


@pytest.mark.parametrize(
    ("fields", "path", "message", "value"),
    [
        ({"name": ""}, ".name", "Workflow name cannot be null or empty", None),
        ({"priority": 100}, ".priority", "priority: 100 should be maximum 99", "100"),
        ({"priority": -1}, ".priority", "priority: -1 should be minimum 0", "-1"),
        (
            {"workflowDef": WorkflowDef(name="w")},
            ".workflowDef.tasks",
            "WorkflowTask list cannot be empty",
            None,
        ),
    ],
)
def test_a_broken_rule_is_reported(fields: dict[str, Any], path: str, message: str, value: str | None):
    assert found(**fields) == [Violation(AT + path, message, value)]


def test_an_embedded_definition_names_the_request():
    definition = WorkflowDef(name="inner", tasks=[WorkflowTask(name="n", taskReferenceName="r")])
    assert found(name="", workflowDef=definition) == []
    assert found(workflowDef=definition) == []
