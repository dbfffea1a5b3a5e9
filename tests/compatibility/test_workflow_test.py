"""Test runs through conductor-python: `test_workflow` with its own models."""

from collections.abc import Iterator
from typing import Any

import pytest
from conductor.client.http.models import SubWorkflowParams, TaskDef, WorkflowDef, WorkflowTask
from conductor.client.http.models.workflow_test_request import WorkflowTestRequest
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


def step(kind: str, ref: str, **more: Any) -> WorkflowTask:
    return WorkflowTask(name=f"tested_{ref}", task_reference_name=ref, type=kind, **more)


def definition(name: str, *tasks: WorkflowTask, **more: Any) -> WorkflowDef:
    return WorkflowDef(name=name, version=1, tasks=list(tasks), **more)


@pytest.fixture
def registered(metadata: OrkesMetadataClient) -> Iterator[None]:
    metadata.register_task_def(TaskDef(name="tested_pay", retry_count=2, retry_delay_seconds=30, timeout_seconds=0))
    metadata.register_workflow_def(definition("tested_child", step("SIMPLE", "pack")), overwrite=True)
    sub = step("SUB_WORKFLOW", "ship", sub_workflow_param=SubWorkflowParams(name="tested_child", version=1))
    pay = step("SIMPLE", "pay", input_parameters={"amount": "${workflow.input.amount}"})
    outputs = {"receipt": "${pay.output.receipt}"}
    order = definition(
        "tested_order",
        pay,
        sub,
        step("HTTP", "tell", input_parameters={"uri": "http://127.0.0.1:1"}),
        output_parameters=outputs,
    )
    metadata.register_workflow_def(order, overwrite=True)
    yield
    metadata.unregister_workflow_def("tested_order", 1)
    metadata.unregister_workflow_def("tested_child", 1)


def request(**mocks: list[dict[str, Any]]) -> WorkflowTestRequest:
    child = WorkflowTestRequest(name="tested_child", task_ref_to_mock_output={"pack": [{"status": "COMPLETED"}]})
    return WorkflowTestRequest(
        name="tested_order",
        version=1,
        input={"amount": 5},
        task_ref_to_mock_output=mocks,
        sub_workflow_test_request={"ship": child},
    )


@pytest.mark.usefixtures("registered")
def test_a_workflow_runs_with_mocks(workflows: OrkesWorkflowClient) -> None:
    failed = {"status": "FAILED", "output": {}, "executionTime": 1000, "queueWaitTime": 10}
    paid = {"status": "COMPLETED", "output": {"receipt": "r-1"}}

    found = workflows.test_workflow(request(pay=[failed, paid], tell=[{"status": "COMPLETED"}]))

    assert (found.status, found.output) == ("COMPLETED", {"receipt": "r-1"})
    seen = [(task.reference_task_name, task.status) for task in found.tasks]
    assert seen == [("pay", "FAILED"), ("pay", "COMPLETED"), ("ship", "COMPLETED"), ("tell", "COMPLETED")]
    assert found.tasks[0].input_data == {"amount": 5}
    with pytest.raises(ApiException) as refusal:
        workflows.get_workflow(found.workflow_id)
    assert refusal.value.status == 404


@pytest.mark.usefixtures("registered")
def test_without_a_mock_the_workflow_comes_back_as_it_stands(workflows: OrkesWorkflowClient) -> None:
    found = workflows.test_workflow(request(pay=[{"status": "COMPLETED"}]))

    assert (found.status, found.tasks[-1].reference_task_name, found.tasks[-1].status) == (
        "RUNNING",
        "tell",
        "SCHEDULED",
    )


def test_a_definition_comes_with_the_request(workflows: OrkesWorkflowClient) -> None:
    fresh = definition("tested_fresh", step("SIMPLE", "a"), step("WAIT", "b", input_parameters={"duration": "1 days"}))

    found = workflows.test_workflow(
        WorkflowTestRequest(
            name="tested_fresh", workflow_def=fresh, task_ref_to_mock_output={"a": [{"output": {"x": 1}}]}
        )
    )

    assert (found.status, found.tasks[0].output_data) == ("COMPLETED", {"x": 1})
