"""Scenarios drawn by seed: a definition of nested steps, a worker's script, and what is done to the workflow then.

Only what upstream supports is drawn: no loop in a loop, no skip in a fork, and waits of one second.
"""

from collections.abc import Callable
from random import Random
from typing import Any

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
from tests.compatibility.differential.outcome import Outcome, canceled, fail, leave, ok, progress, terminal
from tests.compatibility.differential.scenario import Scenario, Step, case, work

Json = Any
DEPTH = 3
CHILDREN = [
    workflow("~quick", step("q", "NOOP"), outputParameters={"n": "${workflow.input.n}"}),
    workflow("~slow", simple("k1"), simple("k2", {"of": "${k1.output.from}"})),
    workflow("~bad", step("t", "TERMINATE", {"terminationStatus": "FAILED", "terminationReason": "no"})),
]


def drawn(seed: int) -> Scenario:
    """Return the scenario that *seed* stands for; its name says what is done to the workflow."""
    draw = Random(seed)
    made = _Drawing(draw)
    tasks = made.several(DEPTH, most=4)
    word = draw.choice(["work"] * 11 + list(_PLOTS))
    fields: Json = {}
    if draw.random() < 0.3:
        fields["outputParameters"] = {
            "x": "${workflow.variables.x}",
            "by": "${workflow.input.by}",
            "s": "${workflow.status}",
        }
    if draw.random() < 0.1:
        fields["failureWorkflow"] = "~quick"
    script = made.script
    steps: list[Step] = []
    if word in _PLOTS:
        steps = _PLOTS[word]()
        if word in _INTERRUPTED and made.workers:
            script[draw.choice(made.workers)] = leave
    given = {"by": draw.choice("abc"), "list": draw.choice([[1, 2], ["x"], []])}
    return case(
        f"{seed:05d} {word}", "generated", tasks, *steps, given=given, defs=[*CHILDREN, *made.task_defs], script=script, patience_s=20, **fields
    )  # fmt: skip


_PLOTS: dict[str, Callable[[], list[Step]]] = {
    "retry": lambda: [retry(), work()],
    "retry twice": lambda: [retry(), retry(), work()],
    "restart": lambda: [restart(), work()],
    "rerun": lambda: [rerun(), work()],
    "pause": lambda: [pause(), work(), resume(), work()],
    "terminate": lambda: [terminate()],
    "terminate, retry": lambda: [terminate(), retry(), work()],
    "terminate, restart": lambda: [terminate(), restart(), work()],
}
_INTERRUPTED = ("pause", "terminate", "terminate, retry", "terminate, restart")


