"""Rules connect, virtio-slot, integrated: which bus takes what, by itself and by pin; and single things."""

import pytest
from pydantic import ValidationError

from ..ask import (
    BadInput,
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
    only,
    pc,
    planned,
    policy,
    q35,
    refused,
    seats,
)

PORT = device("rp", "pcie-root-port", address="pcie.0:01.0")
BELOW_PORT = {"address": "rp:00.0"}

# the one bus with a free slot, and the controllers that make it
BUSES: dict[str, list[Data]] = {
    "port": [PORT],
    "ioh3420": [device("rp", "ioh3420", address="pcie.0:01.0")],
    "downstream port": [
        PORT,
        device("sw", "x3130-upstream", **BELOW_PORT),
        device("dp", "xio3130-downstream", address="sw:00.0"),
    ],
    "pcie-pci-bridge": [PORT, device("br", "pcie-pci-bridge", **BELOW_PORT)],
    "i82801b11-bridge": [device("br", "i82801b11-bridge", address="pcie.0:01.0")],
    "pci-bridge": [
        device("dmi", "i82801b11-bridge", address="pcie.0:01.0"),
        device("br", "pci-bridge", address="dmi:00.0"),
    ],
    "root": [],
    "switch": [PORT, device("sw", "x3130-upstream", **BELOW_PORT)],
    "pxb-pcie": [device("pxb", "pxb-pcie", address="pcie.0:01.0")],
}
PLACES = {
    "port": ("port", "ioh3420", "downstream port"),
    "conventional": ("pcie-pci-bridge", "i82801b11-bridge", "pci-bridge"),
    "root": ("root",),
    "never": ("switch", "pxb-pcie"),
}
PINS = {
    "port": "rp:00",
    "ioh3420": "rp:00",
    "downstream port": "dp:00",
    "pcie-pci-bridge": "br:02",
    "i82801b11-bridge": "br:02",
    "pci-bridge": "br:02",
    "root": "pcie.0:02",
    "switch": "sw:02",
    "pxb-pcie": "pxb:02",
}

THINGS: dict[str, tuple[Data, str]] = {
    "express": (device("a", "nvme", hotplug="never"), "port root"),
    "hybrid": (host("a", "hybrid", hotplug="never"), "port conventional root"),
    "virtio auto": (device("a", "virtio-net", hotplug="never"), "port conventional root"),
    "virtio modern": (device("a", "virtio-net", virtio="modern", hotplug="never"), "port conventional root"),
    "conventional": (device("a", "rtl8139", hotplug="never"), "conventional root"),
    "virtio transitional": (
        device("a", "virtio-net", virtio="transitional", hotplug="never"),
        "port conventional root",
    ),
    "virtio legacy": (device("a", "virtio-net", virtio="legacy", hotplug="never"), "port conventional root"),
    "integrated": (device("a", "virtio-iommu"), "root"),
    "integrated by request": (device("a", "pvpanic-pci", connect="integrated"), "root"),
    "legacy virtio integrated by request": (
        device("a", "virtio-rng", virtio="legacy", connect="integrated", hotplug="never"),
        "root",
    ),
}


def scarce(bus: str, thing: Data) -> Data:
    """A request in which that bus alone has room: of the root bus slot 02 where it is the root, else slot 01."""
    controllers = BUSES[bus]
    reserve = only("02.0" if bus == "root" else "01.0")
    if bus in ("downstream port", "pci-bridge"):
        above_it = "sw" if bus == "downstream port" else "dmi"
        reserve = [
            *reserve,
            *(f"{above_it}:{slot:02x}" for slot in range(1, 32)),
            *(f"{above_it}:00.{f}" for f in range(1, 8)),
        ]
    return q35(thing, controllers=controllers, reserve=reserve, policy=policy(max_controllers=len(controllers)))


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("kind", THINGS)
def test_connect(kind: str, bus: str) -> None:
    thing, places = THINGS[kind]
    data = scarce(bus, thing)
    if any(bus in PLACES[place] for place in places.split()):
        layout = planned(data)
        model = above(layout, "a")[0] if above(layout, "a") else "root"
        assert model in (bus, "pcie-root-port", "xio3130-downstream")
        assert seats(layout)["a"].partition(":")[0] == PINS[bus].partition(":")[0]
    else:
        refused(data)


