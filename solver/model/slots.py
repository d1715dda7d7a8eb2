"""Rules of slots: every item seated, capacity, who shares, function 0 filled."""

from ...schema.pci.controllers import Need
from ..aggregate.bus_classes import JOINED_BY, BusClass, SharedBy, SlotKind
from .linear import LinearExpr, sum_of
from .seat_options import Option, SeatUse
from .variables import Variables, packed_as


def every_item_seated(v: Variables) -> None:
    """Rule complete: each item has exactly one seat, if it must be there."""
    seats: dict[object, LinearExpr] = {kind: LinearExpr() for kind in v.items.free}
    for option, count in zip(v.options, v.counts, strict=True):
        seats[option.kind].add(count)
    for group, members in v.items.open.instead.items():
        for kind, number in members.items():
            seats[kind].add(seats[group], number)
    for kind, items in v.items.free.items():
        v.demand(seats[kind], v.items.open.least.get(kind, len(items)), kind, most=len(items))


def every_controller_attached(v: Variables) -> None:
    """Rule complete: each controller that is not pinned hangs on one bus, each demanded one is there."""
    units: dict[int, list[BusClass]] = {}
    for bus in v.classes:
        if len(bus.possible_parents) > 1:
            v.linear.add_eq(sum_of(v.attached(bus, host) for host in bus.possible_parents), v.controller_count(bus))
        if bus.is_floating and bus.floating_group is not None:
            units.setdefault(bus.floating_group, []).append(bus)
    for variants in units.values():
        first = variants[0]
        least = 0 if first.optional else first.max_count
        v.demand(sum_of(v.controller_count(one) for one in variants), least, first.listed_ids, most=first.max_count)


def slots_suffice(v: Variables) -> None:
    """Rules address-unique, slot-sharing: no more slots used than there are, of each kind on each class of bus."""
    for bus in v.classes:
        _hanging_seated(v, bus)
        closed = _virtual_functions(v, bus)
        for index, slot in enumerate(bus.slots):
            single = [v.counts[i] for i in v.options_on(bus, slot) if v.options[i].is_alone]
            shared = [count for _, count in v.patterns(bus, index)]
            packed = v.packed_slots(bus, index)
            virtual = [closed[one] for one in slot.numbers if one in closed and slot.join is SharedBy.EMPTY]
            used = sum_of([*single, *shared, packed, *virtual, v.single(bus, index)])
            if used.terms:
                v.linear.add_le(used, v.controller_count(bus) * slot.count)
            for sort in v.packed_on(bus):
                slots, sitting = v.packed(bus, index, sort)
                v.linear.add_le(sitting, slots * slot.mask.bit_count())
            _at_home(v, bus, slot, sum_of([*single, v.single(bus, index)]), sum_of([*shared, packed]))
            for sort in v.packed_on(bus):
                _pinned_functions(v, bus, index, slot, sort)
            _function_zero(v, bus, index, slot)
            _shared(v, bus, index, slot)


def _virtual_functions(v: Variables, bus: BusClass) -> dict[int, LinearExpr]:
    """Rule virtual-functions, of what is not pinned on the root bus: whoever has some beyond his slot is in one with
    room for them, and nobody else where these are. Returns whether they are in each slot."""
    closed = v.closed_slots(bus)
    taken = dict(closed)
    for index, slot in enumerate(bus.slots):
        for reach, slots in v.own_slots(bus, index).items():
            alone = [v.counts[i] for i in v.options_on(bus, slot) if _is_alone(v.options[i], reach)]
            shared = [count for pattern, count in v.patterns(bus, index) if pattern.reach == reach]
            v.linear.add_eq(sum_of([*alone, *shared]), sum_of(slots.values()))
            for number, there in slots.items():
                taken[number] = taken.get(number, LinearExpr()) + there
    for once in taken.values():
        v.linear.add_le(once, 1)
    return closed


def _is_alone(option: Option, reach: frozenset[int]) -> bool:
    return option.is_alone and option.kind.reach == reach


