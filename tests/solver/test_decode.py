"""Canonical addresses and names, and whole layouts against those on file."""

import json
from pathlib import Path
from typing import Any

import pytest

from qslot.schema import Guest, Layout
from qslot.solver import Options

from .ask import Data, device, devices, host, only, pc, planned, q35, seats

SCENARIOS = Path(__file__).parents[1] / "scenarios"


def test_listed_order_and_ports_packed_eight_to_a_slot() -> None:
    layout = planned(q35(*devices(10, "nvme")))
    there = seats(layout)
    assert [there[f"d{index}"] for index in range(10)] == [f"rp{index + 1}:00.0" for index in range(10)]
    ports = [there[f"rp{index + 1}"] for index in range(10)]
    assert ports == [*(f"pcie.0:01.{function}" for function in range(8)), "pcie.0:02.0", "pcie.0:02.1"]
    multifunction = {controller.id for controller in layout.controllers if controller.multifunction}
    assert multifunction == {"rp1", "rp9"}


def test_a_lone_port_is_not_multifunction() -> None:
    layout = planned(q35(*devices(9, "nvme")))
    assert {controller.id for controller in layout.controllers if controller.multifunction} == {"rp1"}


def test_the_bus_nr_that_domain_xml_cannot_say_is_the_last_to_be_given() -> None:
    """libvirt takes a busNr of 1 to 254, QEMU takes 255 as well."""

    def number(layout: Layout) -> object:
        return next(one.properties["bus_nr"] for one in layout.controllers if one.id == "y")

    empty = device("y", "pxb-pcie")
    assert number(planned(q35(controllers=[empty]))) == 254
    # 1 to 250 are behind the first port, 251 to 254 behind the other
    full = [
        device("main", "pcie-root-port", address="pcie.0:02.0", properties={"bus-reserve": 249}),
        device("x", "pxb-pcie", properties={"bus_nr": 251}),
        device("last", "pcie-root-port", address="x:00.0", properties={"bus-reserve": 2}),
        empty,
    ]
    assert number(planned(q35(controllers=full))) == 255


def test_chipset_places_come_first() -> None:
    """The video at 01, audio at 1b, the USB 2 groups at 1d and 1a; ports from the lowest slot left."""
    things = [
        device("disk", "nvme"),
        device("ehci", "ich9-usb-ehci1", group="u", address=".7"),
        device("uhci", "ich9-usb-uhci1", group="u"),
        device("ehci2", "ich9-usb-ehci2", group="v", address=".7"),
        device("uhci4", "ich9-usb-uhci4", group="v"),
        device("sound", "ich9-intel-hda"),
        device("video", "VGA"),
    ]
    there = seats(planned(q35(*things)))
    assert {name: there[name] for name in ("video", "sound", "ehci", "uhci", "ehci2", "uhci4")} == {
        "video": "pcie.0:01.0",
        "sound": "pcie.0:1b.0",
        "ehci": "pcie.0:1d.7",
        "uhci": "pcie.0:1d.0",
        "ehci2": "pcie.0:1a.7",
        "uhci4": "pcie.0:1a.0",
    }
    assert there["rp1"] == "pcie.0:02.0"


def test_a_chipset_place_that_is_taken_is_given_up() -> None:
    there = seats(planned(q35(device("a", "AC97", address="pcie.0:01"), device("video", "VGA"))))
    assert there["video"] == "pcie.0:02.0"


def test_names_are_the_smallest_free() -> None:
    things = [device("rp1", "nvme"), device("x", "nvme"), device("rp3", "nvme")]
    layout = planned(q35(*things, controllers=[device("rp4", "pcie-root-port", address="pcie.0:08.0")]))
    assert sorted(controller.id for controller in layout.controllers) == ["rp2", "rp4", "rp5"]


