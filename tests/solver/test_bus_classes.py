"""A bus class is a value: built once, told from every other by what it says, and merged with none that says more."""

from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from qslot.schema import Guest
from qslot.schema.firmware.pieces import Memory
from qslot.solver.aggregate.bus_class_builder import BusClassBuilder
from qslot.solver.aggregate.bus_class_drafts import BusClassDraft, merged
from qslot.solver.aggregate.bus_classes import ALL_FUNCTIONS, BusClass, BusKind, Level, SharedBy, SlotKind
from qslot.solver.aggregate.items import items_of
from qslot.solver.aggregate.listed_controllers import ListedControllers
from qslot.solver.aggregate.pins import Occupancy, PinConflict
from qslot.solver.formulation import Formulation
from qslot.testing.generator import request

LEVEL = Level("pcie.0", None, expander=False, depth=1)
SLOT = SlotKind(ALL_FUNCTIONS, SharedBy.EMPTY, has_zero=False, cost=0, takes_hotplug=True, numbers=(0,))
PORT = BusClass(BusKind.PORT, "pcie-root-port", LEVEL, (SLOT,), takes_hotplug=True, listed_ids=("rp0",))
OF_THE_DRAFT = {"parent", "possible_parents", "nesting", "bus_numbers_left"}
"""Fields that are known only once a draft is finished: of ports on one bus they are the same."""


def classes(guest: Guest, formulation: Formulation) -> list[BusClass]:
    items = items_of(guest)
    return BusClassBuilder(ListedControllers(guest, items, Occupancy(guest, items)), formulation).build()


def values(found: list[BusClass]) -> list[object]:
    """All of each class; those that it may hang on by their places in the list."""
    names = [one.name for one in fields(BusClass) if one.name not in ("parent", "possible_parents")]
    return [(*(getattr(one, name) for name in names), tuple(map(found.index, one.above))) for one in found]


@pytest.mark.parametrize("formulation", [Formulation(), Formulation(exact_io=True), Formulation(chains=False)])
@pytest.mark.parametrize("seed", range(40))
def test_classes_of_a_guest_are_all_different_values(seed: int, formulation: Formulation) -> None:
    guest = Guest.model_validate(request(seed))
    try:
        found, again = classes(guest, formulation), classes(guest, formulation)
    except PinConflict:
        return
    assert len(set(values(found))) == len(found)
    assert values(found) == values(again)
    for one in found:
        assert all(other in found[: found.index(one)] for other in one.above)


def test_a_class_is_final() -> None:
    with pytest.raises(FrozenInstanceError):
        PORT.max_count = 2  # type: ignore[misc]


def test_a_finished_class_gets_no_further_parents() -> None:
    draft = BusClassDraft(PORT)
    draft.finish(lambda bus, _: bus.bus_numbers_left)
    with pytest.raises(AssertionError):
        draft.may_hang_on(PORT)


def merged_with(**other: Any) -> int:
    """How many classes two empty ports are that differ in these fields."""
    guest = Guest.model_validate({"machine": "q35"})
    root = BusClassDraft(replace(PORT, kind=BusKind.ROOT, model=None, listed_ids=()))
    ports = [BusClassDraft(one, parent=root) for one in (PORT, replace(PORT, listed_ids=("rp1",), **other))]
    return len(merged(ports, Occupancy(guest, items_of(guest))))


def test_empty_ports_side_by_side_are_one_class() -> None:
    assert merged_with() == 1


SAID = {one.name for one in fields(BusClass) if one.init} - OF_THE_DRAFT - {"listed_ids", "max_count"}


@pytest.mark.parametrize("name", sorted(SAID))
def test_ports_that_differ_in_anything_are_two(name: str) -> None:
    other = {"slots": (), "kept_memory": Memory(narrow=True), "io_reserve_pages": 1}.get(name, object())
    assert merged_with(**{name: other}) == 2


def test_what_moves_is_not_looked_at_inside_itself() -> None:
    """A switch that may hang on its own port would be a class of its own on each level, and so would all inside."""
    chain = {"up": "x3130-upstream", "down": "xio3130-downstream"}
    guest = Guest.model_validate({
        "machine": "q35",
        "controllers": [{"id": name, "model": model} for name, model in chain.items()],
        "devices": [{"id": "nic", "model": "virtio-net", "near_switch": ["disk"]}, {"id": "disk", "model": "nvme"}],
    })  # fmt: skip
    for one in classes(guest, Formulation()):
        if one.listed_ids == ("up",):
            assert one.level.switches.count("up") == 1


def test_bridges_share_the_names_of_as_many_address_spaces_as_there_are_iommu_groups() -> None:
    bridges = [{"id": f"bridge{number}", "model": "pci-bridge"} for number in range(5)]
    card: dict[str, Any] = {"model": "vfio-pci", "connect": "conventional", "bars": []}
    guest = Guest.model_validate({
        "machine": "pc",
        "controllers": bridges,
        "devices": [
            {"id": "mmu", "model": "virtio-iommu"},
            *({"id": f"card{group}", "iommu_group": group, **card} for group in (1, 2)),
        ],
    })  # fmt: skip
    topmost = [one for one in classes(guest, Formulation()) if one.level.depth == 1 and one.model == "pci-bridge"]
    assert {one.level.space for one in topmost} == {None, "address space 0", "address space 1"}
    assert len(topmost) == 3 * (len(bridges) + 1)
