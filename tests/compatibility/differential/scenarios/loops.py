"""DO_WHILE: by condition and over lists."""

from tests.compatibility.differential.call import retry, terminate
from tests.compatibility.differential.definition import task_def, workflow
from tests.compatibility.differential.flow import (
    child,
    do_while,
    dynamic_fork,
    fork,
    inline,
    simple,
    step,
    switch,
    variable,
)
from tests.compatibility.differential.outcome import fail, leave, ok, terminal
from tests.compatibility.differential.scenario import case, work

TWICE = "$.lp.iteration < 2"
BOOM = "throw new Error('x')"
A = [task_def("~a"), task_def("~b"), task_def("~again", retryCount=1)]


def over(items: object, *body: object, condition: object = "true", **fields: object) -> object:
    return do_while("lp", condition, *body, items=items, **fields)


def item(ref: str = "a") -> object:
    return inline(ref, "$.i", {"i": "${lp.output.loopItem}", "x": "${lp.output.loopIndex}"})


SCENARIOS = [
    case(
        "twice",
        "operators 12,engine 5.1",
        [do_while("lp", TWICE, inline("a", "$.i", {"i": "${lp.output.iteration}"})), inline("z")],
    ),
    case(
        "worker in the body",
        "operators 12",
        [do_while("lp", TWICE, simple("a", {"n": "${lp.output.iteration}"}), simple("b")), simple("z")],
        defs=A,
    ),
    case(
        "open in the second iteration",
        "operators 12,engine 2.2",
        [do_while("lp", TWICE, simple("a"))],
        work(),
        defs=A,
        script={"a__2": leave},
    ),
    *(
        case(
            f"condition {name}",
            "operators 12.W7,operators 2",
            [do_while("lp", condition, inline("a", "$.n", {"n": "${lp.output.iteration}"})), inline("z")],
        )
        for name, condition in {
            "of the body's output": "$.a.result < 3",
            "empty": "",
            "false": "false",
            "text true": "'true'",
            "number": "$.lp.iteration < 2 ? 1 : 0",
            "of an earlier iteration": "$.lp['1'].a.result == 1 && $.lp.iteration < 2",
            "throws": "throw 1",
            "reference error": "$.nothing.x > 1",
            "null": "null",
            "if": "if ($.lp.iteration < 2) { true; } else { false; }",
            "plain name": "$.a['result'] < 2",
        }.items()
    ),
    case(
        "condition throws, optional",
        "operators 12.W7",
        [do_while("lp", "throw 1", inline("a"), optional=True), inline("z")],
    ),
    case(
        "condition sees inputs",
        "operators 12",
        [do_while("lp", "$.lp.iteration < $.most", inline("a"), inputs={"most": "${workflow.input.n}"}), inline("z")],
        given={"n": 3},
    ),
    case(
        "condition sees variables",
        "operators 12",
        [do_while("lp", "$.v < 3", variable("a", v="${lp.output.iteration}"), inputs={"v": "${workflow.variables.v}"})],
    ),
    case(
        "access afterwards",
        "operators 12,engine 5.2",
        [
            do_while("lp", TWICE, inline("a", "$.n * 10", {"n": "${lp.output.iteration}"})),
            inline(
                "z",
                "1",
                {
                    "last": "${a.output.result}",
                    "first": "${lp.output['1'].a.result}",
                    "second": "${lp.output.2.a.result}",
                    "n": "${lp.output.iteration}",
                },
            ),
        ],
    ),
    case(
        "body sees the former iteration",
        "engine 5.2",
        [do_while("lp", TWICE, inline("a", "($.before || 0) + 1", {"before": "${a.output.result}"}))],
    ),
    case(
        "keepLastN",
        "operators 12.W4",
        [
            do_while(
                "lp", "$.lp.iteration < 5", inline("a", "$.n", {"n": "${lp.output.iteration}"}), inputs={"keepLastN": 2}
            ),
            inline("z"),
        ],
    ),
    case(
        "keepLastN of one with two steps",
        "operators 12.W4",
        [do_while("lp", "$.lp.iteration < 3", inline("a"), variable("b", x=1), inputs={"keepLastN": 1})],
    ),
    case(
        "body fails",
        "operators 12",
        [do_while("lp", TWICE, inline("a"), simple("b")), inline("z")],
        defs=A,
        script={"b__2": [fail("bad")]},
    ),
    case(
        "body fails, retry",
        "operators 12,operations 4.2.6",
        [do_while("lp", TWICE, simple("a"), simple("b")), inline("z")],
        retry(),
        work(),
        defs=A,
        script={"b__2": [fail("bad")]},
    ),
    case(
        "body is retried by itself",
        "engine 5.4",
        [do_while("lp", TWICE, simple("again")), inline("z")],
        defs=A,
        script={"again__1": [fail("bad"), ok(n=1)]},
    ),
    case(
        "optional body fails",
        "operators 12",
        [do_while("lp", TWICE, simple("a", optional=True), simple("b")), inline("z")],
        defs=A,
        script={"a__1": [fail("bad", o=1)]},
    ),
    case(
        "permissive body fails",
        "operators 12.W5",
        [do_while("lp", TWICE, simple("a", permissive=True), simple("b")), inline("z")],
        defs=A,
        script={"a__1": [fail("bad")], "b": leave},
    ),
    case(
        "body fails terminally",
        "operators 12",
        [do_while("lp", TWICE, simple("again"))],
        defs=A,
        script={"again__2": [terminal("bad")]},
    ),
    case("inline body fails", "operators 12", [do_while("lp", TWICE, inline("a", BOOM)), inline("z")]),
    case(
        "optional loop, body fails",
        "engine 8",
        [do_while("lp", TWICE, simple("a"), optional=True), inline("z")],
        defs=A,
        script={"a__1": [fail("bad")]},
    ),
    case(
        "terminated in the body",
        "operators 12,operations 7",
        [do_while("lp", TWICE, simple("a"))],
        terminate(),
        defs=A,
        script={"a__2": leave},
    ),
    case(
        "switch in the body",
        "operators 12",
        [
            do_while(
                "lp",
                TWICE,
                switch("s", "${lp.output.iteration}", {"1": [inline("x", "1")], "2": [inline("y", "2")]}),
                inline("c"),
            ),
            inline("z"),
        ],
    ),
    case(
        "switch at the end of the body",
        "operators 12",
        [
            do_while("lp", TWICE, inline("c"), switch("s", "${lp.output.iteration}", {"1": [inline("x", "1")]})),
            inline("z"),
        ],
    ),
    case(
        "fork in the body",
        "operators 23.7",
        [do_while("lp", TWICE, *fork("f", [inline("c1", "1")], [inline("c2", "2")])), inline("z")],
    ),
    case(
        "fork of workers in the body",
        "operators 23.7",
        [do_while("lp", TWICE, *fork("f", [simple("a")], [simple("b")]), inline("c")), inline("z")],
        defs=A,
    ),
    case(
        "dynamic fork in the body",
        "operators 8",
        [
            do_while(
                "lp", TWICE, *dynamic_fork("df", {"forkTaskType": "INLINE", "forkTaskInputs": [{"expression": "1"}]})
            ),
            inline("z"),
        ],
    ),
    case(
        "child in the body",
        "operators 12,operators 13",
        [do_while("lp", TWICE, child("c", inputs={"n": "${lp.output.iteration}"})), inline("z")],
        defs=[workflow("~child", inline("x", "$.n", {"n": "${workflow.input.n}"}))],
    ),
    case(
        "terminate in the body",
        "operators 9",
        [
            do_while(
                "lp",
                TWICE,
                inline("a"),
                step(
                    "t", "TERMINATE", {"terminationStatus": "COMPLETED", "workflowOutput": {"r": "${a.output.result}"}}
                ),
            ),
            inline("z"),
        ],
    ),
    case(
        "variable in the body",
        "operators 10",
        [
            do_while("lp", TWICE, variable("v", n="${lp.output.iteration}")),
            inline("z", "$.n", {"n": "${workflow.variables.n}"}),
        ],
    ),
    case(
        "loop in a fork", "operators 12", [*fork("f", [do_while("lp", TWICE, inline("a"))], [inline("b")]), inline("z")]
    ),
    case(
        "loop in a fork with workers",
        "operators 12",
        [*fork("f", [do_while("lp", TWICE, simple("a"))], [simple("b")]), inline("z")],
        defs=A,
    ),
    case(
        "loop in a switch",
        "operators 12",
        [switch("s", "x", {"x": [do_while("lp", TWICE, inline("a")), inline("b")]}), inline("z")],
    ),
    case(
        "two loops",
        "operators 12",
        [do_while("lp", TWICE, inline("a")), do_while("lq", "$.lq.iteration < 2", inline("b")), inline("z")],
    ),
    case("loop as last step", "engine 7.3", [do_while("lp", TWICE, inline("a"))]),
    case(
        "list",
        "operators 12,operators 23.8",
        [over("${workflow.input.l}", item()), inline("z")],
        given={"l": ["p", "q"]},
    ),
    case(
        "list of maps",
        "operators 12",
        [
            over(
                "${workflow.input.l}",
                inline("a", "$.i.k", {"i": "${lp.output.loopItem}", "k": "${lp.output.loopItem.k}"}),
            )
        ],
        given={"l": [{"k": 1}, {"k": 2}]},
    ),
    case(
        "empty list",
        "operators 12.W2,operators 23.8",
        [over("${workflow.input.l}", item()), inline("z")],
        given={"l": []},
    ),
    case("list is null", "operators 12", [over("${workflow.input.none}", item()), inline("z")], given={"l": []}),
    case("list is one value", "operators 12", [over("${workflow.input.l}", item()), inline("z")], given={"l": 7}),
    case("list is a map", "operators 12", [over("${workflow.input.l}", item()), inline("z")], given={"l": {"a": 1}}),
    case(
        "list and condition",
        "operators 12",
        [over("${workflow.input.l}", item(), condition="$.loopIndex < 1"), inline("z")],
        given={"l": [1, 2, 3]},
    ),
    case(
        "list and blank condition",
        "operators 12",
        [over("${workflow.input.l}", item(), condition=""), inline("z")],
        given={"l": [1, 2]},
    ),
    case(
        "list in inputs",
        "operators 12",
        [do_while("lp", "true", item(), inputs={"_items": "${workflow.input.l}"}), inline("z")],
        given={"l": [1, 2]},
    ),
    case(
        "list in inputs as it is",
        "operators 12",
        [do_while("lp", "true", item(), inputs={"_items": [4, 5]}), inline("z")],
    ),
    case(
        "list with workers",
        "operators 12",
        [over("${workflow.input.l}", simple("a", {"i": "${lp.output.loopItem}"})), inline("z")],
        given={"l": ["p", "q"]},
        defs=A,
    ),
    case(
        "list that a worker changes",
        "operators 12",
        [
            variable("v", l=[1]),
            over("${workflow.variables.l}", switch("s", "${lp.output.loopIndex}", {"0": [variable("w", l=[1, 2])]})),
            inline("z"),
        ],
    ),
    case(
        "wait in the body",
        "operators 12,operators 18",
        [do_while("lp", TWICE, step("p", "WAIT", {"duration": "1 seconds"})), inline("z")],
    ),
    case(
        "human in the body",
        "operators 19",
        [do_while("lp", TWICE, step("h", "HUMAN")), inline("z")],
        script={"h": [ok(n=1), ok(n=2)]},
    ),
    case("noop in the body", "operators 20", [do_while("lp", TWICE, step("n", "NOOP")), inline("z")]),
    case(
        "input parameters of the loop",
        "operators 12",
        [do_while("lp", TWICE, inline("a"), inputs={"k": "${workflow.input.k}"}), inline("z")],
        given={"k": [1]},
    ),
]
