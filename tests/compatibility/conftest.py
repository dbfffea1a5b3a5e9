"""A real server for the whole suite, and the clients of conductor-python against it."""

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from conductor.client.automator.lease_tracker import LeaseManager
from conductor.client.configuration.configuration import Configuration
from conductor.client.http.api.event_resource_api import EventResourceApi
from conductor.client.http.api.workflow_bulk_resource_api import WorkflowBulkResourceApi
from conductor.client.http.api_client import ApiClient
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_task_client import OrkesTaskClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.orkes_clients import OrkesClients
from conductor.client.workflow.conductor_workflow import ConductorWorkflow
from conductor.client.workflow.executor.workflow_executor import WorkflowExecutor

from tests.compatibility.runners import Runners
from tests.process import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("server") / "podium.db", PODIUM_LOG_LEVEL="warning", PODIUM_SECRET_KEY="k")
    started.start()
    yield started
    code, _ = started.stop()
    assert code == 0
    assert "Traceback" not in started.log.read_text()


@pytest.fixture(scope="session")
def configuration(server: Server) -> Configuration:
    return Configuration(server_api_url=f"{server.url}/api")


@pytest.fixture(scope="session")
def clients(configuration: Configuration) -> OrkesClients:
    return OrkesClients(configuration)


def close(api_client: ApiClient) -> None:
    """Close the connections of a client, which the SDK leaves to the garbage collector."""
    api_client.rest_client.close()


@pytest.fixture(scope="session")
def workflows(clients: OrkesClients) -> Iterator[OrkesWorkflowClient]:
    client: Any = clients.get_workflow_client()
    yield client
    close(client.api_client)


@pytest.fixture(scope="session")
def tasks(clients: OrkesClients) -> Iterator[OrkesTaskClient]:
    client: Any = clients.get_task_client()
    yield client
    close(client.api_client)


@pytest.fixture(scope="session")
def metadata(clients: OrkesClients) -> Iterator[OrkesMetadataClient]:
    client: Any = clients.get_metadata_client()
    yield client
    close(client.api_client)


@pytest.fixture(scope="session")
def executor(clients: OrkesClients) -> Iterator[WorkflowExecutor]:
    made = clients.get_workflow_executor()
    yield made
    close(made.metadata_client.api_client)
    close(made.workflow_client.api_client)


@pytest.fixture(scope="session")
def events(configuration: Configuration) -> Iterator[EventResourceApi]:
    client = ApiClient(configuration)
    yield EventResourceApi(client)
    close(client)


@pytest.fixture(scope="session")
def bulk(configuration: Configuration) -> Iterator[WorkflowBulkResourceApi]:
    client = ApiClient(configuration)
    yield WorkflowBulkResourceApi(client)
    close(client)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test uses."""
    module = request.module.__name__.rpartition("test_")[2]
    return re.sub(r"\W+", "_", f"{module}_{request.node.name.removeprefix('test_')}").strip("_")


@pytest.fixture
def workflow(executor: WorkflowExecutor, name: str) -> ConductorWorkflow:
    return ConductorWorkflow(executor, name, 1, "a test")


@pytest.fixture
def runners(configuration: Configuration) -> Iterator[Runners]:
    """Start task runners of the SDK in threads; they end with the test."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    started = Runners(configuration)
    yield started
    started.stop()


@pytest.fixture(scope="session", autouse=True)
def leases() -> Iterator[None]:
    """Look more often than each second whether a lease needs to be extended, and end the threads that do at the end."""
    LeaseManager.get_instance(check_interval=0.1)
    yield
    LeaseManager._reset_instance()
