"""The rules of docs/semantics.md about single seats, one function a rule, named by its code.

`address-range`, `chipset`, `reserve`, `connect` of what is not pinned, and `tree` are in which seats exist at all
(buses, variables, tree); what runs out is in `room`.
"""

from collections.abc import Callable

from ...schema.pci.address import SLOTS
from ...schema.pci.controllers import VirtioMode
from ...schema.request.resolved import ResolvedDevice
from .buses import BusSlots, BusType, Slot
from .connectors import connector_of, has_group_mates
from .things import ROOT_PORTS, Bridge, Contradiction, Seated, SeatedItem
from .tree import Tree
from .variables import Expression, Seats


def state_all(seats: Seats, tree: Tree) -> None:
    """Raises Contradiction where what is pinned breaks a rule wherever the rest goes."""
    for rule in (address_unique, function_zero, slot_sharing):
        for bus in seats.buses.values():
            for slot in bus.slots.values():
                if not slot.others:
                    rule(seats, bus, slot)
    for one in (
        virtual_functions,
        virtio_slot,
        integrated,
        max_depth,
        hotplug,
        numa,
        near,
        near_switch,
        spare,
        preset,
    ):
        one(seats, tree)
    max_controllers(seats)


def _things(seats: Seats, bus: BusSlots, slot: Slot) -> list[tuple[Seated, Expression]]:
    """Who may join what is pinned there."""
    here = seats.in_slot.get((bus.name, slot.number), {})
    return [(thing, here[thing.key]) for thing in seats.things.floating if thing.key in here]


def _rooms(seats: Seats, bus: BusSlots, slot: Slot) -> list[Expression]:
    here = seats.in_slot.get((bus.name, slot.number), {})
    return [here[room.key] for room in seats.things.rooms if room.key in here]


def address_unique(seats: Seats, bus: BusSlots, slot: Slot) -> None:
    """No function twice: fixed ones are free and different, the others have as many as are left."""
    things = _things(seats, bus, slot)
    for function in {*slot.free, *(one for thing, _ in things for one in thing.taken)}:
        seats.model.add_at_most_one([sits for thing, sits in things if function in thing.taken])
    if things:
        seats.model.add(sum(thing.width * sits for thing, sits in things) <= len(slot.free))


def function_zero(seats: Seats, bus: BusSlots, slot: Slot) -> None:
    """Whoever is there, function 0 is: lone things take it first."""
    if slot.has_zero:
        return
    things = _things(seats, bus, slot)
    filled = sum(sits for thing, sits in things if 0 in slot.free and (thing.functions is None or 0 in thing.functions))
    if slot.pinned:
        seats.model.add(filled >= 1)
    for thing, sits in things:
        if thing.functions is not None and 0 not in thing.functions:
            seats.model.add(filled >= sits)


def mates(seats: Seats, thing: Seated) -> str | None:
    """Rules slot-sharing and companion: things of the same name may share a slot by themselves; None is alone."""
    if isinstance(thing, SeatedItem):
        alone = seats.guest.policy.preset == "libvirt" and thing.slot is None
        brings = any(one.model.brings for one in thing.members)
        return None if alone or brings or thing.need == "required" else "endpoints"
    if thing.model in ROOT_PORTS:
        return "root ports"
    return thing.model if thing.model in ("xio3130-downstream", "pci-bridge") else None


def slot_sharing(seats: Seats, bus: BusSlots, slot: Slot) -> None:
    """Pins may mix; what is not pinned joins only its mates, and a spare slot is empty."""
    things = _things(seats, bus, slot)
    rooms = _rooms(seats, bus, slot)
    if slot.pinned:
        if len(slot.pinned) > 1 and any(isinstance(one, SeatedItem) and one.need == "required" for one in slot.pinned):
            raise Contradiction(f"slot {slot.number} of {bus.name} is shared, and one there must be hot-pluggable")
        kinds = {mates(seats, one) for one in slot.pinned}
        for thing, sits in things:
            if kinds != {mates(seats, thing)} or None in kinds:
                seats.forbid(sits)
    kinds_here: dict[str, Expression] = {}
    single = list(rooms)
    for thing, sits in things:
        mate = mates(seats, thing)
        if mate is None:
            single.append(sits)
            continue
        if mate not in kinds_here:
            kinds_here[mate] = seats.model.new_bool_var(f"{bus.name} {slot.number:02x} for {mate}")
        seats.implies(sits, kinds_here[mate])
    seats.model.add_at_most_one([*single, *kinds_here.values()])


