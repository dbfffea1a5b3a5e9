"""Random definitions: every type of step, nested and in sequence, small enough to be played through."""

from random import Random
from typing import Any

from podium.engine.context import Script, ScriptAnswer
from podium.tasks.sub_workflow import escaped
from podium.testing import Rehearsal, steps

QUEUES = ("plain", "again", "slow", "impatient", "strict", "HTTP", "odd")
OUTSIDE = "outside()"  # no script of the small evaluator: asks for one from outside
BOOM = "boom()"
Json = dict[str, Any]

TASK_DEFS: list[Json] = [
    {"name": "plain", "retryCount": 0, "responseTimeoutSeconds": 50},
    {"name": "again", "retryCount": 2, "retryDelaySeconds": 5, "responseTimeoutSeconds": 20, "backoffJitterMs": 900},
    {"name": "slow", "retryCount": 1, "retryLogic": "EXPONENTIAL_BACKOFF", "retryDelaySeconds": 3, "timeoutSeconds": 30,
     "responseTimeoutSeconds": 15, "timeoutPolicy": "RETRY", "totalTimeoutSeconds": 60},
    {"name": "impatient", "retryCount": 1, "retryDelaySeconds": 0, "pollTimeoutSeconds": 12, "timeoutPolicy": "RETRY"},
    {"name": "strict", "retryCount": 1, "pollTimeoutSeconds": 40, "timeoutPolicy": "TIME_OUT_WF"},
]  # fmt: skip

CHILDREN = [
    steps.workflow("child", steps.simple("c1", name="plain"), steps.inline("c2")),
    steps.workflow("quick", steps.inline("q1", "7")),
    steps.workflow("parent", steps.sub_workflow("p1", "child"), steps.simple("p2", name="again")),
    steps.workflow("hopeless", steps.inline("h1", BOOM), failureWorkflow="quick"),
]


def answer(script: Script) -> ScriptAnswer:
    """Stand in for the script processes."""
    if script.source == BOOM:
        return ScriptAnswer(error="Error evaluating the script `Error: boom`")
    return ScriptAnswer(b'["a"]' if script.language == "jq" else b'"a"')


def stage(definition: Json, *, is_forgetful: bool = False, **limits: Any) -> Rehearsal:
    """Return a rehearsal that knows *definition* and all that it refers to."""
    made = Rehearsal(scripts=answer, is_forgetful=is_forgetful, **limits)
    made.register(*TASK_DEFS, *CHILDREN, definition)
    return made