def test_names_of_every_kind() -> None:
    """Below a function-poor root, with a node of its own: every prefix appears."""
    things = [
        *devices(2, "nvme", hotplug="required"),
        *(device(f"r{number}", "rtl8139", hotplug="required") for number in range(48)),
        device("n", "nvme", numa=0),
    ]
    layout = planned(q35(*things, numa_nodes=1, reserve=only("01.0", "02.0")))
    names: dict[str, str] = {}
    for controller in layout.controllers:
        names.setdefault(controller.id.rstrip("0123456789"), controller.model)
    assert names == {
        "pxb": "pxb-pcie",
        "rp": "pcie-root-port",
        "sw": "x3130-upstream",
        "dp": "xio3130-downstream",
        "p2p": "pcie-pci-bridge",
        "br": "pci-bridge",
    }


@pytest.mark.parametrize(
    ("machine", "qemu", "mode", "scsi"),
    [
        ("pc-i440fx-2.4", "7.2", "transitional", "off"),
        ("pc-q35-2.4", "9.0.2", "modern", "off"),
        ("pc-i440fx-2.4", "7.2", "legacy", None),
        ("pc-i440fx-2.5", "7.2", "transitional", None),
        ("pc-i440fx-2.4", "9.1", "transitional", None),
        ("pc-i440fx-2.4", "10.0", "modern", None),
        ("pc-i440fx-2.4", None, "modern", None),  # the newest measured that has the machine type is QEMU 10.0
    ],
)
def test_scsi_passthrough_is_put_off_where_there_is_any(
    machine: str, qemu: str | None, mode: str, scsi: str | None
) -> None:
    disk = device("disk", "virtio-blk", virtio=mode, virtio_by="property")
    layout = planned({"machine": machine, "devices": [disk], "qemu": qemu})
    assert layout.devices[0].properties.get("scsi") == scsi


def test_io_of_two_bridges_is_packed_by_falling_size() -> None:
    """More cards than a bridge has slots, in two pages: by rising size one of them would find no room."""

    def card(name: str, *sizes: int) -> Data:
        bars = [{"bar": bar, "kind": "io", "size": size} for bar, size in enumerate(sizes)]
        return device(name, "vfio-pci", connect="conventional", bars=bars, hotplug="required")

    cards = [*(card(f"small{n}", 32) for n in range(30)), card("b", 2048), card("c", 2048), card("d", 2048, 1024)]
    layout = planned(q35(*cards))
    assert next(term.value for term in layout.objective if term.term == "io_windows") == 2 * 4096
    there = {name: place.partition(":")[0] for name, place in seats(layout).items()}
    assert there["b"] == there["c"] != there["d"]


@pytest.mark.parametrize(("number", "without"), [(9, 0), (10, 10)])
def test_ports_without_io_give_up_what_ovmf_reserves_where_it_is_short(number: int, without: int) -> None:
    """Before edk2 202308 each hot-pluggable port has a page of ten. One with an IO device keeps it in any case."""
    cards = [*devices(number, "nvme", hotplug="required"), device("nic", "e1000e", hotplug="required")]
    layout = planned(q35(*cards, firmware="ovmf:2022.11"))
    stated = {one.id: one.properties["io-reserve"] for one in layout.controllers if "io-reserve" in one.properties}
    assert list(stated.values()) == [0] * without
    assert next(one.bus for one in layout.devices if one.id == "nic") not in stated


@pytest.mark.parametrize("firmware", ["ovmf:2025.02", "seabios"])
@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_no_more_is_reserved_than_a_spare_slot_asks_for(machine: str, firmware: str) -> None:
    """A power of two stays one, beside nothing and beside an empty bridge without SHPC."""
    spare = [{"kind": "pci", "count": 1, "memory": "32MiB"}]
    request: Data = {"machine": machine, "firmware": firmware, "devices": [], "spare": spare}
    if machine == "pc":
        inner = device("inner", "pci-bridge", address="outer:01.0", properties={"shpc": False})
        request["controllers"] = [device("outer", "pci-bridge", address="pci.0:05.0"), inner]
        request["reserve"] = [*only("05", machine="pc"), *(f"inner:{slot:02x}" for slot in range(32))]
    layout = planned(request)
    reserves = [one.properties["mem-reserve"] for one in layout.controllers if "mem-reserve" in one.properties]
    assert reserves == [32 << 20]


