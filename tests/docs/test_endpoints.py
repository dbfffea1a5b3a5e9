"""The page of calls that are served, against the running server."""

import subprocess
import sys

from tests.docs.pages import ROOT


def test_the_page_of_served_calls_is_true() -> None:
    script = ROOT / "scripts" / "endpoints.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 0, f"run scripts/endpoints.py: {done.stdout}{done.stderr}"
