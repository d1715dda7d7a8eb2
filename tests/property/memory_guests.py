"""Requests drawn at random in which memory may be short: large BARs of all kinds, reserves, spare slots, expanders."""

from random import Random
from typing import Any, Final

MIB: Final = 1 << 20
Data = dict[str, Any]

VERSIONS: Final = {"seabios": ["1.16.2", "1.16.3", "1.16.3", "1.17.0", "1.17.0"], "ovmf": ["2022.11", "2025.02"]}
BITS: Final = [None, None, 36, 36, 39, 43]
KINDS: Final = [("mem32", False), ("mem32", True), ("mem64", False), ("mem64", True)]
RESERVES: Final = ("mem-reserve", "mem-reserve", "pref32-reserve", "pref64-reserve")


def memory_guest(seed: int) -> Data:
    """The same request for the same seed. About half of them fit."""
    rng = Random(seed)
    machine = rng.choice(["q35", "q35", "pc"])
    firmware = rng.choice(["seabios", "ovmf"])
    data: Data = {
        "machine": machine,
        "firmware": {"name": firmware, "version": rng.choice(VERSIONS[firmware])},
        "memory": rng.choice([128 * MIB, 1 << 30, 5 << 29, 3 << 30, 8 << 30, 20 << 30]),
        "cpu": {"vendor": rng.choice(["amd", "intel", "intel", "other"]), "phys_bits": rng.choice(BITS)},
        "controllers": _controllers(rng, machine),
    }
    where = [(one["id"], one["model"]) for one in data["controllers"]]
    data["devices"] = [_device(rng, f"d{n}", machine, where) for n in range(rng.randint(0, 4))]
    data["devices"] += [
        {**one, "id": f"{one['id']}x", "address": None} for one in data["devices"] if rng.random() < 0.4
    ]
    data["devices"] = [{name: value for name, value in one.items() if value is not None} for one in data["devices"]]
    data["spare"] = [_spare(rng, machine) for _ in range(rng.choice([0, 0, 1, 2]))]
    data |= _processor(Random(f"{seed} processor"), data["firmware"]["name"])
    _add_switch(Random(f"{seed} switch"), data)
    if any(one["model"].startswith("pxb") for one in data["controllers"]):
        data["numa_nodes"] = 1
    return data


def _processor(rng: Random, firmware: str) -> Data:
    """With OVMF, what its 64-bit memory depends on: of some guests RAM lies in it, so that there is none."""
    if firmware != "ovmf" or rng.random() < 0.3:
        return {}
    version = rng.choice(["2022.11", "2023.05", "2025.02", "2026.08"])
    cpu = {"vendor": rng.choice(["amd", "intel", "other"])}
    given: Data = {"firmware": {"name": "ovmf", "version": version}, "cpu": cpu, "phys_bits": rng.choice([39, 40, 46])}
    if rng.random() < 0.3:
        return given | {"memory": 780 << 30, "phys_bits": 40}
    return given | {"memory": rng.choice([1 << 30, 2304 * MIB, 5 << 29, 2815 * MIB, 8 << 30])}


def _add_switch(rng: Random, data: Data) -> None:
    """Where SeaBIOS has room for more in windows: a switch, and displays that keep them below 4 GiB, or narrow."""
    if data["machine"] != "q35" or not data["firmware"]["version"].startswith("1.") or rng.random() < 0.5:
        return
    places = {"s0": "pcie.0:10.0", "s1": "s0:00.0", "s2": "s1:00.0"}
    models = {"s0": "pcie-root-port", "s1": "x3130-upstream", "s2": "xio3130-downstream"}
    pinned = [name for name in places if rng.random() < 0.6]
    data["controllers"] += [
        {"id": name, "model": model} | ({"address": places[name]} if name in pinned else {})
        for name, model in models.items()
    ]
    seats = {"v0": "s0:00.1", "v1": "s2:00.1", "n0": "s2:00.0"}
    data["devices"] += [
        {"id": name, "model": "virtio-vga" if name[0] == "v" else "virtio-net"}
        | ({"address": seats[name]} if name in seats and rng.random() < 0.6 else {})
        for name in rng.sample(["v0", "v1", "v2", "v3", "n0", "n1", "n2"], rng.randint(1, 5))
    ]


def _size(rng: Random, most: int = 512) -> int:
    return min(most, 1 << rng.randint(0, 15)) * MIB


