"""Rules hotplug, numa, near, near-switch, order, spare."""

from typing import Any

import pytest

from ..ask import (
    Case,
    Data,
    NoCase,
    Trio,
    Trios,
    above,
    check_trio,
    costs,
    device,
    devices,
    host,
    models,
    only,
    pc,
    planned,
    policy,
    q35,
    refused,
    seats,
)

ALONE = policy(max_controllers=0)


def limit(controllers: int) -> Data:
    return policy(max_controllers=controllers)


OVMF_2025 = {"name": "ovmf", "version": "2025.02"}
BEHIND_IOH3420 = [device("rp", "ioh3420"), device("p2p", "pcie-pci-bridge", address="rp:00")]
NVME = device("a", "nvme", hotplug="required")
RTL = device("a", "rtl8139", hotplug="required")
PXB = device("pxb", "pxb", address="pci.0:02.0")
NO_ACPI = {"chipset": {"acpi": False}}
ROOT_OFF = {"chipset": {"root_hotplug": False}}
SWITCHED = [device("a", "nvme", hotplug="required", near_switch=["b"]), device("b", "nvme", hotplug="required")]


def near(**rest: Any) -> list[Data]:
    return [device("a", "nvme", near=["b"]), device("b", "nvme", **rest)]


MIXED = [device("disk", "virtio-blk"), device("nic", "e1000")]
PAIR = [device("a", "e1000", hotplug="required"), device("b", "e1000", hotplug="required")]
LISTED_PORTS = [
    device("r", "pcie-root-port", address="pcie.0:02.0"),
    device("s", "pcie-root-port", address="pcie.0:03.0"),
]

GUARDED = {"policy": {"eject": "protect"}}
COLD, HOT = device("a", "nvme", hotplug="never"), device("nic", "e1000", hotplug="required")

