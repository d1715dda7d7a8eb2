"""The two x86 machines: their root bus, what the chipset occupies there, and what hot-plug they do by default."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import Field

from ..base import Frozen
from .controllers import PCI_ROOT, PCIE_ROOT, BusModel

Family = Literal["q35", "pc"]

NAME_PATTERN: Final = r"^(q35|pc|pc-q35-\d+\.\d+(\.\d+)?|pc-i440fx-\d+\.\d+(\.\d+)?)$"
_VERSIONED = re.compile(r"pc-(?P<chip>q35|i440fx)-(?P<major>\d+)\.(?P<minor>\d+)")


class Chipset(Frozen):
    """Which functions of the chipset exist: they take slots and IO ports of the root bus."""

    sata: bool = Field(default=True, examples=[False])
    """Whether q35 has its AHCI controller, at 1f.2 (QEMU's machine option `sata`). Machine pc has none."""
    smbus: bool = Field(default=True, examples=[False])
    """Whether q35 has its SMBus controller, at 1f.3 (QEMU's machine option `smbus`). Machine pc has none to leave
    out."""
    usb: bool = Field(default=False, examples=[True])
    """Whether the chipset's own USB controllers are there (QEMU's machine option `usb`): UHCI and EHCI at 1d of pcie.0,
    or UHCI at 01.2 of pci.0."""
    acpi: bool = Field(default=True, examples=[False])
    """Whether ACPI is there, and with it ACPI hot-plug. Without it only ports and bridges with SHPC take hot-plug."""
    root_hotplug: bool = Field(default=True, examples=[False])
    """Whether pci.0 itself takes hot-plug (QEMU's `PIIX4_PM.acpi-root-pci-hotplug`). Its bridges take hot-plug either
    way (measured), and pcie.0 takes none."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What is fixed by machine type and chipset options. `taken` maps (slot, function) to what sits there."""

    name: str
    family: Family
    version: tuple[int, int] | None
    root: str
    bus: BusModel
    first_slot: int
    last_slot: int
    chipset_slot: int
    taken: dict[tuple[int, int], str]
    closed: frozenset[int]
    """Slots in which no other function can be seen by the guest, or none is offered."""
    io_bytes: int
    """IO BARs of the chipset on the root bus, in bytes."""
    acpi: bool
    root_hotplug: bool
    acpi_bridge_hotplug: bool
    """Whether ACPI offers hot-plug behind conventional bridges; where not, only SHPC does."""
    port_io_reserve: bool
    """pc-q35-6.1 alone: every hot-pluggable pcie-root-port opens an IO window."""
    native_hotplug: bool
    """Whether ports take hot-plug below expanders, where ACPI offers none. pc-q35-6.1 alone refuses it."""


def machine_of(name: str, chipset: Chipset) -> Machine:
    """The machine behind a machine type name that matches NAME_PATTERN (a bare family is the newest version).

    Sources: QEMU 7.2 measured (`info pci`, device_add on every bus), machine type compat properties for 6.0 and 6.1.
    """
    family, version = family_of(name)
    return _q35(name, version, chipset) if family == "q35" else _pc(name, version, chipset)


def family_of(name: str) -> tuple[Family, tuple[int, int] | None]:
    """Family and version of a name that matches NAME_PATTERN.

    >>> family_of("pc-i440fx-2.12"), family_of("q35")
    (('pc', (2, 12)), ('q35', None))
    """
    match = _VERSIONED.match(name)
    version = None if match is None else (int(match["major"]), int(match["minor"]))
    return "q35" if name == "q35" or (match and match["chip"] == "q35") else "pc", version


def _q35(name: str, version: tuple[int, int] | None, chipset: Chipset) -> Machine:
    taken = {(0x00, 0): "host bridge", (0x1F, 0): "LPC bridge"}
    if chipset.sata:
        taken[0x1F, 2] = "chipset SATA controller"
    if chipset.smbus:
        taken[0x1F, 3] = "chipset SMBus controller"
    if chipset.usb:
        taken |= {(0x1D, function): "chipset USB controller" for function in (0, 1, 2, 7)}
    return Machine(
        name=name,
        family="q35",
        version=version,
        root="pcie.0",
        bus=PCIE_ROOT,
        first_slot=1,
        last_slot=30,
        chipset_slot=0x1F,
        taken=taken,
        closed=frozenset({0x00, 0x1D} if chipset.usb else {0x00}),
        io_bytes=0x20 * chipset.sata + 0x40 * chipset.smbus + 0x60 * chipset.usb,
        root_hotplug=False,
        acpi=chipset.acpi,
        acpi_bridge_hotplug=chipset.acpi and (version is None or version >= (6, 1)),
        port_io_reserve=version == (6, 1),
        native_hotplug=version != (6, 1),
    )


def _pc(name: str, version: tuple[int, int] | None, chipset: Chipset) -> Machine:
    taken = {(0x00, 0): "host bridge", (0x01, 0): "ISA bridge", (0x01, 1): "chipset IDE controller"}
    if chipset.usb:
        taken[0x01, 2] = "chipset USB controller"
    if chipset.acpi:
        taken[0x01, 3] = "chipset power management"
    return Machine(
        name=name,
        family="pc",
        version=version,
        root="pci.0",
        bus=PCI_ROOT,
        first_slot=2,
        last_slot=31,
        chipset_slot=0x01,
        taken=taken,
        closed=frozenset({0x00}),
        io_bytes=0x10 + 0x20 * chipset.usb,
        acpi=chipset.acpi,
        root_hotplug=chipset.acpi and chipset.root_hotplug,
        acpi_bridge_hotplug=chipset.acpi,
        port_io_reserve=False,
        native_hotplug=True,
    )