@pytest.mark.parametrize("bus", [bus for bus in BUSES if bus not in PLACES["never"]])
@pytest.mark.parametrize("kind", [kind for kind in THINGS if "integrated" not in kind])
def test_a_pin_may_sit_on_every_bus_that_takes_endpoints(kind: str, bus: str) -> None:
    thing, _ = THINGS[kind]
    layout = planned(q35(thing | {"address": PINS[bus]}, controllers=BUSES[bus]))
    assert seats(layout)["a"] == f"{PINS[bus]}.0"


@pytest.mark.parametrize("bus", PLACES["never"])
@pytest.mark.parametrize("kind", THINGS)
def test_no_pin_to_a_bus_that_takes_no_endpoint(kind: str, bus: str) -> None:
    with pytest.raises(ValidationError, match=r"takes no|sits only on"):
        planned(q35(THINGS[kind][0] | {"address": PINS[bus]}, controllers=BUSES[bus]))


PC_BUSES = {
    "root": ([], "pci.0:02"),
    "pci-bridge": ([device("br", "pci-bridge", address="pci.0:02.0")], "br:01"),
    "pxb": ([device("pxb", "pxb", address="pci.0:02.0")], "pxb:00"),
}


@pytest.mark.parametrize("bus", PC_BUSES)
@pytest.mark.parametrize("kind", THINGS)
def test_connect_on_pc(kind: str, bus: str) -> None:
    """All is conventional there, but for what is integrated."""
    controllers, place = PC_BUSES[bus]
    held = only("02.0", machine="pc")
    data = pc(THINGS[kind][0], controllers=controllers, reserve=held, policy=policy(max_controllers=len(controllers)))
    if "integrated" in kind and bus != "root":
        refused(data)
    else:
        assert seats(planned(data))["a"] == f"{place}.0"


# ---- controllers

CONTROLLERS = {
    "pcie-root-port": ("root", "pxb-pcie"),
    "ioh3420": ("root", "pxb-pcie"),
    "i82801b11-bridge": ("root", "pxb-pcie"),
    "x3130-upstream": ("port", "ioh3420", "downstream port"),
    "pcie-pci-bridge": ("port", "ioh3420", "downstream port"),
    "xio3130-downstream": ("switch",),
    "pci-bridge": ("pcie-pci-bridge", "i82801b11-bridge", "pci-bridge"),
    "pxb-pcie": ("root",),
}


@pytest.mark.parametrize("bus", BUSES)
@pytest.mark.parametrize("model", CONTROLLERS)
def test_where_controllers_go(model: str, bus: str) -> None:
    data = scarce(bus, device("none", "AC97")) | {"devices": []}
    count = len(BUSES[bus]) + 1
    data |= {"controllers": [*BUSES[bus], device("one", model)], "policy": policy(max_controllers=count)}
    if bus in CONTROLLERS[model]:
        assert seats(planned(data))["one"].partition(":")[0] == PINS[bus].partition(":")[0]
    else:
        refused(data)


# ---- single things

PANIC = device("panic", "pvpanic-pci", connect="integrated")
IOMMU = device("iommu", "virtio-iommu")

BY_SLOT = device("a", "virtio-net", virtio_by="slot")
OLD = BY_SLOT | {"virtio": "transitional", "hotplug": "required"}
MODERN = BY_SLOT | {"virtio": "modern"}