TRIOS: Trios = {
    ("eject", "a port of its own"): Trio(
        Case(q35(COLD, **GUARDED), {"a": "rp1:00.0"}, {"rp1": {"properties": {"hotplug": False}}}),
        NoCase("a port is turned off for those alone that need no hot-plug"),
        Case(
            q35(COLD, device("b", "nvme"), **GUARDED),
            {"a": "rp1:00.0", "b": "rp2:00.0"},
            {"rp1": {"properties": {"chassis": 1, "port": 8, "hotplug": False}}, "rp2": {"properties": {"chassis": 2}}},
        ),
    ),
    ("eject", "all of pci.0"): Trio(
        Case(pc(device("a", "e1000", hotplug="never"), **GUARDED), {"a": "pci.0:02.0"}),
        pc(HOT | {"address": "pci.0:05.0"}, **GUARDED),
        Case(pc(HOT, **GUARDED), {"nic": "br1:01.0"}),
    ),
    ("order", "what is behind ports changes places"): Trio(
        Case(q35(*MIXED, order=["disk", "nic"]), {"disk": "rp1:00.0", "p2p1": "rp2:00.0"}),
        q35(MIXED[0] | {"hotplug": "required"}, MIXED[1] | {"address": "pcie.0:05.0"}, order=["disk", "nic"]),
        Case(q35(*MIXED, order=["nic", "disk"]), {"disk": "rp2:00.0", "p2p1": "rp1:00.0"}),
    ),
    ("order", "slots of one bus"): Trio(
        Case(pc(*PAIR, order=["a", "b"]), {"a": "pci.0:02.0", "b": "pci.0:03.0"}),
        pc(PAIR[0] | {"address": "pci.0:0a.0"}, PAIR[1] | {"address": "pci.0:09.0"}, order=["a", "b"]),
        Case(pc(*PAIR, order=["b", "a"]), {"a": "pci.0:03.0", "b": "pci.0:02.0"}),
    ),
    ("order", "what is below one bridge comes in one piece"): Trio(
        Case(q35(*PAIR, NVME | {"id": "n"}, order=["a", "b", "n"]), {"n": "rp2:00.0"}),
        q35(*PAIR, NVME | {"id": "n"}, order=["a", "n", "b"], policy=limit(4)),
        Case(
            q35(*PAIR, NVME | {"id": "n"}, order=["a", "n", "b"], policy=limit(5)), {"a": "p2p1:01.0", "b": "p2p2:01.0"}
        ),
    ),
    ("order", "ports that are pinned"): Trio(
        Case(
            q35(
                NVME | {"address": "r:00"},
                NVME | {"id": "b", "address": "s:00"},
                controllers=LISTED_PORTS,
                order=["a", "b"],
            )
        ),
        q35(
            NVME | {"address": "r:00"},
            NVME | {"id": "b", "address": "s:00"},
            controllers=LISTED_PORTS,
            order=["b", "a"],
        ),
        Case(
            q35(NVME | {"address": "r:00"}, NVME | {"id": "b"}, controllers=LISTED_PORTS, order=["a", "b"]),
            {"b": "s:00"},
        ),
    ),
    ("hotplug", "a port"): Trio(
        Case(q35(NVME), {"a": "rp1:00.0"}),
        q35(NVME, policy=ALONE),
        Case(q35(NVME, reserve=only("01.0"), policy=limit(1)), {"a": "rp1:00.0"}),
    ),
    ("hotplug", "root bus of pc"): Trio(
        Case(pc(RTL), {"a": "pci.0:02.0"}),
        pc(RTL, **NO_ACPI, policy=ALONE),
        Case(pc(RTL, **NO_ACPI, policy=limit(1)), {"a": "br1:01.0"}),
    ),
    ("hotplug", "root bus of pc without"): Trio(
        Case(pc(RTL, **ROOT_OFF), {"a": "br1:01.0"}),
        pc(RTL, **ROOT_OFF, policy=ALONE),
        Case(pc(device("a", "rtl8139", hotplug="never"), **ROOT_OFF, policy=ALONE), {"a": "pci.0:02.0"}),
    ),
    ("hotplug", "port without"): Trio(
        Case(q35(NVME, controllers=[device("rp", "pcie-root-port")]), {"a": "rp:00.0"}),
        q35(NVME, controllers=[device("rp", "pcie-root-port", hotplug="off")], policy=limit(1)),
        Case(
            q35(NVME, controllers=[device("rp", "pcie-root-port", hotplug="off")], policy=limit(2)), {"a": "rp1:00.0"}
        ),
    ),
    ("hotplug", "shpc"): Trio(
        Case(pc(RTL, controllers=[device("br", "pci-bridge", address="pci.0:02.0")], **NO_ACPI), {"a": "br:01.0"}),
        pc(
            RTL,
            controllers=[device("br", "pci-bridge", address="pci.0:02.0", properties={"shpc": "off"})],
            **NO_ACPI,
            policy=limit(1),
        ),
        Case(
            pc(
                device("a", "virtio-rng", virtio="modern", hotplug="required"),
                controllers=[device("br", "pci-bridge", address="pci.0:02.0", properties={"shpc": "off"})],
                reserve=only("02.0", machine="pc"),
                policy=limit(1),
            ),
            {"a": "br:01.0"},
        ),
    ),
    ("hotplug", "expander bus"): Trio(
        Case(pc(RTL | {"numa": 0}, numa_nodes=1)),
        pc(RTL | {"numa": 0}, numa_nodes=1, policy=limit(1)),
        Case(pc(RTL | {"numa": 0, "hotplug": "never"}, numa_nodes=1, policy=limit(1)), {"a": "pxb1:00.0"}),
    ),
    ("hotplug", "dmi bridge"): Trio(
        Case(
            q35(RTL | {"hotplug": "never"}, controllers=[device("br", "i82801b11-bridge")], reserve=only("01")),
            {"a": "br"},
        ),
        q35(RTL, controllers=[device("br", "i82801b11-bridge")], policy=limit(1)),
        Case(q35(RTL, controllers=[device("br", "i82801b11-bridge")], policy=limit(2)), {"a": "br1:01.0"}),
    ),
    ("hotplug", "pinned"): Trio(
        Case(q35(NVME | {"address": "rp:00"}, controllers=[device("rp", "pcie-root-port")]), {"a": "rp:00.0"}),
        q35(NVME | {"address": "pcie.0:05"}),
        Case(q35(NVME | {"address": "pcie.0:05", "hotplug": "preferred"}), {"a": "pcie.0:05.0"}),
    ),
    ("hotplug", "alone"): Trio(
        Case(pc(RTL, device("b", "AC97"), reserve=only("02", "03", machine="pc"), policy=ALONE)),
        pc(RTL, device("b", "AC97"), reserve=only("02", machine="pc"), policy=ALONE),
        Case(
            pc(RTL | {"group": "g"}, device("b", "AC97", group="g"), reserve=only("02", machine="pc"), policy=ALONE),
            {"a": "pci.0:02.0", "b": "pci.0:02.1"},
        ),
    ),
    ("hotplug", "function 0"): Trio(
        Case(pc(RTL | {"address": ".0"}), {"a": "pci.0:02.0"}),
        # somebody else might fill it, but then it is not alone
        pc(RTL | {"address": ".1"}, device("b", "AC97", address=".0"), reserve=only("02", machine="pc"), policy=ALONE),
        Case(
            pc(RTL | {"address": ".1", "group": "g"}, device("b", "AC97", group="g")),
            {"a": "pci.0:02.1", "b": "pci.0:02.0"},
        ),
    ),
    ("numa", "an expander"): Trio(
        Case(q35(NVME | {"numa": 1}, numa_nodes=2), {"a": "rp1:00.0", "rp1": "pxb1:00.0"}),
        q35(NVME | {"numa": 1}, numa_nodes=2, policy=limit(1)),
        Case(
            q35(
                NVME | {"numa": 1},
                numa_nodes=2,
                controllers=[device("x", "pxb-pcie", numa=0), device("y", "pxb-pcie", numa=1)],
                policy=limit(3),
            ),
            {"rp1": "y:00.0"},
        ),
    ),
    ("hotplug", "below an expander of pc-q35-6.1"): Trio(
        Case(q35(NVME | {"hotplug": "required"}) | {"machine": "pc-q35-6.1"}),
        q35(NVME | {"hotplug": "required", "numa": 0}, numa_nodes=1) | {"machine": "pc-q35-6.1"},
        # SHPC works there
        Case(
            q35(RTL | {"hotplug": "required", "numa": 0}, numa_nodes=1) | {"machine": "pc-q35-6.1"},
            {"a": "p2p1", "rp1": "pxb1:00.0"},
        ),
    ),
    ("numa", "pinned"): Trio(
        Case(
            pc(
                RTL | {"numa": 0, "address": "pxb:03", "hotplug": "never"},
                controllers=[PXB | {"numa": 0}],
                numa_nodes=1,
            )
        ),
        pc(RTL | {"numa": 0, "address": "pci.0:03"}, controllers=[PXB | {"numa": 0}], numa_nodes=1),
        Case(
            pc(
                RTL | {"numa": 0, "address": "br:03"},
                controllers=[PXB | {"numa": 0}, device("br", "pci-bridge", address="pxb:00.0")],
                numa_nodes=1,
            )
        ),
    ),
    ("numa", "controller"): Trio(
        Case(q35(controllers=[device("rp", "pcie-root-port", numa=0)], numa_nodes=1), {"rp": "pxb1:00.0"}),
        q35(controllers=[device("rp", "pcie-root-port", numa=0)], numa_nodes=1, policy=limit(1)),
        Case(
            q35(controllers=[device("rp", "pcie-root-port", numa=0)], numa_nodes=1, policy=limit(2)),
            {"rp": "pxb1:00.0"},
        ),
    ),
    ("near", "on one node"): Trio(
        Case(q35(*near())),
        q35(device("a", "nvme", near=["b"], numa=0), device("b", "nvme", numa=1), numa_nodes=2),
        Case(q35(*near(numa=1), numa_nodes=2), {"rp1": "pxb1:00", "rp2": "pxb1:00", "a": "rp1", "b": "rp2"}),
    ),
    ("near", "pinned"): Trio(
        Case(q35(*near(address="pcie.0:05"))),
        q35(device("a", "nvme", near=["b"], numa=0), device("b", "nvme", address="pcie.0:05"), numa_nodes=1),
        Case(
            q35(
                *near(address="rp:00"),
                numa_nodes=1,
                controllers=[device("x", "pxb-pcie", numa=0), device("rp", "pcie-root-port", address="x:00.0")],
            ),
            {"rp1": "x:", "a": "rp1:00.0"},
        ),
    ),
    ("near", "two expanders of one node"): Trio(
        Case(
            q35(*near(), controllers=[device("x", "pxb-pcie", numa=0), device("y", "pxb-pcie", numa=0)], numa_nodes=1)
        ),
        q35(
            device("a", "nvme", near=["b"], address="rx:00"),
            device("b", "nvme", address="ry:00"),
            controllers=[
                device("x", "pxb-pcie", numa=0),
                device("y", "pxb-pcie", numa=0),
                device("rx", "pcie-root-port", address="x:00.0"),
                device("ry", "pcie-root-port", address="y:00.0"),
            ],
            numa_nodes=1,
        ),
        Case(
            q35(
                device("a", "nvme", near=["b"], address="rx:00"),
                device("b", "nvme", numa=0),
                controllers=[
                    device("x", "pxb-pcie", numa=0),
                    device("y", "pxb-pcie", numa=0),
                    device("rx", "pcie-root-port", address="x:00.0"),
                    device("ry", "pcie-root-port", address="y:00.0"),
                ],
                numa_nodes=1,
            ),
            {"rp1": "x:"},
        ),
    ),
    ("near-switch", "one switch"): Trio(
        # root port, upstream port, two downstream ports
        Case(q35(*SWITCHED), {"a": "dp1:00.0", "b": "dp2:00.0"}),
        q35(*SWITCHED, policy=limit(3)),
        Case(q35(*SWITCHED, controllers=[device("sw", "x3130-upstream")], policy=limit(4)), {"dp1": "sw:00.0"}),
    ),
    ("near-switch", "pinned"): Trio(
        Case(
            q35(
                SWITCHED[0],
                SWITCHED[1] | {"address": "dp:00"},
                controllers=[device("sw", "x3130-upstream"), device("dp", "xio3130-downstream", address="sw:03.0")],
            ),
            {"a": "dp1:00.0", "dp1": "sw:"},
        ),
        q35(SWITCHED[0], SWITCHED[1] | {"address": "rp:00"}, controllers=[device("rp", "pcie-root-port")]),
        Case(
            q35(
                SWITCHED[0] | {"address": "dpa:00"},
                SWITCHED[1] | {"address": "dpb:00"},
                controllers=[
                    device("sw", "x3130-upstream"),
                    device("dpa", "xio3130-downstream", address="sw:00.0"),
                    device("dpb", "xio3130-downstream", address="sw:00.1"),
                ],
            )
        ),
    ),
    ("spare", "pcie"): Trio(
        Case(q35(spare={"pcie": 2})),
        q35(spare={"pcie": 1}, policy=ALONE),
        Case(
            q35(spare={"pcie": 2}, reserve=only("01.0", "01.3"), policy=limit(2)),
            {"rp1": "pcie.0:01.0", "rp2": "pcie.0:01.3"},
        ),
    ),
    ("spare", "port without hot-plug"): Trio(
        Case(q35(spare={"pcie": 1}, controllers=[device("rp", "pcie-root-port")], policy=limit(1))),
        q35(spare={"pcie": 1}, controllers=[device("rp", "pcie-root-port", hotplug="off")], policy=limit(1)),
        Case(q35(spare={"pcie": 1}, controllers=[device("rp", "pcie-root-port", hotplug="off")], policy=limit(2))),
    ),
    ("spare", "reserve"): Trio(
        Case(q35(spare=[{"kind": "pcie", "io": 256}])),
        q35(spare=[{"kind": "pcie", "io": 256}], controllers=[device("rp", "ioh3420")], policy=limit(1)),
        Case(q35(spare=[{"kind": "pcie"}], controllers=[device("rp", "ioh3420")], policy=limit(1))),
    ),
    ("spare", "reserve switched off"): Trio(
        Case(q35(spare=[{"kind": "pcie"}], controllers=[device("rp", "pcie-root-port", properties={"io-reserve": 0})])),
        q35(
            spare=[{"kind": "pcie", "io": 256}],
            controllers=[device("rp", "pcie-root-port", properties={"io-reserve": 0})],
            policy=limit(1),
        ),
        Case(
            q35(
                spare=[{"kind": "pcie", "io": 256}],
                controllers=[device("rp", "pcie-root-port", properties={"io-reserve": 4096})],
                policy=limit(1),
            )
        ),
    ),
    ("spare", "pci"): Trio(
        Case(pc(spare={"pci": 30}, policy=ALONE)),
        pc(spare={"pci": 31}, policy=ALONE),
        Case(pc(spare={"pci": 31}, policy=limit(1))),
    ),
    ("spare", "pci on q35"): Trio(
        Case(q35(spare={"pci": 1})),
        q35(spare={"pci": 1}, policy=limit(1)),
        Case(q35(spare={"pci": 31}, policy=limit(2))),
    ),
    # what a port keeps does not reach a pcie-pci-bridge: it has what the firmware forwards by itself, nothing by OVMF
    # since 202308
    ("spare", "pci, nothing kept at the port"): Trio(
        Case(q35(spare=[{"kind": "pci", "io": 64}], firmware=OVMF_2025)),
        q35(
            spare=[{"kind": "pci", "io": 64}],
            controllers=[
                device("rp", "pcie-root-port", properties={"io-reserve": 4096}),
                device("p2p", "pcie-pci-bridge", address="rp:00"),
            ],
            firmware=OVMF_2025,
            policy=limit(2),
        ),
        Case(
            q35(
                device("n", "rtl8139", hotplug="required"),
                spare=[{"kind": "pci", "io": 64}],
                firmware=OVMF_2025,
                policy=limit(2),
            )
        ),
    ),
    ("spare", "pci, memory behind a pcie-pci-bridge"): Trio(
        Case(q35(spare=[{"kind": "pci", "memory": "1MiB"}])),
        q35(
            spare=[{"kind": "pci", "memory": "1MiB"}],
            controllers=[device("rp", "pcie-root-port", properties={"mem-reserve": "8MiB"})],
            policy=limit(2),
        ),
        Case(q35(spare=[{"kind": "pci", "memory": "1MiB"}], policy=limit(3)), {}, {"br1": {"bus": "p2p1"}}),
    ),
    ("spare", "pci, in the page of an SHPC bridge"): Trio(
        Case(
            q35(spare=[{"kind": "pci", "io": 64}], controllers=BEHIND_IOH3420, firmware="ovmf:2022.11", policy=limit(2))
        ),
        q35(spare=[{"kind": "pci", "io": 4096, "count": 2}], controllers=BEHIND_IOH3420, policy=limit(2)),
        Case(q35(spare=[{"kind": "pci", "io": 2048, "count": 2}], controllers=BEHIND_IOH3420, policy=limit(2))),
    ),
    ("spare", "pci, beside devices in their last page"): Trio(
        Case(
            q35(
                host("h", "conventional", io=2048, address="p2p:01.0"),
                spare=[{"kind": "pci", "io": 2048}],
                controllers=BEHIND_IOH3420,
                policy=limit(2),
            )
        ),
        q35(
            host("h", "conventional", io=2048, address="p2p:01.0"),
            spare=[{"kind": "pci", "io": 4096}],
            controllers=BEHIND_IOH3420,
            policy=limit(2),
        ),
        Case(
            q35(
                host("h", "conventional", io=2048, address="p2p:01.0"),
                spare=[{"kind": "pci", "io": 4096}],
                controllers=BEHIND_IOH3420,
            ),
            {"p2p": "rp:00.0"},
        ),
    ),
    ("spare", "pci, what the request says of a reserve stands"): Trio(
        Case(
            pc(
                spare=[{"kind": "pci", "io": 4096, "count": 2}],
                controllers=[device("br", "pci-bridge", address="pci.0:03", properties={"io-reserve": 8192})],
                reserve=only("03", machine="pc"),
            )
        ),
        pc(
            spare=[{"kind": "pci", "io": 4096, "count": 2}],
            controllers=[device("br", "pci-bridge", address="pci.0:03", properties={"io-reserve": 4096})],
            reserve=only("03", machine="pc"),
            policy=limit(1),
        ),
        Case(
            pc(
                spare=[{"kind": "pci", "io": 2048, "count": 2}],
                controllers=[device("br", "pci-bridge", address="pci.0:03", properties={"io-reserve": 4096})],
                reserve=only("03", machine="pc"),
                policy=limit(1),
            )
        ),
    ),
    ("spare", "pci, memory that the request states"): Trio(
        Case(pc(spare=[{"kind": "pci", "memory": "2MiB"}], reserve=only("03", machine="pc"))),
        pc(
            spare=[{"kind": "pci", "memory": "2MiB"}],
            controllers=[device("br", "pci-bridge", address="pci.0:03", properties={"mem-reserve": 1 << 20})],
            reserve=only("03", machine="pc"),
            policy=limit(1),
        ),
        Case(
            pc(
                spare=[{"kind": "pci", "memory": "2MiB"}],
                controllers=[device("br", "pci-bridge", address="pci.0:03", properties={"mem-reserve": 2 << 20})],
                reserve=only("03", machine="pc"),
                policy=limit(1),
            )
        ),
    ),
    ("spare", "node"): Trio(
        Case(q35(spare=[{"kind": "pcie", "numa": 0}], numa_nodes=1), {"rp1": "pxb1:00.0"}),
        q35(spare=[{"kind": "pcie", "numa": 0}], numa_nodes=1, policy=limit(1)),
        Case(
            q35(
                spare=[{"kind": "pcie", "numa": 0}],
                controllers=[device("x", "pxb-pcie", numa=0)],
                numa_nodes=1,
                policy=limit(2),
            )
        ),
    ),
}


