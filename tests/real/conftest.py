"""Tests of a real QEMU are skipped where there is none. Where QSLOT_REQUIRE_REAL is set (CI), that is a failure."""

import os
from collections.abc import Generator

import pytest

from qslot.schema.probe import missing

BESIDE = "beside the project"
"""Why tests that read what the project does not have itself are skipped: that is allowed anywhere."""


def pytest_runtest_setup() -> None:
    if absent := missing():
        pytest.skip(f"{' and '.join(absent)} not found")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    required = os.environ.get("QSLOT_REQUIRE_REAL") and not hasattr(report, "wasxfail")
    if report.skipped and required and BESIDE not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but QSLOT_REQUIRE_REAL is set: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests of random guests recorded: the seeds that name their guests."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name}: {value}")
