"""FORK_JOIN_DYNAMIC."""

import pytest

from podium.engine.context import Limits
from podium.testing import Rehearsal
from podium.testing.steps import do_while, fork, inline, simple, step, switch, workflow

JOIN = step("j", "JOIN")
Given = dict[str, object]


def same_task(**inputs: object) -> list[Given]:
    return [step("df", "FORK_JOIN_DYNAMIC", {"forkTaskInputs": "${workflow.input.l}", **inputs}), JOIN]


def task_list() -> list[Given]:
    given = {"dt": "${workflow.input.tasks}", "di": "${workflow.input.inputs}"}
    fields = {"dynamicForkTasksParam": "dt", "dynamicForkTasksInputParamName": "di"}
    return [step("df", "FORK_JOIN_DYNAMIC", given, **fields), JOIN]


def test_one_task_for_each_element(stage: Rehearsal):
    stage.register(workflow("w", *same_task(forkTaskType="INLINE")))

    key = stage.start("w", {"l": [{"expression": "$.k+$.__index", "k": 10}, {"expression": "2"}]})

    assert stage.lines(key) == [
        "1 df FORK COMPLETED",
        "2 _INLINE_0 INLINE COMPLETED",
        "3 _INLINE_1 INLINE COMPLETED",
        "4 j JOIN COMPLETED",
    ]
    assert stage.given(key, "_INLINE_0") == {"expression": "$.k+$.__index", "k": 10, "__index": 0}
    assert stage.given(key, "j") == {"joinOn": ["_INLINE_0", "_INLINE_1"]}
    assert stage.output(key, "j") == {"_INLINE_0": {"result": 10}, "_INLINE_1": {"result": 2}}
    assert stage.given(key, "df")["forkedTasks"] == ["_INLINE_0", "_INLINE_1"]
    assert [one["type"] for one in stage.given(key, "df")["forkedTaskDefs"]] == ["INLINE", "INLINE"]


def test_elements_that_are_no_maps_become_the_input_called_input(stage: Rehearsal):
    stage.register(workflow("w", *same_task(forkTaskName="work")))

    key = stage.start("w", {"l": [5, "x"]})

    assert stage.lines(key)[1:3] == ["2 _work_0 work SCHEDULED", "3 _work_1 work SCHEDULED"]
    assert stage.given(key, "_work_1") == {"input": "x", "__index": 1}


def test_without_a_name_the_fork_lends_its_own(stage: Rehearsal):
    stage.register(workflow("w", *same_task()))

    assert stage.lines(stage.start("w", {"l": [1]}))[1] == "2 _df_0 df SCHEDULED"


def test_an_element_may_say_how_its_task_behaves(stage: Rehearsal):
    stage.register(workflow("w", *same_task(forkTaskType="INLINE")))

    key = stage.start("w", {"l": [{"expression": "throw 1", "optional": True}, {"expression": "2"}]})

    assert stage.status(key, "_INLINE_0") == "COMPLETED_WITH_ERRORS"
    assert stage.status(key) == "COMPLETED"


def test_an_optional_fork_makes_its_members_optional(stage: Rehearsal):
    begin, join = same_task(forkTaskType="INLINE")
    stage.register(workflow("w", {**begin, "optional": True}, join))

    assert stage.status(stage.start("w", {"l": [{"expression": "throw 1"}]})) == "COMPLETED"


def test_an_element_that_is_no_step_fails_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", *same_task()))

    key = stage.start("w", {"l": [{"retryCount": "many"}]})

    assert stage.status(key) == "FAILED"
    assert "retryCount" in str(stage.reason(key))


def test_elements_may_be_sub_workflows(stage: Rehearsal):
    stage.register(workflow("child", simple("c", {"n": "${workflow.input.n}"})))
    stage.register(workflow("w", *same_task(forkTaskWorkflow="child", forkTaskWorkflowVersion="1")))

    key = stage.start("w", {"l": [{"n": 1}, {"n": 2}]})

    children = stage.children(key)
    assert [stage.given(child) for child in children] == [{"n": 1, "__index": 0}, {"n": 2, "__index": 1}]
    for child in children:
        stage.complete(child, "c", {"done": stage.given(child)["n"]})
    assert stage.status(key) == "COMPLETED"


def test_an_empty_list_goes_on_at_once(stage: Rehearsal):
    stage.register(workflow("w", *same_task(), inline("after")))

    key = stage.start("w", {"l": []})

    assert stage.lines(key) == ["1 df FORK COMPLETED", "2 j JOIN COMPLETED", "3 after INLINE COMPLETED"]


