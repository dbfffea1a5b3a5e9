"""Rules for the whole test run: with CI=true nothing may be skipped."""

import os
import signal
from collections.abc import Generator, Iterator

import pytest

from tests.postgres import Postgres

LONG = ("simulation", "chaos", "cluster", "security", "compatibility")  # folders, whose files take the longest
MAY_SKIP = os.environ.get("CI", "").lower() not in {"1", "true"}

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a run in the background: its processes would not hear of it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the whole run, which does not care for durability."""
    server = Postgres()
    server.create()
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def postgres_url(postgres: Postgres) -> str:
    """A database that the tests of one process use one after the other; `emptied` makes it empty again."""
    postgres.execute("CREATE DATABASE podium")
    return postgres.url("podium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: processes that share the files come to their end together then."""
    items.sort(key=lambda item: LONG.index(folder) if (folder := item.path.parent.name) in LONG else len(LONG))


Wrapper = Generator[None, pytest.TestReport, pytest.TestReport]
CollectWrapper = Generator[None, pytest.CollectReport, pytest.CollectReport]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Wrapper:
    """Turn a skipped test into a failed one; an expected failure stays what it is."""
    report = yield
    if not MAY_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> CollectWrapper:
    """Turn a module that skips itself into a failed one."""
    report = yield
    if not MAY_SKIP and report.skipped:
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"with CI=true nothing may be skipped; {reason}"
