"""One case a rule: a layout that keeps every other rule, and the finding that it must give."""

from dataclasses import dataclass, field
from typing import Any

from qslot.schema import Layout
from qslot.schema.firmware import predict

from .good import (
    PC_GUEST,
    PC_LAYOUT,
    Q35_GUEST,
    Q35_LAYOUT,
    Pair,
    added,
    changed,
    device,
    pair,
    pc,
    placed,
    port,
    q35,
    without,
)


@dataclass(frozen=True)
class Case:
    rule: str
    broken: Pair
    subjects: tuple[str, ...] = ()
    details: dict[str, Any] = field(default_factory=dict)
    severity: str = "error"
    beside: tuple[str, ...] = ()
    """Rules that cannot but be broken at the same time."""
    previous: Layout | None = None
    """The layout before."""


GOOD = {"q35": q35(), "pc": pc()}


def in_q35(name: str, place: str = "", **fields: Any) -> Pair:
    return Pair(GOOD["q35"].guest, changed(GOOD["q35"].layout, name, place, **fields))


def in_pc(name: str, place: str = "", **fields: Any) -> Pair:
    return Pair(GOOD["pc"].guest, changed(GOOD["pc"].layout, name, place, **fields))


def more(which: str, **parts: list[dict[str, Any]]) -> Pair:
    return Pair(GOOD[which].guest, added(GOOD[which].layout, **parts))


def beside_itself(name: str, place: str = "", **fields: Any) -> Pair:
    """The pc pair beside its own layout, frozen, in which a seat is another."""
    guest, layout = pc(policy={"frozen": True})
    return Pair(guest, changed(layout, name, place, **fields))


def stated(which: str, **fields: Any) -> Pair:
    guest, layout = GOOD[which]
    return Pair(guest, Layout.model_validate(layout.model_dump() | fields))


def claiming(window: str | None = None, addresses: dict[str, str] | None = None) -> Pair:
    """The q35 pair stating its IO windows, and one more; or addresses."""
    windows = [window.model_dump() for window in predict(GOOD["q35"].layout).io_windows]
    more = [] if window is None else [{"controller": window, "base": 0xC000, "size": 4096}]
    return stated("q35", io_windows=[*windows, *more], guest_addresses=addresses or {})


def spares(*slots: str) -> Pair:
    """The q35 pair with these slots instead of its own spare ones."""
    kinds = {"rp": "pcie", "dn": "pcie"}
    seats = [placed("x", "", slot) for slot in slots]
    return stated(
        "q35", spare=[{"kind": kinds.get(s["bus"][:2], "pci"), "bus": s["bus"], "slot": s["slot"]} for s in seats]
    )


def asking(which: str, name: str, **fields: Any) -> Pair:
    """The request changed: one device or controller of it asks for something else."""
    guest, layout = (Q35_GUEST, Q35_LAYOUT) if which == "q35" else (PC_GUEST, PC_LAYOUT)
    parts = {
        part: [one | fields if one["id"] == name else one for one in guest[part]]
        for part in ("devices", "controllers")
        if part in guest
    }
    return pair(guest | parts, layout)


def amd_iommu(place: str, **sound: Any) -> Pair:
    """A guest with an amd-iommu there, beside a sound card."""
    return pair(
        {
            "machine": "q35",
            "devices": [{"id": "iommu0", "model": "amd-iommu"}, {"id": "sound0", "model": "AC97", **sound}],
        },
        {
            "controllers": [],
            "devices": [
                device("iommu0", "amd-iommu", place),
                device("sound0", "AC97", sound.get("address", "pcie.0:06")),
            ],
        },
    )


def one_group() -> Pair:
    """A guest with a vIOMMU: of two devices of one IOMMU group one is behind a bridge, one behind a port."""
    host = {"model": "vfio-pci", "connect": "express", "bars": [], "iommu_group": 14}
    return pair(
        {
            "machine": "q35",
            "needs": ["viommu"],
            "chipset": {"caching_mode": True},
            "devices": [{"id": name, **host} for name in ("host0", "host1")],
        },
        {
            "controllers": [
                port("rp1", "pcie.0:01", 1),
                port("rp2", "pcie.0:02", 2),
                placed("p2p1", "pcie-pci-bridge", "rp1:00"),
            ],
            "devices": [
                device("host0", "vfio-pci", "p2p1:01", bars=[]),
                device("host1", "vfio-pci", "rp2:00", bars=[]),
            ],
        },
    )


def unsaid(count: int) -> Pair:
    """Devices of the host of which nothing is said, each on a port, in a guest with an intel-iommu."""
    names = [f"host{n}" for n in range(count)]
    return pair(
        {
            "machine": "q35",
            "needs": ["viommu"],
            "devices": [{"id": name, "model": "vfio-pci", "connect": "express", "bars": []} for name in names],
        },
        {
            "controllers": [port(f"rp{n}", f"pcie.0:{n + 1:02x}", n) for n in range(count)],
            "devices": [device(name, "vfio-pci", f"rp{n}:00", bars=[]) for n, name in enumerate(names)],
        },
    )


def io_full() -> Pair:
    """15 root ports with an IO window each: one page more than SeaBIOS has."""
    names = [f"net{n}" for n in range(15)]
    return pair(
        {"machine": "q35", "devices": [{"id": n, "model": "virtio-net", "virtio": "transitional"} for n in names]},
        {
            "controllers": [port(f"rp{n}", f"pcie.0:{n + 1:02x}", n) for n in range(15)],
            "devices": [
                device(name, "virtio-net", f"rp{n}:0", driver="virtio-net-pci-transitional", virtio="transitional")
                for n, name in enumerate(names)
            ],
        },
    )