def _each(seats: Seats, wanted: Callable[[ResolvedDevice], bool]) -> list[SeatedItem]:
    return [item for item in seats.things.items if any(wanted(one) for one in item.members)]


def _only(seats: Seats, item: SeatedItem, allowed: Callable[[BusSlots], bool]) -> None:
    for bus, here in seats.on[item.key].items():
        if not allowed(seats.buses[bus]):
            seats.forbid(here)


def virtual_functions(seats: Seats, _tree: Tree) -> None:
    """Of what is not pinned, on the root bus: those beyond its own slot have slots where nobody else is."""
    root = seats.buses[seats.guest.machine_model.root]
    closing: dict[int, list[Expression]] = {}
    for item in seats.reaching(root):
        here = {slot: sits for (bus, slot), sits in seats.sits[item.key].items() if bus == root.name}
        for slot, sits in here.items():
            if not _is_free(seats, {(slot + offset, function) for offset, function in item.virtual if offset}):
                seats.forbid(sits)
            for offset in item.reach:
                closing.setdefault(slot + offset, []).append(sits)
    for number, closed in closing.items():
        seats.model.add_at_most_one(closed)
        for other in seats.in_slot.get((root.name, number), {}).values():
            seats.model.add(sum(closed) + other <= 1)


def _is_free(seats: Seats, places: set[tuple[int, int]]) -> bool:
    """Whether nothing that is on the root bus in any case has these functions, or is in their slots."""
    machine = seats.guest.machine_model
    slots = {slot for slot, _ in places}
    taken = {*machine.closed, *(slot for slot, _ in machine.taken)}
    for thing in seats.things.pinned:
        if thing.slot is not None and thing.slot[0] == machine.root:
            taken |= {thing.slot[1], *(thing.slot[1] + offset for offset in thing.reach)}
    reserved = [pin for pin in seats.guest.reserve if pin.bus == machine.root]
    kept = any(pin.slot == slot and pin.function in (None, one) for pin in reserved for slot, one in places)
    return max(slots) < SLOTS and slots.isdisjoint(taken) and not kept


def virtio_slot(seats: Seats, _tree: Tree) -> None:
    """A mode that only the slot tells: modern behind ports, transitional elsewhere."""
    for item in _each(seats, lambda one: one.slot_decides is VirtioMode.MODERN):
        _only(seats, item, lambda bus: bus.kind is BusType.PORT)
    for item in _each(seats, lambda one: one.slot_decides is VirtioMode.TRANSITIONAL):
        _only(seats, item, lambda bus: bus.kind is not BusType.PORT)


def integrated(seats: Seats, _tree: Tree) -> None:
    """Integrated devices sit on the root bus."""
    for item in _each(seats, lambda one: connector_of(seats.guest, one) == "integrated"):
        _only(seats, item, lambda bus: bus.kind is BusType.ROOT)


def max_depth(seats: Seats, tree: Tree) -> None:
    """Of endpoints, not of spare slots."""
    limit = seats.guest.policy.max_depth
    if limit is not None:
        for item in seats.things.items:
            for bus, here in seats.on[item.key].items():
                if isinstance(here, int):
                    seats.model.add(tree.depth[bus] <= limit)
                else:
                    seats.model.add(tree.depth[bus] <= limit).only_enforce_if(here)


def hotplug(seats: Seats, tree: Tree) -> None:
    """Required: a slot that takes it, with function 0 of the item's own (that it is alone there is slot-sharing)."""
    for item in seats.things.items:
        if item.need == "required":
            for (bus, slot), sits in seats.sits[item.key].items():
                seats.implies(sits, meets(seats, tree, item, bus, slot))


