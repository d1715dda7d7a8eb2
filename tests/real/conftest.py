"""Tests of a real QEMU are skipped where there is none. Where QSLOT_REQUIRE_REAL is set (CI), that is a failure."""

import os
from collections.abc import Callable, Generator

import pytest

from qslot.schema.catalog.measure.ask import Qemu
from qslot.schema.probe import missing
from qslot.schema.probe.enumeration import QEMU
from qslot.testing.libvirt import Libvirt

from .linux.initramfs import Boot, build
from .this_qemu import OTHER_QEMU, skip_unless, skip_without

BESIDE = "beside the project"
"""Why tests that read what the project does not have itself are skipped."""
ALLOWED = (BESIDE, OTHER_QEMU)
"""Reasons for which a test may be skipped anywhere; the second is that it states facts of another QEMU."""


@pytest.fixture(scope="module")
def qemu() -> Qemu:
    """To ask the QEMU that is installed; `pytest_runtest_setup` has seen to it that one is."""
    return Qemu(QEMU)


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Boot:
    """A Debian kernel and udev, where `make real` has fetched their packages."""
    try:
        return build(tmp_path_factory.mktemp("linux"))
    except FileNotFoundError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def define(libvirt: Libvirt) -> Callable[[str], dict[str, str]]:
    """Domain XML to what libvirt makes of it, `xml` or `error`. (`libvirt` is the fixture of qslot.testing.)"""
    return libvirt.ask


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Also skips what is about a machine type or facts that this QEMU does not have."""
    if absent := missing():
        pytest.skip(f"{' and '.join(absent)} not found")
    machine = item.callspec.params.get("machine") if hasattr(item, "callspec") else None
    if isinstance(machine, str):
        skip_without(machine)
    if facts := item.get_closest_marker("facts_of"):
        skip_unless(*facts.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    required = os.environ.get("QSLOT_REQUIRE_REAL") and not hasattr(report, "wasxfail")
    if report.skipped and required and not any(reason in str(report.longrepr) for reason in ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but QSLOT_REQUIRE_REAL is set: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests of random guests recorded: the seeds that name their guests."""
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{report.nodeid}: {name}: {value}")
