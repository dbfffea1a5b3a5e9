"""MetadataClient of conductor-python: definitions of tasks and workflows."""

import pytest
from conductor.client.http.models import TaskDef, WorkflowDef, WorkflowTask
from conductor.client.http.models.rate_limit import RateLimit
from conductor.client.http.rest import ApiException
from conductor.client.orkes.orkes_metadata_client import OrkesMetadataClient

# the SDK reads deprecated properties of its own models when it sends them
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")


def definition(name: str, version: int = 1, **more: object) -> WorkflowDef:
    step = WorkflowTask(
        name="look", task_reference_name="look", type="SIMPLE", input_parameters={"a": "${workflow.input.a}"}
    )
    return WorkflowDef(name=name, version=version, tasks=[step], schema_version=2, timeout_seconds=0, **more)


# ---- task definitions


def test_a_task_definition_comes_back_as_it_was_registered(metadata: OrkesMetadataClient, name: str) -> None:
    given = TaskDef(
        name=name,
        description="checks things",
        retry_count=5,
        retry_logic="EXPONENTIAL_BACKOFF",
        retry_delay_seconds=7,
        timeout_seconds=120,
        timeout_policy="RETRY",
        response_timeout_seconds=60,
        poll_timeout_seconds=30,
        concurrent_exec_limit=4,
        rate_limit_per_frequency=10,
        rate_limit_frequency_in_seconds=2,
        input_keys=["a"],
        output_keys=["b"],
        input_template={"a": 1, "deep": {"x": None}},
        owner_email="me@example.org",
        backoff_scale_factor=2,
        total_timeout_seconds=600,
    )

    metadata.register_task_def(given)
    found = metadata.get_task_def(name)

    assert isinstance(found, TaskDef)
    for field in TaskDef.swagger_types:
        wanted = getattr(given, field, None) if field not in ("owner_app", "create_time", "created_by") else None
        if wanted is not None:
            assert getattr(found, field) == wanted, field
    assert found.create_time > 0


def test_what_a_task_definition_leaves_out_has_the_known_defaults(metadata: OrkesMetadataClient, name: str) -> None:
    metadata.register_task_def(TaskDef(name=name))

    found = metadata.get_task_def(name)

    assert (found.retry_count, found.retry_logic, found.retry_delay_seconds) == (3, "FIXED", 60)
    assert (found.timeout_seconds, found.timeout_policy, found.response_timeout_seconds) == (0, "TIME_OUT_WF", 3600)
    assert (found.rate_limit_per_frequency, found.rate_limit_frequency_in_seconds) == (0, 1)
    assert found.input_template == {}


def test_a_task_definition_can_be_replaced(metadata: OrkesMetadataClient, name: str) -> None:
    metadata.register_task_def(TaskDef(name=name, retry_count=1))

    metadata.update_task_def(TaskDef(name=name, retry_count=2, description="now"))

    assert (metadata.get_task_def(name).retry_count, metadata.get_task_def(name).description) == (2, "now")


def test_all_task_definitions_are_listed(metadata: OrkesMetadataClient, name: str) -> None:
    metadata.register_task_def(TaskDef(name=f"{name}_1"))
    metadata.register_task_def(TaskDef(name=f"{name}_2"))

    assert {f"{name}_1", f"{name}_2"} <= {one.name for one in metadata.get_all_task_defs()}


def test_a_task_definition_can_be_removed(metadata: OrkesMetadataClient, name: str) -> None:
    metadata.register_task_def(TaskDef(name=name))

    metadata.unregister_task_def(name)

    with pytest.raises(ApiException) as error:
        metadata.get_task_def(name)
    assert (error.value.status, error.value.message) == (404, f"No such taskType found by name: {name}")


# ---- workflow definitions


