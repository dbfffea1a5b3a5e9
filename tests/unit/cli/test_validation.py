"""`podium def validate`: with a server and without, for people and for programs."""

import json
from pathlib import Path
from typing import Any

import pytest

from podium.cli import main
from podium.cli.failure import FAILED, UNREACHABLE, USAGE

from .conftest import Stub

Out = pytest.CaptureFixture[str]

STEP = {"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}
GOOD = {"name": "good", "version": 2, "tasks": [STEP]}
ODD = {"name": "odd", "tasks": [STEP], "outputParameters": {"x": "${nobody.output.x}"}, "timeoutSecond": 5}
BAD: dict[str, Any] = {"name": "bad", "tasks": []}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PODIUM_SERVER", "CONDUCTOR_SERVER_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Any:
    def write(value: Any) -> str:
        made = tmp_path / f"{value['name'] if isinstance(value, dict) else 'several'}.json"
        made.write_text(json.dumps(value))
        return str(made)

    return write


def validate(*words: str) -> int:
    return main(["def", "validate", *words])


def test_a_good_definition_needs_no_server(file: Any, capsys: Out) -> None:
    assert validate(file(GOOD)) == 0
    assert capsys.readouterr().out == "valid: good version 2\n"


def test_warnings_pass_unless_strict(file: Any, capsys: Out) -> None:
    assert validate(file(ODD)) == 0
    shown = capsys.readouterr().out
    assert validate("--strict", file(ODD)) == FAILED

    assert "valid: odd" in shown
    assert "2 warnings" in shown
    assert "$.timeoutSecond" in shown
    assert "did you mean timeoutSeconds?" in shown


def test_errors_fail(file: Any, capsys: Out) -> None:
    assert validate(file(GOOD), file(BAD)) == FAILED

    shown = capsys.readouterr().out
    assert "valid: good" in shown
    assert "not valid: bad" in shown
    assert "1 error" in shown
    assert "WorkflowTask list cannot be empty" in shown


def test_json_is_for_programs(file: Any, capsys: Out) -> None:
    assert validate("--json", file([GOOD, BAD])) == FAILED

    good, bad = json.loads(capsys.readouterr().out)
    assert good == {"file": good["file"], "definition": "good version 2", "valid": True, "findings": []}
    assert [(one["severity"], one["path"]) for one in bad["findings"]] == [("error", "$.tasks")]


def test_task_definitions_are_checked_here(file: Any, capsys: Out) -> None:
    assert validate("--task", file({"name": "a"})) == 0
    assert validate("--task", file({"name": "a", "responseTimeoutSeconds": 0})) == FAILED
    assert validate("--task", file({"name": "a", "retryCount": []})) == FAILED

    assert "$.responseTimeoutSeconds" in capsys.readouterr().out


def test_a_server_is_asked_when_it_is_named(
    server: Stub, file: Any, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = {"severity": "warning", "path": "$.tasks[0]", "message": "the server knows\x1b[2J more"}
    server.answer("POST /api/metadata/workflow/advice", {"valid": True, "findings": [finding]})
    server.answer("POST /api/metadata/taskdefs/advice", {"valid": False, "findings": []})

    assert validate(file(GOOD), "--server", server.url) == 0
    monkeypatch.setenv("PODIUM_SERVER", server.url)
    assert validate("--strict", file(GOOD)) == FAILED
    assert validate("--task", file(GOOD)) == FAILED
    assert validate("--strict", "--local", file(GOOD)) == 0

    shown = capsys.readouterr().out
    assert "the server knows" in shown
    assert "\x1b" not in shown
    assert len(server.asked) == 3


def test_a_server_that_does_not_answer_is_a_failure(file: Any) -> None:
    assert validate(file(GOOD), "--server", "http://127.0.0.1:1") == UNREACHABLE


def test_a_file_that_is_no_definition_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")

    assert validate(str(tmp_path / "x.json")) == USAGE
    assert validate(str(tmp_path / "missing.json")) == USAGE