def _controllers(rng: Random, machine: str) -> list[Data]:
    found: list[Data] = []
    if rng.random() < 0.3:
        found.append({"id": "x", "model": "pxb-pcie" if machine == "q35" else "pxb", "numa": 0})
    for number in range(rng.choice([0, 1, 1, 2, 3])):
        models = ["pcie-root-port", "pci-bridge", "ioh3420", "pcie-pci-bridge"] if machine == "q35" else ["pci-bridge"]
        one: Data = {"id": f"c{number}", "model": rng.choice(models)}
        hosts = [host["id"] for host in found if host["model"] in ("pci-bridge", "pcie-pci-bridge", "pxb")]
        if one["model"] == "pci-bridge" and hosts and rng.random() < 0.5:
            one["address"] = f"{rng.choice(hosts)}:{4 + number:02x}.0"
        ports = {host["id"] for host in found if "port" in host["model"] or host["model"] == "ioh3420"}
        ports -= {host["address"].partition(":")[0] for host in found if "address" in host}
        if "pci-bridge" in one["model"] and "address" not in one and ports and rng.random() < 0.5:
            one["address"] = f"{min(ports)}:00.0"
        if one["model"] in ("pcie-root-port", "pci-bridge") and rng.random() < 0.6:
            one["properties"] = {rng.choice(RESERVES): rng.choice([_size(rng), 3 * MIB, 56 * MIB, 300 * MIB, 1 << 30])}
        found.append(one)
    return found


def _device(rng: Random, name: str, machine: str, where: list[tuple[str, str]]) -> Data:
    bars: list[Data] = []
    for number in range(rng.choice([1, 1, 2, 3])):
        kind, prefetchable = rng.choice(KINDS)
        size = 4096 if rng.random() < 0.1 else _size(rng, 512 if kind == "mem32" else 1 << 15)
        bars.append({"bar": 2 * number, "kind": kind, "size": size, "prefetchable": prefetchable})
    connect = rng.choice(["express", "hybrid", "conventional"] if machine == "q35" else ["conventional"])
    one: Data = {"id": name, "model": "vfio-pci", "bars": bars, "connect": connect}
    one["hotplug"] = rng.choice(["never", "preferred", "required", "required"])
    bridges = [bus for bus, model in where if model in ("pci-bridge", "pcie-pci-bridge")]
    if bridges and connect != "express" and rng.random() < 0.4:
        one["address"] = f"{rng.choice(bridges)}:{8 + int(name[1:]):02x}.0"
    return one


def _spare(rng: Random, machine: str) -> Data:
    kind = rng.choice(["pcie", "pci", "pci"]) if machine == "q35" else "pci"
    memory = rng.choice([0, MIB, 40 * MIB, 100 * MIB, 130 * MIB, 200 * MIB, 256 * MIB, 300 * MIB, 512 * MIB])
    return {"kind": kind, "count": rng.randint(1, 5), "memory": memory}


LARGE: Final = [(128, 0.5), (256, 1.0), (512, 1.0), (1024, 0.7)]
"""Sizes of BARs in MiB of which a few are all there is below 4 GiB, and how often each is drawn."""


def ragged_guest(seed: int) -> Data:
    """The same request for the same seed: large BARs that are not prefetchable, with company or without, on the root
    bus and behind bridges that wait for a place or have one, near all there is of memory."""
    rng = Random(f"{seed} ragged")
    machine, firmware = rng.choice(["q35", "q35", "pc"]), rng.choice(["seabios", "ovmf"])
    versions = {"seabios": ["1.16.2", "1.16.3", "1.17.0"], "ovmf": ["2022.11", "2023.05", "2025.02", "2026.08"]}
    data: Data = {
        "machine": machine,
        "firmware": {"name": firmware, "version": rng.choice(versions[firmware])},
        "memory": rng.choice([1 << 30, 5 << 29, 3 << 30, 8 << 30]),
        "cpu": {"vendor": rng.choice(["amd", "intel"]), "phys_bits": rng.choice([None, 36, 40])},
        "chipset": {"acpi": rng.random() < 0.7},
    }
    data["controllers"] = _nested(rng, machine)
    buses = [one["id"] for one in data["controllers"] if "bridge" in one["model"]]
    root = "pcie.0" if machine == "q35" else "pci.0"
    large = [_large_card(rng, f"l{n}", machine, [*buses, root], 0.2) for n in range(rng.randint(1, 3))]
    small = [_small_card(rng, f"s{n}", machine, [*buses, root]) for n in range(rng.randint(0, 4))]
    data["devices"] = [*large, *small]
    return data


