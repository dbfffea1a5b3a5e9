"""FORK_JOIN_DYNAMIC in all its forms, and DYNAMIC."""

from tests.compatibility.differential.call import retry
from tests.compatibility.differential.definition import task_def, task_defs, workflow
from tests.compatibility.differential.flow import child, dynamic_fork, inline, simple, step
from tests.compatibility.differential.outcome import fail, leave, ok
from tests.compatibility.differential.scenario import case, work

LIST = {"dynamicForkTasksParam": "dt", "dynamicForkTasksInputParamName": "di"}
GIVEN = {"dt": "${workflow.input.dt}", "di": "${workflow.input.di}"}
CHILD = workflow("~child", inline("x", "$.i", {"i": "${workflow.input.i}"}))


def same(inputs: object, after: bool = True, **fields: object) -> list[object]:
    return [
        *dynamic_fork("df", {"forkTaskInputs": inputs, **fields}),
        *([inline("z", "$.j", {"j": "${df_join.output}"})] if after else []),
    ]


def listed(*members: object, inputs: object = None, join: bool = True) -> tuple[list[object], dict[str, object]]:
    fork = dynamic_fork("df", GIVEN, **LIST)
    return [*(fork if join else fork[:1]), inline("z")], {
        "dt": list(members),
        "di": inputs if inputs is not None else {},
    }


def of_list(
    name: str,
    *members: object,
    inputs: object = None,
    join: bool = True,
    covers: str = "operators 8.B",
    **fields: object,
):
    tasks, given = listed(*members, inputs=inputs, join=join)
    return case(name, covers, tasks, *fields.pop("steps", ()), given=given, **fields)


def dynamic(inputs: object, name: str = "d") -> list[object]:
    return [step("d", "DYNAMIC", inputs, name=name, dynamicTaskNameParam="tn"), inline("z")]


