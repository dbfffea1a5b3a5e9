"""Operators in operators, with workers, failures and operations."""

from itertools import product

from tests.compatibility.differential.call import pause, rerun, restart, resume, retry, terminate
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
from tests.compatibility.differential.outcome import fail, leave, ok
from tests.compatibility.differential.scenario import Until, case, work

DEFS = [task_def("~a"), task_def("~b"), task_def("~c"), task_def("~again", retryCount=1)]
CHILD = workflow("~child", simple("k"))


def in_switch(ref: str, body: list[object]) -> list[object]:
    return [switch(ref, "x", {"x": body}), step(f"{ref}_after", "NOOP")]


def in_fork(ref: str, body: list[object]) -> list[object]:
    return [
        *fork(ref, body, [variable(f"{ref}_v", x=1)], join_on=[body[-1]["taskReferenceName"], f"{ref}_v"]),
        step(f"{ref}_after", "NOOP"),
    ]


def in_loop(ref: str, body: list[object]) -> list[object]:
    return [do_while(ref, f"$.{ref}.iteration < 2", *body), step(f"{ref}_after", "NOOP")]


def in_list(ref: str, body: list[object]) -> list[object]:
    return [do_while(ref, "", *body, items=["p", "q"]), step(f"{ref}_after", "NOOP")]


OUTER = {"switch": in_switch, "fork": in_fork, "loop": in_loop, "list": in_list}
LOOPS = ("loop", "list")
INNER = {
    "worker": [simple("a"), simple("b")], "optional worker": [simple("a", optional=True), simple("b")], "wait": [step("p", "WAIT", {"duration": "1s"})], "human": [step("a", "HUMAN")], "variable": [variable("v", n=1), inline("i", "$.n", {"n": "${workflow.variables.n}"})],
    "jq": [step("q", "JSON_JQ_TRANSFORM", {"queryExpression": ".a", "a": 1})], "event": [step("e", "EVENT", {"k": 1}, sink="conductor:x")], "dynamic": [step("a", "DYNAMIC", {"tn": "~dyn"}, dynamicTaskNameParam="tn")], "noop": [step("n", "NOOP")],
    "start": [step("g", "START_WORKFLOW", {"startWorkflow": {"name": "~child"}}), step("n", "NOOP")], "child": [child("cc", inputs={"n": 1})], "dynamic fork": dynamic_fork("df", {"forkTaskInputs": [{"n": 1}], "forkTaskName": "~m"}),
}  # fmt: skip


def nested(one: str, other: str):
    """One operator in another, with a worker inside."""
    return case(
        f"{other} in {one}",
        "operators 4,operators 6,operators 12",
        OUTER[one]("o", OUTER[other]("i", [simple("a"), simple("b")])),
        defs=DEFS,
    )


def holding(outer: str, inner: str):
    script = {"a": [ok(n=1), ok(n=2)]} if inner == "human" else {}
    return case(
        f"{inner} in {outer}",
        f"operators {'12' if outer in LOOPS else '6'}",
        OUTER[outer]("o", INNER[inner]),
        defs=[*DEFS, CHILD],
        script=script,
        patience_s=75,
    )


def failing(outer: str, name: str, *steps: object, script: object = None):
    return case(
        f"{name} in {outer}",
        "operations 4,operations 5",
        OUTER[outer]("o", [simple("a"), simple("b"), simple("c")]),
        *steps,
        defs=DEFS,
        script=script or {"b": [fail("bad")], "b__1": [fail("bad")]},
    )


SCENARIOS = [
    *(nested(one, other) for one, other in product(OUTER, OUTER) if not (one in LOOPS and other in LOOPS)),
    *(holding(outer, inner) for outer, inner in product(OUTER, INNER)),
    *(failing(outer, "failure") for outer in OUTER),
    *(failing(outer, "failure and retry", retry(), work()) for outer in OUTER),
    *(failing(outer, "failure and restart", restart(), work()) for outer in OUTER),
    *(failing(outer, "failure and rerun", rerun(), work()) for outer in OUTER),
    *(failing(outer, "pause and resume", pause(), work(), resume(), work(), script={"b": leave}) for outer in OUTER),
    *(failing(outer, "termination", terminate(), script={"b": leave}) for outer in OUTER),
    *(failing(outer, "termination and retry", terminate(), retry(), work(), script={"b": leave}) for outer in OUTER),
    *(failing(outer, "automatic retry", script={}) for outer in OUTER),
    case(
        "fork in fork in fork",
        "operators 6",
        [
            *fork(
                "f",
                [*fork("g", [*fork("h", [simple("a")], [simple("b")]), simple("c")], [variable("v", x=1)])],
                [variable("w", x=1)],
            ),
            step("z", "NOOP"),
        ],
        defs=DEFS,
    ),
    case(
        "switch in switch in switch",
        "operators 4",
        [
            switch(
                "s",
                "x",
                {"x": [switch("t", "x", {"x": [switch("u", "x", {"x": [simple("a")]}), simple("b")]}), simple("c")]},
            ),
            step("z", "NOOP"),
        ],
        defs=DEFS,
    ),
    case(
        "loop with everything",
        "operators 12",
        [
            do_while(
                "lp",
                "$.lp.iteration < 2",
                simple("again"),
                switch("s", "${lp.output.iteration}", {"1": [simple("a")], "2": [variable("v", x=1)]}),
                *fork("f", [simple("b")], [simple("c")]),
                step("n", "NOOP"),
            ),
            step("z", "NOOP"),
        ],
        defs=DEFS,
        script={"again__2": [fail("one"), ok(n=1)]},
    ),
    case(
        "timeout of a worker in a loop",
        "engine 4.2",
        [do_while("lp", "$.lp.iteration < 2", simple("a"))],
        Until("SCHEDULED", "a__1#1"),
        work(),
        defs=[task_def("~a", responseTimeoutSeconds=1, retryCount=1)],
        script={"a__1": [fail("x")] * 0 or leave},
    ),
]