def ovmf_full(count: int) -> Pair:
    """pci-bridges with an IO device each: OVMF has 4 pages, and the chipset's own IO takes part of one."""
    names = [f"net{n}" for n in range(count)]
    return pair(
        {"machine": "pc", "firmware": "ovmf", "devices": [{"id": name, "model": "e1000"} for name in names]},
        {
            "controllers": [
                placed(f"br{n}", "pci-bridge", f"pci.0:{n + 2:02x}", properties={"chassis_nr": n + 1, "shpc": "on"})
                for n in range(count)
            ],
            "devices": [device(name, "e1000", f"br{n}:1") for n, name in enumerate(names)],
        },
    )


def expander(name: str, place: str, number: int, node: int | None) -> dict[str, Any]:
    properties = {"bus_nr": number} | ({} if node is None else {"numa_node": node})
    return placed(name, "pxb", place, numa=node, properties=properties)


def told_by_slot(switch: str) -> Pair:
    """A disk whose mode is to be its slot's, with a switch that says another."""
    disk = {"id": "net0", "model": "virtio-net", "virtio_by": "slot"}
    seat = device("net0", "virtio-net", "pcie.0:02", driver="virtio-net-pci", virtio="transitional")
    guest = {"machine": "q35", "devices": [disk]}
    return pair(guest, {"controllers": [], "devices": [seat | {"properties": {switch: "on"}}]})


def spare_on_a_port(wish: dict[str, Any], slot: int = 0, **properties: Any) -> Pair:
    return pair(
        {"machine": "q35", "spare": [{"kind": "pcie", **wish}]},
        {
            "controllers": [port("rp1", "pcie.0:02", 1, properties=properties)],
            "devices": [],
            "spare": [{"kind": "pcie", "bus": "rp1", "slot": slot}],
        },
    )


def spares_on_a_bridge(wish: dict[str, Any], reserve: int) -> Pair:
    """Two spare slots of a pci-bridge, with one wish."""
    one = placed("br1", "pci-bridge", "pci.0:02", properties={"chassis_nr": 1, "shpc": True, "mem-reserve": reserve})
    return pair(
        {"machine": "pc", "spare": [{"kind": "pci", **wish, "count": 2}]},
        {
            "controllers": [one],
            "devices": [],
            "spare": [{"kind": "pci", "bus": "br1", "slot": slot} for slot in (1, 2)],
        },
    )


def bridge(name: str, place: str, number: int, shpc: str = "on", **rest: Any) -> dict[str, Any]:
    return placed(name, "pci-bridge", place, properties={"chassis_nr": number, "shpc": shpc}, **rest)


def protected_ports(cold: str, hot: str) -> Pair:
    """Hot-plug of two ports, with a disk each: one that needs none, one that would rather have it."""
    disks = [{"id": "cold0", "model": "nvme", "hotplug": "never"}, {"id": "hot0", "model": "nvme"}]
    switches = enumerate((cold, hot), 1)
    return pair(
        {"machine": "q35", "policy": {"eject": "protect"}, "devices": disks},
        {
            "controllers": [port(f"rp{n}", f"pcie.0:{n:02x}", n, properties={"hotplug": on}) for n, on in switches],
            "devices": [device(disk["id"], "nvme", f"rp{n}:00") for n, disk in enumerate(disks, 1)],
        },
    )


def protected_pc(place: str, *, root_hotplug: bool = False) -> Pair:
    """An interface that needs no hot-plug, on a pc whose pci.0 takes it or not, with a bridge that does."""
    nic = {"id": "nic0", "model": "e1000", "hotplug": "never", "address": place}
    listed = {"id": "br1", "model": "pci-bridge", "address": "pci.0:08"}
    return pair(
        {"machine": "pc", "policy": {"eject": "protect"}, "devices": [nic], "controllers": [listed]},
        {
            "platform": {"memory": 128 << 20, "numa_nodes": 0, "chipset": {"root_hotplug": root_hotplug}},
            "controllers": [bridge("br1", "pci.0:08", 1)],
            "devices": [device("nic0", "e1000", place)],
        },
    )