def meets(seats: Seats, tree: Tree, item: SeatedItem, bus: str, slot: int) -> Expression:
    """Whether hot-plug is met there, if the item is alone."""
    there = seats.buses[bus]
    if there.no_hotplug(slot) or there.slots[slot].chipset or 0 not in (item.functions or (0,)):
        return 0
    return tree.takes_hotplug(bus)


def numa(seats: Seats, tree: Tree) -> None:
    """Devices and controllers below an expander of their node."""
    for thing in seats.things.seated:
        if thing.node is not None and not (isinstance(thing, Bridge) and thing.is_expander):
            _on_node(seats, tree, thing.key, thing.node)


def _on_node(seats: Seats, tree: Tree, key: str, node: int) -> None:
    for bus, here in seats.on[key].items():
        seats.implies(here, tree.on_node(bus, node))


def _pairs(seats: Seats, field: str) -> list[tuple[SeatedItem, SeatedItem]]:
    owner = {name: item for item in seats.things.items for name in item.ids}
    wishes = [(item, getattr(one.device, field)) for item in seats.things.items for one in item.members]
    return [(item, owner[other]) for item, others in wishes for other in others]


def near(seats: Seats, tree: Tree) -> None:
    """The same root bus."""
    for one, other in _pairs(seats, "near"):
        for root in seats.roots:
            below = seats.model.new_bool_var(f"{one.key} {other.key} < {root.key}")
            for item in (one, other):
                seats.inherits(item.key, below, tree.inside(root.key).__getitem__)


def near_switch(seats: Seats, tree: Tree) -> None:
    """An upstream port that is above both."""
    for one, other in _pairs(seats, "near_switch"):
        both = {switch: seats.model.new_bool_var(f"{one.key} {other.key} < {switch}") for switch in tree.switches}
        seats.model.add(sum(both.values()) >= 1)
        for switch, chosen in both.items():
            for item in (one, other):
                for bus, here in seats.on[item.key].items():
                    seats.model.add(chosen + here <= 1 + tree.inside(switch)[bus])


def spare(seats: Seats, tree: Tree) -> None:
    """Hot-pluggable slots on the node that is asked for; a pcie spare's port keeps what it asks for."""
    for room in seats.things.rooms:
        for bus, here in seats.on[room.key].items():
            seats.implies(here, tree.takes_hotplug(bus))
        if room.spare.numa is not None:
            _on_node(seats, tree, room.key, room.spare.numa)


def preset(seats: Seats, tree: Tree) -> None:
    """Preset libvirt: of items whose slot is open, on the bus where libvirt puts such a one (alone: see `mates`)."""
    if seats.guest.policy.preset != "libvirt":
        return
    for item in seats.things.items:
        if item.slot is None:
            for bus, here in seats.on[item.key].items():
                for one in item.members:
                    seats.implies(here, _as_libvirt(seats, tree, one, seats.buses[bus]))
            for (bus, slot), sits in seats.sits[item.key].items():
                if seats.buses[bus].slots[slot].chipset:
                    seats.forbid(sits)


def _as_libvirt(seats: Seats, tree: Tree, one: ResolvedDevice, bus: BusSlots) -> Expression:
    connector = connector_of(seats.guest, one)
    if one.chipset_place is not None or connector == "integrated":
        return int(bus.kind is BusType.ROOT)
    if seats.guest.machine_model.family == "pc":
        return 1 if bus.kind is BusType.ROOT else tree.takes_hotplug(bus.name)
    if has_group_mates(seats.guest, one):
        return 0 if bus.kind is BusType.ROOT else tree.takes_hotplug(bus.name)
    plain = one.device.virtio in (None, "auto") or one.device.virtio_by == "slot"
    express = connector in ("express", "hybrid") or (plain and one.modes == (VirtioMode.LEGACY,))
    wanted = BusType.PORT if express else BusType.CONVENTIONAL
    return tree.takes_hotplug(bus.name) if bus.kind is wanted else 0


def max_controllers(seats: Seats) -> None:
    """No more bridges exist than the policy allows."""
    limit = seats.guest.policy.max_controllers
    if limit is not None:
        seats.model.add(sum(seats.exists.values()) <= limit)
