"""Advice: each rule with what it tells of, and with what it leaves alone."""

from typing import Any

import pytest

from podium.engine import scope
from podium.model.errors import Violation
from podium.model.rules.advice import advise, advise_task, as_finding
from podium.model.rules.advice_finding import FINDINGS_MAX, Finding, Known
from podium.model.rules.advice_reference import TASK_FIELDS, WORKFLOW_FIELDS
from podium.model.task_def import TaskDef
from podium.model.wire import convert
from podium.model.workflow_def import WorkflowDef
from podium.tasks import registry
from podium.testing.steps import do_while, fork, inline, simple, step, sub_workflow, switch

TYPES = frozenset(registry().names())
JSON = dict[str, Any]


def advice(*steps: JSON, known: Known | None = None, **fields: Any) -> list[Finding]:
    body = {"name": "w", "version": 1, "tasks": list(steps), **fields}
    return advise(convert(WorkflowDef, body), body, known or Known(types=TYPES))


def told(*steps: JSON, **fields: Any) -> list[str]:
    return [f"{one.path}: {one.message}" for one in advice(*steps, **fields)]


def server(*task_defs: JSON, workflows: tuple[JSON, ...] = ()) -> Known:
    tasks = {one["name"]: convert(TaskDef, one) for one in task_defs}
    known = {one["name"]: convert(WorkflowDef, one) for one in workflows}

    def workflow_def(name: str, version: int | None) -> WorkflowDef | None:
        found = known.get(name)
        return found if found and version in (None, found.version) else None

    return Known(
        is_complete=True,
        task_def=tasks.get,
        workflow_def=workflow_def,
        task_names=lambda: tasks,
        workflow_names=lambda: known,
        types=TYPES,
    )


def terminate(ref: str = "end") -> JSON:
    return step(ref, "TERMINATE", {"terminationStatus": "COMPLETED"})


# ---- nothing to say


def test_a_definition_without_faults_gets_no_advice():
    found = told(
        simple("a", {"x": "${workflow.input.x}", "id": "${workflow.workflowId}", "cpewf": "${CPEWF_TASK_ID}"}),
        switch("s", "${a.output.kind}", {"one": [simple("b", {"x": "${a.output.x}"})]}, [simple("c")]),
        *fork("f", [simple("l"), simple("l2", {"x": "${l.output.x}"})], [simple("r")]),
        do_while("d", "$.d['iteration'] < 3 && $.m.done != true", simple("k", {"m": "${m.output.x}"}), simple("m")),
        inline("i", "$.n + 1", {"n": "${f_join.output.l2.x}"}),
        step("e", "TERMINATE", {"terminationStatus": "FAILED", "workflowOutput": {"i": "${i.output.result}"}}),
        outputParameters={"b": "${b.output.x}", "secret": "$${not.a.token}"},
    )

    assert found == []


def test_fields_of_references_are_those_that_the_engine_reads():
    workflow = {*scope._WORKFLOW_FIELDS, "secrets", "env"}

    assert set(WORKFLOW_FIELDS) == workflow
    assert set(TASK_FIELDS) == {*scope._TASK_FIELDS, "input", "output"}


# ---- references


def test_an_unknown_reference_has_a_suggestion():
    [finding] = advice(simple("get_user"), simple("b", {"list": [{"deep key": "x ${get_usr.output.id}"}]}))

    assert finding == Finding(
        "warning",
        "$.tasks[1].inputParameters.list[0]['deep key']",
        "no step has the reference name get_usr",
        "did you mean get_user?",
    )


