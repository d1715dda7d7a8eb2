"""Policy eject: what QEMU's ACPI tables, its device_del and Linux then offer to eject; windows and names."""

import re
import struct
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from qslot.schema import Layout, Solved
from qslot.schema.layout.topology import port_hotplug, topology_of
from qslot.schema.probe import CommandError, differences, running
from qslot.solver import Options, solve
from qslot.testing.generator import request as drawn
from qslot.testing.generator import valid

from .linux.guest import boot_linux
from .linux.initramfs import Boot
from .test_linux import assert_io, assert_names
from .this_qemu import request, said_here

if TYPE_CHECKING:
    from qslot.schema.probe.machine import RunningMachine

pytestmark = pytest.mark.real

COLD: Final = (
    {"id": "disk", "model": "nvme", "hotplug": "never"},
    {"id": "nic", "model": "e1000e", "hotplug": "never"},
)
HOT: Final = {"id": "hot", "model": "virtio-net", "hotplug": "required"}
OLD: Final = {"id": "old", "model": "e1000", "hotplug": "never"}
NO_HOTPLUG: Final = ("does not support hotplugging", "unsupported by the port device")
"""QEMU's words where ACPI would do it, and where the port would."""
ROOT_SLOTS: Final = 30
"""Slots of pci.0 that QEMU's tables offer to eject where they offer any: 2 to 31."""
OF_QEMU: Final = b"BOCHS "
"""Who made a table, in its head."""
PATIENCE: Final = 30.0
"""Seconds for SeaBIOS to find QEMU's tables, once it is done with PCI."""


def planned(machine: str, eject: str, *devices: dict[str, Any], **fields: Any) -> Layout:
    return solve(request({"machine": machine, "policy": {"eject": eject}, "devices": devices, **fields})).require()


def tables(qemu: "RunningMachine", layout: Layout, folder: Path) -> bytes:
    """The DSDT as it is in the guest's memory. SeaBIOS has one of its own there until it takes QEMU's."""
    file = folder / "memory"
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        qemu.execute("pmemsave", {"val": 0, "size": layout.platform.memory, "filename": str(file)})
        memory = file.read_bytes()
        for found in re.finditer(b"DSDT", memory):
            (size,) = struct.unpack_from("<I", memory, found.start() + 4)
            table = memory[found.start() : found.start() + size]
            if sum(table) % 256 == 0 and OF_QEMU in table[:36]:
                return table
        time.sleep(0.2)
    raise AssertionError("no DSDT")


def undeletable(qemu: "RunningMachine", names: list[str]) -> set[str]:
    """Devices that QEMU refuses to take out as their bus takes no hot-plug."""
    return {name for name in names if any(words in complaint(qemu, name) for words in NO_HOTPLUG)}


def complaint(qemu: "RunningMachine", name: str) -> str:
    """QEMU's, of a device_del; nothing if it asks the guest."""
    try:
        qemu.execute("device_del", {"id": name})
    except CommandError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(("eject", "offered", "kept"), [("allow", 3, set()), ("protect", 1, {"disk", "nic"})])
def test_ports_of_q35(eject: str, offered: int, kept: set[str], tmp_path: Path) -> None:
    layout = planned("q35", eject, *COLD, HOT)
    with running(layout) as qemu:
        assert differences(layout, qemu.enumeration) == []
        assert tables(qemu, layout, tmp_path).count(b"_EJ0") == offered
        assert undeletable(qemu, [one.id for one in layout.devices]) == kept
        for port in layout.controllers:
            where = {"path": f"/machine/peripheral/{port.id}", "property": "hotplug"}
            assert qemu.execute("qom-get", where) == port_hotplug(port)


@pytest.mark.parametrize(("eject", "offered", "kept"), [("allow", ROOT_SLOTS, set()), ("protect", 0, {"nic", "old"})])
def test_all_of_pci_0(eject: str, offered: int, kept: set[str], tmp_path: Path) -> None:
    layout = planned("pc", eject, {**COLD[1], "model": "e1000"}, OLD)
    with running(layout) as qemu:
        assert differences(layout, qemu.enumeration) == []
        assert tables(qemu, layout, tmp_path).count(b"_EJ0") == offered
        assert undeletable(qemu, ["nic", "old"]) == kept


def test_a_bridge_of_pc_is_not_reached(tmp_path: Path) -> None:
    """What must be plugged sits there; and so does `old`, by its pin, of which the layout warns."""
    bridge = {"id": "br", "model": "pci-bridge"}
    layout = planned("pc", "protect", HOT, {**OLD, "address": "br:05.0"}, controllers=[bridge])
    assert [(one.rule, one.subjects) for one in layout.warnings if one.rule == "ejectable"] == [("ejectable", ("old",))]
    with running(layout) as qemu:
        assert differences(layout, qemu.enumeration) == []
        assert tables(qemu, layout, tmp_path).count(b"_EJ0") > 0
        assert undeletable(qemu, ["hot", "old"]) == set()


def random_guests(first: int) -> Iterator[tuple[int, Layout]]:
    """Planned random guests of q35 whose ports the policy turns off, all or some."""
    for seed in count(first):
        data = drawn(seed)
        policy = {**data.get("policy", {}), "eject": "protect"}
        if "q35" not in data["machine"] or "-" in data["machine"] or not isinstance(data["firmware"], str):
            continue
        guest = valid(said_here({**data, "policy": policy}))
        if guest is None or guest.phys_bits is not None or guest.pci_hole64 is not None or guest.memory >= 1 << 39:
            continue
        outcome = solve(guest, Options(time_limit=10))
        if isinstance(outcome, Solved) and turned_off(outcome.layout):
            yield seed, outcome.layout


def turned_off(layout: Layout) -> set[str]:
    """Ports without hot-plug."""
    topology = topology_of(layout.machine_model, layout)
    return {
        bus.id for bus in topology.buses.values() if bus.is_port and bus.controller and not port_hotplug(bus.controller)
    }


@pytest.mark.parametrize("first", range(30_000, 30_400, 200))
def test_random_guests_have_the_windows_that_are_predicted(first: int) -> None:
    """Three each."""
    wrong = {}
    for seed, layout in islice(random_guests(first), 3):
        there = [one.id for one in layout.devices if one.bus in turned_off(layout)]
        with running(layout) as qemu:
            found = [str(one) for one in differences(layout, qemu.enumeration)]
            if undeletable(qemu, there) != {*there}:
                found.append("can be taken out")
        if found:
            wrong[seed] = found
    assert wrong == {}


@pytest.mark.parametrize("machine", ["q35", "pc"])
def test_linux_has_no_slot_there(guest: Boot, machine: str) -> None:
    """Interfaces of pci.0 are no longer called by their slots: ens3 is enp0s3."""
    nic = {**COLD[1], "model": "e1000"} if machine == "pc" else COLD[1]
    layout = planned(machine, "protect", nic, HOT)
    outcome = planned(machine, "allow", nic, HOT)
    view = boot_linux(layout, guest)
    assert_names(layout, view)
    assert_io(layout, view)
    at = {name: str(layout.guest_addresses[name])[:5] for name in ("nic", "hot")}
    assert at["nic"] not in view.slots.values()
    assert at["hot"] in view.slots.values()
    if machine == "pc":
        assert (layout.guest_names["nic"], outcome.guest_names["nic"]) == ("enp0s2", "ens2")
