"""Families of guests, each a function of one integer: the number of devices. The same integer gives the same guest.

A family is a kind of guest that people run, stretched. What a family cannot have at a size is part of its entry in
`FAMILIES`, so that a run knows which answer is right there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from qslot.schema import Guest

from .drawn import mixed, scarce
from .parts import Data, guest, many, split

SIZES: Final = (10, 30, 100, 250, 1000)
Answer = Literal["optimal", "overfull", "infeasible", "open"]


@dataclass(frozen=True, slots=True)
class Family:
    """`build(size)` is a valid guest; `answers` says what is right at sizes where that is not simply an optimum."""

    name: str
    build: Callable[[int], Guest]
    about: str
    answers: dict[int, Answer] = field(default_factory=dict)
    """`infeasible`: proved so. `overfull`: proved optimal, but more is wanted than bus numbers or IO windows allow, so
    the optimum pays preferences. `open`: not proved within the time limit; any other answer is welcome news."""

    def answer(self, size: int) -> Answer:
        return self.answers.get(size, "optimal")


def cloud(size: int) -> Guest:
    """A cloud VM: virtio 1.0 only, UEFI, four free ports for volumes to come."""
    nets, disks = split(size - 5, 1, 2)
    devices = [
        *many("net", nets, "virtio-net", virtio="modern"),
        *many("disk", disks, "virtio-blk", virtio="modern"),
        *many("scsi", 1, "virtio-scsi", virtio="modern"),
        *many("agent", 1, "virtio-serial", virtio="modern"),
        *many("rng", 1, "virtio-rng", virtio="modern"),
        *many("balloon", 1, "virtio-balloon", virtio="modern"),
        *many("vsock", 1, "vhost-vsock", virtio="modern"),
    ]
    return guest("q35", devices, size, firmware="ovmf", spare={"pcie": 4})


def hotplug(size: int) -> Guest:
    """Everything but the video must be hot-pluggable: a port each, and the 240 functions of pcie.0 run out."""
    nets, disks, drives = split(size - 1, 2, 2, 1)
    devices = [
        *many("net", nets, "virtio-net", virtio="modern", hotplug="required"),
        *many("disk", disks, "virtio-scsi", virtio="modern", hotplug="required"),
        *many("nvme", drives, "nvme", hotplug="required"),
        *many("video", 1, "VGA"),
    ]
    return guest("q35", devices, size, spare={"pcie": 2})


def legacy(size: int) -> Guest:
    """RHEL 6 on q35: every virtio device transitional, so that each has IO ports that bridges must forward."""
    nets, disks = split(size - 6, 2, 1)
    devices = [
        *many("net", nets, "virtio-net", virtio="transitional"),
        *many("disk", disks, "virtio-blk", virtio="transitional"),
        *many("scsi", 1, "virtio-scsi", virtio="transitional"),
        *many("agent", 1, "virtio-serial", virtio="transitional", hotplug="never"),
        *many("rng", 1, "virtio-rng", virtio="transitional", hotplug="never"),
        *many("balloon", 1, "virtio-balloon", virtio="transitional", hotplug="never"),
        *many("video", 1, "VGA"),
        *many("usb", 1, "usb-ehci"),
    ]
    return guest("q35", devices, size, spare={"pci": 2})


GPU: Final = [
    {"bar": 0, "kind": "mem32", "size": "16MiB"},
    {"bar": 1, "kind": "mem64", "size": "256MiB", "prefetchable": True},
    {"bar": 5, "kind": "io", "size": 128},
]
SMALL: Final = [{"bar": 0, "kind": "mem64", "size": "16KiB", "prefetchable": True}]


def numa(size: int) -> Guest:
    """Host GPUs of two functions, NVMe and virtual functions below the expander of their node; the rest anywhere."""
    nodes = 2 if size < 100 else 4
    pairs, drives, functions, others = split(size, 1, 2, 3, 3)
    gpus, others = pairs // 2, others + pairs % 2
    devices: list[Data] = []
    for number in range(gpus):
        host = {"model": "vfio-pci", "connect": "express", "group": f"gpu{number}", "numa": number % nodes}
        # few GPUs keep their IO ports and 32-bit memory: no x86 firmware has room for those of all
        bars = GPU if number < 4 else GPU[1:2]
        devices.append({"id": f"gpu{number}", "bars": bars, **host})
        devices.append({"id": f"gpu{number}-audio", "bars": SMALL, **host})
    devices += [entry | {"numa": i % nodes} for i, entry in enumerate(many("nvme", drives, "nvme"))]
    host = {"connect": "express", "bars": SMALL}
    devices += [entry | {"numa": i % nodes} for i, entry in enumerate(many("vf", functions, "vfio-pci", **host))]
    nets, disks = split(others, 1, 1)
    devices += many("net", nets, "virtio-net", virtio="modern")
    devices += many("disk", disks, "virtio-blk", virtio="modern")
    return guest("q35", devices, size, firmware="ovmf", numa_nodes=nodes)


def dense(size: int) -> Guest:
    """Cards of 8, 4 and 2 functions, and small devices that never leave: functions are what is scarce."""
    devices: list[Data] = []
    host = {"model": "vfio-pci", "connect": "express", "bars": SMALL}
    cards = ((8, host), (4, {"model": "nvme"}), (8, {"model": "virtio-net", "virtio": "modern"}), (2, host))
    for number in range(size):
        if size - len(devices) < 8 + size // 10:
            break
        functions, wishes = cards[number % len(cards)]
        devices += many(f"card{number}-", functions, group=f"card{number}", **wishes)
    singles: tuple[tuple[str, Data], ...] = (
        ("virtio-rng", {"virtio": "modern"}),
        ("pci-serial", {}),
        ("qemu-xhci", {}),
        ("ivshmem-plain", {}),
    )
    for index in range(size - len(devices)):
        model, single = singles[index % len(singles)]
        devices.append({"id": f"one{index}", "model": model, **single})
    return guest("q35", devices, size, firmware="ovmf")


def i440fx(size: int) -> Guest:
    """The old machine: conventional slots only, bridges below pci.0 once these run out, few IO windows."""
    old, transitional, modern = split(size - 4, 1, 1, 6)
    devices = [
        *many("old", old, "e1000"),
        *many("net", transitional, "virtio-net", virtio="transitional"),
        *many("disk", modern, "virtio-blk", virtio="modern"),
        *many("video", 1, "VGA"),
        *many("sound", 1, "AC97"),
        *many("balloon", 1, "virtio-balloon", virtio="transitional"),
        *many("dog", 1, "i6300esb"),
    ]
    return guest("pc", devices, size)


def pinned(size: int) -> Guest:
    """A libvirt guest that has grown: ports and a bridge in place with devices on them, and as many newcomers."""
    ports, slots = min(size * 2 // 5, 100), min(size // 10, 31)
    controllers: list[Data] = [
        {"id": f"pci.{n + 1}", "model": "pcie-root-port", "address": f"pcie.0:{2 + n // 8:02x}.{n % 8}"}
        for n in range(ports + 1)
    ]
    bridge = f"pci.{ports + 2}"
    controllers.append({"id": bridge, "model": "pcie-pci-bridge", "address": f"pci.{ports + 1}:00.0"})
    controllers += [{"id": f"pci.{ports + 3 + n}", "model": "pcie-root-port"} for n in range(2)]
    devices = many("video", 1, "VGA", address="pcie.0:01.0")
    devices += [e | {"address": f"pci.{n + 1}:00.0"} for n, e in enumerate(many("net", ports, "virtio-net"))]
    devices += [e | {"address": f"{bridge}:{n + 1:02x}.0"} for n, e in enumerate(many("card", slots, "e1000"))]
    newcomers, disks, cards = split(size - len(devices), 3, 3, 1)
    devices += many("newcomer", newcomers, "virtio-net", virtio="modern")
    devices += many("disk", disks, "virtio-scsi", virtio="modern")
    devices += many("old", cards, "rtl8139")
    return guest("q35", devices, size, controllers=controllers, reserve=["pcie.0:1e", "pcie.0:1f.1"])


def six_kinds(size: int) -> Guest:
    """Six kinds of device in equal shares; not a family, but the guest that the project promises to prove at 100."""
    kinds = (
        {"model": "virtio-net", "virtio": "modern"},
        {"model": "virtio-blk", "virtio": "transitional"},
        {"model": "nvme"},
        {"model": "e1000"},
        {"model": "virtio-rng", "virtio": "modern", "hotplug": "never"},
        {"model": "pci-serial"},
    )
    return guest("q35", ({"id": f"d{n}", **kinds[n % len(kinds)]} for n in range(size)), size)


FAMILIES: Final = {
    family.name: family
    for family in (
        Family("cloud", cloud, "cloud VM, virtio 1.0 and UEFI", {250: "overfull", 1000: "overfull"}),
        Family("hotplug", hotplug, "all hot-pluggable, a port each", {1000: "overfull"}),
        Family("legacy", legacy, "transitional virtio on q35", {1000: "infeasible"}),
        Family("numa", numa, "host devices below pxb-pcie", {1000: "overfull"}),
        Family("dense", dense, "multifunction cards"),
        Family("i440fx", i440fx, "machine pc, conventional bridges"),
        Family("pinned", pinned, "addresses and controllers given", {1000: "overfull"}),
        Family("mixed", mixed, "drawn with a seed", {1000: "open"}),
        Family("scarce", scarce, "the same, short of IO windows", {250: "open", 1000: "infeasible"}),
    )
}
