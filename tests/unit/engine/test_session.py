"""Domains, queues, and other edits that decisions are made of."""

import pytest

from podium.testing import Rehearsal
from podium.testing.steps import do_while, inline, simple, step, workflow

# ---- domains


@pytest.mark.parametrize(
    ("domains", "active", "expected"),
    [
        ({"a": "dA"}, [], "dA"),
        ({"a": "dA,NO_DOMAIN"}, [], None),
        ({"a": "dA,no_domain"}, [], None),
        ({"a": "dB , dC"}, ["dB:a"], "dB"),
        ({"a": "dC,dD"}, [], "dD"),
        ({"a": "dC,dD"}, ["dD:a", "dC:a"], "dC"),
        ({"*": "all"}, [], "all"),
        ({"*": "all", "a": "own"}, [], "own"),
        ({"*": "all", "s": "by reference"}, [], "all"),
        ({"other": "x"}, [], None),
        ({"a": " , "}, [], None),
    ],
)
def test_the_domain_of_a_task(stage: Rehearsal, domains: dict[str, str], active: list[str], expected: str | None):
    stage.active_queues.update(active)
    stage.register(workflow("w", simple("s", name="a")))

    key = stage.start("w", taskToDomain=domains)

    assert stage.task(key, "s").domain == expected
    assert len(stage.queue(f"{expected}:a" if expected else "a")) == 1


def test_tasks_of_the_server_have_no_domain(stage: Rehearsal):
    stage.register(workflow("w", step("h", "HTTP", {"uri": "x"}), inline("i")))

    assert stage.task(stage.start("w", taskToDomain={"*": "d"}), "h").domain is None


def test_tasks_of_each_iteration_get_a_domain(stage: Rehearsal):
    stage.register(workflow("w", do_while("lp", "$.lp.iteration < 2", simple("a"))))
    key = stage.start("w", taskToDomain={"a": "d1,NO_DOMAIN"})
    stage.active_queues.add("d1:a")

    stage.complete(key, "a")

    assert [task.domain for task in stage.tasks(key)[1:]] == [None, "d1"]


# ---- queues


def test_priority_is_that_of_the_workflow(stage: Rehearsal):
    stage.register(workflow("w", simple("a")))
    stage.start("w", priority=7)

    assert [row.priority for row in stage.queue("a")] == [7]


def test_a_queue_row_names_the_definition_for_its_limits(stage: Rehearsal):
    stage.register(workflow("w", step("a", "MY_TYPE", name="limited")))
    stage.start("w")

    assert [(row.queue, row.name) for row in stage.queue("MY_TYPE")] == [("MY_TYPE", "limited")]


# ---- limits


def test_a_workflow_has_no_more_tasks_than_their_numbers_allow(stage: Rehearsal, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("podium.engine.session.SEQ_MAX", 2)
    stage.register(workflow("w", inline("a"), inline("b"), inline("c")))

    key = stage.start("w")

    assert (stage.status(key), stage.reason(key)) == ("FAILED", "The workflow has more than 2 tasks")
