"""With each mend of a wrong answer switched off, what stands beside the solver sees the fault: docs/model.md, "Second
opinions"."""

from collections.abc import Callable
from importlib import import_module
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from qslot.schema import Guest, Solved, Undecided
from qslot.schema.firmware.pieces import NONE
from qslot.solver import solve
from qslot.solver.address_model import candidates
from qslot.solver.aggregate import bus_class_builder, bus_class_drafts, controller_reserves, item_kinds
from qslot.solver.aggregate.bus_class_drafts import BusClassDraft
from qslot.solver.aggregate.bus_classes import BusClass, BusKind, KeptRoom
from qslot.solver.model import io_space, memory, memory_blocks, memory_need, spare_slots, two_lists
from qslot.solver.model.linear import LinearExpr, LinearModel, sum_of
from qslot.solver.model.prefetchable import Held
from qslot.solver.model.variables import Variables
from qslot.solver.search import optimize

from ..laws.changes import LAWS
from ..opinions import addresses, oracle, rows
from ..opinions.laws import asked
from .ask import Data
from .once_wrong import (
    ALIGNED,
    BEHIND_A_PORT,
    BEHIND_IOH3420,
    BELOW_A_LARGE_RESERVE,
    BESIDE_AN_EMPTY_ROOT,
    BLOCKS_OF_TWO_LISTS,
    GAP_IN_A_SWITCH,
    INSIDE_A_FLOATING_BRIDGE,
    INSIDE_A_RESERVE_OF_THE_OTHER,
    JOINED,
    LARGE_CARD,
    NEEDS_A_KEEPER,
    PADDED,
    PORT_IN_THE_FIRST_BLOCK,
    TOO_LARGE_A_RESERVE,
    TWO_PORTS,
)

SOLVING: Final = import_module("qslot.solver.solving")
Patch = pytest.MonkeyPatch
Opinion = Callable[[Guest, Any], str]


class Fault(NamedTuple):
    """How a mend is switched off, and what sees it on that guest: an opinion that disagrees, or none where the answer
    itself shows it, undecided without a limit."""

    data: Data
    plant: Callable[[Patch], None]
    seen_by: tuple[Opinion, ...] = ()


def joiners_are_free(patch: Patch) -> None:
    patch.setattr(optimize, "restricted_to_least_weights", lambda model, _: model)


def few_fields_are_compared(patch: Patch) -> None:
    names = ("model", "level", "slots", "takes_hotplug", "io_reserve_pages")

    def looks(one: BusClassDraft) -> object:
        return (*(getattr(one.bus, name) for name in names), one.parent)

    patch.setattr(bus_class_drafts, "all_but_ids", looks)
    patch.setattr(BusClass, "is_tracked", property(lambda bus: bus.bus_reserve is not None or bus.io_reserve_pages > 1))


def no_page_of_its_own(patch: Patch) -> None:
    patch.setattr(spare_slots, "shpc_opens_page", lambda _: False)


def only_free_items_wish(patch: Patch) -> None:
    patch.setattr(
        bus_class_builder, "wished_nodes", lambda _, items: {kind.numa for kind in items.free if kind.numa is not None}
    )


def a_constant_for_infinity(patch: Patch) -> None:
    for module in (memory, memory_blocks, memory_need):
        patch.setattr(module, "MIB", 1)
    patch.setattr(LinearModel, "add_le", lambda self, what, limit: self.add_range(-1 << 40, what - limit, 0))
    patch.setattr(item_kinds, "may_be_short", lambda _: True)


def what_is_nowhere_counts(patch: Patch) -> None:
    patch.setattr(Held, "_any", lambda *_: LinearExpr(constant=1))


def what_is_behind_other_ports_is_taken_off(patch: Patch) -> None:
    def empty_ports(v: Variables, classes: list[BusClass]) -> LinearExpr:
        ports = sum_of(v.controller_count(bus) for bus in classes if bus.kind is BusKind.PORT)
        hanging = (bus for bus in classes if any(host.kind is BusKind.PORT for host in bus.above))
        return ports - sum_of(map(v.controller_count, hanging))

    patch.setattr(memory_need, "_empty_ports", empty_ports)