def test_no_list_at_all_fails_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", *same_task()))

    key = stage.start("w", {"l": "x"})

    text = "Dynamic tasks could not be created. The value of null from task's input {forkTaskInputs=x}"
    text += " has no dynamic tasks to be scheduled"
    assert (stage.status(key), stage.reason(key), stage.lines(key)) == ("FAILED", text, [])


def test_a_list_of_tasks_with_their_inputs(stage: Rehearsal):
    stage.register(workflow("w", *task_list()))
    member = inline("x1", "$.v", {"w": "${workflow.input.extra}"})

    key = stage.start("w", {"tasks": [member], "inputs": {"x1": {"v": "Q"}}, "extra": 3})

    assert stage.lines(key) == ["1 df FORK COMPLETED", "2 x1 INLINE COMPLETED", "3 j JOIN COMPLETED"]
    assert stage.given(key, "x1") == {"expression": "$.v", "w": 3, "v": "Q"}
    assert stage.output(key, "j") == {"x1": {"result": "Q"}}


def test_what_is_no_list_of_tasks_fails_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", *task_list()))

    key = stage.start("w", {"tasks": {"a": 1}, "inputs": {}})

    assert stage.reason(key) == "Input 'dt' is invalid. Cannot deserialize a list of Workflow Tasks from '{a=1}'"


def test_inputs_that_are_no_map_fail_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", *task_list()))

    key = stage.start("w", {"tasks": [inline("x")], "inputs": [1]})

    text = "Input to the dynamically forked tasks is not a map -> expecting a map of K,V  but found [1]"
    assert stage.reason(key) == text


def test_the_old_form(stage: Rehearsal):
    begin = step("df", "FORK_JOIN_DYNAMIC", {"p": "${workflow.input.p}"}, dynamicForkJoinTasksParam="p")
    stage.register(workflow("w", begin, JOIN))
    tasks = [
        {"taskName": "work", "referenceName": "r1", "input": {"k": 1}},
        {"taskName": "h", "referenceName": "r2", "type": "HUMAN"},
    ]

    key = stage.start("w", {"p": {"dynamicTasks": tasks}})

    assert stage.lines(key)[1:3] == ["2 r1 work SCHEDULED", "3 r2 HUMAN IN_PROGRESS"]
    assert stage.given(key, "r1") == {"k": 1}


def test_the_old_form_without_tasks_fails_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", step("df", "FORK_JOIN_DYNAMIC", {"p": None}, dynamicForkJoinTasksParam="p"), JOIN))

    assert str(stage.reason(stage.start("w"))).startswith(
        "Dynamic tasks could not be created. The value of p from task's input {p=null}"
    )


def test_a_fork_without_a_join_fails_the_workflow(stage: Rehearsal):
    begin, _ = same_task()
    stage.register(workflow("w", begin))

    text = "Dynamic join definition is not followed by a join task.  Check the workflow definition."
    assert stage.reason(stage.start("w", {"l": []})) == text


def test_the_parameters_of_the_join_are_kept(stage: Rehearsal):
    begin, _ = same_task(forkTaskType="INLINE")
    stage.register(workflow("w", begin, step("j", "JOIN", {"p": "${raw}"})))

    key = stage.start("w", {"l": [{"expression": "1"}]})

    assert stage.given(key, "j") == {"p": "${raw}", "joinOn": ["_INLINE_0"]}


def test_duplicates_in_the_list_collapse_to_the_last_one(stage: Rehearsal):
    stage.register(workflow("w", *task_list()))

    key = stage.start("w", {"tasks": [inline("x", "1"), inline("x", "2")], "inputs": {}})

    assert stage.output(key, "j") == {"x": {"result": 2}}


@pytest.mark.parametrize("taken", ["first", "later"])
def test_the_name_of_another_step_can_not_be_used_again(stage: Rehearsal, taken: str):
    stage.register(workflow("w", inline("first"), *task_list(), inline("later")))

    key = stage.start("w", {"tasks": [inline(taken)], "inputs": {}})

    assert stage.status(key) == "FAILED"
    assert str(stage.reason(key)).endswith(
        f"Dynamic Fork Task: {taken}/{taken} attempted to create a duplicate task reference name: {taken}"
    )


