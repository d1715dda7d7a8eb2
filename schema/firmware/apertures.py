"""How much memory the firmware shares out, measured: SeaBIOS 1.16.2 and 1.16.3, edk2 2022.11 and 2025.02."""

from typing import Final, NamedTuple

from ..layout.layout import Platform
from ..pci.machine import Machine
from ..pci.ram import AMD_RESERVED, FOUR_GIB, GIB, high_memory_end, low_memory
from .budget import align


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
"""From about this edk2 on q35's MMCONFIG lies above the 32-bit hole, at 0xe0000000 (proposed early 2023, measured in
2025.02; versions between were not measured)."""
DEFAULT_PHYS_BITS: Final = 40
"""Of QEMU's own CPU models."""
MAX_PHYS_BITS: Final = 47
CLASSIC_SIZE: Final = 32 * GIB


def ovmf_apertures(machine: Machine, platform: Platform, version: tuple[int, ...]) -> tuple[Aperture, Aperture]:
    """32-bit and 64-bit memory that OVMF of that version shares out. CPUs count as QEMU's own models: AMD's vendor id.

    With as many address bits as edk2 believes (from 40 up) the 64-bit aperture is the top eighth of what they reach;
    else it is 32 GiB behind RAM. Above 40 bits the CPU is taken to have 1 GiB pages, without which edk2 stays at 40.
    """
    low = low_memory(machine, platform.memory)
    newer = version >= MMCONFIG_ABOVE_HOLE
    if machine.family == "q35":
        small = Aperture(max(2 * GIB, low), 0xE000_0000) if newer else Aperture(0xC000_0000, 0xFC00_0000)
    else:
        # edk2 marks it uncacheable with one register: its size to 4 GiB is a power of two (measured)
        small = Aperture(FOUR_GIB - (1 << (FOUR_GIB - max(2 * GIB, low)).bit_length() - 1), 0xFC00_0000)
    start = align(high_memory_end(machine, platform.memory, platform.pci_hole64), CLASSIC_SIZE)
    bits = min(platform.phys_bits or DEFAULT_PHYS_BITS, MAX_PHYS_BITS)
    top, size = 1 << bits, 1 << bits - 3
    if bits >= DEFAULT_PHYS_BITS and start + size < top:
        start = top - size
        if newer and start < AMD_RESERVED[1] and top > AMD_RESERVED[0]:
            start = (AMD_RESERVED[0] - size) // size * size
        return small, Aperture(start, start + size)
    return small, Aperture(start, start + CLASSIC_SIZE)