STANDING = [
    Case("complete", Pair(GOOD["q35"].guest, without(GOOD["q35"].layout, "vga0")), ("vga0",), {"placed": 0}),
    Case("complete", more("q35", devices=[device("tpm0", "edu", "pcie.0:09")]), ("tpm0",), {"asked": 0}),
    Case(
        "complete",
        q35(controllers=[*Q35_GUEST["controllers"], {"id": "rp20", "model": "pcie-root-port"}]),
        ("rp20",),
        {"placed": 0},
    ),
    Case(
        "complete",
        more("q35", controllers=[port("rp11", "pcie.0:09", 20, model="ioh3420")]),
        ("rp11",),
        {"model": "ioh3420", "asked": 0},
    ),
    Case(
        "complete",
        more("pc", controllers=[port("rp1", "pci.0:08", 1)]),
        ("rp1",),
        {"model": "pcie-root-port", "asked": 0},
        beside=("express-on-pc",),
    ),
    Case(
        "complete",
        more("q35", controllers=[placed("dmi", "i82801b11-bridge", "pcie.0:09")]),
        ("dmi",),
        {"model": "i82801b11-bridge", "asked": 0},
    ),
    Case(
        "complete",
        more("pc", controllers=[expander("pxb2", "pci.0:09", 32, 0)]),
        ("pxb2",),
        {"node": 0, "asked": 0},
    ),
    Case(
        "complete",
        more("pc", controllers=[expander("pxb2", "pci.0:09", 32, None)]),
        ("pxb2",),
        {"node": "none", "asked": 0},
    ),
    Case(
        "complete",
        more("pc", controllers=[expander("pxb2", "pci.0:09", 32, 1)]),
        ("pxb2",),
        {"node": 1, "asked": 0},
    ),
    Case("tree", more("q35", controllers=[port("rp10", "pcie.0:09", 20)]), ("rp10",), {"count": 2}),
    Case(
        "tree",
        stated("q35", controllers=sorted(Q35_LAYOUT["controllers"], key=lambda seat: seat["id"] != "br1")),
        ("br1",),
        {"bus": "p2p1"},
    ),
    Case("tree", in_q35("vga0", "gone:01"), ("vga0",), {"bus": "gone"}),
    Case("tree", spares("rp7:0", "rp10:0", "rp6:0", "gone:3"), (), {"bus": "gone", "slot": 3}),
    Case(
        "machine-model",
        more("pc", controllers=[placed("dmi1", "i82801b11-bridge", "pci.0:08")]),
        ("dmi1",),
        {"model": "i82801b11-bridge", "machine": "pc"},
    ),
    Case(
        "machine-model",
        more("q35", controllers=[placed("odd", "pci-bridge-seat", "p2p1:05")]),
        ("odd",),
        {"model": "pci-bridge-seat", "machine": "q35"},
    ),
    Case("as-requested", stated("q35", machine="pc-q35-7.2"), (), {"machine": "pc-q35-7.2"}),
    Case("as-requested", stated("pc", firmware={"name": "ovmf"}), (), {"firmware": "ovmf 2026.08"}),
    Case("as-requested", in_q35("vga0", model="cirrus-vga"), ("vga0",), {"model": "cirrus-vga"}),
    Case("as-requested", in_q35("disk0", driver="nvme-ns"), ("disk0",), {"driver": "nvme-ns"}),
    Case(
        "as-requested",
        in_q35("net0", virtio="transitional"),
        ("net0",),
        {"virtio": "transitional"},
    ),
    Case("as-requested", in_q35("net0", properties={"netdev": "hn1"}), ("net0",), {"netdev": "hn1"}),
    Case("as-requested", in_q35("net0", properties={"disable-legacy": "on"}), ("net0",), {"disable-legacy": "on"}),
    Case("as-requested", in_q35("host0", bars=None), ("host0",), {"bars": "none"}),
    Case("as-requested", in_q35("host0", rom=4096), ("host0",), {"rom": 4096}),
    Case("as-requested", in_q35("rp7", model="ioh3420"), ("rp7",), {"model": "ioh3420"}),
    Case("as-requested", asking("q35", "rp1", properties={"port": 8}), ("rp1",), {"port": 1}),
    Case("as-requested", asking("q35", "rp1", hotplug=False), ("rp1",), {"hotplug": "on"}),
    Case("as-requested", in_q35("rp1", properties={"hotplug": "off"}), ("rp1",), {"hotplug": "off"}),
    Case(
        "as-requested",
        in_q35("disk0", properties={"romfile": "a"}),
        ("disk0",),
        {"romfile": "a"},
        beside=("host-files",),
    ),
    Case("as-requested", in_q35("rp7", properties={"bus-reserve": 1}), ("rp7",), {"bus-reserve": 1}),
    Case("as-requested", in_q35("dn1", properties={"hotplug": False}), ("dn1",), {"hotplug": "off"}),
    Case(
        "as-requested",
        in_q35("p2p1", properties={"addr": 1}),
        ("p2p1",),
        {"addr": 1},
        beside=("controller-properties",),
    ),
    Case("as-requested", told_by_slot("disable-modern"), ("net0",), {"disable-modern": "on"}),
    Case(
        "objective",
        stated("q35", objective=[{"term": "controllers", "value": 15, "bound": 15}]),
        (),
        {"term": "controllers", "stated": 15, "actual": 16},
    ),
    Case(
        "objective",
        stated("q35", objective=[{"term": "controllers", "value": 16, "bound": 17}]),
        (),
        {"term": "controllers", "stated": 16, "bound": 17},
    ),
    Case(
        "kept-controllers",
        beside_itself("br2", properties={"shpc": "off"}),
        ("br2",),
        {"shpc": False},
        beside=("as-requested",),
        previous=GOOD["pc"].layout,
    ),
    Case(
        "frozen",
        beside_itself("net0", "pci.0:07"),
        ("net0",),
        {"before": "02.0", "now": "07.0"},
        previous=GOOD["pc"].layout,
    ),
    Case(
        "objective",
        stated("pc", replanned={"moved": ["net0"]}),
        (),
        {"moved": "net0", "actual": "none"},
        previous=GOOD["pc"].layout,
    ),
    Case(
        "objective",
        stated("q35", unmet=[{"who": "vga0", "reason": "shared", "weight": 2}]),
        (),
        {"unmet": "express-on-root of balloon0, 4; shared of vga0, 2; switch of sw1, 1"},
    ),
    Case(
        "objective",
        stated("q35", status="optimal"),
        (),
        {"terms": "", "order": "moved, guest_visible, preferences, io_windows, controllers, depth"},
    ),
    Case(
        "prediction",
        claiming(addresses={"disk0": "ff:00.0"}),
        ("disk0",),
        {"stated": "ff:00.0", "predicted": "04:00.0"},
    ),
    Case("prediction", stated("q35", guest_names={"vga0": "eth0"}), ("vga0",), {"stated": "eth0", "predicted": "none"}),
    Case("prediction", claiming("rp10"), ("rp10",), {"stated": "4096 bytes at 0xc000", "predicted": "no window"}),
    Case(
        "hash",
        stated("pc", input_sha256="0" * 64),
        (),
        {"stated": "0" * 64, "actual": GOOD["pc"].guest.sha256},
    ),
]

