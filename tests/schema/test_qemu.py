"""`-device` arguments: what they say, and that they say all of a layout (read back, it is the same)."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qslot.schema import Chipset, Firmware, Guest, Layout
from qslot.schema.errors import QslotError
from qslot.schema.formats.qemu import arguments, cold_plug, device_add, emission, hotplug_buses
from qslot.schema.formats.standalone import standalone
from qslot.schema.formats.text_layout import tree
from qslot.schema.layout.layout import PlacedController, PlacedDevice, Platform, Versions
from qslot.schema.pci.controllers import CONTROLLERS
from qslot.schema.pci.qemu_properties import Scalar, canonical
from qslot.schema.verify import verify
from tests.layouts import small_layout

from .emitted import parse

DRIVERS = ("e1000e", "nvme", "VGA", "qxl-vga", "virtio-net-pci-transitional", "virtio-blk-pci", "vfio-pci")
MODELS = {"virtio-net-pci-transitional": "virtio-net", "virtio-blk-pci": "virtio-blk"}


def layout(controllers: Any = (), devices: Any = (), machine: str = "q35", **chipset: bool) -> Layout:
    return Layout(
        status="feasible",
        machine=machine,
        firmware=Firmware(),
        platform=Platform(memory=128 << 20, numa_nodes=0, chipset=Chipset(**chipset)),
        controllers=tuple(controllers),
        devices=tuple(devices),
        input_sha256="0" * 64,
        versions=Versions(qslot="0"),
    )


def bridge(name: str, model: str, bus: str, slot: int = 1, **properties: Scalar) -> PlacedController:
    return PlacedController(id=name, model=model, bus=bus, slot=slot, function=0, properties=properties)


def endpoint(name: str, driver: str, bus: str, slot: int = 0, function: int = 0, **more: Any) -> PlacedDevice:
    fields = {"model": MODELS.get(driver, driver)} | more
    return PlacedDevice(id=name, driver=driver, bus=bus, slot=slot, function=function, **fields)


ids = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,12}", fullmatch=True)
names = st.one_of(
    st.sampled_from(["disable-legacy", "mq", "netdev", "serial", "vectors", "romfile", "mac", "pref64-reserve", "msi"]),
    st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=12),
).filter(lambda name: name not in {"driver", "id", "bus", "addr", "multifunction"})
values = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(blacklist_categories=["Cc", "Cs"]), max_size=20),
    st.sampled_from(["on", "off", "yes", "4K", "0x10", "007", "a,b", ",", ",,", ",=", "{}", "", "1e5", "nan"]),
)
properties = st.dictionaries(names, values, max_size=5)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Any tree of any controllers in any order that has parents first, whether it makes sense or not."""
    seats = draw(st.lists(ids, unique=True, max_size=12))
    split = draw(st.integers(0, len(seats)))
    buses = ["pcie.0"]
    controllers, devices = [], []
    for index, name in enumerate(seats):
        place: dict[str, Any] = {
            "id": name,
            "bus": draw(st.sampled_from(buses)),
            "slot": draw(st.integers(0, 31)),
            "function": draw(st.integers(0, 7)),
            "multifunction": draw(st.booleans()),
            "properties": draw(properties),
        }
        if index < split:
            controllers.append(PlacedController(model=draw(st.sampled_from(sorted(CONTROLLERS))), **place))
            buses.append(name)
        else:
            driver = draw(st.sampled_from(DRIVERS))
            devices.append(PlacedDevice(driver=driver, model=MODELS.get(driver, driver), **place))
    return layout(controllers, devices)


@given(layouts(), st.booleans())
def test_arguments_read_back_are_the_layouts_seats(planned: Layout, as_json: bool) -> None:
    assert parse(["-nodefaults", *arguments(planned, as_json=as_json)]) == emission(planned)


@given(layouts())
def test_emission_keeps_every_seat_and_address(planned: Layout) -> None:
    told = {
        (one.id, one.driver): (one.bus, one.slot, one.function, one.multifunction)
        for part in emission(planned)
        for one in part
    }
    seats = {(c.id, c.model): c for c in planned.controllers} | {(d.id, d.driver): d for d in planned.devices}
    assert told == {key: (seat.bus, seat.slot, seat.function, seat.multifunction) for key, seat in seats.items()}


@given(names, values)
def test_a_canonical_value_stays_as_it_is(name: str, value: Scalar) -> None:
    once = canonical(name, value)
    assert canonical(name, once) == once


