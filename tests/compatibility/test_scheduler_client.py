"""SchedulerClient of conductor-python."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conductor.client.http.models.save_schedule_request import SaveScheduleRequest
from conductor.client.http.models.start_workflow_request import StartWorkflowRequest
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.orkes_clients import OrkesClients

from tests.compatibility.conftest import close

EACH_SECOND, EACH_NIGHT = "* * * * * *", "0 0 3 * * *"


@pytest.fixture
def schedules(clients: OrkesClients) -> Iterator[Any]:
    client: Any = clients.get_scheduler_client()
    yield client
    for one in client.get_all_schedules():
        client.delete_schedule(one.name)
    close(client.api_client)


def request(name: str, cron: str, workflow: str = "noop", **fields: Any) -> SaveScheduleRequest:
    start = StartWorkflowRequest(name=workflow, input={"by": name})
    return SaveScheduleRequest(name=name, cron_expression=cron, start_workflow_request=start, **fields)


def test_a_schedule_runs_and_its_runs_are_found(
    schedules: Any, workflows: OrkesWorkflowClient, clients: OrkesClients
) -> None:
    metadata: Any = clients.get_metadata_client()
    metadata.register_workflow_def(noop_definition(), True)
    close(metadata.api_client)
    schedules.save_schedule(request("often", EACH_SECOND))

    until = time.monotonic() + 30
    while not (found := schedules.search_schedule_executions(query="scheduleName = often").results):
        assert time.monotonic() < until
        time.sleep(0.05)

    run = found[-1]
    assert (run.schedule_name, run.workflow_name, run.state) == ("often", "noop", "EXECUTED")
    assert run.execution_time >= run.scheduled_time
    given = workflows.get_workflow(run.workflow_id, False).input
    assert (given["by"], given["_startedByScheduler"], given["_scheduledTime"]) == (
        "often",
        "often",
        run.scheduled_time,
    )


def noop_definition() -> Any:
    from conductor.client.http.models.workflow_def import WorkflowDef
    from conductor.client.http.models.workflow_task import WorkflowTask

    step = WorkflowTask(name="n", task_reference_name="n", type="NOOP")
    return WorkflowDef(name="noop", version=1, tasks=[step])


def test_reading_pausing_and_deleting(schedules: Any) -> None:
    schedules.save_schedule(request("nightly", EACH_NIGHT, zone_id="Europe/Paris"))
    schedules.save_schedule(request("other", EACH_NIGHT, "elsewhere"))

    assert schedules.get_schedule("nightly").cron_expression == EACH_NIGHT
    assert sorted(one.name for one in schedules.get_all_schedules()) == ["nightly", "other"]
    assert [one.name for one in schedules.get_all_schedules("elsewhere")] == ["other"]
    schedules.pause_schedule("nightly")
    assert schedules.get_schedule("nightly").paused is True
    schedules.resume_schedule("nightly")
    assert schedules.get_schedule("nightly").paused is False
    schedules.delete_schedule("nightly")
    with pytest.raises(ApiException) as refused:
        schedules.get_schedule("nightly")
    assert refused.value.status == 404


def test_next_times_and_the_switch_of_the_node(schedules: Any) -> None:
    times = schedules.get_next_few_schedule_execution_times(EACH_NIGHT, limit=3)

    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [86_400_000] * 2
    schedules.pause_all_schedules()
    schedules.resume_all_schedules()
    schedules.requeue_all_execution_records()
