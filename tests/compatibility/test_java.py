"""The Java SDK as it is published: its program (tests/compatibility/java) runs once, and each of its checks is a test.

The program needs Java 21 and Maven, which `scripts/sdk-java` finds or installs.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process import Server

ROOT = Path(__file__).parents[2]
SOURCES = Path(__file__).with_name("java")
INSTALL_S = 600.0
RUN_S = 180.0
pytestmark = pytest.mark.timeout(INSTALL_S + RUN_S)  # the first test waits for the installation and the program
SETTINGS = {"PODIUM_LOG_LEVEL": "warning", "PODIUM_SECRET_KEY": "k"}


def declared() -> list[str]:
    """Read the names of all checks from the sources, in alphabetical order of their files."""
    texts = (path.read_text() for path in sorted(SOURCES.glob("*.java")))
    return [name for text in texts for name in re.findall(r'checks\.run\("([^"]+)"', text)]


CHECKS = declared()


@pytest.fixture(scope="module")
def command() -> list[str]:
    """The start of a command that runs a class of the program."""
    done = subprocess.run([ROOT / "scripts" / "sdk-java"], stdout=subprocess.PIPE, timeout=INSTALL_S, check=True)
    java, classes = done.stdout.decode().splitlines()
    return [java, "-XX:TieredStopAtLevel=1", "-cp", classes]


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that nobody else uses, since the program looks at all definitions, secrets and schedules."""
    started = Server(tmp_path_factory.mktemp("java") / "podium.db", **SETTINGS)
    started.start()
    yield started
    code, _ = started.stop()
    assert code == 0
    assert "Traceback" not in started.log.read_text()


@pytest.fixture(scope="module")
def results(command: list[str], own_server: Server) -> dict[str, dict[str, Any]]:
    """What the program says about each of its checks."""
    done = subprocess.run([*command, "Program", f"{own_server.url}/api"], capture_output=True, timeout=RUN_S)
    lines = [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith('{"name"')]
    assert done.returncode in (0, 1), done.stderr.decode()[-4000:]
    assert done.returncode == 0 or not all(line["ok"] for line in lines), "the exit code tells of a failure"
    return {line["name"]: line for line in lines}


def test_every_declared_check_runs(results: dict[str, dict[str, Any]]) -> None:
    assert len(set(CHECKS)) == len(CHECKS)
    assert sorted(results) == sorted(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_java_sdk(results: dict[str, dict[str, Any]], check: str) -> None:
    assert results[check]["ok"], results[check]["detail"]
