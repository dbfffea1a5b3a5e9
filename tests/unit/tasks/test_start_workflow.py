"""START_WORKFLOW."""

import pytest

from podium.testing import Rehearsal
from podium.testing.steps import inline, simple, step, workflow

Given = dict[str, object]


def go(request: object, **fields: object) -> Given:
    return step("go", "START_WORKFLOW", {"startWorkflow": request}, **fields)


@pytest.fixture
def stage() -> Rehearsal:
    made = Rehearsal()
    made.register(workflow("other", simple("o")))
    return made


def test_another_workflow_starts_on_its_own(stage: Rehearsal):
    request = {"name": "other", "input": {"z": "${workflow.input.z}"}, "priority": 4}
    stage.register(workflow("w", go(request), inline("after")))

    key = stage.start("w", {"z": 1}, correlationId="cor", taskToDomain={"o": "d"})

    assert stage.lines(key) == ["1 go START_WORKFLOW COMPLETED", "2 after INLINE COMPLETED"]
    other = stage.output(key, "go")["workflowId"]
    head = stage.workflow(other).head
    assert (stage.given(other), head.parent_id, head.priority) == ({"z": 1}, None, 4)
    assert (head.correlation_id, head.task_to_domain) == ("cor", {"o": "d"})


def test_its_own_correlation_and_domains_win(stage: Rehearsal):
    stage.register(workflow("w", go({"name": "other", "correlationId": "mine", "taskToDomain": {"o": "x"}})))

    key = stage.start("w", correlationId="cor", taskToDomain={"o": "d"})

    head = stage.workflow(stage.output(key, "go")["workflowId"]).head
    assert (head.correlation_id, head.task_to_domain) == ("mine", {"o": "x"})


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (None, "Missing 'startWorkflow' in input data."),
        ({}, "startWorkflow validation failed. 'name' -> Workflow name cannot be null or empty. "),
        ({"name": "nosuch"}, "No such workflow defined. name=nosuch, version=null"),
        ({"name": "other", "version": 9}, "No such workflow defined. name=other, version=9"),
    ],
)
def test_what_fails_the_task(stage: Rehearsal, request_: object, reason: str):
    stage.register(workflow("w", go(request_)))

    key = stage.start("w")

    assert (stage.status(key, "go"), stage.reason(key, "go")) == ("FAILED", reason)


@pytest.mark.parametrize("request_", ["x", [1], {"name": {"a": 1}}, {"name": "other", "priority": "high"}])
def test_a_request_that_is_none_says_so(stage: Rehearsal, request_: object):
    stage.register(workflow("w", go(request_)))

    assert str(stage.reason(stage.start("w"), "go")).startswith("Error reading StartWorkflowRequest. ")


def test_it_may_be_delayed(stage: Rehearsal):
    stage.register(workflow("w", go({"name": "other"}, startDelay=5)))
    key = stage.start("w")
    assert stage.status(key, "go") == "SCHEDULED"

    stage.advance(5)

    assert stage.status(key) == "COMPLETED"


def test_a_failure_is_retried_after_its_delay(stage: Rehearsal):
    stage.register({"name": "go", "retryCount": 1, "retryDelaySeconds": 3})
    stage.register(workflow("w", go({"name": "late"})))
    key = stage.start("w")
    assert stage.lines(key)[1] == "2 go START_WORKFLOW SCHEDULED"
    stage.register(workflow("late", inline("l")))

    stage.advance(3)

    assert stage.status(key) == "COMPLETED"