def test_a_second_fork_names_its_members_after_itself(stage: Rehearsal):
    begin = step("df2", "FORK_JOIN_DYNAMIC", {"forkTaskInputs": [{"expression": "2"}], "forkTaskType": "INLINE"})
    stage.register(workflow("w", *same_task(forkTaskType="INLINE"), begin, step("j2", "JOIN")))

    key = stage.start("w", {"l": [{"expression": "1"}]})

    assert stage.given(key, "j2") == {"joinOn": ["_df2_INLINE_0"]}
    assert stage.status(key) == "COMPLETED"


def test_two_forks_side_by_side_have_names_of_their_own(stage: Rehearsal):
    def branch(ref: str) -> list[Given]:
        given = {"forkTaskInputs": [1], "forkTaskName": "work"}
        return [step(ref, "FORK_JOIN_DYNAMIC", given), step(f"{ref}_join", "JOIN")]

    stage.register(workflow("w", *fork("f", branch("p"), branch("q"))))

    key = stage.start("w")

    refs = [line.split()[1] for line in stage.lines(key)]
    assert refs == ["f", "p", "_work_0", "p_join", "q", "_q_work_0", "q_join", "f_join"]


@pytest.mark.parametrize("first", [{"forkTaskInputs": []}, {"forkTaskInputs": [1], "forkTaskName": "other"}])
def test_a_fork_beside_another_keeps_the_short_names_that_nobody_has(stage: Rehearsal, first: Given):
    second = {"forkTaskInputs": [1], "forkTaskName": "work"}
    branches = [
        [step(ref, "FORK_JOIN_DYNAMIC", given), step(f"{ref}_join", "JOIN")]
        for ref, given in (("p", first), ("q", second))
    ]
    stage.register(workflow("w", *fork("f", *branches)))

    assert stage.given(stage.start("w"), "q_join") == {"joinOn": ["_work_0"]}