def test_branches_of_a_dynamic_fork_are_not_called_unknown():
    dynamic = step("f", "FORK_JOIN_DYNAMIC", dynamicForkTasksParam="t", dynamicForkTasksInputParamName="i")

    assert told(dynamic, step("j", "JOIN"), simple("b", {"x": "${made_up.output.x}"})) == []


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([simple("a", {"x": "${b.output.x}"}), simple("b")], "b runs later"),
        ([simple("a", {"x": "${a.output.x}"})], "a is the task itself"),
        (
            [switch("s", "${workflow.input.k}", {"1": [simple("a")], "2": [simple("b", {"x": "${a.output.x}"})]})],
            "another case",
        ),
        ([*fork("f", [simple("a")], [simple("b", {"x": "${a.output.x}"})])], "another branch of the same fork"),
        ([switch("s", "${a.output.x}", {"1": [simple("a")]})], "inside of this step"),
    ],
)
def test_a_step_that_can_not_have_run_is_told(steps: list[JSON], expected: str):
    [message] = told(*steps)

    assert expected in message


def test_in_a_loop_later_steps_and_other_cases_have_run_before():
    choice = switch("s", "${d.output.iteration}", {"1": [simple("a")], "2": [simple("b", {"x": "${a.output.x}"})]})

    assert told(do_while("d", "$.d['iteration'] < 3", simple("k", {"x": "${s.output.selectedCase}"}), choice)) == []


@pytest.mark.parametrize(
    ("token", "expected", "hint"),
    [
        ("workflow.inptu.x", "workflow.inptu is no field", "did you mean workflow.input?"),
        ("workflow.input.nmae", "the input nmae is not among", "did you mean workflow.input.name?"),
        ("workflow.variables.cuont", "no SET_VARIABLE step", "did you mean workflow.variables.count?"),
        ("i.result", "i.result is no field of a task", "outputs are read as i.output.NAME"),
        ("i['ouput'].result", "i.ouput is no field", "did you mean i.output?"),
        ("i.output.reslt", "the output of INLINE tasks has no reslt", "did you mean i.output.result?"),
        ("", "${} names nothing", None),
    ],
)
def test_fields_that_nothing_has_are_told(token: str, expected: str, hint: str | None):
    steps = [inline("i"), step("v", "SET_VARIABLE", {"count": 1}), simple("b", {"x": f"${{{token}}}"})]

    [finding] = advice(*steps, inputParameters=["name"])

    assert expected in finding.message
    assert hint is None or finding.suggestion == hint


def test_outputs_of_the_workflow_are_read_as_well():
    [message] = told(simple("a"), outputParameters={"x": "${b.output.x}"})

    assert message.startswith("$.outputParameters.x: no step has the reference name b")


# ---- the way through


@pytest.mark.parametrize(
    "last",
    [
        [terminate()],
        [switch("s", "${workflow.input.k}", {"1": [terminate("t1")]}, [simple("x"), terminate("t2")])],
        fork("f", [simple("x")], [terminate()]),
        [do_while("d", "$.d['iteration'] < 3", terminate())],
    ],
)
def test_steps_behind_an_end_are_never_reached(last: list[JSON]):
    assert told(*last) == []

    [message] = told(*last, simple("b"), simple("c"))

    assert message.startswith(f"$.tasks[{len(last)}]: no run gets here")


def test_a_switch_with_a_way_on_ends_nothing():
    assert told(switch("s", "${workflow.input.k}", {"1": [terminate()]}), simple("b")) == []


def test_cases_that_a_constant_never_chooses_are_told():
    [message] = told(switch("s", "one", {"one": [simple("a")], "t wo": [simple("b")]}))

    assert message == "$.tasks[0].decisionCases['t wo']: the case t wo never matches: the value is always one"


def test_the_expression_of_value_param_is_a_parameter():
    wrong = switch("s", "${workflow.input.x}", {"1": [simple("a")]}, expression="${workflow.input.x}")
    [finding] = advice(wrong)

    assert (finding.path, finding.suggestion) == ("$.tasks[0].expression", "name one of by")


def test_an_unknown_evaluator_is_told():
    [finding] = advice(switch("s", "x", {"1": [simple("a")]}, evaluatorType="javascrpt"))

    assert finding.suggestion == "did you mean javascript?"


