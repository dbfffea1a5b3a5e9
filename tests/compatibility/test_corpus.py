"""Recorded definitions: each is accepted or refused as ever, and comes back as it was sent."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "corpus.py"


def corpus(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *words], capture_output=True, text=True, timeout=60, check=False
    )


def test_definitions_are_treated_as_recorded() -> None:
    answer = corpus("--check")

    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_published_definitions_are_treated_as_upstream_treats_them() -> None:
    recorded = json.loads((ROOT / "tests" / "compatibility" / "corpus" / "published.json").read_text())

    assert len(recorded) > 300
    assert {digest: one for digest, one in recorded.items() if one.keys() != {"status"}} == {}


def test_definitions_of_others_are_found_and_tried(tmp_path: Path) -> None:
    step = {"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}
    good, bad = {"name": "good", "tasks": [step]}, {"name": "bad", "tasks": [step, step]}
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "page.md").write_text(
        f"Like this:\n\n```json\n{json.dumps(good)}\n```\n\n```json\n{{…}}\n```\n"
    )
    (tmp_path / "more.json").write_text(json.dumps({"examples": [good, bad, {"tasks": []}]}))

    answer = corpus(str(tmp_path))

    assert answer.returncode == 0, answer.stderr
    assert "bad" in answer.stdout
    assert "should be unique" in answer.stdout
    assert answer.stdout.endswith("1 of 2 definitions are accepted\n")