TRIOS: Trios = {
    ("connect", "a conventional device"): Trio(
        Case(q35(device("a", "rtl8139")), {"a": "p2p1:01.0", "p2p1": "rp1:00.0"}),
        # a port alone would be hot-pluggable, too
        q35(device("a", "rtl8139", hotplug="required"), policy=policy(max_controllers=1)),
        Case(q35(device("a", "rtl8139", hotplug="preferred"), policy=policy(max_controllers=1)), {"a": "pcie.0:01.0"}),
    ),
    ("connect", "a root port"): Trio(
        Case(q35(controllers=[device("rp", "pcie-root-port")], reserve=only("01.0")), {"rp": "pcie.0:01.0"}),
        q35(controllers=[device("rp2", "pcie-root-port"), PORT], reserve=only("01.0")),
        Case(
            q35(
                controllers=[device("rp2", "pcie-root-port"), device("x", "pxb-pcie", address="pcie.0:01.0")],
                reserve=only("01.0"),
            ),
            {"rp2": "x:00.0"},
        ),
    ),
    ("single-balloon", "two of them"): Trio(
        Case(q35(device("a", "virtio-balloon"))),
        BadInput(q35(*devices(2, "virtio-balloon")), "QEMU takes one balloon a guest"),
        NoCase("how many there are is the request's to say; no place makes a second one possible"),
    ),
    ("single-model", "two of them"): Trio(
        Case(q35(device("a", "VGA"), device("b", "qxl-vga"))),
        BadInput(q35(*devices(2, "qxl-vga")), "QEMU takes one qxl-vga a guest"),
        NoCase("how many there are is the request's to say; no place makes a second one possible"),
    ),
    ("single-model", "old machine types"): Trio(
        Case(q35(device("a", "VGA"), device("b", "cirrus-vga")) | {"machine": "pc-q35-3.0"}),
        BadInput(
            q35(device("a", "VGA"), device("b", "cirrus-vga")) | {"machine": "pc-q35-2.12"},
            "QEMU takes one VGA or cirrus-vga or qxl-vga or vmware-svga a guest",
        ),
        NoCase("how many there are is the request's to say; no place makes a second one possible"),
    ),
    ("virtio-slot", "transitional"): Trio(
        Case(q35(OLD), {"a": "p2p1:"}),
        q35(OLD, controllers=[PORT], policy=policy(max_controllers=1)),
        Case(q35(OLD | {"hotplug": "never"}, controllers=[PORT], policy=policy(max_controllers=1)), {"a": "pcie.0"}),
    ),
    ("virtio-slot", "modern"): Trio(
        Case(q35(MODERN), {"a": "rp1:"}),
        q35(MODERN, policy=policy(max_controllers=0)),
        Case(q35(MODERN | {"virtio_by": "type"}, policy=policy(max_controllers=0)), {"a": "pcie.0"}),
    ),
    ("virtio-slot", "pinned"): Trio(
        Case(q35(OLD | {"address": "br:01"}, controllers=BUSES["pcie-pci-bridge"])),
        q35(OLD | {"address": "rp:00"}, controllers=BUSES["port"]),
        Case(q35(OLD | {"address": "rp:00", "virtio_by": "type"}, controllers=BUSES["port"])),
    ),
    ("integrated", "on the root bus"): Trio(
        Case(q35(IOMMU), {"iommu": "pcie.0:01.0"}),
        q35(IOMMU, reserve=only()),
        Case(q35(IOMMU, reserve=only("1f.7")), {"iommu": "pcie.0:1f.7"}),
    ),
    ("integrated", "by request"): Trio(
        Case(q35(PANIC, controllers=BUSES["pcie-pci-bridge"]), {"panic": "pcie.0:"}),
        scarce("pcie-pci-bridge", PANIC),
        Case(scarce("pcie-pci-bridge", PANIC | {"connect": "conventional"}), {"panic": "br:"}),
    ),
}


@pytest.mark.parametrize("key", TRIOS, ids=", ".join)
def test_rule(key: tuple[str, str]) -> None:
    check_trio(key[0], TRIOS[key])


def test_a_group_goes_only_where_all_its_members_may() -> None:
    """Express and conventional members have the root alone in common."""
    members = [device("a", "nvme", group="g", hotplug="never"), device("b", "rtl8139", group="g", hotplug="never")]
    layout = planned(q35(*members))
    assert above(layout, "a") == above(layout, "b") == []
    assert costs(layout) == {"preferences": 4}
    refused(q35(*members, reserve=only("1f")))
