"""INLINE and LAMBDA."""

import pytest

from podium.engine.context import Script, ScriptAnswer
from podium.testing import Rehearsal
from podium.testing.steps import inline, step, workflow

SLOW = "Script not evaluated within 4 seconds, interrupted."
Given = dict[str, object]


def test_the_value_of_the_expression_is_the_result(stage: Rehearsal):
    stage.register(workflow("w", inline("i", "$.k", {"k": [1, None]})))

    key = stage.start("w")

    assert (stage.status(key, "i"), stage.output(key, "i")) == ("COMPLETED", {"result": [1, None]})


def test_the_expression_is_a_template_first(stage: Rehearsal):
    stage.register(workflow("w", inline("i", "${workflow.input.e} + 1")))

    key = stage.start("w", {"e": "40 + 1"})

    assert stage.output(key, "i") == {"result": 42}


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"evaluatorType": "zz", "expression": "1"}, "Unknown evaluator 'zz' in INLINE task."),
        (
            {"evaluatorType": " ", "expression": "1"},
            "Empty 'evaluatorType' in INLINE task's input parameters. A non-empty String value must be provided.",
        ),
        (
            {"expression": " "},
            "Empty 'expression' in Inline task's input parameters. A non-empty String value must be provided.",
        ),
        ({}, "Empty 'expression' in Inline task's input parameters. A non-empty String value must be provided."),
        ({"expression": "throw new Error('x')"}, "Error evaluating the script `Error: x`"),
    ],
)
def test_what_fails_for_good(stage: Rehearsal, inputs: Given, reason: str):
    stage.register({"name": "i", "retryCount": 3})
    stage.register(workflow("w", step("i", "INLINE", inputs)))

    key = stage.start("w")

    assert stage.lines(key) == ["1 i INLINE FAILED_WITH_TERMINAL_ERROR"]
    assert (stage.reason(key, "i"), stage.output(key, "i")) == (reason, {"error": reason})


def test_a_script_that_took_too_long_is_retried():
    answers = iter([ScriptAnswer(error=SLOW, timed_out=True), ScriptAnswer(b"1")])
    stage = Rehearsal(scripts=lambda script: next(answers))
    stage.register({"name": "i", "retryCount": 1, "retryDelaySeconds": 60})
    stage.register(workflow("w", inline("i", "for(;;);")))

    key = stage.start("w")

    assert stage.lines(key) == ["1 i INLINE FAILED", "2 i INLINE COMPLETED"]  # at once, whatever the delay
    assert stage.reason(key, "i") == SLOW


def test_value_param_and_python():
    asked: list[Script] = []

    def answer(script: Script) -> ScriptAnswer:
        asked.append(script)
        return ScriptAnswer(b"7")

    stage = Rehearsal(scripts=answer)
    python = step("p", "INLINE", {"evaluatorType": "python", "expression": "return a", "a": 1})
    plain = step("v", "INLINE", {"evaluatorType": "value-param", "expression": "k", "k": {"x": 1}})
    stage.register(workflow("w", plain, python))

    key = stage.start("w")

    assert stage.output(key, "v") == {"result": {"x": 1}}
    assert stage.output(key, "p") == {"result": 7}
    assert [(script.language, script.source) for script in asked] == [("python", "return a")]


def test_a_lambda_is_the_body_of_a_function(stage: Rehearsal):
    stage.register(workflow("w", step("l", "LAMBDA", {"scriptExpression": "return {z: $.k + 1}", "k": 1})))

    assert stage.output(stage.start("w"), "l") == {"result": {"z": 2}}


@pytest.mark.parametrize(
    ("source", "reason", "output"),
    [
        (
            " ",
            "Empty 'scriptExpression' in Lambda task's input parameters. A non-empty String value must be provided.",
            {},
        ),
        (
            "throw new Error('x')",
            "Error evaluating the script `Error: x`",
            {"error": "Error evaluating the script `Error: x`"},
        ),
    ],
)
def test_a_lambda_that_fails(stage: Rehearsal, source: str, reason: str, output: Given):
    stage.register(workflow("w", step("l", "LAMBDA", {"scriptExpression": source})))

    key = stage.start("w")

    assert (stage.status(key, "l"), stage.reason(key, "l"), stage.output(key, "l")) == ("FAILED", reason, output)
