"""Checks of definitions over the API: findings instead of refusals, and nothing is registered."""

import pytest
from tests.api.conftest import Api, Json, child, simple

from podium.store.memory import MemoryStore

WORKFLOW, TASK = "/metadata/workflow/advice", "/metadata/taskdefs/advice"


def advice(api: Api, path: str, body: Json) -> Json:
    answer = api.call("POST", path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_good_definition_has_no_findings_and_is_not_registered(wire: Api):
    wire.call("POST", "/metadata/taskdefs", [{"name": "a"}])

    assert advice(wire, WORKFLOW, {"name": "w", "tasks": [simple("a")]}) == {"valid": True, "findings": []}
    assert wire.call("GET", "/metadata/workflow/w").status_code == 404


def test_what_a_registration_refuses_is_an_error_with_its_place(wire: Api):
    body = {
        "name": "",
        "tasks": [{"name": "s", "taskReferenceName": "s", "type": "SWITCH", "evaluatorType": "javascript"}],
    }

    found = advice(wire, WORKFLOW, body)

    assert found["valid"] is False
    assert wire.call("POST", "/metadata/workflow/validate", body).status_code == 400
    errors = {(one["path"], one["message"]) for one in found["findings"] if one["severity"] == "error"}
    assert ("$.name", "WorkflowDef name cannot be null or empty") in errors
    assert ("$.tasks[0]", "expression field is required for taskType: SWITCH taskName: s") in errors


def test_an_unknown_reference_is_an_error_where_it_stands(wire: Api):
    second = simple("b", inputParameters={"deep": ["${fetch_ordr.output.id}"]})
    body = {"name": "w", "tasks": [simple("fetch_order"), second], "outputParameters": {"o": "${fetch_ordr.output.id}"}}

    found = [one for one in advice(wire, WORKFLOW, body)["findings"] if one["severity"] != "info"]

    assert [(one["severity"], one["path"], one["suggestion"]) for one in found] == [
        ("error", "$.tasks[1].inputParameters.deep[0]", "did you mean fetch_order?"),
        ("warning", "$.outputParameters.o", "did you mean fetch_order?"),
    ]
    assert "is not defined in workflow definition" in found[0]["message"]


def test_what_can_not_be_read_is_an_error_with_its_place(wire: Api):
    [finding] = advice(wire, WORKFLOW, {"name": "w", "tasks": [simple("a"), simple("b", optional={})]})["findings"]

    assert (finding["severity"], finding["path"]) == ("error", "$.tasks[1].optional")


def test_the_server_knows_its_definitions(wire: Api):
    wire.define(simple("a"), name="ship_order")
    wire.call("POST", "/metadata/taskdefs", [{"name": "charge_card"}])

    found = advice(wire, WORKFLOW, {"name": "w", "tasks": [child("s", "ship_oder"), simple("c", "charge_crad")]})

    assert found["valid"] is True
    assert [(one["severity"], one["path"], one["suggestion"]) for one in found["findings"]] == [
        ("warning", "$.tasks[0].subWorkflowParam.name", "did you mean ship_order?"),
        ("info", "$.tasks[1].name", "did you mean charge_card?"),
    ]


def test_what_is_advised_against_is_registered_nevertheless(wire: Api):
    body = {"name": "w", "tasks": [simple("a"), simple("b", inputParameters={"x": "${b.output.x}"})]}

    assert [one["severity"] for one in advice(wire, WORKFLOW, body)["findings"]].count("warning") == 1
    assert wire.call("POST", "/metadata/workflow/validate", body).status_code == 200
    assert wire.call("POST", "/metadata/workflow", body).status_code == 200


def test_task_definitions_are_checked(wire: Api):
    wrong = advice(wire, TASK, {"name": "", "responseTimeoutSeconds": 0})
    odd = advice(
        wire, TASK, {"name": "t", "timeoutSeconds": 60, "responseTimeoutSeconds": 60, "timeoutPolicy": "RETRY"}
    )

    assert (wrong["valid"], odd["valid"]) == (False, True)
    assert {one["path"] for one in wrong["findings"]} == {"$.name", "$.responseTimeoutSeconds"}
    assert [one["path"] for one in odd["findings"]] == ["$.responseTimeoutSeconds"]
    assert advice(wire, TASK, {"name": "t", "retryCount": []})["findings"][0]["path"] == "$.retryCount"


@pytest.mark.parametrize("body", [[], "x", 7])
def test_a_body_that_is_no_object_is_refused(wire: Api, body: Json):
    assert wire.call("POST", WORKFLOW, body).status_code == 400


def test_scripts_are_compiled():
    async def script_error(source: str) -> str | None:
        return "Unexpected token" if "((" in source else None

    api = Api(MemoryStore(), script_error=script_error)
    try:
        script = {"evaluatorType": "javascript", "expression": "((", "decisionCases": {"a": [simple("a")]}}
        step = {"name": "s", "taskReferenceName": "s", "type": "SWITCH", **script}
        assert "Unexpected token" in advice(api, WORKFLOW, {"name": "w", "tasks": [step]})["findings"][0]["message"]
    finally:
        api.close()


def test_a_definition_over_the_size_limits_is_not_looked_into(wire: Api):
    step = simple("a")
    for number in range(60):
        step = {"name": "l", "taskReferenceName": f"l{number}", "type": "DO_WHILE", "loopOver": [step]}

    [finding] = advice(wire, WORKFLOW, {"name": "w", "tasks": [step]})["findings"]

    assert "nested" in finding["message"]
