"""Layouts with an interface in every kind of slot that Linux may number or not."""

from typing import Any

from qslot.schema import Layout, VirtioMode

from ..layouts import Seat, at, controller, layout

MODERN = VirtioMode.MODERN


def root_port(place: str, number: int, **properties: Any) -> Seat:
    return controller(place, "pcie-root-port", f"rp{number}", chassis=number, **properties)


def e1000(*places: str, **properties: Any) -> list[Seat]:
    """Each with its place as id."""
    return [at(place, "e1000", place.rstrip("+").replace(":", "-"), **properties) for place in places]


def conventional(machine: str = "pc", **fields: Any) -> Layout:
    """pc: the root, slots shared with what cannot be unplugged, bridges with and without SHPC, nested, an expander."""
    return layout(
        machine,
        controller("pci.0:06", "pci-bridge", "br1", chassis_nr=1),
        controller("br1:0a", "pci-bridge", "br4", chassis_nr=4),
        controller("pci.0:07", "pci-bridge", "br2", chassis_nr=2, shpc="off"),
        controller("pci.0:08.0+", "pci-bridge", "br5", chassis_nr=5, shpc="off"),
        controller("pci.0:08.1", "pci-bridge", "br6", chassis_nr=6, shpc="off"),
        controller("pci.0:0b", "pxb", "pxb1", bus_nr=64),
        controller("pxb1:09", "pci-bridge", "br3", chassis_nr=3),
        at("pci.0:05.0+", "VGA", "video"),
        *e1000("pci.0:03", "pci.0:04.0+", "pci.0:04.1", "pci.0:01.4", "pci.0:05.1"),
        *e1000("br1:01", "br1:1d", "br2:03", "br4:02.0+", "br4:02.1", "br5:08", "br6:0b"),
        *e1000("pxb1:0c", "br3:1e", "br3:0d"),
        *e1000("pci.0:0e", acpi_index=77),
        *e1000("br1:0f", acpi_index=78),
        *e1000("pxb1:0e", acpi_index=79),
        **fields,
    )


def express(machine: str = "q35", **fields: Any) -> Layout:
    """q35: the root, ports with and without `slot` or hot-plug, switches, bridges of every kind, an expander."""
    ports: dict[str, dict[str, Any]] = {
        "2.0+": {},
        "2.1": {"slot": 5},
        "2.2": {"slot": 5},
        "2.3": {"slot": 9, "hotplug": "off"},
    }
    return layout(
        machine,
        *(root_port(f"pcie.0:{place}", n, **more) for n, (place, more) in enumerate(ports.items(), 1)),
        *(root_port(f"pcie.0:2.{n - 1}", n, slot=n + 1) for n in (5, 6, 7, 8)),
        controller("rp5:0", "x3130-upstream", "sw1"),
        controller("sw1:00", "xio3130-downstream", "dp1", chassis=20, slot=20),
        controller("sw1:03", "xio3130-downstream", "dp2", chassis=21, slot=21),
        controller("rp6:0", "pcie-pci-bridge", "p2p1"),
        controller("rp7:0", "pcie-pci-bridge", "p2p2"),
        controller("p2p1:0a", "pci-bridge", "br1", chassis_nr=40),
        controller("pcie.0:08", "i82801b11-bridge", "dmi1"),
        controller("pcie.0:09", "pxb-pcie", "pxb1", bus_nr=64),
        root_port("pxb1:00", 11, slot=11),
        root_port("pxb1:01", 12, slot=50),
        root_port("pxb1:02", 13, slot=51),
        root_port("pxb1:03", 14, slot=52, hotplug="off"),
        controller("rp13:0", "pcie-pci-bridge", "p2p3"),
        *(at(f"rp{n}:0", "virtio-net-pci", f"rp{n}-net", MODERN) for n in (1, 2, 3, 4, 11, 12)),
        *(at(place, "e1000e", place.partition(":")[0] + "-net") for place in ("rp8:0.0+", "dp1:0", "dp2:0")),
        at("rp8:0.1", "e1000e", "rp8-second"),
        *e1000("pcie.0:03", "pcie.0:04.0+", "pcie.0:04.1", "pcie.0:1f.4"),
        *e1000("p2p1:01", "p2p1:02.0+", "p2p1:02.1", "p2p2:01", "p2p2:02.0+", "p2p2:02.1", "p2p2:1d", "br1:03"),
        *e1000("dmi1:00", "dmi1:0e", "p2p3:04"),
        *e1000("pcie.0:05", acpi_index=77),
        *e1000("p2p2:0f", acpi_index=78),
        *e1000("dmi1:05", acpi_index=79),
        at("rp14:0", "e1000e", "rp14-net", acpi_index=80),
        *e1000("pcie.0:06.0+"),
        *e1000("pcie.0:06.1", acpi_index=81),
        **fields,
    )


def chipset_usb() -> Layout:
    """pc whose chipset has a function that can be unplugged, and a slot of the same number on another bus."""
    return layout(
        "pc",
        controller("pci.0:06", "pci-bridge", "br1", chassis_nr=1),
        *e1000("pci.0:03", "br1:01", "br1:02"),
        chipset={"usb": True},
    )


def few_ports(**fields: Any) -> Layout:
    """What a plan for q35 looks like: ports that share a slot, an interface on each, one on the root bus."""
    return layout(
        "q35",
        root_port("pcie.0:02.0+", 1),
        root_port("pcie.0:02.1", 2, hotplug="off"),
        root_port("pcie.0:02.2", 3, slot=30),
        at("rp1:0.0+", "e1000e", "twin0"),
        at("rp1:0.1", "e1000e", "twin1"),
        at("rp2:0", "e1000e", "indexed", acpi_index=7),
        at("rp3:0", "virtio-net-pci", "net", MODERN),
        at("pcie.0:05", "virtio-net-pci", "root", VirtioMode.TRANSITIONAL),
        **fields,
    )


def colliding() -> Layout:
    """Two bridges' functions 0 of many get the number of the slot that their bridge is in."""
    return layout(
        "pc-q35-6.0",
        root_port("pcie.0:02.0+", 1, slot=7),
        root_port("pcie.0:02.1", 2, slot=40),
        controller("rp1:0", "pcie-pci-bridge", "p2p1"),
        controller("rp2:0", "pcie-pci-bridge", "p2p2"),
        *e1000("p2p1:01", "p2p2:02.0+", "p2p2:02.1", "p2p2:03.0+", "p2p2:03.1", "p2p2:04"),
    )
