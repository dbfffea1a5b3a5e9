"""Bodies of calls: what is taken for JSON, what is too large, and clients that go before they have sent theirs."""

from typing import Any

import pytest

from .conftest import Api
from .exchange import TASKDEF, chunks, post, raw

# ---- bodies


@pytest.mark.parametrize(
    "content_type", ["application/json;charset=UTF-8", "Application/JSON", "application/problem+json"]
)
def test_types_of_json(wire: Api, content_type: str) -> None:
    assert post(wire, "/metadata/taskdefs", TASKDEF, content_type).status_code == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_types_of_something_else(wire: Api, content_type: str | None) -> None:
    answer = post(wire, "/metadata/taskdefs", TASKDEF, content_type)

    message = f"Content-Type '{content_type or ''}' is not supported"
    assert (answer.status_code, answer.json()["message"]) == (415, message)
    assert wire.get("/metadata/taskdefs") == []


def test_type_with_a_wildcard(wire: Api) -> None:
    answer = post(wire, "/metadata/taskdefs", TASKDEF, "*/*")

    assert answer.status_code == 400
    assert answer.json()["message"] == "Content-Type cannot contain wildcard type '*/*'"


@pytest.mark.parametrize("content", [b"", b"  ", b"null"])
@pytest.mark.parametrize("path", ["/workflow", "/tasks", "/metadata/taskdefs", "/workflow/w"])
def test_body_that_is_missing(wire: Api, path: str, content: bytes) -> None:
    answer = post(wire, path, content)

    assert (answer.status_code, answer.json()["message"]) == (400, "Required request body is missing")


