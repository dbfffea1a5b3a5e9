"""Programs in other languages: each runs its checks in one go, and pytest shows every check as a test of its own."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "scripts"
RUN_S = 300
INSTALL_S = 900


@dataclass
class Outcomes:
    """What a program said of its checks: the details of those that failed, by name."""

    code: int
    ended: str
    details: dict[str, str] = field(default_factory=dict)

    def confirm(self, name: str) -> None:
        """Fail when the check failed or did not run."""
        assert name in self.details, f"the check did not run; the program ended with {self.code}:\n{self.ended}"
        assert not self.details[name], self.details[name]


def names(sources: Path, pattern: str) -> list[str]:
    """Return the names of the checks in the source files, so that they are known before the program is installed."""
    found = [
        name
        for path in sorted(sources.iterdir())
        if path.is_file()
        for name in re.findall(pattern, path.read_text(), re.MULTILINE)
    ]
    assert found, f"no check in {sources}"
    assert len(found) == len(set(found)), "two checks have one name"
    return found


def install(script: str, *words: str) -> None:
    """Run a script of the project that installs or builds what a program needs."""
    done = subprocess.run([SCRIPTS / script, *words], capture_output=True, text=True, timeout=INSTALL_S, check=False)
    assert done.returncode == 0, f"scripts/{script} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"


def run(command: Sequence[str | Path]) -> Outcomes:
    """Run a program that prints a line of JSON for each check; other lines are what its SDK says."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=False, env=environment())
    outcomes = Outcomes(done.returncode, f"{done.stdout[-2000:]}{done.stderr[-4000:]}")
    for line in done.stdout.splitlines():
        if line.startswith('{"name":'):
            said = json.loads(line)
            outcomes.details[said["name"]] = "" if said["ok"] else said["detail"] or "failed without a word"
    return outcomes


def environment() -> dict[str, str]:
    """Return the environment without settings that would lead the SDK elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CONDUCTOR_")}
