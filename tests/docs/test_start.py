"""The five-minute start of the README, as it is written there; only the installation and the port are other ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.docs.pages import page
from tests.process import Server

USUAL = "http://127.0.0.1:8080"


@pytest.fixture
def folder(tmp_path: Path, server: Server) -> Path:
    """A folder with the files that the README has one save."""
    for language in ("json", "python"):
        for block in page("README.md").blocks(language):
            if block.file:
                (tmp_path / block.file).write_text(block.text.replace(USUAL, server.url))
    return tmp_path


@pytest.fixture
def environment(server: Server) -> dict[str, str]:
    """The commands of the installed package on the path, and the server of the tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PODIUM_SERVER": server.url}


def commands() -> list[str]:
    """Return the shell blocks after the installation."""
    return [block.text for block in page("README.md").blocks("sh") if "pip install" not in block.text]


@contextmanager
def running(command: str, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """Run a command as in a terminal of its own, and end it with Ctrl-C there."""
    output = subprocess.DEVNULL
    process = subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(10)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.timeout(60)
def test_the_start_of_the_readme_works(folder: Path, environment: dict[str, str]) -> None:
    define, work, start = commands()

    with running(work, folder, environment):
        done = subprocess.run(
            ["bash", "-ec", define + start],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=40,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "registered greet version 1"
    assert any(line.startswith("greet ") and " COMPLETED after " in line for line in lines)
