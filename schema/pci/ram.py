"""Where QEMU puts the guest's RAM, and where the addresses it plans with end."""

from typing import Final

from .machine import Machine

GIB: Final = 1 << 30
FOUR_GIB: Final = 4 * GIB
TIB: Final = 1 << 40

HOLE64: Final = {"q35": 32 * GIB, "pc": 2 * GIB}
"""`pci-hole64-size` where nothing is said."""
AMD_RESERVED: Final = (0xFD_0000_0000, TIB)
"""HyperTransport's addresses, which no CPU model of AMD's vendor id, QEMU's own included, reaches memory at."""
AROUND_IT_SINCE: Final = (7, 1)
"""The machine version from which RAM gives way to them (measured: 7.0 does not)."""


def low_memory(machine: Machine, memory: int) -> int:
    """Bytes of the guest's RAM below 4 GiB: QEMU moves the rest up where it would reach into the PCI hole."""
    most, kept = (0xB000_0000, 2 * GIB) if machine.family == "q35" else (0xE000_0000, 3 * GIB)
    return memory if memory < most else kept


def high_memory_end(machine: Machine, memory: int, pci_hole64: int | None) -> int:
    """Where RAM above 4 GiB ends; where it would begin if there is none. Memory to be hot-plugged is not known.

    It begins at 1 TiB where it, or the 64-bit hole behind it, would reach AMD's reserved addresses (measured).
    """
    above = memory - low_memory(machine, memory)
    end = FOUR_GIB + above
    gives_way = (machine.version or AROUND_IT_SINCE) >= AROUND_IT_SINCE
    if gives_way and _hole_end(machine, pci_hole64, end) > AMD_RESERVED[0]:
        return AMD_RESERVED[1] + above
    return end


def address_end(machine: Machine, memory: int, pci_hole64: int | None) -> int:
    """Where the 64-bit hole behind RAM ends: a CPU whose addresses end before is refused by QEMU (measured)."""
    return _hole_end(machine, pci_hole64, high_memory_end(machine, memory, pci_hole64))


def _hole_end(machine: Machine, pci_hole64: int | None, start: int) -> int:
    size = HOLE64[machine.family] if pci_hole64 is None else pci_hole64
    return -(-start // GIB) * GIB + size
