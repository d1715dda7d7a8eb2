"""Each preference reason and each term of the objective, on layouts small enough to count by hand."""

from typing import Any

import pytest

from qslot.schema import Guest, Layout
from qslot.schema.verify.context import context_of
from qslot.schema.verify.objective import objective, unmet_preferences
from qslot.schema.weights import WEIGHTS

from .good import Pair, added, changed, device, pair, pc, placed, port, q35

PAGE = 4096
P2P = placed("p2p1", "pcie-pci-bridge", "rp1:00")


def preferences(guest: Guest, layout: Layout) -> list[tuple[str, str, int]]:
    return [(one.who, one.reason, one.weight) for one in unmet_preferences(context_of(guest, layout))]


def alone(model: str, place: str, *, machine: str = "q35", **wishes: Any) -> Pair:
    """One device, on a q35 with a root port, a conventional bridge behind another and an expander, at `place`."""
    modes = {"virtio": wishes["virtio"]} if "virtio" in wishes else {}
    controllers = [
        port("rp1", "pcie.0:02", 1),
        port("rp2", "pcie.0:03", 2),
        P2P,
        placed("pxb1", "pxb-pcie", "pcie.0:04", numa=0, properties={"bus_nr": 128, "numa_node": 0}),
        port("rp3", "pxb1:00", 3, numa=0),
    ]
    return pair(
        {"machine": machine, "numa_nodes": 1, "devices": [{"id": "dev0", "model": model, **wishes}]},
        {"controllers": controllers if machine == "q35" else [], "devices": [device("dev0", model, place, **modes)]},
    )


@pytest.mark.parametrize(
    ("reason", "paying", "content"),
    [
        ("hotplug-unmet", alone("e1000", "pcie.0:05"), alone("e1000", "p2p1:01")),
        ("express-on-conventional", alone("nvme", "p2p1:01"), alone("nvme", "rp2:00")),
        (
            "express-on-root",
            alone("virtio-net", "pcie.0:05", hotplug="never"),
            alone("virtio-net", "rp2:00", hotplug="never"),
        ),
        (
            "legacy-on-port",
            alone("virtio-net", "rp2:00", virtio="transitional"),
            alone("virtio-net", "p2p1:01", virtio="transitional"),
        ),
        ("foreign-node", alone("nvme", "rp3:00"), alone("nvme", "rp3:00", numa=0)),
        ("chipset-place", alone("VGA", "p2p1:01"), alone("VGA", "pcie.0:05")),
    ],
)
def test_each_reason_is_paid_once_and_only_where_it_applies(reason: str, paying: Pair, content: Pair) -> None:
    assert preferences(*paying) == [("dev0", reason, WEIGHTS[reason])]
    assert preferences(*content) == []


def test_sharing_is_paid_by_each_device_and_also_beside_the_chipset() -> None:
    guest, layout = pc()
    assert preferences(guest, layout) == [("vga0", "shared", 2), ("balloon0", "shared", 2)]
    moved = changed(layout, "balloon0", "pci.0:01.4")
    assert preferences(guest, moved) == [("balloon0", "shared", 2)]


def test_a_group_does_not_share_with_itself() -> None:
    guest, layout = q35()
    assert not [name for name, reason, _ in preferences(guest, layout) if reason == "shared"]


def test_slot_0_of_a_conventional_bus_never_meets_a_hotplug_need() -> None:
    assert preferences(*alone("e1000", "p2p1:00")) == [("dev0", "hotplug-unmet", 8)]


def test_a_switch_is_paid_once_unless_demanded() -> None:
    guest, layout = q35()
    on_root = ("balloon0", "express-on-root", 4)
    assert preferences(guest, layout) == [on_root, ("sw1", "switch", 1)]
    demanded = q35(
        controllers=[*guest.model_dump(mode="json")["controllers"], {"id": "sw1", "model": "x3130-upstream"}]
    )
    assert preferences(*demanded) == [on_root]


def test_on_pc_nothing_is_express() -> None:
    assert preferences(*alone("nvme", "pci.0:05", machine="pc")) == []


def test_terms_of_the_q35_pair() -> None:
    """Windows: old0's p2p1 (64), old1's br1 (256) behind the same port, lan0+lan1 (64), io-reserve of rp6."""
    assert objective(*q35()) == {
        "moved": 0,
        "guest_visible": 0,
        "preferences": 1 + 4,
        "io_windows": 4 * PAGE,
        "controllers": 16,
        "depth": 1 + 3 + 3 + 1 + 2 + 3 + 2 * 1 + 2 + 0 + 0 + 0 + 0 + 1,
    }


def test_terms_of_the_pc_pair() -> None:
    """Windows: disk0's br1 (128), empty br2 for its SHPC, far0's pxb1; br3 has neither IO nor SHPC."""
    assert objective(*pc()) == {
        "moved": 0,
        "guest_visible": 0,
        "preferences": 4,
        "io_windows": 3 * PAGE,
        "controllers": 4,
        "depth": 0 + 1 + 2 + 1 + 0 + 0,
    }


def windows(pair_: Pair) -> int:
    return objective(*pair_)["io_windows"] // PAGE


def test_empty_shpc_bridges_take_a_page_with_seabios_only() -> None:
    assert windows(alone("VGA", "pcie.0:05")) == 1
    guest, layout = alone("VGA", "pcie.0:05")
    assert (
        objective(guest.model_copy(update={"firmware": q35(firmware="ovmf").guest.firmware}), layout)["io_windows"] == 0
    )


def test_io_of_one_bus_shares_pages_and_nested_windows_add_up() -> None:
    guest, layout = pc()
    assert objective(guest, changed(layout, "net0", "br1:03"))["io_windows"] == 3 * PAGE
    assert objective(guest, changed(layout, "net0", "br3:02"))["io_windows"] == 4 * PAGE


def test_io_reserve_holds_its_pages_whatever_is_below() -> None:
    guest, layout = q35()
    assert objective(guest, changed(layout, "rp4", properties={"io-reserve": "8K"}))["io_windows"] == 5 * PAGE
    assert objective(guest, changed(layout, "rp6", properties={"io-reserve": None}))["io_windows"] == 3 * PAGE


def test_spare_pci_slots_count_the_io_they_promise() -> None:
    guest, layout = pc(spare=[{"kind": "pci", "io": 4096}, {"kind": "pci"}])
    assert objective(guest, layout)["io_windows"] == 3 * PAGE
    first = layout.model_copy(update={"spare": tuple(reversed(layout.spare))})
    assert objective(guest, first)["io_windows"] == 3 * PAGE
    beside = changed(added(layout, spare=[]), "disk0", "br2:02")
    assert objective(guest, beside)["io_windows"] == 4 * PAGE


def test_every_hotpluggable_root_port_of_machine_6_1_opens_a_page() -> None:
    """Measured: no downstream port does, and no ioh3420."""
    guest, layout = q35(machine="pc-q35-6.1")
    # nine root ports on pcie.0, one of them with two pages below, and rp8 on pxb1
    assert objective(guest, layout)["io_windows"] == (9 + 1 + 1) * PAGE
    shut = changed(layout, "rp9", properties={"hotplug": "off"})
    assert objective(guest, shut)["io_windows"] == 10 * PAGE
    assert objective(guest, changed(layout, "rp9", properties={"io-reserve": 0}))["io_windows"] == 10 * PAGE
    assert objective(guest, changed(layout, "rp9", model="ioh3420"))["io_windows"] == 10 * PAGE
