"""DO_WHILE."""

import msgspec
import pytest

from podium.engine.commands import Retry, SkipTask
from podium.engine.context import Limits
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, switch, workflow

COUNT = inline("a", "$.i", {"i": "${lp.output.iteration}"})
ITEMS = {"items": "${workflow.input.l}"}


def test_the_body_is_repeated_while_the_condition_holds(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", COUNT)))

    key = stage.start("w")

    assert stage.lines(key) == ["1 lp DO_WHILE COMPLETED", "2 a__1 INLINE COMPLETED", "3 a__2 INLINE COMPLETED"]
    assert stage.output(key, "lp") == {"iteration": 2, "1": {"a": {"result": 1}}, "2": {"a": {"result": 2}}}
    views = stage.view(key)["tasks"]
    assert [view["iteration"] for view in views] == [2, 1, 2]
    assert [view["loopOverTask"] for view in views] == [True, True, True]


def test_the_body_runs_at_least_once(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "false", COUNT)))

    assert stage.output(stage.start("w"), "lp")["iteration"] == 1


def test_a_loop_without_a_condition_ends_after_one_iteration(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "", COUNT)))

    assert stage.output(stage.start("w"), "lp")["iteration"] == 1


@pytest.mark.parametrize(
    ("value", "is_true"), [("true", True), ("1", True), ("0", False), ("-1", False), ("'true'", False)]
)
def test_only_true_and_numbers_above_zero_are_true(stage: Rehearsal, value: str, is_true: bool):
    stage.register(workflow("w", do_while("lp", f"$.lp.iteration < 2 ? {value} : false", COUNT)))

    assert stage.output(stage.start("w"), "lp")["iteration"] == (2 if is_true else 1)


@pytest.mark.parametrize(
    "condition",
    [
        "$.a.result < 2",
        "$.lp['2'] == null",
        "$.lp['iteration'] < $.most",
        "$['lp']['iteration'] < 2",
        "Object.keys($.lp).length < 3",
    ],
)
def test_what_a_condition_sees(stage: Rehearsal, condition: str):
    stage.register(workflow("w", do_while("lp", condition, COUNT, inputs={"most": "${workflow.input.most}"})))

    assert stage.output(stage.start("w", {"most": 2}), "lp")["iteration"] == 2


def test_a_condition_that_throws_fails_the_loop(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "throw new Error('x')", COUNT)))

    key = stage.start("w")

    text = "Unable to evaluate condition throw new Error('x'), exception Error evaluating the script `Error: x`"
    assert (stage.status(key, "lp"), stage.reason(key, "lp")) == ("FAILED_WITH_TERMINAL_ERROR", text)
    assert stage.output(key, "lp") == {"iteration": 1, "1": {"a": {"result": 1}}}


def test_a_loop_whose_condition_failed_can_be_retried(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < $.missing.x", COUNT)))
    key = stage.start("w")

    stage.send(key, Retry())

    assert (stage.status(key, "lp"), stage.task(key, "lp").retry_count) == ("FAILED_WITH_TERMINAL_ERROR", 1)
    assert stage.output(key, "lp") == {"iteration": 1, "1": {"a": {"result": 1}}}


def test_a_list_runs_once_for_each_element(stage: Rehearsal):
    body = inline("a", "$.i", {"i": "${lp.output.loopItem}", "x": "${lp.output.loopIndex}"})
    stage.register(workflow("w", do_while("lp", "true", body, **ITEMS)))

    key = stage.start("w", {"l": ["p", "q"]})

    assert stage.output(key, "lp") == {
        "1": {"a": {"result": "p"}}, "2": {"a": {"result": "q"}}, "iteration": 2, "loopIndex": 1, "loopItem": "q",
    }  # fmt: skip
    inputs = [msgspec.json.decode(task.input) for task in stage.tasks(key)[1:]]
    assert [(given["i"], given["x"]) for given in inputs] == [("p", 0), ("q", 1)]


@pytest.mark.parametrize("given", [{"l": []}, {}])
def test_an_empty_list_runs_nothing(stage: Rehearsal, given: dict[str, list[int]]):
    stage.register(workflow("w", do_while("lp", "true", COUNT, **ITEMS), inline("after")))

    key = stage.start("w", given)

    assert stage.lines(key) == ["1 lp DO_WHILE COMPLETED", "2 after INLINE COMPLETED"]
    assert stage.output(key, "lp") == {"iteration": 0}


def test_a_single_value_is_a_list_of_one(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "", COUNT, **ITEMS)))

    assert stage.output(stage.start("w", {"l": 7}), "lp")["loopItem"] == 7


