"""Definitions that are too large, grow too large when they run, or start themselves."""

from typing import Any

from .target import simple, step

Json = Any


def nested(depth: int) -> list[Json]:
    steps = [simple("leaf")]
    for level in range(depth - 1):
        steps = [step("DO_WHILE", f"d{level}", loopCondition="false", loopOver=steps)]
    return steps


REFUSED_DEFINITIONS: dict[str, list[Json]] = {
    "20,000 steps": [simple(f"s{number}") for number in range(20_000)],
    "51 levels": nested(51),
    "100 levels": nested(100),
    "a name twice": [simple("a"), simple("a")],
    "a path that is none": [simple("a", x="${workflow.input.a" + "[0]" * 200_000 + "}")],
    "tokens in tokens": [simple("a", x="${" * 5_000 + "}" * 5_000)],
    "a reference to nothing": [simple("a", x="${b.output.x}")],
}


def thin(count: int) -> Json:
    """Return a definition with as many steps as fit into a payload."""
    steps = [{"name": "x", "taskReferenceName": f"{number}"} for number in range(count)]
    return {"name": "bomb", "version": 1, "tasks": steps}


TOO_MUCH: dict[str, tuple[list[Json], Json, str]] = {
    "variables that double": (
        [
            step("SET_VARIABLE", "v", inputParameters={"x": ["a"]}),
            *(step("SET_VARIABLE", f"v{n}", inputParameters={"x": ["${workflow.variables.x}"] * 2}) for n in range(40)),
        ],
        {},
        "variables payload size",
    ),
    "text that doubles": (
        [
            step("SET_VARIABLE", "v", inputParameters={"x": "a"}),
            *(step("SET_VARIABLE", f"v{n}", inputParameters={"x": "${workflow.variables.x}" * 2}) for n in range(40)),
        ],
        {},
        "variables payload size",
    ),
    "variables over their limit": (
        [step("SET_VARIABLE", inputParameters={"x": "${workflow.input.x}"})],
        {"x": "a" * 300_000},
        "variables payload size",
    ),
    "a text a thousand times": ([simple("a", x="${workflow.input.x}" * 1_000)], {"x": "a" * 900_000}, "expand to more"),
    "a value a thousand times": (
        [simple("a", **{f"x{n}": "${workflow.input.x}" for n in range(1_000)})],
        {"x": "a" * 900_000},
        "expand to more",
    ),
    "a value sixteen times": (
        [simple("a", **{f"x{n}": "${workflow.input}" for n in range(16)})],
        {"x": "a" * 900_000},
        "greater than the permissible limit",
    ),
    "branches with a value each": (
        [
            step("FORK_JOIN", forkTasks=[[simple(f"b{n}", x="${workflow.input.x}")] for n in range(1_000)]),
            step("JOIN", "j", joinOn=["b1"]),
        ],
        {"x": "a" * 900_000},
        "exceed 268435456 bytes",
    ),
    "a path that looks everywhere": (
        [simple("a", **{f"x{n}": "${workflow.input..*..*..*}" for n in range(50)})],
        {"a": [[list(range(50))] * 50] * 10},
        "visit more than",
    ),
    "a fork of 60,000": (
        [
            step("FORK_JOIN_DYNAMIC", inputParameters={"forkTaskInputs": "${workflow.input.x}", "forkTaskName": "x"}),
            step("JOIN", "j"),
        ],
        {"x": [0] * 60_000},
        "has more than 50000 tasks",
    ),
    "a fork of 45,000": (
        [
            step("FORK_JOIN_DYNAMIC", inputParameters={"forkTaskInputs": "${workflow.input.x}", "forkTaskName": "x"}),
            step("JOIN", "j"),
        ],
        {"x": [0] * 45_000},
        "take more than 1048576 bytes",
    ),
    "a script without end": (
        [step("INLINE", inputParameters={"evaluatorType": "javascript", "expression": "while(true){}"})],
        {},
        "interrupted",
    ),
}


FAILS = step("TERMINATE", "t", inputParameters={"terminationStatus": "FAILED"})


def starting(name: str, kind: str, ref: str) -> Json:
    if kind == "SUB_WORKFLOW":
        return step(kind, ref, subWorkflowParam={"name": name})
    return step(kind, ref, inputParameters={"startWorkflow": {"name": name, "version": 1}})
