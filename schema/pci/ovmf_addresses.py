"""Where OVMF (edk2) has 64-bit memory for BARs and windows, and how far it takes the CPU's addresses to reach.

Source: OvmfPkg/Library/PlatformInitLib/MemDetect.c of edk2-stable202208 to edk2-stable202605. Measured with 2022.11,
2025.02 and 2026.08 on QEMU 7.2, 10.0 and 11.1: tests/real/test_ovmf_addresses.py.
"""

from typing import Final, NamedTuple, Protocol

from .address_bits import are_believed
from .cpu import Vendor
from .machine import Machine
from .ram import (
    AMD_RESERVED,
    GIB,
    Ram,
    high_memory_end,
    present_memory_end,
    tells_of_reserved,
)
from .size import align

Version = tuple[int, ...]
"""Year and month of edk2's stable tag."""

ASKS_THE_CPU: Final = (2022, 11)
"""From this edk2 on 64-bit memory follows from the CPU's address bits; before, it is always behind RAM."""
KEEPS_OFF_RESERVED: Final = (2023, 2)
"""From this edk2 on it gives way to addresses that QEMU calls reserved."""
PAGING_BITS: Final = ((ASKS_THE_CPU, 47), ((2023, 8), 46))
"""The most bits that are used, by first version: 4-level paging, of which some Linux kernels take one bit less. From
202405 on edk2 can be built for 5-level paging (PcdUse5LevelPageTable), which is off by default and in Debian's builds
(measured, with a CPU that has la57 and 1.1 TiB of RAM)."""
BITS_WITHOUT_LARGE_PAGES: Final = 40
"""The most bits that are used of a CPU without 1 GiB pages."""
HEEDS_GUEST_BITS: Final = (2024, 8)
"""From this edk2 on what CPUID says of guests' address bits is believed, and is the most that is used."""
NO_VENDOR_SINCE: Final = (10, 1)
"""The machine version from which QEMU leaves the leaf of CPUID empty where edk2 reads the vendor, if it is Intel. A
bare family is as new as its QEMU."""
BEHIND_RAM: Final = 32 * GIB
"""Bytes of 64-bit memory behind RAM, and what they are aligned to."""


class Addressed(Ram, Protocol):
    """What of a guest decides. Bits are physical address bits of its CPU."""

    @property
    def address_bits(self) -> int:
        """How many it has."""

    @property
    def pdpe1gb(self) -> bool:
        """Whether it has 1 GiB pages."""


class OvmfAddresses(NamedTuple):
    """64-bit memory for BARs and windows, in bytes."""

    start: int
    size: int
    bits: int | None
    """Address bits that edk2 uses; None where it believes none, and uses as many as it needs."""
    usable: bool
    """Whether anything can be given there: nothing where RAM reaches into it."""

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.start + self.size

    @property
    def boots(self) -> bool:
        """Whether edk2 gets anywhere: not where it, or RAM before it, is beyond the addresses that are used."""
        return self.bits is None or self.end <= 1 << self.bits


def ovmf_addresses(machine: Machine, guest: Addressed, version: Version) -> OvmfAddresses:
    """The top eighth of the addresses that are used, if that is more than 32 GiB and behind RAM; else 32 GiB behind it.

    Where that eighth is reserved it moves down, RAM or not.
    """
    bits = _bits(machine, guest, version)
    start = align(high_memory_end(machine, guest), BEHIND_RAM)
    size = BEHIND_RAM if bits is None else 1 << bits - 3
    if bits is None or size <= BEHIND_RAM or start + size >= 1 << bits:
        return OvmfAddresses(start, BEHIND_RAM, bits, usable=True)
    top = OvmfAddresses((1 << bits) - size, size, bits, usable=True)
    if not (_knows_reserved(machine, guest, version) and top.start < AMD_RESERVED[1] and top.end > AMD_RESERVED[0]):
        return top
    start = (AMD_RESERVED[0] - size) // size * size
    return top._replace(start=start, usable=present_memory_end(machine, guest) <= start)


def most_bits(version: Version) -> int:
    """The most address bits that edk2 uses of any CPU; 0 where it does not look at them."""
    return max(((since, bits) for since, bits in PAGING_BITS if version >= since), default=((), 0))[1]


def _bits(machine: Machine, guest: Addressed, version: Version) -> int | None:
    told = guest.cpu.guest_phys_bits if version >= HEEDS_GUEST_BITS else None
    believed = told is not None or are_believed(_vendor_read(machine, guest), guest.address_bits)
    most = most_bits(version)
    if not believed or not most:
        return None
    limits = (guest.address_bits, told, most, None if guest.pdpe1gb else BITS_WITHOUT_LARGE_PAGES)
    return min(bits for bits in limits if bits is not None)


def _vendor_read(machine: Machine, guest: Addressed) -> Vendor:
    vendor = guest.cpu.vendor_seen
    hidden = (machine.version or machine.qemu) >= NO_VENDOR_SINCE
    return "other" if hidden and vendor == "intel" else vendor


def _knows_reserved(machine: Machine, guest: Addressed, version: Version) -> bool:
    return version >= KEEPS_OFF_RESERVED and tells_of_reserved(machine, guest.cpu, guest.address_bits)
