"""A host's PCI functions as sysfs shows them, written into a folder; and as lspci and libvirt print them."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from qslot.schema.request.device import Bar

IO, MEMORY, PREFETCHABLE, BITS_64 = 0x100, 0x200, 0x2000, 0x100000
UNITS = {0: "", 10: "K", 20: "M", 30: "G", 40: "T"}


@dataclass(frozen=True)
class HostFunction:
    """One of a host that a test makes up."""

    address: str
    bars: tuple[Bar, ...] = ()
    rom: int = 0
    express: bool = True
    iommu_group: int | None = None
    virtual: bool = False
    """Whether it is a virtual function."""


def bar(number: int, kind: str, size: int, *, prefetchable: bool = False) -> Bar:
    return Bar.model_validate({"bar": number, "kind": kind, "size": size, "prefetchable": prefetchable})


GIB, MIB, KIB = 1 << 30, 1 << 20, 1 << 10
GPU = HostFunction(
    "0000:17:00.0",
    (
        bar(0, "mem32", 16 * MIB),
        bar(1, "mem64", 16 * GIB, prefetchable=True),
        bar(3, "mem64", 32 * MIB, prefetchable=True),
        bar(5, "io", 128),
    ),
    rom=512 * KIB,
    iommu_group=14,
)
SOUND = HostFunction("0000:17:00.1", (bar(0, "mem32", 16 * KIB),), iommu_group=14)
OLD_CARD = HostFunction("0000:05:02.0", (bar(0, "io", 64), bar(1, "mem32", 4 * KIB)), express=False, iommu_group=3)
VIRTUAL = HostFunction("0000:3b:02.1", (bar(0, "mem64", 64 * KIB, prefetchable=True),), iommu_group=77, virtual=True)
HOST = (GPU, SOUND, OLD_CARD, VIRTUAL)


def write_tree(folder: Path, functions: Iterable[HostFunction], *, config_bytes: int = 256) -> Path:
    """The folder of functions; `config_bytes`: how much of the configuration space whoever copied it could read."""
    devices = folder / "bus" / "pci" / "devices"
    for one in functions:
        place = devices / one.address
        place.mkdir(parents=True)
        (place / "resource").write_text("".join(_resource(one)))
        (place / "config").write_bytes(_config(one)[:config_bytes])
        for name, text in (("vendor", "0x1af4"), ("device", "0x1000"), ("class", "0x030000"), ("irq", "0")):
            (place / name).write_text(f"{text}\n")
        if one.express:
            (place / "max_link_width").write_text("16\n")
        if one.iommu_group is not None:
            (folder / "kernel" / "iommu_groups" / f"{one.iommu_group}").mkdir(parents=True, exist_ok=True)
            os.symlink(f"../../../../kernel/iommu_groups/{one.iommu_group}", place / "iommu_group")
        if one.virtual:
            os.symlink("../0000:3b:00.0", place / "physfn")
    return devices


def _resource(one: HostFunction) -> Iterable[str]:
    """A line a BAR, that of the ROM, and those of virtual functions and windows."""
    lines = dict.fromkeys(range(17), (0, 0, 0))
    base = 1 << 44
    for each in one.bars:
        flags = IO if each.kind == "io" else MEMORY | (BITS_64 if each.kind == "mem64" else 0)
        flags |= PREFETCHABLE if each.prefetchable else 0
        start = 0xE000 if each.kind == "io" else 0xE0000000 if each.kind == "mem32" else base
        base += each.size
        lines[each.bar] = (start, start + each.size - 1, flags | 0x40000)
    if one.rom:
        lines[6] = (0xF0000000, 0xF0000000 + one.rom - 1, 0x46200)
    lines[7] = (1 << 45, (1 << 45) + 0xFFFF, MEMORY | BITS_64)
    return [f"{first:#018x} {last:#018x} {flags:#018x}\n" for first, last, flags in lines.values()]


def _config(one: HostFunction) -> bytes:
    """A list of two capabilities: power management, then PCI Express or vital product data."""
    config = bytearray(256)
    config[0:4] = b"\xf4\x1a\x00\x10"
    config[0x06] = 0x10
    config[0x0A:0x0C] = b"\x00\x03"
    config[0x34] = 0x40
    config[0x40:0x42] = b"\x01\x60"
    config[0x60:0x64] = b"\x10\x00\x02\x00" if one.express else b"\x03\x00\x00\x00"
    for each in one.bars:
        at = 0x10 + 4 * each.bar
        config[at] = 1 if each.kind == "io" else (4 if each.kind == "mem64" else 0) | (8 if each.prefetchable else 0)
        if each.kind == "io":
            config[at + 1] = 0xE0
        else:
            config[at + 3] = 0xE0
    return bytes(config)


def lspci(functions: Iterable[HostFunction], *, root: bool = True) -> str:
    """As `lspci -vvv -nn` prints them."""
    return "\n".join(_lspci(one, root=root) for one in functions)


def _lspci(one: HostFunction, *, root: bool) -> str:
    short = one.address.removeprefix("0000:")
    lines = [f"{short} VGA compatible controller [0300]: Some Corp. Device [1af4:1000] (rev a1)"]
    lines += ["\tControl: I/O- Mem+ BusMaster+", "\tStatus: Cap+ 66MHz-"]
    if one.iommu_group is not None:
        lines.append(f"\tIOMMU group: {one.iommu_group}")
    for each in one.bars:
        if each.kind == "io":
            what = "I/O ports at e000 [disabled]"
        else:
            bits, non = ("64-bit" if each.kind == "mem64" else "32-bit"), "" if each.prefetchable else "non-"
            what = f"Memory at e0000000 ({bits}, {non}prefetchable)"
        virtual = "[virtual] " if one.virtual else ""
        lines.append(f"\tRegion {each.bar}: {virtual}{what} [size={_size(each.size)}]")
    if one.rom:
        lines.append(f"\tExpansion ROM at f0000000 [disabled] [size={_size(one.rom)}]")
    if root:
        lines.append("\tCapabilities: [40] Power Management version 3")
        lines.append(f"\tCapabilities: [60] {'Express (v2) Endpoint, MSI 00' if one.express else 'Vital Product Data'}")
        lines.append("\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)")
        lines.append("\t\tRegion 0: Memory at 0000200000000000 (64-bit, prefetchable)")
    else:
        lines.append("\tCapabilities: <access denied>")
    return "\n".join([*lines, "\tKernel driver in use: vfio-pci", ""])


def _size(size: int) -> str:
    shift = max(shift for shift in UNITS if size >> shift << shift == size and size >> shift)
    return f"{size >> shift}{UNITS[shift]}"


def nodedev(functions: Iterable[HostFunction]) -> str:
    """As `virsh nodedev-dumpxml` prints them, one after the other."""
    return "\n".join(f"<?xml version='1.0'?>\n{_nodedev(one)}" for one in functions)


def _nodedev(one: HostFunction) -> str:
    domain, bus, rest = one.address.split(":")
    slot, function = rest.split(".")
    where = "".join(
        f"<{name}>{int(text, 16)}</{name}>"
        for name, text in (("domain", domain), ("bus", bus), ("slot", slot), ("function", function))
    )
    group = "" if one.iommu_group is None else f"<iommuGroup number='{one.iommu_group}'></iommuGroup>"
    express = "<pci-express><link validity='cap' port='0' speed='16' width='16'/></pci-express>" if one.express else ""
    name = one.address.replace(":", "_").replace(".", "_")
    return (
        f"<device><name>pci_{name}</name><capability type='pci'>{where}<product id='0x1000'/>{group}{express}"
        "</capability></device>"
    )