@pytest.mark.parametrize("key", TRIOS, ids=", ".join)
def test_rule(key: tuple[str, str]) -> None:
    check_trio(key[0], TRIOS[key])


def test_shpc_is_enough_and_warned_of() -> None:
    """Below expanders, and where ACPI does no bridge hot-plug."""
    below = planned(pc(RTL | {"numa": 0}, numa_nodes=1))
    assert above(below, "a") == ["pci-bridge", "pxb"]
    assert [finding.rule for finding in below.warnings] == ["shpc-driver"]
    old = planned(q35(RTL) | {"machine": "pc-q35-6.0"})
    assert above(old, "a") == ["pcie-pci-bridge", "pcie-root-port"]
    assert [finding.rule for finding in old.warnings] == ["shpc-driver"]
    assert planned(q35(RTL)).warnings == ()


def test_conventional_spare_slots_reserve_on_their_bridge() -> None:
    """Beside what is there: 16 interfaces fill a page of IO, and 16 MiB of memory. Behind a pcie-pci-bridge nothing
    is kept, so that on q35 the bridge with the spare slot is inside one."""
    bars = [{"bar": 0, "kind": "io", "size": 256}, {"bar": 1, "kind": "mem32", "size": 1 << 20}]
    nics = devices(16, "vfio-pci", connect="conventional", bars=bars, hotplug="required")
    spare = [{"kind": "pci", "io": 256, "memory": "40MiB"}]
    full = only("02.0", machine="pc")
    inside = [device("rp", "pcie-root-port"), device("p2p", "pcie-pci-bridge", address="rp:00")]
    for data in (
        q35(*nics, spare=spare, controllers=inside, reserve=[f"p2p:{slot:02x}" for slot in range(2, 32)]),
        pc(*nics, spare=spare, reserve=full),
    ):
        reserves = {
            one.model: {name: value for name, value in one.properties.items() if "reserve" in name}
            for one in planned(data).controllers
        }
        assert reserves.pop("pci-bridge") == {"io-reserve": 8192, "mem-reserve": 64 << 20}
        assert not any(reserves.values())


