"""Rules address-unique, reserve, pin, function-zero, slot-sharing, group, chipset."""

import pytest

from ..ask import (
    BadInput,
    Case,
    Data,
    Trio,
    Trios,
    above,
    check_trio,
    costs,
    device,
    devices,
    only,
    pc,
    picture,
    planned,
    policy,
    q35,
    refused,
    seats,
)

ALONE = policy(max_controllers=0)

TRIOS: Trios = {
    ("address-range", "slots of a bridge"): Trio(
        Case(q35(*devices(31, "rtl8139", hotplug="required"), policy=policy(max_controllers=2)), {"d30": "p2p1:1f.0"}),
        q35(*devices(32, "rtl8139", hotplug="required"), policy=policy(max_controllers=2)),
        # slot 00 of the bridge would do, but there is none: a second bridge takes one of its slots
        Case(q35(*devices(32, "rtl8139", hotplug="required"), policy=policy(max_controllers=3)), {"br1": "p2p1:"}),
    ),
    ("address-range", "pinned"): Trio(
        Case(q35(device("a", "nvme", address="rp:00"), controllers=[device("rp", "pcie-root-port")])),
        BadInput(
            q35(device("a", "nvme", address="rp:01"), controllers=[device("rp", "pcie-root-port")]),
            "slots of rp are 00 to 00",
        ),
        Case(
            q35(
                device("a", "rtl8139", address="br:1f"),
                device("b", "rtl8139"),
                controllers=[device("br", "pci-bridge")],
            ),
            {"a": "br:1f.0"},
        ),
    ),
    ("chipset", "its own slot"): Trio(
        Case(q35(device("a", "AC97", address="pcie.0:1f.4")), {"a": "pcie.0:1f.4"}),
        # SATA has function 2, SMBus 3
        q35(*devices(2, "AC97"), reserve=only("1f.2", "1f.3", "1f.4"), policy=ALONE),
        Case(
            q35(*devices(2, "AC97"), reserve=only("1f.2", "1f.3", "1f.4"), policy=ALONE, chipset={"sata": False}),
            {"d0": "pcie.0:1f.2", "d1": "pcie.0:1f.4"},
        ),
    ),
    ("chipset", "a slot that it closes"): Trio(
        Case(q35(device("a", "AC97"), reserve=only("1d"), policy=ALONE), {"a": "pcie.0:1d.0"}),
        q35(device("a", "AC97"), reserve=only("1d"), policy=ALONE, chipset={"usb": True}),
        Case(
            q35(device("a", "AC97"), reserve=only("1d", "1f.7"), policy=ALONE, chipset={"usb": True}),
            {"a": "pcie.0:1f.7"},
        ),
    ),
    ("multifunction", "root ports"): Trio(
        Case(q35(device("a", "nvme", hotplug="required")), has={"rp1": {"multifunction": False}}),
        BadInput(
            q35(device("a", "AC97", properties={"multifunction": "off"}), device("b", "AC97", address="pcie.0:05.1")),
            "the plan decides this",
        ),
        Case(
            q35(*devices(2, "nvme", hotplug="required"), reserve=only("01")),
            {"rp1": "pcie.0:01.0", "rp2": "pcie.0:01.1"},
            {"rp1": {"multifunction": True}, "rp2": {"multifunction": False}},
        ),
    ),
    ("address-unique", "one function left"): Trio(
        Case(q35(*devices(2, "AC97", address="pcie.0:05")), {"d0": "pcie.0:05.0", "d1": "pcie.0:05.1"}),
        q35(*devices(2, "AC97"), reserve=only("01.0"), policy=ALONE),
        Case(
            q35(*devices(2, "AC97"), reserve=only("01.0", "01.6"), policy=ALONE), {"d0": "pcie.0:01", "d1": "pcie.0:01"}
        ),
    ),
    ("address-unique", "nine in one slot"): Trio(
        Case(q35(*devices(8, "AC97", address="pcie.0:05")), {"d7": "pcie.0:05.7"}),
        q35(*devices(9, "AC97", address="pcie.0:05")),
        Case(q35(*devices(8, "AC97", address="pcie.0:05"), device("ninth", "AC97"), reserve=only("05", "06"))),
    ),
    ("reserve", "every slot but one"): Trio(
        Case(q35(device("a", "AC97"), reserve=["pcie.0:01"]), {"a": "pcie.0:02.0"}),
        q35(device("a", "AC97"), reserve=only(), policy=ALONE),
        Case(q35(device("a", "AC97"), reserve=only("1f.4"), policy=ALONE), {"a": "pcie.0:1f.4"}),
    ),
    ("reserve", "function 0"): Trio(
        Case(q35(device("a", "AC97"), reserve=["pcie.0:01.1"]), {"a": "pcie.0:01.0"}),
        q35(device("a", "AC97"), reserve=only(*(f"01.{function}" for function in range(1, 8))), policy=ALONE),
        Case(q35(device("a", "AC97"), reserve=only("01.0"), policy=ALONE), {"a": "pcie.0:01.0"}),
    ),
    ("reserve", "below a bridge"): Trio(
        Case(
            q35(
                device("a", "rtl8139", hotplug="required"),
                controllers=[device("br", "pcie-pci-bridge")],
                reserve=[f"br:{slot:02x}" for slot in range(1, 31)],
            ),
            {"a": "br:1f.0"},
        ),
        q35(
            device("a", "rtl8139", hotplug="required"),
            controllers=[device("br", "pcie-pci-bridge")],
            reserve=[f"br:{slot:02x}" for slot in range(1, 32)],
            policy=policy(max_controllers=2),
        ),
        Case(
            q35(
                device("a", "rtl8139", hotplug="required"),
                controllers=[device("br", "pcie-pci-bridge")],
                reserve=[f"br:{slot:02x}" for slot in range(1, 32)],
                policy=policy(max_controllers=4),
            ),
        ),
    ),
    ("pin", "whole address"): Trio(
        Case(q35(device("a", "AC97", address="pcie.0:1e.0")), {"a": "pcie.0:1e.0"}),
        q35(*devices(2, "AC97", address=".0"), reserve=only("01"), policy=ALONE),
        Case(
            q35(device("a", "AC97", address=".0"), device("b", "AC97", address=".5"), reserve=only("01"), policy=ALONE),
            {"a": "pcie.0:01.0", "b": "pcie.0:01.5"},
        ),
    ),
    ("pin", "function only"): Trio(
        # 1f.7 is free and the LPC bridge fills function 0
        Case(q35(device("a", "AC97", address=".7"), policy=ALONE), {"a": "pcie.0:1f.7"}),
        q35(device("a", "AC97", address=".7"), reserve=only("01"), policy=ALONE),
        Case(
            q35(device("a", "AC97", address=".7"), device("b", "AC97"), reserve=only("01"), policy=ALONE),
            {"a": "pcie.0:01.7", "b": "pcie.0:01.0"},
        ),
    ),
    ("function-zero", "beside the chipset"): Trio(
        Case(pc(device("a", "AC97", address="pci.0:01.5")), {"a": "pci.0:01.5"}),
        q35(device("a", "AC97", address="pcie.0:05.3")),
        Case(
            q35(device("a", "AC97", address="pcie.0:05.3"), device("b", "AC97")),
            {"a": "pcie.0:05.3", "b": "pcie.0:05.0"},
        ),
    ),
    ("function-zero", "by whom"): Trio(
        Case(
            q35(device("p", "nvme"), controllers=[device("rp3", "pcie-root-port", address="pcie.0:05.3")]),
            {"rp3": "pcie.0:05.3"},
        ),
        # a root port that is not pinned joins no endpoint, and a device no port
        q35(device("a", "AC97", address="pcie.0:05.3"), controllers=[device("rp1", "pcie-root-port")]),
        Case(
            q35(controllers=[device("a", "pcie-root-port", address="pcie.0:05.3"), device("b", "pcie-root-port")]),
            {"b": "pcie.0:05.0"},
        ),
    ),
    ("slot-sharing", "two that are hot-plugged"): Trio(
        Case(
            pc(*devices(2, "AC97"), reserve=only("02", machine="pc"), policy=ALONE),
            {"d0": "pci.0:02", "d1": "pci.0:02"},
        ),
        pc(*devices(2, "rtl8139", hotplug="required"), reserve=only("02", machine="pc"), policy=ALONE),
        Case(
            pc(*devices(2, "rtl8139", hotplug="required"), reserve=only("02", "03", machine="pc"), policy=ALONE),
            {"d0": "pci.0:02.0", "d1": "pci.0:03.0"},
        ),
    ),
    ("slot-sharing", "pinned"): Trio(
        Case(
            q35(
                device("a", "AC97", address="pcie.0:05.1"),
                controllers=[device("rp", "pcie-root-port", address="pcie.0:05.0")],
            ),
            {"a": "pcie.0:05.1"},
        ),
        pc(device("a", "rtl8139", hotplug="required", address="pci.0:05.0"), device("b", "AC97", address="pci.0:05.1")),
        Case(
            pc(
                device("a", "rtl8139", hotplug="preferred", address="pci.0:05.0"),
                device("b", "AC97", address="pci.0:05.1"),
            )
        ),
    ),
    ("slot-sharing", "port and endpoint"): Trio(
        Case(q35(device("a", "nvme", hotplug="required"), device("b", "AC97")), {"b": "pcie.0"}),
        q35(
            device("a", "nvme", hotplug="required"),
            device("b", "AC97"),
            reserve=only("01"),
            policy=policy(max_controllers=1),
        ),
        Case(
            q35(
                device("a", "nvme", hotplug="required"),
                device("b", "AC97"),
                reserve=only("01", "1f.5"),
                policy=policy(max_controllers=1),
            ),
            {"b": "pcie.0:1f.5"},
        ),
    ),
    ("slot-sharing", "lone controllers"): Trio(
        Case(q35(controllers=[device("a", "i82801b11-bridge"), device("b", "i82801b11-bridge")])),
        q35(controllers=[device("a", "i82801b11-bridge"), device("b", "i82801b11-bridge")], reserve=only("01")),
        Case(
            q35(
                controllers=[device("a", "i82801b11-bridge"), device("b", "i82801b11-bridge")], reserve=only("01", "02")
            )
        ),
    ),
    ("group", "in listed order"): Trio(
        Case(
            q35(*devices(3, "AC97", group="g")),
            {"d0": "pcie.0:01.0", "d1": "pcie.0:01.1", "d2": "pcie.0:01.2"},
        ),
        q35(*devices(2, "AC97", group="g"), reserve=only("01.0", "01.2"), policy=ALONE),
        Case(
            q35(
                device("a", "AC97", group="g", address=".2"),
                device("b", "AC97", group="g"),
                reserve=only("01.0", "01.2"),
                policy=ALONE,
            ),
            {"a": "pcie.0:01.2", "b": "pcie.0:01.0"},
        ),
    ),
    ("group", "pinned by one member"): Trio(
        Case(
            q35(device("a", "AC97", group="g"), device("b", "AC97", group="g", address="pcie.0:07.4")),
            {"a": "pcie.0:07.0", "b": "pcie.0:07.4"},
        ),
        q35(
            device("a", "AC97", group="g"),
            device("b", "AC97", group="g", address="pcie.0:07.4"),
            reserve=["pcie.0:07.0"],
        ),
        Case(
            q35(
                device("a", "AC97", group="g", address=".1"),
                device("b", "AC97", group="g", address="pcie.0:07.0"),
                reserve=["pcie.0:07.2"],
            ),
            {"a": "pcie.0:07.1", "b": "pcie.0:07.0"},
        ),
    ),
    ("group", "not beside the chipset"): Trio(
        Case(q35(*devices(2, "AC97", group="g"), policy=ALONE)),
        q35(
            device("a", "AC97", group="g", address=".4"),
            device("b", "AC97", group="g", address=".5"),
            reserve=only("1f"),
            policy=ALONE,
        ),
        Case(
            q35(
                device("a", "AC97", group="g", address="pcie.0:1f.4"),
                device("b", "AC97", group="g", address=".5"),
                reserve=only("1f.4", "1f.5"),
                policy=ALONE,
            ),
            {"a": "pcie.0:1f.4", "b": "pcie.0:1f.5"},
        ),
    ),
}