def test_parents_stand_before_children() -> None:
    layout = planned(
        q35(*devices(3, "nvme"), *(device(f"r{n}", "rtl8139") for n in range(20)), spare={"pci": 2, "pcie": 2})
    )
    known = {"pcie.0"}
    for controller in layout.controllers:
        assert controller.bus in known
        known.add(controller.id)
    assert {device.bus for device in layout.devices} <= known
    assert [placed.id for placed in layout.devices] == [f"d{n}" for n in range(3)] + [f"r{n}" for n in range(20)]


BAR_16G = {"bar": 0, "kind": "mem64", "size": "16GiB", "prefetchable": True}

GUESTS: dict[str, Data] = {
    "mixed-q35": q35(
        device("video", "virtio-vga"),
        *(device(f"net{number}", "virtio-net", virtio="transitional") for number in range(4)),
        *(device(f"disk{number}", "nvme") for number in range(3)),
        device("balloon", "virtio-balloon"),
        device("gpu", "vfio-pci", connect="express", bars=[BAR_16G], group="gpu"),
        device(
            "sound", "vfio-pci", connect="express", bars=[{"bar": 0, "kind": "mem32", "size": "16KiB"}], group="gpu"
        ),
        spare={"pcie": 2, "pci": 1},
        memory="2GiB",
    ),
    "numa-q35": q35(
        *(device(f"disk{number}", "nvme", numa=number % 2) for number in range(4)),
        device("old", "rtl8139", numa=1),
        device("video", "VGA"),
        numa_nodes=2,
        controllers=[device("pcie.1", "pcie-root-port", address="pcie.0:02.0")],
        firmware="ovmf",
        memory="4GiB",
    ),
    "bridges-pc": pc(
        device("video", "VGA"),
        *(device(f"net{number}", "virtio-net") for number in range(40)),
        device("node", "e1000", numa=0),
        numa_nodes=1,
        spare={"pci": 3},
        memory="1GiB",
    ),
}
MORE: dict[str, Data] = {
    "io": q35(*devices(48, "rtl8139")),
    "switch": q35(*devices(5, "nvme"), device("r", "rtl8139"), reserve=only("01.0")),
    "shared": q35(*devices(9, "AC97"), host("h", "hybrid", 256), reserve=only("01", "02", "1f")),
}


@pytest.mark.parametrize("name", [*GUESTS, *MORE])
def test_workers_and_seed_change_no_byte(name: str) -> None:
    data = (GUESTS | MORE)[name]
    expected = planned(data).model_dump_json()
    for options in (Options(seed=7), Options(seed=12345), Options(workers=2, seed=3)):
        assert planned(data, options).model_dump_json() == expected


@pytest.mark.parametrize("name", GUESTS)
def test_permuting_the_request_changes_no_cost(name: str) -> None:
    data = GUESTS[name]
    turned = {**data, "devices": [*data["devices"]][::-1]}
    assert planned(turned).objective == planned(data).objective


@pytest.mark.parametrize("name", GUESTS)
def test_golden(name: str, update: bool) -> None:
    """Rewrite with QSLOT_UPDATE=1; the version of qslot is not part of it."""
    layout: dict[str, Any] = planned(Guest.model_validate(GUESTS[name])).model_dump(mode="json")
    layout["versions"]["qslot"] = "-"
    path = SCENARIOS / f"{name}.json"
    if update:
        path.write_text(json.dumps(layout, indent=1) + "\n", encoding="utf-8")
    assert layout == json.loads(path.read_text(encoding="utf-8"))
