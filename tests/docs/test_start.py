"""The five-minute start of the README, as it is written there; only the installation and the port are other ones."""

import os
import subprocess
import sys
from collections.abc import Iterator
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
def shell(folder: Path, server: Server) -> Iterator[subprocess.Popen[str]]:
    """A shell with the commands of the installed package on its path, in a process group of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PODIUM_SERVER": server.url}
    started = subprocess.Popen(
        ["bash", "-es"],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield started
    started.kill()
    started.wait()


@pytest.mark.timeout(60)
def test_the_start_of_the_readme_works(shell: subprocess.Popen[str], folder: Path) -> None:
    blocks = [block.text for block in page("README.md").blocks("sh") if "pip install" not in block.text]
    script = "\n".join([*blocks, "kill %1", "wait"])

    output, _ = shell.communicate(script, timeout=50)

    assert sorted(path.name for path in folder.iterdir()) == ["greet.json", "worker.py"]
    assert "registered greet version 1" in output
    assert "COMPLETED after" in output, output
    assert "1 of" in output.splitlines()[-1], output
