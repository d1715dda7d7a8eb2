"""The two x86 machines: their root bus, what the chipset occupies there, and what hot-plug they do by default."""

from typing import Final

from pydantic import Field

from ..base import Frozen
from ..records import record
from .controllers import PCI_ROOT, PCIE_ROOT, BusModel
from .machine_types import Family, Version, family_of
from .qemu_versions import Version as QemuVersion
from .qemu_versions import assumed_qemu


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
    caching_mode: bool = Field(default=False, examples=[True])
    """Whether the intel-iommu that `needs: [viommu]` asks for has `caching-mode=on`. Without it QEMU ends as soon as
    the guest turns the vIOMMU on, if there are devices of the host."""
    root_hotplug: bool = Field(default=True, examples=[False])
    """Whether pci.0 itself takes hot-plug (QEMU's `PIIX4_PM.acpi-root-pci-hotplug`). Its bridges take hot-plug either
    way (measured: tests/real/test_machine_versions.py), and pcie.0 takes none."""
    bridge_hotplug: bool | None = Field(default=None, examples=[False])
    """Whether ACPI offers hot-plug behind ports and bridges (QEMU's `acpi-pci-hotplug-with-bridge-support` of ICH9-LPC
    or PIIX4_PM). Without it ports plug natively and bridges by SHPC. By default it is as the machine type has it: on,
    but for q35 before 6.1."""


REACHES_BELOW_PORTS: Final = (8, 0)
"""The QEMU from which ACPI offers hot-plug below ports that say hotplug=off."""


@record(frozen=True)
class Machine:
    """What is fixed by machine type and chipset options. `taken` maps (slot, function) to what sits there."""

    name: str
    family: Family
    version: Version | None
    """Of upstream's machine types; None is the newest."""
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
    """pc-q35-6.1 alone, where ACPI plugs behind ports: every hot-pluggable pcie-root-port opens an IO window."""
    port_hotplug: bool
    """Whether ports take hot-plug where ACPI reaches: on pc not if ACPI is there but offers none behind bridges, as
    Linux then leaves ports alone that have no extended config space (measured: tests/real/test_ports_on_pc.py)."""
    native_hotplug: bool
    """Whether ports take hot-plug where ACPI offers none at all, and below expanders; not where `port_io_reserve`."""
    qemu: QemuVersion
    """The QEMU that runs it, whose version decides what the machine type does not."""

    @property
    def port_ends_acpi(self) -> bool:
        """Whether ACPI offers no hot-plug below a port that says hotplug=off (measured: QEMU 7.2, not 10.0 and 11.1,
        tests/real/test_port_without_hotplug.py; by QEMU's log it changed in 8.0)."""
        return self.qemu < REACHES_BELOW_PORTS

    def plugs_natively(self, *, below_expander: bool) -> bool:
        """Whether ports take hot-plug without ACPI. Where that offers hot-plug on the main root, it keeps the guest
        from plugging natively there, in places that it does not reach, too (measured there)."""
        return self.native_hotplug and (below_expander or not self.acpi_bridge_hotplug)


def machine_of(name: str, chipset: Chipset, machine_as: str | None = None, qemu: QemuVersion | None = None) -> Machine:
    """The machine behind a machine type name (a bare family is the newest version), with the version of the name
    `machine_as` where there is one. Without `qemu` that is the one which is assumed for such a machine type.

    Sources: QEMU 7.2 (tests/real/test_machine.py, tests/real/test_machine_versions.py),
    machine type compat properties for 6.0 and 6.1.
    """
    family, _ = family_of(name)
    _, version = family_of(machine_as or name)
    runs = assumed_qemu(family, version) if qemu is None else qemu
    return _q35(name, version, chipset, runs) if family == "q35" else _pc(name, version, chipset, runs)


def _q35(name: str, version: Version | None, chipset: Chipset, qemu: QemuVersion) -> Machine:
    bridges = version is None or version >= (6, 1) if chipset.bridge_hotplug is None else chipset.bridge_hotplug
    acpi_slots = bridges and version == (6, 1)
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
        acpi_bridge_hotplug=chipset.acpi and bridges,
        port_io_reserve=acpi_slots,
        port_hotplug=True,
        native_hotplug=not acpi_slots,
        qemu=qemu,
    )


def _pc(name: str, version: Version | None, chipset: Chipset, qemu: QemuVersion) -> Machine:
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
        acpi_bridge_hotplug=chipset.acpi and chipset.bridge_hotplug is not False,
        port_io_reserve=False,
        port_hotplug=not chipset.acpi or chipset.bridge_hotplug is not False,
        native_hotplug=not chipset.acpi,
        qemu=qemu,
    )
