"""Whose physical address bits a CPU has, and which the firmware believes it to have: QEMU's default is 40, whatever the
host has.

Both firmwares go by the same list (SeaBIOS from 1.16.3 on, edk2 from 202211 on; src/fw/paravirt.c, PlatformInitLib).
"""

from typing import Final

from .cpu import Cpu, Vendor
from .machine_types import machine_type

BELIEVED_FROM: Final = 41
"""So many, and more, nobody has by default."""
BELIEVED: Final[dict[Vendor, tuple[int, ...]]] = {"amd": (40,), "intel": (36, 39), "other": ()}
"""Fewer, by vendor: what CPUs of theirs have."""


def are_believed(vendor: Vendor, bits: int) -> bool:
    """Whether a 64-bit CPU of that vendor is taken to have so many."""
    return bits >= BELIEVED_FROM or bits in BELIEVED[vendor]


def has_bits_of_host(machine: str, cpu: Cpu) -> bool:
    """Whether the CPU has the host's: by itself, or because a vendor's machine type of that name gives them to all."""
    known = machine_type(machine)
    return cpu.has_bits_of_host or (cpu.long_mode and known is not None and known.host_phys_bits)