def test_one_expander_serves_a_node_and_no_other_is_made() -> None:
    things = [*devices(3, "nvme", numa=1), device("v", "VGA"), device("r", "rtl8139", numa=0, hotplug="never")]
    layout = planned(q35(*things, numa_nodes=4))
    assert models(layout) == ["pcie-pci-bridge", *["pcie-root-port"] * 4, "pxb-pcie", "pxb-pcie"]
    assert sorted(c.properties["numa_node"] for c in layout.controllers if c.model == "pxb-pcie") == [0, 1]


def test_near_is_symmetric_and_spreads() -> None:
    """a - b - c, with c on a node; a group carries the wish to its members."""
    things = [
        device("a", "nvme", near=["b"]),
        device("b", "nvme", group="g"),
        device("b2", "nvme", group="g"),
        device("c", "nvme", near=["b2"], numa=0),
    ]
    layout = planned(q35(*things, numa_nodes=1))
    assert all(above(layout, name) == ["pcie-root-port", "pxb-pcie"] for name in ("a", "b", "b2", "c"))


def test_near_switch_with_shared_functions_is_cheaper_in_controllers() -> None:
    """Three controllers hold both in one slot, which costs 2 each and hot-plug 8 each; four do not."""
    pair = [device("a", "nvme", near_switch=["b"], hotplug="never"), device("b", "nvme", hotplug="never")]
    assert costs(planned(q35(*pair, policy=limit(4))))["preferences"] == 1
    assert costs(planned(q35(*pair, policy=limit(3))))["preferences"] == 1 + 2 * 2
    refused(q35(*pair, policy=limit(2)))


