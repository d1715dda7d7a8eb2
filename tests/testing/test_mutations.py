"""A mutation breaks the rule meant and no other; there is one for each rule that a layout must keep."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import qslot
from qslot import testing
from qslot.schema.rules import LAYOUT_RULES, STATEMENT_RULES
from qslot.testing import guests, mutations, restate
from qslot.testing.mutants import BESIDE

from ..schema.good import PC_GUEST, Q35_GUEST

BREAKABLE = [rule.code for rule in (*LAYOUT_RULES, *STATEMENT_RULES)]
HOST = {"model": "vfio-pci", "connect": "hybrid", "bars": [], "iommu_group": 14}
NVME = {"id": "disk0", "model": "nvme"}
FULL = [{"id": f"net{n}", "model": "virtio-net", "virtio": "transitional"} for n in range(14)]
CARD: list[dict[str, Any]] = [
    {"id": name, "model": "virtio-net", "group": "card", "hotplug": "never", "properties": properties}
    for name, properties in (("pf", {}), *((f"vf{n}", {"sriov-pf": "pf"}) for n in range(3)))
]
CROWD = {"machine": "pc", "devices": [{"id": f"net{n}", "model": "e1000"} for n in range(33)]}
"""Enough for bridges of the planner's own."""
SPECIAL: dict[str, dict[str, Any]] = {
    "virtual-functions": {"machine": "q35", "devices": [{"id": "igb0", "model": "igb", "hotplug": "never"}]},
    "sriov-pf": {"machine": "q35", "devices": CARD},
    "virtio-slot": {
        "machine": "q35",
        "devices": [{"id": "net0", "model": "virtio-net", "virtio": "modern", "virtio_by": "slot"}],
    },
    "companion": {"machine": "q35", "devices": [{"id": "iommu0", "model": "amd-iommu"}]},
    "iommu-group": {
        "machine": "q35",
        "needs": ["viommu"],
        "chipset": {"caching_mode": True},
        "devices": [{"id": f"host{n}", **HOST} for n in range(2)] + [{"id": "old0", "model": "rtl8139"}],
    },
    "eject": {"machine": "q35", "devices": [NVME | {"hotplug": "never"}], "policy": {"eject": "protect"}},
    "order": {"machine": "q35", "devices": [NVME, {"id": "disk1", "model": "nvme"}], "order": ["disk1", "disk0"]},
    "preset": {"machine": "q35", "devices": [NVME], "policy": {"preset": "libvirt"}},
    "frozen": PC_GUEST | {"policy": {"frozen": True}},
    "kept-controllers": PC_GUEST,
    "io-space": {"machine": "q35", "devices": FULL},
    "max-controllers": {"machine": "q35", "devices": [NVME], "policy": {"max_controllers": 1}},
    "max-depth": {
        "machine": "q35",
        "controllers": [{"id": "p2p1", "model": "pcie-pci-bridge"}],
        "devices": [{"id": "old0", "model": "e1000", "hotplug": "never"}],
        "policy": {"max_depth": 1},
    },
    "near": PC_GUEST | {"devices": [*PC_GUEST["devices"], {"id": "net1", "model": "e1000", "near": ["net0"]}]},
    "numa": PC_GUEST,
    "slot-sharing": {"machine": "q35", "devices": [NVME, {"id": "vga0", "model": "VGA"}]},
    "memory-space": {"machine": "q35", "devices": [], "spare": [{"kind": "pcie"}]},
    "machine-model": PC_GUEST,
    "chassis-nr": CROWD,
    "shpc": CROWD,
}
"""Guests in which a rule has a hold; for the others it is the rich one of the checker's own tests."""
BEFORE = ("frozen", "kept-controllers")
"""Rules about a previous layout."""


@pytest.mark.parametrize("rule", BREAKABLE)
def test_each_rule_is_broken_alone(rule: str) -> None:
    guest = qslot.Guest.model_validate(SPECIAL.get(rule, Q35_GUEST))
    layout = qslot.solve(guest).require()
    before = layout if rule in BEFORE else None
    mutant = next(mutations(guest, layout, rule, before))
    found = {one.rule for one in qslot.verify(guest, mutant, before) if one.severity == "error"}
    assert rule in found
    assert found - BESIDE.get(rule, frozenset()) == {rule}


def test_a_restated_layout_keeps_every_rule() -> None:
    guest = qslot.Guest.model_validate(Q35_GUEST)
    layout = qslot.solve(guest).require()
    again = restate(layout)
    assert [one for one in qslot.verify(guest, again) if one.severity == "error"] == []
    assert (again.guest_addresses, again.io_windows) == (layout.guest_addresses, layout.io_windows)


@pytest.mark.parametrize("rule", ["no-acpi", "host-machine", "nonsense"])
def test_what_no_layout_breaks_is_refused(rule: str) -> None:
    guest = qslot.Guest(machine="q35")
    with pytest.raises(qslot.ArgumentError, match="no rule that a layout must keep"):
        next(mutations(guest, qslot.solve(guest).require(), rule))


@given(guests(most=3, small=True, verdict="feasible"), st.sampled_from(("complete", "tree", "hash")))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_layout_has_mutations(guest: qslot.Guest, rule: str) -> None:
    assert next(mutations(guest, qslot.solve(guest).require(), rule))


def test_public_names_are_no_modules() -> None:
    """A module of the same name would take the place of what is public, once it is loaded."""
    folder = Path(testing.__file__).parent
    assert [name for name in testing.__all__ if (folder / f"{name}.py").exists() or (folder / name).is_dir()] == []
