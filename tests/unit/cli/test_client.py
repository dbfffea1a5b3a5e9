"""The server as the command line sees it: paths, bodies, and failures that say what to do."""

import socket

import pytest

from podium.cli.client import Client
from podium.cli.failure import FAILED, UNREACHABLE, USAGE, Failure

from .conftest import Stub


@pytest.mark.parametrize("ending", ["", "/", "/api", "/api/"])
def test_the_url_may_or_may_not_end_in_api(server: Stub, ending: str) -> None:
    server.answer("GET /api/version", "1")

    assert Client(server.url + ending).get("version") == "1"


def test_parts_of_the_path_are_encoded_and_empty_parameters_left_out(server: Stub) -> None:
    server.answer("GET /api/a%2Fb%3F%20c", {"x": 1})

    assert Client(server.url).get("a/b? c", size=5, sort=None) == {"x": 1}
    assert server.asked[0][1] == {"size": ["5"]}


def test_json_is_sent_as_json_and_text_as_it_is(server: Stub) -> None:
    server.answer("POST /api/x", None)

    client = Client(server.url)
    assert client.post("x", body={"a": 1}) is None
    client.post("x", body="a line")

    assert [asked[2] for asked in server.asked] == [{"a": 1}, "a line"]


def test_a_refusal_has_the_servers_words_and_all_broken_rules(server: Stub) -> None:
    rules = [{"path": "def.name", "message": "must not be empty"}]
    server.answer("PUT /api/x", {"message": "Validation failed", "validationErrors": rules}, status=400)

    with pytest.raises(Failure) as failure:
        Client(server.url).put("x", body=[])
    assert failure.value.message == "Validation failed (HTTP 400)\n  def.name: must not be empty"
    assert failure.value.exit_code == FAILED


def test_an_answer_of_something_else_than_a_server_is_told(server: Stub) -> None:
    server.answer("GET /api/x", "<html>nginx</html>", status=404)

    with pytest.raises(Failure, match="answered 404: <html>") as failure:
        Client(server.url).get("x")
    assert failure.value.hint == "Is this the URL of a podium or Conductor server?"


def test_a_server_that_is_not_there_is_another_exit_code() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    with pytest.raises(Failure, match="No server answers") as failure:
        Client(f"http://127.0.0.1:{port}").get("x")
    assert failure.value.exit_code == UNREACHABLE
    assert "podium serve" in (failure.value.hint or "")


@pytest.mark.parametrize("url", ["nonsense", "ftp://x", "http://"])
def test_what_is_no_url_is_wrong_usage(url: str) -> None:
    with pytest.raises(Failure, match="not the URL of a server") as failure:
        Client(url)
    assert failure.value.exit_code == USAGE
