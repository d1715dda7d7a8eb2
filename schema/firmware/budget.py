"""How much IO the firmware shares out: SeaBIOS 1.16.2 to 1.17.0, edk2 2022.11 and 2025.02.

Measured with QEMU 7.2: tests/real/test_firmware.py, tests/real/test_guests.py.
"""

from typing import Final

from ..pci.machine import Machine
from ..records import record

PAGE: Final = 4096
"""Bytes: granularity of a bridge's IO window (PCI-to-PCI Bridge 1.2, 3.2.5.6)."""


@record(frozen=True)
class IoBudget:
    """Windows and root BARs together must not exceed `limit` bytes; root BARs are rounded up to `root_granule`."""

    first: int
    """The first IO port shared out, as far as alignment matters."""
    limit: int
    root_granule: int
    empty_shpc_window: int
    """What a bridge with an SHPC and no IO below opens, in bytes."""

    def lost_to(self, alignment: int) -> int:
        """Bytes that no window gets where one of them is aligned so: a power of two."""
        return min(-self.first % alignment, self.limit)


def io_budget(machine: Machine, firmware: str) -> IoBudget:
    """The budget of `seabios` or `ovmf` on that machine.

    SeaBIOS takes totals strictly below 0xf000 (q35), 0xa000 (q35 without ACPI, where it leaves 0xb000 on to power
    management) or 0x9000 (pc, which keeps 0xa000-0xafff for ACPI hot-plug);
    BAR sizes are multiples of four, so the last possible total is four bytes below. OVMF's apertures are
    0x6000-0xffff and 0xc000-0xffff. SeaBIOS panics beyond, OVMF drops devices.
    """
    if firmware == "seabios":
        total = 0x9000 if machine.family == "pc" else 0xF000 if machine.acpi else 0xA000
        return IoBudget(0, total - 4, 1, PAGE)
    return IoBudget(0x6000, 0xA000, PAGE, 0) if machine.family == "q35" else IoBudget(0xC000, 0x4000, PAGE, 0)
