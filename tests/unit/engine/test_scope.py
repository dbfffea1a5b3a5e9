"""What expressions of a workflow see."""

from typing import Any

import pytest

from podium.testing import Rehearsal
from podium.testing.steps import fork, inline, simple, sub_workflow, workflow

GIVEN = {
    "a": 1, "s": "str", "k": "a", "m": {"x": 1, "n": None, "l": [1, "q"]}, "l": [{"x": 1}, {"x": 2}], "f": 1.0, "a b": 7,
}  # fmt: skip
TABLE = [
    ("${workflow.input.a}", 1),
    ("v=${workflow.input.a}", "v=1"),
    ("${workflow.input.missing}", None),
    ("x${workflow.input.missing}y", "xnully"),
    ("m=${workflow.input.m}", "m={x=1, n=null, l=[1, q]}"),
    ("l=${workflow.input.l}", "l=[{x=1}, {x=2}]"),
    ("${workflow.input.l[*].x}", [1, 2]),
    ("w=${workflow.input.l[*].x}", "w=[1,2]"),
    ("${workflow.input.l[-1].x}", 2),
    ("${workflow.input.l[5].x}", None),
    ("${workflow.input.l[0:1]}", [{"x": 1}]),
    ("${workflow.input.l[?(@.x>1)]}", [{"x": 2}]),
    ("${workflow.input..x}", [1, 1, 2]),
    ("${workflow.input.l.length()}", 2),
    ("${workflow.input['a b']}", 7),
    ("${workflow.input.${workflow.input.k}}", 1),
    ("$${workflow.input.a}", "${workflow.input.a}"),
    ("x$${workflow.input.a}y${workflow.input.a}", "x${workflow.input.a}y1"),
    ("$$${workflow.input.a}", "$${workflow.input.a}"),
    ("${}", ""),
    ("${ workflow.input.a }", None),
    ("${nosuch.output.x}", None),
    ("${workflow.input.a", "${workflow.input.a"),
    ("}${", "}${"),
    ("${workflow.input.m.x}}", "1}"),
    ('{"j": ${workflow.input.a}}', '{"j": 1}'),
    ("f=${workflow.input.f}", "f=1.0"),
    ("${workflow.status}", "RUNNING"),
    ("${done.status}", "COMPLETED"),
    ("${$.workflow.input.a}", 1),
    ("${$.done.output.result}", 1),
    ("${HOME}", None),
    ("${workflow.createTime}", None),
    ([{"deep": "${workflow.input.a}"}, 5], [{"deep": 1}, 5]),
]


@pytest.mark.parametrize(("template", "value"), TABLE, ids=[str(template) for template, _ in TABLE])
def test_the_table_of_expressions(stage: Rehearsal, template: Any, value: Any):
    stage.register(workflow("w", inline("done"), simple("s", {"v": template})))

    key = stage.start("w", GIVEN)

    assert stage.given(key, "s")["v"] == value


def test_the_fields_of_a_workflow(stage: Rehearsal):
    names = [
        "workflowId", "workflowType", "version", "correlationId", "status", "schemaVersion", "variables", "output",
        "parentWorkflowId", "parentWorkflowTaskId", "reasonForIncompletion",
    ]  # fmt: skip
    stage.register(workflow("w", simple("s", {name: "${workflow." + name + "}" for name in names}), variables={"x": 1}))

    key = stage.start("w", correlationId="cor")

    assert stage.given(key, "s") == {
        "workflowId": key, "workflowType": "w", "version": 1, "correlationId": "cor", "status": "RUNNING", "schemaVersion": 2,
        "variables": {"x": 1}, "output": {}, "parentWorkflowId": None, "parentWorkflowTaskId": None,
        "reasonForIncompletion": None,
    }  # fmt: skip


