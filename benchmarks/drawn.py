"""Families drawn at random, with a seed: the seed and the size name the guest."""

from random import Random
from typing import Final

from qslot.schema import Guest

from .parts import Data, guest

SEED: Final = 20261123
MODERN: Final = ("virtio-net", "virtio-blk", "virtio-scsi", "virtio-serial", "virtio-rng", "nvme", "qemu-xhci")
OLD: Final = ("e1000", "rtl8139", "e1000e", "pci-serial", "AC97", "VGA", "ivshmem-plain", "virtio-net", "virtio-blk")


def mixed(size: int) -> Guest:
    """A bit of everything, drawn with a seed: models, modes, needs, nodes, groups, pins."""
    return drawn(size, old=0.1)


def scarce(size: int) -> Guest:
    """As mixed, with half of the devices old ones: more IO windows are wanted than there are."""
    return drawn(size, old=0.5)


def drawn(size: int, old: float, seed: object = SEED) -> Guest:
    """`old` is the share of devices with IO ports or conventional connectors."""
    rng = Random(f"{seed}-{size}")
    devices = [_drawn(rng, number, rng.random() < old) for number in range(size)]
    for head in rng.sample(range(0, size - 4, 4), size // 20):  # cards of neighbours in the list
        for entry in devices[head : head + rng.randint(2, 4)]:
            entry |= {"group": f"card{head}", "hotplug": "preferred"}
    free = [entry for entry in devices if "group" not in entry and entry.get("hotplug") != "required"]
    rng.shuffle(free)
    pins = min(size // 20, 6)
    for slot, entry in enumerate(free[:pins]):
        entry["address"] = f"pcie.0:{0x14 + slot:02x}.0"
    for entry in free[pins : pins + size // 20]:
        entry["numa"] = rng.randrange(2)
    return guest("q35", devices, size, numa_nodes=2, spare={"pcie": 2, "pci": 1})


def _drawn(rng: Random, number: int, old: bool) -> Data:
    model = rng.choice(OLD if old else MODERN)
    entry: Data = {"id": f"d{number}", "model": model}
    if model.startswith("virtio"):
        entry["virtio"] = rng.choice(("transitional", "auto")) if old else "modern"
    if rng.random() < 0.3:
        entry["hotplug"] = "required" if model in ("virtio-net", "nvme") and rng.random() < 0.5 else "never"
    return entry