@pytest.mark.parametrize(
    "wrong",
    [
        inline("i", "$.value1 + 1", {"value": 1}),
        switch("i", 1, {"1": [simple("a")]}, evaluatorType="javascript", expression="$['bye'] > 1 ? '1' : ''"),
        step(
            "i", "DECISION", {"value": 1}, caseExpression="$.valu == 1 ? 'a' : 'b'", decisionCases={"a": [simple("a")]}
        ),
    ],
)
def test_scripts_read_parameters_of_their_step(wrong: JSON):
    [finding] = advice(wrong)

    assert "which is no parameter of this step" in finding.message
    assert (finding.suggestion or "").startswith("did you mean $.")


@pytest.mark.parametrize("condition", ["true", "1 < 2", "$.limit > 3"])
def test_a_loop_that_reads_nothing_that_changes_is_told(condition: str):
    [message] = told(do_while("d", condition, simple("a"), inputs={"limit": 5}))

    assert "without end" in message


def test_a_condition_reads_the_loop_its_parameters_and_steps_inside():
    [finding] = advice(simple("out"), do_while("d", "$.out.x < 3 && $.in1.y", simple("in1")))

    assert "reads $.out, which is neither" in finding.message
    assert told(do_while("d", "$.loopIndex < 3", simple("a"), items="${workflow.input.list}")) == []


def test_a_fork_needs_its_join():
    branches = fork("f", [simple("a")], [simple("b")])[0]

    assert told(branches) == told(branches, simple("c"))
    assert "no JOIN follows" in told(branches)[0]


@pytest.mark.parametrize(
    ("join_on", "expected"),
    [
        (["a", "s", "bb"], "no step has the reference name bb: the join never finishes"),
        (["a", "s", "first"], "first is not in the fork f"),
        (["a", "s", "last"], "last is not in the fork f before this join: the join never finishes"),
        (["a", "s", "case"], "case runs only in one case of s"),
        (["s"], "nobody waits for the branch 0 of f"),
        ([], "joinOn is empty"),
    ],
)
def test_joins_that_never_finish_or_never_wait_are_told(join_on: list[str], expected: str):
    choice = switch("s", "${workflow.input.k}", {"1": [simple("case")]})

    [message] = told(simple("first"), *fork("f", [simple("a")], [choice], join_on=join_on), simple("last"))

    assert expected in message


def test_a_join_of_its_own_waits_for_what_comes_before():
    assert "runs later" in told(step("j", "JOIN", joinOn=["a"]), simple("a"))[0]
    choice = switch("s", "${workflow.input.k}", {"1": [simple("a")], "2": [simple("b")]})
    assert told(choice, step("j", "EXCLUSIVE_JOIN", joinOn=["a", "b"])) == []


# ---- settings


def test_unknown_sub_workflows_are_told_where_somebody_knows():
    known = server({"name": "a"}, workflows=({"name": "ship_order", "version": 2, "tasks": []},))

    assert told(sub_workflow("s", "nosuch")) == []
    [name] = advice(sub_workflow("s", "ship_oder"), known=known)
    [version] = advice(step("s", "SUB_WORKFLOW", subWorkflowParam={"name": "ship_order", "version": 7}), known=known)
    [failure] = advice(simple("a"), known=known, failureWorkflow="ship-order")
    assert (name.path, name.suggestion) == ("$.tasks[0].subWorkflowParam.name", "did you mean ship_order?")
    assert (version.path, version.suggestion) == ("$.tasks[0].subWorkflowParam.version", "the latest one is 2")
    assert (failure.path, failure.suggestion) == ("$.failureWorkflow", "did you mean ship_order?")


def test_a_workflow_that_always_starts_itself_is_told():
    assert "starts itself each time" in told(sub_workflow("s", "w"))[0]
    assert told(switch("c", "${workflow.input.n}", {"1": [sub_workflow("s", "w")]})) == []


