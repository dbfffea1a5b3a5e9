"""The tools for tests themselves."""

import pytest

from podium.engine.commands import Wake
from podium.engine.context import Script, ScriptAnswer
from podium.model.errors import NotFound
from podium.model.transition import Transition
from podium.testing import Rehearsal, Rows
from podium.testing.steps import fork, inline, simple, sub_workflow, workflow


def test_the_example_of_the_package_runs():
    stage = Rehearsal()
    stage.register(workflow("greet", simple("say", {"to": "${workflow.input.who}"})))
    key = stage.start("greet", {"who": "you"})
    assert stage.given(key, "say") == {"to": "you"}

    stage.complete(key, "say", {"said": "hello"})

    assert (stage.status(key), stage.output(key)) == ("COMPLETED", {"said": "hello"})


def test_ids_and_times_are_the_same_each_time():
    def play() -> tuple[str, int]:
        stage = Rehearsal()
        stage.register(workflow("w", simple("a")))
        key = stage.start("w")
        stage.advance(1.5)
        return key, stage.now_ms

    assert play() == play()


def test_scripts_are_evaluated_by_the_function_that_is_given():
    def shout(script: Script) -> ScriptAnswer:
        return ScriptAnswer(b'"LOUD"')

    stage = Rehearsal(scripts=shout)
    stage.register(workflow("w", inline("i", "shout('x')")))

    assert stage.output(stage.start("w")) == {"result": "LOUD"}


def test_scripts_are_evaluated_here_unless_told_otherwise():
    stage = Rehearsal()
    stage.register(workflow("w", inline("i", "[...'ab'].map(c => c.charCodeAt(0))")))

    assert stage.output(stage.start("w")) == {"result": [97, 98]}


def test_messages_may_be_held_back():
    stage = Rehearsal()
    stage.register(workflow("child", inline("c")), workflow("w", sub_workflow("s", "child")))
    stage.carries_messages = False
    key = stage.start("w")
    assert (stage.children(key), len(stage.messages)) == ([], 1)

    stage.carry()

    assert stage.status(key) == "COMPLETED"


def test_polling_takes_what_is_visible_in_the_order_of_a_queue():
    stage = Rehearsal()
    stage.register(workflow("w", *fork("f", [simple("x", name="q")], [simple("y", name="q", startDelay=5)])))
    key = stage.start("w")

    first, second = stage.poll("q"), stage.poll("q")

    assert first is not None
    assert (first.ref, second, len(stage.queue("q"))) == ("x", None, 1)
    assert stage.status(key, "y") == "SCHEDULED"


def test_a_deadline_that_does_not_move_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("podium.runtime.stage.WAKES_MAX", 5)
    stage = Rehearsal()
    stage.register(workflow("w", simple("a"), timeoutSeconds=5, timeoutPolicy="TIME_OUT_WF"))
    stage.start("w")
    monkeypatch.setattr(stage, "send", lambda key, command: isinstance(command, Wake))

    with pytest.raises(RuntimeError, match="does not move"):
        stage.advance(10)


def test_unknown_tasks_and_workflows_say_so():
    stage = Rehearsal()
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")

    with pytest.raises(NotFound, match="reference name zz"):
        stage.complete(key, "zz")
    with pytest.raises(NotFound, match="nosuch"):
        stage.status("nosuch")


@pytest.mark.parametrize("fault", ["version", "update", "insert", "delete"])
def test_rows_refuse_what_a_transition_must_not_do(fault: str):
    stage = Rehearsal()
    stage.register(workflow("w", simple("a")))
    key = stage.start("w")
    flow = stage.workflow(key)
    change = Transition(flow, expected_version=1)
    flow.head.version = 2
    if fault == "version":
        change.expected_version = 7
    elif fault == "update":
        change.updated[9] = flow.open[1]
    elif fault == "insert":
        change.inserted.append(flow.open[1])
    else:
        change.deleted.append(9)

    rows: Rows = stage.rows(key)
    with pytest.raises((ValueError, KeyError)):
        rows.apply(change)
