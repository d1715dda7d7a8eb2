"""The QEMU that the tests start, the one on PATH: its version, its machine types, its firmware.

Debian 12's is what everything was first measured on. `make real QEMU=trixie` puts another one there.
"""

import subprocess
from functools import cache

import pytest

from qslot.schema import Firmware, Guest, Layout
from qslot.schema.catalog.load import version_of
from qslot.schema.pci.machine_types import Version
from qslot.schema.pci.qemu_versions import measured_as, version_text
from qslot.schema.probe import boot
from qslot.schema.probe.enumeration import QEMU
from qslot.schema.qemu.version import version_of_binary
from qslot.schema.request.firmware import FirmwareName
from qslot.testing.generator import Data

from .layouts import layout

OTHER_QEMU = "this QEMU is"
"""How a skip begins whose reason is that the facts are another QEMU's: that is allowed anywhere."""


@cache
def version() -> Version:
    """Its version, `(10, 0)`."""
    return version_of(version_of_binary(QEMU))


@cache
def machines() -> frozenset[str]:
    """Its machine types."""
    told = subprocess.run([QEMU, "-machine", "help"], capture_output=True, text=True, timeout=60, check=True).stdout
    return frozenset(line.split()[0] for line in told.splitlines()[1:])


@cache
def firmware(which: FirmwareName = "seabios") -> Firmware:
    """Its SeaBIOS or OVMF with the version that it says, or else the one that such a QEMU came with."""
    says = boot(layout("q35", firmware=which)).firmware
    return Firmware(name=which, version=says or measured_as(version()).firmware(which))


def here(planned: Layout) -> Layout:
    """The layout for this QEMU and its firmware: what is predicted of it is what these will do."""
    platform = planned.platform.model_copy(update={"qemu": name()})
    return planned.model_copy(update={"platform": platform, "firmware": firmware(planned.firmware.name)})


def said_here(data: Data) -> Data:
    """The request as one for this QEMU, and for its firmware unless that has a version. Invalid where it names what
    this QEMU does not have."""
    stated = data.get("firmware", "seabios")
    named = {"firmware": firmware(stated).model_dump()} if isinstance(stated, str) else {}
    return {**data, "qemu": name(), **named}


def request(data: Data) -> Guest:
    """That request, which must be valid."""
    return Guest.model_validate(said_here(data))


def skip_without(machine: str) -> None:
    """Skips a test of a machine type that this QEMU does not have any more."""
    if machine not in machines():
        pytest.skip(f"{OTHER_QEMU} {name()}, which has no machine type {machine}")


def skip_unless(*versions: str) -> None:
    """Skips a test whose facts are of other QEMUs than this."""
    if name() not in versions:
        pytest.skip(f"{OTHER_QEMU} {name()}, the facts are of {' and '.join(versions)}")


def name() -> str:
    """Its version in words."""
    return version_text(version())