VIRTUAL: list[tuple[tuple[tuple[str, str], ...], tuple[str, ...], dict[str, Any], tuple[str, ...]]] = [
    (
        (("igb", "pcie.0:03"), ("edu", "pcie.0:14")),
        ("dev0",),
        {"address": "pcie.0:14.0", "holder": "dev1"},
        ("multifunction", "wasteful-pin"),
    ),
    (
        (("igb", "pcie.0:03"), ("igb", "pcie.0:04")),
        ("dev1",),
        {"address": "pcie.0:14.0", "holder": "dev0"},
        ("wasteful-pin",),
    ),
    ((("igb", "pcie.0:0e"),), ("dev0",), {"address": "pcie.0:1f.0", "holder": "LPC bridge"}, ("wasteful-pin",)),
]


def virtual(*seats: tuple[str, str]) -> Pair:
    """Devices pinned where they are, models first."""
    guest = [
        {"id": f"dev{n}", "model": model, "hotplug": "never", "address": place}
        for n, (model, place) in enumerate(seats)
    ]
    there = [device(f"dev{n}", model, place) for n, (model, place) in enumerate(seats)]
    return pair({"machine": "q35", "devices": guest}, {"controllers": [], "devices": there})


def past_its_slot(name: str) -> Pair:
    """What is no virtual function at function 12 of a port's slot."""
    ports = [port("rp1", "pcie.0:02", 1)]
    guest = [
        {"id": one, "model": "e1000e", "hotplug": "never", "address": f"rp1:00.{n}"}
        for n, one in enumerate(("x", name))
    ]
    there = [device(one, "e1000e", f"rp1:00.{n}", multifunction=not n) for n, one in enumerate(("x", name))]
    there[1] |= {"function": 12}
    listed = [{"id": "rp1", "model": "pcie-root-port", "address": "pcie.0:02"}]
    return pair({"machine": "q35", "devices": guest, "controllers": listed}, {"controllers": ports, "devices": there})


def unpinned_igb(*places: str) -> Pair:
    """An igb, and perhaps what else is in its slot."""
    models = {f"dev{n}": "igb" if n == 0 else "edu" for n, _ in enumerate(places)}
    guest = [{"id": name, "model": model, "hotplug": "never"} for name, model in models.items()]
    there = [
        device(name, model, place, multifunction=len(places) > 1 and place.endswith(":00"))
        for (name, model), place in zip(models.items(), places, strict=True)
    ]
    ports = [port("rp1", "pcie.0:02", 1)] if places[0].startswith("rp1") else []
    return pair({"machine": "q35", "devices": guest}, {"controllers": ports, "devices": there})


def listed_virtual(*places: str) -> Pair:
    """A group of a virtio device and its virtual functions, at these addresses."""
    names = ["pf", *(f"vf{n}" for n, _ in enumerate(places[1:]))]
    seats: list[dict[str, Any]] = [
        {"id": name, "model": "virtio-net", "properties": {"sriov-pf": "pf"} if name != "pf" else {}} for name in names
    ]
    guest = [{**seat, "hotplug": "never", "group": "card"} for seat in seats]
    modern = {"virtio": "modern", "driver": "virtio-net-pci-non-transitional"}
    there = [
        placed(seat["id"], "virtio-net", place, multifunction=place.endswith(":00"), **modern)
        | {"properties": seat["properties"]}
        for seat, place in zip(seats, places, strict=True)
    ]
    ports = [port("rp1", "pcie.0:02", 1)] if places[0].startswith("rp1") else []
    return pair({"machine": "q35", "devices": guest}, {"controllers": ports, "devices": there})


