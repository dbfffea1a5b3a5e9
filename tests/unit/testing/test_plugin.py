"""The fixtures for pytest as somebody else's tests see them, and what they cost."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from podium.testing import LocalServer, Rehearsal
from podium.testing.steps import inline, simple, workflow

SEPARATE = """
import time

def test_a_server_is_there(podium_server, podium_url):
    podium_server.register({"name": "w", "tasks": [{"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}]})
    key = podium_server.begin("w")
    podium_server.complete(key, "a", {"x": 1})
    assert podium_server.ended(key)["output"] == {"x": 1}
    assert podium_url == podium_server.url + "/api"

def test_another_one_is_empty(podium_server):
    assert podium_server.http.get("/metadata/workflow").json() == []

def test_a_stage_is_there(rehearsal):
    rehearsal.register({"name": "w", "tasks": [{"name": "n", "taskReferenceName": "n", "type": "NOOP"}]})
    assert rehearsal.status(rehearsal.run("w")) == "COMPLETED"
"""
NOTHING = """
import json, sys

def test_nothing():
    loaded = [name for name in sys.modules if name.split(".")[0] == "podium"]
    open("loaded.json", "w").write(json.dumps(loaded))
"""


def pytest_in(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(source)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True, timeout=60, check=False)


def test_fixtures_are_there_for_whoever_has_podium_installed(tmp_path: Path):
    answer = pytest_in(tmp_path, SEPARATE)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "3 passed" in answer.stdout


def test_who_does_not_use_them_imports_next_to_nothing(tmp_path: Path):
    answer = pytest_in(tmp_path, NOTHING)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert json.loads((tmp_path / "loaded.json").read_text()) == ["podium", "podium.testing", "podium.testing.plugin"]


def test_a_server_starts_in_less_than_a_second(tmp_path: Path):
    begun = time.monotonic()
    with LocalServer(f"sqlite:///{tmp_path / 'podium.db'}") as server:
        assert httpx.get(f"{server.url}/health").status_code == 200
        took_s = time.monotonic() - begun

    assert took_s < 1


def test_what_sqlite_has_is_there_after_a_restart(tmp_path: Path):
    server = LocalServer(f"sqlite:///{tmp_path / 'podium.db'}")
    with server:
        server.register({"name": "a", "retryCount": 0}, workflow("w", simple("a")))
        key = server.begin("w", {"x": 1}, correlationId="c")
    with server:
        found = server.workflow(key)

    assert (found["status"], found["input"], found["correlationId"]) == ("RUNNING", {"x": 1}, "c")


def test_scripts_and_environment_work_as_in_any_server():
    steps: list[Any] = [inline("i", "[...$.text].length", {"text": "${workflow.env.GREETING}"})]
    with LocalServer(environment={"CONDUCTOR_ENV_GREETING": "hello"}) as server:
        server.register(workflow("w", *steps))
        assert server.ended(server.begin("w"))["output"] == {"result": 5}


def test_mistakes_say_what_is_wrong():
    with LocalServer() as server:
        server.register(workflow("w", simple("a")))
        with pytest.raises(AssertionError, match="404: .*nosuch"):
            server.begin("nosuch")
        with pytest.raises(TimeoutError, match=r"w is RUNNING after 0 s; open: \['a'\]"):
            server.ended(server.begin("w"), timeout_s=0)


def test_a_server_that_can_not_start_says_why(tmp_path: Path):
    (tmp_path / "podium.db").write_text("no database" * 1000)

    with pytest.raises(Exception, match="database"):
        LocalServer(f"sqlite:///{tmp_path / 'podium.db'}").start()


def test_all_names_of_the_package_are_there():
    import podium.testing

    assert all(getattr(podium.testing, name) for name in podium.testing.__all__)
    assert podium.testing.Rehearsal is Rehearsal
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = podium.testing.Nothing  # type: ignore[attr-defined]
