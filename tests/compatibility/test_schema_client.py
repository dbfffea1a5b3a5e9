"""SchemaClient of conductor-python, and a definition that refers to a registered schema."""

from collections.abc import Iterator
from typing import Any

import pytest
from conductor.client.http.models import StartWorkflowRequest, WorkflowDef, WorkflowTask
from conductor.client.http.models.schema_def import SchemaDef, SchemaType
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient
from conductor.client.orkes.orkes_schema_client import OrkesSchemaClient
from conductor.client.orkes.orkes_workflow_client import OrkesWorkflowClient
from conductor.client.orkes_clients import OrkesClients

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture
def schemas(clients: OrkesClients) -> Iterator[OrkesSchemaClient]:
    client: Any = clients.get_schema_client()
    yield client
    client.api_client.rest_client.close()


def test_registry(schemas: OrkesSchemaClient, name: str) -> None:
    schemas.register_schema(SchemaDef(name, version=1, type=SchemaType.JSON, data=NUMBER))

    found = schemas.get_schema(name, 1)
    assert (found.name, found.version, found.data) == (name, 1, NUMBER)
    assert name in [one.name for one in schemas.get_all_schemas()]
    schemas.delete_schema(name, 1)
    with pytest.raises(ApiException) as error:
        schemas.get_schema(name, 1)
    assert error.value.status == 404


def test_schema_of_a_workflow_is_enforced(
    schemas: OrkesSchemaClient, metadata: OrkesMetadataClient, workflows: OrkesWorkflowClient, name: str
) -> None:
    schema = SchemaDef(name, version=1, type=SchemaType.JSON, data=NUMBER)
    schemas.register_schema(schema)
    step = WorkflowTask(name=name, task_reference_name="a")
    named = SchemaDef(name, version=1, type=SchemaType.JSON)
    metadata.register_workflow_def(
        WorkflowDef(name=name, version=1, tasks=[step], schema_version=2, input_schema=named, enforce_schema=True)
    )

    with pytest.raises(ApiException) as error:
        workflows.start_workflow(StartWorkflowRequest(name=name, version=1, input={"n": "x"}))

    assert error.value.status == 400
    assert '$.n: "x" is not of type "integer"' in str(error.value.message)
    assert workflows.start_workflow(StartWorkflowRequest(name=name, version=1, input={"n": 1}))
