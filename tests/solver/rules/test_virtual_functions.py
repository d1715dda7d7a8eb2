"""Rules virtual-functions and sriov-pf."""

from typing import Any

import pytest

from qslot.schema import Guest
from qslot.schema.firmware.tree import tree_of
from qslot.schema.formats.placed import read_placed
from qslot.schema.formats.text_layout import tree
from qslot.schema.verify import verify

from ..ask import (
    BadInput,
    Case,
    Data,
    Trio,
    Trios,
    asked,
    check_trio,
    costs,
    device,
    devices,
    explained,
    host,
    only,
    pc,
    planned,
    policy,
    q35,
    refused,
    seats,
)

IGB = device("a", "igb", hotplug="never")
ONE_PORT = {"controllers": [device("rp", "pcie-root-port", address="pcie.0:02.0")], "policy": policy(max_controllers=1)}


def without_ports(*things: Data, **rest: Any) -> Data:
    """A q35 on which nothing is created, so that all are on pcie.0."""
    return q35(*things, policy=policy(max_controllers=0), **rest)


def disk(name: str, number: int, **rest: Any) -> Data:
    """An nvme with so many virtual functions."""
    return device(name, "nvme", vfs=number, **{"hotplug": "never", **rest})


def card(*virtual: str, **rest: str) -> list[Data]:
    """A virtio device and its virtual functions, as one group."""
    pf = device("pf", "virtio-net", group="card", **rest)
    return [pf, *(device(one, "virtio-net", group="card", properties={"sriov-pf": "pf"}) for one in virtual)]


def pinned_card(*places: str) -> list[Data]:
    """The same behind port `rp`, each at its place, without a group."""
    pf, *virtual = (device(f"v{n}", "virtio-net", address=f"rp:{place}") for n, place in enumerate(places))
    return [{**pf, "id": "pf"}, *({**one, "properties": {"sriov-pf": "pf"}} for one in virtual)]