BROKEN = {
    "syntax": b'[{"name": ',
    "rest": b"[] []",
    "utf8": b'[{"name": "\xff"}]',
    "utf16": b'[{"name": "\\ud800"}]',
    "nan": b'[{"name": "x", "inputTemplate": {"a": NaN}}]',
    "shape": b'{"name": "x"}',
    "enum": b'[{"name": "x", "retryLogic": "SOMETIMES"}]',
    "depth": b'[{"name": "x", "inputTemplate": ' + b'{"a":' * 300 + b"1" + b"}" * 301 + b"]",
    "endless depth": b"[" * 9_000,
    "repeated key": b'[{"name": "x", "name": "y"}]',
    "infinite": b'[{"name": "x", "inputTemplate": {"a": 1e999}}]',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_broken_bodies(wire: Api, content: bytes) -> None:
    answer = post(wire, "/metadata/taskdefs", content)

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("JSON parse error: ")
    assert wire.get("/metadata/taskdefs") == []


BROKEN_OUTPUTS = {
    "list": b"[]",
    "text": b'"x"',
    "syntax": b'{"a": tru}',
    "utf8": b'{"a": "\xff"}',
    "repeated key": b'{"a": 1, "a": 2}',
    "depth": b'{"a":' * 300 + b"1" + b"}" * 300,
    "infinite": b'{"a": 1e999}',
}


@pytest.mark.parametrize("output", BROKEN_OUTPUTS.values(), ids=BROKEN_OUTPUTS.keys())
@pytest.mark.parametrize("path", ["/tasks", "/tasks/update-v2"])
def test_broken_outputs(wire: Api, path: str, output: bytes) -> None:
    wire.define()
    workflow_id = wire.start()
    task = wire.poll()
    body = f'{{"workflowInstanceId":"{workflow_id}","taskId":"{task["taskId"]}","status":"COMPLETED","outputData":'

    answer = post(wire, path, body.encode() + output + b"}")

    assert answer.status_code == 400
    assert wire.workflow(workflow_id)["tasks"][0]["status"] == "IN_PROGRESS"


def test_numbers_of_any_size_and_nulls_survive(wire: Api) -> None:
    wire.define()
    content = b'{"name":"w","input":{"n":null,"i":12345678901234567890123,"f":1e3,"t":" ","l":[null,{}]}}'

    workflow_id = post(wire, "/workflow", content).text

    raw_answer = wire.call("GET", f"/workflow/{workflow_id}").text
    assert '"input":{"n":null,"i":12345678901234567890123,"f":1000.0,"t":" ","l":[null,{}]}' in raw_answer


def test_lenient_reading_of_results(wire: Api) -> None:
    wire.define()
    workflow_id = wire.start()
    task = wire.poll()
    strange = {"callbackAfterSeconds": None, "logs": None, "extendLease": "false", "outputData": None, "what": {"x": 1}}

    assert wire.report(task, **strange).status_code == 200
    assert wire.workflow(workflow_id)["tasks"][0]["outputData"] == {}


def test_output_is_kept_compact(wire: Api) -> None:
    wire.define()
    workflow_id = wire.start()
    task = wire.poll()
    head = f'{{"workflowInstanceId":"{workflow_id}","taskId":"{task["taskId"]}","status":"COMPLETED","outputData":'

    post(wire, "/tasks", head.encode() + b' { "a" : [ 1 , 2 ] ,\n "b" : {} } }')

    assert '"outputData":{"a":[1,2],"b":{}}' in wire.call("GET", f"/workflow/{workflow_id}").text


def test_calls_without_a_body_accept_one(wire: Api) -> None:
    wire.define()
    workflow_id = wire.start()

    assert wire.call("PUT", f"/workflow/{workflow_id}/pause", {}).status_code == 200
    assert wire.call("DELETE", f"/workflow/{workflow_id}", {}).status_code == 200


def test_body_in_parts(wire: Api) -> None:
    exchange = raw(wire, "POST", "/api/metadata/taskdefs", chunks(TASKDEF[:5], TASKDEF[5:], b""))

    assert exchange.sent[0]["status"] == 200
    assert wire.get("/metadata/taskdefs/x")["name"] == "x"


def test_body_that_is_announced_too_large_is_not_read(wire: Api) -> None:
    exchange = raw(wire, "POST", "/api/metadata/taskdefs", chunks(TASKDEF), [(b"content-length", b"10001")])

    assert exchange.sent[0]["status"] == 413
    assert len(exchange.messages) == 1


def test_body_that_grows_too_large_is_not_read_to_its_end(wire: Api) -> None:
    exchange = raw(wire, "POST", "/api/metadata/taskdefs", chunks(*[b"[" * 4_000] * 10))

    assert exchange.sent[0]["status"] == 413
    assert len(exchange.messages) == 7


def test_body_that_is_too_large_at_once(wire: Api) -> None:
    answer = post(wire, "/metadata/taskdefs", b" " * 10_001)

    assert (answer.status_code, answer.json()["message"]) == (413, "The request body is larger than 10000 bytes")


# ---- clients that go


@pytest.mark.parametrize("before", [[], chunks(b"[{", b"")[:1]])
def test_client_that_goes_while_it_sends(wire: Api, before: list[dict[str, Any]]) -> None:
    exchange = raw(wire, "POST", "/api/metadata/taskdefs", [*before, {"type": "http.disconnect"}])

    assert exchange.sent == []
    assert wire.get("/metadata/taskdefs") == []


def test_client_that_goes_while_it_waits_for_tasks_gets_none(wire: Api) -> None:
    wire.define()
    exchange = raw(wire, "GET", "/api/tasks/poll/batch/a?timeout=5000", [{"type": "http.disconnect"}])

    workflow_id = wire.start()

    assert exchange.sent == []
    assert wire.statuses(workflow_id) == {"a": "SCHEDULED"}


def test_client_that_goes_while_it_waits_for_a_workflow(wire: Api) -> None:
    wire.define()
    body = chunks(b'{"input":{}}')

    exchange = raw(wire, "POST", "/api/workflow/execute/w/1?waitForSeconds=60", [*body, {"type": "http.disconnect"}])

    assert exchange.sent == []
    assert wire.get("/workflow/search")["totalHits"] == 1