class _Drawing:
    """Draws steps, and collects what the worker must know of them."""

    def __init__(self, draw: Random) -> None:
        self._draw = draw
        self._count = 0
        self._is_in_loop = False
        self.workers: list[str] = []
        self.task_defs: list[Json] = []
        self.script: dict[str, list[Outcome]] = {}

    def several(self, depth: int, most: int) -> list[Json]:
        found: list[Json] = []
        for _ in range(self._draw.randint(1, most)):
            found += self._one(depth)
        return found

    def _one(self, depth: int) -> list[Json]:
        kinds = [*_LEAVES, *(_CONTAINERS * depth if depth else [])]
        kind = self._draw.choice([one for one in kinds if not (self._is_in_loop and one in ("loop", "list"))])
        return getattr(self, f"_{kind}")(depth)

    def _ref(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"

    def _flags(self) -> Json:
        return self._draw.choice([{}] * 8 + [{"optional": True}] * 2 + [{"permissive": True}])

    # ---- leaves

    def _worker(self, depth: int) -> list[Json]:
        ref = self._ref("s")
        self.workers.append(ref)
        self.task_defs.append(task_def(f"~{ref}", retryCount=self._draw.choice([0, 0, 1, 2])))
        if self._draw.random() < 0.4:
            self.script[ref] = [self._outcome() for _ in range(self._draw.randint(1, 3))]
        inputs = {"v": "${workflow.variables.x}", "by": "${workflow.input.by}", "fix": [1, {"a": None}]}
        return [simple(ref, inputs, **self._flags())]

    def _outcome(self) -> Outcome:
        number = self._draw.randint(1, 9)
        choices = (
            [ok(n=number)] * 4 + [fail("bad", n=number)] * 4 + [progress(0, p=number), terminal("hopeless"), canceled]
        )
        return self._draw.choice(choices)

    def _variable(self, depth: int) -> list[Json]:
        return [variable(self._ref("v"), x=self._draw.randint(0, 3), by="${workflow.input.by}")]

    def _noop(self, depth: int) -> list[Json]:
        return [step(self._ref("n"), "NOOP")]

    def _inline(self, depth: int) -> list[Json]:
        expression = self._draw.choice(["$.i + 1", "$.by == 'a'", "({m: $.i})", "throw new Error('boom')"])
        flags = {"optional": self._draw.random() < 0.7} if "throw" in expression else {}
        return [inline(self._ref("i"), expression, {"i": 1, "by": "${workflow.input.by}"}, **flags)]

    def _jq(self, depth: int) -> list[Json]:
        return [
            step(
                self._ref("q"),
                "JSON_JQ_TRANSFORM",
                {
                    "queryExpression": self._draw.choice([".l[]", ".by", ".l | length"]),
                    "l": [1, 2],
                    "by": "${workflow.input.by}",
                },
            )
        ]

    def _human(self, depth: int) -> list[Json]:
        ref = self._ref("h")
        self.script[ref] = [self._draw.choice([ok(n=1), ok(n=1), fail("no")])] * 4
        return [step(ref, "HUMAN", {"k": 1}, **self._flags())]

    def _wait(self, depth: int) -> list[Json]:
        return [step(self._ref("w"), "WAIT", {"duration": "1s"})]

    def _event(self, depth: int) -> list[Json]:
        return [step(self._ref("e"), "EVENT", {"k": 1}, sink="conductor:x")]

    def _child(self, depth: int) -> list[Json]:
        name = self._draw.choice(["~quick", "~slow", "~slow", "~bad"])
        return [child(self._ref("c"), name, {"n": 1}, **self._flags())]

    def _dynamic(self, depth: int) -> list[Json]:
        ref = self._ref("d")
        return [
            step(
                ref,
                "DYNAMIC",
                {"tn": self._draw.choice(["~dyn", "NOOP", "SET_VARIABLE"]), "y": 1},
                dynamicTaskNameParam="tn",
            )
        ]

    def _terminate(self, depth: int) -> list[Json]:
        status = self._draw.choice(["COMPLETED", "FAILED", "TERMINATED"])
        return [step(self._ref("t"), "TERMINATE", {"terminationStatus": status, "workflowOutput": {"o": 1}})]

    # ---- containers

    def _switch(self, depth: int) -> list[Json]:
        cases = {"a": self.several(depth - 1, 2), "b": self.several(depth - 1, 2) if self._draw.random() < 0.5 else []}
        default = self.several(depth - 1, 1) if self._draw.random() < 0.5 else []
        return [switch(self._ref("sw"), "${workflow.input.by}", cases, default)]

    def _decision(self, depth: int) -> list[Json]:
        cases = {"a": self.several(depth - 1, 2)}
        fields = {"caseValueParam": "by", "decisionCases": cases, "defaultCase": self.several(depth - 1, 1)}
        return [step(self._ref("de"), "DECISION", {"by": "${workflow.input.by}"}, **fields)]

    def _fork(self, depth: int) -> list[Json]:
        branches = [self.several(depth - 1, 2) for _ in range(self._draw.randint(1, 3))]
        return fork(self._ref("f"), *branches)

    def _loop(self, depth: int) -> list[Json]:
        ref = self._ref("lp")
        return [do_while(ref, f"$.{ref}.iteration < {self._draw.randint(1, 3)}", *self._body(depth))]

    def _list(self, depth: int) -> list[Json]:
        return [do_while(self._ref("ll"), "", *self._body(depth), items="${workflow.input.list}")]

    def _body(self, depth: int) -> list[Json]:
        self._is_in_loop = True
        body = self.several(depth - 1, 2)
        self._is_in_loop = False
        return body

    def _dynamic_fork(self, depth: int) -> list[Json]:
        elements = [{"n": number} for number in range(self._draw.randint(0, 3))]
        kind = self._draw.choice([{"forkTaskType": "NOOP"}, {"forkTaskName": "~member"}])
        return dynamic_fork(self._ref("df"), {"forkTaskInputs": elements, **kind})

    def _exclusive(self, depth: int) -> list[Json]:
        one, other = self.several(0, 1), self.several(0, 1)
        choice = switch(self._ref("sw"), "${workflow.input.by}", {"a": one, "b": other})
        refs = [branch[-1]["taskReferenceName"] for branch in (one, other)]
        if self._is_in_loop:  # where upstream never finds the default
            return [choice]
        default = [choice["taskReferenceName"]]
        return [choice, step(self._ref("ej"), "EXCLUSIVE_JOIN", joinOn=refs, defaultExclusiveJoinTask=default)]


_LEAVES = ["worker"] * 6 + ["variable", "noop", "noop", "inline", "jq", "human", "event", "child", "dynamic"]
_LEAVES += ["wait", "terminate"]
_CONTAINERS = ["switch", "fork", "fork", "loop", "list", "dynamic_fork", "decision", "exclusive"]