SCENARIOS = [
    case(
        "same, inline",
        "operators 8.A",
        same([{"expression": "$.k+$.__index", "k": 10}, {"expression": "2"}], forkTaskType="INLINE"),
    ),
    case("same, plain values", "operators 8.A.2", same([1, "two", [3], True], forkTaskType="NOOP")),
    case(
        "same, workers", "operators 8.A.1", same([{"n": 1}, {"n": 2}], forkTaskName="~a"), script={"_~a_0": [ok(n=1)]}
    ),
    case("same, workers without a name", "operators 8.A.1", same([{"n": 1}]), script={"_df_0": leave}),
    case(
        "same, named and typed",
        "operators 8.A.4",
        same([{"expression": "1"}], forkTaskName="nm", forkTaskType="INLINE"),
    ),
    case("same, empty", "operators 8.A.6", same([])),
    case(
        "same, expression for the list",
        "operators 8.A",
        same("${workflow.input.l}", forkTaskType="INLINE"),
        given={"l": [{"expression": "1"}]},
    ),
    case("same, not a list", "operators 8.A.7", same({"a": 1})),
    case("same, null", "operators 8.A.7", same("${workflow.input.none}"), given={"l": 1}),
    case(
        "same, children",
        "operators 8.A.3",
        same([{"i": 1}, {"i": 2}], forkTaskWorkflow="~child", forkTaskWorkflowVersion="1"),
        defs=[CHILD],
        patience_s=60,
    ),
    case(
        "same, children of the latest version",
        "operators 8.A.3",
        same([{"i": 1}], forkTaskWorkflow="~child"),
        defs=[CHILD],
        patience_s=60,
    ),
    case(
        "same, element with fields of a step",
        "operators 8.A.2",
        same([{"expression": "throw 1", "optional": True}, {"expression": "2"}], forkTaskType="INLINE"),
    ),
    case(
        "same, optional fork",
        "operators 8.A.5",
        dynamic_fork("df", {"forkTaskInputs": [{"expression": "throw 1"}], "forkTaskType": "INLINE"}, optional=True),
    ),
    case(
        "same, one fails",
        "operators 8.A",
        same([{"n": 1}, {"n": 2}], forkTaskName="~a"),
        retry(),
        work(),
        defs=task_defs("a"),
        script={"_~a_0": [fail("bad")], "_~a_1": leave},
    ),
    case(
        "same, twice in a workflow",
        "operators 8.A.4",
        [
            *dynamic_fork("df", {"forkTaskInputs": [{"expression": "1"}], "forkTaskType": "INLINE"}),
            *dynamic_fork("dg", {"forkTaskInputs": [{"expression": "2"}], "forkTaskType": "INLINE"}),
            inline("z"),
        ],
    ),
    case(
        "same, start delay in an element",
        "operators 8.A.2",
        same([{"n": 1, "startDelay": 30}], forkTaskName="~a"),
        script={"_~a_0": leave},
    ),
    of_list(
        "list, inline",
        {"name": "x1", "taskReferenceName": "x1", "type": "INLINE", "inputParameters": {"expression": "$.v"}},
        inputs={"x1": {"v": "Q"}},
        covers="operators 8.B,operators 23.11",
    ),
    of_list("list, workers", simple("a", {"k": 1}), simple("b"), inputs={"a": {"n": 1}}, script={"b": [ok(n=2)]}),
    of_list(
        "list, worker with a definition is retried",
        simple("a"),
        defs=[task_def("~a", retryCount=1)],
        script={"a": [fail("one"), ok(n=1)]},
        covers="definitions 10.3",
    ),
    of_list(
        "list, worker without a definition fails", simple("a"), script={"a": [fail("one")]}, covers="definitions 10.3"
    ),
    of_list("list, empty", covers="operators 8.B"),
    of_list("list, inputs are no map", inline("x"), inputs=[1]),
    of_list("list, member without a reference", {"name": "x", "type": "INLINE"}),
    of_list("list, without a join", inline("x"), join=False, covers="operators 8,engine 13"),
    of_list("list, duplicates", inline("x", "1"), inline("x", "2"), covers="operators 8"),
    of_list(
        "list, a switch",
        step(
            "s",
            "SWITCH",
            {"by": "a"},
            evaluatorType="value-param",
            expression="by",
            decisionCases={"a": [inline("x"), inline("y")]},
        ),
        inline("v"),
    ),
    of_list("list, a child", child("c", inputs={"i": 4}), defs=[CHILD], patience_s=60),
    of_list(
        "list, waits and humans",
        step("w", "WAIT", {"duration": "1 seconds"}),
        step("h", "HUMAN"),
        script={"h": [ok(n=1)]},
    ),
    case("list is text", "operators 8.B", dynamic_fork("df", GIVEN, **LIST), given={"dt": "text", "di": {}}),
    case("list is missing", "operators 8.B", dynamic_fork("df", GIVEN, **LIST), given={"di": {}}),
    case(
        "inputs are missing",
        "operators 8.B",
        [*dynamic_fork("df", GIVEN, **LIST), inline("z")],
        given={"dt": [inline("x")]},
    ),
    case(
        "member that exists",
        "operators 8",
        [inline("x"), *dynamic_fork("df", GIVEN, **LIST)],
        given={"dt": [inline("x")], "di": {}},
    ),
    case(
        "old form",
        "operators 8.C",
        [*dynamic_fork("df", {"dj": "${workflow.input.dj}"}, dynamicForkJoinTasksParam="dj"), inline("z")],
        given={
            "dj": {
                "dynamicTasks": [
                    {"taskName": "~a", "referenceName": "r1", "input": {"k": 1}},
                    {"taskName": "i", "referenceName": "r2", "type": "INLINE", "input": {"expression": "2"}},
                ]
            }
        },
    ),
    case(
        "old form, null",
        "operators 8.C",
        dynamic_fork("df", {"dj": "${workflow.input.none}"}, dynamicForkJoinTasksParam="dj"),
        given={"a": 1},
    ),
    case(
        "join keeps its parameters",
        "operators 8",
        [
            step("df", "FORK_JOIN_DYNAMIC", {"forkTaskInputs": [{"expression": "1"}], "forkTaskType": "INLINE"}),
            step("j", "JOIN", {"kept": "${workflow.input.k}"}, joinOn=["other"]),
            inline("z"),
        ],
        given={"k": 1},
    ),
    case(
        "dynamic, worker",
        "operators 11",
        dynamic({"tn": "${workflow.input.n}", "a": 1}),
        given={"n": "~do"},
        script={"d": [ok(n=1)]},
    ),
    case(
        "dynamic, waiting",
        "operators 11",
        dynamic({"tn": "${workflow.input.n}", "a": 1}),
        given={"n": "~do"},
        script={"d": leave},
    ),
    case("dynamic, null", "operators 11.1", dynamic({"tn": "${workflow.input.none}", "a": 1}), given={"n": "~do"}),
    case("dynamic, inline", "operators 11.3", dynamic({"tn": "INLINE", "expression": "1+1"})),
    case("dynamic, set variable", "operators 11.3", dynamic({"tn": "SET_VARIABLE", "v": 1})),
    case("dynamic, human", "operators 11.3", dynamic({"tn": "HUMAN", "v": 1}), script={"d": [ok(n=1)]}),
    case(
        "dynamic, fails without definition",
        "operators 11.4,definitions 10.5",
        dynamic({"tn": "~do"}),
        script={"d": [fail("bad")]},
    ),
    case(
        "dynamic, definition of the chosen name",
        "operators 11.4,definitions 10.5",
        dynamic({"tn": "~do"}),
        defs=[task_def("~do", retryCount=2)],
        script={"d": [fail("bad")]},
    ),
    case(
        "dynamic, definition of the static name",
        "operators 11.4,definitions 10.5",
        dynamic({"tn": "~do"}, name="~static"),
        defs=[task_def("~static", retryCount=1)],
        script={"d": [fail("bad"), ok(n=1)]},
    ),
]
