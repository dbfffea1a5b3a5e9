"""Rules of a workflow definition as a whole: own fields, paths of nested steps, references, bounds."""

from typing import Any

import pytest

from podium.model.errors import Violation
from podium.model.rules import Checks, check_workflow_def, check_workflow_defs
from podium.model.wire import DEPTH_MAX, decode, encode_json
from podium.model.workflow_def import SubWorkflowParams, WorkflowDef, WorkflowTask

AT = "registerWorkflowDef.arg0"
NO_NAME = "WorkflowTask name cannot be empty or null"


def path_error(path: str) -> str | None:
    return "unbalanced" if "[" in path and "]" not in path else None


def checks(**fields: Any) -> Checks:
    return Checks(**{"task_def": lambda _: None, "script_error": lambda _: None, "path_error": path_error} | fields)


def step(ref: str = "r", **fields: Any) -> WorkflowTask:
    return WorkflowTask(**{"name": "n", "taskReferenceName": ref, **fields})


def found(definition: WorkflowDef, **fields: Any) -> list[Violation]:
    return check_workflow_def(definition, AT, checks(**fields))


def messages(definition: WorkflowDef, **fields: Any) -> list[str]:
    return [violation.message for violation in found(definition, **fields)]


def of(*steps: WorkflowTask, **fields: Any) -> WorkflowDef:
    return WorkflowDef(**{"name": "w", "tasks": list(steps), **fields})


def test_a_plain_definition_is_valid():
    assert found(of(step())) == []


@pytest.mark.parametrize("version", [0, -1, 7])
def test_any_version_is_valid(version: int):
    assert found(of(step(), version=version)) == []


def test_a_name_is_required():
    assert found(of(step(), name="")) == [Violation(f"{AT}.name", "WorkflowDef name cannot be null or empty")]


def test_steps_are_required():
    assert found(of()) == [Violation(f"{AT}.tasks", "WorkflowTask list cannot be empty")]


def test_only_schema_version_two_is_supported():
    message = "workflowDef schemaVersion: 2 is only supported"
    assert found(of(step(), schemaVersion=1)) == [Violation(f"{AT}.schemaVersion", message, "1")]


def test_names_are_restricted_only_when_so_configured():
    message = (
        "Invalid name 'a/b'. Allowed characters are alphanumeric, underscores, spaces, hyphens, "
        "and special characters like <, >, {, }, #"
    )
    assert found(of(step(), name="a/b")) == []
    assert found(of(step(), name="a/b"), names_restricted=True) == [Violation(f"{AT}.name", message, "a/b")]
    assert found(of(step(), name="aZ09 _-<>{}#"), names_restricted=True) == []


def test_an_owner_is_required_only_when_so_configured():
    assert found(of(step())) == []
    assert found(of(step()), owner_email_required=True) == [Violation(f"{AT}.ownerEmail", "ownerEmail cannot be empty")]
    assert found(of(step(), ownerEmail="x"), owner_email_required=True) == []


def test_a_list_is_checked_element_by_element():
    at = "updateWorkflowDef.arg0"
    assert check_workflow_defs([], at, checks()) == [Violation(at, "WorkflowDefList is empty")]
    assert check_workflow_defs([of(step()), of()], at, checks()) == [
        Violation(f"{at}[1].tasks", "WorkflowTask list cannot be empty")
    ]


@pytest.mark.parametrize(
    ("outer", "path"),
    [
        (lambda bad: bad, ""),
        (lambda bad: step(type="SWITCH", evaluatorType="value-param", expression="e", decisionCases={"a": [bad]}),
         ".decisionCases[a].<map value>[0]"),
        (lambda bad: step(defaultCase=[step("x"), bad]), ".defaultCase[1]"),
        (lambda bad: step(type="FORK_JOIN", forkTasks=[[step("x")], [step("y"), bad]]),
         ".forkTasks[1].<list element>[1]"),
        (lambda bad: step(type="DO_WHILE", loopCondition="", loopOver=[bad]), ".loopOver[0]"),
        (lambda bad: step(forkTasks=[[step("x", defaultCase=[bad])]]),
         ".forkTasks[0].<list element>[0].defaultCase[0]"),
    ],
)  # fmt: skip
def test_a_step_is_checked_wherever_it_is(outer: Any, path: str):
    definition = of(step("first"), outer(step("bad", name="")))
    assert found(definition) == [Violation(f"{AT}.tasks[1]{path}.name", NO_NAME)]