def test_a_list_ends_early_when_the_condition_is_false(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.loopItem < 2", COUNT, **ITEMS)))

    assert stage.output(stage.start("w", {"l": [1, 2, 3]}), "lp")["iteration"] == 2


def test_a_list_may_be_an_input_parameter(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "", COUNT, inputs={"_items": "${workflow.input.l}"})))

    assert stage.output(stage.start("w", {"l": [1, 2, 3]}), "lp")["iteration"] == 3


def test_old_iterations_are_deleted_when_only_the_last_are_kept(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 5", COUNT, inputs={"keepLastN": 2})))

    key = stage.start("w")

    assert [line.split()[1] for line in stage.lines(key)] == ["lp", "a__4", "a__5"]
    assert stage.output(key, "lp") == {"4": {"a": {"result": 4}}, "5": {"a": {"result": 5}}, "iteration": 5}


def test_iterations_that_were_stored_before_are_deleted_too(stage: Rehearsal):
    body = [simple("a", name="work"), *fork("f", [inline("x")])]
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 3", *body, inputs={"keepLastN": 1})))
    key = stage.start("w")

    for number in (1, 2, 3):
        stage.complete(key, f"a__{number}")

    refs = [line.split()[1] for line in stage.lines(key)]
    assert refs == ["lp", "a__3", "f__3", "x__3", "f_join__3"]


def test_keeping_the_last_iterations_of_an_outer_loop_deletes_those_of_the_inner_one(stage: Rehearsal):
    inner = do_while("inner", "$.inner.iteration < 2", inline("x"))
    stage.register(workflow("w", do_while("outer", "$.outer.iteration < 3", inner, inputs={"keepLastN": 1})))

    key = stage.start("w")

    assert [line.split()[1] for line in stage.lines(key)] == ["outer", "inner__3", "x__3__1", "x__3__2"]


def test_a_plain_failure_in_the_body_ends_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "true", inline("a", "throw new Error('x')"))))

    key = stage.start("w")

    assert stage.lines(key) == ["1 lp DO_WHILE CANCELED", "2 a__1 INLINE FAILED_WITH_TERMINAL_ERROR"]
    error = "Error evaluating the script `Error: x`"
    assert stage.output(key, "lp") == {"iteration": 1, "1": {"a": {"error": error}}}
    assert stage.view(key)["failedReferenceTaskNames"] == ["a__1"]


def test_an_optional_failure_in_the_body_does_not_stop_the_loop(stage: Rehearsal):
    body = inline("a", "throw new Error('x')", optional=True)
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", body)))

    key = stage.start("w")

    assert (stage.status(key), stage.output(key, "lp")["iteration"]) == ("COMPLETED", 2)
    assert "error" in stage.output(key, "lp")["1"]["a"]


def test_a_permissive_failure_in_the_body_fails_the_loop_at_once(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "true", simple("a", permissive=True), simple("b"))))
    key = stage.start("w")

    stage.fail(key, "a", "no", is_terminal=True)

    assert stage.status(key, "b") == "CANCELED"  # it had begun
    assert stage.output(key, "lp") == {"1": {"a": {}}, "iteration": 1}
    assert (stage.status(key, "lp"), stage.reason(key, "lp")) == ("FAILED", "no ")
    assert stage.status(key) == "FAILED"


def test_retries_stay_in_their_iteration(stage: Rehearsal):
    stage.register({"name": "work", "retryCount": 1, "retryDelaySeconds": 0})
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", simple("a", name="work"))))
    key = stage.start("w")

    stage.fail(key, "a__1")
    assert stage.lines(key)[1:] == ["2 a__1 work FAILED", "3 a__1 work SCHEDULED"]
    stage.complete(key, "a__1", {"o": 1})
    stage.complete(key, "a__2", {"o": 2})

    assert stage.output(key, "lp") == {"1": {"a": {"o": 1}}, "2": {"a": {"o": 2}}, "iteration": 2}


def test_an_iteration_waits_for_all_of_its_tasks(stage: Rehearsal):
    body = fork("f", [simple("x")], [simple("y")], join_on=["x"])
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", *body)))
    key = stage.start("w")

    stage.complete(key, "x__1")
    assert stage.task(key, "lp").loop_count == 1
    stage.complete(key, "y__1")

    assert stage.task(key, "lp").loop_count == 2


