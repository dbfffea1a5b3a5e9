"""The registry of schemas, and definitions whose schemas are enforced."""

import pytest

from .conftest import Api, Json, child, simple

NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def schema(name: str = "number", **fields: Json) -> dict[str, Json]:
    return {"name": name, "version": 1, "type": "JSON", "data": NUMBER, **fields}


# ---- the registry


def test_registry(api: Api) -> None:
    assert api.call("POST", "/schema", [schema(), schema("other")]).status_code == 200
    assert api.call("POST", "/schema", schema(version=2)).status_code == 200

    assert [(one["name"], one["version"]) for one in api.get("/schema")] == [("number", 1), ("number", 2), ("other", 1)]
    assert api.get("/schema/number")["version"] == 2
    assert api.get("/schema/number/1")["data"] == NUMBER
    assert api.call("DELETE", "/schema/number/2").status_code == 200
    assert api.get("/schema/number")["version"] == 1
    assert api.call("DELETE", "/schema/number").status_code == 200
    assert api.call("GET", "/schema/number").status_code == 404
    assert api.call("DELETE", "/schema/number/1").status_code == 404


def test_new_version(api: Api) -> None:
    for _ in range(2):
        api.call("POST", "/schema?newVersion=true", schema())

    assert api.get("/schema/number")["version"] == 2


def test_data_that_is_no_schema_is_kept(api: Api) -> None:
    """As SDKs expect of the registry; `test_schema_that_can_not_be_used_refuses` is what follows."""
    bad = schema(data={"type": "nothing"})

    assert api.call("POST", "/schema", [schema("other"), bad]).status_code == 200

    assert api.get("/schema/number")["data"] == bad["data"]
    assert api.call("POST", "/schema", [schema("third"), schema(" ")]).status_code == 400
    assert api.call("GET", "/schema/third").status_code == 404


# ---- inputs and outputs of workflows


def test_start_with_a_bad_input_is_refused(api: Api) -> None:
    api.call("POST", "/schema", schema())
    api.define(inputSchema={"name": "number", "version": 1, "type": "JSON"})

    answer = api.call("POST", "/workflow", {"name": "w", "input": {"n": "x"}})

    assert answer.status_code == 400
    expected = 'The input of workflow w breaks schema number version 1: $.n: "x" is not of type "integer"'
    assert answer.json()["message"] == expected
    assert api.get("/workflow/search")["totalHits"] == 0
    assert api.start(given={"n": 1})


@pytest.mark.parametrize(
    "fields",
    [
        {"inputSchema": schema(), "enforceSchema": False},
        {"inputSchema": {"name": "unknown", "version": 1}},
        {"inputSchema": schema(type="AVRO")},
    ],
)
def test_schemas_that_are_not_enforced(api: Api, fields: dict[str, Json]) -> None:
    api.define(**fields)

    assert api.start(given={"n": "x"})


def test_schema_that_can_not_be_used_refuses(api: Api) -> None:
    api.define(inputSchema=schema(data={"type": "nothing"}))

    answer = api.call("POST", "/workflow", {"name": "w", "input": {"n": 1}})

    assert answer.status_code == 400
    assert "can't be checked against schema number version 1" in answer.json()["message"]


def test_workflow_with_a_bad_output_fails(api: Api) -> None:
    api.define(simple("a"), outputSchema=schema(), outputParameters={"n": "${a.output.n}"})
    bad, good = api.start(), api.start()

    api.finish(outputData={"n": "x"})
    api.finish(outputData={"n": 1})

    assert api.workflow(good)["status"] == "COMPLETED"
    found = api.workflow(bad)
    assert (found["status"], found["output"]) == ("FAILED", {"n": "x"})
    assert found["reasonForIncompletion"].startswith("The output of workflow w breaks schema number version 1: $.n")


def test_child_with_a_bad_input_fails_its_parent(api: Api) -> None:
    api.define(simple("a"), name="inner", inputSchema=schema())
    api.define(child("c", "inner"), name="outer")

    workflow_id = api.start("outer")

    found = api.workflow(workflow_id)
    assert (found["status"], found["tasks"][0]["status"]) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    assert "The input of workflow inner breaks schema number" in found["reasonForIncompletion"]


def test_started_workflow_with_a_bad_input_fails_its_task(api: Api) -> None:
    api.define(simple("a"), name="inner", inputSchema=schema())
    start = {"name": "s", "taskReferenceName": "s", "type": "START_WORKFLOW"}
    api.define({**start, "inputParameters": {"startWorkflow": {"name": "inner", "input": {"n": "x"}}}}, name="outer")

    found = api.workflow(api.start("outer"))

    assert "The input of workflow inner breaks schema number" in found["tasks"][0]["reasonForIncompletion"]


# ---- inputs and outputs of tasks


def with_task(api: Api, **fields: Json) -> None:
    api.call("POST", "/metadata/taskdefs", [{"name": "a", "retryCount": 0, "enforceSchema": True, **fields}])
    api.define(simple("a", inputParameters={"n": "${workflow.input.n}"}))


def test_task_with_a_bad_input_fails_before_a_worker_sees_it(api: Api) -> None:
    with_task(api, inputSchema=schema())

    bad, good = api.start(given={"n": "x"}), api.start(given={"n": 1})

    found = api.workflow(bad)["tasks"][0]
    assert (found["status"], api.workflow(bad)["status"]) == ("FAILED_WITH_TERMINAL_ERROR", "FAILED")
    expected = 'The input of a breaks schema number version 1: $.n: "x" is not of type "integer"'
    assert found["reasonForIncompletion"] == expected
    assert api.finish()["workflowInstanceId"] == good


def test_result_with_a_bad_output_is_a_failure(api: Api) -> None:
    with_task(api, outputSchema=schema(), retryCount=1, retryDelaySeconds=0)
    workflow_id = api.start()

    api.finish(outputData={"n": "x"})
    api.finish(outputData={"n": 1})

    statuses = [(task["status"], task["outputData"]) for task in api.workflow(workflow_id)["tasks"]]
    assert statuses == [("FAILED", {"n": "x"}), ("COMPLETED", {"n": 1})]


def test_wide_fork_is_checked_at_once(api: Api) -> None:
    with_task(api, inputSchema=schema())
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC"}
    names = {"dynamicForkTasksParam": "tasks", "dynamicForkTasksInputParamName": "inputs"}
    given = {"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.inputs}"}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN"}
    api.define({**fork, **names, "inputParameters": given}, join, name="wide")
    branches = [simple(f"b{number}", "a") for number in range(500)]

    inputs = {f"b{number}": {"n": number} for number in range(500)}
    workflow_id = api.start("wide", given={"tasks": branches, "inputs": inputs})

    found = api.workflow(workflow_id)
    assert sum(task["status"] == "SCHEDULED" for task in found["tasks"]) == 500
