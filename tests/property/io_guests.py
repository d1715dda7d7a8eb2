"""Requests drawn at random in which OVMF may be short of IO: reserves, spare slots, expanders, bridges without IO."""

from random import Random
from typing import Any, Final

Data = dict[str, Any]

RESERVES: Final = ("4K", "8K", "12K", "16K")
SIZES: Final = (4, 32, 256, 1024, 4096)


def io_guest(seed: int) -> Data:
    """The same request for the same seed. About half of them fit."""
    rng = Random(seed)
    machine = rng.choice(["q35", "q35", "pc"])
    controllers = _controllers(rng, machine)
    buses = [(one["id"], one["model"]) for one in controllers]
    data: Data = {
        "machine": machine,
        "firmware": {"name": "ovmf", "version": rng.choice(["2022.11", "2023.05", "2025.02", ""])},
        "numa_nodes": 1,
        "policy": {"max_controllers": 16},
        "controllers": controllers,
        "devices": [_device(rng, f"d{n}", machine, buses) for n in range(rng.randint(0, 4 if machine == "pc" else 7))],
        "spare": [_spare(rng, machine) for _ in range(rng.choice([0, 1, 1, 2]))],
    }
    if machine == "q35" and rng.random() < 0.5:
        data["chipset"] = {"sata": False, "smbus": False}
    return data


def _controllers(rng: Random, machine: str) -> list[Data]:
    found: list[Data] = []
    express = machine == "q35"
    for number in range(rng.choice([0, 0, 1, 2])):
        found.append({"id": f"x{number}", "model": "pxb-pcie" if express else "pxb"})
    models = ["pci-bridge"]
    if express:
        models += ["pcie-root-port", "pcie-root-port", "ioh3420", "pcie-pci-bridge", "pcie-pci-bridge"]
    for number in range(rng.choice([0, 1, 2, 3])):
        one: Data = {"id": f"c{number}", "model": rng.choice(models)}
        hosts = [host["id"] for host in found if host["model"] in ("pxb", "pci-bridge", "pcie-pci-bridge")]
        if one["model"] == "pci-bridge" and hosts and rng.random() < 0.5:
            one["address"] = f"{rng.choice(hosts)}:{4 + number:02x}.0"
        if one["model"] in ("pcie-root-port", "pci-bridge") and rng.random() < 0.4:
            one["properties"] = {"io-reserve": rng.choice(RESERVES)}
        found.append(one)
    if express and rng.random() < 0.3:
        found += _chain(rng)
    return found


def _chain(rng: Random) -> list[Data]:
    """A bridge behind a switch behind a port, pinned or not."""
    pinned = rng.random() < 0.6
    port: Data = {"id": "p", "model": "pcie-root-port"}
    if rng.random() < 0.7:
        port["properties"] = {"io-reserve": rng.choice(["4K", "8K", "32K"])}
    chain = [port]
    for above, name, model in (
        ("p", "u", "x3130-upstream"),
        ("u", "q", "xio3130-downstream"),
        ("q", "b", "pcie-pci-bridge"),
    ):
        chain.append({"id": name, "model": model, **({"address": f"{above}:00.0"} if pinned else {})})
    if rng.random() < 0.4:
        chain.pop()
    for number in range(rng.choice([0, 0, 1, 2])):
        more: Data = {"id": f"q{number}", "model": "xio3130-downstream", "hotplug": rng.random() < 0.8}
        chain.append({**more, **({"address": f"u:{1 + number:02x}.0"} if pinned else {})})
    return chain


def _device(rng: Random, name: str, machine: str, buses: list[tuple[str, str]]) -> Data:
    connect = rng.choice(["express", "hybrid", "conventional"] if machine == "q35" else ["conventional"])
    bars = [{"bar": 0, "kind": "mem32", "size": 4096}]
    if rng.random() < 0.7:
        bars.append({"bar": 1, "kind": "io", "size": rng.choice(SIZES)})
    one: Data = {"id": name, "model": "vfio-pci", "bars": bars, "connect": connect}
    one["hotplug"] = rng.choice(["never", "preferred", "required"])
    if rng.random() < 0.2:
        one["numa"] = 0
    bridges = [bus for bus, model in buses if model in ("pci-bridge", "pcie-pci-bridge", "pxb")]
    if bridges and connect != "express" and rng.random() < 0.3:
        one["address"] = f"{rng.choice(bridges)}:{8 + int(name[1:]):02x}.0"
        one["hotplug"] = "never"
    return one


def _spare(rng: Random, machine: str) -> Data:
    kind = rng.choice(["pcie", "pci"]) if machine == "q35" else "pci"
    one: Data = {"kind": kind, "count": rng.choice([1, 2, 3, 4, 4, 6, 8]), "io": rng.choice([0, 8, 256, 2048, 4096])}
    return {**one, "numa": 0} if rng.random() < 0.3 else one