def test_steps_need_a_reference_name():
    message = "WorkflowTask taskReferenceName name cannot be empty or null"
    assert found(of(step(""), step(""))) == [
        Violation(f"{AT}.tasks[1].taskReferenceName", message),
        Violation(f"{AT}.tasks[0].taskReferenceName", message),
    ]


def test_a_start_delay_is_not_negative():
    assert found(of(step(startDelay=-1))) == [
        Violation(f"{AT}.tasks[0].startDelay", "must be greater than or equal to 0", "-1")
    ]


def test_steps_of_a_loop_are_left_to_the_run():
    body = [step("s", type="SWITCH"), step("d", startDelay=-1)]
    assert found(of(step("lp", type="DO_WHILE", loopCondition="", loopOver=body))) == [
        Violation(f"{AT}.tasks[0].loopOver[1].startDelay", "must be greater than or equal to 0", "-1")
    ]


@pytest.mark.parametrize("nested_first", [False, True])
def test_reference_names_are_unique_over_all_nested_steps(nested_first: bool):
    steps = [
        step("twice"),
        step("fork", type="FORK_JOIN", forkTasks=[[step("a")], [step("b"), step("twice")]]),
    ]
    definition = of(*(reversed(steps) if nested_first else steps))
    assert found(definition) == [
        Violation(AT, "taskReferenceName: twice should be unique across tasks for a given workflowDefinition: w")
    ]


def test_reference_names_of_embedded_definitions_are_apart():
    embedded = SubWorkflowParams(workflowDefinition=of(step("r"), step("r"), name=""))
    assert found(of(step("r", type="SUB_WORKFLOW", subWorkflowParam=embedded))) == []


def test_reference_names_with_two_underscores_are_valid():
    assert found(of(step("a__1"))) == []


def undefined(root: str, key: str, value: str) -> list[Violation]:
    return [
        Violation(
            AT,
            f"taskReferenceName: {root} for given task: n input value: {key} "
            f"of input parameter: {value} is not defined in workflow definition.",
        )
    ]


@pytest.mark.parametrize(
    ("parameters", "root", "key", "value"),
    [
        ({"k": "${nobody.output.x}"}, "nobody", "k", "${nobody.output.x}"),
        ({"k": "a ${workflow.input.x} b ${nobody} c"}, "nobody", "k", "a ${workflow.input.x} b ${nobody} c"),
        ({"o": {"k": [1, [{"i": "${nobody.x}"}]]}}, "nobody", "i", "${nobody.x}"),
        ({"o": {"k": ["${nobody.x}"]}}, "nobody", "k", "${nobody.x}"),
        ({"k": "${workflow.input.${nobody.x}}"}, "nobody", "k", "${workflow.input.${nobody.x}}"),
        ({"k": "${HOME}"}, "HOME", "k", "${HOME}"),
        ({"k": "${$.workflow.input.a}"}, "$", "k", "${$.workflow.input.a}"),
    ],
)
def test_a_reference_to_nothing_is_reported(parameters: dict[str, Any], root: str, key: str, value: str):
    assert found(of(step(inputParameters=parameters))) == undefined(root, key, value)