@pytest.mark.parametrize("key", TRIOS, ids=", ".join)
def test_rule(key: tuple[str, str]) -> None:
    check_trio(key[0], TRIOS[key])


KINDS = (
    "AC97",
    "VGA",
    "i6300esb",
    "virtio-rng",
    "virtio-balloon",
    "ES1370",
    "pci-serial",
    "qemu-xhci",
    "ich9-intel-hda",
)


def mixed(count: int) -> Data:
    things = [device(f"d{index}", model, hotplug="never") for index, model in enumerate(KINDS[:count])]
    return q35(*things, reserve=only("01"), policy=ALONE)


def test_a_slot_holds_eight_functions_of_different_kinds() -> None:
    layout = planned(mixed(8))
    assert sorted(seats(layout).values()) == [f"pcie.0:01.{function}" for function in range(8)]


def test_a_slot_holds_no_ninth_function() -> None:
    refused(mixed(9))


@pytest.mark.parametrize(("machine", "free"), [("q35", "14567"), ("pc", "24567")])
def test_single_free_functions_of_the_chipset_slot(machine: str, free: str) -> None:
    slot = {"q35": "1f", "pc": "01"}[machine]
    data = {"machine": machine, "reserve": only(slot, machine=machine), "policy": ALONE}
    layout = planned(data | {"devices": devices(5, "AC97")})
    assert [place[-1] for place in seats(layout).values()] == list(free)
    # each shares with the chipset
    assert costs(layout) == {"preferences": 5 * 2}
    refused(data | {"devices": devices(6, "AC97")})