def test_plain_arguments() -> None:
    card = endpoint("net0", "virtio-net-pci", "rp1", properties={"mq": True, "netdev": "a,b", "vectors": 4})
    planned = layout([bridge("rp1", "pcie-root-port", "pcie.0", 0x1E, chassis=1)], [card])
    assert arguments(planned) == [
        "-device",
        "pcie-root-port,id=rp1,bus=pcie.0,addr=0x1e.0,chassis=1",
        "-device",
        "virtio-net-pci,id=net0,bus=rp1,addr=0x0.0,mq=on,netdev=a,,b,vectors=4",
    ]


def test_json_arguments_have_the_types_that_qemu_asks_for() -> None:
    spelled = {
        "mq": "on",
        "vectors": "4",
        "disable-legacy": False,
        "disable-modern": False,
        "serial": 12,
        "romfile": "",
    }
    card = endpoint("net0", "virtio-net-pci", "pcie.0", 3, multifunction=True, properties=spelled)
    assert json.loads(arguments(layout(devices=[card]), as_json=True)[1]) == {
        "driver": "virtio-net-pci",
        "id": "net0",
        "bus": "pcie.0",
        "addr": "0x3.0",
        "multifunction": True,
        "mq": True,
        "vectors": 4,
        "disable-legacy": "off",
        "disable-modern": False,
        "serial": "12",
        "romfile": "",
    }


def test_parents_come_first_however_they_are_listed() -> None:
    planned = layout([bridge("up", "x3130-upstream", "rp", 0), bridge("rp", "pcie-root-port", "pcie.0")])
    assert [one.id for one in emission(planned).controllers] == ["rp", "up"]


def test_the_primary_qxl_comes_before_other_displays() -> None:
    planned = layout(devices=[endpoint("v0", "VGA", "pcie.0", 1), endpoint("v1", "qxl-vga", "pcie.0", 2)])
    assert [one.id for one in emission(planned).devices] == ["v1", "v0"]


@pytest.mark.parametrize("other", ["VGA", "secondary-vga"])
def test_a_vmware_svga_stands_before_other_displays(other: str) -> None:
    """QEMU 10.0 and 11.1 end where it comes after them: "Detected duplicate SaveStateEntry: id=vga"."""
    planned = layout(devices=[endpoint("v0", other, "pcie.0", 1), endpoint("v1", "vmware-svga", "pcie.0", 2)])
    assert [one.id for one in emission(planned).devices] == ["v1", "v0"]


@pytest.mark.parametrize("name", ["bus", "addr", "id", "driver", "multifunction", "a,b", "a=b", ""])
def test_a_property_cannot_say_what_the_seat_says(name: str) -> None:
    with pytest.raises(ValueError, match="net0"):
        arguments(layout(devices=[endpoint("net0", "e1000e", "pcie.0", 1, properties={name: 1})]))


def hot_ids(planned: Layout) -> list[str]:
    return [command["arguments"]["id"] for command in device_add(planned)]


def test_device_add_names_the_hot_pluggable_slots_and_cold_plug_the_rest() -> None:
    controllers = [
        bridge("rp1", "pcie-root-port", "pcie.0", 1, chassis=1),
        bridge("rp2", "pcie-root-port", "pcie.0", 2, chassis=2, hotplug=False),
        bridge("rp3", "pcie-root-port", "pcie.0", 3, chassis=3),
        bridge("p2p", "pcie-pci-bridge", "rp3", 0),
    ]
    devices = [
        endpoint("hot", "e1000e", "rp1"),
        endpoint("switched-off", "e1000e", "rp2"),
        endpoint("root", "nvme", "pcie.0", 5),
        endpoint("bridge", "virtio-net-pci-transitional", "p2p", 1),
        endpoint("slot-0", "virtio-blk-pci", "p2p", 0),
        endpoint("class", "VGA", "p2p", 2),
    ]
    planned = layout(controllers, devices)
    assert hot_ids(planned) == ["hot", "bridge"]
    assert cold_plug(planned) == ["switched-off", "root", "slot-0", "class"]
    assert device_add(planned)[0] == {
        "execute": "device_add",
        "arguments": {"driver": "e1000e", "id": "hot", "bus": "rp1", "addr": "0x0.0"},
    }


def test_function_0_is_added_last() -> None:
    members = [endpoint(f"f{n}", "e1000e", "rp", function=n, multifunction=n == 0) for n in range(3)]
    planned = layout([bridge("rp", "pcie-root-port", "pcie.0", chassis=1)], members)
    assert hot_ids(planned) == ["f1", "f2", "f0"]


