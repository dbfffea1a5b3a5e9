"""Event handlers with conductor-python, and what they do."""

import pytest
from conductor.client.http.api.event_resource_api import EventResourceApi
from conductor.client.http.models import EventHandler, StartWorkflowRequest, Workflow, WorkflowDef, WorkflowTask
from conductor.client.http.models.action import Action
from conductor.client.http.models.start_workflow import StartWorkflow
from conductor.client.http.models.task_details import TaskDetails
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor
from conductor.client.workflow.task.event_task import ConductorEventTask

from tests.compatibility.eventually import eventually

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


def event_of(name: str) -> str:
    """The event that the test's workflow sends by a step `told`."""
    return f"conductor:{name}:told"


def handler(name: str, *actions: Action, **more: object) -> EventHandler:
    return EventHandler(name=name, event=event_of(name), actions=list(actions), active=True, **more)


def starting(name: str) -> Action:
    start = StartWorkflow(name=f"{name}_started", version=1, input={"got": "${who}"}, correlation_id="by-event")
    return Action(action="start_workflow", start_workflow=start)


def test_handlers_are_added_listed_changed_and_removed(events: EventResourceApi, name: str) -> None:
    events.add_event_handler(handler(name, starting(name), condition="true"))
    (added,) = events.get_event_handlers_for_event(event_of(name))
    changed = handler(name, starting(name))
    changed.active = False
    events.update_event_handler(changed)
    active = events.get_event_handlers_for_event(event_of(name), active_only=True)
    all_of_them = events.get_event_handlers_for_event(event_of(name), active_only=False)
    listed = [one.name for one in events.get_event_handlers()]
    events.remove_event_handler_status(name)

    assert isinstance(added, EventHandler)
    assert (added.name, added.event, added.active, added.condition) == (name, event_of(name), True, "true")
    assert added.actions[0].action == "start_workflow"
    assert added.actions[0].start_workflow.input == {"got": "${who}"}
    assert active == []
    assert [one.name for one in all_of_them] == [name]
    assert name in listed
    assert name not in [one.name for one in events.get_event_handlers()]


def test_a_handler_is_registered_once(events: EventResourceApi, name: str) -> None:
    events.add_event_handler(handler(name, starting(name)))

    with pytest.raises(ApiException) as again:
        events.add_event_handler(handler(name, starting(name)))
    with pytest.raises(ApiException) as unknown:
        events.remove_event_handler_status(f"{name}_none")
    events.remove_event_handler_status(name)

    assert again.value.message == f"EventHandler with name {name} already exists!"
    assert unknown.value.message == f"EventHandler with name {name}_none not found!"


def test_an_event_starts_a_workflow(
    executor: WorkflowExecutor,
    events: EventResourceApi,
    metadata: OrkesMetadataClient,
    workflows: OrkesWorkflowClient,
    name: str,
) -> None:
    wait = WorkflowTask(name="w", task_reference_name="w", type="WAIT")
    metadata.register_workflow_def(WorkflowDef(name=f"{name}_started", version=1, tasks=[wait], schema_version=2))
    events.add_event_handler(handler(name, starting(name)))
    told = ConductorEventTask("told", "told")
    told.input_parameter("who", "${workflow.input.who}")

    sender = (ConductorWorkflow(executor, name, 1) >> told).execute({"who": "Ann"})

    def started() -> list[Workflow]:
        return workflows.get_by_correlation_ids(f"{name}_started", ["by-event"])["by-event"]

    (found,) = eventually(started, "the event starts a workflow")
    events.remove_event_handler_status(name)
    assert sender.status == "COMPLETED"
    assert found.input["got"] == "Ann"
    assert found.event == event_of(name)


def test_an_event_completes_a_task(
    executor: WorkflowExecutor,
    events: EventResourceApi,
    metadata: OrkesMetadataClient,
    workflows: OrkesWorkflowClient,
    name: str,
) -> None:
    wait = WorkflowTask(name="w", task_reference_name="w", type="WAIT")
    metadata.register_workflow_def(WorkflowDef(name=f"{name}_waits", version=1, tasks=[wait], schema_version=2))
    workflow_id = workflows.start_workflow(StartWorkflowRequest(name=f"{name}_waits"))
    details = TaskDetails(workflow_id="${target}", task_ref_name="w", output={"who": "${who}"})
    events.add_event_handler(handler(name, Action(action="complete_task", complete_task=details)))
    told = ConductorEventTask("told", "told")
    told.input_parameter("who", "Ann").input_parameter("target", workflow_id)

    (ConductorWorkflow(executor, name, 1) >> told).execute()

    def completed() -> Workflow | None:
        found = workflows.get_workflow(workflow_id)
        return found if found.status == "COMPLETED" else None

    found = eventually(completed, "the event completes the task")
    events.remove_event_handler_status(name)
    assert found.tasks[0].output_data["who"] == "Ann"
