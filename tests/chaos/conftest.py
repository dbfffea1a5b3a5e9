"""Options of the fault suite, and what its tests share: `pytest tests/chaos --full --seed 7 --count 20`."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres
from tests.process import Server

from .plan import SEED, Plan
from .report import Report

HERE = Path(__file__).parent
STORES = ("sqlite", "postgres")
SHORT_S_MAX, FULL_S_MAX = 600, 7_200


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chaos", "fault suite")
    group.addoption("--full", action="store_true", help="the full counts of faults instead of a few of each")
    group.addoption("--seed", type=int, default=SEED, help=f"where chance begins; default {SEED}")
    group.addoption("--count", type=int, help="how many faults each test injects")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give these tests more time than others have."""
    seconds = FULL_S_MAX if _is_full(config) else SHORT_S_MAX
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(seconds))


@pytest.fixture
def plan(request: pytest.FixtureRequest) -> Plan:
    """How much is to be done. The options exist only when this folder is named on the command line."""
    option = request.config.getoption
    return Plan(option("--full", default=False), option("--seed", default=SEED), option("--count", default=None))


@pytest.fixture
def report(request: pytest.FixtureRequest, plan: Plan) -> Iterator[Report]:
    """The protocol of a test; it is printed however the test ends."""
    found = Report(request.node.name, plan.seed)
    yield found
    print(found)


@pytest.fixture(scope="module")
def durable_postgres() -> Iterator[Postgres]:
    """A PostgreSQL server that keeps what it has committed, and may be stopped by the test."""
    server = Postgres(durable=True)
    server.create()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def durable_database(durable_postgres: Postgres, request: pytest.FixtureRequest) -> tuple[Postgres, str]:
    """A server, and the URL of an empty database on it."""
    name = f"chaos_{zlib.crc32(request.node.name.encode())}"
    durable_postgres.execute(f"CREATE DATABASE {name}")
    return durable_postgres, durable_postgres.url(name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give tests of a server both databases; the short version one of them, if the module does not say otherwise."""
    if "server" in metafunc.fixturenames:
        short = getattr(metafunc.module, "SHORT_STORES", ("sqlite",))
        metafunc.parametrize("server", STORES if _is_full(metafunc.config) else short, indirect=True)


def _is_full(config: pytest.Config) -> bool:
    return bool(config.getoption("--full", default=False) or config.getoption("--count", default=None))


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    """A server over an empty database of each kind, not started yet."""
    log = tmp_path / "podium.log"
    if request.param == "sqlite":
        made = Server(tmp_path / "podium.db", log=log)
    else:
        made = Server(request.getfixturevalue("durable_database")[1], log=log)
    yield made
    made.kill()
