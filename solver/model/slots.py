"""Rules of slots: every item seated, capacity, who shares, function 0 filled."""

from ..aggregate.bus_classes import BusClass, Join, SlotKind
from .linear import Sum, total
from .variables import Use, Variables, packs


def every_item_seated(v: Variables) -> None:
    """Rule complete: each item has exactly one seat, if it must be there."""
    seats: dict[object, Sum] = {kind: Sum() for kind in v.items.free}
    for option, count in zip(v.options, v.counts, strict=True):
        seats[option.kind].add(count)
    for group, members in v.items.open.instead.items():
        for kind, number in members.items():
            seats[kind].add(seats[group], number)
    for kind, items in v.items.free.items():
        v.demand(seats[kind], v.items.open.least.get(kind, len(items)), kind, most=len(items))


def every_controller_hangs(v: Variables) -> None:
    """Rule complete: each controller that is not pinned hangs on one bus, each demanded one is there."""
    units: dict[int, list[BusClass]] = {}
    for bus in v.classes:
        if len(bus.hosts) > 1:
            v.rows.equal(total(v.hanging(bus, host) for host in bus.hosts), v.buses(bus))
        if bus.movable and bus.unit is not None:
            units.setdefault(bus.unit, []).append(bus)
    for variants in units.values():
        first = variants[0]
        least = 0 if first.optional else first.most
        v.demand(total(v.buses(one) for one in variants), least, first.names, most=first.most)


def slots_suffice(v: Variables) -> None:
    """Rules address-unique, slot-sharing: no more slots used than there are, of each kind on each class of bus."""
    for bus in v.classes:
        _hanging_seated(v, bus)
        for index, slot in enumerate(bus.slots):
            single = [v.counts[i] for i in v.options_on(bus, slot) if v.options[i].use in (Use.HOT, Use.ALONE)]
            shared = [count for _, count in v.patterns(bus, index)]
            slots, sitting = v.grouped(bus, index)
            used = total([*single, *shared, slots, v.alone(bus, index)])
            v.rows.at_most(used, v.buses(bus) * slot.count)
            v.rows.at_most(sitting, slots * slot.mask.bit_count())
            _at_home(v, bus, slot, total([*single, v.alone(bus, index)]), total([*shared, slots]))
            _pinned_functions(v, bus, index, slot)
            _function_zero(v, bus, index, slot)
            _shared(v, bus, index, slot)


def _at_home(v: Variables, bus: BusClass, slot: SlotKind, lone: Sum, joined: Sum) -> None:
    """Who may sit in a slot that only a pin gives, sits there beside nobody who must be alone, and may have to be."""
    for i in v.options_on(bus, slot, Use.HOME):
        alone = v.options[i].kind.hotplug == "required"
        v.rows.at_most(v.counts[i] + lone + (joined if alone else 0), v.buses(bus) * slot.count)


def _hanging_seated(v: Variables, bus: BusClass) -> None:
    """Controllers that hang on a bus take its slots: alone, or packed one a function."""
    children = v.seated_children(bus)
    if children:
        for child in children:
            if packs(child) and child.function is not None:
                seats = (v.seats_of(child, bus, index) for index in range(len(bus.slots)))
                v.rows.equal(v.hanging(child, bus), total(seats))
            elif child.function:
                v.rows.equal(v.hanging(child, bus), 0)
        alone = total(v.hanging(child, bus) for child in children if not packs(child))
        v.rows.equal(alone, total(v.alone(bus, index) for index in range(len(bus.slots))))
        grouped = total(v.hanging(child, bus) for child in children if packs(child))
        v.rows.equal(grouped, total(v.grouped(bus, index)[1] for index in range(len(bus.slots))))


def _pinned_functions(v: Variables, bus: BusClass, index: int, slot: SlotKind) -> None:
    """Controllers pinned to a function: one a slot has it, and somebody else fills function 0."""
    slots, sitting = v.grouped(bus, index)
    nonzero = Sum()
    by_function: dict[int, Sum] = {}
    for child, count in v.pinned_functions(bus, index):
        assert child.function is not None
        by_function.setdefault(child.function, Sum()).add(count)
        nonzero.add(count if child.function else 0)
    for function, count in by_function.items():
        v.rows.at_most(count, slots if slot.mask >> function & 1 else 0)
    if nonzero.terms and not slot.has_zero:
        v.rows.at_most(slots, sitting - nonzero)


def _function_zero(v: Variables, bus: BusClass, index: int, slot: SlotKind) -> None:
    """Rule function-zero: pinned functions without function 0 need somebody there."""
    slots, sitting = v.grouped(bus, index)
    v.rows.at_most(slots, sitting)
    if slot.join is Join.EMPTY or slot.has_zero:
        return
    needed = v.buses(bus) * slot.count
    if slot.join in (Join.PORTS, Join.BRIDGES):
        v.rows.equal(slots, needed)
    else:
        v.rows.equal(total(count for _, count in v.patterns(bus, index)), needed)


def _shared(v: Variables, bus: BusClass, index: int, slot: SlotKind) -> None:
    """Rules slot-sharing, group: items with fixed functions sit as patterns say, lone devices between them."""
    patterns = v.patterns(bus, index)
    if not patterns:
        return
    lone = Sum()
    fixed: dict[frozenset[int], Sum] = {}
    for i in v.options_on(bus, slot, Use.SHARED):
        functions, size = v.options[i].kind.functions, v.options[i].kind.size
        if functions is None:
            lone.add(v.counts[i], size)
        else:
            fixed.setdefault(functions, Sum()).add(v.counts[i])
    for functions, count in fixed.items():
        v.rows.equal(count, total(slots for pattern, slots in patterns if functions in pattern.sets))
    free = slot.mask.bit_count()
    v.rows.at_most(lone, total(slots * (free - pattern.used) for pattern, slots in patterns))
    v.rows.at_most(total(slots * pattern.least_lone(slot) for pattern, slots in patterns), lone)