TRIOS: Trios = {
    ("virtual-functions", "slots of igb's"): Trio(
        Case(q35(*devices(2, "igb", address="pcie.0:03.0")[:1], device("b", "igb", address="pcie.0:05.0"))),
        q35(device("a", "igb", address="pcie.0:03.0"), device("b", "igb", address="pcie.0:04.0")),
        # by itself: behind a port, where there is nobody else
        Case(q35(device("a", "igb", address="pcie.0:03.0"), device("b", "igb")), {"b": "rp1:00.0"}),
    ),
    ("virtual-functions", "a neighbour in their place"): Trio(
        Case(q35(device("a", "igb", address="pcie.0:03.0"), device("b", "edu", address="pcie.0:15.0"))),
        q35(device("a", "igb", address="pcie.0:03.0"), device("b", "edu", address="pcie.0:14.0")),
        # what is not pinned keeps off: 13 and 14 are closed
        Case(
            q35(
                device("a", "igb", hotplug="never", address="pcie.0:03.0"),
                device("b", "edu"),
                reserve=only("03", "13", "14", "15"),
                policy=policy(max_controllers=0),
            ),
            {"b": "pcie.0:15.0"},
        ),
    ),
    ("virtual-functions", "function 0 that is virtual"): Trio(
        Case(
            q35(
                device("a", "igb", address="pcie.0:03.0"), device("b", "edu", address="pcie.0:15.1"), device("z", "edu")
            )
        ),
        q35(device("a", "igb", address="pcie.0:03.0"), device("b", "edu", address="pcie.0:13.1"), device("z", "edu")),
        Case(
            q35(
                device("z", "edu", address="pcie.0:03.0"),
                device("a", "igb", hotplug="never", address="pcie.0:03.1"),
                device("b", "edu", address="pcie.0:13.0"),
            ),
            {"b": "pcie.0:13.0"},
            {"b": {"multifunction": True}},
        ),
    ),
    ("virtual-functions", "the slot's own"): Trio(
        Case(q35(disk("a", 4), device("b", "e1000e", hotplug="never"), **ONE_PORT), {"a": "rp:00.0"}),
        q35(disk("a", 4, address="rp:00.0"), device("b", "e1000e", address="rp:00.3"), **ONE_PORT),
        Case(
            q35(disk("a", 4, address="rp:00.0"), device("b", "e1000e", address="rp:00.5"), **ONE_PORT), {"b": "rp:00.5"}
        ),
    ),
    ("virtual-functions", "room in a shared slot"): Trio(
        Case(
            q35(disk("a", 6), device("b", "edu"), reserve=only("01"), policy=policy(max_controllers=0)),
            {"b": "pcie.0:01.7"},
        ),
        q35(disk("a", 7), device("b", "edu"), reserve=only("01"), policy=policy(max_controllers=0)),
        Case(q35(disk("a", 7), device("b", "edu"), reserve=only("01", "02"), policy=policy(max_controllers=0))),
    ),
    ("virtual-functions", "no port"): Trio(
        Case(q35(IGB), {"a": "rp1:00.0"}),
        without_ports(IGB, reserve=only("03", "04", "13")),
        # 13 and 14 are nobody else's then
        Case(
            without_ports(IGB, device("b", "edu"), reserve=only("03", "13", "14", "16")),
            {"a": "pcie.0:03.0", "b": "pcie.0:16.0"},
        ),
    ),
    ("virtual-functions", "no port, slots side by side"): Trio(
        Case(without_ports(*devices(2, "igb", hotplug="never")), {"d0": "pcie.0:01.0", "d1": "pcie.0:03.0"}),
        without_ports(*devices(2, "igb", hotplug="never"), reserve=only("03", "04", "13", "14", "15", "16")),
        Case(
            without_ports(*devices(2, "igb", hotplug="never"), reserve=only("03", "05", "13", "14", "15", "16")),
            {"d0": "pcie.0:03.0", "d1": "pcie.0:05.0"},
        ),
    ),
    ("virtual-functions", "no port, slots right behind"): Trio(
        Case(without_ports(disk("a", 20), device("b", "edu")), {"a": "pcie.0:01.0", "b": "pcie.0:04.0"}),
        without_ports(disk("a", 20), device("b", "edu", hotplug="never"), reserve=only("03", "04", "05")),
        Case(
            without_ports(disk("a", 20), device("b", "edu"), reserve=only("02", "04", "05", "06")),
            {"a": "pcie.0:04.0", "b": "pcie.0:02.0"},
        ),
    ),
    ("virtual-functions", "no port, a slot shared"): Trio(
        Case(
            without_ports(IGB, device("b", "edu"), reserve=only("03", "13", "14")),
            {"a": "pcie.0:03.0", "b": "pcie.0:03.1"},
        ),
        without_ports(
            IGB,
            device("b", "VGA", address="pcie.0:13.0"),
            reserve=only("03", "13", "14"),
        ),
        Case(
            without_ports(
                IGB,
                device("b", "edu", hotplug="never", address="pcie.0:03.1"),
                reserve=only("03", "04", "13", "14"),
            ),
            {"a": "pcie.0:03.0"},
        ),
    ),
    ("virtual-functions", "on pc"): Trio(
        Case(pc(*devices(7, "igb")), {f"d{n}": f"pci.0:{2 * n + 2:02x}.0" for n in range(7)}),
        pc(*devices(8, "igb")),
        Case(pc(*devices(7, "igb"), *(device(f"e{n}", "edu", hotplug="never") for n in range(20))), {"d1": "pci.0:04"}),
    ),
    ("virtual-functions", "on pc, plugged"): Trio(
        Case(pc(device("a", "igb", hotplug="required")), {"a": "pci.0:02.0"}),
        pc(
            device("a", "igb", hotplug="required"),
            device("b", "VGA", address="pci.0:12.0"),
            reserve=only("02", "12", "13", machine="pc"),
        ),
        Case(
            pc(
                device("a", "igb", hotplug="required"),
                device("b", "edu", hotplug="never"),
                reserve=only("02", "04", "12", "13", machine="pc"),
            ),
            {"a": "pci.0:02.0", "b": "pci.0:04.0"},
        ),
    ),
    ("virtual-functions", "conventional"): Trio(
        Case(pc(device("a", "nvme"))),
        BadInput(pc(disk("a", 2)), "SR-IOV takes PCI Express, which machine pc is not"),
        Case(q35(disk("a", 2))),
    ),
    ("virtual-functions", "igb's wished"): Trio(
        Case(q35(device("a", "igb", vfs=8)), {"a": "rp1:00.0"}),
        BadInput(q35(device("a", "igb", vfs=9)), "9, but QEMU's igb always has 8: say 8 or less"),
        Case(q35(device("a", "igb", vfs=8, address="pcie.0:03.0")), {"a": "pcie.0:03.0"}),
    ),
    ("virtual-functions", "wished on pc"): Trio(
        Case(pc(device("a", "igb", address="pci.0:0e.0"))),
        BadInput(pc(device("a", "igb", vfs=2, address="pci.0:0e.0")), "takes PCI Express, which bus pci.0 is not"),
        Case(q35(device("a", "igb", vfs=2, address="pcie.0:0d.0"))),
    ),
    ("virtual-functions", "wished of a host device"): Trio(
        Case(q35(host("a"))),
        BadInput(q35(host("a", vfs=2)), "QEMU hides SR-IOV of host devices"),
        Case(q35(host("a"), host("b"))),
    ),
    ("virtual-functions", "wished of virtio"): Trio(
        Case(q35(*card("v1"))),
        BadInput(q35(device("pf", "virtio-net", vfs=1)), "list them as devices of one group with it"),
        Case(q35(device("pf", "virtio-net"))),
    ),
    ("virtual-functions", "wished of what has none"): Trio(
        Case(q35(device("a", "e1000e"))),
        BadInput(q35(device("a", "e1000e", vfs=1)), "QEMU's e1000e has no virtual functions"),
        Case(q35(device("a", "igb", vfs=1))),
    ),
    ("virtual-functions", "wished twice"): Trio(
        Case(q35(disk("a", 4, properties={"sriov_max_vfs": "0x4"}))),
        BadInput(q35(disk("a", 4, properties={"sriov_max_vfs": 3})), "4, but properties.sriov_max_vfs is 3: keep one"),
        Case(q35(disk("a", 4))),
    ),
    ("virtual-functions", "queues"): Trio(
        Case(q35(disk("a", 4, properties={"sriov_vq_flexible": 8}))),
        BadInput(q35(disk("a", 4, properties={"sriov_vq_flexible": 7})), "but sriov_vq_flexible is 7: say 8 or more"),
        Case(q35(disk("a", 3, properties={"sriov_vq_flexible": 7}))),
    ),
    ("virtual-functions", "a subsystem"): Trio(
        Case(q35(*(disk(one, 127, properties={"subsys": "s"}) for one in "ab"))),
        BadInput(q35(*(disk(one, 127, properties={"subsys": "s"}) for one in "abc")), "384 controllers"),
        Case(q35(*(disk(one, 127, properties={"subsys": one}) for one in "abc"))),
    ),
    ("virtual-functions", "serials of a subsystem"): Trio(
        Case(q35(*(disk(one, 4, properties={"subsys": "s", "serial": 12}) for one in "ab"))),
        BadInput(
            q35(*(disk(one, 4, properties={"subsys": "s", "serial": one}) for one in "ab")),
            "'b', but a of the same nvme-subsys s has 'a'",
        ),
        Case(q35(*(disk(one, 4, properties={"subsys": one, "serial": one}) for one in "ab"))),
    ),
    ("virtual-functions", "a group of two"): Trio(
        Case(q35(*devices(2, "igb", group="g")), {"d0": "rp1:00.0", "d1": "rp1:00.1"}),
        BadInput(q35(*devices(3, "igb", group="g")), "its virtual functions are where d0 of group g has some, too"),
        Case(q35(*devices(2, "igb", group="g"), device("d2", "e1000e", group="g")), {"d2": "rp1:00.2"}),
    ),
    ("sriov-pf", "in one slot"): Trio(
        Case(q35(*card("v1", "v2")), {"pf": "rp1:00.0", "v1": "rp1:00.1", "v2": "rp1:00.2"}),
        BadInput(q35(device("pf", "virtio-net"), *card("v1")[1:]), "make it one group with pf"),
        Case(q35(*card("v1", "v2", "v3"), device("x", "e1000e", group="card")), {"x": "rp1:00.4"}),
    ),
    ("sriov-pf", "behind a port"): Trio(
        Case(q35(*card("v1"), **ONE_PORT), {"pf": "rp:00.0"}),
        q35(*card("v1"), policy=policy(max_controllers=0)),
        Case(q35(*card("v1", address="rp:00.0"), **ONE_PORT), {"v1": "rp:00.1"}),
    ),
    ("sriov-pf", "on the root bus"): Trio(
        Case(q35(device("pf", "virtio-net", address="pcie.0:05.0"))),
        BadInput(q35(*card("v1", address="pcie.0:05.0")), "takes PCI Express: pin both behind a port"),
        Case(q35(*card("v1")), {"v1": "rp1:00.1"}),
    ),
    ("sriov-pf", "past the slot"): Trio(
        Case(q35(*card(*"abcdefgh")), {"g": "rp1:00.7", "h": "rp1:01.0"}),
        BadInput(q35(*card(*"abcdefg"), device("x", "e1000e", group="card")), "only virtual functions go on past 7"),
        Case(q35(*card(*"abcdef"), device("x", "e1000e", group="card")), {"x": "rp1:00.7"}),
    ),
    ("sriov-pf", "past the slot, pinned"): Trio(
        Case(q35(*pinned_card("00.0", "00.4", "01.0", "01.4"), **ONE_PORT), {"v3": "rp:01.4"}),
        BadInput(q35(*pinned_card("00.0", "00.4", "01.0", "01.5"), **ONE_PORT), "functions 4, 8, 13, not one stride"),
        Case(q35(*pinned_card("00.0", "10.0", "1f.0"), **ONE_PORT), {"v2": "rp:1f.0"}),
    ),
    ("sriov-pf", "past the slot, beside"): Trio(
        Case(q35(*card(*"bcdefghi"), IGB), {"i": "rp1:01.0"}),
        q35(*pinned_card("00.0", "10.2"), device("x", "igb", hotplug="never", address="rp:00.2"), **ONE_PORT),
        Case(q35(*pinned_card("00.0", "10.1"), device("x", "igb", hotplug="never", address="rp:00.2"), **ONE_PORT)),
    ),
    ("sriov-pf", "past the bus"): Trio(
        Case(q35(*card(*(f"v{n}" for n in range(255)))), {"v254": "rp1:1f.7"}),
        BadInput(q35(*card(*(f"v{n}" for n in range(256)))), "257 members, but a bus has 256 functions"),
        Case(q35(*card(*(f"v{n}" for n in range(100))))),
    ),
    ("sriov-pf", "one stride"): Trio(
        Case(q35(*card("v1", "v2"), device("x", "e1000e", group="card"))),
        BadInput(q35(*card("v1", "v2", "v3"), device("x", "e1000e", group="card", address=".3")), "not one stride"),
        Case(q35(*card("v1", "v2"), device("x", "e1000e", group="card", address=".3"))),
    ),
    ("sriov-pf", "a QEMU without"): Trio(
        Case(q35(*card("v1"), qemu="11.1")),
        BadInput(q35(*card("v1"), qemu="10.0"), "has no sriov-pf, which is there from QEMU 10.1 on"),
        Case(q35(*card()[:1], qemu="10.0")),
    ),
    ("sriov-pf", "machine pc"): Trio(
        Case(pc(device("pf", "virtio-net"))),
        BadInput(pc(*card("v1")), "has no PCI Express, which SR-IOV takes"),
        Case(q35(*card("v1"))),
    ),
}