ADDRESSES = [
    Case("address-range", in_q35("old0", "p2p1:00"), ("old0",), {"slot": 0, "first": 1, "last": 31}),
    Case("address-range", in_q35("disk0", "dn1:01"), ("disk0",), {"slot": 1, "first": 0, "last": 0}),
    Case("address-range", past_its_slot("dev0"), ("dev0",), {"function": 12, "last": 7}, beside=("pin",)),
    Case("address-unique", in_q35("old0", "br1:01"), ("old0", "old1"), {"address": "br1:01.0"}),
    Case(
        "chipset",
        in_q35("vga0", "pcie.0:1f.2"),
        ("vga0",),
        {"address": "pcie.0:1f.2", "holder": "chipset SATA controller"},
    ),
    Case("chipset", in_q35("vga0", "pcie.0:00.1"), ("vga0",), {"address": "pcie.0:00.1", "holder": "chipset"}),
    Case("chipset", in_q35("rp9", "pcie.0:1f.4"), ("rp9",), {"address": "pcie.0:1f.4", "holder": "chipset"}),
    Case("reserve", in_q35("vga0", "pcie.0:10"), ("vga0",), {"address": "pcie.0:10.0"}),
    Case("reserve", q35(reserve=["rp7:00"]), ("rp7",), {"slot": 0}),
    Case("pin", in_q35("watchdog0", "pcie.0:09"), ("watchdog0",), {"asked": "pcie.0:07", "placed": "pcie.0:09.0"}),
    Case("pin", asking("q35", "far0", address=".3"), ("far0",), {"asked": ".3", "placed": "rp8:00.0"}),
    Case("function-zero", in_q35("vga0", "pcie.0:09.1"), ("vga0",), {"bus": "pcie.0", "slot": 9}),
    Case("multifunction", in_q35("rp1", multifunction=False), ("rp1",), {"address": "pcie.0:04.0"}),
    Case(
        "slot-sharing",
        in_q35("vga0", "pcie.0:05.1"),
        ("rp9", "vga0"),
        {"bus": "pcie.0", "slot": 5},
        beside=("multifunction",),
    ),
    Case("group", in_q35("lan1", "rp4:00.2"), ("lan1",), {"group": "lan"}),
    Case("group", in_q35("lan1", "rp7:00"), ("lan0", "lan1"), {"group": "lan", "slots": 2}, beside=("spare",)),
    *(Case("virtual-functions", virtual(*seats), who, details, beside=also) for seats, who, details, also in VIRTUAL),
    Case(
        "virtual-functions",
        Pair(virtual(("igb", "pcie.0:03")).guest, changed(virtual(("igb", "pcie.0:03")).layout, "dev0", "pcie.0:0f")),
        ("dev0",),
        {"last": 262, "most": 255},
        beside=("pin", "wasteful-pin"),
    ),
    Case(
        "virtual-functions", unpinned_igb("rp1:00.1", "rp1:00"), ("dev0",), {"placed": "rp1:00.1"}, beside=("connect",)
    ),
    Case(
        "virtual-functions",
        unpinned_igb("pcie.0:04", "pcie.0:14.1"),
        ("dev0",),
        {"slot": 0x14, "holder": "dev1"},
        beside=("function-zero",),
    ),
    Case("sriov-pf", listed_virtual("rp1:00.1", "rp1:00"), ("vf0",), {"placed": "rp1:00.0"}, beside=("group",)),
    Case(
        "sriov-pf",
        listed_virtual("rp1:00", "rp1:00.2", "rp1:00.3", "rp1:00.5"),
        ("vf0", "vf1", "vf2"),
        {"functions": "2 3 5"},
        beside=("group",),
    ),
    Case(
        "sriov-pf",
        listed_virtual("rp1:00", "pcie.0:06"),
        ("vf0",),
        {"placed": "pcie.0:06.0"},
        beside=("group", "as-requested"),
    ),
]

CONNECTIONS = [
    Case("connect", in_q35("old0", "rp10:00"), ("old0",), {"model": "e1000", "bus": "rp10"}, beside=("spare",)),
    Case("connect", in_q35("disk0", "sw1:02"), ("disk0",), {"model": "nvme", "bus": "sw1"}),
    Case("connect", in_q35("disk2", "p2p1:04"), ("disk2",), {"model": "nvme", "bus": "p2p1"}),
    Case(
        "connect",
        more("q35", controllers=[bridge("br2", "pcie.0:09", 2)]),
        ("br2",),
        {"model": "pci-bridge", "bus": "pcie.0"},
    ),
    Case("integrated", in_q35("iommu0", "dn2:00"), ("iommu0",), {"bus": "dn2"}, beside=("address-unique",)),
    Case(
        "single-balloon",
        more("q35", devices=[device("balloon1", "virtio-balloon", "pcie.0:09")]),
        ("balloon0", "balloon1"),
        {"count": 2},
        beside=("complete",),
    ),
    Case(
        "single-model",
        more("q35", devices=[device("iommu1", "virtio-iommu", "pcie.0:09")]),
        ("iommu0", "iommu1"),
        {"models": "amd-iommu, virtio-iommu", "count": 2},
        beside=("complete",),
    ),
    Case(
        "companion",
        amd_iommu("pcie.0:05"),
        ("iommu0",),
        {"placed": "pcie.0:05.0", "first": 1},
        beside=("companion-order",),
    ),
    Case("iommu-group", one_group(), ("host0", "host1"), {"group": 14, "spaces": 2}),
    Case(
        "virtio-slot",
        asking("q35", "net0", virtio="transitional", virtio_by="slot", properties={"netdev": "hn0"}),
        ("net0",),
        {"bus": "rp1", "mode": "modern"},
        beside=("as-requested", "iommu-platform"),
    ),
]

ORDERED = pair({**Q35_GUEST, "order": ["disk1", "disk0"]}, Q35_LAYOUT)