def test_a_workflow_definition_comes_back_as_it_was_registered(metadata: OrkesMetadataClient, name: str) -> None:
    given = definition(
        name,
        3,
        description="does things",
        input_parameters=["a"],
        output_parameters={"b": "${look.output.b}"},
        failure_workflow="clean_up",
        restartable=False,
        owner_email="me@example.org",
        timeout_policy="TIME_OUT_WF",
        variables={"v": 1},
        input_template={"a": "x"},
        workflow_status_listener_enabled=True,
        metadata={"team": "a"},
        rate_limit_config=RateLimit(rate_limit_key="${workflow.input.a}", concurrent_exec_limit=2),
    )
    given.timeout_seconds = 300

    metadata.register_workflow_def(given, overwrite=False)
    found = metadata.get_workflow_def(name, 3)

    assert isinstance(found, WorkflowDef)
    fields = "name version description input_parameters output_parameters failure_workflow schema_version restartable"
    fields += " owner_email timeout_policy timeout_seconds variables input_template workflow_status_listener_enabled"
    for field in (*fields.split(), "metadata"):
        assert getattr(found, field) == getattr(given, field), field
    assert [(task.name, task.task_reference_name, task.type) for task in found.tasks] == [("look", "look", "SIMPLE")]
    assert found.tasks[0].input_parameters == {"a": "${workflow.input.a}"}
    assert found.rate_limit_config.concurrent_exec_limit == 2


def test_without_a_version_the_latest_is_meant(metadata: OrkesMetadataClient, name: str) -> None:
    for version in (1, 10, 2):
        metadata.register_workflow_def(definition(name, version, description=f"v{version}"))

    assert metadata.get_workflow_def(name).version == 10
    assert metadata.get_workflow_def(name, 2).description == "v2"
    assert sorted(one.version for one in metadata.get_all_workflow_defs() if one.name == name) == [1, 2, 10]


def test_a_workflow_definition_can_be_updated(metadata: OrkesMetadataClient, name: str) -> None:
    metadata.register_workflow_def(definition(name))

    metadata.update_workflow_def(definition(name, description="updated"))
    metadata.update_workflow_def(definition(name, 2, description="new"))

    assert metadata.get_workflow_def(name, 1).description == "updated"
    assert metadata.get_workflow_def(name, 2).description == "new"


def test_registering_again_replaces_only_when_asked_to(metadata: OrkesMetadataClient, name: str) -> None:
    metadata.register_workflow_def(definition(name), overwrite=False)

    with pytest.raises(ApiException) as error:
        metadata.register_workflow_def(definition(name, description="second"), overwrite=False)
    metadata.register_workflow_def(definition(name, description="third"), overwrite=True)

    assert error.value.status == 409
    assert error.value.message == f"Workflow with {name}.1 already exists!"
    assert metadata.get_workflow_def(name).description == "third"


def test_one_version_can_be_removed(metadata: OrkesMetadataClient, name: str) -> None:
    metadata.register_workflow_def(definition(name, 1))
    metadata.register_workflow_def(definition(name, 2))

    metadata.unregister_workflow_def(name, 2)

    assert metadata.get_workflow_def(name).version == 1
    with pytest.raises(ApiException) as error:
        metadata.get_workflow_def(name, 2)
    assert error.value.status == 404


def test_a_definition_that_cannot_work_is_refused(metadata: OrkesMetadataClient, name: str) -> None:
    broken = definition(name)
    broken.tasks.append(WorkflowTask(name="other", task_reference_name="look", type="SIMPLE"))

    with pytest.raises(ApiException) as error:
        metadata.register_workflow_def(broken)

    assert error.value.status == 400
    assert error.value.message == "Validation failed, check below errors for detail."
    assert "taskReferenceName: look should be unique" in error.value.body


def test_names_with_unusual_characters_work(metadata: OrkesMetadataClient, name: str) -> None:
    odd = f"{name} ä:b c#d?e&f=1+%"
    metadata.register_task_def(TaskDef(name=odd, retry_count=1))
    metadata.register_workflow_def(definition(odd))

    assert metadata.get_task_def(odd).name == odd
    assert metadata.get_workflow_def(odd, 1).name == odd
    metadata.unregister_workflow_def(odd, 1)
    metadata.unregister_task_def(odd)