def two_lists_guest(seed: int) -> Data:
    """The same request for the same seed: SeaBIOS, and large BARs that are prefetchable beside others that are not,
    near all there is of memory below 4 GiB."""
    rng = Random(f"{seed} two lists")
    machine = rng.choice(["q35", "pc"])
    data: Data = {
        "machine": machine,
        "firmware": {"name": "seabios", "version": rng.choice(["1.16.2", "1.16.3", "1.17.0"])},
        "memory": rng.choice([1 << 30, 5 << 29, 3 << 30, 8 << 30]),
        "controllers": _nested(rng, machine),
    }
    for one in data["controllers"]:
        if one["model"] == "pci-bridge" and rng.random() < 0.4:
            one["properties"] = {"mem-reserve": rng.choice([64, 128, 256, 300]) * MIB}
    buses = [one["id"] for one in data["controllers"] if "bridge" in one["model"]]
    buses.append("pcie.0" if machine == "q35" else "pci.0")
    data["devices"] = [_large_card(rng, f"l{n}", machine, buses, 0.5) for n in range(rng.randint(2, 4))]
    data["devices"] += [_small_card(rng, f"s{n}", machine, buses) for n in range(rng.randint(0, 3))]
    return data


def high_guest(seed: int) -> Data:
    """The same request for the same seed: SeaBIOS that gives 64-bit memory from the top, near all there is of that, and
    32-bit BARs that keep some of it below 4 GiB."""
    rng = Random(f"{seed} high")
    machine = rng.choice(["q35", "q35", "pc"])
    data: Data = {
        "machine": machine,
        "firmware": {"name": "seabios", "version": rng.choice(["1.16.3", "1.17.0"])},
        "memory": rng.choice([1 << 30, 3 << 30, 8 << 30]),
        "cpu": {"vendor": rng.choice(["amd", "intel"]), "phys_bits": rng.choice([36, 36, 37])},
        "controllers": _nested(rng, machine),
    }
    for one in data["controllers"]:
        if one["model"] in ("pci-bridge", "pcie-root-port") and rng.random() < 0.4:
            one["properties"] = {"pref64-reserve": rng.choice([64 * MIB, 256 * MIB, 1 << 30, 8 << 30])}
    buses = [one["id"] for one in data["controllers"] if "bridge" in one["model"]]
    buses.append("pcie.0" if machine == "q35" else "pci.0")
    data["devices"] = [
        _seated(rng, {"id": f"l{number}", "model": "vfio-pci", "bars": [_wide_bar(rng)]}, machine, buses)
        for number in range(rng.randint(1, 5))
    ]
    for number in range(rng.randint(0, 3)):
        narrow = {"bar": 0, "kind": "mem32", "size": rng.choice([4096, MIB, 16 * MIB]), "prefetchable": True}
        card: Data = {"id": f"s{number}", "model": "vfio-pci", "bars": [narrow]}
        if rng.random() < 0.3:
            card["bars"].append(_wide_bar(rng) | {"bar": 2})
        data["devices"].append(_seated(rng, card, machine, buses))
    if machine == "q35" and rng.random() < 0.5:
        data["spare"] = [{"kind": "pcie", "count": rng.randint(1, 3), "memory": rng.choice([MIB, 1 << 30])}]
    return data


