"""With AUDIT_TEST_REQUIRE=all, whatever skips has failed.

A bare machine skips what needs Java or a browser and says why; a machine that was set up for everything must not pass
by skipping. The hooks turn a skipped test, and a module that skips itself while it is collected, into a failure.
Tests marked `soak` may skip, and an expected failure is no skip. `tests/conftest.py` takes the hooks into the suite.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

VARIABLE = "AUDIT_TEST_REQUIRE"


def everything_required() -> bool:
    """Whether a skip counts as a failure, from the environment; any value but `all` or none is refused."""
    value = os.environ.get(VARIABLE, "")
    if value not in ("", "all"):
        raise pytest.UsageError(f"{VARIABLE} is {value!r}; set it to all, or unset it.")
    return value == "all"


def pytest_configure() -> None:
    everything_required()


def _refuse(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"{reason}\n{VARIABLE}=all: what skips has failed."


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    expected_to_fail = hasattr(report, "wasxfail")
    if report.skipped and not expected_to_fail and everything_required() and item.get_closest_marker("soak") is None:
        _refuse(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and everything_required():
        _refuse(report)
    return report
