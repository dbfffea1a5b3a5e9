"""What people may do to a workflow in which state, and what it changes."""

from typing import Any

import pytest

from podium.engine import commands
from podium.engine.commands import Command, Pause, Remove, Restart, Resume, SetVariables, SkipTask, Terminate
from podium.model.errors import Conflict, InvalidRequest, NotFound, PodiumError
from podium.testing import Rehearsal
from podium.testing.steps import fork, inline, simple, step, sub_workflow, workflow

STATES = ("RUNNING", "PAUSED", "COMPLETED", "FAILED", "TIMED_OUT", "TERMINATED")


def in_state(stage: Rehearsal, state: str) -> str:
    """Return a workflow of two steps in that state."""
    stage.register({"name": "a", "retryCount": 0})
    stage.register(workflow("w", simple("a"), simple("b"), timeoutSeconds=60, timeoutPolicy="TIME_OUT_WF"))
    key = stage.start("w")
    if state == "PAUSED":
        stage.send(key, Pause())
    elif state == "COMPLETED":
        stage.complete(key, "a")
        stage.complete(key, "b")
    elif state == "FAILED":
        stage.fail(key, "a")
    elif state == "TIMED_OUT":
        stage.advance(60)
    elif state == "TERMINATED":
        stage.send(key, Terminate())
    assert stage.status(key) == state
    return key


OK = "ok"
MATRIX: list[tuple[Command, list[Any]]] = [
    (Pause(), [OK, OK, Conflict, Conflict, Conflict, Conflict]),
    (Resume(), [Conflict, OK, Conflict, Conflict, Conflict, Conflict]),
    (Terminate(), [OK, OK, Conflict, OK, OK, OK]),
    (Restart(), [Conflict, Conflict, OK, OK, OK, OK]),
    (commands.Retry(), [NotFound, NotFound, Conflict, OK, OK, OK]),
    (commands.Rerun(), [Conflict, Conflict, OK, OK, OK, OK]),
    (SkipTask("b"), [OK, Conflict, Conflict, Conflict, Conflict, Conflict]),
    (commands.ResetCallbacks(), [OK, OK, Conflict, Conflict, Conflict, Conflict]),
    (Remove(), [InvalidRequest, InvalidRequest, OK, OK, OK, OK]),
    (Remove(archive=False), [OK] * 6),
    (SetVariables(b'{"x":1}'), [OK, OK, Conflict, Conflict, Conflict, Conflict]),
    (commands.Decide(), [OK] * 6),
]
CASES = [(command, state, outcome) for command, row in MATRIX for state, outcome in zip(STATES, row, strict=True)]


@pytest.mark.parametrize(("command", "state", "outcome"), CASES, ids=lambda value: str(value)[:40])
def test_what_is_allowed_in_which_state(stage: Rehearsal, command: Command, state: str, outcome: Any):
    key = in_state(stage, state)

    if outcome == OK:
        stage.send(key, command)
    else:
        with pytest.raises(outcome):
            stage.send(key, command)
        assert stage.status(key) == state


def test_the_texts_of_refusals(stage: Rehearsal):
    key = in_state(stage, "COMPLETED")
    name = f"w.1/{key}"
    texts = {
        Pause(): f"Workflow {name} has ended, status cannot be updated.",
        Resume(): f"The workflow {key} is not PAUSED so cannot resume. Current status is COMPLETED",
        Terminate(): "Cannot terminate a COMPLETED workflow.",
        SkipTask("b"): f"The workflow {key} is not running so the task referenced by b cannot be skipped",
        commands.ResetCallbacks(): "Workflow is in terminal state. Status = COMPLETED",
    }
    running = in_state(stage, "RUNNING")
    running_texts = {
        Restart(): f"Workflow: w.1/{running}.RUNNING is not in terminal state, unable to restart.",
        commands.Rerun(): f"Workflow: w.1/{running}.RUNNING is not in terminal state, unable to rerun.",
        commands.Retry(): "Workflow is still running.  status=RUNNING",
        Remove(): f"Cannot archive workflow: {running} with status: RUNNING",
        SkipTask("zz"): "The task referenced by zz does not exist in the WorkflowDefinition w",
        SkipTask("a"): "The task referenced a has already been processed, cannot be skipped",
    }

    for target, expected in ((key, texts), (running, running_texts)):
        for command, text in expected.items():
            with pytest.raises(PodiumError) as refusal:
                stage.send(target, command)
            assert refusal.value.message == text


