"""A property has one value, however it is spelled: the answer is the same, and it is proved."""

import pytest

from qslot.schema import Guest, Infeasible, Solved
from qslot.schema.verify import verify
from qslot.solver import solve

from .ask import Data, device, pc, q35

SAME: dict[str, tuple[Data, Data]] = {
    "io-reserve with a unit (A3)": (
        pc(controllers=[device("k", "pci-bridge", properties={"io-reserve": "8K"})]),
        pc(controllers=[device("k", "pci-bridge", properties={"io-reserve": 8192})]),
    ),
    "io-reserve 0 as text, with IO pinned inside": (
        q35(
            device("a", "e1000", address="k:00.0"),
            controllers=[device("k", "pcie-root-port", properties={"io-reserve": "0"})],
        ),
        q35(
            device("a", "e1000", address="k:00.0"),
            controllers=[device("k", "pcie-root-port", properties={"io-reserve": 0})],
        ),
    ),
    "numa_node as text, with a wish pinned inside (A5)": (
        pc(
            device("a", "e1000", numa=0, address="p:01.0", hotplug="never"),
            controllers=[device("p", "pxb", properties={"numa_node": "0"})],
            numa_nodes=1,
        ),
        pc(
            device("a", "e1000", numa=0, address="p:01.0", hotplug="never"),
            controllers=[device("p", "pxb", numa=0)],
            numa_nodes=1,
        ),
    ),
    "hotplug as a property, required inside (A6)": (
        q35(
            device("a", "e1000e", hotplug="required", address="k:00.0"),
            controllers=[device("k", "pcie-root-port", properties={"hotplug": "off"})],
        ),
        q35(
            device("a", "e1000e", hotplug="required", address="k:00.0"),
            controllers=[device("k", "pcie-root-port", hotplug=False)],
        ),
    ),
    "hotplug as a property, room for a port": (
        q35(
            device("a", "nvme", hotplug="required"),
            controllers=[device("k", "pcie-root-port", properties={"hotplug": "no"})],
        ),
        q35(
            device("a", "nvme", hotplug="required"),
            controllers=[device("k", "pcie-root-port", hotplug="off")],
        ),
    ),
    "shpc": (
        pc(
            device("a", "rtl8139", hotplug="required"),
            controllers=[device("k", "pci-bridge", properties={"shpc": "false"})],
            chipset={"acpi": False},
        ),
        pc(
            device("a", "rtl8139", hotplug="required"),
            controllers=[device("k", "pci-bridge", properties={"shpc": False})],
            chipset={"acpi": False},
        ),
    ),
    "bus_nr in hexadecimal": (
        q35(controllers=[device("p", "pxb-pcie", properties={"bus_nr": "0x80"})]),
        q35(controllers=[device("p", "pxb-pcie", properties={"bus_nr": 128})]),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_spelling_changes_no_answer(name: str) -> None:
    one, other = (Guest.model_validate(data) for data in SAME[name])
    found = solve(one)
    assert found == solve(other)
    assert isinstance(found, Solved | Infeasible)
    if isinstance(found, Solved):
        assert found.layout.status == "optimal"
        assert [finding for finding in verify(one, found.layout) if finding.severity == "error"] == []


def test_a_disk_that_its_slot_makes_legacy_pays_for_no_better_place() -> None:
    """A15: on a machine type before 2.7 it is legacy in every slot, so it costs nothing to be on pcie.0."""
    disk = device("a", "virtio-blk", virtio_by="slot", address="pcie.0:0a", hotplug="never")
    found = solve(Guest.model_validate(q35(disk) | {"machine": "pc-q35-2.6"}))
    assert isinstance(found, Solved)
    assert {term.term: term.value for term in found.layout.objective}["preferences"] == 0
    newer = solve(Guest.model_validate(q35(disk) | {"machine": "pc-q35-2.7"}))
    assert isinstance(newer, Solved)
    assert {term.term: term.value for term in newer.layout.objective}["preferences"] == 4
