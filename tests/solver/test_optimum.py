"""One guest for each kind of controller and each weight, where only it gives the optimum; values computed by hand."""

from typing import Any, NamedTuple

import pytest

from qslot.schema import Guest
from qslot.schema.verify.context import context_of
from qslot.schema.verify.objective import unmet_preferences
from qslot.schema.weights import WEIGHTS

from .ask import (
    Data,
    above,
    costs,
    device,
    devices,
    host,
    models,
    only,
    pc,
    picture,
    planned,
    policy,
    q35,
    recount,
    seats,
)

ALONE = policy(max_controllers=0)
PAGE = 4096


class Optimum(NamedTuple):
    """`costs` are the terms that are not zero; `seats` where things sit (prefixes)."""

    guest: Data
    costs: dict[str, int]
    controllers: list[str]
    seats: dict[str, str]


KINDS = {
    # an express device on its own port: nothing paid, one controller, one level
    "pcie-root-port": Optimum(
        q35(device("a", "nvme")), {"controllers": 1, "depth": 1}, ["pcie-root-port"], {"a": "rp1:00.0"}
    ),
    # a conventional one that wants hot-plug: port and bridge, one window for its IO
    "pcie-pci-bridge": Optimum(
        q35(device("a", "rtl8139")),
        {"io_windows": PAGE, "controllers": 2, "depth": 2},
        ["pcie-pci-bridge", "pcie-root-port"],
        {"a": "p2p1:01.0"},
    ),
    # slots 2 to 31 of pci.0 hold 30; the bridge takes one, so 29 + 2 devices, the two at depth 1
    "pci-bridge": Optimum(
        pc(*devices(31, "virtio-net", virtio="modern")),
        {"controllers": 1, "depth": 2},
        ["pci-bridge"],
        {"d0": "pci.0:02.0"},
    ),
    # one root function: port, upstream and two downstream ports; the switch weighs 1; depth 3 each
    "switch": Optimum(
        q35(*devices(2, "nvme"), reserve=only("01.0")),
        {"preferences": 1, "controllers": 4, "depth": 6},
        ["pcie-root-port", "x3130-upstream", "xio3130-downstream", "xio3130-downstream"],
        {"d0": "dp1:00.0", "d1": "dp2:00.0"},
    ),
    # demanded; 32 slots at depth 1 spare the port and bridge (depth 2) that cold devices would else need
    "i82801b11-bridge": Optimum(
        q35(*devices(3, "AC97"), controllers=[device("dmi", "i82801b11-bridge")], reserve=only("01")),
        {"io_windows": PAGE, "controllers": 1, "depth": 3},
        ["i82801b11-bridge"],
        {"d0": "dmi:00.0", "d1": "dmi:01.0", "d2": "dmi:02.0"},
    ),
    # demanded, and the only port there may be
    "ioh3420": Optimum(
        q35(device("a", "nvme"), controllers=[device("io", "ioh3420")]),
        {"controllers": 1, "depth": 1},
        ["ioh3420"],
        {"a": "io:00.0"},
    ),
    # node 0 without hot-plug: directly on the expander's bus, one level, one window for its IO
    "pxb": Optimum(
        pc(device("a", "rtl8139", numa=0, hotplug="never"), numa_nodes=1),
        {"io_windows": PAGE, "controllers": 1, "depth": 1},
        ["pxb"],
        {"a": "pxb1:00.0"},
    ),
    # node 0 on q35: an expander and a port on it
    "pxb-pcie": Optimum(
        q35(device("a", "nvme", numa=0), numa_nodes=1),
        {"controllers": 2, "depth": 2},
        ["pcie-root-port", "pxb-pcie"],
        {"a": "rp1:00.0", "rp1": "pxb1:00.0"},
    ),
    # cold legacy devices on the root complex: no window, no controller, nothing
    "root complex": Optimum(
        q35(*devices(30, "virtio-net", virtio="transitional", hotplug="never")),
        {},
        [],
        {"d0": "pcie.0:01.0", "d29": "pcie.0:1e.0"},
    ),
    # only the root bus takes it, and its slots are gone: a function beside the chipset, shared with it
    "chipset function": Optimum(
        q35(device("a", "virtio-iommu"), reserve=only("1f")), {"preferences": 2}, [], {"a": "pcie.0:1f.1"}
    ),
    # two slots of eight functions hold 16; all of the 14 share, whatever way they are split
    "shared slots": Optimum(
        q35(*devices(14, "AC97"), reserve=only("01", "02"), policy=ALONE), {"preferences": 14 * 2}, [], {}
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_controller(kind: str) -> None:
    expected = KINDS[kind]
    layout = planned(expected.guest)
    assert costs(layout) == expected.costs == recount(Guest.model_validate(expected.guest), layout), picture(layout)
    assert models(layout) == expected.controllers
    there = seats(layout)
    assert {name: there[name][: len(place)] for name, place in expected.seats.items()} == expected.seats


NETWORK: Data = {"id": "a", "model": "virtio-net", "virtio": "transitional"}
ONE_PORT = {"reserve": only("01.0"), "policy": policy(max_controllers=1)}
BRIDGED: dict[str, Any] = {
    "controllers": [
        device("rp", "pcie-root-port", address="pcie.0:01.0"),
        device("p2p", "pcie-pci-bridge", address="rp:00.0"),
    ],
    "reserve": only("01.0"),
    "policy": policy(max_controllers=2),
}

REASONS = {
    # on pcie.0, where nothing is hot-plugged; conventional, so nothing else is paid
    "hotplug-unmet": Optimum(q35(device("a", "rtl8139"), policy=ALONE), {"preferences": 8}, [], {"a": "pcie.0:01.0"}),
    # the bridge's bus is the only one with room; virtio-rng has no IO in a chosen modern mode, the empty bridge a page
    "express-on-conventional": Optimum(
        q35(device("a", "virtio-rng", virtio="modern"), **BRIDGED),
        {"preferences": 4, "io_windows": PAGE, "controllers": 2, "depth": 2},
        ["pcie-pci-bridge", "pcie-root-port"],
        {"a": "p2p:01.0"},
    ),
    "express-on-root": Optimum(
        q35(device("a", "virtio-rng"), policy=ALONE), {"preferences": 4}, [], {"a": "pcie.0:01.0"}
    ),
    # one port and nothing below: its legacy IO opens a window there
    "legacy-on-port": Optimum(
        q35(NETWORK, **ONE_PORT),
        {"preferences": 4, "io_windows": PAGE, "controllers": 1, "depth": 1},
        ["pcie-root-port"],
        {"a": "rp1:00.0"},
    ),
    "shared": Optimum(q35(*devices(2, "VGA"), reserve=only("01"), policy=ALONE), {"preferences": 2 * 2}, [], {}),
    # the only slot holds an expander without a node: a port below it, depth 2
    "foreign-node": Optimum(
        q35(device("a", "nvme"), controllers=[device("x", "pxb-pcie", address="pcie.0:01.0")], reserve=only("01.0")),
        {"preferences": 2, "controllers": 2, "depth": 2},
        ["pcie-root-port", "pxb-pcie"],
        {"rp1": "x:00.0"},
    ),
    # behind one bridge two IOMMU groups share an address space
    "iommu-space": Optimum(
        q35(
            *(
                device(name, "vfio-pci", connect="conventional", bars=[], iommu_group=group, hotplug="never")
                for group, name in enumerate("ab")
            ),
            needs=["viommu"],
            controllers=[device("p2p", "pcie-pci-bridge")],
            policy={"max_controllers": 2},
            reserve=only("01.0"),
        ),
        {"preferences": 2, "io_windows": PAGE, "controllers": 2, "depth": 4},
        ["pcie-pci-bridge", "pcie-root-port"],
        {"a": "p2p:"},
    ),
    "switch": KINDS["switch"],
    # the first video behind the bridge, empty of IO
    "chipset-place": Optimum(
        q35(device("a", "VGA"), **BRIDGED),
        {"preferences": 1, "io_windows": PAGE, "controllers": 2, "depth": 2},
        ["pcie-pci-bridge", "pcie-root-port"],
        {"a": "p2p:01.0"},
    ),
}


def test_every_weight_has_a_guest() -> None:
    assert set(REASONS) == set(WEIGHTS)


@pytest.mark.parametrize("reason", REASONS)
def test_weight(reason: str) -> None:
    expected = REASONS[reason]
    request = Guest.model_validate(expected.guest)
    layout = planned(request)
    assert costs(layout) == expected.costs == recount(request, layout), picture(layout)
    assert models(layout) == expected.controllers
    there = seats(layout)
    assert {name: there[name][: len(place)] for name, place in expected.seats.items()} == expected.seats
    assert layout.unmet == unmet_preferences(context_of(request, layout))
    assert {one.reason for one in layout.unmet} == {reason}


# ---- trade-offs between reasons


def test_a_shared_slot_is_cheaper_than_no_hotplug() -> None:
    """Two that prefer hot-plug and one slot of pci.0: a bridge meets both (cost 0), not a shared slot (2 * (8 + 2))."""
    layout = planned(pc(*devices(2, "rtl8139"), reserve=only("02", machine="pc")))
    assert costs(layout) == {"io_windows": PAGE, "controllers": 1, "depth": 2}
    alone = planned(pc(*devices(2, "rtl8139"), reserve=only("02", machine="pc"), policy=ALONE))
    assert costs(alone) == {"preferences": 2 * (8 + 2)}


def test_a_legacy_port_is_cheaper_than_no_hotplug() -> None:
    """With one controller, transitional virtio: behind a port 4 and a window; on pcie.0 8."""
    layout = planned(q35(NETWORK, policy=policy(max_controllers=1)))
    assert (costs(layout)["preferences"], seats(layout)["a"]) == (4, "rp1:00.0")


def test_a_chipset_place_is_cheaper_than_sharing_with_the_chipset() -> None:
    """No free slot: beside the chipset costs 2, behind a bridge 1, whatever windows and controllers that takes."""
    layout = planned(q35(device("a", "VGA"), device("b", "nvme"), reserve=only("01", "1f")))
    assert costs(layout) == {"preferences": 1, "io_windows": PAGE, "controllers": 3, "depth": 3}
    assert above(layout, "a") == ["pcie-pci-bridge", "pcie-root-port"]


def test_the_mode_follows_the_place() -> None:
    """`auto` is modern behind a port, and has no IO there; on pci.0 it is transitional."""
    behind = planned(q35(device("a", "virtio-net")))
    on_root = planned(pc(device("a", "virtio-net")))
    assert (behind.devices[0].virtio, on_root.devices[0].virtio) == ("modern", "transitional")
    assert (costs(behind), costs(on_root)) == ({"controllers": 1, "depth": 1}, {})


@pytest.mark.parametrize(("count", "controllers"), [(1, 2), (31, 2), (32, 3), (61, 3), (62, 4)])
def test_hot_pluggable_transitional_interfaces_share_windows(count: int, controllers: int) -> None:
    """32 bytes each, so a bus' 31 slots need one page; each bus with IO rounds up to its own.

    31 fill one bridge behind one port. A pci-bridge inside takes one slot: 30 + 31 on 3 controllers. For 62, which fill
    two buses to the last slot, the pci-bridge needs a slot as well: 30 + 31 + 1 on three buses would be a third page,
    so a second port and bridge it is: 4 controllers.
    """
    layout = planned(q35(*devices(count, "virtio-net", virtio="transitional")))
    assert costs(layout)["io_windows"] == -(-count // 31) * PAGE
    assert costs(layout)["controllers"] == controllers


# ---- the order of the terms

RTL = device("a", "rtl8139")
ORDERS: dict[tuple[str, ...], dict[str, int]] = {
    # a bridge: nothing unmet; a window; two controllers
    ("preferences", "io_windows", "controllers", "depth"): {"io_windows": PAGE, "controllers": 2, "depth": 2},
    # on pcie.0: no window, hot-plug unmet
    ("io_windows", "preferences", "controllers", "depth"): {"preferences": 8},
    ("controllers", "preferences", "io_windows", "depth"): {"preferences": 8},
    ("depth", "preferences", "io_windows", "controllers"): {"preferences": 8},
}


@pytest.mark.parametrize("order", ORDERS)
def test_order(order: tuple[str, ...]) -> None:
    full = ["moved", "guest_visible", *order]
    layout = planned(q35(RTL, policy=policy(order=full)))
    assert [term.term for term in layout.objective] == full
    assert costs(layout) == ORDERS[order]


def test_controllers_against_depth() -> None:
    """48 rtl8139: 3 pages; two bridges inside a third save ports but are one deeper (rules/test_capacities.py)."""
    shallow = ["moved", "guest_visible", "preferences", "io_windows", "depth", "controllers"]
    layout = planned(q35(*devices(48, "rtl8139"), policy=policy(order=shallow)))
    assert costs(layout) == {"io_windows": 3 * PAGE, "depth": 96, "controllers": 6}


def test_windows_against_controllers() -> None:
    """48 rtl8139 with controllers first and hot-plug kept: one port, one bridge, a pci-bridge in it; two pages each.

    31 slots hold 30 devices and the pci-bridge: 3 controllers hold 30 + 31. 30 + 18, 17 + 31 ... : 2 + 2 pages always.
    The fewest at depth 3: 18.
    """
    order = ["moved", "guest_visible", "preferences", "controllers", "io_windows", "depth"]
    layout = planned(q35(*devices(48, "rtl8139"), policy=policy(order=order)))
    assert costs(layout) == {"controllers": 3, "io_windows": 4 * PAGE, "depth": 30 * 2 + 18 * 3}


def test_depth_first_puts_everything_on_the_root() -> None:
    order = ["depth", "controllers", "io_windows", "preferences", "moved", "guest_visible"]
    layout = planned(q35(*devices(4, "nvme"), host("h", "hybrid"), policy=policy(order=order)))
    # each 8 + 4; there are slots enough to share none
    assert costs(layout) == {"preferences": 5 * 12}


# ---- bridges inside bridges

NO_ACPI = {"chipset": {"acpi": False}}
DRY = {"virtio": "modern", "hotplug": "required"}


def test_spare_slots_need_one_window_however_many_bridges() -> None:
    """A bridge with spare slots alone opens a page; one that holds such a bridge does not open another.

    29 slots of pci.0 and three bridges in a chain: 29 + 30 + 30 + 31 = 120 slots, two would give 90.
    """
    assert costs(planned(pc(spare={"pci": 100}))) == {"io_windows": PAGE, "controllers": 3}


@pytest.mark.parametrize(
    ("count", "controllers", "depth"),
    [
        (61, 2, 30 * 1 + 31 * 2),
        (63, 3, 30 * 1 + 30 * 2 + 3 * 3),
        (94, 4, 30 * 1 + 30 * 2 + 30 * 3 + 4 * 4),
    ],
)
def test_empty_shpc_bridges_form_a_chain(count: int, controllers: int, depth: int) -> None:
    """Without ACPI every bridge keeps its SHPC; in a chain only the innermost opens a page for being empty."""
    layout = planned(pc(*devices(count, "virtio-rng", **DRY), **NO_ACPI))
    assert costs(layout) == {"io_windows": PAGE, "controllers": controllers, "depth": depth}


def test_nested_bridges_with_io_go_to_different_bridges() -> None:
    """32 * 256 bytes fill two pages, 16 on each of two buses; with 61 spare slots that takes four bridges.

    Three would have 93 slots, one of them for a bridge. The two without IO open no page of their own only if a bridge
    with IO is somewhere below each: twice 16 at depth 2, or 16 at depth 1 and 16 at depth 3.
    """
    layout = planned(pc(*devices(32, "rtl8139"), spare={"pci": 61}, **NO_ACPI))
    assert costs(layout) == {"io_windows": 2 * PAGE, "controllers": 4, "depth": 64}


def test_as_many_spare_slots_as_a_chain_of_bridges_has() -> None:
    """29 on pci.0, 18 times 30, 31: 600. Two levels of bridges would open ten pages, and SeaBIOS has eight."""
    assert costs(planned(pc(spare={"pci": 600}))) == {"io_windows": PAGE, "controllers": 19}
