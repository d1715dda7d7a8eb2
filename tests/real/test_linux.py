"""A Debian kernel and udev in a real QEMU: addresses, IO ports, virtio interfaces and interface names as predicted."""

from pathlib import Path

import pytest

from qslot.schema import Layout, Solved, VirtioMode
from qslot.schema.catalog import models
from qslot.schema.firmware import predict
from qslot.schema.formats.files import read_guest
from qslot.schema.layout.topology import topology_of
from qslot.schema.linux.interface_names import guest_names
from qslot.schema.linux.slot_numbers import acpi_tables, slot_numbers
from qslot.solver import solve

from . import this_qemu
from .layouts import at, layout
from .linux.guest import View, boot_linux
from .linux.initramfs import Boot
from .linux.layouts import chipset_usb, colliding, conventional, express, few_ports, root_port
from .this_qemu import OTHER_QEMU, here

pytestmark = pytest.mark.real

EXAMPLES = Path(__file__).parents[2] / "examples"
NO_ACPI = {"acpi": False}
OVMF = {"firmware": "ovmf", "memory": 512 << 20}
"""With 128 MiB OVMF does not load a kernel. Without ACPI, pciehp finds the ports' slots without power: no test."""


LAYOUTS = {
    "pc": conventional(),
    "pc with USB": chipset_usb(),
    "pc without ACPI": conventional(chipset=NO_ACPI),
    "pc without hot-plug on the root bus": conventional(chipset={"root_hotplug": False}),
    "q35": express(),
    "q35 without ACPI": express(chipset=NO_ACPI),
    "q35 6.0": express("pc-q35-6.0"),
    "q35 6.1": express("pc-q35-6.1"),
    "ovmf": few_ports(**OVMF),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_linux_sees_what_is_predicted(guest: Boot, name: str) -> None:
    plan = here(LAYOUTS[name])
    if plan.machine_model.family == "q35" and acpi_tables(plan) == "none":
        pytest.skip(f"{OTHER_QEMU} {this_qemu.name()}, whose SeaBIOS has no ACPI tables: Linux takes ports' power away")
    view = boot_linux(plan, guest)
    topology = topology_of(plan.machine_model, plan)
    assert numbers(plan, view) == slot_numbers(plan, topology, predict(plan).secondary)
    assert_names(plan, view)
    # without ACPI's word on what an expander forwards Linux assigns IO ports there itself, or none
    if plan.platform.chipset.acpi:
        assert_io(plan, view)


def test_planned_guest(guest: Boot) -> None:
    outcome = solve(read_guest(EXAMPLES / "rhel6-q35.yaml"))
    assert isinstance(outcome, Solved)
    view = boot_linux(outcome.layout, guest)
    assert names(outcome.layout, view) == outcome.layout.guest_names
    assert_io(outcome.layout, view)
    assert {address for address in outcome.layout.guest_addresses.values() if address} <= view.functions.keys()


def test_every_network_model_is_an_interface(guest: Boot) -> None:
    """But for igb, which QEMU 7.2 lacks, and rocker, for which Debian's kernel has no driver."""
    drivers = [m for m in models().values() if m.category == "network" and m.name not in ("igb", "rocker")]
    plan = layout(
        "pc",
        *(
            at(f"pci.0:{slot:x}", model.driver, model.name, VirtioMode.TRANSITIONAL if model.virtio else None)
            for slot, model in enumerate(drivers, 2)
        ),
    )
    assert names(plan, boot_linux(plan, guest)) == {m.name: f"ens{n}" for n, m in enumerate(drivers, 2)}


def test_of_two_with_the_same_name_one_keeps_the_kernel_s(guest: Boot) -> None:
    plan = here(colliding())
    view = boot_linux(plan, guest)
    assert_names(plan, view)
    assert [*guest_names(plan, predict(plan)).values()].count(None) == 2
    assert [str(names(plan, view)[name])[:3] for name in ("p2p2-02.0", "p2p2-03.0")].count("eth") == 1


def test_virtio_interfaces(guest: Boot) -> None:
    """RHEL 6 knows only virtio 0.9: `legacy` offers nothing else, and `auto` behind a port does not offer it."""
    plan = layout(
        "q35",
        root_port("pcie.0:02.0+", 1),
        root_port("pcie.0:02.1", 2),
        at("rp1:0", "virtio-net-pci", "auto", VirtioMode.MODERN),
        at("rp2:0", "virtio-net-pci-transitional", "both", VirtioMode.TRANSITIONAL),
        at("pcie.0:03", "virtio-net-pci", "legacy", VirtioMode.LEGACY, disable_legacy="off", disable_modern="on"),
        at("pcie.0:04", "virtio-blk-pci", "root", VirtioMode.TRANSITIONAL),
    )
    functions = boot_linux(plan, guest).functions
    seen = {name: functions[address] for name, address in predict(plan).guest_addresses.items() if address}
    assert {name: (one.device_id, bool(one.io), one.negotiated_version_1) for name, one in seen.items()} == {
        "auto": (0x1041, False, True),
        "both": (0x1000, True, True),
        "legacy": (0x1000, True, False),
        "root": (0x1001, True, True),
    }
    assert {one.driver for one in seen.values()} == {"virtio-pci"}


def numbers(plan: Layout, view: View) -> dict[tuple[str, int], int]:
    """Slots whose name is a positive number and nothing else, in the words of slot_numbers."""
    root = "pcie.0" if "q35" in plan.machine else "pci.0"
    buses = {0: root} | {number: name for name, number in predict(plan).secondary.items() if number is not None}
    plain = {int(name): place for name, place in view.slots.items() if name.isdigit() and int(name)}
    return {(buses[int(place[:2], 16)], int(place[3:], 16)): number for number, place in plain.items()}


def names(plan: Layout, view: View) -> dict[str, str | None]:
    addresses = predict(plan).guest_addresses
    return {
        name: view.functions[address].interface if address in view.functions else None
        for name, address in addresses.items()
    }


def assert_names(plan: Layout, view: View) -> None:
    """Where none is predicted for an interface, others ask for the same: all but one keep the kernel's."""
    found, predicted = names(plan, view), guest_names(plan, predict(plan))
    contested = {name: one for name, one in found.items() if one is not None and predicted[name] is None}
    assert {name: one for name, one in found.items() if name not in contested} == {
        name: one for name, one in predicted.items() if name not in contested
    }
    assert sum(not one.startswith("eth") for one in contested.values()) == bool(contested)


def assert_io(plan: Layout, view: View) -> None:
    """Every IO BAR; every window, to which Linux adds one of its own for each empty hot-pluggable bridge."""
    prediction = predict(plan)
    bars = {
        (name, bar): port
        for name, address in prediction.guest_addresses.items()
        if address
        for bar, port in view.functions[address].io.items()
    }
    assert bars == prediction.io_bars
    bridges = {controller.id: controller for controller in plan.controllers}
    for window in prediction.io_windows:
        bridge = bridges[window.controller]
        if bridge.model != "pxb":  # the bridge with the window is one that no layout lists
            number = prediction.secondary.get(bridge.bus, 0)
            seen = view.functions[f"{number:02x}:{bridge.slot:02x}.{bridge.function}"]
            assert seen.window == (window.base, window.size), window
