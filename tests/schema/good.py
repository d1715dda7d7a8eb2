"""Requests with layouts that keep every rule, and the means to break one thing of them."""

from typing import Any, NamedTuple

from qslot.schema import Guest, Layout


class Pair(NamedTuple):
    guest: Guest
    layout: Layout


def placed(name: str, model: str, place: str, *, multifunction: bool = False, **rest: Any) -> dict[str, Any]:
    """A seat at `BUS:SLOT.FUNCTION`, slot in hexadecimal as in a pin."""
    bus, _, where = place.rpartition(":")
    slot, _, function = where.partition(".")
    return {
        "id": name,
        "model": model,
        "bus": bus,
        "slot": int(slot, 16),
        "function": int(function or "0"),
        "multifunction": multifunction,
        **rest,
    }


def port(name: str, place: str, chassis: int, *, model: str = "pcie-root-port", **rest: Any) -> dict[str, Any]:
    properties = {"chassis": chassis, "slot": 0, "port": chassis} | rest.pop("properties", {})
    return placed(name, model, place, properties=properties, **rest)


def device(name: str, model: str, place: str, **rest: Any) -> dict[str, Any]:
    return placed(name, model, place, **{"driver": model, **rest})


def pair(guest: dict[str, Any], layout: dict[str, Any]) -> Pair:
    """Checked request and layout; what every layout repeats of its request is filled in."""
    request = Guest.model_validate(guest)
    same = {
        "machine": request.machine,
        "firmware": request.firmware.model_dump(),
        "platform": {
            name: getattr(request, name) for name in ("memory", "numa_nodes", "cpu", "phys_bits", "pci_hole64", "qemu")
        }
        | {"chipset": request.chipset.model_dump()},
        "input_sha256": request.sha256,
        "versions": {"qslot": "0.1.0", "hash": 2},
        "status": "feasible",
    }
    return Pair(request, Layout.model_validate(same | layout))


THROUGH = {"iommu_platform": True}
"""Of virtio devices that go through the vIOMMU."""

Q35_GUEST: dict[str, Any] = {
    "machine": "q35",
    "numa_nodes": 2,
    "reserve": ["pcie.0:10", "pcie.0:11.3"],
    "spare": [{"kind": "pcie", "count": 2}, {"kind": "pcie", "io": 512, "memory": "1GiB"}, {"kind": "pci"}],
    "controllers": [
        {"id": "rp1", "model": "pcie-root-port", "address": "pcie.0:04.0"},
        {"id": "rp7", "model": "pcie-root-port"},
        {"id": "pxb1", "model": "pxb-pcie", "numa": 1},
    ],
    "devices": [
        {"id": "net0", "model": "virtio-net", "properties": {"netdev": "hn0", "iommu_platform": True}},
        {"id": "disk0", "model": "nvme", "near_switch": ["disk1"]},
        {"id": "disk1", "model": "nvme", "near": ["disk0"]},
        {"id": "disk2", "model": "nvme", "hotplug": "required"},
        {"id": "old0", "model": "e1000"},
        {"id": "old1", "model": "rtl8139"},
        {"id": "lan0", "model": "e1000e", "group": "lan"},
        {"id": "lan1", "model": "e1000e", "group": "lan"},
        {"id": "far0", "model": "nvme", "numa": 1},
        {"id": "vga0", "model": "VGA"},
        {"id": "iommu0", "model": "virtio-iommu"},
        {"id": "balloon0", "model": "virtio-balloon", "properties": THROUGH},
        {"id": "watchdog0", "model": "i6300esb", "address": "pcie.0:07"},
        {
            "id": "host0",
            "model": "vfio-pci",
            "connect": "hybrid",
            "bars": [{"bar": 0, "kind": "mem64", "size": "16MiB"}],
            "rom": 0,
        },
    ],
}

