"""Layouts for OVMF whose 64-bit memory depends on everything that it can: machine types, RAM, CPUs of all vendors."""

from random import Random
from typing import Final

from qslot.schema import Cpu, Firmware, Layout
from qslot.schema.layout.layout import PlacedDevice, Platform
from qslot.schema.pci.cpu import DEFAULT_PHYS_BITS, Vendor
from qslot.schema.pci.ovmf_addresses import ovmf_addresses
from qslot.schema.pci.ram import least_phys_bits

from .random_layouts import Family, random_layout
from .this_qemu import firmware, machines, version

MIB: Final = 1 << 20
GIB: Final = 1 << 30

TYPES: Final = ("2.11", "5.2", "6.0", "7.0", "7.1", "7.2", "9.0", "10.0", "10.1", "11.1")
"""Versions of machine types between which something changes, and the newest of each QEMU."""
GUEST_BITS_SINCE: Final = (9, 1)
"""The QEMU from which CPUs have guest-phys-bits."""
LITTLE: Final = tuple(size * MIB for size in (1024, 2048, 2304, 2560, 2815, 2816, 3072, 3328, 3583, 3584))
"""RAM up to where QEMU splits it: what is left below 4 GiB is no power of two, mostly."""
MUCH: Final = tuple(size * GIB for size in (4, 5, 8, 16, 24, 31, 32, 48, 60, 64))
BITS: Final = (36, 37, 38, 39, 40, 40, 41, 42, 44, 46, 47, 48, 52)
VENDORS: Final[tuple[Vendor | None, ...]] = (None, None, "amd", "intel", "intel", "intel", "other")
NOT_EVERYWHERE: Final = frozenset({"qxl", "qxl-vga", "ati-vga", "vmware-svga"})
"""Models that some QEMUs lack, or have with other BARs or refuse beside others."""


def ovmf_layout(seed: int, family: Family, version: str, machines: tuple[str, ...], *, guest_bits: bool) -> Layout:
    """Heavy in memory, on one of these machine types. `guest_bits`: the QEMU has the CPU property guest-phys-bits.

    The same layout for the same arguments.
    """
    random = Random(f"{seed} {family} addresses")
    drawn = random_layout(seed, family, Firmware.model_validate(f"ovmf:{version}"), random.choice(machines), heavy=True)
    platform = _platform(random, drawn, guest_bits=guest_bits)
    return drawn.model_copy(update={"platform": platform, "devices": tuple(map(_anywhere, drawn.devices))})


def ovmf_layout_here(seed: int, family: Family) -> Layout:
    """One on a machine type of the QEMU on PATH, with its OVMF."""
    chip = "pc-q35" if family == "q35" else "pc-i440fx"
    mine = tuple(name for name in (f"{chip}-{number}" for number in TYPES) if name in machines())
    return ovmf_layout(seed, family, firmware("ovmf").version, mine, guest_bits=version() >= GUEST_BITS_SINCE)


def _platform(random: Random, drawn: Layout, *, guest_bits: bool) -> Platform:
    """One that QEMU starts, and on which OVMF gets as far as PCI."""
    while True:
        bits = random.choice((None, None, *BITS))
        told = random.choice((36, 39, 40, 42, 46)) if guest_bits and random.random() < 0.15 else None
        told = None if told is None else min(told, bits or DEFAULT_PHYS_BITS)
        hole = random.choice((None, None, 0, 4 * GIB))
        given = drawn.platform.model_copy(
            update={
                "memory": random.choice(LITTLE + MUCH),
                "cpu": Cpu(vendor=random.choice(VENDORS), guest_phys_bits=told),
                "phys_bits": bits,
                "pdpe1gb": bits is not None and random.random() < 0.7,
                "pci_hole64": hole,
            }
        )
        starts = least_phys_bits(drawn.machine_model, given) <= given.address_bits
        if starts and ovmf_addresses(drawn.machine_model, given, drawn.firmware.number).boots:
            return given


def _anywhere(device: PlacedDevice) -> PlacedDevice:
    if device.model not in NOT_EVERYWHERE:
        return device
    model = "VGA" if device.id == "video" else "edu"
    return device.model_copy(update={"model": model, "driver": model, "virtio": None, "properties": {}, "bars": None})
