"""Starts a real QEMU with a layout, lets its firmware enumerate PCI, and holds what it made against the layout.

    for difference in probe(layout).differences:
        ...

Needs QEMU and the optional extra `probe`; importing this package does not: what is missing is told on use.
"""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import expect
from ..formats.standalone import standalone
from ..layout.layout import Layout
from ..qemu.errors import BootError as BootError
from ..qemu.errors import CommandError as CommandError
from ..qemu.errors import FirmwarePanicError as FirmwarePanicError
from ..qemu.errors import MissingError as MissingError
from ..qemu.errors import ProbeError as ProbeError
from ..qemu.errors import QemuEndedError as QemuEndedError
from .compare import Difference as Difference
from .compare import differences as differences
from .enumeration import LIMIT, QEMU
from .enumeration import Enumeration as Enumeration
from .firmware import own_ovmf

if TYPE_CHECKING:
    from .machine import RunningMachine

PACKAGE: Final = "the Python package qemu.qmp"
NO_SEABIOS: Final = "could not load PC BIOS"
"""QEMU's words where its own image is not installed."""


def missing(qemu: str = QEMU) -> list[str]:
    """What is not installed of all that any layout needs."""
    things = [] if shutil.which(qemu) else [qemu]
    # the parent first: looking for a module of an absent package raises
    package = importlib.util.find_spec("qemu") and importlib.util.find_spec("qemu.qmp")
    return things if package else [*things, PACKAGE]


@contextmanager
def running(
    layout: Layout, *, qemu: str = QEMU, firmware: Path | None = None, limit: float = LIMIT
) -> Iterator["RunningMachine"]:
    """A QEMU with this layout and stand-ins, its firmware done with PCI. `firmware` is an image other than its own.

    Raises MissingError, QemuEndedError, FirmwarePanicError, or BootError when `limit` seconds were not enough.
    """
    if absent := missing(qemu):
        hint = "; pip install qemu.qmp" if PACKAGE in absent else ""
        raise MissingError(f"{' and '.join(absent)} not found{hint}")
    try:
        image = own_ovmf(qemu) if firmware is None and layout.firmware.name == "ovmf" else firmware
        arguments = standalone(layout, firmware=image)
    except FileNotFoundError as error:
        raise MissingError(str(error)) from None
    from .machine import start

    console = not any(device.driver.startswith("pci-serial") for device in layout.devices)
    try:
        machine = start(arguments, layout.firmware.name, image=image, qemu=qemu, console=console, limit=limit)
    except QemuEndedError as error:
        if NO_SEABIOS in str(error):
            raise MissingError(f"SeaBIOS not found (Debian's package seabios): {error}") from None
        raise
    try:
        yield machine
    finally:
        machine.close()


def boot(layout: Layout, *, qemu: str = QEMU, firmware: Path | None = None, limit: float = LIMIT) -> Enumeration:
    """Boots the layout far enough for PCI to be enumerated, reads it and ends QEMU. Raises what `running` does."""
    with running(layout, qemu=qemu, firmware=firmware, limit=limit) as machine:
        return machine.enumeration


@dataclass(frozen=True)
class Report:
    """What a real QEMU made of a layout."""

    version: str | None
    """QEMU's version; None where the guest did not come up."""
    differences: tuple[Difference, ...]
    """What is not as planned; empty where all is."""
    firmware: str = ""
    """The version of the firmware that ran; empty where it does not say it."""


def probe(layout: Layout, *, qemu: str = QEMU, firmware: Path | None = None, limit: float = LIMIT) -> Report:
    """Boots the layout and holds it against what came of it; that QEMU or firmware refuse it is a difference, too.

    Raises MissingError, or BootError when `limit` seconds were not enough; ArgumentError for what is no layout.
    """
    expect("layout", layout, Layout, "a Layout, as qslot.solve(guest).require() gives one")
    try:
        enumeration = boot(layout, qemu=qemu, firmware=firmware, limit=limit)
    except (QemuEndedError, FirmwarePanicError) as error:
        return Report(None, (Difference(None, str(error)),))
    return Report(enumeration.version, tuple(differences(layout, enumeration)), enumeration.firmware)