@pytest.mark.parametrize(
    "value",
    [
        "${workflow.input.a}",
        "${workflow.secrets.x}",
        "${later.output.x}",
        "${inner.output.x}",
        "${CPEWF_TASK_ID}",
        "${NETFLIX_ENV}-${NETFLIX_STACK}",
        "$${nobody.x}",
        "${nobody.x",
        "{nobody}",
        "plain",
        None,
        5,
        ["${workflow.input.a}", None],
    ],
)
def test_other_references_are_valid(value: Any):
    definition = of(step(inputParameters={"k": value}), step("later", defaultCase=[]), step("fork", type="FORK_JOIN",
                    forkTasks=[[step("inner")]]))  # fmt: skip
    assert found(definition) == []


@pytest.mark.parametrize(("value", "path"), [("${}", ""), ("x${  }", "  "), ("${workflow.input[}", "workflow.input[")])
def test_a_path_that_does_not_compile_is_reported(value: str, path: str):
    assert found(of(step(inputParameters={"k": value}))) == [
        Violation(AT, f"key: k input parameter value: {path} is not valid")
    ]


def test_names_from_outside_are_valid_only_when_so_configured():
    definition = of(step(inputParameters={"k": "${HOME}"}))
    assert found(definition, known_names=frozenset({"HOME"})) == []


def test_references_of_nested_steps_are_not_checked():
    inner = step("inner", inputParameters={"k": "${nobody.x} ${}"})
    assert found(of(step(type="FORK_JOIN", forkTasks=[[inner]]))) == []


def nested(levels: int, wrap: Any) -> WorkflowTask:
    innermost = step("r1")
    for level in range(2, levels + 1):
        innermost = wrap(f"r{level}", innermost)
    return innermost


def in_loop(ref: str, inner: WorkflowTask) -> WorkflowTask:
    return step(ref, type="DO_WHILE", loopCondition="", loopOver=[inner])


def in_case(ref: str, inner: WorkflowTask) -> WorkflowTask:
    return step(ref, decisionCases={"a": [inner]})


def in_definition(ref: str, inner: WorkflowTask) -> WorkflowTask:
    return step(ref, type="SUB_WORKFLOW", subWorkflowParam=SubWorkflowParams(workflowDefinition=of(inner)))


@pytest.mark.parametrize("wrap", [in_loop, in_case, in_definition])
def test_nesting_is_bounded(wrap: Any):
    assert found(of(nested(50, wrap))) == []
    assert found(of(nested(51, wrap))) == [Violation(AT, "tasks are nested more than 50 levels deep")]


@pytest.mark.parametrize("wrap", [in_loop, in_case, in_definition])
def test_the_deepest_valid_definition_can_be_sent(wrap: Any):
    body = encode_json({"workflowDef": of(nested(51, wrap))})
    assert body.count(b"[") <= DEPTH_MAX * 10
    assert decode(dict[str, WorkflowDef], body)["workflowDef"] == of(nested(51, wrap))


def test_nesting_far_beyond_the_bound_is_reported_as_well():
    definition = of(nested(5000, in_loop))
    assert messages(definition) == ["tasks are nested more than 50 levels deep"]
    innermost = definition.tasks.pop()
    while innermost.loopOver:  # take it apart from the outside, so that it is not freed recursively
        innermost = innermost.loopOver.pop()


def test_the_number_of_steps_is_bounded():
    assert messages(of(*[step(str(n)) for n in range(10_000)])) == []
    assert messages(of(*[step(str(n)) for n in range(10_001)])) == ["more than 10000 tasks in one workflowDefinition"]


def test_steps_of_embedded_definitions_count():
    half = of(*[step(str(n)) for n in range(3)])
    definition = of(*[step(str(n), type="SUB_WORKFLOW", subWorkflowParam=SubWorkflowParams(workflowDefinition=half))
                      for n in range(2)])  # fmt: skip
    assert messages(definition, steps_max=8) == []
    assert messages(definition, steps_max=7) == ["more than 7 tasks in one workflowDefinition"]


def test_the_number_of_violations_is_bounded():
    assert len(found(of(*[step(str(n), name="") for n in range(5000)]))) == 1000
