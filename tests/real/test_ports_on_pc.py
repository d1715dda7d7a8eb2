"""PCI Express on machine pc: what QEMU starts and plugs, what both firmwares and Linux make of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from qslot.schema import Layout
from qslot.schema.firmware import predict
from qslot.schema.layout.topology import topology_of
from qslot.schema.libvirt import SourceError
from qslot.schema.libvirt.domain import read_domain
from qslot.schema.probe import probe, running
from qslot.schema.request.firmware import FirmwareName
from qslot.solver import solve
from qslot.testing.libvirt import Libvirt

from . import this_qemu
from .hotplug import hotplug
from .layouts import Seat, at, controller, layout
from .linux.guest import boot_linux
from .linux.initramfs import Boot
from .random_layouts import random_layout
from .test_device_schema import domain
from .test_firmware import hold

pytestmark = pytest.mark.real

BRIDGES_OFF = {"bridge_hotplug": False}
CHIPSETS: dict[str, dict[str, Any]] = {
    "ACPI": {},
    "no ACPI behind bridges": BRIDGES_OFF,
    "no ACPI on the root bus": {"root_hotplug": False},
    "no ACPI": {"acpi": False},
}


def tree(**chipset: Any) -> Layout:
    """A bus of each kind that may be behind a port of pc, and ports that take no hot-plug, or end it."""
    ports = ("ioh3420", "pcie-root-port", "ioh3420", "ioh3420", "ioh3420")
    seats: list[Seat] = [
        *(controller(f"pci.0:{n + 3}", model, f"rp{n}", chassis=n) for n, model in enumerate(ports, 1)),
        controller("pci.0:9", "ioh3420", "cold", chassis=9, hotplug="off"),
        controller("rp3:0", "x3130-upstream", "up"),
        controller("up:0", "xio3130-downstream", "dp", chassis=10),
        controller("rp4:0", "pcie-pci-bridge", "p2p"),
        controller("p2p:1", "pci-bridge", "br", chassis_nr=20),
        at("rp1:0", "e1000e", "net"),
    ]
    return this_qemu.here(layout("pc", *seats, chipset=chipset))


@pytest.mark.parametrize("seed", range(6))
def test_seabios(seed: int) -> None:
    hold(random_layout(seed, "pc", this_qemu.firmware("seabios"), heavy=seed % 2 > 0, express=True))


@pytest.mark.parametrize("seed", [0, 1])
def test_ovmf(seed: int) -> None:
    hold(random_layout(seed, "pc", this_qemu.firmware("ovmf"), heavy=seed % 2 > 0, express=True))


@pytest.mark.parametrize("firmware", ["seabios", "ovmf"])
def test_planned_guest(firmware: FirmwareName) -> None:
    """As planned it starts and is enumerated as foretold; what is hot-pluggable there is."""
    guest = this_qemu.request(
        {
            "machine": "pc",
            "firmware": firmware,
            "controllers": [{"id": "old", "model": "ioh3420"}, {"id": "free", "model": "pcie-root-port"}],
            "devices": [
                {"id": "net", "model": "virtio-net", "address": "old:00.0", "hotplug": "required"},
                {"id": "disk", "model": "nvme"},
            ],
        }
    )
    plan = solve(guest).require()
    assert probe(plan).differences == ()
    with running(plan) as machine:
        assert hotplug(machine, "e1000e", "free", 0) is None


@pytest.mark.parametrize("name", CHIPSETS)
def test_hotplug_that_is_told_is_taken(name: str) -> None:
    plan = tree(**CHIPSETS[name])
    with running(plan) as machine:
        refused = {bus: hotplug(machine, "e1000e", bus, slot) for bus, slot in hot(plan)}
    assert refused
    assert {bus: complaint for bus, complaint in refused.items() if complaint} == {}


def hot(plan: Layout) -> Iterator[tuple[str, int]]:
    for bus in topology_of(plan.machine_model, plan).buses.values():
        if bus.takes_hotplug and bus.controller is not None and bus.id != "rp1" and not holds_bridge(plan, bus.id):
            yield bus.id, 0 if bus.is_port else 3


def holds_bridge(plan: Layout, bus: str) -> bool:
    return any(one.bus == bus and one.slot == 0 for one in plan.controllers)


@pytest.mark.parametrize("name", CHIPSETS)
def test_linux_plugs_where_it_is_told(name: str, guest: Boot) -> None:
    """It has a slot for hot-plug on each port that takes it, but where a bridge sits, and on no other port."""
    plan = tree(**CHIPSETS[name])
    numbers = predict(plan).secondary
    view = boot_linux(plan, guest)
    plugged = {place[:2] for place in view.slots.values()}
    buses = topology_of(plan.machine_model, plan).buses.values()
    for bus in (one for one in buses if one.is_port and not holds_bridge(plan, one.id)):
        assert (f"{numbers[bus.id]:02x}" in plugged) is bus.takes_hotplug, bus.id


def test_libvirt_refuses_it(libvirt: Libvirt) -> None:
    """Each alone, and so do we, in words of our own."""
    for model in (
        "pcie-root-port", "pcie-switch-upstream-port", "pcie-switch-downstream-port", "pcie-to-pci-bridge",
    ):  # fmt: skip
        text = domain(f"<controller type='pci' index='1' model='{model}'/>", "pc")
        assert "error" in libvirt.ask(text)
        with pytest.raises(SourceError, match=f"takes no {model} on pc"):
            read_domain(text.encode())
