"""Search of workflows with conductor-python."""

from collections.abc import Callable

import pytest
from conductor.client.http.models import StartWorkflowRequest, WorkflowDef, WorkflowTask
from conductor.client.http.models.scrollable_search_result_workflow_summary import ScrollableSearchResultWorkflowSummary
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

Start = Callable[[str], str]


@pytest.fixture
def start(metadata: OrkesMetadataClient, workflows: OrkesWorkflowClient, name: str) -> Start:
    wait = WorkflowTask(name="w", task_reference_name="w", type="WAIT")
    metadata.register_workflow_def(WorkflowDef(name=name, version=1, tasks=[wait], schema_version=2))

    def started(correlation_id: str) -> str:
        return workflows.start_workflow(StartWorkflowRequest(name=name, correlation_id=correlation_id, input={"n": 1}))

    return started


def ids(found: ScrollableSearchResultWorkflowSummary) -> list[str]:
    return [one.workflow_id for one in found.results]


def test_a_summary_says_what_a_list_needs(workflows: OrkesWorkflowClient, start: Start, name: str) -> None:
    workflow_id = start("c1")
    workflows.terminate_workflow(workflow_id, "because")

    found = workflows.search(query=f"workflowType='{name}'")

    assert isinstance(found, ScrollableSearchResultWorkflowSummary)
    (one,) = found.results
    assert (one.workflow_id, one.workflow_type, one.version, one.status) == (workflow_id, name, 1, "TERMINATED")
    assert (one.correlation_id, one.reason_for_incompletion, one.input) == ("c1", "because", "{n=1}")
    assert one.start_time.endswith("Z")
    assert one.execution_time >= 0


def test_conditions_are_combined(workflows: OrkesWorkflowClient, start: Start, name: str) -> None:
    first, second, third = start("a"), start("b"), start("a")
    workflows.terminate_workflow(third)

    def search(query: str) -> set[str]:
        return set(ids(workflows.search(query=f"workflowType IN ({name}) AND {query}")))

    assert search("status IN (RUNNING)") == {first, second}
    assert search("status IN (RUNNING,TERMINATED)") == {first, second, third}
    assert search("correlationId='a'") == {first, third}
    assert search(f"workflowId='{second}'") == {second}
    assert search("startTime>0 AND status='RUNNING'") == {first, second}
    assert search("startTime<1000") == set()


def test_results_come_in_pages(
    workflows: OrkesWorkflowClient, executor: WorkflowExecutor, start: Start, name: str
) -> None:
    started = [start(str(n)) for n in range(5)]
    query = f"workflowType='{name}'"

    first = workflows.search(start=0, size=3, query=query)
    second = executor.search(start=3, size=3, free_text="*", query=query)
    by_default = executor.search(query=query)

    assert (len(first.results), len(second.results)) == (3, 2)
    assert sorted(ids(first) + ids(second)) == sorted(ids(by_default)) == sorted(started)


def test_free_text_finds_too(workflows: OrkesWorkflowClient, start: Start, name: str) -> None:
    wanted = start("needle-1")
    start("hay")

    assert ids(workflows.search(free_text="needle-1", query=f"workflowType='{name}'")) == [wanted]


def test_a_query_that_is_no_query_is_refused(workflows: OrkesWorkflowClient) -> None:
    with pytest.raises(ApiException) as error:
        workflows.search(query="this is no query")

    assert error.value.status == 400
