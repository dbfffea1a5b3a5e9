"""Test runs: a workflow with given results, in memory, at once."""

import time

import pytest
from tests.api.conftest import Api, Json, child, simple, wait

from podium.engine.context import Script, ScriptAnswer
from podium.runtime import play
from podium.store.memory import MemoryStore

CHARGE = {"name": "charge", "retryCount": 2, "retryDelaySeconds": 60, "responseTimeoutSeconds": 30, "timeoutSeconds": 0}


def tried(api: Api, mocks: dict[str, Json] | None = None, status: int = 200, **fields: Json) -> Json:
    body = {"name": "w", "taskRefToMockOutput": mocks or {}, **fields}
    answer = api.call("POST", "/workflow/test", body)
    assert answer.status_code == status, answer.text
    return answer.json()


def statuses(found: Json) -> list[tuple[str, str]]:
    return [(task["referenceTaskName"], task["status"]) for task in found["tasks"]]


def test_a_run_ends_with_the_results_that_are_given(wire: Api):
    wire.define(
        simple("a"), simple("b", inputParameters={"x": "${a.output.x}"}), outputParameters={"y": "${b.output.y}"}
    )

    found = tried(
        wire, {"a": [{"output": {"x": 1}}], "b": [{"status": "COMPLETED", "output": {"y": 2}}]}, input={"i": 3}
    )

    assert (found["status"], found["input"], found["output"]) == ("COMPLETED", {"i": 3}, {"y": 2})
    assert statuses(found) == [("a", "COMPLETED"), ("b", "COMPLETED")]
    assert found["tasks"][1]["inputData"] == {"x": 1}


def test_the_answer_has_the_fields_of_a_workflow_and_nothing_is_stored(wire: Api):
    wire.define(simple("a"))
    real = wire.workflow(wire.start())

    found = tried(wire, {"a": [{}]})

    assert found.keys() >= real.keys()
    assert set(found["tasks"][0]) >= set(real["tasks"][0]) - {"updateTime"}
    assert wire.call("GET", f"/workflow/{found['workflowId']}").status_code == 404
    assert wire.get("/workflow/search")["totalHits"] == 1


def test_a_task_without_result_stays_open_and_no_worker_gets_it(wire: Api):
    wire.define(simple("a"), simple("b"))

    found = tried(wire, {"a": [{}]})

    assert (found["status"], statuses(found)) == ("RUNNING", [("a", "COMPLETED"), ("b", "SCHEDULED")])
    assert wire.call("GET", "/tasks/poll/b?workerid=me").status_code == 204


def test_retries_take_the_next_result_after_their_delay(wire: Api):
    wire.call("POST", "/metadata/taskdefs", [CHARGE])
    wire.define(simple("charge"))

    begun = time.monotonic()
    found = tried(wire, {"charge": [{"status": "FAILED"}, {"queueWaitTime": 500, "executionTime": 2_000}]})

    first, second = found["tasks"]
    assert (first["status"], first["retried"], second["status"]) == ("FAILED", True, "COMPLETED")
    assert second["startTime"] - first["endTime"] == 60_500
    assert second["endTime"] - second["startTime"] == 2_000
    assert time.monotonic() - begun < 5


def test_a_result_that_comes_too_late_is_a_timeout(wire: Api):
    wire.call("POST", "/metadata/taskdefs", [CHARGE])
    wire.define(simple("charge"))

    found = tried(wire, {"charge": [{"executionTime": 31_000}, {"executionTime": 29_000}]})

    assert statuses(found) == [("charge", "TIMED_OUT"), ("charge", "COMPLETED")]


def test_waits_pass_on_a_clock_of_their_own(wire: Api):
    wire.define(wait() | {"inputParameters": {"duration": "2 days"}}, simple("a"))

    found = tried(wire, {"a": [{}]})

    assert found["status"] == "COMPLETED"
    assert found["endTime"] - found["createTime"] == 2 * 24 * 3600 * 1000


def test_a_wait_without_end_waits_for_its_result(wire: Api):
    wire.define(wait())

    assert tried(wire)["status"] == "RUNNING"
    assert tried(wire, {"wait": [{"output": {"ok": True}}]})["tasks"][0]["outputData"] == {"ok": True}


def test_tasks_in_a_loop_may_be_named_with_their_iteration_or_without(wire: Api):
    loop = {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [simple("a")]}
    wire.define(loop | {"loopCondition": "$.l['iteration'] < 2"})

    exact = tried(wire, {"a__1": [{"output": {"n": 1}}], "a__2": [{"output": {"n": 2}}]})
    plain = tried(wire, {"a": [{"output": {"n": 1}}, {"output": {"n": 2}}]})

    assert exact["status"] == plain["status"] == "COMPLETED"
    assert [task["outputData"].get("n") for task in exact["tasks"]] == [None, 1, 2]
    assert [task["outputData"].get("n") for task in plain["tasks"]] == [None, 1, 2]