def test_the_chipset_slot_takes_an_unmet_preference_but_no_hot_plugged_device() -> None:
    room = {"reserve": only("01", machine="pc"), "policy": ALONE}
    assert costs(planned(pc(device("a", "rtl8139"), **room))) == {"preferences": 8 + 2}
    refused(pc(device("a", "rtl8139", hotplug="required"), **room))


def test_pinned_neighbours_pay_when_one_that_floats_joins() -> None:
    data = pc(
        device("a", "AC97", address="pci.0:02.0"), device("b", "AC97"), reserve=only("02", machine="pc"), policy=ALONE
    )
    assert costs(planned(data)) == {"preferences": 2 + 2}


def test_what_floats_joins_only_if_every_pinned_occupant_allows_it() -> None:
    port = device("rp", "pcie-root-port", address="pcie.0:01.0")
    refused(q35(*devices(2, "AC97"), controllers=[port], reserve=only("01"), policy=policy(max_controllers=1)))
    # a port beside a pinned pair of port and endpoint
    pair = q35(device("a", "AC97", address="pcie.0:01.1"), controllers=[port, device("rp2", "pcie-root-port")])
    refused(pair | {"reserve": only("01")})
    assert seats(planned(pair | {"reserve": only("01", "02")}))["rp2"] == "pcie.0:02.0"


