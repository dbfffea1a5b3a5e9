"""How conductor-python finds, greets and understands the server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conductor.client.configuration.configuration import Configuration
from conductor.client.configuration.settings.authentication_settings import AuthenticationSettings
from conductor.client.http.models import StartWorkflowRequest, WorkflowDef, WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.orkes_clients import OrkesClients

from tests.process import Server

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


# ---- authentication


def test_a_client_with_a_key_finds_that_none_is_needed(server: Server) -> None:
    with_key = Configuration(f"{server.url}", authentication_settings=AuthenticationSettings("key", "secret"))
    client: Any = OrkesClients(with_key).get_metadata_client()
    try:
        assert isinstance(client.get_all_task_defs(), list)
    finally:
        client.api_client.rest_client.close()


def test_the_environment_names_the_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", f"{server.url}/api")
    client: Any = OrkesClients().get_metadata_client()
    try:
        assert isinstance(client.get_all_workflow_defs(), list)
    finally:
        client.api_client.rest_client.close()


# ---- errors


@pytest.fixture
def waiting(metadata: OrkesMetadataClient, workflows: OrkesWorkflowClient, name: str) -> str:
    """A running workflow."""
    wait = WorkflowTask(name="w", task_reference_name="w", type="WAIT")
    metadata.register_workflow_def(WorkflowDef(name=name, version=1, tasks=[wait], schema_version=2))
    return workflows.start_workflow(StartWorkflowRequest(name=name))


def failing(call: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(ApiException) as error:
        call()
    assert error.value.code == error.value.status
    return error.value.status, error.value.message


def test_an_unknown_workflow_is_not_found(workflows: OrkesWorkflowClient) -> None:
    unknown = (404, "No such workflow found by id: none")

    assert failing(lambda: workflows.get_workflow("none")) == unknown
    assert failing(lambda: workflows.get_workflow_status("none")) == unknown
    assert failing(lambda: workflows.pause_workflow("none")) == unknown
    assert failing(lambda: workflows.terminate_workflow("none")) == unknown
    assert failing(lambda: workflows.remove_workflow("none")) == unknown
    assert failing(lambda: workflows.retry_workflow("none")) == unknown


def test_an_unknown_definition_is_not_found(workflows: OrkesWorkflowClient, metadata: OrkesMetadataClient) -> None:
    request = StartWorkflowRequest(name="nope", version=1)

    assert failing(lambda: workflows.start_workflow(request)) == (
        404,
        "No such workflow defined. name=nope, version=1",
    )
    assert failing(lambda: workflows.execute_workflow(request))[0] == 404
    assert failing(lambda: workflows.start_workflow_by_name("nope", {}))[0] == 404
    assert failing(lambda: metadata.get_workflow_def("nope"))[0] == 404


def test_what_the_state_does_not_allow_is_a_conflict(workflows: OrkesWorkflowClient, name: str, waiting: str) -> None:
    assert failing(lambda: workflows.restart_workflow(waiting)) == (
        409,
        f"Workflow: {name}.1/{waiting}.RUNNING is not in terminal state, unable to restart.",
    )
    workflows.terminate_workflow(waiting)
    assert failing(lambda: workflows.pause_workflow(waiting)) == (
        409,
        f"Workflow {name}.1/{waiting} has ended, status cannot be updated.",
    )
    assert failing(lambda: workflows.resume_workflow(waiting))[0] == 409


def test_bad_requests_say_what_is_wrong(workflows: OrkesWorkflowClient, name: str) -> None:
    with pytest.raises(ApiException) as error:
        workflows.start_workflow_by_name(name, {}, priority=100)

    assert error.value.status == 400
    assert error.value.message == "Validation failed, check below errors for detail."
    assert "99 is the maximum priority value" in error.value.body


# ---- what is not served


def not_served(clients: OrkesClients) -> Iterator[tuple[str, Callable[[], object]]]:
    """Name calls of the SDK that podium answers as "not supported", which is how the SDKs expect to be told."""
    yield "users", lambda: clients.get_authorization_client().list_users()
    yield "prompts", lambda: clients.get_prompt_client().get_prompts()
    yield "integrations", lambda: clients.get_integration_client().get_integrations()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the SDK leaves its sockets open
def test_calls_that_are_not_served_say_so(clients: OrkesClients) -> None:
    served = {}
    for called, call in not_served(clients):
        status, message = failing(call)
        if status not in (404, 405) or not message.startswith(("No static resource", "Request method")):
            served[called] = (status, message)

    assert served == {}