Q35_LAYOUT: dict[str, Any] = {
    "controllers": [
        port("rp1", "pcie.0:04.0", 1, multifunction=True),
        port("rp2", "pcie.0:04.1", 2),
        port("rp3", "pcie.0:04.2", 3),
        port("rp4", "pcie.0:04.3", 4),
        port("rp5", "pcie.0:04.4", 5),
        port("rp6", "pcie.0:04.5", 6, properties={"io-reserve": 4096, "pref64-reserve": 1 << 30}),
        port("rp7", "pcie.0:04.6", 7),
        placed("pxb1", "pxb-pcie", "pcie.0:08", numa=1, properties={"bus_nr": 128, "numa_node": 1}),
        placed("sw1", "x3130-upstream", "rp2:00"),
        port("dn1", "sw1:00", 8, model="xio3130-downstream"),
        port("dn2", "sw1:01", 9, model="xio3130-downstream"),
        placed("p2p1", "pcie-pci-bridge", "rp3:00"),
        placed("br1", "pci-bridge", "p2p1:02", properties={"chassis_nr": 1, "shpc": "on"}),
        port("rp8", "pxb1:00", 10, numa=1),
        port("rp9", "pcie.0:05.0", 11),
        port("rp10", "pcie.0:06.0", 12),
    ],
    "devices": [
        device(
            "net0",
            "virtio-net",
            "rp1:00",
            driver="virtio-net-pci-non-transitional",
            virtio="modern",
            properties={"netdev": "hn0", "iommu_platform": True},
        ),
        device("disk0", "nvme", "dn1:00"),
        device("disk1", "nvme", "dn2:00"),
        device("disk2", "nvme", "rp5:00"),
        device("old0", "e1000", "p2p1:01"),
        device("old1", "rtl8139", "br1:01"),
        device("lan0", "e1000e", "rp4:00.0", multifunction=True),
        device("lan1", "e1000e", "rp4:00.1"),
        device("far0", "nvme", "rp8:00"),
        device("vga0", "VGA", "pcie.0:01"),
        device(
            "iommu0",
            "virtio-iommu",
            "pcie.0:03",
            driver="virtio-iommu-pci",
            virtio="modern",
            properties={"disable-legacy": "on", "disable-modern": "off"},
        ),
        device(
            "balloon0",
            "virtio-balloon",
            "pcie.0:02",
            driver="virtio-balloon-pci-non-transitional",
            virtio="modern",
            properties=THROUGH,
        ),
        device("watchdog0", "i6300esb", "pcie.0:07"),
        device(
            "host0",
            "vfio-pci",
            "rp9:00",
            bars=[{"bar": 0, "kind": "mem64", "size": 16 << 20}],
            rom=0,
        ),
    ],
    "spare": [
        {"kind": "pcie", "bus": "rp7", "slot": 0},
        {"kind": "pcie", "bus": "rp10", "slot": 0},
        {"kind": "pcie", "bus": "rp6", "slot": 0},
        {"kind": "pci", "bus": "p2p1", "slot": 3},
    ],
}

PC_GUEST: dict[str, Any] = {
    "machine": "pc",
    "numa_nodes": 2,
    "spare": {"pci": 2},
    "devices": [
        {"id": "net0", "model": "e1000", "hotplug": "required"},
        {"id": "disk0", "model": "virtio-blk", "hotplug": "required"},
        {"id": "disk1", "model": "nvme"},
        {"id": "far0", "model": "rtl8139", "numa": 1, "hotplug": "never"},
        {"id": "vga0", "model": "VGA"},
        {"id": "balloon0", "model": "virtio-balloon"},
    ],
}

PC_LAYOUT: dict[str, Any] = {
    "controllers": [
        placed("br1", "pci-bridge", "pci.0:04.0", multifunction=True, properties={"chassis_nr": 1, "shpc": "on"}),
        placed("br2", "pci-bridge", "pci.0:04.1", properties={"chassis_nr": 2, "shpc": "on"}),
        placed("br3", "pci-bridge", "br1:02", properties={"chassis_nr": 3, "shpc": "off"}),
        placed("pxb1", "pxb", "pci.0:05", numa=1, properties={"bus_nr": 16, "numa_node": 1}),
    ],
    "devices": [
        device("net0", "e1000", "pci.0:02"),
        device("disk0", "virtio-blk", "br1:01", driver="virtio-blk-pci-transitional", virtio="transitional"),
        device("disk1", "nvme", "br3:01"),
        device("far0", "rtl8139", "pxb1:00"),
        device("vga0", "VGA", "pci.0:03.0", multifunction=True),
        device(
            "balloon0",
            "virtio-balloon",
            "pci.0:03.1",
            driver="virtio-balloon-pci-transitional",
            virtio="transitional",
        ),
    ],
    "spare": [{"kind": "pci", "bus": "br2", "slot": 1}, {"kind": "pci", "bus": "pci.0", "slot": 6}],
}


def q35(**guest: Any) -> Pair:
    """The q35 pair, with other values for fields of the request."""
    return pair(Q35_GUEST | guest, Q35_LAYOUT)


def pc(**guest: Any) -> Pair:
    return pair(PC_GUEST | guest, PC_LAYOUT)


def without(layout: Layout, *names: str) -> Layout:
    data = layout.model_dump()
    for part in ("controllers", "devices"):
        data[part] = [seat for seat in data[part] if seat["id"] not in names]
    return Layout.model_validate(data)


def added(layout: Layout, **parts: list[dict[str, Any]]) -> Layout:
    """With more `controllers`, `devices` or `spare`."""
    data = layout.model_dump()
    return Layout.model_validate(data | {part: [*data[part], *more] for part, more in parts.items()})


def changed(layout: Layout, name: str, place: str = "", **fields: Any) -> Layout:
    """With one seat moved to `place` or changed; `properties` are merged, those that become None left out."""
    data = layout.model_dump()
    for seat in (*data["controllers"], *data["devices"]):
        if seat["id"] == name:
            if place:
                seat |= {key: placed(name, "", place)[key] for key in ("bus", "slot", "function")}
            merged = seat["properties"] | fields.pop("properties", {})
            seat |= fields | {"properties": {key: value for key, value in merged.items() if value is not None}}
    return Layout.model_validate(data)
