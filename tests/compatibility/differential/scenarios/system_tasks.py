"""Tasks that the server runs itself: TERMINATE, SET_VARIABLE, INLINE, LAMBDA, jq, NOOP, WAIT, HUMAN, EVENT, HTTP."""

from tests.compatibility.differential.call import Call, retry, terminate, update
from tests.compatibility.differential.definition import task_def, task_defs, workflow
from tests.compatibility.differential.flow import do_while, fork, inline, simple, step, switch, variable
from tests.compatibility.differential.outcome import fail, leave, ok, progress
from tests.compatibility.differential.scenario import Rest, Until, calls, case, registered, work

DATA = {"a": 1, "s": "str", "l": [1, "q", None], "m": {"x": 1, "n": None}, "f": 1.5, "big": 12345678901, "t": True}


def inlined(name: str, expression: object, covers: str = "operators 15,operators 2", **fields: object):
    given = {"expression": expression, **DATA, **fields}
    return case(name, covers, [step("i", "INLINE", given, optional=True), step("z", "NOOP")])


def jq(name: str, query: object, covers: str = "operators 17,tasks 7", **data: object):
    return case(
        f"jq {name}",
        covers,
        [step("q", "JSON_JQ_TRANSFORM", {"queryExpression": query, **DATA, **data}, optional=True), step("z", "NOOP")],
    )


def ended(name: str, covers: str = "operators 9", before: object = None, **inputs: object):
    return case(
        f"terminate {name}",
        covers,
        [*(before or []), step("t", "TERMINATE", inputs), inline("never")],
        given={"k": {"x": 1}},
        defs=[workflow("~sorry", step("s", "NOOP"))],
        failureWorkflow="~sorry",
    )


def event(name: str, sink: str, **fields: object):
    return case(
        f"event {name}",
        "operators 21,tasks 4",
        [step("e", "EVENT", {"k": 1}, sink=sink, **fields), step("z", "NOOP")],
        given={"s": "conductor:y"},
        start={"correlationId": "c"},
    )


def waiting(name: str, inputs: object, *steps: object, covers: str = "operators 18", **fields: object):
    return case(f"wait {name}", covers, [step("p", "WAIT", inputs), inline("z")], *steps, **fields)


