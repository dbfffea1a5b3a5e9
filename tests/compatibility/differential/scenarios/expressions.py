"""Templates: each is the input of a NOOP's neighbour and comes back in its input."""

from tests.compatibility.differential.call import Call
from tests.compatibility.differential.definition import workflow
from tests.compatibility.differential.flow import fork, inline, simple, step, switch, variable
from tests.compatibility.differential.outcome import ok
from tests.compatibility.differential.scenario import case

INPUT = {
    "a": 1, "s": "str", "k": "a", "m": {"x": 1, "n": None, "l": [1, "q"]}, "l": [{"x": 1}, {"x": 2}], "f": 1.0, "a b": 7, "t": True, "e": [], "o": {},
    "deep": {"l": [[1, 2], [3]]}, "big": 12345678901234567890, "tiny": 1e-7, "huge": 1e21, "quote": "it's \"x\"", "dollar": "$${x}", "token": "${workflow.input.a}", "uni": "äöü€",
}  # fmt: skip

TEMPLATES = {
    "whole": "${workflow.input.a}", "embedded": "v=${workflow.input.a}", "missing": "${workflow.input.missing}", "missing embedded": "x${workflow.input.missing}y", "map as text": "m=${workflow.input.m}",
    "list as text": "l=${workflow.input.l}", "wildcard": "${workflow.input.l[*].x}", "wildcard as text": "w=${workflow.input.l[*].x}", "last": "${workflow.input.l[-1].x}", "out of range": "${workflow.input.l[5].x}",
    "slice": "${workflow.input.l[0:1]}", "filter": "${workflow.input.l[?(@.x>1)]}", "deep scan": "${workflow.input..x}", "length": "${workflow.input.l.length()}", "bracket": "${workflow.input['a b']}",
    "nested": "${workflow.input.${workflow.input.k}}", "escaped": "$${workflow.input.a}", "escaped and not": "x$${workflow.input.a}y${workflow.input.a}", "twice escaped": "$$${workflow.input.a}", "empty": "${}", "blank": "${  }",
    "spaces": "${ workflow.input.a }", "unknown task": "${nosuch.output.x}", "unclosed": "${workflow.input.a", "only braces": "}${", "brace after": "${workflow.input.m.x}}", "json text": "{\"j\": ${workflow.input.a}}",
    "float as text": "f=${workflow.input.f}", "float": "${workflow.input.f}", "status": "${workflow.status}", "boolean as text": "b=${workflow.input.t}", "empty list as text": "e=${workflow.input.e}",
    "empty map as text": "o=${workflow.input.o}", "value with a token": "${workflow.input.token}", "embedded value with a token": "v=${workflow.input.token}", "value with an escape": "v=${workflow.input.dollar}",
    "index": "${workflow.input.deep.l[0][1]}", "two tokens": "${workflow.input.a}-${workflow.input.s}", "no token": "plain", "dollar": "a $ b", "unicode": "u=${workflow.input.uni}", "quotes": "q=${workflow.input.quote}",
    "big": "${workflow.input.big}", "big as text": "n=${workflow.input.big}", "tiny as text": "n=${workflow.input.tiny}", "huge as text": "n=${workflow.input.huge}", "name": "${workflow.workflowType}", "version": "${workflow.version}",
    "correlation": "${workflow.correlationId}", "not there": "${workflow.createTime}", "parent": "${workflow.parentWorkflowId}", "variables": "${workflow.variables}", "of a task": "${t.output.r}", "status of a task": "${t.status}",
    "type of a task": "${t.taskType}", "reference of a task": "${t.referenceTaskName}", "name of a task": "${t.taskDefName}", "retries of a task": "${t.retryCount}", "input of a task": "${t.input.i}", "iteration of a task": "${t.iteration}",
    "worker of a task": "${t.workerId}", "whole task output": "${t.output}", "all input": "${workflow.input.m}", "keys": "${workflow.input.m.keys()}", "sum": "${workflow.input.deep.l[0].sum()}", "max": "${workflow.input.deep.l[0].max()}",
    "filter by text": "${workflow.input.l[?(@.x == 2)].x}", "filter in a list": "${workflow.input.l[?(@.x in [1])]}", "filter without hits": "${workflow.input.l[?(@.x > 9)]}", "several indexes": "${workflow.input.l[0,1].x}",
    "several keys": "${workflow.input['a','s']}", "all of a map": "${workflow.input.m.*}", "negative slice": "${workflow.input.m.l[-1:]}", "broken": "${workflow.input.l[}", "rooted": "${$.workflow.input.a}", "environment": "${NETFLIX_ENV}",
    "env store": "${workflow.env.NOPE}", "first": "${workflow.input.l[0]}", "null in a map": "${workflow.input.m.n}", "length of text": "${workflow.input.s.length()}", "concat": "${workflow.input.s}${workflow.input.s}",
}  # fmt: skip