NEEDS = [
    Case("hotplug", in_q35("disk2", "pcie.0:09"), ("disk2",), {"bus": "pcie.0", "slot": 9}),
    Case(
        "hotplug",
        in_q35("rp5", properties={"hotplug": "off"}),
        ("disk2",),
        {"bus": "rp5", "slot": 0},
        beside=("as-requested",),
    ),
    Case("hotplug", in_pc("net0", "pci.0:03.2"), ("net0",), {"bus": "pci.0", "slot": 3}),
    Case("numa", in_q35("far0", "pcie.0:09"), ("far0",), {"asked": 1, "node": "none"}),
    Case("numa", in_q35("rp8", numa=None), ("rp8",), {"stated": "none", "node": 1}),
    Case("numa", asking("q35", "rp1", numa=1), ("rp1",), {"asked": 1, "node": "none"}),
    Case("near", asking("q35", "far0", near=["disk0"]), ("far0", "disk0"), {"root": "pxb1", "other": "pcie.0"}),
    Case("near-switch", in_q35("disk1", "pcie.0:09"), ("disk0", "disk1"), {"bus": "dn1", "other": "pcie.0"}),
    Case("order", ORDERED, ("disk1", "disk0"), {"disk1": "05:00.0", "disk0": "04:00.0"}),
    Case("spare", spares("rp7:0", "rp10:0", "rp6:0"), (), {"kind": "pci", "asked": 1, "found": 0}),
    Case("spare", spares("rp7:0", "rp7:0", "rp6:0", "p2p1:3"), ("rp7",), {"slot": 0, "reason": "listed twice"}),
    Case("spare", spares("rp7:0", "rp5:0", "rp6:0", "p2p1:3"), ("rp5",), {"slot": 0, "reason": "not empty"}),
    Case("spare", spares("rp7:0", "rp10:0", "rp6:0", "p2p1:0"), ("p2p1",), {"slot": 0, "reason": "no such slot"}),
    Case("spare", spares("rp7:0", "rp10:0", "rp6:0", "sw1:5"), ("sw1",), {"slot": 5, "reason": "not a pci slot"}),
    Case(
        "spare",
        in_q35("rp10", properties={"hotplug": "off"}),
        ("rp10",),
        {"slot": 0, "reason": "no hot-plug"},
        beside=("as-requested",),
    ),
    Case("spare", in_q35("rp6", properties={"io-reserve": None}), ("rp6",), {"slot": 0, "reason": "no io-reserve"}),
    Case(
        "spare",
        in_q35("rp6", properties={"pref64-reserve": "512M"}),
        ("rp6",),
        {"slot": 0, "reason": "no pref64-reserve"},
    ),
    Case("spare", spare_on_a_port({"io": 64}), ("rp1",), {"slot": 0, "reason": "no io-reserve"}),
    Case("spare", spare_on_a_port({"memory": 4096}), ("rp1",), {"slot": 0, "reason": "no pref64-reserve"}),
    Case(
        "spare",
        spare_on_a_port({"io": 64}, **{"io-reserve": 64}),
        ("rp1",),
        {"slot": 0, "reason": "no io-reserve"},
        beside=("controller-properties",),
    ),
    Case("spare", spare_on_a_port({}, slot=1), ("rp1",), {"slot": 1, "reason": "no such slot"}),
    Case("spare", pc(spare=[{"kind": "pci", "numa": 1}]), ("br2",), {"slot": 1, "reason": "not on node 1"}),
]

PRESET = [
    Case(
        "preset",
        pair(
            {
                "machine": "q35",
                "devices": [{"id": "disk0", "model": "nvme"}],
                "policy": {"preset": "libvirt"},
                "spare": [],
            },
            {"controllers": [], "devices": [device("disk0", "nvme", "pcie.0:02")]},
        ),
        ("disk0",),
        {"model": "nvme", "bus": "pcie.0"},
    ),
]

CAPACITIES = [
    Case(
        "bus-numbers",
        in_q35("pxb1", properties={"bus_nr": 14}),
        ("pcie.0",),
        {"first": 0, "used": 15, "limit": 14},
    ),
    Case("bus-numbers", in_q35("pxb1", properties={"bus_nr": 255}), ("pxb1",), {"first": 255, "used": 2, "limit": 256}),
    Case("bus-numbers", in_q35("pxb1", properties={"bus_nr": None}), ("pxb1",), {"bus_nr": "none"}),
    Case(
        "bus-numbers",
        in_q35("rp10", properties={"bus-reserve": 255}),
        (),
        {"used": 270 + 2, "limit": 256},
        beside=("as-requested",),
    ),
    Case("io-space", io_full(), (), {"windows": 15 * 4096, "root_bars": 0x60, "limit": 0xEFFC}),
    Case("io-space", ovmf_full(4), (), {"windows": 4 * 4096, "root_bars": 0x10, "limit": 0x4000}),
    Case(
        "memory-space",
        in_q35("rp10", properties={"mem-reserve": 1 << 30}),
        ("rp10",),
        {"used": 1100 << 20, "available": 1004 << 20},
    ),
    Case("max-controllers", q35(policy={"max_controllers": 15}), (), {"controllers": 16, "limit": 15}),
    Case("max-depth", q35(policy={"max_depth": 2}), ("disk0", "disk1", "old1"), {"depth": 3, "limit": 2}),
]