def test_in_a_loop_the_names_get_the_suffix(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 3", *same_task(forkTaskType="INLINE"))))

    key = stage.start("w", {"l": [{"expression": "1"}]})

    refs = [line.split()[1] for line in stage.lines(key) if "INLINE" in line]
    assert refs == ["_INLINE_0__1", "_df_INLINE_0__2", "_df_INLINE_0__3"]
    assert stage.output(key, "lp")["2"].keys() == {"df", "j"}
    assert stage.output(key, "lp")["2"]["j"] == {"_df_INLINE_0__2": {"result": 1}}


def test_the_same_names_may_mean_other_steps_in_the_next_iteration(stage: Rehearsal):
    """The definition of a member is that of its own task, not of an earlier one of that name."""
    begin = step(
        "df",
        "FORK_JOIN_DYNAMIC",
        {"dt": [{**simple("m"), "optional": "${p.output.optional}"}], "di": {}},
        dynamicForkTasksParam="dt",
        dynamicForkTasksInputParamName="di",
    )
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", simple("p"), begin, JOIN)))
    key = stage.start("w")
    stage.complete(key, "p", {"optional": True})
    stage.fail(key, "m")
    assert stage.status(key, "m__1") == "COMPLETED_WITH_ERRORS"
    stage.complete(key, "p", {"optional": False})

    stage.fail(key, "m")

    assert stage.status(key) == "FAILED"


def test_members_are_bound_to_registered_task_definitions(stage: Rehearsal):
    stage.register({"name": "known", "retryCount": 1, "retryDelaySeconds": 7})
    stage.register(workflow("w", *task_list()))
    tasks = [simple("a", {"v": "${workflow.input.v}"}, name="known"), simple("b", name="unknown")]
    key = stage.start("w", {"tasks": tasks, "inputs": {}, "v": 1})

    stage.fail(key, "a", "r")

    assert (stage.status(key, "a"), stage.task(key, "a").retry_count) == ("SCHEDULED", 1)
    assert stage.given(key, "a") == {"v": 1}
    stage.fail(key, "b")  # without a registered definition there are no retries
    assert stage.status(key) == "FAILED"


def test_a_fork_has_a_limit():
    stage = Rehearsal(limits=Limits(fork_width=2))
    stage.register(workflow("w", *same_task()))

    key = stage.start("w", {"l": [1, 2, 3]})

    assert stage.reason(key) == "The dynamic fork df has more than 2 tasks"


# ---- members that hold steps of their own


def test_a_switch_as_a_member_runs_its_case_to_the_end(stage: Rehearsal):
    stage.register(workflow("w", *task_list(), inline("after")))
    member = switch("s", "a", {"a": [simple("x"), simple("y")]})
    key = stage.start("w", {"tasks": [member, simple("z")], "inputs": {}})
    assert [line.split()[1] for line in stage.lines(key)] == ["df", "s", "x", "z", "j"]
    assert stage.given(key, "j") == {"joinOn": ["y", "z"]}

    stage.complete(key, "z")
    stage.complete(key, "x")
    assert stage.status(key, "j") == "IN_PROGRESS"
    stage.complete(key, "y", {"o": 1})

    assert stage.output(key, "j") == {"y": {"o": 1}}
    assert stage.status(key) == "COMPLETED"


def test_a_join_follows_a_switch_at_the_end_of_a_member(stage: Rehearsal):
    inner = switch("inner", "${x.output.go}", {"left": [simple("l")], "right": [simple("r1"), simple("r2")]})
    stage.register(workflow("w", *task_list()))
    key = stage.start("w", {"tasks": [switch("s", "a", {"a": [simple("x"), inner]})], "inputs": {}})

    stage.complete(key, "x", {"go": "right"})
    stage.complete(key, "r1")
    assert stage.status(key, "j") == "IN_PROGRESS"
    stage.complete(key, "r2", {"o": 1})

    assert (stage.status(key, "j"), stage.output(key, "j")) == ("COMPLETED", {"r2": {"o": 1}})


def test_a_loop_as_a_member(stage: Rehearsal):
    stage.register(workflow("w", *task_list()))
    body = [simple("x"), *fork("g", [simple("p")], [simple("q")])]
    key = stage.start("w", {"tasks": [do_while("lp", "$.lp.iteration < 2", *body)], "inputs": {}})

    for number in (1, 2):
        for ref in ("x", "p", "q"):
            stage.complete(key, f"{ref}__{number}", {"o": number})

    assert stage.output(key, "j")["lp"]["iteration"] == 2
    assert stage.output(key, "lp")["2"]["x"] == {"o": 2}
    assert stage.status(key) == "COMPLETED"


def test_a_fork_as_a_member_has_no_join_and_fails_the_workflow(stage: Rehearsal):
    begin, _ = fork("g", [simple("x")])
    stage.register(workflow("w", *task_list()))

    key = stage.start("w", {"tasks": [begin], "inputs": {}})

    assert stage.reason(key) == "Fork task definition is not followed by a join task.  Check the blueprint"


def test_steps_inside_of_members_need_names_of_their_own(stage: Rehearsal):
    stage.register(workflow("w", *task_list()))
    members = [switch("s1", "a", {"a": [simple("x")]}), switch("s2", "a", {"a": [simple("x")]})]

    key = stage.start("w", {"tasks": members, "inputs": {}})

    assert str(stage.reason(key)).endswith("duplicate task reference name: x")


def test_a_dynamic_fork_inside_of_a_member(stage: Rehearsal):
    given = {"forkTaskInputs": [1, 2], "forkTaskName": "work"}
    inner = [step("g", "FORK_JOIN_DYNAMIC", given), step("gj", "JOIN")]
    stage.register(workflow("w", *task_list()))
    key = stage.start("w", {"tasks": [switch("s", "a", {"a": inner})], "inputs": {}})

    for ref in ("_work_0", "_work_1"):
        assert stage.status(key, "j") == "IN_PROGRESS"
        stage.complete(key, ref)

    assert stage.status(key) == "COMPLETED"


def test_children_are_named_and_numbered_after_their_definition(stage: Rehearsal):
    stage.register(workflow("child", simple("x")), {**workflow("child", simple("x")), "version": 3})
    stage.register(workflow("w", *same_task(forkTaskWorkflow="child")))

    key = stage.start("w", {"l": [{"n": 1}]})

    assert (stage.task(key, "_df_0").name, stage.given(key, "_df_0")["subWorkflowVersion"]) == ("child", 3)


def test_inputs_that_are_missing_fail_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", *task_list()))

    key = stage.start("w", {"tasks": [inline("x")]})

    assert str(stage.reason(key)).endswith("expecting a map of K,V  but found null")


def test_an_empty_fork_counts_when_the_next_one_names_its_members(stage: Rehearsal):
    begin = step("df2", "FORK_JOIN_DYNAMIC", {"forkTaskInputs": [{"expression": "2"}], "forkTaskType": "INLINE"})
    stage.register(workflow("w", *same_task(forkTaskType="INLINE"), begin, step("j2", "JOIN")))

    key = stage.start("w", {"l": []})

    assert stage.given(key, "j2") == {"joinOn": ["_df2_INLINE_0"]}