def test_the_case_of_a_switch_belongs_to_the_iteration(stage: Rehearsal):
    choice = switch("s", "${lp.output.iteration}", {"1": [inline("one")], "2": [inline("two")]})
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", choice, inline("last"))))

    key = stage.start("w")

    refs = [line.split()[1] for line in stage.lines(key)]
    assert refs == ["lp", "s__1", "one__1", "last__1", "s__2", "two__2", "last__2"]


def test_loops_nest_with_a_suffix_for_each_level(stage: Rehearsal):
    inner = do_while("inner", "$.inner.iteration < 2", inline("x", "$.o * 10 + $.i", {
        "o": "${outer.output.iteration}", "i": "${inner.output.iteration}",
    }))  # fmt: skip
    stage.register(workflow("w", do_while("outer", "$.outer.iteration < 2", inner)))

    key = stage.start("w")

    refs = [line.split()[1] for line in stage.lines(key)]
    assert refs == ["outer", "inner__1", "x__1__1", "x__1__2", "inner__2", "x__2__1", "x__2__2"]
    assert stage.output(key, "outer") == {
        "1": {"inner": {"1": {"x": {"result": 11}}, "2": {"x": {"result": 12}}, "iteration": 2}},
        "2": {"inner": {"1": {"x": {"result": 21}}, "2": {"x": {"result": 22}}, "iteration": 2}},
        "iteration": 2,
    }


def test_reference_names_may_contain_two_underscores(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", inline("x__y"), inline("__z"))))

    key = stage.start("w")

    refs = [line.split()[1] for line in stage.lines(key)]
    assert refs == ["lp", "x__y__1", "__z__1", "x__y__2", "__z__2"]
    assert stage.status(key) == "COMPLETED"


def test_iterations_can_be_read_while_the_loop_runs_and_afterwards(stage: Rehearsal):
    seen = {"first": "${lp.output['1'].a.o}", "all": "${lp.output}", "last": "${a.output.o}"}
    stage.register(
        workflow("w", do_while("lp", "$.lp.iteration < 2", simple("a"), simple("b", seen)), simple("after", seen))
    )
    key = stage.start("w")
    stage.complete(key, "a", {"o": "one"})
    assert stage.given(key, "b__1")["first"] == "one"
    stage.complete(key, "b")
    stage.complete(key, "a", {"o": "two"})
    assert stage.given(key, "b__2")["all"] == {
        "1": {"a": {"o": "one"}, "b": {}}, "2": {"a": {"o": "two"}}, "iteration": 2,
    }  # fmt: skip

    stage.complete(key, "b")

    assert (stage.given(key, "after")["first"], stage.given(key, "after")["last"]) == ("one", "two")


def test_a_loop_stops_at_its_limit():
    stage = Rehearsal(limits=Limits(loop_iterations=3))
    stage.register(workflow("w", do_while("lp", "true", inline("a"))))

    key = stage.start("w")

    assert stage.status(key, "lp") == "FAILED_WITH_TERMINAL_ERROR"
    assert stage.output(key, "lp")["iteration"] == 3


def test_a_skipped_step_of_the_body_is_left_out_of_all_iterations_to_come(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", simple("a"), simple("b"))))
    key = stage.start("w")

    stage.send(key, SkipTask("b"))
    stage.complete(key, "a")
    stage.complete(key, "a")

    assert stage.status(key) == "COMPLETED"
    assert not [line for line in stage.lines(key) if " b__" in line]


def test_a_loop_whose_body_is_skipped_ends(stage: Rehearsal):
    stage.register(workflow("w", simple("first"), do_while("lp", "true", simple("a"))))
    key = stage.start("w")
    stage.send(key, SkipTask("a"))

    stage.complete(key, "first")

    assert stage.status(key) == "COMPLETED"


def test_a_terminate_step_in_the_body_ends_everything(stage: Rehearsal):
    ender = step(
        "t", "TERMINATE", {"terminationStatus": "COMPLETED", "workflowOutput": {"n": "${lp.output.iteration}"}}
    )
    stage.register(workflow("w", do_while("lp", "true", switch("s", "${lp.output.iteration}", {"2": [ender]}))))

    key = stage.start("w")

    assert (stage.status(key), stage.output(key)) == ("COMPLETED", {"n": 2})
    assert stage.status(key, "lp") == "CANCELED"


def test_a_body_whose_first_step_fails_to_be_created_fails_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "true", switch("s", "a", {"a": []}, evaluatorType="zz"))))

    key = stage.start("w")

    assert (stage.status(key), stage.reason(key)) == ("FAILED", "No evaluator registered for type: zz")