def test_workers_tasks_without_definition_are_a_note():
    [finding] = advice(simple("chrge"), known=server({"name": "charge"}))

    assert (finding.severity, finding.suggestion) == ("info", "did you mean charge?")


def test_misspelled_types_are_told_and_own_types_are_not():
    [finding] = advice(step("h", "HTPP"))

    assert finding.suggestion == "did you mean HTTP?"
    assert told(step("h", "RESIZE_IMAGE")) == []


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"timeoutSeconds": 60, "responseTimeoutSeconds": 60, "timeoutPolicy": "RETRY"}, "$.responseTimeoutSeconds"),
        ({"timeoutSeconds": 60, "responseTimeoutSeconds": 10}, "$.timeoutPolicy"),
        ({"timeoutPolicy": "RETRY", "retryCount": 0}, "$.timeoutPolicy"),
        (
            {"timeoutSeconds": 9, "responseTimeoutSeconds": 5, "pollTimeoutSeconds": 9, "retryCount": 0},
            "$.pollTimeoutSeconds",
        ),
        ({"maxRetryDelaySeconds": 5, "retryDelaySeconds": 10}, "$.maxRetryDelaySeconds"),
        ({"backoffScaleFactor": 3}, "$.backoffScaleFactor"),
        ({"totalTimeoutSeconds": 30, "retryDelaySeconds": 30}, "$.totalTimeoutSeconds"),
        ({"rateLimitPerFrequency": 3, "rateLimitFrequencyInSeconds": 0}, "$.rateLimitFrequencyInSeconds"),
        ({"retryCont": 3}, "$.retryCont"),
    ],
)
def test_settings_of_tasks_that_contradict_each_other_are_told(settings: JSON, path: str):
    body = {"name": "t", **settings}

    assert [one.path for one in advise_task(convert(TaskDef, body), body)] == [path]
    assert path.replace("$", "$.tasks[0].taskDefinition") in [
        one.path for one in advice(simple("t", taskDefinition=body))
    ]


def test_usual_settings_are_left_alone():
    body = {"name": "t", "retryCount": 3, "timeoutSeconds": 60, "responseTimeoutSeconds": 10, "timeoutPolicy": "RETRY"}

    assert advise_task(convert(TaskDef, body), body) == []


def test_timeouts_of_the_workflow_are_compared():
    late = step("p", "WAIT", {"duration": "2 hours"})
    slow = simple(
        "t", taskDefinition={"name": "t", "timeoutSeconds": 7200, "responseTimeoutSeconds": 60, "retryCount": 0}
    )
    limits = {"timeoutPolicy": "TIME_OUT_WF", "timeoutSeconds": 3600}

    assert "is longer than the workflow may take" in told(late, **limits)[0]
    assert "may take 7200 s, the whole workflow only 3600 s" in told(slow, **limits)[0]
    assert told(late, timeoutSeconds=3600) == []
    assert "no effect without timeoutSeconds" in told(simple("a"), timeoutPolicy="TIME_OUT_WF")[0]


SCHEMA = {
    "type": "object",
    "required": ["amount", "currency"],
    "additionalProperties": False,
    "properties": {
        "amount": {"type": "number"},
        "currency": {"enum": ["EUR", "CHF"]},
        "tags": {"type": ["array", "null"], "items": {"type": "string"}},
    },
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"amount": "5", "currency": "EUR"}, ".amount: the schema wants number, not '5'"),
        ({"amount": True, "currency": "EUR"}, ".amount: the schema wants number, not True"),
        ({"amount": 5}, ": the schema requires currency"),
        ({"amount": 5, "currency": "CHR"}, ".currency: the schema wants one of EUR, CHF, not 'CHR'"),
        ({"amount": 5, "currency": "EUR", "tag": 1}, ".tag: the schema has no tag"),
        ({"amount": 5, "currency": "EUR", "tags": ["x", 1]}, ".tags[1]: the schema wants string, not 1"),
    ],
)
def test_constants_that_break_the_schema_of_a_task_are_told(given: JSON, expected: str):
    known = server({"name": "pay", "inputSchema": {"name": "pay", "type": "JSON", "data": SCHEMA}})

    assert [f"{one.path}: {one.message}" for one in advice(simple("pay", given), known=known)] == [
        f"$.tasks[0].inputParameters{expected}"
    ]


