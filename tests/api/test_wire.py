"""What every call has in common on the wire: answers, paths, methods and parameters."""

import logging
from typing import Any
from urllib.parse import quote

import pytest

from podium.model.errors import Overloaded, Unavailable
from podium.store.memory import MemoryStore

from .conftest import Api, simple
from .exchange import TASKDEF, Exchange, post

# ---- answers


def test_json_has_no_charset(wire: Api) -> None:
    answer = wire.call("GET", "/metadata/taskdefs", headers={"accept": "text/html"})

    assert (answer.headers["content-type"], answer.text) == ("application/json", "[]")


def test_ids_are_bare_text(wire: Api) -> None:
    wire.define()

    answer = wire.call("POST", "/workflow", {"name": "w"}, headers={"accept": "application/json"})

    assert answer.headers["content-type"] == "text/plain;charset=UTF-8"
    assert '"' not in answer.text


def test_empty_answer_says_its_length_and_no_type(wire: Api) -> None:
    answer = post(wire, "/metadata/taskdefs", TASKDEF)

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"
    assert "content-type" not in answer.headers


def test_204_says_neither_length_nor_type(wire: Api) -> None:
    answer = wire.call("GET", "/tasks/x/log")

    assert answer.status_code == 204
    assert not {"content-length", "content-type"} & set(answer.headers)


def test_error_body(wire: Api) -> None:
    answer = wire.call("GET", "/metadata/taskdefs/x")

    assert answer.headers["content-type"] == "application/json"
    message = "No such taskType found by name: x"
    assert answer.json() == {"status": 404, "message": message, "instance": "node-1", "retryable": False}


