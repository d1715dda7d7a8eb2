"""Laws that hold for every guest, whatever its best layout is."""

from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from qslot.schema import Guest, Infeasible, Layout, Solved
from qslot.schema.verify import verify
from qslot.solver import Options, solve
from qslot.testing import guests

from ..laws.changes import LAWS
from ..opinions.laws import asked, elsewhere

PATIENCE = Options(time_limit=2)


def plan(guest: Guest) -> Layout | None:
    """None where there is no layout; what was not decided in time says nothing."""
    outcome = solve(guest, PATIENCE)
    assume(isinstance(outcome, Solved | Infeasible))
    return outcome.layout if isinstance(outcome, Solved) else None


@given(guests(most=40))
def test_a_solved_layout_breaks_no_rule_and_is_proved(guest: Guest) -> None:
    layout = plan(guest)
    assume(layout is not None)
    assert layout is not None
    assert [finding for finding in verify(guest, layout) if finding.severity == "error"] == []
    assert layout.status == "optimal"
    assert all(term.value == term.bound for term in layout.objective)


@pytest.mark.parametrize("law", LAWS)
@given(guest=guests(most=5, small=True), rng=st.randoms(use_true_random=False))
def test_the_cost_of_a_changed_request(law: str, guest: Guest, rng: Random) -> None:
    """What the law says in `tests/laws/changes.py`."""
    layout = plan(guest)
    assume(layout is not None)
    assert layout is not None
    assert asked(LAWS[law], guest, layout, rng, PATIENCE.time_limit or 0) in ("kept", "n/a")


def test_what_a_device_leaves_of_its_window_is_room_for_spare_slots() -> None:
    """Seed 2523: with OVMF a pcie-pci-bridge keeps no ports, so without the device a spare slot with IO takes another
    bridge."""
    bridge = {"id": "bridge", "model": "pcie-pci-bridge", "address": "above:00"}
    controllers = [{"id": "above", "model": "pcie-root-port"}, bridge]
    spare = [{"kind": "pci", "count": 1, "io": 1}]
    request = {"machine": "q35", "firmware": "ovmf", "controllers": controllers, "spare": spare}
    device = {"id": "nic", "model": "rtl8139", "hotplug": "required"}
    guest, bare = Guest.model_validate({**request, "devices": [device]}), Guest.model_validate(request)
    layout = solve(guest).require()
    assert len(layout.controllers) < len(solve(bare).require().controllers)
    assert LAWS["without_device"](guest, layout, Random(0)) is None


def test_a_viommu_lets_members_of_a_group_sit_on_conventional_buses() -> None:
    """Seed 11845: what is dearer without it."""
    member = {"model": "vfio-pci", "bars": [], "iommu_group": 7}
    devices = [
        {"id": "old", "connect": "conventional", **member},
        {"id": "mate", "connect": "express", **member},
        {"id": "mmu", "model": "virtio-iommu"},
    ]
    bridges = [{"id": "above", "model": "i82801b11-bridge"}, {"id": "bridge", "model": "pci-bridge"}]
    request = {"machine": "q35", "controllers": bridges, "policy": {"max_controllers": 2}}
    guest, bare = (Guest.model_validate({**request, "devices": devices[:number]}) for number in (3, 2))
    layout = solve(guest).require()
    costs, dearer = ({one.term: one.value for one in solve(one).require().objective} for one in (guest, bare))
    assert costs["preferences"] < dearer["preferences"]
    changes = (LAWS["without_device"](guest, layout, Random(seed)) for seed in range(20))
    left = [{one.id for one in change.guest.devices} for change in changes if change is not None]
    assert left
    assert all("mmu" in names for names in left)


@settings(max_examples=settings().max_examples // 2)
@given(guests(most=5, small=True), st.randoms(use_true_random=False))
def test_elsewhere_is_no_cheaper_but_by_pin(guest: Guest, rng: Random) -> None:
    layout = plan(guest)
    assume(layout is not None)
    assert layout is not None
    assert elsewhere(guest, rng, PATIENCE.time_limit or 0) in ("kept", "n/a")


@given(guests(most=40), st.integers(0, 1000))
def test_workers_and_seed_change_no_byte(guest: Guest, seed: int) -> None:
    layout = plan(guest)
    assume(layout is not None)
    other = solve(guest, Options(time_limit=60, workers=2, seed=seed))
    assert isinstance(other, Solved)
    assert layout is not None
    assert other.layout.model_dump_json() == layout.model_dump_json()


@given(guests(most=40))
def test_round_trip_as_json(guest: Guest) -> None:
    again = Guest.model_validate_json(guest.model_dump_json())
    assert again == guest
    assert again.sha256 == guest.sha256
    layout = plan(guest)
    if layout is not None:
        assert Layout.model_validate_json(layout.model_dump_json()) == layout