def test_a_slot_is_added_whole_or_not_at_all() -> None:
    controllers = [bridge("rp", "pcie-root-port", "pcie.0", chassis=1), bridge("p2p", "pcie-pci-bridge", "rp", 0)]
    controllers.append(bridge("br", "pci-bridge", "p2p", 4, chassis_nr=1))
    devices = [
        endpoint("with-video", "nvme", "p2p", 3),
        endpoint("video", "VGA", "p2p", 3, 1),
        endpoint("beside-bridge", "nvme", "p2p", 4, 1),
        endpoint("no-function-0", "nvme", "p2p", 5, 1),
    ]
    planned = layout(controllers, devices)
    assert hot_ids(planned) == []
    assert cold_plug(planned) == [device.id for device in devices]


@pytest.mark.parametrize(
    ("machine", "chipset", "takes"),
    [
        ("q35", {}, {"rp", "p2p", "on", "off", "rpx", "p2px", "onx"}),
        ("q35", {"acpi": False}, {"rp", "p2p", "on", "rpx", "p2px", "onx"}),
        ("pc-q35-6.0", {}, {"rp", "p2p", "on", "rpx", "p2px", "onx"}),
        ("pc-q35-6.1", {}, {"rp", "p2p", "on", "off", "p2px", "onx"}),
    ],
)
def test_hotplug_buses_of_q35(machine: str, chipset: dict[str, bool], takes: set[str]) -> None:
    tree = [bridge("px", "pxb-pcie", "pcie.0", 9, bus_nr=128)]
    for end, root in (("", "pcie.0"), ("x", "px")):
        tree += [
            bridge(f"rp{end}", "pcie-root-port", root, 1),
            bridge(f"p2p{end}", "pcie-pci-bridge", f"rp{end}", 0),
            bridge(f"on{end}", "pci-bridge", f"p2p{end}", 1),
            bridge(f"off{end}", "pci-bridge", f"p2p{end}", 2, shpc=False),
            bridge(f"dmi{end}", "i82801b11-bridge", root, 3),
        ]
    assert hotplug_buses(layout(tree, machine=machine, **chipset)) == takes


@pytest.mark.parametrize(("acpi", "takes"), [(True, {"pci.0", "on", "off", "onx"}), (False, {"on", "onx"})])
def test_hotplug_buses_of_pc(acpi: bool, takes: set[str]) -> None:
    tree = [bridge("px", "pxb", "pci.0", 9, bus_nr=128)]
    for end, root in (("", "pci.0"), ("x", "px")):
        tree += [bridge(f"on{end}", "pci-bridge", root, 1), bridge(f"off{end}", "pci-bridge", root, 2, shpc=False)]
    assert hotplug_buses(layout(tree, machine="pc", acpi=acpi)) == takes


@pytest.mark.parametrize(
    ("place", "fields", "says"),
    [
        (("devices", 3), {"model": "virtio-nett"}, "layout: devices.net2.model: 'virtio-nett' is not in the catalogue"),
        (("controllers", 0), {"model": "xyz"}, "layout: controllers.rp1.model: 'xyz' is not a controller"),
        (("devices", 3), {"properties": {"bus": "x"}}, "net2: 'bus' is not a property that a layout may carry"),
        (("devices", 3), {"properties": {"mac": "a\nb"}}, "net2: mac: .* has a control character"),
        (("devices", 3), {"driver": "e1000\n"}, "net2: its device type or its bus has a control character"),
    ],
)
def test_what_qemu_cannot_be_told_is_one_error_that_names_it(
    place: tuple[str, int], fields: dict[str, object], says: str
) -> None:
    data = small_layout().model_dump(mode="json")
    data[place[0]][place[1]] |= fields
    strange = Layout.model_validate(data)
    with pytest.raises(QslotError, match=says) as error:
        strange.to_qmp()
    assert len(str(error.value).splitlines()) == 1
    assert tree(strange)
    assert [one.rule for one in verify(Guest(machine="q35"), strange) if one.severity == "error"]
    if "model" in fields:
        assert strange.to_qemu()  # QEMU may know more
        assert standalone(strange)
    else:
        with pytest.raises(QslotError, match=says):
            strange.to_qemu()


def test_a_machine_type_adds_no_options_of_its_own() -> None:
    strange = small_layout().model_copy(update={"machine": "q35,firmware=/etc/shadow"})
    assert "q35,,firmware=/etc/shadow,memory-backend=standin.ram0" in standalone(strange)