def test_sub_workflows_have_results_of_their_own(wire: Api):
    wire.define(simple("c"), name="inner", outputParameters={"c": "${c.output.c}"})
    wire.define(child("s", "inner"))

    nested = tried(
        wire, subWorkflowTestRequest={"s": {"name": "inner", "taskRefToMockOutput": {"c": [{"output": {"c": 7}}]}}}
    )
    given = tried(wire, {"s": [{"output": {"c": 8}}]})
    failed = tried(wire, {"s": [{"status": "FAILED"}]})
    silent = tried(wire)

    assert (nested["status"], nested["tasks"][0]["outputData"]["c"]) == ("COMPLETED", 7)
    assert (given["status"], given["tasks"][0]["outputData"]["c"]) == ("COMPLETED", 8)
    assert (failed["status"], silent["status"]) == ("FAILED", "RUNNING")


def test_a_definition_may_come_with_the_request(wire: Api):
    definition = {"name": "fresh", "version": 3, "tasks": [simple("a")]}

    found = tried(wire, {"a": [{}]}, name="fresh", workflowDef=definition)

    assert (found["status"], found["workflowVersion"]) == ("COMPLETED", 3)
    assert wire.call("GET", "/metadata/workflow/fresh").status_code == 404


@pytest.mark.parametrize("version", [None, 3])
def test_a_sub_workflow_with_a_result_needs_no_definition(wire: Api, version: int | None):
    unknown = {**child("s", "unknown"), "subWorkflowParam": {"name": "unknown", "version": version}}
    wire.define(unknown, name="outer")

    found = tried(wire, {"s": [{"output": {"k": 1}}]}, name="outer")

    assert (found["status"], found["output"]["k"]) == ("COMPLETED", 1)
    assert tried(wire, name="outer")["status"] == "FAILED"


def test_http_tasks_are_not_sent(wire: Api):
    request = {"http_request": {"uri": "http://127.0.0.1:1/", "method": "GET"}}
    wire.define({"name": "h", "taskReferenceName": "h", "type": "HTTP", "inputParameters": request})

    found = tried(wire, {"h": [{"output": {"response": {"statusCode": 200}}}]})

    assert (found["status"], tried(wire)["status"]) == ("COMPLETED", "RUNNING")


def test_scripts_are_evaluated_by_the_server():
    async def evaluate(script: Script) -> ScriptAnswer:
        return ScriptAnswer(b'"outside"')

    api = Api(MemoryStore())
    api.node.evaluate = evaluate
    try:
        script = {"expression": "[...'ab'].map(c => c)", "evaluatorType": "javascript"}
        api.define({"name": "i", "taskReferenceName": "i", "type": "INLINE", "inputParameters": script})
        assert tried(api)["tasks"][0]["outputData"] == {"result": "outside"}
    finally:
        api.close()


def test_masked_fields_are_hidden(wire: Api):
    wire.define(simple("a"), maskedFields=["pin"])

    assert tried(wire, {"a": [{"output": {"pin": 1}}]}, input={"pin": 2})["input"] == {"pin": "***"}


def test_a_run_is_bounded(wire: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(play, "TASKS_MAX", 50)
    step = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}
    loop = {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopOver": [step], "loopCondition": "true"}
    wire.define(loop)

    assert "more than 50 tasks" in tried(wire, status=400)["message"]


def test_time_is_bounded(wire: Api, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("podium.service.rehearsal.RUN_S_MAX", 0.0)
    wire.define(simple("a"))

    assert "takes longer" in tried(wire, status=400)["message"]


def test_bad_requests_are_refused(wire: Api):
    wire.define(simple("a"))

    assert "nosuch" in tried(wire, name="nosuch", status=404)["message"]
    assert tried(wire, name="", status=400)["validationErrors"][0]["path"] == "testWorkflow.arg0.name"
    assert "status" in tried(wire, {"a": [{"status": "GREAT"}]}, status=400)["message"]
    broken = {"name": "x", "tasks": [simple("a"), simple("a")]}
    assert tried(wire, workflowDef=broken, status=400)["validationErrors"]


def test_a_run_reads_the_environment_and_the_schemas_of_the_server(wire: Api):
    schema = {"name": "numbered", "version": 1, "type": "JSON", "data": {"type": "object", "required": ["n"]}}
    assert wire.call("POST", "/schema", [schema]).status_code == 200
    named = {"name": "numbered", "version": 1, "type": "JSON"}
    wire.define(simple("a", inputParameters={"region": "${workflow.env.REGION}"}), name="open")
    wire.define(simple("a"), name="strict", inputSchema=named, enforceSchema=True)
    asked: list[Script] = []

    async def evaluate(script: Script) -> ScriptAnswer:
        asked.append(script)
        return ScriptAnswer(b'[["$","n is missing"]]')

    wire.node.evaluate = evaluate

    assert tried(wire, name="open")["tasks"][0]["inputData"] == {"region": "eu"}
    refused = wire.call("POST", "/workflow/test", {"name": "strict"})
    assert "n is missing" in refused.text
    assert [script.language for script in asked] == ["json_schema"]
