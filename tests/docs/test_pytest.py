"""The tests with fixtures on the pages (blocks of `py`): pytest runs them as it would those of a user."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import Page, pages


@pytest.mark.parametrize("one", [one for one in pages() if one.blocks("py")], ids=lambda one: one.name)
def test_tests_run(one: Page, tmp_path: Path) -> None:
    for number, block in enumerate(one.blocks("py")):
        (tmp_path / f"test_{number}.py").write_text(block.text, encoding="utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert answer.returncode == 0, answer.stdout + answer.stderr