def template(name: str, text: object):
    """Return a scenario that resolves *text* in a nested step, whose references registration does not check."""
    tasks = [simple("t", {"i": 3}), switch("s", "x", {"x": [simple("n", {"v": text, "in": {"l": [text]}})]})]
    return case(
        name,
        "engine 6.2,engine 6.1",
        tasks,
        given=INPUT,
        start={"correlationId": "c"},
        script={"t": [ok(r={"z": [1]})]},
    )


SCENARIOS = [
    *(template(name, text) for name, text in TEMPLATES.items()),
    case("keys are not resolved", "engine 6.2", [inline("i", "1", {"${workflow.input.a}": 1})], given={"a": 1}),
    case(
        "numbers and nulls pass",
        "engine 6.2",
        [
            step(
                "v",
                "SET_VARIABLE",
                {"n": 1.5, "z": None, "b": False, "l": [1, {"x": None}], "big": 12345678901234567890123},
            )
        ],
    ),
    case(
        "own id",
        "engine 6.4",
        [
            simple("a", {"me": "${CPEWF_TASK_ID}", "text": "id=${CPEWF_TASK_ID}"}),
            step("v", "SET_VARIABLE", {"me": "${CPEWF_TASK_ID}"}),
        ],
    ),
    case(
        "siblings of a batch",
        "engine 6.3",
        [*fork("f", [inline("a", "1")], [inline("b", "$.x", {"x": "${a.output.result}", "s": "${a.status}"})])],
    ),
    case(
        "output of a switch in its branch",
        "engine 6.3",
        [
            switch(
                "s",
                "x",
                {
                    "x": [
                        simple("a", {"o": "${s.output.selectedCase}", "st": "${s.status}"}),
                        simple("b", {"o": "${s.output.selectedCase}"}),
                    ]
                },
            )
        ],
    ),
    case(
        "latest attempt",
        "engine 6.3",
        [simple("a"), simple("b", {"n": "${a.output.n}", "r": "${a.retryCount}"})],
        script={"a": [ok(n=1)]},
    ),
    case(
        "input template of the workflow",
        "definitions 11.3",
        [variable("v", a="${workflow.input.a}", d="${workflow.input.d}", n="${workflow.input.n}")],
        given={"a": 1, "n": None},
        inputTemplate={"a": 9, "d": "default", "n": "x", "e": "${workflow.input.a}"},
    ),
    case(
        "input template without input",
        "definitions 11.3",
        [variable("v", d="${workflow.input.d}")],
        given={},
        inputTemplate={"d": "default"},
    ),
    case(
        "input template, no input at all",
        "definitions 11.3",
        [variable("v", d="${workflow.input.d}")],
        inputTemplate={"d": "default"},
    ),
    case(
        "output refers to nothing",
        "engine 7.2",
        [step("n", "NOOP")],
        outputParameters={"a": "${nosuch.output.x}", "b": "x${n.output.y}", "c": "${workflow.input}"},
        given={"k": 1},
    ),
    case(
        "secrets stay",
        "engine 6.5",
        [simple("a", {"s": "${workflow.secrets.NOPE}"}), simple("b", {"s": "x${workflow.secrets.NOPE}y"})],
        script={},
    ),
    case(
        "empty input parameters",
        "engine 6.2",
        [
            step("a", "INLINE", {"expression": "Object.keys($).length"}),
            {"name": "~n", "taskReferenceName": "n", "type": "SIMPLE"},
        ],
    ),
    case(
        "start by path",
        "operations 1",
        [inline("i", "$.k", {"k": "${workflow.input.k}"})],
        Call("POST", "/workflow/~w?correlationId=cc&priority=3", {"k": 2}, keeps="w2", look=True),
        Call("POST", "/workflow/~w?version=7", {}),
        Call("POST", "/workflow/~none", {}),
        Call("POST", "/workflow/~w?priority=100", {}),
        given={"k": 1},
    ),
    case(
        "numbers come back as they were",
        "rest 1.3",
        [inline("i")],
        given={"i": 1, "f": 1.0, "e": 1e3, "b": 12345678901234567890123, "n": -0.5, "s": 1e-7, "z": 0.1},
    ),
    case(
        "child sees its own input",
        "engine 6.3",
        [
            step(
                "c",
                "SUB_WORKFLOW",
                {"k": "${workflow.input.k}", "t": "$${workflow.input.k}"},
                subWorkflowParam={"name": "~child", "version": 1},
            )
        ],
        given={"k": "parent"},
        defs=[
            workflow(
                "~child",
                inline(
                    "i",
                    "$.k",
                    {"k": "${workflow.input.k}", "t": "${workflow.input.t}", "p": "${workflow.parentWorkflowId}"},
                ),
            )
        ],
        patience_s=60,
    ),
]
