"""How much IO and memory the firmware shares out, measured: SeaBIOS 1.16.2 and 1.16.3, edk2 2022.11 and 2025.02."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from ..layout import Platform
from ..machine import Family, Machine

PAGE: Final = 4096
"""Bytes: granularity of a bridge's IO window (PCI-to-PCI Bridge 1.2, 3.2.5.6)."""
MIB: Final = 1 << 20
"""Bytes: granularity of a bridge's memory windows (same, 3.2.5.8)."""
GIB: Final = 1 << 30
FOUR_GIB: Final = 4 * GIB


@dataclass(frozen=True, slots=True)
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


class Aperture(NamedTuple):
    """Addresses from `start` to below `end` that the firmware may give to BARs and windows, in bytes."""

    start: int
    end: int

    @property
    def size(self) -> int:
        return self.end - self.start


def align(address: int, to: int) -> int:
    """The next multiple of `to`, a power of two or not."""
    return -(-address // to) * to


def low_memory(family: Family, memory: int) -> int:
    """Bytes of the guest's RAM below 4 GiB: QEMU moves the rest up where it would reach into the PCI hole."""
    most, kept = (0xB000_0000, 2 * GIB) if family == "q35" else (0xE000_0000, 3 * GIB)
    return memory if memory < most else kept


def high_memory_end(family: Family, memory: int) -> int:
    """Where RAM above 4 GiB ends; 4 GiB if there is none. Nothing is known of memory to be hot-plugged."""
    return FOUR_GIB + memory - low_memory(family, memory)


SEABIOS_HOLE_END: Final = 0xFEC0_0000
"""The IO APIC's registers."""


def seabios_hole(family: Family, memory: int) -> Aperture:
    """Where SeaBIOS has 32-bit memory to give; above, it takes what it needs from the end of RAM on."""
    low = low_memory(family, memory)
    if family == "q35":
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
AMD_RESERVED: Final = Aperture(0xFD_0000_0000, 0x100_0000_0000)
"""HyperTransport's addresses, which newer edk2 leaves out."""


def ovmf_apertures(family: Family, platform: Platform, version: tuple[int, ...]) -> tuple[Aperture, Aperture]:
    """32-bit and 64-bit memory that OVMF of that version shares out. CPUs count as QEMU's own models: AMD's vendor id.

    With as many address bits as edk2 believes (from 40 up) the 64-bit aperture is the top eighth of what they reach;
    else it is 32 GiB behind RAM. Above 40 bits the CPU is taken to have 1 GiB pages, without which edk2 stays at 40.
    """
    low = low_memory(family, platform.memory)
    newer = version >= MMCONFIG_ABOVE_HOLE
    if family == "q35":
        small = Aperture(max(2 * GIB, low), 0xE000_0000) if newer else Aperture(0xC000_0000, 0xFC00_0000)
    else:
        # edk2 marks it uncacheable with one register: its size to 4 GiB is a power of two (measured)
        small = Aperture(FOUR_GIB - (1 << (FOUR_GIB - max(2 * GIB, low)).bit_length() - 1), 0xFC00_0000)
    start = align(high_memory_end(family, platform.memory), CLASSIC_SIZE)
    bits = min(platform.phys_bits or DEFAULT_PHYS_BITS, MAX_PHYS_BITS)
    top, size = 1 << bits, 1 << bits - 3
    if bits >= DEFAULT_PHYS_BITS and start + size < top:
        start = top - size
        if newer and start < AMD_RESERVED.end and top > AMD_RESERVED.start:
            start = (AMD_RESERVED.start - size) // size * size
        return small, Aperture(start, start + size)
    return small, Aperture(start, start + CLASSIC_SIZE)