# ---- pause and resume


def test_results_of_a_paused_workflow_are_kept_until_it_goes_on(stage: Rehearsal):
    stage.register({"name": "x", "retryCount": 1, "retryDelaySeconds": 0})
    stage.register(workflow("w", *fork("f", [simple("x"), simple("x2")], [simple("y")]), simple("after")))
    key = stage.start("w")
    stage.send(key, Pause())

    assert stage.poll("y") is not None  # what is queued is still handed out
    stage.complete(key, "y")
    stage.fail(key, "x", "no")
    assert stage.lines(key)[1:] == ["2 x x FAILED", "3 y y COMPLETED", "4 f_join JOIN IN_PROGRESS"]
    stage.send(key, Resume())

    assert stage.lines(key)[4:] == ["5 x x SCHEDULED"]
    assert stage.workflow(key).head.last_retried_ms == stage.now_ms
    stage.complete(key, "x")
    stage.complete(key, "x2")
    assert stage.status(key, "after") == "SCHEDULED"


def test_everything_may_end_during_a_pause(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("x")], [simple("y")])))
    key = stage.start("w")
    stage.send(key, Pause())
    stage.complete(key, "x", {"o": 1})
    stage.complete(key, "y")

    stage.send(key, Resume())

    assert (stage.status(key), stage.output(key, "f_join")) == ("COMPLETED", {"x": {"o": 1}})


def test_a_wait_that_is_over_during_a_pause_ends_when_the_workflow_goes_on(stage: Rehearsal):
    stage.register(workflow("w", step("x", "WAIT", {"duration": "5s"})))
    key = stage.start("w")
    stage.send(key, Pause())
    stage.advance(60)
    assert stage.status(key, "x") == "IN_PROGRESS"

    stage.send(key, Resume())
    stage.advance(0)

    assert stage.status(key) == "COMPLETED"


def test_a_paused_workflow_can_be_terminated(stage: Rehearsal):
    key = in_state(stage, "PAUSED")
    stage.complete(key, "a", {"o": 1})

    stage.send(key, Terminate("enough"))

    assert (stage.status(key), stage.output(key)) == ("TERMINATED", {"o": 1})


# ---- restart


def test_a_restart_begins_anew_under_the_same_id(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 0})
    steps = [step("v", "SET_VARIABLE", {"x": 2, "y": 3}), simple("a")]
    stage.register(workflow("w", *steps, variables={"x": 1}))
    key = stage.start("w", {"q": 1}, correlationId="cor", priority=5)
    stage.fail(key, "a", "no")
    stage.now_ms += 7_000

    stage.send(key, Restart())

    view = stage.view(key)
    assert [(task["referenceTaskName"], task["seq"]) for task in view["tasks"]] == [("v", 1), ("a", 2)]
    assert (view["status"], view["createTime"], view["endTime"], view["lastRetriedTime"]) == (
        "RUNNING",
        stage.now_ms,
        0,
        0,
    )
    assert (view["input"], view["output"], view["correlationId"], view["priority"]) == ({"q": 1}, {}, "cor", 5)
    assert ("reasonForIncompletion" in view, view["failedReferenceTaskNames"]) == (False, [])
    assert view["variables"] == {"x": 2, "y": 3}
    assert len(stage.queue("a")) == 1


def test_variables_begin_with_those_of_the_definition_again(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), step("v", "SET_VARIABLE", {"x": 2, "y": 3}), variables={"x": 1}))
    key = stage.start("w")
    stage.complete(key, "a")
    assert stage.variables(key) == {"x": 2, "y": 3}

    stage.send(key, Restart())

    assert stage.variables(key) == {"x": 1}


def test_ids_of_tasks_are_not_used_again(stage: Rehearsal):
    key = in_state(stage, "FAILED")
    old = stage.view(key)["tasks"][0]["taskId"]

    stage.send(key, Restart())

    assert stage.view(key)["tasks"][0]["taskId"] != old
    assert stage.send(key, commands.UpdateTask(1, "COMPLETED")) is None


