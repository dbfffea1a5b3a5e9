"""Reports by reference name, signals, synchronous execution, logs, update-v2, bulk operations."""

from tests.compatibility.differential.call import Call, operation, pause, terminate, update
from tests.compatibility.differential.definition import task_defs, workflow
from tests.compatibility.differential.flow import child, fork, inline, simple, step
from tests.compatibility.differential.outcome import fail, leave
from tests.compatibility.differential.scenario import Poll, calls, case, registered, work

A = task_defs("a", "b")
P = [step("p", "WAIT"), inline("z", "$.n", {"n": "${p.output.n}"})]


def signal(status: str = "COMPLETED", output: object = None, sync: bool = False, query: str = "") -> Call:
    return operation("POST", f"/tasks/@w/{status}/signal{'/sync' if sync else ''}{query}", output or {})


def executed(
    name: str,
    *tasks: object,
    query: str = "?requestId=r",
    body: object = None,
    covers: str = "operations 11",
    defs: object = (),
    steps: object = (),
):
    flow = workflow("~w", *tasks)
    body = {"name": "ignored", "input": {"k": 1}, **(body or {})}
    return calls(
        name, covers, Call("POST", f"/workflow/execute/~w/1{query}", body, look=True), *steps, defs=[*defs, flow]
    )


def bulk(name: str, method: str, path: str, *steps: object, script: object = None, body: object = None):
    return case(
        f"bulk {name}",
        "operations 9",
        [simple("a")],
        Call(method, f"/workflow/bulk/{path}", body if body is not None else ["@w", "nope"], look=True),
        *steps,
        defs=A,
        script=script or {"a": leave},
    )