def test_groups_of_pinned_functions_interlock() -> None:
    """Function sets 0 2, 1 3 and 4 fill one slot; 0 and 0 never share."""
    even = [device("a", "AC97", group="e"), device("b", "AC97", group="e", address=".2")]
    odd = [device("c", "AC97", group="o", address=".1"), device("d", "AC97", group="o", address=".3")]
    lone = device("e", "AC97", address=".4")
    room = {"reserve": only("01"), "policy": ALONE}
    layout = planned(q35(*even, *odd, lone, **room))
    assert [seats(layout)[name] for name in "abcde"] == [f"pcie.0:01.{function}" for function in (0, 2, 1, 3, 4)]
    refused(q35(*even, device("f", "AC97", address=".0"), **room))
    # without function 0 of their own they need somebody
    refused(q35(*odd, lone, **room))


def test_a_group_shares_a_port_only_with_itself() -> None:
    layout = planned(q35(*devices(4, "nvme", group="g")))
    assert [seats(layout)[f"d{index}"] for index in range(4)] == [f"rp1:00.{index}" for index in range(4)]
    assert costs(layout) == {"controllers": 1, "depth": 4}


def test_a_group_has_the_strictest_need_of_its_members() -> None:
    members = [device("a", "nvme", group="g", hotplug="never"), device("b", "nvme", group="g", hotplug="required")]
    assert above(planned(q35(*members)), "a") == ["pcie-root-port"], picture(planned(q35(*members)))
    refused(q35(*members, policy=ALONE))


def test_a_pin_without_function_takes_the_lowest_that_nobody_names() -> None:
    things = [
        device("a", "AC97", address="pcie.0:05"),
        device("b", "AC97", address="pcie.0:05.0"),
        device("c", "AC97", address="pcie.0:05"),
    ]
    layout = planned(q35(*things, reserve=["pcie.0:05.1"]))
    assert [seats(layout)[name] for name in "abc"] == ["pcie.0:05.2", "pcie.0:05.0", "pcie.0:05.3"]
