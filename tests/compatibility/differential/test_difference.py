"""What is seen as a difference, what is allowed, and what a record leaves out."""

from typing import Any

import pytest

from tests.compatibility.differential.difference import ABSENT, Allowance, differences, forbidden
from tests.compatibility.differential.record import Names, normalised
from tests.compatibility.differential.rest import is_at_rest

Json = Any
WORKFLOW, TASK = "018bcfe5-6800-8000-8000-000100000000", "018bcfe5-6800-8000-8000-000100000001"


def record(**body: Json) -> Json:
    return [["GET /x", {"status": 200, "body": body}]]


def test_every_place_where_two_records_differ_is_named() -> None:
    one = record(a=1, b=[1, 2], c={"d": None}, e=1)
    other = record(a=True, b=[1], c={}, e=1)

    found = {each.place: (each.upstream, each.podium) for each in differences("s", one, other)}

    assert found == {
        "0 GET /x.body.a": (1, True),
        "0 GET /x.body.b.1": (2, ABSENT),
        "0 GET /x.body.c.d": (None, ABSENT),
    }


def test_a_step_that_one_has_not_made_is_a_difference() -> None:
    assert [each.podium for each in differences("s", record(), [])] == [ABSENT]


def execution(*tasks: Json, output: Json) -> Json:
    return {"taskToDomain": {}, "status": "COMPLETED", "output": output, "tasks": list(tasks)}


def task(ref: str, seq: int, **fields: Json) -> Json:
    return {
        "referenceTaskName": ref, "seq": seq, "retryCount": 0, "taskType": "INLINE", "status": "COMPLETED",
        "outputData": {}, **fields,
    }  # fmt: skip


def test_tasks_are_compared_by_what_they_are() -> None:
    one = execution(task("a", 1), task("b", 2, status="FAILED"), output={"n": 1})
    other = execution(task("a", 1), task("x", 2), task("b", 3, status="CANCELED"), output={"n": 1})

    found = {each.place: each.task for each in differences("s", [["look", one]], [["look", other]])}

    assert found == {
        "0 look.tasks.(b).seq": "FAILED/CANCELED",
        "0 look.tasks.(b).status": "FAILED/CANCELED",
        "0 look.tasks.(x)": "",
    }


def test_an_output_that_is_that_of_the_last_task_is_compared_there() -> None:
    one = execution(task("a", 1, outputData={"n": 1}), output={"n": 1})
    other = execution(task("a", 1, outputData={"n": 2}), output={"n": 2})
    of_other_task = execution(task("a", 2), task("b", 3, outputData={"n": 2}), output={"n": 2})

    assert [each.place for each in differences("s", [["look", one]], [["look", other]])] == [
        "0 look.tasks.(a).outputData.n"
    ]
    assert ("0 look.output", "that of a", "that of b") in [
        each[1:4] for each in differences("s", [["look", one]], [["look", of_other_task]])
    ]


def test_a_refused_report_of_one_server_moves_nothing_else() -> None:
    refused = ["report on a", {"status": 500}]

    found = differences("s", [["look", 1], refused, ["look", 2]], [["look", 1], ["look", 2]])

    assert [(each.place, each.podium) for each in found] == [("1 report on a", ABSENT)]


@pytest.mark.parametrize(
    ("fields", "is_allowed"),
    [
        ({}, True),
        ({"scenario": "forks/*"}, True),
        ({"scenario": "loops/*|forks/one"}, True),
        ({"scenario": "loops/*"}, False),
        ({"place": "*.body.a"}, True),
        ({"place": "*.body.b"}, False),
        ({"upstream": 1, "podium": 2}, True),
        ({"upstream": 2}, False),
        ({"upstream": True}, False),
        ({"when": '"body"'}, True),
        ({"when": "elsewhere"}, False),
        ({"task": "FAILED/*"}, False),
    ],
)
def test_an_allowance_covers_what_it_names(fields: dict[str, Json], is_allowed: bool) -> None:
    allowed = [Allowance(row="r", why="w", **fields)]

    rest = forbidden("forks/one", record(a=1), record(a=2), allowed)

    assert (rest == [], allowed[0].seen) == (is_allowed, int(is_allowed))


def test_ids_times_and_the_prefix_have_names_in_a_record() -> None:
    names = Names()
    task = {"taskId": TASK, "referenceTaskName": "a", "retryCount": 1, "taskType": "p_a", "outputData": {}, "seq": 1}
    names.learn({"workflowId": WORKFLOW, "tasks": [task], "output": {}})
    said = {
        "message": f"Task {TASK} of p_w timed out after 3 seconds",
        "startTime": 5,
        "endTime": 0,
        "instance": "host",
    }

    assert normalised(said, names, "p_") == {
        "message": "Task <w:a#1> of ~w timed out after <n> seconds",
        "startTime": "<time>",
        "endTime": 0,
    }


@pytest.mark.parametrize(
    ("kind", "given", "rests"),
    [
        ("p_a", {}, True),
        ("HUMAN", {}, True),
        ("INLINE", {}, False),
        ("WAIT", {}, True),
        ("WAIT", {"duration": "1s"}, False),
    ],
)
def test_a_workflow_rests_when_only_somebody_outside_can_go_on(kind: str, given: Json, rests: bool) -> None:
    task = {
        "taskType": kind, "status": "IN_PROGRESS", "inputData": given, "callbackAfterSeconds": 1, "iteration": 0,
        "executed": False, "retried": False,
    }  # fmt: skip
    flow = {"workflowId": "w", "status": "RUNNING", "tasks": [task]}

    assert is_at_rest({"w": flow}, joins_in_pause=False) is rests
    assert not is_at_rest({"w": {**flow, "tasks": []}}, joins_in_pause=False)
    assert is_at_rest({"w": {**flow, "status": "COMPLETED", "tasks": []}}, joins_in_pause=False)
