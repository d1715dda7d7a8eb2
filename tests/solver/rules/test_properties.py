"""Rules shpc, reserves, chassis, chassis-nr: the properties that a layout gives to controllers."""

from typing import Any

import pytest

from qslot.schema import Guest, Layout, Solved, Undecided
from qslot.schema.verify import verify
from qslot.solver import solve

from ..ask import (
    BadInput,
    Case,
    Data,
    Trio,
    Trios,
    check_trio,
    costs,
    device,
    devices,
    host,
    only,
    pc,
    planned,
    policy,
    q35,
    refused,
)


def properties(layout: Layout, name: str) -> Data:
    return next(dict(controller.properties) for controller in layout.controllers if controller.id == name)


def port(name: str, address: str | None = None, /, **values: Any) -> Data:
    return device(name, "pcie-root-port", address=address, properties=values)


def numbered(name: str, number: int, **rest: object) -> Data:
    return device(name, "pci-bridge", properties={"chassis_nr": number}, **rest)


DRY = {"virtio": "modern", "hotplug": "required"}
TWO = devices(2, "virtio-rng", **DRY)
EIGHT_WINDOWS: Data = {
    "controllers": [
        device(f"b{n}", "pci-bridge", address=f"pci.0:{n + 3:02x}.0", properties={"io-reserve": 4096}) for n in range(8)
    ],
    "reserve": [
        *(f"b{n}:{slot:02x}" for n in range(8) for slot in range(1, 32)),
        *only("02.0", *(f"{n + 3:02x}" for n in range(8)), machine="pc"),
    ],
}
"""Full bridges, and one function of pci.0 that is free."""

TRIOS: Trios = {
    # ioh3420 has no reserves: what the spare slot asks for is kept by a port made for it
    ("controller-properties", "a reserve"): Trio(
        Case(q35(spare=[{"kind": "pcie", "io": 256}]), has={"rp1": {"properties": {"io-reserve": 4096}}}),
        BadInput(q35(controllers=[port("rp", **{"io-reserve": 100})]), "io-reserve: 100 is not"),
        Case(
            q35(spare=[{"kind": "pcie", "io": 256}], controllers=[device("rp", "ioh3420")]),
            has={"rp": {"model": "ioh3420"}, "rp1": {"properties": {"io-reserve": 4096}}},
        ),
    ),
    ("chassis", "two ports"): Trio(
        Case(q35(controllers=[port("a", chassis=7), port("b", chassis=8)])),
        BadInput(
            q35(controllers=[port("a", chassis=7, slot=1), port("b", chassis=7, slot=1)]), "chassis and slot 7 is also"
        ),
        Case(
            q35(*devices(2, "nvme"), controllers=[port("a", chassis=1)]),
            has={"a": {"properties": {"chassis": 1}}, "rp1": {"properties": {"chassis": 2}}},
        ),
    ),
    ("chassis-nr", "a bridge and an expander"): Trio(
        Case(pc(controllers=[numbered("br", 9), device("x", "pxb", properties={"bus_nr": 10})])),
        pc(controllers=[numbered("br", 9), device("x", "pxb", properties={"bus_nr": 9})]),
        # expanders are numbered from the top: the highest number that leaves room for both of its bus numbers is taken
        Case(
            pc(controllers=[numbered("br", 254), device("x", "pxb")]),
            has={"br": {"properties": {"chassis_nr": 254}}, "x": {"properties": {"bus_nr": 253}}},
        ),
    ),
    # eight windows are all that SeaBIOS has on pc; an empty bridge opens one for its SHPC
    ("shpc", "no ACPI"): Trio(
        Case(pc(*TWO, **EIGHT_WINDOWS), has={"br1": {"properties": {"shpc": False}}}),
        pc(*TWO, **EIGHT_WINDOWS, chipset={"acpi": False}),
        # inside another bridge it opens none of its own
        Case(
            pc(*TWO, **EIGHT_WINDOWS | {"reserve": EIGHT_WINDOWS["reserve"][1:]}, chipset={"acpi": False}),
            {"br1": "b0:01.0"},
            {"br1": {"properties": {"shpc": True}}},
        ),
    ),
    ("reserves", "io"): Trio(
        Case(q35(host("a", io=64), controllers=[port("rp")]), {"a": "rp:00.0"}),
        q35(
            host("a", io=64, hotplug="required"),
            controllers=[port("rp", **{"io-reserve": 0})],
            policy=policy(max_controllers=1),
        ),
        Case(
            q35(host("a", io=64, hotplug="required"), controllers=[port("rp", **{"io-reserve": 0})]),
            {"a": "rp1:00.0"},
        ),
    ),
    ("reserves", "io of a pinned device"): Trio(
        Case(q35(host("a", address="rp:00"), controllers=[port("rp", **{"io-reserve": 0})])),
        q35(host("a", io=64, address="rp:00"), controllers=[port("rp", **{"io-reserve": 0})]),
        Case(q35(host("a", io=64, address="rp:00"), controllers=[port("rp", **{"io-reserve": 4096})])),
    ),
    ("reserves", "io of a bridge below"): Trio(
        Case(
            q35(
                controllers=[port("rp", **{"io-reserve": 0}), device("br", "pcie-pci-bridge")],
                reserve=only("01.0", "01.1"),
            ),
            {"br": "rp1:00.0"},
        ),
        # its empty SHPC bridge opens a window
        q35(controllers=[port("rp", **{"io-reserve": 0}), device("br", "pcie-pci-bridge", address="rp:00.0")]),
        Case(
            q35(
                controllers=[port("rp", **{"io-reserve": 0}), device("br", "pcie-pci-bridge", address="rp:00.0")],
                firmware="ovmf",
            )
        ),
    ),
    ("reserves", "buses"): Trio(
        Case(q35(controllers=[port("rp", **{"bus-reserve": 1})])),
        q35(controllers=[port("rp", **{"bus-reserve": 1}), device("br", "pcie-pci-bridge", address="rp:00.0")]),
        Case(q35(controllers=[port("rp", **{"bus-reserve": 2}), device("br", "pcie-pci-bridge", address="rp:00.0")])),
    ),
    ("reserves", "buses that float"): Trio(
        Case(q35(device("a", "rtl8139"), controllers=[port("rp", **{"bus-reserve": 1})]), {"a": "p2p1:01.0"}),
        q35(
            device("a", "rtl8139", hotplug="required"),
            controllers=[port("rp", **{"bus-reserve": 1})],
            policy=policy(max_controllers=2),
        ),
        Case(
            q35(
                device("a", "rtl8139", hotplug="required"),
                controllers=[port("rp", **{"bus-reserve": 2})],
                policy=policy(max_controllers=2),
            ),
            {"a": "p2p1:01.0", "p2p1": "rp:00.0"},
        ),
    ),
}