def test_the_latest_definition_is_used_when_asked_for(stage: Rehearsal):
    key = in_state(stage, "FAILED")
    stage.register(workflow("w", simple("new"), version=2))
    graph = stage.graph("w", None)
    assert graph is not None

    stage.send(key, Restart())
    assert stage.view(key)["workflowVersion"] == 1
    stage.send(key, Terminate())
    stage.send(key, Restart(graph.hash, 2))

    assert (stage.view(key)["workflowVersion"], stage.lines(key)) == (2, [stage.lines(key)[0]])
    assert stage.status(key, "new") == "SCHEDULED"


def test_a_definition_that_is_gone(stage: Rehearsal):
    key = in_state(stage, "FAILED")

    with pytest.raises(NotFound, match=f"Unable to find latest definition for {key}"):
        stage.send(key, Restart("nosuch"))


def test_a_completed_workflow_may_forbid_it(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 0})
    stage.register(workflow("w", simple("a"), restartable=False))
    completed, failed = stage.start("w"), stage.start("w")
    stage.complete(completed, "a")
    stage.fail(failed, "a")

    with pytest.raises(NotFound, match=f"Workflow: w.1/{completed}.COMPLETED is non-restartable"):
        stage.send(completed, Restart())
    stage.send(failed, Restart())

    assert stage.status(failed) == "RUNNING"


def test_a_restarted_first_step_may_need_a_script(stage: Rehearsal):
    choice = step(
        "s", "SWITCH", evaluatorType="javascript", expression="JSON.parse('\"a\"')", decisionCases={"a": [inline("x")]}
    )
    stage.register(workflow("w", choice))
    key = stage.start("w")

    stage.send(key, Restart())

    assert [line.split()[1] for line in stage.lines(key)] == ["s", "x"]


def test_children_of_the_old_run_stay_and_new_ones_are_started(stage: Rehearsal):
    stage.register({"name": "c", "retryCount": 0})
    stage.register(workflow("child", simple("c")), workflow("w", sub_workflow("s", "child")))
    key = stage.start("w")
    [old] = stage.children(key)
    stage.fail(old, "c")

    stage.send(key, Restart())

    assert stage.children(key)[0] == old
    assert stage.status(old) == "FAILED"
    assert stage.status(stage.children(key)[1]) == "RUNNING"


# ---- variables, skip, removal


def test_variables_from_outside(stage: Rehearsal):
    key = in_state(stage, "RUNNING")
    stage.send(key, SetVariables(b'{"x":{"y":1}}'))
    stage.send(key, SetVariables(b'{"z":2}'))

    assert stage.variables(key) == {"x": {"y": 1}, "z": 2}
    with pytest.raises(InvalidRequest, match="The variables payload size"):
        stage.send(key, SetVariables(b'{"x":"' + b"y" * 300_000 + b'"}'))


def test_a_skipped_task_as_clients_see_it(stage: Rehearsal):
    key = in_state(stage, "RUNNING")

    stage.send(key, SkipTask("b", b'{"i":1}', b'{"o":1}'))

    task = stage.view(key)["tasks"][1]
    assert (task["seq"], task["status"], task["taskType"], task["endTime"]) == (0, "SKIPPED", "b", stage.now_ms)
    assert (task["inputData"], task["outputData"], "workflowType" in task) == ({"i": 1}, {"o": 1}, False)


def test_skipped_output_is_there_for_later_steps(stage: Rehearsal):
    stage.register(workflow("w", simple("a"), simple("b"), simple("c", {"v": "${b.output.o}"})))
    key = stage.start("w")
    stage.send(key, SkipTask("b", output=b'{"o":1}'))

    stage.complete(key, "a")

    assert stage.given(key, "c") == {"v": 1}


def test_a_removed_workflow_is_gone(stage: Rehearsal):
    key = in_state(stage, "COMPLETED")

    stage.send(key, Remove())

    with pytest.raises(NotFound):
        stage.workflow(key)


def test_a_removed_open_workflow_leaves_no_queue_rows(stage: Rehearsal):
    key = in_state(stage, "RUNNING")

    stage.send(key, Remove(archive=False))

    assert stage.queue("a") == []