@pytest.mark.parametrize(("rule", "case"), TRIOS)
def test_rule(rule: str, case: str) -> None:
    check_trio(rule, TRIOS[rule, case])


def test_those_of_pinned_and_of_unpinned_share_no_port() -> None:
    """Both would be in slots 10 and 11 of the port's bus."""
    groups = [device("a", "igb", hotplug="never", group="g"), device("b", "igb", hotplug="never", address="rp:00.2")]
    refused(q35(*groups, **ONE_PORT))
    even = seats(planned(q35(groups[0], {**groups[1], "address": "rp:00.1"}, **ONE_PORT)))
    assert even["a"] == "rp:00.0"


@pytest.mark.parametrize(
    ("number", "properties"),
    [
        (2, {"sriov_max_vfs": 2, "sriov_vq_flexible": 4, "sriov_vi_flexible": 2}),
        (65, {"sriov_vq_flexible": 130, "sriov_vi_flexible": 65, "max_ioqpairs": 132, "msix_qsize": 66}),
    ],
)
def test_the_wish_sets_what_qemu_takes(number: int, properties: Data) -> None:
    (placed,) = planned(q35(disk("a", number))).devices
    assert properties.items() <= placed.properties.items()
    assert len(placed.properties) == (3 if number == 2 else 5)