SCENARIOS = [
    case("signal ends a wait", "operations 12", P, signal(output={"n": 1})),
    case(
        "signal without a wait",
        "operations 12",
        [simple("a")],
        signal(output={"n": 1}),
        signal(sync=True),
        script={"a": leave},
    ),
    case("signal fails a wait", "operations 12", P, signal("FAILED", {"n": 1})),
    case("signal in progress", "operations 12", P, signal("IN_PROGRESS", {"n": 1}), signal("COMPLETED", {"m": 1})),
    case(
        "signal takes the first of two",
        "operations 12",
        fork("f", [step("p", "WAIT")], [step("q", "WAIT")]),
        signal(output={"n": 1}),
        signal(output={"n": 2}),
    ),
    case(
        "signal of a wait with an end",
        "operations 12",
        [step("p", "WAIT", {"duration": "1 days"}), inline("z")],
        signal(output={"n": 1}),
    ),
    case(
        "signal does not see humans",
        "operations 12",
        [step("h", "HUMAN"), inline("z")],
        signal(output={"n": 1}),
        signal(sync=True),
    ),
    case(
        "signal in a child",
        "operations 12",
        [child("c", inputs={"n": 1}), inline("z")],
        signal(output={"n": 1}),
        defs=[workflow("~child", *P)],
        patience_s=60,
    ),
    case(
        "signal, synchronous",
        "operations 12",
        [step("p", "WAIT"), step("q", "WAIT")],
        signal(output={"n": 1}, sync=True),
        signal(output={"n": 2}, sync=True),
    ),
    case(
        "signal, synchronous, blocking task",
        "operations 12",
        [step("p", "WAIT"), step("q", "WAIT")],
        signal(output={"n": 1}, sync=True, query="?returnStrategy=BLOCKING_TASK"),
    ),
    case(
        "signal, synchronous, blocking task input",
        "operations 12",
        [step("p", "WAIT"), step("q", "WAIT", {"k": 1})],
        signal(output={"n": 1}, sync=True, query="?returnStrategy=BLOCKING_TASK_INPUT"),
    ),
    case(
        "signal, synchronous, blocking workflow",
        "operations 12",
        [step("p", "WAIT"), child("c", inputs={"n": 1})],
        signal(output={"n": 1}, sync=True, query="?returnStrategy=BLOCKING_WORKFLOW"),
        defs=[workflow("~child", step("q", "WAIT"))],
    ),
    case("signal of an ended workflow", "operations 12", P, terminate(), signal(), signal(sync=True)),
    calls(
        "signal of an unknown workflow",
        "operations 12",
        Call("POST", "/tasks/nope/COMPLETED/signal", {}),
        Call("POST", "/tasks/nope/COMPLETED/signal/sync", {}),
    ),
    case("signal with a bad strategy", "operations 11", P, signal(sync=True, query="?returnStrategy=NOPE")),
    # ---- execute
    executed("execute to the end", inline("i", "$.k", {"k": "${workflow.input.k}"})),
    executed("execute until a wait", inline("i"), step("p", "WAIT")),
    executed(
        "execute until a task", inline("i"), simple("a"), query="?requestId=r&waitUntilTaskRef=i&waitForSeconds=3"
    ),
    executed("execute, time is over", simple("a"), query="?requestId=r&waitForSeconds=1"),
    executed(
        "execute, wait with an end", step("p", "WAIT", {"duration": "1 days"}), query="?requestId=r&waitForSeconds=1"
    ),
    executed("execute, human", step("h", "HUMAN"), query="?requestId=r&waitForSeconds=1"),
    executed(
        "execute, blocking task",
        inline("i"),
        step("p", "WAIT", {"k": 1}),
        query="?requestId=r&returnStrategy=BLOCKING_TASK",
    ),
    executed(
        "execute, blocking workflow",
        inline("i"),
        step("p", "WAIT", {"k": 1}),
        query="?requestId=r&returnStrategy=BLOCKING_WORKFLOW",
    ),
    executed("execute, fails", inline("i", "throw 1")),
    executed(
        "execute with fields", step("p", "WAIT"), body={"correlationId": "c", "priority": 3, "taskToDomain": {"*": "d"}}
    ),
    executed(
        "execute a definition of its own",
        inline("i"),
        body={"workflowDef": workflow("~w", inline("j", "$.k", {"k": "${workflow.input}"}))},
    ),
    executed(
        "execute, wait in a child",
        child("c", inputs={"n": 1}),
        defs=[workflow("~child", step("q", "WAIT"))],
        query="?requestId=r&waitForSeconds=5",
    ),
    calls(
        "execute an unknown one",
        "operations 11",
        Call("POST", "/workflow/execute/~none/1", {"name": "x"}),
        Call("POST", "/workflow/execute/~none/0", {"name": "x"}),
    ),
    executed("execute with a bad strategy", inline("i"), query="?returnStrategy=NOPE"),
    # ---- update-v2, logs, reads
    case(
        "update-v2",
        "operations 10.1",
        [simple("a"), simple("a", taskReferenceName="a2")],
        Poll("~a"),
        Call(
            "POST",
            "/tasks/update-v2",
            {"workflowInstanceId": "@w", "taskId": "@t.a", "status": "COMPLETED", "workerId": "w"},
            look=True,
        ),
        defs=A,
        script={"a": leave, "a2": leave},
    ),
    case(
        "update-v2 in progress",
        "operations 10.1",
        [simple("a")],
        Call(
            "POST",
            "/tasks/update-v2",
            {"workflowInstanceId": "@w", "taskId": "@t.a", "status": "IN_PROGRESS"},
            look=True,
        ),
        Call("POST", "/tasks/update-v2", {}),
        defs=A,
        script={"a": leave},
    ),
    case(
        "logs",
        "operations 10.1,rest 2.4",
        [simple("a")],
        Call("GET", "/tasks/@t.a/log"),
        Call("POST", "/tasks/@t.a/log", b"plain text", content_type="text/plain"),
        Call("POST", "/tasks/@t.a/log", "a JSON string"),
        Call("GET", "/tasks/@t.a/log"),
        update("a", "COMPLETED", {"n": 1}, logs=[{"log": "one", "createdTime": 5}, {"log": "two"}]),
        Call("GET", "/tasks/@t.a/log"),
        defs=A,
        script={"a": leave},
    ),
    calls(
        "logs of an unknown task",
        "rest 2.4",
        Call("POST", "/tasks/nope/log", b"x", content_type="text/plain"),
        Call("GET", "/tasks/nope2/log"),
    ),
    case(
        "reads of a task",
        "rest 2.4",
        [simple("a")],
        Call("GET", "/tasks/@t.a"),
        Call("GET", "/tasks/nope"),
        defs=A,
        script={"a": leave},
    ),
    case(
        "reads of a workflow",
        "rest 2.2",
        [simple("a"), simple("b")],
        Call("GET", "/workflow/@w?includeTasks=false"),
        Call("GET", "/workflow/@w/status"),
        Call("GET", "/workflow/@w/status?includeOutput=true&includeVariables=true"),
        Call("GET", "/workflow/@w/tasks"),
        Call("GET", "/workflow/@w/tasks?count=1"),
        Call("GET", "/workflow/@w/tasks?start=1&count=5"),
        Call("GET", "/workflow/@w/tasks?status=COMPLETED"),
        Call("GET", "/workflow/@w/tasks?status=scheduled"),
        Call("GET", "/workflow/@w/tasks?count=-1"),
        Call("GET", "/workflow/@w/tasks?status=NOPE"),
        Call("GET", "/workflow/nope"),
        Call("GET", "/workflow/nope/status"),
        Call("GET", "/workflow/nope/tasks"),
        defs=A,
        script={"b": leave},
        start={"correlationId": "c"},
    ),
    case(
        "correlated",
        "rest 2.2",
        [simple("a")],
        Call("GET", "/workflow/~w/correlated/c~1"),
        Call("GET", "/workflow/~w/correlated/c~1?includeTasks=true"),
        Call("GET", "/workflow/~w/correlated/none"),
        Call("GET", "/workflow/~none/correlated/c~1"),
        Call("POST", "/workflow/~w/correlated", ["c~1", "none"]),
        pause(),
        Call("GET", "/workflow/~w/correlated/c~1"),
        Call("GET", "/workflow/~w/correlated/c~1?includeClosed=true"),
        Call("GET", "/workflow/running/~w"),
        Call("GET", "/workflow/running/~w?version=2"),
        Call("GET", "/workflow/running/~none"),
        defs=A,
        script={"a": leave},
        start={"correlationId": "c~1"},
    ),
    # ---- bulk
    bulk("pause", "PUT", "pause", Call("PUT", "/workflow/bulk/resume", ["@w", "nope"], look=True)),
    bulk("resume, not paused", "PUT", "resume"),
    bulk("terminate", "POST", "terminate?reason=enough"),
    bulk("restart", "POST", "restart", work(), script={}),
    bulk("restart running", "POST", "restart"),
    bulk("retry", "POST", "retry", work(), script={"a": [fail("bad")]}),
    bulk("retry completed", "POST", "retry", script={}),
    bulk("remove", "DELETE", "remove", script={}),
    bulk("remove running", "DELETE", "remove"),
    bulk("terminate-remove", "DELETE", "terminate-remove?reason=r"),
    bulk("terminate twice", "POST", "terminate", body=["@w", "@w"]),
    calls(
        "bulk without ids",
        "rest 2.3",
        Call("PUT", "/workflow/bulk/pause", []),
        Call("POST", "/workflow/bulk/terminate", []),
        Call("POST", "/workflow/bulk/retry", ["x"] * 1001),
    ),
    calls(
        "two workflows of one name",
        "engine 3.1",
        *registered(workflow("~w", simple("a")), *A),
        Call("POST", "/workflow", {"name": "~w", "input": {"n": 1}}, keeps="w"),
        Call("POST", "/workflow", {"name": "~w", "input": {"n": 2}}, keeps="w2"),
        work(),
    ),
    case(
        "idempotency is separate",
        "definitions 11",
        [simple("a")],
        update("a", "COMPLETED", {}),
        defs=A,
        script={"a": leave},
        start={"createdBy": "me"},
    ),
]
