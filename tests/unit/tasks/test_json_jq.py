"""JSON_JQ_TRANSFORM."""

import pytest

from podium.engine.context import ScriptAnswer
from podium.testing import Rehearsal
from podium.testing.steps import step, workflow


def transform(**inputs: object) -> dict[str, object]:
    return step("q", "JSON_JQ_TRANSFORM", inputs)


@pytest.mark.parametrize(
    ("answer", "output"),
    [
        (b'[1,"s"]', {"result": 1, "resultList": [1, "s"]}),
        (b"[]", {"result": None, "resultList": []}),
    ],
)
def test_the_first_result_and_all_of_them(answer: bytes, output: dict[str, object]):
    asked = []
    stage = Rehearsal(scripts=lambda script: asked.append(script) or ScriptAnswer(answer))
    stage.register(workflow("w", transform(queryExpression=".k[] | .x", k=[{"x": 1}, {"x": "s"}])))

    key = stage.start("w")

    assert (stage.status(key, "q"), stage.output(key, "q")) == ("COMPLETED", output)
    assert (asked[0].language, asked[0].source) == ("jq", ".k[] | .x")
    assert asked[0].input == stage.task(key, "q").input


def test_without_a_program_it_fails(stage: Rehearsal):
    stage.register(workflow("w", transform(queryExpression=None)))

    key = stage.start("w")

    assert stage.reason(key, "q") == "Missing 'queryExpression' in input parameters"
    assert (stage.status(key, "q"), stage.output(key, "q")) == ("FAILED", {})


def test_an_error_is_retried_at_once():
    answers = iter([ScriptAnswer(error="Cannot index array"), ScriptAnswer(b"[2]")])
    stage = Rehearsal(scripts=lambda script: next(answers))
    stage.register({"name": "q", "retryCount": 1, "retryDelaySeconds": 60})
    stage.register(workflow("w", transform(queryExpression=".x")))

    key = stage.start("w")

    assert stage.lines(key) == ["1 q JSON_JQ_TRANSFORM FAILED", "2 q JSON_JQ_TRANSFORM COMPLETED"]
    assert stage.output(key, "q")["result"] == 2
