"""podium answers every scenario as the upstream server did when it was asked, or differs as allowed."""

import asyncio
from pathlib import Path

import pytest

from tests.compatibility.differential.difference import Allowance, allowances, forbidden
from tests.compatibility.differential.driver import Record
from tests.compatibility.differential.generated import drawn
from tests.compatibility.differential.oracle import KEPT, is_shown, played_on_podium, read, statements
from tests.compatibility.differential.scenarios import by_subject

ROOT = Path(__file__).parents[3]
ROWS = ROOT / "docs" / "compatibility" / "differences.md"
SCENARIOS = by_subject() | {"generated": [drawn(seed) for seed in range(KEPT)]}
NAMES = [(subject, one.name) for subject, scenarios in SCENARIOS.items() for one in scenarios]
SCENARIOS_MIN = 300

pytestmark = pytest.mark.timeout(600)  # the first test plays all scenarios


@pytest.fixture(scope="module")
def records() -> dict[str, dict[str, Record]]:
    """What podium does with every scenario, all of them side by side."""
    flat = {f"{subject}/{one.name}": one for subject, scenarios in SCENARIOS.items() for one in scenarios}
    played = asyncio.run(played_on_podium(flat))
    found: dict[str, dict[str, Record]] = {subject: {} for subject in SCENARIOS}
    for name, record in played.items():
        subject, _, rest = name.partition("/")
        found[subject][rest] = record
    return found


@pytest.fixture(scope="module")
def recorded() -> dict[str, dict[str, Record]]:
    return {subject: read(subject) for subject in SCENARIOS}


@pytest.fixture(scope="module")
def allowed() -> list[Allowance]:
    return allowances()


@pytest.mark.parametrize(("subject", "name"), NAMES, ids=[f"{subject}/{name}" for subject, name in NAMES])
def test_scenario(
    subject: str,
    name: str,
    records: dict[str, dict[str, Record]],
    recorded: dict[str, dict[str, Record]],
    allowed: list[Allowance],
) -> None:
    bad = forbidden(f"{subject}/{name}", recorded[subject][name], records[subject][name], allowed)

    assert not bad, "\n".join(map(str, bad[:20]))


def test_every_allowance_is_needed(
    records: dict[str, dict[str, Record]], recorded: dict[str, dict[str, Record]]
) -> None:
    allowed = allowances()
    for subject, name in NAMES:
        forbidden(f"{subject}/{name}", recorded[subject][name], records[subject][name], allowed)

    assert [one for one in allowed if not one.seen and not one.beyond] == []


def test_every_allowance_is_told_to_users() -> None:
    subjects = [line.split("|")[1].strip() for line in ROWS.read_text().splitlines() if line.startswith("| ")]

    assert [one.row for one in allowances() if not any(subject.startswith(one.row) for subject in subjects)] == []


def test_nothing_is_recorded_twice_or_for_nothing() -> None:
    assert len(set(NAMES)) == len(NAMES) >= SCENARIOS_MIN
    assert {subject: set(read(subject)) for subject in SCENARIOS} == {
        subject: {one.name for one in scenarios} for subject, scenarios in SCENARIOS.items()
    }


def test_every_statement_of_the_specification_is_shown() -> None:
    covered = {one for scenarios in SCENARIOS.values() for scenario in scenarios for one in scenario.covers}
    known = statements()

    assert [name for name, tests in known.items() if not tests and not is_shown(name, covered)] == []
    assert [tests for tests in known.values() if tests and not (ROOT / tests).exists()] == []


def test_scenarios_name_statements_that_exist() -> None:
    covered = {one for scenarios in SCENARIOS.values() for scenario in scenarios for one in scenario.covers}
    pages = {name.split()[0] for name in statements()}
    unknown = {
        one for one in covered if one.split()[0] in pages and not any(is_part(one, name) for name in statements())
    }

    assert unknown == set()


def is_part(one: str, name: str) -> bool:
    return one == name or one.startswith(f"{name}.")
