"""Timeouts of attempts, of polls, of all attempts together and of workflows; delays of retries; limits."""

from tests.compatibility.differential.call import Call, pause, resume, update
from tests.compatibility.differential.definition import task_def, task_defs, workflow
from tests.compatibility.differential.flow import inline, simple, step
from tests.compatibility.differential.outcome import fail, hold, leave, ok
from tests.compatibility.differential.scenario import Poll, Until, calls, case, registered, work

FAST = {"responseTimeoutSeconds": 1}


def policy(
    name: str,
    *steps: object,
    script: object = None,
    covers: str = "engine 4.3,queues 5",
    step_fields: object = None,
    **fields: object,
):
    """A worker's task with a definition of *fields*, and an inline step after it."""
    tasks = [simple("a", **(step_fields or {})), inline("z")]
    return case(name, covers, tasks, *steps, defs=[task_def("~a", **fields)], script=script or {"a": hold})


def waiting(name: str, covers: str = "queues 6,engine 4.6.4", **fields: object):
    """A failed attempt and the delay that the next one shows."""
    return case(
        f"delay: {name}",
        covers,
        [simple("a")],
        defs=[task_def("~a", retryCount=3, **fields)],
        script={"a": [fail("one"), *leave]},
    )


ENDED = Until("TIMED_OUT", within_s=150)
NEXT = Until("SCHEDULED", "a#1", within_s=150)
DONE = Until("COMPLETED", within_s=150)

SCENARIOS = [
    policy("attempt, ends the workflow", ENDED, timeoutSeconds=1, **FAST, timeoutPolicy="TIME_OUT_WF"),
    policy(
        "attempt, retried",
        NEXT,
        work(),
        timeoutSeconds=2,
        responseTimeoutSeconds=2,
        timeoutPolicy="RETRY",
        retryCount=1,
    ),
    policy("poll, ends the workflow", ENDED, script={"a": leave}, pollTimeoutSeconds=1, timeoutPolicy="TIME_OUT_WF"),
    policy(
        "poll, retried", NEXT, work(), script={"a": leave}, pollTimeoutSeconds=1, timeoutPolicy="RETRY", retryCount=1
    ),
    policy(
        "poll, retries used up", ENDED, script={"a": leave}, pollTimeoutSeconds=1, timeoutPolicy="RETRY", retryCount=0
    ),
    policy(
        "poll, optional",
        DONE,
        script={"a": leave},
        pollTimeoutSeconds=1,
        timeoutPolicy="RETRY",
        step_fields={"optional": True},
    ),
    policy("response, ends the workflow", ENDED, **FAST, covers="engine 4.2,queues 5"),
    policy("response, alert only", ENDED, **FAST, timeoutPolicy="ALERT_ONLY", covers="engine 4.2"),
    policy("response, optional", DONE, **FAST, step_fields={"optional": True}, covers="engine 4.2,engine 8"),
    policy(
        "total, no further retry", ENDED, **FAST, retryCount=5, totalTimeoutSeconds=1, covers="engine 4.4,engine 4.6.3"
    ),
    case(
        "workflow, paused",
        "engine 4.5",
        [simple("a")],
        pause(),
        resume(),
        work(),
        script={"a": leave},
        timeoutSeconds=900,
        timeoutPolicy="TIME_OUT_WF",
    ),
    case(
        "workflow with a wait",
        "engine 4.5",
        [step("p", "WAIT", {"duration": "1 days"})],
        ENDED,
        timeoutSeconds=1,
        timeoutPolicy="TIME_OUT_WF",
    ),
    waiting("fixed", retryDelaySeconds=30),
    waiting("linear", retryDelaySeconds=30, retryLogic="LINEAR_BACKOFF", backoffScaleFactor=2),
    waiting("exponential", retryDelaySeconds=30, retryLogic="EXPONENTIAL_BACKOFF"),
    waiting("capped", retryDelaySeconds=300, maxRetryDelaySeconds=40),
    waiting("overflow", retryDelaySeconds=2147483647, retryLogic="LINEAR_BACKOFF", backoffScaleFactor=2),
    case(
        "delay: second linear",
        "queues 6",
        [simple("a")],
        defs=[task_def("~a", retryCount=3, retryDelaySeconds=1, retryLogic="LINEAR_BACKOFF", backoffScaleFactor=2)],
        script={"a": [fail("one"), fail("two"), *leave]},
    ),
    case(
        "delay: second exponential",
        "queues 6",
        [simple("a")],
        defs=[task_def("~a", retryCount=3, retryDelaySeconds=1, retryLogic="EXPONENTIAL_BACKOFF")],
        script={"a": [fail("one"), fail("two"), *leave]},
    ),
    calls(
        "concurrency limit",
        "queues 7.1",
        *registered(task_def("~a", concurrentExecLimit=1), workflow("~w", simple("a"))),
        Call("POST", "/workflow", {"name": "~w"}, keeps="w1"),
        Call("POST", "/workflow", {"name": "~w"}, keeps="w2"),
        Poll("~a"),
        Poll("~a", until_found=False),
    ),
    case(
        "tasks of the last example",
        "operators 23.9,operators 23.3",
        [
            step("v", "SET_VARIABLE", {"x": "${workflow.input.q}", "n": None}),
            step("n", "NOOP", {"x": 1}),
            inline("i", "$.k", {"k": [1]}),
            step("l", "LAMBDA", {"scriptExpression": "return {z: $.k + 1}", "k": 1}),
            step(
                "dec",
                "DECISION",
                {"q": 5},
                caseExpression="$.q == 5 ? 'yes' : 'no'",
                decisionCases={"yes": [inline("i1")]},
                defaultCase=[],
            ),
            step("h", "HUMAN", {"q": 1}),
        ],
        update("h", "COMPLETED", {"d": 1}),
        given={"q": {"z": 1}},
    ),
    case(
        "statuses of a workflow",
        "engine 1.1",
        [simple("a")],
        pause(),
        resume(),
        work(a=[ok(n=1)]),
        defs=task_defs("a"),
        script={"a": leave},
    ),
]
