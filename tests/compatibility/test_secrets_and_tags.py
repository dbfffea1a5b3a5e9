"""SecretClient of conductor-python, and the tags of its other clients."""

from collections.abc import Iterator
from typing import Any

import pytest
from conductor.client.http.models import TaskDef, WorkflowDef, WorkflowTask
from conductor.client.http.rest import ApiException
from conductor.client.orkes.models.metadata_tag import MetadataTag
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_secret_client import OrkesSecretClient
from conductor.client.orkes_clients import OrkesClients

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


def blue() -> MetadataTag:
    return MetadataTag("team", "blue")


@pytest.fixture
def secrets(clients: OrkesClients) -> Iterator[OrkesSecretClient]:
    client: Any = clients.get_secret_client()
    yield client
    client.api_client.rest_client.close()


def pairs(tags: list[Any]) -> list[tuple[str, Any]]:
    return [(tag.key, tag.value) if hasattr(tag, "key") else (tag["key"], tag["value"]) for tag in tags]


def test_secrets(secrets: OrkesSecretClient, name: str) -> None:
    secrets.put_secret(name, "hidden")

    assert secrets.secret_exists(name)
    assert secrets.get_secret(name) == "hidden"
    assert name in secrets.list_all_secret_names()
    assert name in secrets.list_secrets_that_user_can_grant_access_to()
    secrets.set_secret_tags([blue()], name)
    assert pairs(secrets.get_secret_tags(name)) == [("team", "blue")]
    secrets.delete_secret_tags([blue()], name)
    assert secrets.get_secret_tags(name) == []
    secrets.delete_secret(name)
    assert not secrets.secret_exists(name)
    with pytest.raises(ApiException) as error:
        secrets.get_secret(name)
    assert error.value.status == 404


def test_tags(metadata: OrkesMetadataClient, name: str) -> None:
    step = WorkflowTask(name=name, task_reference_name="a")
    metadata.register_task_def(TaskDef(name=name))
    metadata.register_workflow_def(WorkflowDef(name=name, version=1, tasks=[step], schema_version=2))

    metadata.add_workflow_tag(blue(), name)
    metadata.set_workflow_tags([blue(), MetadataTag("cost", "7")], name)
    metadata.delete_workflow_tag(blue(), name)
    metadata.addTaskTag(blue(), name)

    assert pairs(metadata.get_workflow_tags(name)) == [("cost", "7")]
    assert pairs(metadata.getTaskTags(name)) == [("team", "blue")]
    metadata.deleteTaskTag(blue(), name)
    assert metadata.getTaskTags(name) == []


def test_rate_limit(metadata: OrkesMetadataClient, name: str) -> None:
    step = WorkflowTask(name=name, task_reference_name="a")
    metadata.register_workflow_def(WorkflowDef(name=name, version=1, tasks=[step], schema_version=2))

    metadata.setWorkflowRateLimit(3, name)

    assert metadata.getWorkflowRateLimit(name) == 3
    metadata.removeWorkflowRateLimit(name)
    assert metadata.getWorkflowRateLimit(name) is None
