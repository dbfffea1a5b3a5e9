"""FORK_JOIN, JOIN and EXCLUSIVE_JOIN, with optional and permissive branches."""

from tests.compatibility.differential.call import retry
from tests.compatibility.differential.definition import task_def, task_defs, workflow
from tests.compatibility.differential.flow import child, fork, inline, join, simple, step, switch, variable
from tests.compatibility.differential.outcome import fail, leave, ok, terminal
from tests.compatibility.differential.scenario import case, work

BOOM = "throw new Error('x')"
FORK = ["a", "b"]
TASKS = task_defs("a", "b", "c")


def joined(ref: str, *branches: list[object], on: list[str], **fields: object) -> list[object]:
    """Return a fork and a join with fields of its own."""
    return [step(ref, "FORK_JOIN", forkTasks=list(branches)), step("j", "JOIN", joinOn=on, **fields)]


SCENARIOS = [
    case(
        "two branches",
        "operators 6,engine 3.4",
        [*fork("f", [inline("a1", "1"), inline("a2", "2")], [variable("b1", z=1)])],
    ),
    case(
        "after the join",
        "operators 6",
        [
            *fork("f", [inline("a", "1")], [inline("b", "2")]),
            inline("z", "$.j", {"j": "${f_join.output}", "a": "${a.output.result}"}),
        ],
    ),
    case(
        "input of the fork",
        "operators 6",
        [
            step("f", "FORK_JOIN", {"k": "${workflow.input.k}"}, forkTasks=[[inline("a")]]),
            step("j", "JOIN", {"dropped": 1}, joinOn=["a"]),
        ],
        given={"k": 7},
    ),
    case(
        "siblings do not see each other",
        "engine 6.3",
        fork("f", [inline("a", "5")], [inline("b", "$.of", {"of": "${a.output.result}"})]),
    ),
    case(
        "order of numbers", "engine 3.4", fork("f", [variable("a1", x=1), variable("a2", x=2)], [variable("b1", y=1)])
    ),
    case(
        "workers one after the other",
        "operators 6,engine 3.6",
        [*fork("f", [simple("a")], [simple("b"), simple("c")]), simple("z")],
        defs=TASKS,
        script={"b": [ok(k="v")]},
    ),
    case(
        "partial output of an open join",
        "operators 6.J2",
        fork("f", [simple("a")], [simple("b")]),
        work(b=[ok(n=2)]),
        defs=TASKS,
        script={"a": [ok(n=1)], "b": leave},
    ),
    case(
        "join on nothing",
        "operators 6",
        fork("f", [simple("a")], [simple("b")], join_on=[]),
        work(),
        defs=TASKS,
        script={"a": leave, "b": leave},
    ),
    case(
        "join on one of two",
        "operators 6",
        [*fork("f", [simple("a")], [simple("b")], join_on=["a"]), simple("z")],
        work(b=leave),
        work(),
        defs=TASKS,
        script={"b": leave, "z": leave},
    ),
    case(
        "join on an inner step",
        "operators 6",
        [*fork("f", [simple("a"), simple("a2")], [simple("b")], join_on=["a", "b"]), inline("z")],
        work(),
        script={"a2": leave},
        defs=TASKS,
    ),
    case("empty output has no key", "operators 6", fork("f", [variable("a", v=1)], [inline("b", "1")])),
    case("no join", "operators 6,engine 13", [step("f", "FORK_JOIN", forkTasks=[[inline("a")]]), inline("z")]),
    case(
        "exclusive join is no join",
        "operators 6",
        [step("f", "FORK_JOIN", forkTasks=[[inline("a")]]), step("e", "EXCLUSIVE_JOIN", joinOn=["a"])],
    ),
    case("fork at the end", "operators 6", [step("f", "FORK_JOIN", forkTasks=[[inline("a")]])]),
    case(
        "fork in a fork",
        "operators 6,engine 3.5",
        [*fork("f", fork("g", [simple("a")], [simple("b")]), [simple("c")]), inline("z")],
        defs=TASKS,
    ),
    case(
        "switch in a branch",
        "operators 6",
        [
            *fork("f", [switch("s", "x", {"x": [inline("a", "1")]})], [inline("b", "2")], join_on=["a", "b"]),
            inline("z"),
        ],
    ),
    case(
        "join on a switch", "operators 6", fork("f", [switch("s", "x", {"x": [inline("a", "1")]})], [inline("b", "2")])
    ),
    case(
        "branch of one fork and its join",
        "operators 6",
        [*fork("f", [*fork("g", [inline("a")], [inline("b")]), inline("c")], [inline("d")]), inline("z")],
    ),
    case(
        "branch fails",
        "operators 6",
        fork("f", [simple("a")], [simple("b")]),
        defs=TASKS,
        script={"a": [fail("bad")], "b": leave},
    ),
    case(
        "branch fails with others ended",
        "operators 6",
        fork("f", [simple("a")], [simple("b")]),
        defs=TASKS,
        script={"b": [fail("bad")]},
    ),
    case(
        "branch fails, retry",
        "operators 6,operations 4.2.2",
        [*fork("f", [simple("a")], [simple("b")]), simple("z")],
        retry(),
        work(),
        defs=TASKS,
        script={"a": [fail("bad")], "b": leave},
    ),
    case(
        "branch fails terminally",
        "operators 6",
        fork("f", [simple("a")], [simple("b")]),
        defs=[task_def("~a", retryCount=3), task_def("~b")],
        script={"a": [terminal("bad")], "b": leave},
    ),
    case("inline branch fails", "operators 6", fork("f", [inline("a", BOOM)], [inline("b")])),
    case(
        "optional branch fails",
        "operators 6.J3,operators 23.5",
        [*fork("f", [inline("a1", BOOM, optional=True)], [inline("b1", "1")]), inline("aft")],
    ),
    case(
        "two optional branches fail",
        "operators 6.J3",
        [*fork("f", [inline("a1", BOOM, optional=True)], [inline("b1", BOOM, optional=True)]), inline("aft")],
    ),
    case(
        "optional worker fails",
        "engine 8",
        [*fork("f", [simple("a", optional=True)], [simple("b")]), simple("z")],
        work(),
        defs=TASKS,
        script={"a": [fail("bad")], "b": leave},
    ),
    case(
        "optional worker fails after retries",
        "engine 8",
        [*fork("f", [simple("a", optional=True)], [simple("b")]), simple("z")],
        defs=[task_def("~a", retryCount=1), task_def("~b")],
        script={"a": [fail("one"), fail("two")]},
    ),
    case(
        "permissive branch fails first",
        "engine 8,operators 23.6",
        [*fork("f", [simple("a", permissive=True)], [simple("b"), simple("c")]), inline("z")],
        work(),
        defs=TASKS,
        script={"a": [fail("bad")], "b": leave},
    ),
    case(
        "permissive branch fails last",
        "engine 8",
        [*fork("f", [simple("a", permissive=True)], [simple("b")]), inline("z")],
        work(a=[fail("bad")]),
        defs=TASKS,
        script={"a": leave},
    ),
    case(
        "permissive inline branch",
        "operators 23.6",
        fork("f", [inline("a1", BOOM, permissive=True)], [inline("b1"), inline("b2", "2")]),
    ),
    case(
        "permissive and optional",
        "engine 8",
        [*fork("f", [simple("a", permissive=True, optional=True)], [simple("b")]), inline("z")],
        defs=TASKS,
        script={"a": [fail("bad")]},
    ),
    case(
        "permissive fails, retry",
        "operations 4.1",
        [*fork("f", [simple("a", permissive=True)], [simple("b")]), inline("z")],
        retry(),
        work(),
        defs=TASKS,
        script={"a": [fail("bad")]},
    ),
    case(
        "joined task canceled by its worker",
        "operators 6.J2,engine 1.2",
        fork("f", [simple("a")], [simple("b")]),
        defs=TASKS,
        script={"a": [terminal("x")]},
    ),
    case(
        "retried in a branch",
        "operators 6,engine 4.6",
        [*fork("f", [simple("a")], [simple("b")]), inline("z")],
        defs=[task_def("~a", retryCount=2), task_def("~b")],
        script={"a": [fail("one"), ok(n=2)]},
    ),
    case(
        "optional join",
        "engine 8",
        [*joined("f", [simple("a")], [simple("b")], on=["a", "b"], optional=True), inline("z")],
        defs=TASKS,
        script={"a": [fail("bad")]},
    ),
    case(
        "sync join",
        "definitions 4,operators 6",
        [*joined("f", [simple("a")], [simple("b")], on=["a", "b"], joinMode="SYNC"), inline("z")],
        defs=TASKS,
    ),
    case(
        "child in a branch",
        "operators 6,operators 13",
        [*fork("f", [child("a")], [simple("b")]), inline("z", "$.j", {"j": "${f_join.output}"})],
        defs=[workflow("~child", simple("x"))],
    ),
    case(
        "children in all branches, one fails",
        "engine 9.1",
        [*fork("f", [child("a")], [child("b", "~other")]), inline("z")],
        retry(),
        work(),
        defs=[workflow("~child", simple("x")), workflow("~other", simple("y")), task_def("~x"), task_def("~y")],
        script={"x": [fail("bad")], "y": leave},
    ),
    case(
        "many branches",
        "operators 6",
        [*fork("f", *[[variable(f"v{i}", **{f"k{i}": i})] for i in range(12)]), inline("z")],
    ),
    case("join twice on one", "operators 6", fork("f", [inline("a")], [inline("b")], join_on=["a", "a", "b"])),
    case(
        "second join",
        "operators 6",
        [*fork("f", [inline("a", "1")], [simple("b")], join_on=["a"]), join("j2", "b"), inline("z")],
        work(),
        defs=TASKS,
        script={"b": leave},
    ),
    # ---- EXCLUSIVE_JOIN
    case(
        "exclusive after a switch",
        "operators 7",
        [
            switch("s", "y", {"x": [inline("a", "1")], "y": [inline("b", "2")]}),
            step("e", "EXCLUSIVE_JOIN", joinOn=["a", "b"]),
            inline("z", "$.r", {"r": "${e.output.result}"}),
        ],
    ),
    case(
        "exclusive with default",
        "operators 7.2,operators 23.4",
        [
            inline("d", "7"),
            switch("s", "n", {"x": [inline("a", "1")]}),
            step("e", "EXCLUSIVE_JOIN", joinOn=["a"], defaultExclusiveJoinTask=["d"]),
            inline("z"),
        ],
    ),
    case(
        "exclusive with failed",
        "operators 7.1",
        [inline("a", BOOM, optional=True), step("e", "EXCLUSIVE_JOIN", joinOn=["a"]), inline("z")],
    ),
    case(
        "exclusive with permissive failed",
        "operators 7.1",
        [simple("a", permissive=True), step("e", "EXCLUSIVE_JOIN", joinOn=["a"]), inline("z")],
        defs=TASKS,
        script={"a": [fail("bad")]},
    ),
    case(
        "exclusive, first of two",
        "operators 7",
        [inline("a", "1"), inline("b", "2"), step("e", "EXCLUSIVE_JOIN", joinOn=["b", "a"]), inline("z")],
    ),
]
