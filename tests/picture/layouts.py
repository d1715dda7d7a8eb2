"""Layouts to draw: those of the examples, a large one, some that are wrong."""

from functools import cache
from pathlib import Path
from typing import Final

import qslot

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
GUESTS: Final = sorted(path.name for path in EXAMPLES.iterdir() if path.suffix != ".py")


@cache
def example(name: str) -> qslot.Layout:
    """The plan of an example."""
    return qslot.solve(qslot.read_guest(EXAMPLES / name)).require()


@cache
def large() -> qslot.Layout:
    """300 devices: ports, bridges, two NUMA nodes, GPUs with large BARs, spare slots."""
    devices = [qslot.Device(id=f"net{n}", model="virtio-net", virtio="modern") for n in range(150)]
    devices += [qslot.Device(id=f"disk{n}", model="virtio-blk", virtio="modern") for n in range(60)]
    devices += [qslot.Device(id=f"old{n}", model="rtl8139", hotplug="required") for n in range(60)]
    devices += [qslot.Device(id=f"nvme{n}", model="nvme") for n in range(14)]
    bars = [qslot.Bar(bar=2, kind="mem64", size=16 << 30, prefetchable=True)]
    devices += [
        qslot.Device(id=f"gpu{n}", model="vfio-pci", connect="express", numa=n % 2, bars=bars) for n in range(16)
    ]
    spare = [qslot.Spare(kind="pcie", count=6), qslot.Spare(kind="pci", count=4)]
    firmware = qslot.Firmware(name="ovmf")
    guest = qslot.Guest(
        machine="q35", firmware=firmware, memory=64 << 30, phys_bits=46, numa_nodes=2, devices=devices, spare=spare
    )
    return qslot.solve(guest).require()
