"""The JavaScript SDK: a program in JavaScript runs its checks against podium; each is a test here."""

from pathlib import Path

import pytest

from tests.compatibility import foreign
from tests.compatibility.foreign import Outcomes
from tests.process import Server

SOURCES = Path(__file__).parent / "javascript"
CHECKS = foreign.names(SOURCES, r'^  "([^"]+)": async \(')
pytestmark = pytest.mark.timeout(foreign.INSTALL_S + foreign.RUN_S)  # the first test waits for the program


@pytest.fixture(scope="module")
def outcomes(server: Server) -> Outcomes:
    foreign.install("sdk-javascript")
    return foreign.run(["node", SOURCES / "program.js", server.url])


@pytest.mark.parametrize("check", CHECKS)
def test_check(outcomes: Outcomes, check: str) -> None:
    outcomes.confirm(check)


def test_the_program_says_what_it_ran(outcomes: Outcomes) -> None:
    assert sorted(outcomes.details) == sorted(CHECKS)
    assert outcomes.code == (1 if any(outcomes.details.values()) else 0)
