"""Which IO ports and memory the firmware shares out: SeaBIOS 1.16.2 to 1.17.0, edk2 2022.11, 2025.02 and 2026.08.

Measured with QEMU 7.2, 10.0 and 11.1: tests/real/test_firmware.py, tests/real/test_ovmf_addresses.py.
"""

from typing import Final, NamedTuple

from ..layout.layout import Platform
from ..pci.machine import Machine
from ..pci.ovmf_addresses import ovmf_addresses
from ..pci.ram import FOUR_GIB, GIB, low_memory
from ..pci.size import align
from .budget import PAGE, io_budget


class Aperture(NamedTuple):
    """Addresses from `start` to below `end` that the firmware may give to BARs and windows, in bytes."""

    start: int
    end: int

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return self.end - self.start

    def blocks(self, unit: int) -> int:
        """How many blocks of that many bytes there are, each at a multiple of its size."""
        return max(0, self.end // unit - -(-self.start // unit))


LOW_BASE: Final = 0x1000
HIGH_BASE: Final = 0xC000
HIGH_SIZE: Final = 0x4000
"""Root level: all IO goes to 0xc000 if it is less than 0x4000 bytes, else to 0x1000."""
IO_END: Final = 0x10000


def io_apertures(machine: Machine, firmware: str) -> tuple[Aperture, ...]:
    """IO ports from which `seabios` or `ovmf` gives some to BARs and windows; all others are the chipset's."""
    budget = io_budget(machine, firmware)
    if firmware == "ovmf":
        return (Aperture(budget.first, IO_END),)
    end = LOW_BASE + align(budget.limit, PAGE)
    return (Aperture(LOW_BASE, IO_END),) if end >= HIGH_BASE else (Aperture(LOW_BASE, end), Aperture(HIGH_BASE, IO_END))


SEABIOS_HOLE_END: Final = 0xFEC0_0000
"""The IO APIC's registers."""


def seabios_hole(machine: Machine, memory: int) -> Aperture:
    """Where SeaBIOS has 32-bit memory to give; above, it takes what it needs from the end of RAM on."""
    low = low_memory(machine, memory)
    if machine.family == "q35":
        start = 0xC000_0000
    elif low <= 2 * GIB:
        start = 2 * GIB
    else:
        start = max(3 * GIB, low)
    return Aperture(start, SEABIOS_HOLE_END)


MMCONFIG_ABOVE_HOLE: Final = (2023, 5)
"""From this edk2 on q35's MMCONFIG lies above the 32-bit hole, at 0xe0000000 (first in edk2-stable202305)."""
OVMF_HOLE_END: Final = 0xFC00_0000


def ovmf_apertures(machine: Machine, platform: Platform, version: tuple[int, ...]) -> tuple[Aperture, Aperture]:
    """32-bit and 64-bit memory that OVMF of that version shares out; the latter empty where nothing can be given there.

    edk2 marks what is below 4 GiB uncacheable with one register: its size to 4 GiB is a power of two.
    """
    low = max(2 * GIB, low_memory(machine, platform.memory))
    start = FOUR_GIB - (1 << (FOUR_GIB - low).bit_length() - 1)
    below = Aperture(start, OVMF_HOLE_END)
    if machine.family == "q35":
        above_hole = version >= MMCONFIG_ABOVE_HOLE
        below = Aperture(start, 0xE000_0000) if above_hole else Aperture(0xC000_0000, OVMF_HOLE_END)
    above = ovmf_addresses(machine, platform, version)
    return below, Aperture(above.start, above.end if above.usable and above.boots else above.start)