class _Names:
    def __init__(self) -> None:
        self.count = 0
        self.loops = 0  # around the place

    def next(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"


def definition_of(seed: int) -> Json:
    """Return the workflow definition that *seed* stands for."""
    draw, names = Random(seed), _Names()
    body = draw_list(draw, names, depth=3, most=5)
    fields: Json = {}
    if draw.randint(0, 2) == 0:
        fields = {"timeoutSeconds": 60, "timeoutPolicy": "TIME_OUT_WF"}
    if draw.randint(0, 4) == 0:
        fields["outputParameters"] = {"all": "${workflow.variables}", "in": "${workflow.input.by}"}
    if draw.randint(0, 6) == 0:
        fields["failureWorkflow"] = "quick"
    return steps.workflow("drawn", *body, **fields)


def draw_list(draw: Random, names: _Names, depth: int, most: int) -> list[Json]:
    found: list[Json] = []
    for _ in range(draw.randint(1, most)):
        found.extend(draw_steps(draw, names, depth))
    return found


def draw_steps(draw: Random, names: _Names, depth: int) -> list[Json]:
    leaves = ["simple"] * 4 + ["inline"] * 3 + ["variable", "wait", "human", "child", "leaf"]
    containers = ["switch", "fork", "fork", "loop", "loop", "dynamic_fork", "exclusive"]
    kinds = leaves if not depth else leaves + containers * depth
    return _MAKERS[draw.choice(kinds)](draw, names, depth)


def _flags(draw: Random) -> Json:
    return draw.choice([{}] * 8 + [{"optional": True}] * 3 + [{"permissive": True}])


def _simple(draw: Random, names: _Names, depth: int) -> list[Json]:
    queue = draw.choice(QUEUES[:5])
    delay = draw.choice([0, 0, 0, 4])
    given = {"v": "${workflow.variables.x}", "i": "${workflow.input.by}"}
    return [steps.simple(names.next("s"), given, name=queue, startDelay=delay, **_flags(draw))]


def _inline(draw: Random, names: _Names, depth: int) -> list[Json]:
    expression = draw.choice(["$.i + 1"] * 6 + [OUTSIDE] * 3 + [BOOM])
    flags = _flags(draw) | {"optional": draw.random() < 0.8} if expression == BOOM else {}
    return [steps.inline(names.next("i"), expression, {"i": 1}, **flags)]


def _variable(draw: Random, names: _Names, depth: int) -> list[Json]:
    return [steps.step(names.next("v"), "SET_VARIABLE", {"x": draw.randint(0, 3), "last": "${workflow.workflowId}"})]


def _wait(draw: Random, names: _Names, depth: int) -> list[Json]:
    given: Json = draw.choice([{"duration": "7s"}] * 4 + [{"duration": "0s"}, {}, {"until": "2023-11-15"}])
    flags = _flags(draw)
    if draw.random() < 0.1:
        given, flags = {"duration": "soon"}, {"optional": True}
    return [steps.step(names.next("w"), "WAIT", given, **flags)]


def _human(draw: Random, names: _Names, depth: int) -> list[Json]:
    return [steps.step(names.next("h"), "HUMAN", name="strict" if draw.random() < 0.5 else "h", **_flags(draw))]


def _child(draw: Random, names: _Names, depth: int) -> list[Json]:
    name = draw.choice(["child"] * 5 + ["quick"] * 3 + ["parent"] * 3 + ["hopeless", "missing"])
    delay = draw.choice([0, 0, 3])
    task_def = draw.choice(["again", "x", "x"])
    return [steps.sub_workflow(names.next("c"), name, {"a": 1}, startDelay=delay, **_flags(draw)) | {"name": task_def}]


def _leaf(draw: Random, names: _Names, depth: int) -> list[Json]:
    ref = names.next("l")
    kind = draw.choice(["NOOP", "EVENT", "START_WORKFLOW", "HTTP", "DYNAMIC", "JSON_JQ_TRANSFORM", "TERMINATE", "odd"])
    given: Json = {
        "START_WORKFLOW": {"startWorkflow": {"name": "quick"}},
        "DYNAMIC": {"kind": draw.choice(["plain", "HUMAN", "INLINE"]), "expression": "1"},
        "JSON_JQ_TRANSFORM": {"queryExpression": ".x"},
        "TERMINATE": {
            "terminationStatus": draw.choice(["COMPLETED", "FAILED", "TERMINATED"]),
            "workflowOutput": {"o": 1},
        },
    }.get(kind, {"uri": "x"})
    asynchronous = kind in ("EVENT", "HTTP") and draw.random() < 0.5
    return [steps.step(ref, kind, given, sink="conductor:x", dynamicTaskNameParam="kind", asyncComplete=asynchronous)]


def _switch(draw: Random, names: _Names, depth: int) -> list[Json]:
    ref = names.next("sw")
    cases = {
        "a": draw_list(draw, names, depth - 1, 2),
        "b": draw_list(draw, names, depth - 1, 2) if draw.random() < 0.5 else [],
    }
    default = draw_list(draw, names, depth - 1, 1) if draw.random() < 0.5 else []
    how = draw.choice(["value", "value", "script", "boom", "decision"])
    if how == "decision":
        found = steps.step(
            ref,
            "DECISION",
            {"by": "${workflow.input.by}"},
            caseValueParam="by",
            decisionCases=cases,
            defaultCase=default,
        )
        return [found]
    found = steps.switch(ref, "${workflow.input.by}", cases, default)
    if how != "value":
        found |= {"evaluatorType": "javascript", "expression": OUTSIDE if how == "script" else BOOM}
    if how == "boom":
        found |= _flags(draw)
    return [found]


def _fork(draw: Random, names: _Names, depth: int) -> list[Json]:
    ref = names.next("f")
    branches = [draw_list(draw, names, depth - 1, 2) for _ in range(draw.randint(1, 3))]
    last = [branch[-1]["taskReferenceName"] for branch in branches]
    join_on = draw.choice([last, last, last, last[:1], [], [*last, "nowhere"]])
    return steps.fork(ref, *branches, join_on=join_on)


def _loop(draw: Random, names: _Names, depth: int) -> list[Json]:
    ref = names.next("lp")
    names.loops += 1
    body = draw_list(draw, names, depth - 1, 2)
    names.loops -= 1
    # In a loop of a loop, what was deleted may leave an instance of an earlier outer iteration as the latest of its
    # step: only rows know it, and nothing but an expression can tell the difference.
    given: Json = {"keepLastN": 1} if not names.loops and draw.random() < 0.4 else {}
    if draw.randint(0, 2) == 0:
        return [steps.do_while(ref, "", *body, inputs=given, items="${workflow.input.list}")]
    times = draw.randint(1, 3)
    condition = draw.choice([f"$.{ref}.iteration < {times}"] * 5 + [BOOM])
    return [steps.do_while(ref, condition, *body, inputs=given, **draw.choice([{}, {}, {"optional": True}]))]


def _dynamic_fork(draw: Random, names: _Names, depth: int) -> list[Json]:
    ref = names.next("df")
    join = steps.step(f"{ref}_join", "JOIN")
    if draw.random() < 0.5:
        elements: list[Any] = draw.choices(
            [{"expression": "1"}, {"expression": BOOM, "optional": True}], k=draw.randint(0, 3)
        )
        given: Json = {
            "forkTaskInputs": elements,
            "forkTaskType": draw.choice(["INLINE", "SIMPLE"]),
            "forkTaskName": "plain",
        }
        return [steps.step(ref, "FORK_JOIN_DYNAMIC", given), join]
    members = [draw_steps(draw, names, min(depth - 1, 1))[0] for _ in range(draw.randint(0, 2))]
    members = [member for member in members if member["type"] not in ("FORK_JOIN", "FORK_JOIN_DYNAMIC")]
    given = {"list": escaped(members), "inputs": {member["taskReferenceName"]: {"extra": 1} for member in members}}
    fields = {"dynamicForkTasksParam": "list", "dynamicForkTasksInputParamName": "inputs"}
    return [steps.step(ref, "FORK_JOIN_DYNAMIC", given, **fields), join]


def _exclusive(draw: Random, names: _Names, depth: int) -> list[Json]:
    one, other = draw_list(draw, names, depth - 1, 1), draw_list(draw, names, depth - 1, 1)
    choice = steps.switch(names.next("sw"), "${workflow.input.by}", {"a": one, "b": other})
    names_of = [branch[-1]["taskReferenceName"] for branch in (one, other)]
    return [choice, steps.step(names.next("ej"), "EXCLUSIVE_JOIN", joinOn=names_of)]


_MAKERS = {
    "simple": _simple, "inline": _inline, "variable": _variable, "wait": _wait, "human": _human, "child": _child,
    "leaf": _leaf,
    "switch": _switch, "fork": _fork, "loop": _loop, "dynamic_fork": _dynamic_fork, "exclusive": _exclusive,
}  # fmt: skip
