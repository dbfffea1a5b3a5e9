"""HTTP: what the decision queues, and what the runner makes of it."""

import asyncio
from typing import Any

import pytest

from podium.engine.commands import UpdateTask
from podium.engine.session import decode
from podium.engine.task_type import Outcome, Request, Response
from podium.tasks.http import Http, read_request
from podium.testing import Rehearsal
from podium.testing.steps import step, workflow

Given = dict[str, Any]


class FakeNetwork:
    """Answers every request alike, and remembers the last one."""

    def __init__(self, answer: Response | OSError) -> None:
        self.answer = answer
        self.request: Request | None = None

    async def http(self, request: Request) -> Response:
        self.request = request
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


def execute(given: Given, answer: Response | OSError) -> tuple[Outcome, FakeNetwork]:
    network = FakeNetwork(answer)
    return asyncio.run(Http().execute(given, network)), network


def answer(body: bytes = b"", status: int = 200) -> Response:
    return Response(status, "OK", {"X": ["1"]}, body)


GET = {"http_request": {"uri": "http://h/p", "method": "GET"}}


# ---- the decision


def test_a_request_waits_in_the_queue_of_the_runner(stage: Rehearsal):
    stage.register({"name": "h", "executionNameSpace": "ns", "rateLimitPerFrequency": 2})
    stage.register(workflow("w", step("h", "HTTP", GET, startDelay=3)))

    key = stage.start("w")

    assert stage.lines(key) == ["1 h HTTP SCHEDULED"]
    assert stage.given(key, "h") == {**GET, "asyncComplete": False}
    assert stage.poll("HTTP") is None
    stage.advance(3)
    assert stage.poll("HTTP") is not None


def test_a_runner_that_vanishes_leaves_the_work_to_another_one(stage: Rehearsal):
    stage.register(workflow("w", step("h", "HTTP", GET)))
    key = stage.start("w")
    assert stage.poll("HTTP") is not None
    assert stage.poll("HTTP") is None

    stage.advance(60)

    again = stage.poll("HTTP")
    assert again is not None
    assert (again.seq, again.poll_count) == (1, 2)
    stage.send(key, UpdateTask(1, "COMPLETED", b'{"o":1}', from_system=True))
    assert (stage.status(key), stage.queue("HTTP")) == ("COMPLETED", [])


def test_a_runner_may_ask_to_be_called_again(stage: Rehearsal):
    stage.register(workflow("w", step("h", "HTTP", GET)))
    key = stage.start("w")
    stage.poll("HTTP")

    stage.send(key, UpdateTask(1, "IN_PROGRESS", b'{"p":1}', callback_after_s=5, from_system=True))

    assert (stage.status(key, "h"), stage.poll("HTTP")) == ("IN_PROGRESS", None)
    stage.advance(5)
    assert stage.poll("HTTP") is not None


def test_an_asynchronous_request_then_waits_for_an_update(stage: Rehearsal):
    stage.register(workflow("w", step("h", "HTTP", GET, asyncComplete=True)))
    key = stage.start("w")
    assert stage.given(key, "h")["asyncComplete"] is True
    stage.poll("HTTP")

    stage.send(key, UpdateTask(1, "IN_PROGRESS", b'{"p":1}', from_system=True))
    assert (stage.status(key, "h"), stage.queue("HTTP")) == ("IN_PROGRESS", [])
    stage.advance(100_000)
    stage.complete(key, "h", {"o": 1})

    assert stage.status(key) == "COMPLETED"


# ---- the request


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "Missing HTTP URI.  See documentation for HttpTask for required input parameters"),
        ({"http_request": "x"}, "Missing HTTP URI.  See documentation for HttpTask for required input parameters"),
        ({"uri": "http://h"}, "No HTTP method specified"),
        ({"uri": "http://h", "method": "STEAL"}, "Failed to invoke HTTP task due to: Invalid HTTP method: STEAL"),
    ],
)
def test_a_request_that_can_not_be_made(given: Given, reason: str):
    outcome, network = execute(given, answer())

    assert (outcome.status, outcome.reason, network.request) == ("FAILED", reason, None)


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ({"a": [1, None]}, None, b'{"a":[1,null]}'),
        ("plain", "text/plain", b"plain"),
        ({"a": "x y&=", "b": 1.0, "ü": None}, "application/x-www-form-urlencoded", b"a=x+y%26%3D&b=1.0&%C3%BC=null"),
        (None, None, None),
    ],
)
def test_bodies(body: object, content_type: str | None, sent: bytes | None):
    request = read_request({"uri": "http://h", "method": "post", "body": body, "contentType": content_type})

    assert (request.method, request.body) == ("POST", sent)
    assert request.headers.get("Content-Type") == (None if sent is None else content_type or "application/json")


def test_headers_and_time_outs():
    wanted = {"uri": "http://h", "method": "GET", "accept": ["a/b", "c/d"], "headers": {"X": 1, "Y": None}}
    request = read_request({**wanted, "connectionTimeOut": "5000", "readTimeOut": 70})

    assert request.headers == {"Accept": "a/b, c/d", "X": "1"}
    assert (request.connect_timeout_ms, request.read_timeout_ms) == (5000, 70)


# ---- the answer


@pytest.mark.parametrize(
    ("body", "parsed"), [(b'{"a":1}', {"a": 1}), (b"text", "text"), (b"", None), (b"\xff", "\ufffd")]
)
def test_success(body: bytes, parsed: object):
    outcome, network = execute(GET, answer(body))

    assert network.request is not None
    assert (outcome.status, network.request.url) == ("COMPLETED", "http://h/p")
    response = decode(outcome.output)["response"]
    assert response == {"statusCode": 200, "reasonPhrase": "OK", "headers": {"X": ["1"]}, "body": parsed}


@pytest.mark.parametrize(("body", "reason"), [(b"gone", "gone"), (b"", "No response from the remote service")])
def test_any_other_status_is_a_failure(body: bytes, reason: str):
    outcome, _ = execute(GET, answer(body, 404))

    assert (outcome.status, outcome.reason) == ("FAILED", reason)
    assert decode(outcome.output)["response"]["statusCode"] == 404


def test_a_network_error_is_a_failure():
    outcome, _ = execute(GET, OSError("refused"))

    assert (outcome.status, outcome.reason) == ("FAILED", "Failed to invoke HTTP task due to: refused")


def test_asynchronous_requests_stay_in_progress():
    assert execute({**GET, "asyncComplete": True}, answer())[0].status == "IN_PROGRESS"
