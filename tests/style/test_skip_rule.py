"""The rule of tests/conftest.py, tried on a run of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parents[1] / "conftest.py"


def run_pytest(folder: Path, test: str, ci: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder / "conftest.py")
    (folder / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-pno:cacheprovider", f"--rootdir={folder}", str(folder)]
    environment = os.environ | {"CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


SKIPS = """
import pytest

def test_it(): pytest.skip("no database")

@pytest.mark.skip(reason="no database")
def test_that(): pass
"""

SKIPS_ITSELF = """
import pytest

pytest.skip("no database", allow_module_level=True)
"""

EXPECTED_FAILURE = """
import pytest

@pytest.mark.xfail
def test_it(): assert False
"""


def test_every_way_of_skipping_fails_with_ci(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, SKIPS, ci="true")

    assert done.returncode == 1
    assert done.stdout.count("- with CI=true nothing may be skipped; Skipped: no database") == 2


def test_a_module_that_skips_itself_fails_with_ci(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, SKIPS_ITSELF, ci="true")

    assert done.returncode != 0
    assert "no database" in done.stdout


def test_skipping_is_allowed_elsewhere(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, SKIPS, ci="")

    assert done.returncode == 0
    assert "2 skipped" in done.stdout


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    done = run_pytest(tmp_path, EXPECTED_FAILURE, ci="true")

    assert done.returncode == 0
