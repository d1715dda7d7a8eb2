"""What encoder, checker and oracle all take from one place, on old machine types: virtio modes, chipset, hot-plug."""

from typing import Any

import pytest

from qslot.schema import Layout, VirtioMode
from qslot.schema.catalog.measure.ask import NOT_PLUGGABLE
from qslot.schema.pci.machine import Chipset, machine_of
from qslot.schema.probe import CommandError, boot, differences, running
from qslot.schema.probe.found import walk

from ..reference import best_layout
from .hotplug import hotplug
from .layouts import at, controller, layout
from .query_pci import rows
from .this_qemu import request

pytestmark = pytest.mark.real

Q35 = [f"pc-q35-{version}" for version in ("2.4", "2.6", "2.7", "2.9", "3.1", "4.2", "5.2")]
PC = [f"pc-i440fx-{version}" for version in ("2.4", "2.6", "2.7", "2.9", "3.1", "4.2", "5.2")]

OLD_IDS = range(0x1000, 0x1040)
"""PCI device ids of virtio 0.9, legacy and transitional (virtio 1.0, 4.1.2.3)."""
VIRTIO_1_BAR = 4
"""QEMU's virtio devices have their virtio 1.0 registers in that BAR, if any."""


def mode_of(entry: dict[str, Any]) -> VirtioMode:
    if entry["id"]["device"] not in OLD_IDS:
        return VirtioMode.MODERN
    bars = {region["bar"] for region in entry["regions"]}
    return VirtioMode.TRANSITIONAL if VIRTIO_1_BAR in bars else VirtioMode.LEGACY


@pytest.mark.parametrize("machine", Q35 + PC)
def test_virtio_modes_and_io_bars_by_slot_and_machine_type(machine: str) -> None:
    """Each model plain on the root bus and, on q35, behind a port; and with its mode spelled out by properties."""
    q35 = "q35" in machine
    devices: list[dict[str, Any]] = []
    for model in ("virtio-net", "virtio-blk", "virtio-scsi", "virtio-rng"):
        devices.append({"id": f"{model}-root", "model": model, "virtio_by": "slot", "address": None})
        if q35:
            devices.append({"id": f"{model}-port", "model": model, "virtio_by": "slot", "address": f"{model}-rp:00.0"})
        for mode in VirtioMode:
            how = {"virtio": mode, "virtio_by": "property", "address": None}
            devices.append({"id": f"{model}-{mode}", "model": model, **how})
    slot = iter(range(3, 31))
    root = "pcie.0" if q35 else "pci.0"
    for device in devices:
        device["address"] = device["address"] or f"{root}:{next(slot):02x}.0"
    ports = [{"id": d["address"].partition(":")[0], "model": "pcie-root-port"} for d in devices if "rp" in d["address"]]
    guest = request({"machine": machine, "devices": devices, "controllers": ports})
    planned = best_layout(guest)
    assert planned is not None
    enumeration = boot(planned)
    found = {row["qdev_id"]: row for row in rows(enumeration.tree)}
    assert {d.id: mode_of(found[d.id]) for d in planned.devices} == {d.id: d.virtio for d in planned.devices}
    io = {d.id: sum(r["size"] for r in found[d.id]["regions"] if r["type"] == "io") for d in planned.devices}
    assert io == {d.id: guest.resolved[d.id].io_bytes(d.virtio) for d in planned.devices}
    assert differences(planned, enumeration) == []


@pytest.mark.parametrize("machine", [*Q35, "pc-q35-6.0", "q35", *PC, "pc"])
def test_chipset_functions_by_machine_type(machine: str) -> None:
    """All with an empty id on bus 0 are the chipset's; nothing else is."""
    for usb in (False, True):
        known = machine_of(machine, Chipset(usb=usb))
        tree = boot(layout(machine, at(f"{known.root}:9", "edu", "guest"), chipset={"usb": usb})).tree
        found = {(one["slot"], one["function"]) for one in tree[0]["devices"] if not one["qdev_id"]}
        assert found == set(known.taken)
        regions = [one["regions"] for one in tree[0]["devices"] if not one["qdev_id"]]
        assert sum(r["size"] for rows in regions for r in rows if r["type"] == "io") == known.io_bytes


