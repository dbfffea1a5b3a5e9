"""SET_VARIABLE."""

from podium.engine.context import Limits
from podium.testing import Rehearsal
from podium.testing.steps import inline, simple, step, workflow


def test_every_input_becomes_a_variable(stage: Rehearsal):
    stage.register(workflow("w", step("a", "SET_VARIABLE", {"x": "${workflow.input.q}", "n": None})))

    key = stage.start("w", {"q": {"z": 1}})

    assert stage.given(key, "a") == {"x": {"z": 1}, "n": None}
    assert (stage.output(key, "a"), stage.output(key)) == ({}, {})
    assert stage.variables(key) == {"x": {"z": 1}, "n": None}


def test_variables_begin_with_those_of_the_definition_as_they_are(stage: Rehearsal):
    first = step("a", "SET_VARIABLE", {"x": {"only": 1}})
    stage.register(workflow("w", first, inline("b"), variables={"x": {"y": 2}, "e": "${workflow.input.q}"}))

    assert stage.variables(stage.start("w", {"q": 1})) == {"x": {"only": 1}, "e": "${workflow.input.q}"}


def test_variables_are_read_by_expressions(stage: Rehearsal):
    stage.register(workflow("w", step("a", "SET_VARIABLE", {"x": 5}), simple("b", {"v": "${workflow.variables.x}"})))

    assert stage.given(stage.start("w"), "b") == {"v": 5}


def test_variables_have_a_limit_and_are_set_all_or_none():
    stage = Rehearsal(limits=Limits(variables_bytes=1024))
    stage.register(
        workflow("w", step("a", "SET_VARIABLE", {"small": 1}), step("b", "SET_VARIABLE", {"x": "y" * 2000, "z": 1}))
    )

    key = stage.start("w")

    assert stage.variables(key) == {"small": 1}
    assert stage.status(key, "b") == "FAILED_WITH_TERMINAL_ERROR"
    text = f"The variables payload size: 2024 of workflow: {key} is greater than the permissible limit: 1 kilobytes"
    assert stage.reason(key, "b") == text