def ports_guest(seed: int) -> Data:
    """The same request for the same seed: OVMF, and cards for ports whose windows end inside blocks, in number near all
    that there is of these, below 4 GiB or above."""
    rng = Random(f"{seed} ports")
    devices: list[Data] = []
    high = rng.random() < 0.3
    room = (32 << 10) if high else rng.choice([900, 1400])  # MiB, about
    for sort in range(rng.choice([1, 1, 2])):
        size = rng.choice([1 << 13, 1 << 14]) if high else rng.choice([16, 64, 128, 128, 256, 256, 512])
        company = rng.choice([4096, MIB, 8 * MIB, size // 4 * MIB])
        kind = (
            {"kind": "mem64", "prefetchable": True} if high else {"kind": "mem32", "prefetchable": rng.random() < 0.2}
        )
        bars = [{"bar": 0, "size": size * MIB, **kind}, {"bar": 2, "size": company, **kind}]
        like = {"model": "vfio-pci", "bars": bars[: rng.choice([1, 2, 2])]}
        most = min(12, max(1, room // size))
        for number in range(rng.randint(most // 2, most)):
            one = {**like, "id": f"d{sort}-{number}", "connect": rng.choice(["express", "express", "hybrid"])}
            devices.append(one | {"hotplug": rng.choice(["never", "preferred", "required"])})
    devices += [_small_card(rng, f"s{number}", "q35", ["pcie.0"]) for number in range(rng.randint(0, 2))]
    data: Data = {"machine": "q35", "memory": "8GiB", "devices": devices, "controllers": []}
    data["firmware"] = {"name": "ovmf", "version": rng.choice(["2022.11", "2025.02"])}
    if rng.random() < 0.4:
        reserve = {"mem-reserve": rng.choice([128, 256, 300, 512]) * MIB}
        data["controllers"] = [{"id": "kept", "model": "pcie-root-port", "properties": reserve}]
    if rng.random() < 0.3:
        data["controllers"] += [{"id": "up", "model": "x3130-upstream"}, {"id": "dp", "model": "xio3130-downstream"}]
    if rng.random() < 0.2:
        data |= {"numa_nodes": 1}
        data["controllers"].append({"id": "x", "model": "pxb-pcie", "numa": 0})
        devices[0]["numa"] = 0
    if rng.random() < 0.2:
        data["spare"] = [_spare(rng, "q35")]
    return data


def _wide_bar(rng: Random) -> Data:
    size = 1 << rng.choice([26, 28, 30, 32, 33, 34, 34, 35])
    return {"bar": 0, "kind": "mem64", "size": size, "prefetchable": rng.random() < 0.7}


def _nested(rng: Random, machine: str) -> list[Data]:
    models = ["pci-bridge"]
    models += ["i82801b11-bridge", "pcie-pci-bridge", "pcie-root-port"] if machine == "q35" else []
    found: list[Data] = []
    for number in range(rng.choice([0, 1, 2, 3])):
        one: Data = {"id": f"c{number}", "model": rng.choice(models)}
        hosts = [host["id"] for host in found if "bridge" in host["model"]]
        if one["model"] == "i82801b11-bridge" or (machine == "pc" and rng.random() < 0.5):
            one["address"] = f"{'pcie.0' if machine == 'q35' else 'pci.0'}:{0x10 + number:02x}.0"
        elif one["model"] == "pci-bridge" and hosts and rng.random() < 0.6:
            one["address"] = f"{rng.choice(hosts)}:{0x10 + number:02x}.0"
        if one["model"] == "pci-bridge" and rng.random() < 0.3:
            one["properties"] = {"shpc": False}
        found.append(one)
    return found


def _large_card(rng: Random, name: str, machine: str, buses: list[str], prefetchable: float) -> Data:
    size = rng.choices([size for size, _ in LARGE], [often for _, often in LARGE])[0]
    bars: list[Data] = [{"bar": 0, "kind": "mem32", "size": size * MIB, "prefetchable": rng.random() < prefetchable}]
    if rng.random() < 0.4:
        more = rng.choice([4096, MIB, 16 * MIB, size // 2 * MIB])
        bars.append({"bar": 2, "kind": rng.choice(["mem32", "mem64"]), "size": more, "prefetchable": False})
    return _seated(rng, {"id": name, "model": "vfio-pci", "bars": bars}, machine, buses)


def _small_card(rng: Random, name: str, machine: str, buses: list[str]) -> Data:
    if rng.random() < 0.3:
        model = rng.choice(["virtio-net", "VGA", "e1000", "nec-usb-xhci"])
        return {"id": name, "model": model, "hotplug": rng.choice(["never", "preferred"])}
    size = rng.choice([4096, 4096, MIB, 8 * MIB, 64 * MIB])
    bars = [{"bar": 0, "kind": rng.choice(["mem32", "mem64"]), "size": size, "prefetchable": rng.random() < 0.2}]
    one = {"id": name, "model": "vfio-pci", "bars": bars} | ({"rom": "64KiB"} if rng.random() < 0.2 else {})
    return _seated(rng, one, machine, buses)


def _seated(rng: Random, one: Data, machine: str, buses: list[str]) -> Data:
    connect = rng.choice(["express", "hybrid", "conventional"] if machine == "q35" else ["conventional"])
    one |= {"connect": connect, "hotplug": rng.choice(["never", "never", "preferred", "required"])}
    if rng.random() < 0.5 and connect != "express":
        one["address"] = f"{rng.choice(buses)}:{(0 if one['id'][0] == 'l' else 8) + 2 + int(one['id'][1:]):02x}.0"
    return one
