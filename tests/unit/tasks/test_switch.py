"""SWITCH and DECISION."""

import pytest

from podium.engine.context import ScriptAnswer
from podium.testing import Rehearsal
from podium.testing.steps import inline, simple, step, switch, workflow

KINDS = switch("pick", "${workflow.input.kind}", {"a": [inline("ia")]}, [inline("id", "2")])


def test_the_case_of_the_value_runs(stage: Rehearsal):
    stage.register(workflow("w", KINDS))

    key = stage.start("w", {"kind": "a"})

    assert stage.lines(key) == ["1 pick SWITCH COMPLETED", "2 ia INLINE COMPLETED"]
    assert stage.given(key, "pick") == {"by": "a", "case": "a", "hasChildren": "true"}
    assert stage.output(key, "pick") == {"evaluationResult": ["a"], "selectedCase": "a"}
    assert stage.task(key, "pick").name == "SWITCH"
    assert stage.output(key, "ia") == {"result": 1}


@pytest.mark.parametrize("given", [{"kind": "zz"}, {}])
def test_the_default_case_runs_for_any_other_value(stage: Rehearsal, given: dict[str, str]):
    stage.register(workflow("w", KINDS))

    key = stage.start("w", given)

    assert stage.lines(key) == ["1 pick SWITCH COMPLETED", "2 id INLINE COMPLETED"]
    assert stage.output(key, "pick")["selectedCase"] == given.get("kind", "null")


@pytest.mark.parametrize(("value", "text"), [(None, "null"), (True, "true"), (1, "1"), (1.5, "1.5"), ("x", "x")])
def test_values_become_text_as_java_prints_them(stage: Rehearsal, value: object, text: str):
    stage.register(workflow("w", KINDS))

    key = stage.start("w", {"kind": value})

    assert stage.output(key, "pick")["selectedCase"] == text


def test_an_empty_case_runs_nothing_and_does_not_fall_back(stage: Rehearsal):
    stage.register(workflow("w", switch("s", "a", {"a": []}, [inline("d")]), inline("after")))

    key = stage.start("w")

    assert stage.lines(key) == ["1 s SWITCH COMPLETED", "2 after INLINE COMPLETED"]
    assert "hasChildren" not in stage.given(key, "s")


def test_the_last_step_of_a_case_is_followed_by_the_step_after_the_switch(stage: Rehearsal):
    inner = switch("inner", "a", {"a": [inline("deep")]})
    stage.register(workflow("w", switch("outer", "a", {"a": [inline("first"), inner]}), inline("after")))

    key = stage.start("w")

    assert [line.split()[1] for line in stage.lines(key)] == ["outer", "first", "inner", "deep", "after"]


def test_a_missing_parameter_selects_the_case_null(stage: Rehearsal):
    definition = switch("s", "x", {"null": [inline("n")]}, expression="nosuch")
    stage.register(workflow("w", definition))

    key = stage.start("w")

    assert stage.output(key, "s")["selectedCase"] == "null"
    assert stage.lines(key)[1] == "2 n INLINE COMPLETED"


def test_an_unknown_evaluator_fails_the_workflow_without_a_task(stage: Rehearsal):
    stage.register(workflow("w", switch("s", "a", {"a": [inline("x")]}, evaluatorType="zz")))

    key = stage.start("w")

    assert stage.lines(key) == []
    assert (stage.status(key), stage.reason(key)) == ("FAILED", "No evaluator registered for type: zz")


def test_a_script_that_throws_fails_the_switch(stage: Rehearsal):
    broken = switch("s", "a", {"a": [inline("x")]}, evaluatorType="javascript", expression="throw new Error('x')")
    stage.register(workflow("w", broken, inline("after")))

    key = stage.start("w")

    assert stage.lines(key) == ["1 s SWITCH FAILED"]
    assert stage.reason(key, "s") == "Error evaluating the script `Error: x`"
    assert stage.status(key) == "FAILED"