def test_expressions_and_templates_may_give_what_a_schema_wants():
    data = {"name": "pay", "inputTemplate": {"currency": "EUR"}, "inputSchema": {"name": "p", "data": SCHEMA}}

    assert advice(simple("pay", {"amount": "${workflow.input.n}", "tags": None}), known=server(data)) == []


def test_defaults_of_the_input_fit_its_schema():
    schema = {"name": "in", "type": "JSON", "data": SCHEMA}

    assert told(simple("a"), inputSchema=schema, inputTemplate={"amount": 1}) == []
    assert "wants number" in told(simple("a"), inputSchema=schema, inputTemplate={"amount": "x"})[0]


# ---- fields, paths, bounds


def test_unknown_fields_are_told_at_any_depth():
    inner = {**simple("a"), "optinal": True, "colour": "red"}
    choice = switch("s", "${workflow.input.k}", {"a.b": [inner]})

    assert {one.path: (one.severity, one.suggestion) for one in advice(choice, timeoutSecond=5)} == {
        "$.timeoutSecond": ("warning", "did you mean timeoutSeconds?"),
        "$.tasks[0].decisionCases['a.b'][0].optinal": ("warning", "did you mean optional?"),
        "$.tasks[0].decisionCases['a.b'][0].colour": ("info", None),
    }


def test_broken_rules_get_plain_paths():
    path = "$.tasks[0].decisionCases[a b].<map value>[1].forkTasks[0].<list element>[2].name"

    assert as_finding(Violation(path, "m")).path == "$.tasks[0].decisionCases['a b'][1].forkTasks[0][2].name"


def test_findings_are_bounded_sorted_and_told_once():
    steps = [simple(f"s{n}", {"x": "${nobody.output.x} ${nobody.output.x}"}) for n in range(FINDINGS_MAX + 50)]

    found = advice(*steps, timeoutPolicy="TIME_OUT_WF")

    assert len(found) <= FINDINGS_MAX
    assert len(found) == len(set(found))
    assert [one.path for one in found][:3] == [f"$.tasks[{n}].inputParameters.x" for n in range(3)]
    assert [one.severity for one in found] == sorted(
        (one.severity for one in found), key=["error", "warning", "info"].index
    )


def test_deep_and_large_definitions_take_little_time():
    deep = simple("x0")
    for n in range(45):
        deep = switch(f"s{n}", "${workflow.input.k}", {"1": [deep]}, [terminate(f"t{n}")])
    wide = [simple(f"a{n}", {"x": f"${{a{max(n - 1, 0)}.output.x}}"}) for n in range(5000)]

    assert len(advice(deep, *wide)) == 1  # a0 reads itself
    pairs = [step for n in range(2500) for step in fork(f"f{n}", [simple(f"b{n}")])]
    assert told(*pairs) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (step("j", "JOIN", joinOn=["a"], expression="true", evaluatorType="javascript"), "evaluates no script"),
        (step("l", "LAMBDA", {"scriptExpression": "return 1"}, scriptExpression="return 1"), "here it has no effect"),
        (step("s", "SUB_WORKFLOW", subWorkflowParam={"name": "x", "idempotencyKey": "k"}), "act only together"),
    ],
)
def test_fields_without_effect_are_told(given: dict[str, object], expected: str):
    [message] = told(simple("a"), given)

    assert expected in message
