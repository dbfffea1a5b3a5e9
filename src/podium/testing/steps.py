"""Builders of steps, as JSON of a definition: each names what matters of its type, any other field goes by its name."""

from podium.model.wire import Json

Step = dict[str, Json]


def step(ref: str, kind: str, inputs: dict[str, Json] | None = None, **fields: Json) -> Step:
    """Return a step of any type; its name is its reference name unless *fields* say otherwise."""
    return {"name": ref, "taskReferenceName": ref, "type": kind, "inputParameters": inputs or {}, **fields}


def simple(ref: str, inputs: dict[str, Json] | None = None, **fields: Json) -> Step:
    """Return a worker's task."""
    return step(ref, "SIMPLE", inputs, **fields)


def inline(ref: str, expression: str = "1", inputs: dict[str, Json] | None = None, **fields: Json) -> Step:
    """Return a script."""
    return step(ref, "INLINE", {"expression": expression, **(inputs or {})}, **fields)


def switch(
    ref: str, value: Json, cases: dict[str, list[Step]], default: list[Step] | None = None, **fields: Json
) -> Step:
    """Return a choice by *value*, which may be an expression."""
    chosen: Step = {
        "evaluatorType": "value-param",
        "expression": "by",
        "decisionCases": cases,
        "defaultCase": default or [],
    }
    return step(ref, "SWITCH", {"by": value}, **(chosen | fields))


def fork(ref: str, *branches: list[Step], join_on: list[str] | None = None, **fields: Json) -> list[Step]:
    """Return a fork and its join `<ref>_join`, which waits for the last step of each branch."""
    wanted = [branch[-1]["taskReferenceName"] for branch in branches if branch] if join_on is None else join_on
    begin = step(ref, "FORK_JOIN", forkTasks=list(branches), **fields)
    return [begin, step(f"{ref}_join", "JOIN", joinOn=wanted)]


def do_while(ref: str, condition: str, *body: Step, inputs: dict[str, Json] | None = None, **fields: Json) -> Step:
    """Return a loop."""
    return step(ref, "DO_WHILE", inputs, loopCondition=condition, loopOver=list(body), **fields)


def sub_workflow(ref: str, name: str, inputs: dict[str, Json] | None = None, **fields: Json) -> Step:
    """Return a workflow as a step."""
    return step(ref, "SUB_WORKFLOW", inputs, subWorkflowParam={"name": name}, **fields)


def workflow(name: str, *steps: Step, **fields: Json) -> dict[str, Json]:
    """Return a workflow definition."""
    return {"name": name, "version": 1, "tasks": list(steps), **fields}
