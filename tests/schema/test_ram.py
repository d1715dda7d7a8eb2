"""Where QEMU 7.2 with a CPU of AMD's vendor id has RAM above 4 GiB: measured by SeaBIOS's BARs behind it."""

import pytest

from qslot.schema import Chipset
from qslot.schema.layout.layout import Platform
from qslot.schema.pci.machine import machine_of
from qslot.schema.pci.ram import RamSizes, high_memory_end

GIB = 1 << 30


@pytest.mark.parametrize(
    ("machine", "memory", "hole", "end"),
    [
        ("q35", 1, None, 4),
        ("q35", 976, None, 978),
        ("q35", 980, None, 1024 + 978),
        ("pc", 1008, None, 1009),
        ("pc", 1010, None, 1024 + 1007),
        ("q35", 100, 950, 1024 + 98),
        ("pc-q35-7.0", 1000, None, 1002),
        ("pc-i440fx-2.0", 5, None, 6),
        ("pc-i440fx-1.7", 5, None, 5.5),
    ],
)
def test_high_memory_gives_way_to_amds_reserved_addresses(
    machine: str, memory: int, hole: int | None, end: float
) -> None:
    platform = Platform(
        memory=memory * GIB, numa_nodes=0, chipset=Chipset(), pci_hole64=None if hole is None else hole * GIB
    )
    assert high_memory_end(machine_of(machine, Chipset()), platform) == end * GIB


@pytest.mark.parametrize(
    ("machine", "memory", "most", "slots", "end"),
    [
        ("q35", 2, 4, 0, 4 + 2),
        ("q35", 2, 2, 0, 4),
        ("q35", 4, 12, 3, 4 + 2 + 8 + 3),
        ("pc", 4, 12, 16, 4 + 1 + 8 + 16),
        ("pc-q35-2.5", 4, 12, 1, 4 + 2 + 8 + 1),
        ("pc-q35-2.4", 4, 12, 1, 4 + 2),
    ],
)
def test_high_memory_ends_behind_what_can_be_plugged(
    machine: str, memory: int, most: int, slots: int, end: int
) -> None:
    """Machine types before 2.5 leave no room for it."""
    sizes = RamSizes(memory * GIB, most * GIB, slots)
    assert high_memory_end(machine_of(machine, Chipset()), sizes) == end * GIB