def test_an_optional_switch_that_fails_is_passed_without_a_branch(stage: Rehearsal):
    broken = switch("s", "a", {"a": [inline("x")]}, evaluatorType="javascript", expression="throw 1", optional=True)
    stage.register(workflow("w", broken, inline("after")))

    key = stage.start("w")

    assert stage.lines(key) == ["1 s SWITCH COMPLETED_WITH_ERRORS", "2 after INLINE COMPLETED"]
    assert stage.status(key) == "COMPLETED"


def test_a_failed_switch_is_not_retried_whatever_its_definition_says(stage: Rehearsal):
    stage.register({"name": "s", "retryCount": 5, "retryDelaySeconds": 0})
    broken = switch("s", "a", {"a": [inline("x")]}, evaluatorType="javascript", expression="throw 1")
    stage.register(workflow("w", broken))

    assert stage.status(stage.start("w")) == "FAILED"


def test_the_output_of_a_switch_is_not_visible_to_the_first_step_of_its_case(stage: Rehearsal):
    seen = {"case": "${s.output.selectedCase}"}
    stage.register(workflow("w", switch("s", "a", {"a": [simple("one", seen), simple("two", seen)]})))

    key = stage.start("w")
    stage.complete(key, "one")

    assert stage.given(key, "one") == {"case": None}
    assert stage.given(key, "two") == {"case": "a"}


def test_python_goes_to_the_script_processes():
    stage = Rehearsal(scripts=lambda script: ScriptAnswer(b'"a"' if script.language == "python" else b"0"))
    stage.register(workflow("w", switch("s", "?", {"a": [inline("x")]}, evaluatorType="python", expression="return 1")))

    key = stage.start("w")

    assert stage.lines(key)[1] == "2 x INLINE COMPLETED"


def test_a_first_step_that_needs_a_script_is_started_when_the_answer_is_there(stage: Rehearsal):
    outside = "JSON.parse('[\"a\"]')[0]"
    stage.register(
        workflow("w", switch("s", "?", {"a": [simple("x")]}, evaluatorType="javascript", expression=outside))
    )

    key = stage.start("w")

    assert stage.lines(key) == ["1 s SWITCH COMPLETED", "2 x x SCHEDULED"]


# ---- DECISION


def decision(**fields: object) -> dict[str, object]:
    cases = {"yes": [inline("i1")], "none": []}
    return step("dec", "DECISION", {"q": "${workflow.input.q}"}, decisionCases=cases, **fields)


def test_a_decision_evaluates_its_expression(stage: Rehearsal):
    stage.register(workflow("w", decision(caseExpression="$.q == 5 ? 'yes' : 'no'")))

    key = stage.start("w", {"q": 5})

    assert stage.lines(key) == ["1 dec DECISION COMPLETED", "2 i1 INLINE COMPLETED"]
    assert stage.given(key, "dec") == {"case": "yes", "hasChildren": "true"}
    assert stage.output(key, "dec") == {"caseOutput": ["yes"]}
    assert stage.task(key, "dec").name == "DECISION"


def test_a_decision_may_take_a_parameter_as_it_is(stage: Rehearsal):
    stage.register(workflow("w", decision(caseValueParam="q")))

    key = stage.start("w", {"q": "yes"})

    assert stage.lines(key)[1] == "2 i1 INLINE COMPLETED"


def test_an_empty_case_of_a_decision_falls_back_to_the_default(stage: Rehearsal):
    stage.register(workflow("w", decision(caseValueParam="q", defaultCase=[inline("d")])))

    key = stage.start("w", {"q": "none"})

    assert stage.lines(key) == ["1 dec DECISION COMPLETED", "2 d INLINE COMPLETED"]


def test_a_decision_that_throws_fails_the_workflow_without_a_task(stage: Rehearsal):
    stage.register(workflow("w", decision(caseExpression="throw new Error('x')")))

    key = stage.start("w")

    assert stage.lines(key) == []
    assert stage.reason(key) == "Error while evaluating script: throw new Error('x')"
