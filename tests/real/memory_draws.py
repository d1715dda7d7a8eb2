"""What makes a random layout heavy in memory: large BARs of every kind, option ROMs, reserves, guests of many sizes."""

from random import Random
from typing import Final

from qslot.schema import Bar, Chipset, Cpu, Firmware, VirtioMode
from qslot.schema.layout.layout import PlacedDevice, Platform
from qslot.schema.pci.machine import Machine
from qslot.schema.pci.qemu_properties import Properties
from qslot.schema.pci.ram import RamSizes, least_phys_bits

MIB: Final = 1 << 20
GIB: Final = 1 << 30

LITTLE_RAM: Final = (128 * MIB, 256 * MIB, GIB, 2 * GIB, 2560 * MIB, 2816 * MIB, 3 * GIB, 3328 * MIB, 5 * GIB)
MUCH_RAM: Final = (4 * GIB, 6 * GIB, 8 * GIB, 16 * GIB, 31 * GIB, 64 * GIB)
CPUS: Final = (
    *(Cpu(), Cpu(), Cpu(vendor="amd"), Cpu(vendor="intel"), Cpu(vendor="intel"), Cpu(vendor="other")),
    *(Cpu(model="EPYC"), Cpu(model="Haswell"), Cpu(model="athlon"), Cpu(long_mode=False)),
)
BITS: Final = (36, 37, 39, 40, 41, 42, 44, 45, 46, 48, 52)

VGA: Final = ("VGA", "cirrus-vga", "ati-vga", "qxl-vga", "vmware-svga", "virtio-vga")
PLAIN: Final = ("bochs-display", "edu", "i82559a", "nec-usb-xhci", "pvpanic-pci", "qemu-xhci", "sdhci-pci")
WITH_ROM: Final = ("e1000e", "vmxnet3", "virtio-net")


def heavy_device(random: Random, name: str, bus: str, slot: int, function: int) -> PlacedDevice:
    """A device with BARs from 16 bytes to 16 GiB, of all four kinds of memory."""
    draw = random.choice((_testdev, _testdev, _ivshmem, _qxl, _video, _nvme, _virtio, _plain, _with_rom))
    model, driver, mode, properties, bars = draw(random)
    return PlacedDevice(
        id=name, model=model, driver=driver, virtio=mode, bus=bus, slot=slot, function=function,
        properties=properties, bars=bars,
    )  # fmt: skip


Drawn = tuple[str, str, VirtioMode | None, Properties, tuple[Bar, ...] | None]


def _power(random: Random, least: int, most: int) -> int:
    """A power of two, its exponent drawn."""
    return 1 << random.randint(least.bit_length() - 1, most.bit_length() - 1)


def _testdev(random: Random) -> Drawn:
    most = random.choice((64 * MIB, 512 * MIB, 16 * GIB))
    return "pci-testdev", "pci-testdev", None, {"membar": _power(random, 4096, most)}, None


def _ivshmem(random: Random) -> Drawn:
    bars = (
        Bar(bar=0, kind="mem32", size=256),
        Bar(bar=2, kind="mem64", size=_power(random, MIB, 512 * MIB), prefetchable=True),
    )
    return "ivshmem-plain", "ivshmem-plain", None, {}, bars


def _qxl(random: Random) -> Drawn:
    properties: Properties = {}
    if random.random() < 0.7:
        properties = {"ram_size_mb": _power(random, 1, 256), "vram_size_mb": _power(random, 1, 256)}
    if random.random() < 0.3:
        properties["vram64_size_mb"] = _power(random, 1, 1024)
    return "qxl", "qxl", None, properties, None


def _video(random: Random) -> Drawn:
    return "secondary-vga", "secondary-vga", None, {"vgamem_mb": _power(random, 1, 256)}, None


def _nvme(random: Random) -> Drawn:
    properties: Properties = {"cmb_size_mb": _power(random, 1, 256)} if random.random() < 0.7 else {}
    return "nvme", "nvme", None, properties, None


def _virtio(random: Random) -> Drawn:
    model = random.choice(("virtio-blk", "virtio-scsi", "virtio-net", "virtio-serial"))
    properties: Properties = {"page-per-vq": True} if random.random() < 0.7 else {}
    if model == "virtio-net":
        properties["romfile"] = ""
    return model, f"{model}-pci-non-transitional", VirtioMode.MODERN, properties, None


def _plain(random: Random) -> Drawn:
    model = random.choice(PLAIN)
    return model, model, None, {"romfile": ""} if model in ("i82559a", "bochs-display") else {}, None


def _with_rom(random: Random) -> Drawn:
    model = random.choice(WITH_ROM)
    if model == "virtio-net":
        return model, f"{model}-pci-non-transitional", VirtioMode.MODERN, {}, None
    return model, model, None, {}, None


def primary_video(random: Random, bus: str, slot: int) -> PlacedDevice:
    """At most one in a guest: edk2 never gives those up."""
    model = random.choice(VGA)
    driver, mode = (model, VirtioMode.MODERN) if model == "virtio-vga" else (model, None)
    return PlacedDevice(id="video", model=model, driver=driver, virtio=mode, bus=bus, slot=slot, function=0)


def memory_reserves(random: Random) -> Properties:
    """For a pcie-root-port or pci-bridge: mostly sizes that fit, also odd ones, none at all, and too much."""
    properties: Properties = {}
    if random.random() < 0.3:
        properties["mem-reserve"] = random.choice((0, MIB // 2, MIB, 2 * MIB, 3 * MIB, 4 * MIB, 16 * MIB, 256 * MIB))
    if random.random() < 0.3:
        width = random.choice(("pref32-reserve", "pref64-reserve", "pref64-reserve"))
        sizes = (0, MIB, 5 * MIB, 16 * MIB, 64 * MIB, GIB, *((16 * GIB,) if width == "pref64-reserve" else ()))
        properties[width] = random.choice(sizes)
    return properties


def platform(random: Random, machine: Machine, chipset: Chipset, firmware: Firmware) -> Platform:
    """RAM from 128 MiB to 64 GiB; a CPU of either vendor, with address bits that firmware does and does not believe."""
    memory = random.choice((*LITTLE_RAM, *MUCH_RAM))
    if firmware.name == "ovmf":
        bits = random.choice((None, None, 36, 40, 42))
        return Platform(memory=random.choice(LITTLE_RAM), numa_nodes=0, chipset=chipset, phys_bits=bits)
    cpu = random.choice(CPUS)
    if not cpu.long_mode:
        memory = max(one for one in (*LITTLE_RAM, *MUCH_RAM) if one <= memory and _starts(machine, one, cpu))
    bits = random.choice((None, None, *(n for n in BITS if n >= least_phys_bits(machine, RamSizes(memory, cpu=cpu)))))
    return Platform(memory=memory, numa_nodes=0, chipset=chipset, cpu=cpu, phys_bits=bits if cpu.long_mode else None)


def _starts(machine: Machine, memory: int, cpu: Cpu) -> bool:
    """Whether QEMU starts a guest with so many bytes of RAM and a CPU with its own address bits."""
    return least_phys_bits(machine, RamSizes(memory, cpu=cpu)) <= cpu.bits(None)
