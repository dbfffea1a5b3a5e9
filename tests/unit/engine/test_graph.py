"""Compiled definitions: successors, bodies, bound task definitions, branches of dynamic forks."""

import gc

from podium.engine.graph import Graph, bind, compile_branch, run_time_task_def, step_in
from podium.model.task import Task
from podium.model.task_def import TaskDef
from podium.model.wire import convert, encode_json
from podium.model.workflow_def import WorkflowDef, WorkflowTask
from podium.testing.steps import do_while, fork, inline, simple, step, sub_workflow, switch, workflow

NESTED = workflow(
    "w",
    simple("a"),
    switch(
        "s",
        "x",
        {
            "x": [
                simple("x1"),
                *fork("f", [simple("p1"), simple("p2")], [do_while("lp", "", simple("b1"), simple("b2"))]),
            ]
        },
    ),
    simple("z"),
)


def graph_of(definition: dict[str, object]) -> Graph:
    return Graph(convert(WorkflowDef, definition))


def test_the_successor_of_each_step():
    steps = graph_of(NESTED).steps

    assert {ref: one.next for ref, one in steps.items()} == {
        "a": "s", "s": "z", "x1": "f", "f": "f_join", "p1": "p2", "p2": None, "lp": None, "b1": "b2", "b2": None,
        "f_join": "z", "z": None,
    }  # fmt: skip


def test_what_is_inside_and_what_is_around():
    steps = graph_of(NESTED).steps

    assert steps["s"].body == ("x1", "f", "p1", "p2", "lp", "b1", "b2", "f_join")
    assert steps["f"].body == ("p1", "p2", "lp", "b1", "b2")
    assert (steps["lp"].body, steps["a"].body) == (("b1", "b2"), ())
    assert [steps[ref].loop for ref in ("b1", "lp", "z")] == ["lp", "", ""]
    parents = {ref: one.parent.ref if one.parent else None for ref, one in steps.items()}
    assert [parents[ref] for ref in ("b1", "lp", "p1", "f_join", "x1", "z")] == ["lp", "f", "f", "s", "s", None]


def test_the_hash_is_that_of_the_content():
    assert graph_of(NESTED).hash == graph_of(NESTED).hash
    assert graph_of(NESTED).hash != graph_of({**NESTED, "version": 2}).hash


def test_a_graph_from_its_own_json_is_the_same():
    graph = graph_of(NESTED)

    again = Graph(convert(WorkflowDef, NESTED), graph.json)

    assert (again.hash, again.json) == (graph.hash, graph.json)


def test_binding_gives_each_step_a_task_definition():
    registered = TaskDef(name="a", retryCount=7)
    own = {"name": "own", "retryCount": 1}
    body = [simple("a"), simple("x"), step("h", "HUMAN"), {**simple("o"), "taskDefinition": own}]
    definition = convert(WorkflowDef, workflow("w", do_while("lp", "", *body)))

    bound = bind(definition, {"a": registered}.get, lambda _: None)

    counts = {one.taskReferenceName: one.taskDefinition for one in bound.steps()}
    assert counts["a"] == registered
    assert [counts[ref].retryCount for ref in ("x", "h", "o", "lp")] == [3, 0, 1, 0]
    assert [counts[ref].responseTimeoutSeconds for ref in ("x", "h")] == [3600, 0]


def test_binding_fixes_the_version_of_known_sub_workflows():
    steps = [sub_workflow("s", "known"), sub_workflow("t", "${x}"), sub_workflow("u", "unknown")]
    definition = convert(WorkflowDef, workflow("w", *steps))

    bound = bind(definition, lambda _: None, {"known": 4}.get)

    assert [one.subWorkflowParam.version for one in bound.tasks if one.subWorkflowParam] == [4, None, None]


def test_an_unregistered_task_of_a_dynamic_fork_has_no_retries_but_a_lease():
    found = run_time_task_def(convert(WorkflowTask, simple("x")))

    assert (found.retryCount, found.responseTimeoutSeconds) == (0, 3600)


def test_branches_of_one_task_leave_nothing_to_the_garbage_collector():
    branch = convert(WorkflowTask, inline("x"))
    source = encode_json(branch)
    gc.collect()
    gc.disable()

    try:
        found = [compile_branch(branch, source).steps["x"].ref for _ in range(100)]
        left = gc.collect()
    finally:
        gc.enable()

    assert (found, left) == (["x"] * 100, 0)


def test_a_branch_of_a_dynamic_fork_is_compiled_from_its_json():
    branch = convert(WorkflowTask, switch("s", "a", {"a": [inline("x"), inline("y")]}))
    source = encode_json(branch)

    root = compile_branch(branch, source)

    assert (root.ref, root.next, root.json, set(root.steps)) == ("s", None, source, {"s", "x", "y"})
    assert (root.steps["x"].next, root.steps["x"].source) == ("y", source)
    task = Task(5, "x__2", "INLINE", "x", step="x", dynamic_step=source)
    found = step_in(graph_of(NESTED), task)
    assert found is not None
    assert found.ref == "x"