def test_a_child_knows_its_parent(stage: Rehearsal):
    given = {"p": "${workflow.parentWorkflowId}", "t": "${workflow.parentWorkflowTaskId}"}
    stage.register(workflow("child", simple("c", given)), workflow("w", sub_workflow("s", "child")))

    key = stage.start("w")

    [child] = stage.children(key)
    assert stage.given(child, "c") == {"p": key, "t": stage.view(key)["tasks"][0]["taskId"]}


def test_the_fields_of_a_task(stage: Rehearsal):
    names = [
        "taskType", "status", "referenceTaskName", "retryCount", "correlationId", "pollCount", "taskDefName", "scheduledTime",
        "startTime", "endTime", "workflowInstanceId", "taskId", "reasonForIncompletion", "callbackAfterSeconds", "workerId",
        "iteration", "input", "output", "nosuch",
    ]  # fmt: skip
    seen = {name: "${a." + name + "}" for name in names}
    stage.register(workflow("w", simple("a", {"i": 1}, name="work"), simple("s", seen)))
    key = stage.start("w")
    stage.poll("work", "me")
    stage.update(key, "a", "COMPLETED", {"o": 1}, worker_id="me")

    assert stage.given(key, "s") == {
        "taskType": "work", "status": "COMPLETED", "referenceTaskName": "a", "retryCount": 0, "correlationId": None,
        "pollCount": 1, "taskDefName": "work", "scheduledTime": stage.now_ms, "startTime": stage.now_ms,
        "endTime": stage.now_ms, "workflowInstanceId": key, "taskId": stage.view(key)["tasks"][0]["taskId"],
        "reasonForIncompletion": None, "callbackAfterSeconds": 0, "workerId": "me", "iteration": 0, "input": {"i": 1},
        "output": {"o": 1}, "nosuch": None,
    }  # fmt: skip


def test_of_several_attempts_the_latest_is_seen(stage: Rehearsal):
    stage.register({"name": "a", "retryCount": 1, "retryDelaySeconds": 0})
    stage.register(workflow("w", simple("a"), simple("s", {"v": "${a.output.o}", "n": "${a.retryCount}"})))
    key = stage.start("w")
    stage.update(key, "a", "FAILED", {"o": "first"})
    stage.complete(key, "a", {"o": "second"})

    assert stage.given(key, "s") == {"v": "second", "n": 1}


def test_tasks_that_are_created_together_do_not_see_each_other(stage: Rehearsal):
    stage.register(workflow("w", *fork("f", [simple("a")], [simple("b", {"v": "${a.input}", "f": "${f.status}"})])))

    assert stage.given(stage.start("w"), "b") == {"v": None, "f": None}


def test_the_whole_document_and_whole_tasks_can_be_taken(stage: Rehearsal):
    stage.register(workflow("w", inline("a"), simple("s", {"a": "${a}", "w": "${workflow}"})))

    key = stage.start("w", {"q": 1})

    given = stage.given(key, "s")
    assert (given["a"]["output"], given["a"]["status"], given["w"]["input"]) == ({"result": 1}, "COMPLETED", {"q": 1})


def test_values_are_not_resolved_again(stage: Rehearsal):
    stage.register(workflow("w", simple("s", {"v": "${workflow.input.e}"})))

    assert stage.given(stage.start("w", {"e": "${workflow.input.e}"}), "s") == {"v": "${workflow.input.e}"}


def test_the_id_of_a_task_is_known_only_to_tasks_that_have_one(stage: Rehearsal):
    stage.register(
        workflow(
            "w",
            simple("s", {"me": "id=${CPEWF_TASK_ID}"}),
            *fork("f", [inline("i")], inputParameters={"me": "${CPEWF_TASK_ID}"}),
        )
    )
    key = stage.start("w")
    stage.complete(key, "s")

    assert stage.given(key, "s") == {"me": f"id={stage.view(key)['tasks'][0]['taskId']}"}
    assert stage.given(key, "f") == {"me": "${CPEWF_TASK_ID}"}