@pytest.mark.parametrize(("error", "status"), [(Overloaded("later"), 429), (Unavailable("gone"), 503)])
def test_what_may_be_repeated_says_so(
    wire: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    def fail(*_: Any) -> None:
        raise error

    wire.define()
    monkeypatch.setattr(wire.node.committer, "submit", fail)

    answer = wire.call("POST", "/workflow", {"name": "w"})

    assert (answer.status_code, answer.headers["retry-after"]) == (status, "1")
    assert answer.json()["retryable"] is True


def test_fault_of_the_server_is_logged_and_tells_nothing(
    wire: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("an internal detail")

    wire.define()
    monkeypatch.setattr(wire.node.committer, "submit", fail)

    with caplog.at_level(logging.ERROR):
        answer = wire.call("POST", "/workflow", {"name": "w"})

    assert (answer.status_code, answer.json()["message"]) == (500, "Internal server error")
    assert "an internal detail" in caplog.text
    assert "Traceback" in caplog.text


# ---- paths and methods


def test_unknown_path(wire: Api) -> None:
    answer = wire.call("GET", "/xyz")

    assert (answer.status_code, answer.json()["message"]) == (404, "No static resource api/xyz.")


@pytest.mark.parametrize("path", ["/workflow/search/", "/workflow/", "//api//workflow", "//api", "/tasks/poll//"])
def test_slash_too_many(wire: Api, path: str) -> None:
    assert wire.call("GET", path).status_code == 404


def test_wrong_method(wire: Api) -> None:
    answer = wire.call("PATCH", "/workflow/x")

    assert (answer.status_code, answer.json()["message"]) == (405, "Request method 'PATCH' is not supported")
    assert answer.headers["allow"] == "DELETE, GET, POST"


def test_head_is_get_without_the_body(wire: Api) -> None:
    answer = wire.call("HEAD", "/metadata/taskdefs")

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "2")


def test_encoded_slash_is_refused(wire: Api) -> None:
    assert wire.call("GET", "/metadata/taskdefs/a%2Fb").status_code == 400


@pytest.mark.parametrize("name", ["a b", "a:b", "a*", "a?b", "a#b", "ä", "%", "100%41", "日本", "a+b"])
def test_names_with_signs(wire: Api, name: str) -> None:
    wire.call("POST", "/metadata/taskdefs", [{"name": name}])

    found = wire.call("GET", f"/metadata/taskdefs/{quote(name, safe='')}")

    assert found.json()["name"] == name


def test_literal_segment_wins_over_a_variable(wire: Api) -> None:
    wire.define(simple("a"), name="search")

    assert wire.call("GET", "/workflow/search").json() == {"totalHits": 0, "results": []}
    assert wire.call("POST", "/workflow/search", {}).headers["content-type"].startswith("text/plain")


def test_path_without_end(wire: Api) -> None:
    assert wire.call("GET", "/metadata/taskdefs/" + "x" * 20_000).status_code == 400


def test_websocket_is_closed(wire: Api) -> None:
    exchange = Exchange([])

    wire.run(wire.app({"type": "websocket"}, exchange.receive, exchange.send))

    assert exchange.sent == [{"type": "websocket.close", "code": 1000}]


# ---- parameters


@pytest.mark.parametrize("value", ["True", "true", "yes", "ON", "1"])
def test_words_for_true(wire: Api, value: str) -> None:
    wire.define()

    assert wire.call("POST", f"/metadata/workflow?overwrite={value}", {"name": "w", "tasks": [simple("a")]}).is_success


@pytest.mark.parametrize("value", ["False", "no", "Off", "0", ""])
def test_words_for_false(wire: Api, value: str) -> None:
    wire.define()

    answer = wire.call("POST", f"/metadata/workflow?overwrite={value}", {"name": "w", "tasks": [simple("a")]})

    assert answer.status_code == 409


def test_boolean_that_is_none(wire: Api) -> None:
    answer = wire.call("GET", "/workflow/x?includeTasks=maybe")

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Method parameter 'includeTasks': ")
    assert answer.json()["message"].endswith("Invalid boolean value [maybe]")


@pytest.mark.parametrize("value", ["abc", "1.5", "99999999999", "0x10", "1_0", "٣"])
def test_number_that_is_none(wire: Api, value: str) -> None:
    answer = wire.call("GET", "/metadata/workflow/w", params={"version": value})

    assert answer.status_code == 400
    assert answer.json()["message"] == (
        "Method parameter 'version': Failed to convert value of type 'java.lang.String' to required type "
        f"'java.lang.Integer'; For input string: \"{value}\""
    )


def test_number_in_the_path_that_is_none(wire: Api) -> None:
    assert wire.call("DELETE", "/metadata/workflow/w/latest").status_code == 400


def test_missing_parameter(wire: Api) -> None:
    message = "Required request parameter 'taskType' for method parameter type String is not present"

    for path in ("polldata", "size", "sizes"):
        answer = wire.call("GET", f"/tasks/queue/{path}")
        assert (answer.status_code, answer.json()["message"]) == (400, message)


def test_names_are_case_sensitive_and_unknown_ones_ignored(wire: Api) -> None:
    wire.define()

    assert wire.get("/metadata/workflow/w?Version=7&short=true&access=x")["version"] == 1


@pytest.mark.parametrize("query", ["taskType=a&taskType=b", "taskType=a,b", "taskType=a%2Cb"])
def test_lists(wire: Api, query: str) -> None:
    assert wire.get(f"/tasks/queue/sizes?{query}") == {"a": 0, "b": 0}


def test_plus_and_percent_in_values(wire: Api) -> None:
    wire.run(wire.request("GET", "/api/tasks/poll/batch/a?workerid=a+b%26c&timeout=0"))

    assert wire.get("/tasks/queue/polldata?taskType=a")[0]["workerId"] == "a b&c"


def test_query_with_too_many_parts(wire: Api) -> None:
    assert wire.call("GET", "/metadata/workflow/x/rate-limit?" + "&" * 5_000).status_code == 404  # takes no parameters
    assert wire.call("GET", "/workflow/search?" + "&" * 5_000).status_code == 400


# ---- the life of the server


def test_lifespan_runs_the_hooks() -> None:
    done = []

    async def note(word: str) -> None:
        done.append(word)

    api = Api(MemoryStore())
    api.app._on_startup = lambda: note("up")
    api.app._on_shutdown = lambda: note("down")
    exchange = Exchange([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    api.run(api.app({"type": "lifespan"}, exchange.receive, exchange.send))

    api.close()
    assert done == ["up", "down"]
    assert [message["type"] for message in exchange.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_startup_that_fails_is_told() -> None:
    async def fail() -> None:
        raise Unavailable("no store")

    api = Api(MemoryStore())
    api.app._on_startup = fail
    exchange = Exchange([{"type": "lifespan.startup"}])

    api.run(api.app({"type": "lifespan"}, exchange.receive, exchange.send))

    api.close()
    assert exchange.sent == [{"type": "lifespan.startup.failed", "message": "no store"}]


class Observer:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, int]] = []

    def answered(self, method: str, path: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((method, path, status))

    async def figures(self) -> bytes:
        return b"calls_total 1\n"


def test_calls_are_observed_by_their_template() -> None:
    observer = Observer()
    api = Api(MemoryStore(), observer=observer)

    api.call("GET", "/metadata/taskdefs/x")
    api.call("GET", "/xyz")
    shown = api.call("GET", "//metrics")

    api.close()
    assert observer.calls[:2] == [("GET", "/api/metadata/taskdefs/{tasktype}", 404), ("GET", "", 404)]
    assert (shown.text, shown.headers["content-type"]) == (
        "calls_total 1\n",
        "text/plain; version=0.0.4; charset=utf-8",
    )
