"""The terms of the objective, as docs/semantics.md lists them."""

from ...schema.firmware.budget import PAGE
from ...schema.request.fields import Term
from ...schema.weights import WEIGHTS
from .buses import BusSlots, BusType
from .connectors import connector_of, is_legacy_virtio
from .rules import meets
from .spaces import SharedSpaces
from .things import SeatedItem
from .tree import Tree
from .variables import Expression, Seats


def terms(seats: Seats, tree: Tree, spaces: SharedSpaces, windows: Expression) -> dict[Term, Expression]:
    """Each term's value; that of `preferences` is at least what is paid, and just that where it is least."""
    return {
        "preferences": preferences(seats, tree) + spaces.cost(),
        "io_windows": PAGE * windows,
        "controllers": sum(seats.exists.values()),
        "depth": sum(_depth(seats, tree, item) for item in seats.things.items),
    }


def _depth(seats: Seats, tree: Tree, item: SeatedItem) -> Expression:
    depth = seats.model.new_int_var(0, len(seats.bridges), f"depth of {item.key}")
    seats.inherits(item.key, depth, tree.depth.__getitem__)
    return item.size * depth


def preferences(seats: Seats, tree: Tree) -> Expression:
    """A sum of weights over what each item and each created switch pays."""
    switches = [
        seats.exists[key] for key, one in seats.bridges.items() if one.created and one.model == "x3130-upstream"
    ]
    paid = WEIGHTS["switch"] * sum(switches)
    for item in seats.things.items:
        for bus, here in seats.on[item.key].items():
            paid += _of_bus(seats, item, seats.buses[bus]) * here
        shared = _shared(seats, item)
        paid += WEIGHTS["shared"] * item.size * shared
        if item.need == "preferred":
            paid += WEIGHTS["hotplug-unmet"] * item.size * _unmet(seats, tree, item, shared)
        if item.node is None and seats.roots:
            paid += WEIGHTS["foreign-node"] * item.size * _foreign(seats, tree, item)
    return paid


def _of_bus(seats: Seats, item: SeatedItem, bus: BusSlots) -> int:
    """What the kind of bus costs: express-on-conventional, express-on-root, legacy-on-port, chipset-place."""
    weight = 0
    for one in item.members:
        if seats.guest.machine_model.family == "q35":
            if connector_of(seats.guest, one) in ("express", "hybrid"):
                weight += WEIGHTS["express-on-conventional"] * bus.is_conventional
                weight += WEIGHTS["express-on-root"] * (bus.kind is BusType.ROOT)
            weight += WEIGHTS["legacy-on-port"] * (is_legacy_virtio(one) and bus.kind is BusType.PORT)
        weight += WEIGHTS["chipset-place"] * (one.chipset_place is not None and bus.kind is not BusType.ROOT)
    return weight


def _shared(seats: Seats, item: SeatedItem) -> Expression:
    """At least 1 where somebody else, or the chipset, is in its slot."""
    shared = seats.model.new_bool_var(f"{item.key} shares")
    for (bus, slot), sits in seats.sits[item.key].items():
        there = seats.buses[bus].slots[slot]
        if there.chipset:
            seats.implies(sits, shared)
        for other, theirs in seats.in_slot[bus, slot].items():
            if other != item.key and not there.others:
                seats.model.add(sits + theirs <= 1 + shared)
    return shared


def _unmet(seats: Seats, tree: Tree, item: SeatedItem, shared: Expression) -> Expression:
    unmet = seats.model.new_bool_var(f"{item.key} unmet")
    seats.implies(shared, unmet)
    for (bus, slot), sits in seats.sits[item.key].items():
        seats.model.add(sits - meets(seats, tree, item, bus, slot) <= unmet)
    return unmet


def _foreign(seats: Seats, tree: Tree, item: SeatedItem) -> Expression:
    foreign = seats.model.new_bool_var(f"{item.key} foreign")
    for bus, here in seats.on[item.key].items():
        seats.model.add(here + tree.off_main(bus) <= 1 + foreign)
    return foreign