def test_spare_slots_state_their_reserves() -> None:
    layout = planned(q35(spare=[{"kind": "pcie", "io": 512, "memory": "3GiB"}]))
    (port,) = layout.controllers
    assert (port.properties["io-reserve"], port.properties["pref64-reserve"]) == (4096, 4 << 30)
    assert costs(layout) == {"io_windows": 4096, "controllers": 1}
    assert [(spare.kind, spare.bus, spare.slot) for spare in layout.spare] == [("pcie", "rp1", 0)]


def test_spare_slots_come_behind_everything_else() -> None:
    layout = planned(pc(*devices(3, "rtl8139"), spare={"pci": 2}))
    assert [(spare.bus, spare.slot) for spare in layout.spare] == [("pci.0", 5), ("pci.0", 6)]


def test_a_spare_slot_for_io_fills_pages_like_a_device() -> None:
    """16 interfaces of 256 bytes fill a page; the spare slot's 256 open the second one, in a bridge that keeps it."""
    layout = planned(q35(*devices(16, "rtl8139"), spare=[{"kind": "pci", "io": 256}]))
    assert costs(layout) == {"io_windows": 8192, "controllers": 3, "depth": 32}
    host_too = planned(q35(*devices(15, "rtl8139"), host("h", "conventional", 256), spare=[{"kind": "pci"}]))
    assert costs(host_too) == {"io_windows": 4096, "controllers": 2, "depth": 32}


def test_devices_sit_where_a_demanded_port_without_hotplug_offers_nothing_better() -> None:
    data = q35(device("a", "nvme"), controllers=[device("rp", "pcie-root-port", hotplug="off")], policy=limit(1))
    # behind the port: unmet 8; on pcie.0: 8 + 4
    assert costs(planned(data)) == {"preferences": 8, "controllers": 1, "depth": 1}
    assert seats(planned(data))["a"] == "rp:00.0"