PROPERTIES = [
    Case("chassis", in_q35("dn1", properties={"chassis": 1, "slot": 256}), ("rp1", "dn1"), {"chassis": 1, "slot": 0}),
    Case("chassis", in_q35("rp9", properties={"chassis": 256}), ("rp9",), {"chassis": 256, "slot": 0}),
    Case("chassis-nr", in_pc("br2", properties={"chassis_nr": 16}), ("br2", "pxb1"), {"chassis_nr": 16}),
    Case("chassis-nr", in_pc("br2", properties={"chassis_nr": 0}), ("br2",), {"chassis_nr": 0}),
    Case("chassis-nr", in_pc("br2", properties={"chassis_nr": 3}), ("br2", "br3"), {"chassis_nr": 3}),
    Case("eject", protected_ports("off", "off"), ("rp2",), {"hotplug": "off"}),
    Case("eject", protected_ports("on", "on"), ("rp1",), {"hotplug": "on"}),
    Case("eject", protected_pc("pci.0:02", root_hotplug=True), ("pci.0",), {"hotplug": "on"}),
    Case("ejectable", protected_pc("br1:02"), ("nic0",), {"bus": "br1"}, severity="warning"),
    Case("shpc", in_pc("br1", properties={"shpc": "off"}), ("br1",), {"reason": "IO device"}),
    Case("shpc", in_pc("br2", properties={"shpc": "off"}), ("br2",), {"reason": "spare slot"}),
    Case(
        "shpc",
        more("pc", controllers=[bridge("br4", "pxb1:03", 4, "off", numa=1)]),
        ("br4",),
        {"reason": "below an expander"},
    ),
    Case("shpc", in_q35("br1", properties={"shpc": False}), ("br1",), {"reason": "IO device"}),
    Case("controller-properties", in_q35("rp10", properties={"io-reserve": 5000}), ("rp10",), {"io-reserve": 5000}),
    Case("controller-properties", in_pc("br1", properties={"shpc": "banana"}), ("br1",), {"shpc": "banana"}),
    Case(
        "controller-properties",
        in_q35("dn1", properties={"io-reserve": 4096}),
        ("dn1",),
        {"io-reserve": 4096},
        beside=("as-requested",),
    ),
    Case("reserves", in_q35("rp10", properties={"mem-reserve": "3M"}), ("rp10",), {"mem-reserve": 3 << 20}),
    Case("reserves", in_q35("rp6", properties={"pref64-reserve": "1025M"}), ("rp6",), {"pref64-reserve": 1025 << 20}),
    Case("reserves", in_q35("rp4", properties={"io-reserve": 0}), ("rp4",), {"io-reserve": 0, "io": 64}),
    Case(
        "reserves",
        in_q35("rp2", properties={"bus-reserve": 3}),
        ("rp2",),
        {"bus-reserve": 3, "buses": 3},
        beside=("as-requested",),
    ),
    Case(
        "reserves",
        in_q35("rp6", properties={"pref32-reserve": 4096}),
        ("rp6",),
        {"pref32-reserve": 4096, "pref64-reserve": 1 << 30},
        beside=("as-requested",),
    ),
]


def wasteful(model: str, place: str, **guest: Any) -> Pair:
    return pair(
        {
            "machine": "q35",
            "controllers": [{"id": "rp1", "model": "pcie-root-port", "address": "pcie.0:02.0"}],
            "devices": [{"id": "dev0", "model": model, "address": place, **guest}],
        },
        {"controllers": [port("rp1", "pcie.0:02", 1)], "devices": [device("dev0", model, place)]},
    )


def on_pc_without_acpi() -> Pair:
    """A device that would rather be hot-pluggable, on a root bus that takes none."""
    return pair(
        {"machine": "pc", "chipset": {"acpi": False}, "devices": [{"id": "dev0", "model": "nvme"}]},
        {"controllers": [], "devices": [device("dev0", "nvme", "pci.0:03")]},
    )


def port_on_pc() -> Pair:
    """A port with a device behind it, as the request pins both."""
    return pair(
        {
            "machine": "pc",
            "controllers": [{"id": "rp1", "model": "ioh3420", "address": "pci.0:03"}],
            "devices": [{"id": "dev0", "model": "nvme", "address": "rp1:00"}],
        },
        {
            "controllers": [port("rp1", "pci.0:03", 1, model="ioh3420")],
            "devices": [device("dev0", "nvme", "rp1:00")],
        },
    )


def without_acpi_bridges(**guest: Any) -> Pair:
    """A machine whose conventional bridges hot-plug by SHPC alone, with one device that uses it."""
    devices = [one | {"hotplug": "never"} if one["id"] == "old1" else one for one in Q35_GUEST["devices"]]
    request = Q35_GUEST | {"machine": "pc-q35-6.0", "devices": devices, "spare": []} | guest
    return pair(request, Q35_LAYOUT | {"spare": []})


def on_machine(name: str) -> Pair:
    """The q35 guest, on a machine type of that name."""
    return pair(Q35_GUEST | {"machine": name}, Q35_LAYOUT | {"machine": name})


def host_card(**fields: Any) -> Pair:
    """Two functions of one card of the host in different slots."""
    hosts = [{"host": f"0000:17:00.{number}"} for number in (0, 1)]
    asked = {"model": "vfio-pci", "connect": "express", "hotplug": "never", "bars": [], **fields}
    return pair(
        {"machine": "q35", "devices": [{"id": f"gpu{n}", "properties": host, **asked} for n, host in enumerate(hosts)]},
        {
            "controllers": [port(f"rp{n}", f"pcie.0:0{n}", n) for n in (1, 2)],
            "devices": [
                device(f"gpu{n}", "vfio-pci", f"rp{n + 1}:00", properties=host, bars=[]) for n, host in enumerate(hosts)
            ],
        },
    )


def unknown_bars() -> Pair:
    """The first of them alone, which nobody has looked up."""
    guest, layout = host_card(unknown_bars=True)
    alone = guest.model_dump() | {"devices": [guest.devices[0].model_dump()]}
    kept = {"controllers": [layout.controllers[0].model_dump()], "devices": [layout.devices[0].model_dump()]}
    return pair(alone, kept)


