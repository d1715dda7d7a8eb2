"""Starts a real QEMU with a layout, lets its firmware enumerate PCI, and holds what it made against the layout.

    for difference in differences(layout, boot(layout).tree):
        ...

Needs QEMU and the optional extra `probe`; importing this package does not: what is missing is told on use.
"""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..layout import Layout
from ..standin import standalone
from .compare import Difference as Difference
from .compare import differences as differences
from .enumeration import LIMIT, QEMU
from .enumeration import Enumeration as Enumeration
from .errors import BootError as BootError
from .errors import CommandError as CommandError
from .errors import FirmwarePanicError as FirmwarePanicError
from .errors import MissingError as MissingError
from .errors import ProbeError as ProbeError
from .errors import QemuEndedError as QemuEndedError

if TYPE_CHECKING:
    from .machine import Machine


def missing(qemu: str = QEMU) -> list[str]:
    """What is not installed of all that any layout needs."""
    things = [] if shutil.which(qemu) else [qemu]
    # the parent first: looking for a module of an absent package raises
    package = importlib.util.find_spec("qemu") and importlib.util.find_spec("qemu.qmp")
    return things if package else [*things, "the Python package qemu.qmp"]


@contextmanager
def running(layout: Layout, *, qemu: str = QEMU, limit: float = LIMIT) -> Iterator["Machine"]:
    """A QEMU with this layout and stand-ins, its firmware done with PCI.

    Raises MissingError, QemuEndedError, FirmwarePanicError, or BootError when `limit` seconds were not enough.
    """
    if absent := missing(qemu):
        raise MissingError(f"{' and '.join(absent)} not found; the package comes with: pip install 'qslot[probe]'")
    try:
        arguments = standalone(layout)
    except FileNotFoundError as error:
        raise MissingError(str(error)) from None
    from .machine import start

    console = not any(device.driver.startswith("pci-serial") for device in layout.devices)
    machine = start(arguments, layout.firmware.name, qemu=qemu, console=console, limit=limit)
    try:
        yield machine
    finally:
        machine.close()


def boot(layout: Layout, *, qemu: str = QEMU, limit: float = LIMIT) -> Enumeration:
    """Boots the layout far enough for PCI to be enumerated, reads it and ends QEMU. Raises what `running` does."""
    with running(layout, qemu=qemu, limit=limit) as machine:
        return machine.enumeration
