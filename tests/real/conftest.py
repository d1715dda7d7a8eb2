"""Tests of a real QEMU are skipped where there is none. Where QSLOT_REQUIRE_REAL is set (CI), that is a failure."""

import os
from collections.abc import Generator

import pytest
from qslot.schema.probe import missing


def pytest_runtest_setup() -> None:
    if absent := missing():
        pytest.skip(f"{' and '.join(absent)} not found")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("QSLOT_REQUIRE_REAL") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but QSLOT_REQUIRE_REAL is set: {report.longrepr}"
    return report
