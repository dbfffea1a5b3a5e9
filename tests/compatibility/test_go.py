"""The Go SDK: a program in Go runs its checks against podium; each is a test here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compatibility import foreign
from tests.compatibility.foreign import Outcomes
from tests.process import Server

SOURCES = Path(__file__).parent / "go"
CHECKS = foreign.names(SOURCES, r'^\t\{"([^"]+)", \w+\},')
pytestmark = pytest.mark.timeout(foreign.INSTALL_S + foreign.RUN_S)  # the first test waits for the program


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("go") / "podium.db", PODIUM_LOG_LEVEL="warning", PODIUM_SECRET_KEY="k")
    started.start()
    yield started
    code, _ = started.stop()
    assert code == 0
    assert "Traceback" not in started.log.read_text()


@pytest.fixture(scope="module")
def outcomes(own_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    program = tmp_path_factory.mktemp("program") / "sdk-go"
    foreign.install("sdk-go", str(program))
    return foreign.run([program, f"{own_server.url}/api"])


@pytest.mark.parametrize("check", CHECKS)
def test_check(outcomes: Outcomes, check: str) -> None:
    outcomes.confirm(check)


def test_the_program_says_what_it_ran(outcomes: Outcomes) -> None:
    assert sorted(outcomes.details) == sorted(CHECKS)
    assert outcomes.code == (1 if any(outcomes.details.values()) else 0)