@pytest.mark.parametrize(
    ("machine", "by_acpi"), [("pc-q35-2.4", False), ("pc-q35-5.2", False), ("pc-q35-6.0", False), ("pc-q35-6.1", True)]
)
def test_bridges_without_shpc_on_q35(machine: str, by_acpi: bool) -> None:
    """They take hot-plug from version 6.1 on, by ACPI; ports and bridges with SHPC always did."""
    planned = layout(
        machine,
        controller("pcie.0:1.0+", "pcie-root-port", "rp0", chassis=1),
        controller("pcie.0:1.1", "pcie-root-port", "rp1", chassis=2),
        controller("rp0:0", "pcie-pci-bridge", "p2p"),
        controller("p2p:2", "pci-bridge", "dull", chassis_nr=1, shpc=False),
        controller("p2p:3", "pci-bridge", "keen", chassis_nr=2, shpc=True),
    )
    with running(planned) as started:
        taken = {
            bus: hotplug(started, "e1000", bus, slot) is None
            for bus, slot in (("pcie.0", 9), ("rp1", 0), ("p2p", 5), ("dull", 1), ("keen", 1))
        }
    assert taken == {"pcie.0": False, "rp1": True, "p2p": True, "dull": by_acpi, "keen": True}
    assert machine_of(machine, Chipset()).acpi_bridge_hotplug is by_acpi


@pytest.mark.parametrize("machine", ["pc-i440fx-2.4", "pc-i440fx-2.9", "pc-i440fx-5.2"])
def test_bridges_without_shpc_on_pc(machine: str) -> None:
    planned = layout(machine, controller("pci.0:3", "pci-bridge", "dull", chassis_nr=1, shpc=False))
    with running(planned) as started:
        assert [hotplug(started, "e1000", bus, 9) for bus in ("pci.0", "dull")] == [None, None]


@pytest.mark.parametrize("machine", ["pc-i440fx-5.2", "pc"])
def test_bridges_take_hotplug_where_the_root_bus_of_pc_takes_none(machine: str) -> None:
    below = controller("pci.0:3", "pci-bridge", "dull", chassis_nr=1, shpc=False)
    planned = layout(machine, below, chipset={"root_hotplug": False})
    with running(planned) as started:
        assert [hotplug(started, "e1000", bus, 9) is None for bus in ("pci.0", "dull")] == [False, True]


def group_port() -> Layout:
    return layout("q35", controller("pcie.0:1", "pcie-root-port", "rp", chassis=1))


def plug(machine: Any, driver: str, function: int) -> str | None:
    place = {"driver": driver, "id": f"f{function}", "bus": "rp", "addr": f"0x0.{function}"}
    try:
        machine.execute("device_add", place | {"multifunction": function == 0})
    except CommandError as error:
        return str(error)
    return None


def test_a_group_is_plugged_with_function_0_last() -> None:
    with running(group_port()) as machine:
        assert [plug(machine, driver, n) for driver, n in (("e1000e", 2), ("virtio-net-pci", 1), ("e1000e", 0))] == [
            None
        ] * 3


def test_a_group_with_a_member_that_is_not_hot_pluggable_is_not_plugged() -> None:
    """QEMU takes each member by itself: what one does not take, the group does not take."""
    with running(group_port()) as machine:
        assert plug(machine, "e1000e", 1) is None
        said = plug(machine, "ich9-usb-ehci1", 0)
    assert said is not None
    assert any(words in said for words in NOT_PLUGGABLE)


def test_nothing_joins_a_slot_whose_function_0_is_there() -> None:
    with running(group_port()) as machine:
        assert plug(machine, "e1000e", 0) is None
        assert plug(machine, "e1000e", 1) is not None


@pytest.mark.facts_of("7.2")
def test_edk2_before_202308_opens_io_windows_by_itself() -> None:
    """A page for a bridge with SHPC, also behind a port that has no io-reserve: room for one spare slot with IO."""
    planned = layout(
        "q35",
        controller("pcie.0:1", "ioh3420", "ioh", chassis=1),
        controller("ioh:0", "pcie-pci-bridge", "p2p"),
        firmware={"name": "ovmf", "version": "2022.11"},
    )
    found = {one.id: one.own for one in walk(planned, boot(planned).tree)}
    assert {name: own.io.size for name, own in found.items() if own is not None} == {"ioh": 4096, "p2p": 4096}
