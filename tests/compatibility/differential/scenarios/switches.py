"""SWITCH and DECISION."""

from tests.compatibility.differential.call import retry
from tests.compatibility.differential.definition import task_defs
from tests.compatibility.differential.flow import inline, simple, step, switch
from tests.compatibility.differential.outcome import fail
from tests.compatibility.differential.scenario import case, work

KIND = "${workflow.input.kind}"
CASES = {"a": [inline("ia")], "b": [inline("ib"), inline("ib2")], "e": []}
SCRIPT = {"evaluatorType": "javascript", "expression": "$.by == 'a' ? 'a' : 'b'"}


def decision(ref: str, value: object = KIND, **fields: object) -> dict[str, object]:
    wanted = {"caseValueParam": "by", "decisionCases": CASES, "defaultCase": [inline("id", "9")], **fields}
    return step(ref, "DECISION", {"by": value}, **wanted)


SCENARIOS = [
    *(
        case(f"value {name}", "operators 4", [switch("s", KIND, CASES, [inline("id", "9")]), inline("z")], given=given)
        for name, given in {
            "chosen": {"kind": "a"},
            "of two steps": {"kind": "b"},
            "empty case": {"kind": "e"},
            "default": {"kind": "x"},
            "null": {"kind": None},
            "missing": {"other": 1},
            "number": {"kind": 1},
            "fraction": {"kind": 1.5},
            "true": {"kind": True},
            "list": {"kind": ["a"]},
            "map": {"kind": {"a": 1}},
        }.items()
    ),
    *(
        case(
            f"script {name}",
            "operators 2,operators 4.2",
            [
                switch(
                    "s",
                    KIND,
                    {"a": [inline("ia")], "true": [inline("it")], "1": [inline("in")]},
                    [inline("id")],
                    evaluatorType="javascript",
                    expression=expression,
                )
            ],
            given={"kind": "a"},
        )
        for name, expression in {
            "text": "$.by",
            "boolean": "$.by == 'a'",
            "number": "1",
            "fraction": "1.5",
            "null": "null",
            "undefined": "$.none",
            "function": "(function(){ return $.by })()",
            "if": "if ($.by == 'a') { 'a' } else { 'b' }",
            "list": "[1]",
        }.items()
    ),
    case(
        "graaljs",
        "operators 2",
        [switch("s", KIND, CASES, evaluatorType="graaljs", expression="$.by")],
        given={"kind": "a"},
    ),
    case(
        "script throws",
        "operators 4.3",
        [switch("s", KIND, CASES, evaluatorType="javascript", expression="throw new Error('x')"), inline("z")],
        given={"kind": "a"},
    ),
    case(
        "script throws, optional",
        "operators 4.3",
        [switch("s", KIND, CASES, evaluatorType="javascript", expression="nothing.x", optional=True), inline("z")],
        given={"kind": "a"},
    ),
    case(
        "unknown evaluator",
        "operators 4.1",
        [switch("s", KIND, CASES, evaluatorType="zz"), inline("z")],
        given={"kind": "a"},
    ),
    case("no default", "operators 4.5", [switch("s", KIND, {"a": [inline("ia")]})], given={"kind": "x"}),
    case("as last step, output", "engine 7.3", [switch("s", KIND, {"a": [inline("ia", "5")]})], given={"kind": "a"}),
    case(
        "other value-param",
        "operators 4",
        [step("s", "SWITCH", {"by": 1, "k": "b"}, evaluatorType="value-param", expression="k", decisionCases=CASES)],
        given={},
    ),
    case(
        "value-param without such a key",
        "operators 4",
        [step("s", "SWITCH", {"by": 1}, evaluatorType="value-param", expression="k", decisionCases=CASES)],
        given={},
    ),
    case(
        "nested in the last place",
        "operators 4",
        [switch("s", KIND, {"a": [inline("i1"), switch("t", KIND, {"a": [inline("i2")]})]}), inline("z")],
        given={"kind": "a"},
    ),
    case(
        "nested in the first place",
        "operators 4",
        [switch("s", KIND, {"a": [switch("t", KIND, {"a": [inline("i2")]}), inline("i1")]}), inline("z")],
        given={"kind": "a"},
    ),
    case(
        "nested without a branch",
        "operators 4",
        [switch("s", KIND, {"a": [switch("t", KIND, {"x": [inline("i2")]})]}), inline("z")],
        given={"kind": "a"},
    ),
    case(
        "worker in a branch",
        "operators 4,engine 3.5.1",
        [
            switch(
                "s",
                KIND,
                {"a": [simple("x", {"sees": "${s.output.selectedCase}"}), simple("y", {"sees": "${s.output}"})]},
            ),
            simple("z", {"of": "${x.output.from}"}),
        ],
        given={"kind": "a"},
    ),
    case(
        "branch fails and is retried",
        "operators 4,operations 4.2",
        [switch("s", KIND, {"a": [simple("x")]}), simple("z")],
        retry(),
        work(),
        given={"kind": "a"},
        defs=task_defs("x"),
        script={"x": [fail()]},
    ),
    case(
        "failed switch is retried",
        "operations 4.2.5",
        [switch("s", KIND, CASES, evaluatorType="javascript", expression="throw 1"), inline("z")],
        retry(),
        given={"kind": "a"},
    ),
    *(
        case(f"decision {name}", "operators 5", [decision("d"), inline("z")], given=given)
        for name, given in {
            "chosen": {"kind": "a"},
            "empty case": {"kind": "e"},
            "default": {"kind": "x"},
            "null": {"kind": None},
            "number": {"kind": 1},
        }.items()
    ),
    *(
        case(
            f"decision by script {name}",
            "operators 5",
            [decision("d", caseValueParam=None, caseExpression=expression), inline("z")],
            given={"kind": "a"},
        )
        for name, expression in {"text": "$.by", "throws": "throw 1", "null": "null", "number": "1"}.items()
    ),
]