@pytest.mark.parametrize("order", [("pf", "v1", "v2"), ("v1", "pf", "v2")])
def test_physical_function_is_told_last(order: tuple[str, ...]) -> None:
    """QEMU 11.1: "PCI device specified as SR-IOV PF already exists"."""
    parts = {one["id"]: one for one in card("v1", "v2")}
    pinned = [{**parts[name], "address": f".{['pf', 'v1', 'v2'].index(name)}"} for name in order]
    layout = planned(q35(*pinned))
    argv = [word for word in layout.to_qemu() if "virtio-net" in word]
    assert [word.split(",")[1] for word in argv][-1] == "id=pf"
    added = [one["arguments"]["id"] for one in layout.to_qmp()]
    assert added[-1] == "pf"
    assert sorted(added) == ["pf", "v1", "v2"]


def test_the_checker_sees_a_neighbour_in_their_place() -> None:
    guest, _ = asked(q35(device("a", "igb", address="pcie.0:03.0"), device("b", "edu", address="pcie.0:15.0")))
    layout = planned(guest)
    moved = [one.model_copy(update={"slot": 0x14}) if one.id == "b" else one for one in layout.devices]
    found = verify(guest, layout.model_copy(update={"devices": tuple(moved), "guest_addresses": {}}))
    assert {"virtual-functions", "pin"} <= {one.rule for one in found if one.severity == "error"}


