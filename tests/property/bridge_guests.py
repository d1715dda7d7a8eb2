"""Requests drawn at random with several pci-bridges that wait for a place, alike and not, with reserves."""

from random import Random
from typing import Any, Final

Data = dict[str, Any]

IO_RESERVES: Final = (0, 4096, 8192, 8192, 12288, 16384)
MODELS: Final = ("e1000", "rtl8139", "virtio-net-pci", "AC97", "lsi53c895a")
IO_FIRST: Final = ("io_windows", "preferences", "controllers", "depth", "moved", "guest_visible")


def bridge_guest(seed: int) -> Data:
    """The same request for the same seed; some are not valid."""
    rng = Random(seed)
    machine = rng.choice(["q35", "pc", "pc"])
    controllers = _bridges(rng, rng.randint(2, 4))
    if machine == "pc" and rng.random() < 0.3:
        controllers.append({"id": "x", "model": "pxb"})
    if machine == "q35" and rng.random() < 0.5:
        size = rng.choice(IO_RESERVES)
        number = rng.choice([1, 2])
        if rng.random() < 0.3:
            controllers[0]["address"] = "pcie.0:1e.0"
        controllers += [_port(f"p{n}", size) for n in range(number)]
    data: Data = {
        "machine": machine,
        "devices": [_device(rng, f"d{n}", controllers) for n in range(rng.randint(0, 5))],
        "controllers": controllers,
        "policy": _policy(rng, len(controllers)),
    }
    if rng.random() < 0.25:
        data["firmware"] = {"name": "ovmf"}
    if rng.random() < 0.3:
        io = {"io": rng.choice([256, 4096])} if rng.random() < 0.6 else {}
        data["spare"] = [{"kind": "pci", "count": rng.randint(1, 3), **io}]
    if rng.random() < 0.4:
        data["reserve"] = _full_root(rng, machine)
    return data


def _bridges(rng: Random, number: int) -> list[Data]:
    """Of one or two sorts but for io-reserve; some inside the one before, with a device or without."""
    sorts = [_properties(rng) for _ in range(rng.choice([1, 1, 2]))]
    bridges: list[Data] = []
    for index in range(number):
        one: Data = {"id": f"b{index}", "model": "pci-bridge", "properties": dict(rng.choice(sorts))}
        if rng.random() < 0.7:
            one["properties"]["io-reserve"] = rng.choice(IO_RESERVES) if rng.random() < 0.7 else 8192
        if index and rng.random() < 0.12:
            one["address"] = f"b{index - 1}:{rng.randint(1, 3):02x}.0"
        bridges.append(one)
    return bridges


def _port(name: str, size: int) -> Data:
    return {"id": name, "model": "pcie-root-port", "properties": {"io-reserve": size}}


def _properties(rng: Random) -> Data:
    properties: Data = {}
    if rng.random() < 0.25:
        properties["bus-reserve"] = rng.choice([1, 2, 3, 4])
    if rng.random() < 0.25:
        properties["mem-reserve"] = rng.choice(["1M", "2M", "4M"])
    if rng.random() < 0.3:
        properties["shpc"] = rng.choice([True, False])
    return properties


def _device(rng: Random, name: str, controllers: list[Data]) -> Data:
    one: Data = {"id": name, "model": rng.choice(MODELS), "hotplug": rng.choice(["never", "preferred", "required"])}
    if rng.random() < 0.5:
        io = [{"bar": 1, "kind": "io", "size": rng.choice([32, 256, 4096, 4096, 8192])}] if rng.random() < 0.7 else []
        bars = [{"bar": 0, "kind": "mem32", "size": 4096}, *io]
        one |= {"model": "vfio-pci", "connect": "conventional", "bars": bars}
    bridges = [one["id"] for one in controllers if one["model"] != "pcie-root-port"]
    if rng.random() < 0.3:
        one["address"] = f"{rng.choice(bridges)}:{rng.randint(4, 9):02x}.0"
    return one


def _policy(rng: Random, controllers: int) -> Data:
    policy: Data = {}
    if rng.random() < 0.25:
        policy["max_depth"] = rng.choice([1, 2, 3, 4])
    if rng.random() < 0.2:
        policy["preset"] = "libvirt"
    if rng.random() < 0.15:
        policy["max_controllers"] = controllers + rng.randint(0, 3)
    if rng.random() < 0.2:
        policy["order"] = list(IO_FIRST)
    return policy


def _full_root(rng: Random, machine: str) -> list[str]:
    """All slots of the root bus but a few."""
    free = rng.sample(range(3, 30), rng.choice([1, 2, 3]))
    root, last = ("pci.0", 31) if machine == "pc" else ("pcie.0", 30)
    return [f"{root}:{slot:02x}" for slot in range(2, last + 1) if slot not in free]
