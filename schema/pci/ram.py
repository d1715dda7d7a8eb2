"""Where QEMU puts the guest's RAM, and where the addresses it plans with end.

Measured with QEMU 7.2, 10.0 and 11.1, to the byte: tests/real/test_addresses.py.
"""

from typing import Final, NamedTuple, Protocol

from .cpu import Cpu
from .machine import Machine
from .size import align

GIB: Final = 1 << 30
FOUR_GIB: Final = 4 * GIB
TIB: Final = 1 << 40

HOLE64: Final = {"q35": 32 * GIB, "pc": 2 * GIB}
"""`pci-hole64-size` where nothing is said, on all machine types."""
AMD_RESERVED: Final = (0xFD_0000_0000, TIB)
"""HyperTransport's addresses, at which no CPU of AMD's vendor id reaches memory: QEMU's default model is one."""
AROUND_IT_SINCE: Final = (7, 1)
"""The machine version from which RAM gives way to them (7.0 does not)."""
RESERVED_BITS: Final = 40
"""Address bits of a CPU from which QEMU tells the firmware of AMD's reserved addresses."""
MEMORY_UNIT: Final = 8192
"""QEMU rounds `-m` up to multiples of it."""
PLUGGABLE_UNIT: Final = 4096
"""`maxmem` is a multiple of it, or QEMU does not start."""
PLUGGABLE_SINCE: Final = (2, 1)
"""The machine version from which RAM can be plugged: QEMU refuses `maxmem` on older ones."""
ROOM_TO_PLUG_SINCE: Final = (2, 5)
"""The machine version from which nothing else is planned where RAM is to be plugged."""
WHOLE_GIB_SINCE: Final = (2, 0)
"""The machine version from which pc splits its RAM at a whole GiB."""
LEAVES_HOLE_OUT: Final = (8, 2)
"""The QEMU from which a 32-bit CPU needs no addresses for the 64-bit hole (measured: 7.2 asks for them, 10.0 and 11.1
do not; by QEMU's log it changed in 8.2)."""


class Ram(Protocol):
    """What of a guest decides where its RAM is. Sizes are bytes."""

    @property
    def memory(self) -> int:
        """RAM at the start."""

    @property
    def max_memory(self) -> int | None:
        """RAM with all that can be plugged; None where none can be."""

    @property
    def memory_slots(self) -> int:
        """How many modules can be plugged."""

    @property
    def pci_hole64(self) -> int | None:
        """The 64-bit hole behind RAM; None is the machine's own."""

    @property
    def cpu(self) -> Cpu:
        """The CPU that reaches it."""


class RamSizes(NamedTuple):
    """The same by itself."""

    memory: int
    max_memory: int | None = None
    memory_slots: int = 0
    pci_hole64: int | None = None
    cpu: Cpu = Cpu()


def has_high_memory(machine: Machine, memory: int) -> bool:
    """Whether some of the guest's RAM is above 4 GiB."""
    return align(memory, MEMORY_UNIT) > low_memory(machine, memory)


def low_memory(machine: Machine, memory: int) -> int:
    """Bytes of the guest's RAM below 4 GiB: QEMU moves the rest up where it would reach into the PCI hole."""
    memory = align(memory, MEMORY_UNIT)
    if machine.family == "q35":
        most, kept = 0xB000_0000, 2 * GIB
    else:
        most, kept = 0xE000_0000, 3 * GIB if _is_from(machine, WHOLE_GIB_SINCE) else 0xE000_0000
    return memory if memory < most else kept


def high_memory_start(machine: Machine, ram: Ram) -> int:
    """Where RAM above 4 GiB begins, or would: at 1 TiB where it, or the 64-bit hole behind it, would else reach AMD's
    reserved addresses, if the CPU is AMD's (measured)."""
    end = _high_end(machine, ram, FOUR_GIB)
    if keeps_off_reserved(machine, ram.cpu) and _hole_end(machine, ram, end) > AMD_RESERVED[0]:
        return AMD_RESERVED[1]
    return FOUR_GIB


def high_memory_end(machine: Machine, ram: Ram) -> int:
    """Where RAM above 4 GiB ends, with all that can be plugged; where it would begin if there is none."""
    return _high_end(machine, ram, high_memory_start(machine, ram))


def keeps_off_reserved(machine: Machine, cpu: Cpu) -> bool:
    """Whether QEMU keeps RAM off AMD's reserved addresses."""
    return cpu.vendor_seen == "amd" and _is_from(machine, AROUND_IT_SINCE)


def tells_of_reserved(machine: Machine, cpu: Cpu, bits: int) -> bool:
    """Whether QEMU tells the firmware of AMD's reserved addresses; `bits` are the CPU's address bits."""
    return keeps_off_reserved(machine, cpu) and bits >= RESERVED_BITS


def present_memory_end(machine: Machine, ram: Ram) -> int:
    """Where RAM ends that is there at the start, without what can be plugged; 4 GiB where none is above."""
    memory = align(ram.memory, MEMORY_UNIT)
    above = memory - low_memory(machine, memory)
    return high_memory_start(machine, ram) + above if above else FOUR_GIB


def _high_end(machine: Machine, ram: Ram, start: int) -> int:
    """Modules begin at a whole GiB, and each slot has one more to align its module."""
    memory = align(ram.memory, MEMORY_UNIT)
    end = start + memory - low_memory(machine, memory)
    if ram.max_memory is None or ram.max_memory <= memory or not _is_from(machine, ROOM_TO_PLUG_SINCE):
        return end
    return align(end, GIB) + ram.max_memory - memory + ram.memory_slots * GIB


def address_end(machine: Machine, ram: Ram) -> int:
    """Where the 64-bit hole behind RAM ends, or RAM where that does not count: a CPU whose addresses end before is
    refused by QEMU (measured)."""
    return _hole_end(machine, ram, high_memory_end(machine, ram))


def least_phys_bits(machine: Machine, ram: Ram) -> int:
    """The fewest address bits of a CPU that QEMU starts."""
    return (address_end(machine, ram) - 1).bit_length()


def counts_hole(machine: Machine, cpu: Cpu) -> bool:
    """Whether QEMU asks the CPU for the addresses of the 64-bit hole, too. Whether it does is the QEMU's that runs the
    machine, whatever the machine type's."""
    return cpu.long_mode or (cpu.has_pse36 and machine.qemu < LEAVES_HOLE_OUT)


def _hole_end(machine: Machine, ram: Ram, start: int) -> int:
    if not counts_hole(machine, ram.cpu):
        return start
    size = HOLE64[machine.family] if ram.pci_hole64 is None else ram.pci_hole64
    return align(start, GIB) + size


def _is_from(machine: Machine, version: tuple[int, int]) -> bool:
    return machine.version is None or machine.version >= version