def everybody_keeps_room(patch: Patch) -> None:
    patch.setattr(BusClass, "spare_room", property(lambda _: KeptRoom()))
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def reserves_take_no_memory(patch: Patch) -> None:
    patch.setattr(controller_reserves, "kept_memory", lambda *_: NONE)
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def sums_alone(patch: Patch) -> None:
    patch.setattr(io_space, "io_blocks", lambda *_: ())
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def nothing_is_padded(patch: Patch) -> None:
    patch.setattr(io_space, "_padded", lambda *_: ())
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def controllers_ask_for_nothing(patch: Patch) -> None:
    patch.setattr(memory_need.MemoryNeed, "_has_low_bar", lambda *_: False)
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def one_of_several_buses_is_nowhere(patch: Patch) -> None:
    patch.setattr(Held, "_from_anywhere_below", lambda *_: None)
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def all_memory_is_alike(patch: Patch) -> None:
    patch.setattr(memory_need.MemoryNeed, "_prefetchable", lambda *_: LinearExpr())
    patch.setattr(SOLVING, "within_reach", lambda _: False)


def memory_is_in_one_list(patch: Patch) -> None:
    patch.setattr(two_lists.TwoLists, "capacities", lambda _: iter(()))
    patch.setattr(SOLVING, "within_reach", lambda _: False)


FAULTS: Final[dict[str, Fault]] = {
    "joiners are free": Fault(JOINED, joiners_are_free, (rows.opinion, addresses.opinion, oracle.opinion)),
    "few fields are compared": Fault(TWO_PORTS, few_fields_are_compared, (addresses.opinion, oracle.opinion)),
    "no page of its own": Fault(BEHIND_IOH3420, no_page_of_its_own, (addresses.opinion, oracle.opinion)),
    "only free items wish": Fault(INSIDE_A_FLOATING_BRIDGE, only_free_items_wish, (addresses.opinion, oracle.opinion)),
    "a constant for infinity": Fault(LARGE_CARD, a_constant_for_infinity, (addresses.opinion, oracle.opinion)),
    "what is nowhere counts": Fault(BESIDE_AN_EMPTY_ROOT, what_is_nowhere_counts, (addresses.opinion, oracle.opinion)),
    "what is behind other ports is taken off": Fault(
        BEHIND_A_PORT, what_is_behind_other_ports_is_taken_off, (addresses.opinion, oracle.opinion)
    ),
    "everybody keeps room": Fault(NEEDS_A_KEEPER, everybody_keeps_room),
    "reserves take no memory": Fault(TOO_LARGE_A_RESERVE, reserves_take_no_memory),
    "sums alone": Fault(ALIGNED, sums_alone),
    "nothing is padded": Fault(PADDED, nothing_is_padded),
    "controllers ask for nothing": Fault(PORT_IN_THE_FIRST_BLOCK, controllers_ask_for_nothing),
    "one of several buses is nowhere": Fault(BELOW_A_LARGE_RESERVE, one_of_several_buses_is_nowhere),
    "all memory is alike": Fault(INSIDE_A_RESERVE_OF_THE_OTHER, all_memory_is_alike),
    "memory is in one list": Fault(BLOCKS_OF_TWO_LISTS, memory_is_in_one_list),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_mend_that_is_switched_off_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FAULTS[name]
    guest = Guest.model_validate(fault.data)
    with monkeypatch.context() as patch:
        fault.plant(patch)
        outcome = solve(guest)
    for opinion in fault.seen_by:
        assert opinion(guest, outcome).startswith("DISAGREE")
    if not fault.seen_by:
        assert isinstance(outcome, Undecided)
        assert outcome.reason == "unconfirmed"


def test_a_switch_that_does_not_matter_is_seen_by_a_law(monkeypatch: pytest.MonkeyPatch) -> None:
    guest, matter = Guest.model_validate(GAP_IN_A_SWITCH), candidates._switches_matter
    outcome = solve(guest)
    assert isinstance(outcome, Solved)
    assert asked(LAWS["unlisted"], guest, outcome.layout, Random(1)) == "kept"
    monkeypatch.setattr(candidates, "_switches_matter", lambda guest, things, **_: matter(guest, things, apart=False))
    assert asked(LAWS["unlisted"], guest, outcome.layout, Random(1)).startswith("infeasible once changed")