def _at_home(v: Variables, bus: BusClass, slot: SlotKind, lone: LinearExpr, joined: LinearExpr) -> None:
    """Who may sit in a slot that only a pin gives, sits there beside nobody who must be alone, and may have to be."""
    for i in v.options_on(bus, slot, SeatUse.HOME):
        alone = v.options[i].kind.hotplug == "required"
        v.linear.add_le(v.counts[i] + lone + (joined if alone else 0), v.controller_count(bus) * slot.count)


def _hanging_seated(v: Variables, bus: BusClass) -> None:
    """Controllers that hang on a bus take its slots: alone, or packed one a function."""
    children = v.seated_children(bus)
    if children:
        for child in children:
            if packed_as(child) is not None and child.function is not None:
                seats = (v.seats_of(child, bus, index) for index in range(len(bus.slots)))
                v.linear.add_eq(v.attached(child, bus), sum_of(seats))
            elif child.function:
                v.linear.add_eq(v.attached(child, bus), 0)
        alone = sum_of(v.attached(child, bus) for child in children if packed_as(child) is None)
        v.linear.add_eq(alone, sum_of(v.single(bus, index) for index in range(len(bus.slots))))
        for sort in v.packed_on(bus):
            grouped = sum_of(v.attached(child, bus) for child in children if packed_as(child) is sort)
            v.linear.add_eq(grouped, sum_of(v.packed(bus, index, sort)[1] for index in range(len(bus.slots))))


def _pinned_functions(v: Variables, bus: BusClass, index: int, slot: SlotKind, sort: Need) -> None:
    """Controllers pinned to a function: one a slot has it, and somebody else fills function 0."""
    slots, sitting = v.packed(bus, index, sort)
    nonzero = LinearExpr()
    by_function: dict[int, LinearExpr] = {}
    for child, count in v.pinned_functions(bus, index, sort):
        assert child.function is not None
        by_function.setdefault(child.function, LinearExpr()).add(count)
        nonzero.add(count if child.function else 0)
    for function, count in by_function.items():
        v.linear.add_le(count, slots if slot.mask >> function & 1 else 0)
    if nonzero.terms and not slot.has_zero:
        v.linear.add_le(slots, sitting - nonzero)


def _function_zero(v: Variables, bus: BusClass, index: int, slot: SlotKind) -> None:
    """Rule function-zero: pinned functions without function 0 need somebody there."""
    for sort in v.packed_on(bus):
        slots, sitting = v.packed(bus, index, sort)
        v.linear.add_le(slots, sitting)
    if slot.join is SharedBy.EMPTY or slot.has_zero:
        return
    needed = v.controller_count(bus) * slot.count
    if slot.join in JOINED_BY.values():
        v.linear.add_eq(v.packed_slots(bus, index), needed)
    else:
        v.linear.add_eq(sum_of(count for _, count in v.patterns(bus, index)), needed)


def _shared(v: Variables, bus: BusClass, index: int, slot: SlotKind) -> None:
    """Rules slot-sharing, group: items with fixed functions sit as patterns say, lone devices between them."""
    patterns = v.patterns(bus, index)
    if not patterns:
        return
    lone = LinearExpr()
    fixed: dict[frozenset[int], LinearExpr] = {}
    for i in v.options_on(bus, slot, SeatUse.SHARED):
        functions, size = v.options[i].kind.taken, v.options[i].kind.size
        if functions is None:
            lone.add(v.counts[i], size)
        else:
            fixed.setdefault(functions, LinearExpr()).add(v.counts[i])
    for functions, count in fixed.items():
        v.linear.add_eq(count, sum_of(slots for pattern, slots in patterns if functions in pattern.sets))
    free = slot.mask.bit_count()
    v.linear.add_le(lone, sum_of(slots * (free - pattern.used) for pattern, slots in patterns))
    v.linear.add_le(sum_of(slots * pattern.least_lone(slot) for pattern, slots in patterns), lone)