@pytest.mark.parametrize("key", TRIOS, ids=", ".join)
def test_rule(key: tuple[str, str]) -> None:
    check_trio(key[0], TRIOS[key])


# ---- shpc


def test_shpc_is_off_where_it_would_open_a_window_for_nothing() -> None:
    layout = planned(pc(device("a", "virtio-rng", **DRY), reserve=only("02", machine="pc"), controllers=[]))
    assert costs(layout) == {}  # pci.0 itself takes hot-plug
    full = planned(pc(*devices(2, "virtio-rng", **DRY), reserve=only("02", machine="pc")))
    assert properties(full, "br1")["shpc"] is False
    assert costs(full) == {"controllers": 1, "depth": 2}


@pytest.mark.parametrize(
    ("why", "data"),
    [
        ("IO", pc(*devices(2, "rtl8139", hotplug="required"), reserve=only("02", machine="pc"))),
        ("spare slot", pc(*devices(2, "virtio-rng", **DRY), spare={"pci": 1}, reserve=only("02", machine="pc"))),
        ("no ACPI", pc(device("a", "virtio-rng", **DRY), chipset={"acpi": False})),
        ("expander", pc(device("a", "virtio-rng", numa=0, **DRY), numa_nodes=1)),
    ],
)
def test_shpc_stays_on(why: str, data: Data) -> None:
    layout = planned(data)
    assert properties(layout, "br1")["shpc"] is True, why
    # an empty SHPC bridge costs as much as one with IO
    assert costs(layout)["io_windows"] == 4096


def test_a_demanded_bridge_keeps_its_shpc() -> None:
    room = {"reserve": only("02.0", machine="pc")}
    bridge = device("br", "pci-bridge", address="pci.0:02.0")
    assert costs(planned(pc(controllers=[bridge], **room))) == {"io_windows": 4096, "controllers": 1}
    off = bridge | {"properties": {"shpc": "off"}}
    assert costs(planned(pc(controllers=[off], **room))) == {"controllers": 1}


def test_an_empty_bridge_opens_no_window_with_ovmf() -> None:
    assert costs(planned(pc(controllers=[device("br", "pci-bridge")], firmware="ovmf"))) == {"controllers": 1}


# ---- chassis


def test_chassis_numbers_avoid_those_demanded() -> None:
    layout = planned(q35(*devices(3, "nvme"), controllers=[port("rp9", "pcie.0:09.0", chassis=2)]))
    assert [properties(layout, name)["chassis"] for name in ("rp1", "rp2")] == [1, 3]
    assert properties(layout, "rp9")["chassis"] == 2
    assert all(
        controller.properties["port"] == controller.slot * 8 + controller.function for controller in layout.controllers
    )