def large_bars(number: int, gib: int, version: str, **platform: Any) -> Pair:
    """So many ports, each with a device that has a BAR of that size, with that SeaBIOS."""
    card = {"bars": [{"bar": 2, "kind": "mem64", "size": gib << 30, "prefetchable": True}]}
    firmware = {"name": "seabios", "version": version}
    names = [f"gpu{n}" for n in range(1, number + 1)]
    cards = [{"id": name, "model": "vfio-pci", "connect": "express", "hotplug": "never", **card} for name in names]
    there = [device(name, "vfio-pci", f"rp{n}:00", **card) for n, name in enumerate(names, 1)]
    return pair(
        {"machine": "q35", "firmware": firmware, "devices": cards, **platform},
        {
            "firmware": firmware,
            "controllers": [port(f"rp{n}", f"pcie.0:0{n}", n) for n in range(1, number + 1)],
            "devices": there,
        },
    )


WARNINGS = [
    Case("wasteful-pin", wasteful("nvme", "pcie.0:05", hotplug="never"), ("dev0",), {"express-on-root": 4}, "warning"),
    Case(
        "wasteful-pin", wasteful("e1000", "pcie.0:05", hotplug="preferred"), ("dev0",), {"hotplug-unmet": 8}, "warning"
    ),
    Case("wasteful-pin", wasteful("e1000", "rp1:00"), ("dev0",), {"io-window": 4096}, "warning"),
    Case(
        "shpc-driver",
        more("pc", controllers=[bridge("br4", "pxb1:03", 4, numa=1)], spare=[{"kind": "pci", "bus": "br4", "slot": 1}]),
        ("br4",),
        {"bus": "br4", "slot": 1},
        "warning",
    ),
    Case("shpc-driver", without_acpi_bridges(), ("old0",), {"bus": "p2p1"}, "warning"),
    Case("no-acpi", on_pc_without_acpi(), ("dev0",), {}, "warning"),
    Case("express-on-pc", port_on_pc(), ("rp1",), {}, "warning"),
    Case(
        "no-acpi",
        without_acpi_bridges(machine="q35", chipset={"acpi": False}),
        ("old0",),
        {},
        "warning",
        ("shpc-driver",),
    ),
    Case(
        "host-files",
        in_q35("net0", properties={"romfile": "/etc/passwd"}),
        ("net0",),
        {"romfile": "/etc/passwd"},
        "warning",
        beside=("as-requested",),
    ),
    Case("companion-order", amd_iommu("pcie.0:02", address="pcie.0:01"), ("iommu0",), {"after": 1}, "warning"),
    Case("unknown-iommu-group", unsaid(2), ("host0", "host1"), {}, "warning", beside=("caching-mode",)),
    Case("caching-mode", unsaid(1), ("host0",), {}, "warning"),
    Case(
        "boot-disk",
        pair(
            {"machine": "pc", "devices": [{"id": "new", "model": "nvme"}, {"id": "old", "model": "nvme"}]},
            {"controllers": [], "devices": [device("new", "nvme", "pci.0:02"), device("old", "nvme", "pci.0:03")]},
        ),
        ("old",),
        {"before": "old", "now": "new"},
        "warning",
        previous=pair({"machine": "pc"}, {"controllers": [], "devices": [device("old", "nvme", "pci.0:03")]}).layout,
    ),
    Case(
        "iommu-platform",
        pair(
            {"machine": "q35", "needs": ["viommu"], "devices": [{"id": "net0", "model": "virtio-net"}]},
            {
                "controllers": [port("rp1", "pcie.0:01", 1)],
                "devices": [
                    device("net0", "virtio-net", "rp1:00", driver="virtio-net-pci-non-transitional", virtio="modern")
                ],
            },
        ),
        ("net0",),
        {"missing": "iommu_platform=on"},
        "warning",
    ),
    Case(
        "firmware-version",
        q35(firmware={"name": "seabios", "version": "1.15.0"}),
        (),
        {"firmware": "seabios", "version": "1.15.0"},
        "warning",
    ),
    Case("qemu-version", q35(qemu="8.2"), (), {"qemu": "8.2", "as": "7.2"}, "warning"),
    Case("split-card", host_card(), ("gpu0", "gpu1"), {"host": "0000:17:00"}, "warning"),
    Case("unknown-bars", unknown_bars(), ("gpu0",), {"host": "0000:17:00.0"}, "warning"),
    Case("unread-input", q35(unread=["-vga std"]), (), {"input": "-vga std"}, "warning"),
    Case(
        "machine-version",
        on_machine("pc-q35-jammy"),
        (),
        {
            "machine": "pc-q35-jammy",
            "upstream": "pc-q35-6.2",
            "as": "which version Ubuntu made it from was not read in its source",
        },
        "warning",
    ),
    Case(
        "host-cpu",
        q35(firmware="seabios:1.16.3", cpu={"host": True, "vendor": "intel"}),
        (),
        {"unsaid": "phys_bits", "vendor": "intel", "phys_bits": 40},
        "warning",
    ),
    Case("out-of-reach", large_bars(1, 1024, "1.16.2"), ("rp1", "gpu1"), {"phys_bits": 40}, "warning"),
    Case(  # below AMD's reserved addresses, the last of them where RAM ends
        "out-of-reach", large_bars(3, 128, "1.16.3", memory=256 << 30), ("rp3", "gpu3"), {"phys_bits": 40}, "warning"
    ),
]

CASES = [*STANDING, *ADDRESSES, *CONNECTIONS, *NEEDS, *PRESET, *CAPACITIES, *PROPERTIES, *WARNINGS]
