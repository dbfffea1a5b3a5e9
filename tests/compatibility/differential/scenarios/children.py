"""SUB_WORKFLOW and START_WORKFLOW; what parents and children do to each other."""

from tests.compatibility.differential.call import Call, pause, rerun, restart, resume, retry, terminate, update
from tests.compatibility.differential.definition import task_def, workflow
from tests.compatibility.differential.flow import child, fork, inline, simple, step
from tests.compatibility.differential.outcome import fail, leave, ok
from tests.compatibility.differential.scenario import Until, case, work

QUICK = workflow("~child", inline("x", "$.n", {"n": "${workflow.input.n}"}))
CHILD = workflow("~child", simple("x"), simple("y"))
X = [CHILD, task_def("~x"), task_def("~y")]
PARENT = [child("c", inputs={"n": 3}), simple("z")]
FAILS = {"x": [fail("bad")]}


def started(inputs: object) -> list[object]:
    return [step("go", "START_WORKFLOW", {"startWorkflow": inputs}), inline("z")]


def inside(defs: list[object], **fields: object) -> list[object]:
    return [*defs, workflow("~mid", child("cc", inputs={"n": 1}), **fields)]


SCENARIOS = [
    case(
        "quick child",
        "operators 13",
        [child("c", inputs={"n": 3}), inline("z", "$.r", {"r": "${c.output.result}"})],
        defs=[QUICK],
        patience_s=60,
    ),
    case("child of workers", "operators 13,engine 9.1", PARENT, defs=X),
    case("open child", "operators 13.5", PARENT, defs=X, script={"x": leave}),
    case("child without input", "operators 13.2", [child("c"), inline("z")], defs=[QUICK], patience_s=60),
    case(
        "latest version",
        "definitions 10.4",
        [child("c", version=None, inputs={"n": 1})],
        defs=[QUICK, {**QUICK, "version": 2, "tasks": [inline("v2", "2")]}],
        patience_s=60,
    ),
    case("version zero", "operators 13.1", [child("c", version=0, inputs={"n": 1})], defs=[QUICK], patience_s=60),
    case("version as text", "operators 13", [child("c", version="1", inputs={"n": 1})], defs=[QUICK], patience_s=60),
    case("unknown child", "definitions 10.4", [child("c", "~none", version=None)]),
    case("unknown version", "operators 13.6", [child("c", version=7, inputs={"n": 1}), inline("z")], defs=[QUICK]),
    case(
        "unknown version, optional",
        "operators 13.6",
        [child("c", version=7, inputs={"n": 1}, optional=True), inline("z")],
        defs=[QUICK],
    ),
    case(
        "name from input",
        "definitions 5",
        [child("c", "${workflow.input.name}", version=1, inputs={"n": 1})],
        defs=[QUICK],
        given={"name": "~child"},
        patience_s=60,
    ),
    case(
        "name from input without version",
        "definitions 10.4",
        [child("c", "${workflow.input.name}", version=None, inputs={"n": 1})],
        defs=[QUICK],
        given={"name": "~child"},
    ),
    case(
        "inline definition",
        "operators 13.1,definitions 5",
        [
            child(
                "c", "~in", inputs={"n": 1}, param={"workflowDefinition": workflow("~in", inline("k", "1"), version=3)}
            )
        ],
        patience_s=60,
    ),
    case(
        "definition by expression",
        "definitions 5",
        [child("c", "~in", inputs={"n": 1}, param={"workflowDefinition": "${workflow.input.d}"})],
        given={"d": workflow("~in", inline("k", "1"))},
        patience_s=60,
    ),
    case(
        "priority of the child",
        "definitions 5",
        [child("c", inputs={"n": 1}, param={"priority": 5})],
        defs=[CHILD],
        script={"x": leave},
        start={"priority": 9},
    ),
    case(
        "priority by expression",
        "definitions 5",
        [child("c", inputs={"n": 1}, param={"priority": "${workflow.input.p}"})],
        defs=[CHILD],
        script={"x": leave},
        given={"p": 4},
    ),
    case(
        "priority is not inherited",
        "definitions 5",
        [child("c", inputs={"n": 1})],
        defs=[CHILD],
        script={"x": leave},
        start={"priority": 9},
    ),
    case(
        "domains of the parent",
        "operators 13.3",
        [child("c", inputs={"n": 1})],
        defs=[CHILD],
        script={"x": leave},
        start={"taskToDomain": {"~x": "d"}},
    ),
    case(
        "domains of its own",
        "operators 13.3",
        [child("c", inputs={"n": 1}, param={"taskToDomain": {"~x": "${workflow.input.d}"}})],
        defs=[CHILD],
        script={"x": leave},
        given={"d": "e"},
    ),
    case(
        "correlation id",
        "operators 13.3",
        [child("c", inputs={"n": 1})],
        defs=[CHILD],
        script={"x": leave},
        start={"correlationId": "c1"},
    ),
    case(
        "idempotency key",
        "definitions 5",
        [child("c", inputs={"n": 1}, param={"idempotencyKey": "${workflow.input.k}", "idempotencyStrategy": "FAIL"})],
        defs=[QUICK],
        given={"k": "v"},
        patience_s=60,
    ),
    case("child fails", "engine 9.1", PARENT, defs=X, script=FAILS),
    case(
        "child fails, optional",
        "engine 8",
        [child("c", inputs={"n": 1}, optional=True), simple("z")],
        defs=X,
        script=FAILS,
    ),
    case(
        "child fails, permissive",
        "engine 8",
        [child("c", inputs={"n": 1}, permissive=True), simple("z")],
        defs=X,
        script=FAILS,
    ),
    case(
        "child fails, task is retried",
        "operators 13",
        [child("c", inputs={"n": 1}, retryCount=1), simple("z")],
        defs=X,
        script={"x": [fail("bad"), ok()]},
    ),
    case("child is terminated", "engine 9.1", PARENT, terminate("@c.c"), defs=X, script={"x": leave}),
    case("parent is terminated", "engine 9.1", PARENT, terminate(), defs=X, script={"x": leave}),
    case("parent is terminated without reason", "engine 9.1", PARENT, terminate("@w", ""), defs=X, script={"x": leave}),
    case(
        "parent fails beside its child",
        "engine 9.1",
        [*fork("f", [child("c", inputs={"n": 1})], [simple("a")])],
        defs=[*X, task_def("~a")],
        script={"x": leave, "a": [fail("bad")]},
    ),
    case(
        "terminate in the child",
        "operators 9",
        [child("c", inputs={"n": 1}), inline("z")],
        defs=[workflow("~child", step("t", "TERMINATE", {"terminationStatus": "FAILED", "terminationReason": "no"}))],
        patience_s=60,
    ),
    case(
        "terminate in the child, completed",
        "operators 9",
        [child("c", inputs={"n": 1}), inline("z")],
        defs=[
            workflow("~child", step("t", "TERMINATE", {"terminationStatus": "COMPLETED", "workflowOutput": {"o": 1}}))
        ],
        patience_s=60,
    ),
    case("paused parent", "engine 9.1", PARENT, pause(), work(), resume(), work(), defs=X, script={"x": leave}),
    case("paused child", "engine 9.1", PARENT, pause("@c.c"), resume("@c.c"), work(), defs=X, script={"x": leave}),
    case("retry of the parent", "operations 4.2.4", PARENT, retry(), work(), defs=X, script=FAILS),
    case(
        "retry in the child, from the parent",
        "operations 4.3",
        PARENT,
        retry("@w", "?resumeSubworkflowTasks=true"),
        work(),
        defs=X,
        script=FAILS,
    ),
    case("retry of the child", "operations 4.4,operations 6", PARENT, retry("@c.c"), work(), defs=X, script=FAILS),
    case("restart of the child", "operations 6", PARENT, restart("@c.c"), work(), defs=X, script=FAILS),
    case("restart of the parent", "operations 3.5", PARENT, restart(), work(), defs=X, script=FAILS),
    case("restart of the completed parent", "operations 3", PARENT, restart(), work(), defs=X),
    case("rerun of the child", "operations 6", PARENT, rerun(who="@c.c"), work(), defs=X, script=FAILS),
    case("rerun from a task of the child", "operations 5.3", PARENT, rerun("x"), work(), defs=X, script=FAILS),
    case(
        "rerun from a child's task, child ended well",
        "operations 5.3",
        PARENT,
        rerun("y"),
        work(),
        defs=[*X, task_def("~z")],
        script={"z": [fail("bad")]},
    ),
    case("rerun from the child task", "operations 5.4", PARENT, rerun("c"), work(), defs=X, script=FAILS),
    case("rerun from the task after", "operations 5.2", PARENT, rerun("z"), work(), defs=X),
    case("child of a child", "engine 9.1", [child("c", "~mid"), simple("z")], defs=inside(X)),
    case("child of a child fails", "engine 9.1", [child("c", "~mid"), simple("z")], defs=inside(X), script=FAILS),
    case(
        "child of a child fails, retry",
        "operations 4.4,operations 6",
        [child("c", "~mid"), simple("z")],
        retry("@c.cc"),
        work(),
        defs=inside(X),
        script=FAILS,
    ),
    case(
        "child of a child fails, retry from above",
        "operations 4.3.2",
        [child("c", "~mid"), simple("z")],
        retry("@w", "?resumeSubworkflowTasks=true"),
        work(),
        defs=inside(X),
        script=FAILS,
    ),
    case(
        "output of the child by parameters",
        "operators 13",
        [child("c", inputs={"n": 1}), inline("z", "$.o", {"o": "${c.output}"})],
        defs=[workflow("~child", inline("x"), outputParameters={"o": "${x.output.result}", "subWorkflowId": "mine"})],
        patience_s=60,
    ),
    case(
        "child is reported by hand",
        "operations 10.2",
        PARENT,
        update("c", "COMPLETED", {"by": "hand"}),
        defs=X,
        script={"x": leave, "z": leave},
    ),
    case(
        "child is completed later than its timeout",
        "engine 4.5",
        [child("c", inputs={"n": 1})],
        Until("TIMED_OUT", within_s=150),
        defs=[{**CHILD, "timeoutSeconds": 1, "timeoutPolicy": "TIME_OUT_WF"}],
        script={"x": leave},
    ),
    case(
        "failure workflow of a child",
        "engine 9.5",
        PARENT,
        defs=[{**CHILD, "failureWorkflow": "~sorry"}, task_def("~x"), workflow("~sorry", inline("s"))],
        script=FAILS,
        patience_s=60,
    ),
    # ---- START_WORKFLOW
    case(
        "starts another", "operators 14,operators 23.10", started({"name": "~child", "input": {"n": 1}}), defs=[QUICK]
    ),
    case(
        "starts another, all fields",
        "operators 14",
        started(
            {
                "name": "~child",
                "version": 1,
                "input": {"n": 1},
                "correlationId": "k",
                "priority": 3,
                "taskToDomain": {"a": "b"},
            }
        ),
        defs=[QUICK],
        start={"correlationId": "mine", "priority": 5},
    ),
    case(
        "starts another, inherits",
        "operators 14",
        started({"name": "~child", "input": {"n": 1}}),
        defs=[QUICK],
        start={"correlationId": "mine", "taskToDomain": {"*": "d"}, "priority": 5},
    ),
    case("starts nothing", "operators 14", [step("go", "START_WORKFLOW", {"k": 1}), inline("z")]),
    case("starts without a name", "operators 14", started({"input": {"n": 1}})),
    case("starts an unknown one", "operators 14", started({"name": "~none"})),
    case("starts text", "operators 14", started("text")),
    case("starts with a bad priority", "operators 14", started({"name": "~child", "priority": 200}), defs=[QUICK]),
    case(
        "starts an inline definition",
        "operators 14",
        started({"name": "x", "workflowDef": workflow("~in", inline("k"))}),
    ),
    case(
        "several children of one parent",
        "operators 13",
        [*fork("f", [child("a", inputs={"n": 1})], [child("b", inputs={"n": 2})]), inline("z")],
        defs=[QUICK],
        patience_s=60,
    ),
    case(
        "child shown by its parent's id",
        "engine 2.1",
        PARENT,
        Call("GET", "/workflow/@c.c/status?includeOutput=true&includeVariables=true"),
        defs=X,
    ),
]
