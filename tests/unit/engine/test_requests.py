"""From a start request to a start command."""

from typing import Any

import pytest

from podium.engine.context import Limits
from podium.engine.requests import resolve_start
from podium.model.errors import NotFound, TooLarge, ValidationFailed
from podium.model.start import StartWorkflowRequest
from podium.model.wire import convert
from podium.testing import Rehearsal
from podium.testing.steps import inline, simple, workflow


@pytest.fixture
def stage() -> Rehearsal:
    made = Rehearsal(limits=Limits(workflow_payload_bytes=200))
    made.register(workflow("w", inline("a"), inputTemplate={"x": 1, "y": 2}), workflow("w", inline("a"), version=3))
    made.register(workflow("zero", inline("a"), version=0))
    return made


def request(**fields: Any) -> StartWorkflowRequest:
    return convert(StartWorkflowRequest, fields)


@pytest.mark.parametrize(("version", "expected"), [(None, 3), (1, 1), (3, 3)])
def test_the_version(stage: Rehearsal, version: int | None, expected: int):
    command = resolve_start(stage, request(name="w", version=version))

    assert (command.name, command.version) == ("w", expected)
    graph = stage.graph_by_hash(command.def_hash)
    assert graph is not None
    assert graph.version == expected


def test_version_zero_is_a_version_like_any_other(stage: Rehearsal):
    assert resolve_start(stage, request(name="zero", version=0)).version == 0
    with pytest.raises(NotFound):
        resolve_start(stage, request(name="w", version=0))


@pytest.mark.parametrize(
    ("fields", "text"), [({"name": "no"}, "name=no, version=null"), ({"name": "w", "version": 2}, "name=w, version=2")]
)
def test_an_unknown_definition(stage: Rehearsal, fields: dict[str, Any], text: str):
    with pytest.raises(NotFound, match=f"No such workflow defined. {text}"):
        resolve_start(stage, request(**fields))


@pytest.mark.parametrize(
    ("given", "expected"), [({"x": None}, b'{"x":1,"y":2}'), ({"z": 1}, b'{"x":1,"y":2,"z":1}'), ({}, b"{}")]
)
def test_the_input_template_fills_what_is_missing_unless_there_is_no_input(
    stage: Rehearsal, given: dict[str, Any], expected: bytes
):
    assert resolve_start(stage, request(name="w", version=1, input=given)).input == expected


def test_an_embedded_definition_is_used_and_not_registered(stage: Rehearsal):
    command = resolve_start(stage, request(name="w", workflowDef=workflow("own", simple("s"), version=9)))

    assert (command.name, command.version) == ("own", 9)
    assert stage.graph("own", None) is None


@pytest.mark.parametrize(
    ("fields", "path", "message"),
    [
        ({}, "startWorkflow.arg0.name", "Workflow name cannot be null or empty"),
        ({"name": "w", "priority": 100}, "startWorkflow.arg0.priority", "priority: 100 should be maximum 99"),
        ({"name": "w", "priority": -1}, "startWorkflow.arg0.priority", "priority: -1 should be minimum 0"),
    ],
)
def test_what_is_refused(stage: Rehearsal, fields: dict[str, Any], path: str, message: str):
    with pytest.raises(ValidationFailed) as refusal:
        resolve_start(stage, request(**fields), "startWorkflow.arg0")

    assert [(one.path, one.message) for one in refusal.value.violations] == [(path, message)]


def test_an_input_over_the_limit_is_refused(stage: Rehearsal):
    with pytest.raises(TooLarge, match="The payload size: 308"):
        resolve_start(stage, request(name="w", version=3, input={"x": "y" * 300}))


def test_everything_else_is_passed_on(stage: Rehearsal):
    given = request(
        name="w", correlationId="c", priority=5, taskToDomain={"a": "d"}, createdBy="me", idempotencyKey="k",
        externalInputPayloadStoragePath="p",
    )  # fmt: skip

    command = resolve_start(stage, given)

    assert (command.correlation_id, command.priority, command.task_to_domain) == ("c", 5, {"a": "d"})
    assert (command.created_by, command.idempotency_key, command.external_input_path) == ("me", "k", "p")