SCENARIOS = [
    ended("completed", terminationStatus="COMPLETED", workflowOutput={"r": "${workflow.input.k}"}),
    ended("completed with a reason", terminationStatus="COMPLETED", terminationReason="why"),
    ended("failed", terminationStatus="FAILED", terminationReason="no: ${workflow.input.k.x}"),
    ended("failed without reason", terminationStatus="FAILED"),
    ended("terminated", terminationStatus="TERMINATED", terminationReason="stop"),
    ended("with a plain output", terminationStatus="COMPLETED", workflowOutput="text"),
    ended("with a list", terminationStatus="COMPLETED", workflowOutput=[1, 2]),
    ended("with an expression", terminationStatus="COMPLETED", workflowOutput="${workflow.input.k}"),
    ended("with null", terminationStatus="COMPLETED", workflowOutput=None),
    case(
        "terminate beats output parameters",
        "operators 9,engine 7.1",
        [step("t", "TERMINATE", {"terminationStatus": "COMPLETED", "workflowOutput": {"r": 1}})],
        outputParameters={"o": 2},
    ),
    case(
        "terminate in a branch",
        "operators 9",
        [*fork("f", [simple("a")], [step("t", "TERMINATE", {"terminationStatus": "COMPLETED"})])],
        script={"a": leave},
    ),
    case(
        "terminate in a case",
        "operators 9",
        [switch("s", "x", {"x": [step("t", "TERMINATE", {"terminationStatus": "FAILED"})]}), inline("z")],
    ),
    case(
        "terminate beside workers",
        "operators 9",
        [
            *fork(
                "f",
                [simple("a")],
                [simple("b"), step("t", "TERMINATE", {"terminationStatus": "FAILED", "terminationReason": "r"})],
            )
        ],
        script={"a": leave},
    ),
    case(
        "terminate after a permissive failure",
        "engine 3.3.D8",
        [simple("a", permissive=True), step("t", "TERMINATE", {"terminationStatus": "COMPLETED"})],
        defs=task_defs("a"),
        script={"a": [fail("bad")]},
    ),
    case("terminate, retry", "operations 4.1", [step("t", "TERMINATE", {"terminationStatus": "FAILED"})], retry()),
    # ---- SET_VARIABLE
    case(
        "variables",
        "operators 10",
        [
            variable("v", x="${workflow.input.k}", n=None),
            variable("w", y="${workflow.variables.x}", x=2),
            inline("z", "$.a", {"a": "${workflow.variables}"}),
        ],
        given={"k": {"z": 1}},
    ),
    case(
        "variables of the definition",
        "definitions 3",
        [inline("z", "$.a", {"a": "${workflow.variables}"})],
        variables={"v": 1, "e": "${workflow.input.k}"},
        given={"k": 1},
    ),
    case("variable as last task", "operators 10", [variable("v", x=1)]),
    case("variable without values", "operators 10", [step("v", "SET_VARIABLE"), step("z", "NOOP")]),
    # ---- INLINE and LAMBDA
    *(
        inlined(f"inline {name}", expression)
        for name, expression in {
            "number": "$.a + 1",
            "text": "$.s + '!'",
            "fraction": "$.a / 2",
            "whole": "4 / 2",
            "large": "$.big * 1000",
            "list": "[1, 'a', null]",
            "map": "({a: 1, b: null, c: undefined})",
            "null": "null",
            "undefined": "undefined",
            "boolean": "$.a == 1",
            "function": "function f(){ return $.a } f()",
            "arrow": "(() => $.l.length)()",
            "if": "if ($.t) { 'yes' } else { 'no' }",
            "member function": "({f: function(){}, d: 1})",
            "template": "`v=${$.a}`",
            "let": "let x = 5; x * 2",
            "mutation": "$.a = 9; $.a",
            "missing": "$.none",
            "missing deep": "$.none.x",
            "syntax": "1 +",
            "throw text": "throw 'text'",
            "throw error": "throw new Error('x')",
            "throw type error": "null.x",
            "json": "JSON.stringify($.m)",
            "keys": "Object.keys($.m)",
            "map of list": "$.l.map(x => x === null ? 'n' : x)",
            "regex": "/s(t)r/.exec($.s)[1]",
            "spread": "({...$.m, y: 2})",
            "nan": "0 / 0 > 1",
            "negative": "-$.a",
            "modulo": "7 % 3",
            "comparison": "$.s == 'str' && $.a != 2 || false",
            "nested access": "$['m']['x']",
            "for loop": "var n = 0; for (var i = 0; i < 4; i++) { n += i } n",
            "parse": "parseInt('12px')",
            "upper case": "$.s.toUpperCase()",
            "includes": "$.l.includes('q')",
            "typeof": "typeof $.none",
            "ternary": "$.t ? 1 : 2",
            "string of number": "'' + 1.0",
            "array access": "$.l[1]",
            "string method": "$.s.substring(1, 2)",
        }.items()
    ),
    inlined("inline empty expression", "", covers="operators 15"),
    inlined("inline null expression", None, covers="operators 15"),
    inlined("inline empty evaluator", "1", covers="operators 15", evaluatorType=""),
    inlined("inline unknown evaluator", "1", covers="operators 15", evaluatorType="zz"),
    inlined("inline graaljs", "$.a", covers="operators 15", evaluatorType="graaljs"),
    inlined("inline value-param", "s", covers="operators 15,operators 2", evaluatorType="value-param"),
    case(
        "inline with an expression in it",
        "operators 15",
        [step("i", "INLINE", {"expression": "'${workflow.input.k}' + 1"})],
        given={"k": "v"},
    ),
    case("inline fails", "operators 15", [inline("i", "throw new Error('x')"), inline("z")]),
    case("lambda", "operators 16", [step("l", "LAMBDA", {"scriptExpression": "return {z: $.k + 1}", "k": 1})]),
    case("lambda without return", "operators 16", [step("l", "LAMBDA", {"scriptExpression": "$.k", "k": 1})]),
    case(
        "lambda throws",
        "operators 16",
        [step("l", "LAMBDA", {"scriptExpression": "throw new Error('x')"}, optional=True), step("z", "NOOP")],
    ),
    case("lambda is empty", "operators 16", [step("l", "LAMBDA", {"k": 1}), step("z", "NOOP")]),
    # ---- jq
    jq("identity of a field", ".a"),
    jq("several", ".l[]"),
    jq("none", "empty"),
    jq("map", "{k: .s, n: (.a + 1)}"),
    jq("select", "[.l[] | select(. != null)]"),
    jq("keys", ".m | keys"),
    jq("float", ".f"),
    jq("whole float", "4 / 2"),
    jq("null", ".none"),
    jq("length", ".l | length"),
    jq("error", ".l.x"),
    jq("compile error", ".[", covers="operators 17"),
    jq("missing", None, covers="operators 17"),
    jq("to entries", ".m | to_entries"),
    jq("string", ".s | ascii_upcase"),
    jq("if", "if .t then 1 else 2 end"),
    jq("reduce", "reduce (1, 2, 3) as $x (0; . + $x)"),
    jq("join", '[.s, "x"] | join("-")'),
    jq("group", "[.list[] | .k] | group_by(.)", list=[{"k": 2}, {"k": 1}, {"k": 2}]),
    jq("unique", "[3, 1, 3] | unique"),
    jq("test", '.s | test("^st")'),
    jq("tostring", ".m | tostring"),
    case(
        "jq is retried",
        "operators 17",
        [step("q", "JSON_JQ_TRANSFORM", {"queryExpression": ".a.b.c", "a": "x"}, name="~q")],
        defs=[task_def("~q", retryCount=1)],
    ),
    # ---- NOOP, WAIT, HUMAN
    case("noop", "operators 20", [step("n", "NOOP", {"x": 1}), inline("z")]),
    waiting("for seconds", {"duration": "1 seconds"}),
    waiting("short form", {"duration": "1s"}),
    waiting("of all units", {"duration": "0 days 0 hours 0 minutes 1 seconds"}),
    waiting("long", {"duration": "2 days 3 hours 4 minutes"}, Rest()),
    waiting("by expression", {"duration": "${workflow.input.d}"}, given={"d": "1s"}),
    waiting("without an end", {}, Rest()),
    waiting("blank", {"duration": ""}, Rest()),
    waiting("ended by report", {}, update("p", "COMPLETED", {"n": 1})),
    waiting("failed by report", {}, update("p", "FAILED", {"n": 1}, reasonForIncompletion="r")),
    waiting(
        "in progress by report",
        {},
        update("p", "IN_PROGRESS", {"n": 1}),
        update("p", "COMPLETED", {"m": 1}),
        covers="operators 18,operations 10.2",
    ),
    waiting("with an end, ended by report", {"duration": "1 days"}, update("p", "COMPLETED", {"n": 1})),
    waiting("until a day in the past", {"until": "2020-01-01"}, patience_s=60),
    waiting("until a time in the past", {"until": "2020-01-01 10:30"}, patience_s=60),
    waiting("until a time with zone", {"until": "2020-01-01 10:30 GMT+02:00"}, patience_s=60),
    waiting("until nonsense", {"until": "${workflow.input.u}"}, given={"u": "soon"}, patience_s=75),
    waiting("for nonsense", {"duration": "${workflow.input.d}"}, given={"d": "soon"}, patience_s=10),
    waiting(
        "with both",
        {"duration": "${workflow.input.d}", "until": "${workflow.input.u}"},
        given={"d": "1s", "u": "2020-01-01"},
        patience_s=75,
    ),
    waiting("terminated", {}, terminate(), retry(), update("p", "COMPLETED")),
    case(
        "human",
        "operators 19,tasks 8",
        [step("h", "HUMAN", {"q": "${workflow.input.k}"}), inline("z")],
        update("h", "IN_PROGRESS", {"n": 1}),
        update("h", "COMPLETED", {"m": 2}),
        given={"k": 5},
    ),
    case("human fails", "operators 19", [step("h", "HUMAN"), inline("z")], script={"h": [fail("no")]}),
    case("human reports progress", "operators 19", [step("h", "HUMAN"), inline("z")], script={"h": [progress(0, n=1)]}),
    case("human is canceled", "operators 19", [step("h", "HUMAN"), inline("z")], terminate()),
    case(
        "human, optional, fails",
        "engine 8",
        [step("h", "HUMAN", optional=True), inline("z")],
        script={"h": [fail("no")]},
    ),
    # ---- EVENT
    event("conductor", "conductor"),
    event("named", "conductor:abc"),
    event("bad sink", "conductorx"),
    event("unknown type", "zzz:abc"),
    event("by expression", "${workflow.input.s}"),
    event("asynchronous", "conductor:abc", asyncComplete=True),
    case(
        "event asynchronous, completed",
        "operators 21",
        [step("e", "EVENT", {"k": 1}, sink="conductor:abc", asyncComplete=True), inline("z")],
        update("e", "COMPLETED", {"n": 1}),
    ),
    case("event optional", "operators 21", [step("e", "EVENT", {"k": 1}, sink="zzz:abc", optional=True), inline("z")]),
    case(
        "event in a loop",
        "tasks 4",
        [do_while("lp", "$.lp.iteration < 2", step("e", "EVENT", {"k": 1}, sink="conductor"))],
    ),
    # ---- HTTP without a server
    case(
        "http without uri",
        "tasks 3.3",
        [step("h", "HTTP", {"http_request": {"method": "GET"}}, optional=True), step("z", "NOOP")],
        patience_s=60,
    ),
    case(
        "http without method",
        "tasks 3.3",
        [step("h", "HTTP", {"http_request": {"uri": "http://127.0.0.1:1/"}}, optional=True), step("z", "NOOP")],
        patience_s=60,
    ),
    # ---- the end of a workflow
    case("no output", "engine 7.3", [step("n", "NOOP")]),
    case(
        "output parameters",
        "engine 7.2,definitions 9",
        [inline("a", "5")],
        outputParameters={
            "r": "${a.output.result}",
            "none": "${a.output.x}",
            "m": {"l": ["${workflow.input.k}"]},
            "s": "${workflow.status}",
        },
        given={"k": 1},
    ),
    case(
        "output of the last created",
        "engine 7.3",
        fork("f", [simple("a"), simple("b")], [simple("c")]),
        script={"c": [ok(n=1)], "b": [ok(n=2)]},
    ),
    case(
        "failure workflow",
        "engine 9.5",
        [simple("a")],
        given={"k": 1},
        defs=[task_def("~a"), workflow("~sorry", inline("s", "$.r", {"r": "${workflow.input.reason}"}))],
        failureWorkflow="~sorry",
        script={"a": [fail("bad")]},
        start={"correlationId": "c", "priority": 4},
    ),
    case(
        "failure workflow is unknown",
        "engine 9.5",
        [simple("a")],
        defs=task_defs("a"),
        failureWorkflow="~none",
        script={"a": [fail("bad")]},
    ),
    case(
        "failure workflow by input",
        "engine 9.1",
        [simple("a")],
        given={"f": "~sorry"},
        defs=[task_def("~a"), workflow("~sorry", step("s", "NOOP"))],
        failureWorkflow="$.input.f",
        script={"a": [fail("bad")]},
    ),
    case(
        "workflow times out",
        "engine 4.5",
        [simple("a")],
        Until("TIMED_OUT", within_s=150),
        script={"a": leave},
        timeoutSeconds=1,
        timeoutPolicy="TIME_OUT_WF",
    ),
    case(
        "workflow alerts only",
        "engine 4.5",
        [step("p", "WAIT", {"duration": "2s"})],
        timeoutSeconds=1,
        timeoutPolicy="ALERT_ONLY",
    ),
    calls(
        "no tasks",
        "engine 3.3.D1",
        Call("POST", "/workflow", {"name": "x", "workflowDef": workflow("~in")}, keeps="w", look=True),
    ),
    calls(
        "definition in the request",
        "definitions 11.2",
        Call(
            "POST",
            "/workflow",
            {"name": "x", "version": 9, "workflowDef": workflow("~in", inline("i"), version=7)},
            keeps="w",
            look=True,
        ),
        *registered(),
        work(),
    ),
]
