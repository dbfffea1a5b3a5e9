"""`podium retention`."""

import json

import pytest

from podium.cli import main

from .conftest import Stub

AT = "/api/admin/retention"
Out = pytest.CaptureFixture[str]
ROWS = [
    {
        "workflowName": "order", "status": "COMPLETED", "keep": "7d", "source": "rule", "stored": 1500, "expired": 20,
        "oldestEndTime": 1_000,
    },
    {
        "workflowName": "order", "status": "FAILED", "keep": "forever", "source": "default", "stored": 3, "expired": 0,
        "oldestEndTime": 2_000,
    },
]  # fmt: skip


def run(server: Stub, *words: str) -> int:
    return main(["retention", *words, "--server", server.url])


def test_show_lists_what_is_kept_and_who_says_so(server: Stub, capsys: Out) -> None:
    server.answer(f"GET {AT}", ROWS)

    assert run(server, "show") == 0

    head, *lines = (line.split() for line in capsys.readouterr().out.splitlines())
    assert head == ["workflow", "status", "keep", "set", "by", "stored", "to", "go", "oldest", "ended"]
    assert [line[:6] for line in lines] == [
        ["order", "COMPLETED", "7d", "rule", "1,500", "20"],
        ["order", "FAILED", "forever", "default", "3", "0"],
    ]


def test_set_sends_the_times_that_are_given(server: Stub, capsys: Out) -> None:
    server.answer(f"PUT {AT}/order", None)

    assert run(server, "set", "order", "--completed", "7d", "--timed-out", "2h") == 0

    assert server.asked[0][2] == {"completed": "7d", "timed_out": "2h"}
    assert capsys.readouterr().out == "order: completed 7d, timed_out 2h\n"


def test_set_without_a_time_is_wrong_usage(server: Stub) -> None:
    assert run(server, "set", "order") == 2
    assert server.asked == []


def test_clear_removes_the_rule(server: Stub) -> None:
    server.answer(f"DELETE {AT}/order", None)

    assert run(server, "clear", "order") == 0


def test_a_dry_run_shows_what_would_go_and_removes_nothing(server: Stub, capsys: Out) -> None:
    server.answer(f"GET {AT}", ROWS)

    assert run(server, "run", "--dry-run") == 0

    output = capsys.readouterr().out
    assert "FAILED" not in output
    assert "20 workflows would be removed" in output
    assert [call for call, _, _ in server.asked] == [f"GET {AT}"]


def test_run_goes_on_until_nothing_is_left(server: Stub, capsys: Out) -> None:
    more = {"removed": 1000, "skipped": 0, "left": True, "elsewhere": False}
    server.answer(f"POST {AT}/run", more, more, {"removed": 7, "skipped": 2, "left": False, "elsewhere": False})

    assert run(server, "run", "--json") == 0

    assert json.loads(capsys.readouterr().out) == {"removed": 2007, "skipped": 2, "left": False, "elsewhere": False}
    assert len(server.asked) == 3