def test_the_tree_says_where_they_are() -> None:
    drawn = tree(planned(q35(device("a", "igb"), *card("v1"))))
    assert "virtual functions 10.0 to 11.6" in drawn
    assert "virtual function of pf" in drawn


def test_a_listed_one_has_no_bars_and_no_name_by_itself() -> None:
    layout = planned(q35(*card("v1", "v2"), firmware="ovmf"))
    assert layout.guest_names["v1"] is None
    assert layout.guest_addresses["v1"] == "01:00.1"
    function = {one.id: one for one in tree_of(layout).buses["rp1"].functions}
    assert (function["v1"].bars, function["v1"].rom) == ((), 0)
    assert [(one.size, one.functions) for one in function["pf"].virtual_bars] == [(0x1000, 2), (0x4000, 2)]


def test_room_of_those_of_nvme_follows_their_queues() -> None:
    def room(**more: int) -> list[tuple[int, int]]:
        layout = planned(q35(device("a", "nvme", vfs=4, properties=more)))
        (function,) = tree_of(layout).buses["rp1"].functions
        return [(one.size, one.functions) for one in function.virtual_bars]

    assert room(sriov_vq_flexible=8, sriov_vi_flexible=4) == [(0x4000, 4)]
    assert room(sriov_vq_flexible=8, sriov_vi_flexible=2040, msix_qsize=2048) == [(0x8000, 4)]


def test_a_listed_port_of_pc_is_pci_express_too() -> None:
    port = {"controllers": [device("rp", "ioh3420")]}
    layout = planned(pc(disk("a", 3, address="rp:00.0"), device("b", "edu", hotplug="never"), **port))
    assert seats(layout)["a"] == "rp:00.0"


def test_a_command_line_has_them_past_a_slot() -> None:
    layout = planned(q35(*card(*(f"v{n}" for n in range(12)))))
    words = ["qemu-system-x86_64", "-M", "q35", "-nodefaults", *layout.to_qemu()]
    assert seats(read_placed(words).layout) == seats(layout)


@pytest.mark.parametrize(
    "guest",
    [
        pc(device("a", "igb", address="pci.0:02.0"), device("b", "igb", address="pci.0:03.0")),
        pc(device("a", "igb", address="pci.0:02.0"), device("b", "edu", address="pci.0:12.0")),
        pc(
            device("a", "igb", hotplug="required", address="pci.0:02.0"),
            policy={"eject": "protect"},
            chipset={"bridge_hotplug": False},
        ),
        pc(IGB, device("b", "edu", address="pci.0:18.1"), policy=policy(max_controllers=0)),
        pc(*devices(8, "igb")),
    ],
)
def test_why_an_igb_of_pc_has_no_place_is_proved_minimal(guest: Data) -> None:
    conflict = explained(guest).conflict
    assert conflict is not None
    assert conflict.minimal


def test_listed_ones_past_a_slot_take_no_port_more() -> None:
    pinned = planned(q35(*card(*(f"v{n}" for n in range(12)), address="rp:00.0"), **ONE_PORT))
    assert costs(pinned) == {"controllers": 1, "depth": 13}
    assert costs(planned(q35(*card(*(f"v{n}" for n in range(12)))))) == {"controllers": 1, "depth": 13}


def test_what_is_past_a_slot_is_told_as_qemu_and_lspci_write_it() -> None:
    layout = planned(q35(*card(*(f"v{n}" for n in range(12)))))
    assert layout.guest_addresses["v11"] == "01:01.4"
    assert "01.4  v11 virtio-net" in tree(layout)
    assert next(word for word in layout.to_qemu() if "id=v11," in word).split(",")[2:4] == ["bus=rp1", "addr=0x1.4"]
    assert planned(Guest.from_layout(layout)).devices == layout.devices
