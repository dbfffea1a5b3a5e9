"""Rules for the whole test run: with CI=true nothing may be skipped."""

import os
from collections.abc import Generator

import pytest

MAY_SKIP = os.environ.get("CI", "").lower() not in {"1", "true"}

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
