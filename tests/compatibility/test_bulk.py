"""Operations of conductor-python on many workflows at once."""

from collections.abc import Callable

import pytest
from conductor.client.http.api.workflow_bulk_resource_api import WorkflowBulkResourceApi
from conductor.client.http.models import BulkResponse, StartWorkflowRequest, TaskDef, WorkflowDef, WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

Statuses = Callable[[], list[str]]


@pytest.fixture
def ids(metadata: OrkesMetadataClient, workflows: OrkesWorkflowClient, name: str) -> list[str]:
    """Three running workflows."""
    metadata.register_task_def(TaskDef(name=name, retry_count=0))
    step = WorkflowTask(name=name, task_reference_name="a", type="SIMPLE")
    metadata.register_workflow_def(WorkflowDef(name=name, version=1, tasks=[step], schema_version=2))
    return [workflows.start_workflow(StartWorkflowRequest(name=name)) for _ in range(3)]


@pytest.fixture
def statuses(workflows: OrkesWorkflowClient, ids: list[str]) -> Statuses:
    return lambda: [workflows.get_workflow_status(one).status for one in ids]


def succeeded(answer: BulkResponse) -> list[str]:
    assert isinstance(answer, BulkResponse)
    assert answer.bulk_error_results == {}
    return sorted(answer.bulk_successful_results)


def test_many_are_paused_and_resumed(bulk: WorkflowBulkResourceApi, ids: list[str], statuses: Statuses) -> None:
    paused = bulk.pause_workflow(ids)
    while_paused = statuses()
    resumed = bulk.resume_workflow(ids)

    assert succeeded(paused) == succeeded(resumed) == sorted(ids)
    assert while_paused == ["PAUSED"] * 3
    assert statuses() == ["RUNNING"] * 3


def test_many_are_terminated_and_restarted(
    bulk: WorkflowBulkResourceApi, workflows: OrkesWorkflowClient, ids: list[str], statuses: Statuses
) -> None:
    terminated = bulk.terminate(ids, reason="enough")
    after_that = statuses()
    reason = workflows.get_workflow(ids[0]).reason_for_incompletion
    restarted = bulk.restart(ids, use_latest_definitions=True)

    assert succeeded(terminated) == succeeded(restarted) == sorted(ids)
    assert (after_that, reason) == (["TERMINATED"] * 3, "enough")
    assert statuses() == ["RUNNING"] * 3


def test_many_are_retried(
    bulk: WorkflowBulkResourceApi, tasks: OrkesTaskClient, ids: list[str], statuses: Statuses
) -> None:
    for one in ids:
        tasks.update_task_by_ref_name(one, "a", "FAILED", {})
    failed = statuses()

    assert succeeded(bulk.retry(ids)) == sorted(ids)
    assert (failed, statuses()) == (["FAILED"] * 3, ["RUNNING"] * 3)


def test_what_fails_is_named_and_the_others_are_done(
    bulk: WorkflowBulkResourceApi, ids: list[str], statuses: Statuses
) -> None:
    answer = bulk.pause_workflow([ids[0], "none", ids[1]])

    assert sorted(answer.bulk_successful_results) == sorted(ids[:2])
    assert answer.bulk_error_results == {"none": "No such workflow found by id: none"}
    assert statuses() == ["PAUSED", "PAUSED", "RUNNING"]


def test_too_many_at_once_are_refused(bulk: WorkflowBulkResourceApi) -> None:
    with pytest.raises(ApiException) as error:
        bulk.pause_workflow([str(n) for n in range(1_001)])

    assert error.value.status == 400