def test_one_chassis_may_have_several_slots() -> None:
    pair = [port("a", chassis=7, slot=1), port("b", chassis=7, slot=2)]
    assert [properties(planned(q35(controllers=pair)), name)["chassis"] for name in "ab"] == [7, 7]


def test_one_place_of_the_chassis_table_is_not_given_twice() -> None:
    """A slot that is not stated is 0 for QEMU; the planner may state another one, or refuse."""
    request = Guest.model_validate(q35(controllers=[port("a", chassis=7), port("b", chassis=7, slot=0)]))
    assert not isinstance(solve(request), Undecided)


def test_chassis_nr_avoids_demanded_ones_and_expanders() -> None:
    """The bridges' numbers and the expander's bus_nr share one space."""
    room = {"reserve": only("02", "03", machine="pc"), "numa_nodes": 1}
    expander = device("x", "pxb", numa=0, address="pci.0:03.0", properties={"bus_nr": 1})
    # bus_nr 1 leaves the main root no bridge
    refused(pc(controllers=[expander, numbered("br", 2, address="pci.0:02.0")], **room))
    expander["properties"] = {"bus_nr": 2}
    layout = planned(pc(controllers=[expander, device("br", "pci-bridge", address="pci.0:02.0")], **room))
    assert properties(layout, "br")["chassis_nr"] == 1
    more = [device(name, "pci-bridge", address=f"x:0{index}.0") for index, name in enumerate(("b0", "b1"))]
    layout = planned(pc(controllers=[expander, numbered("br", 1, address="pci.0:02.0"), *more], **room))
    assert [properties(layout, name)["chassis_nr"] for name in ("br", "b0", "b1")] == [1, 3, 4]


def test_a_demanded_chassis_nr_that_is_a_bus_nr_is_refused() -> None:
    expander = device("x", "pxb", numa=0, properties={"bus_nr": 9})
    refused(pc(controllers=[expander, numbered("br", 9)], numa_nodes=1))


@pytest.mark.parametrize("number", [250, 252, 253, 254, 255])
def test_the_bus_nr_of_an_expander_avoids_demanded_chassis_nr(number: int) -> None:
    """Expanders are numbered from the top, where a demanded bridge may already have its chassis_nr."""
    layout = planned(pc(device("a", "AC97", numa=0), controllers=[numbered("br", number)], numa_nodes=1))
    assert properties(layout, "pxb1")["bus_nr"] != number
    assert properties(layout, "br")["chassis_nr"] == number


def test_ports_that_the_request_leaves_empty_keep_ovmfs_own_reserve_longest() -> None:
    """Fourteen hot-pluggable ports, more than OVMF 2022.11 has windows for; eight have a device that has no IO."""
    ports = [device(f"p{n}", "pcie-root-port") for n in range(14)]
    layout = planned(q35(*devices(8, "nvme", hotplug="required"), controllers=ports, firmware="ovmf:2022.11"))
    full = {one.bus for one in layout.devices}
    assert {one.id for one in layout.controllers if one.properties.get("io-reserve") == 0} == full
    many = [device(f"p{n}", "pcie-root-port") for n in range(20)]
    layout = planned(q35(*devices(2, "nvme", hotplug="required"), controllers=many, firmware="ovmf:2022.11"))
    assert {one.properties.get("io-reserve") for one in layout.controllers} == {0}


def test_a_property_on_which_no_plan_depends_is_passed_through() -> None:
    """As in a guest with ports that hide access control from a passed-through card."""
    ports = [
        {
            "id": "rp0",
            "model": "pcie-root-port",
            "address": "pcie.0:1c.0",
            "properties": {"disable-acs": "on", "slot": 1},
        },
        {"id": "up0", "model": "x3130-upstream", "address": "rp0:00", "properties": {"aer_log_max": 4}},
        {"id": "rp1", "model": "ioh3420", "address": "pcie.0:1c.1", "properties": {"power_controller_present": False}},
    ]
    guest = Guest.model_validate({"machine": "q35", "controllers": ports, "devices": []})
    outcome = solve(guest)
    assert isinstance(outcome, Solved)
    placed = {one.id: one.properties for one in outcome.layout.controllers}
    assert placed["rp0"]["disable-acs"] is True
    assert placed["up0"] == {"aer_log_max": 4}
    assert placed["rp1"]["power_controller_present"] is False
    assert [one for one in verify(guest, outcome.layout) if one.severity == "error"] == []
    assert any("disable-acs=on" in word for word in outcome.layout.to_qemu())
