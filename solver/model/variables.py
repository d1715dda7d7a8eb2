"""Every decision variable, made once and asked for by meaning.

Creation order is the canonical order of answers: among optimal layouts the one with the smallest counts wins, classes
far from the root counted first, so what is deep or exotic is avoided wherever it is not better.
"""

from collections.abc import Iterator
from dataclasses import field

from ...schema.pci.controllers import CONTROLLERS, Need
from ...schema.records import record
from ...schema.request.guest import Guest
from ..aggregate.bus_classes import JOINED_BY, ROOT_KINDS, BusClass, BusKind, SharedBy, SlotKind
from ..aggregate.items import Items, Occupant
from .linear import LinearExpr, LinearModel, sum_of
from .own_slots import OwnSlots, closed_by, slots_with_room
from .patterns import Pattern, patterns_of
from .seat_options import Option, SeatUse


@record(eq=False)
class Variables:
    """`options` and their counts, buses and their counts, which class hangs on which and how slots are used."""

    guest: Guest
    items: Items
    classes: list[BusClass]
    options: list[Option]
    linear: LinearModel
    guarded: bool = False
    """Each demand and limit has a guard, a variable: what is asked for only where that is 1."""
    guards: dict[object, LinearExpr] = field(default_factory=dict)
    incomplete: bool = False
    """Some ways to share a slot are left out: what is found then is no proof."""
    counts: list[LinearExpr] = field(default_factory=list)
    _controllers: dict[BusClass, LinearExpr] = field(default_factory=dict)
    _attached: dict[tuple[BusClass, BusClass], LinearExpr] = field(default_factory=dict)
    _single: dict[tuple[BusClass, int], LinearExpr] = field(default_factory=dict)
    _packed: dict[tuple[BusClass, int, Need], tuple[LinearExpr, LinearExpr]] = field(default_factory=dict)
    _patterns: dict[tuple[BusClass, int], list[tuple[Pattern, LinearExpr]]] = field(default_factory=dict)
    _function_seats: dict[tuple[BusClass, BusClass, int], LinearExpr] = field(default_factory=dict)
    _own_slots: dict[tuple[BusClass, int], OwnSlots] = field(default_factory=dict)
    _by_bus: dict[BusClass, list[int]] = field(default_factory=dict)
    _children: dict[BusClass, list[BusClass]] = field(default_factory=dict)
    _sorts: dict[BusClass, list[Need]] = field(default_factory=dict)
    _pinned: dict[BusClass, list[BusClass]] = field(default_factory=dict)
    _below: dict[BusClass, frozenset[BusClass]] = field(default_factory=dict)
    _occupants: dict[str, list[Occupant]] = field(default_factory=dict)
    """By the name of the bus."""

    def __post_init__(self) -> None:
        for child in self.classes:
            for host in child.possible_parents:
                self._children.setdefault(host, []).append(child)
                self._add_sort(host, child)
            if child.parent is not None:
                self._pinned.setdefault(child.parent, []).append(child)
        for occupant in self.items.pinned:
            self._occupants.setdefault(occupant.bus, []).append(occupant)
        for index, option in enumerate(self.options):
            self._by_bus.setdefault(option.bus, []).append(index)
        for bus in reversed(self.classes):
            self._make_bus(bus)
        made: dict[int, LinearExpr] = {}
        for index, option in reversed(list(enumerate(self.options))):
            most = 1 if option.use is SeatUse.HOME else len(self.items.free[option.kind])
            made[index] = self.linear.variable(0, most, "seats", option.kind, option.bus, option.slot, option.use)
        self.counts = [made[index] for index in range(len(self.options))]
        for bus in reversed(self.classes):
            self._make_slots(bus)

    def _add_sort(self, host: BusClass, child: BusClass) -> None:
        sort, known = packed_as(child), self._sorts.setdefault(host, [])
        if child.home is None and sort is not None and sort not in known:
            known.append(sort)

    def _make_bus(self, bus: BusClass) -> None:
        if bus.created or bus.optional or (bus.is_floating and bus.floating_group is not None):
            self._controllers[bus] = self.linear.variable(0, bus.max_count, "controllers", bus)
        for host in reversed(bus.possible_parents):
            one = len(bus.possible_parents) == 1
            self._attached[bus, host] = (
                self.controller_count(bus) if one else self.linear.variable(0, bus.max_count, "attached", bus, host)
            )

    def _make_slots(self, bus: BusClass) -> None:
        """How many slots of each kind go to lone controllers, to grouped ports or bridges, and to shared endpoints."""
        alone = [child for child in self.seated_children(bus) if packed_as(child) is None]
        for index, slot in enumerate(bus.slots):
            most = slot.count * bus.max_count
            if alone and slot.join is SharedBy.EMPTY:
                self._single[bus, index] = self.linear.variable(0, most, "single", bus, slot)
            for sort in self.packed_on(bus):
                if slot.join in (SharedBy.EMPTY, JOINED_BY[sort]):
                    self._make_packed(bus, index, slot, sort)
            sharing = [self.options[i].kind for i in self.options_on(bus, slot, SeatUse.SHARED)]
            if sharing:
                known, all_known = patterns_of(sharing)
                self.incomplete |= not all_known
                self._patterns[bus, index] = [
                    (one, self.linear.variable(0, most, "shared_slots", bus, slot, one))
                    for one in known
                    if bus.kind is not BusKind.ROOT or one.is_apart
                ]
            if bus.kind is BusKind.ROOT and slot.copies == 1:
                self._make_own_slots(bus, index, slot)

    def _make_own_slots(self, bus: BusClass, index: int, slot: SlotKind) -> None:
        reaches = {self.options[i].kind.reach for i in self.options_on(bus, slot) if self.options[i].is_alone}
        reaches |= {pattern.reach for pattern, _ in self.patterns(bus, index)}
        if not any(reaches):
            return
        claimed = {one.chipset_place for one in self.items.resolved.values()}
        self._own_slots[bus, index] = {
            reach: {
                number: self.linear.variable(0, 1, "in_slot", bus, number)
                for number in slots_with_room(reach, bus, slot, claimed)
            }
            for reach in sorted(reaches - {frozenset()}, key=sorted)
        }

    def _make_packed(self, bus: BusClass, index: int, slot: SlotKind, sort: Need) -> None:
        most = slot.count * bus.max_count
        slots = self.linear.variable(0, most, "packed_slots", bus, slot, sort)
        functions = most * slot.mask.bit_count()
        sitting = self.linear.variable(0, functions, "packed_controllers", bus, slot, sort)
        self._packed[bus, index, sort] = slots, sitting
        for child in self.seated_children(bus):
            if child.function is not None and packed_as(child) is sort:
                self._function_seats[child, bus, index] = self.linear.variable(
                    0, child.max_count, "seats_at_function", child, bus, slot
                )

    # ---- what may be asked for and may not

    def demand(self, what: LinearExpr, number: int, who: object, *, most: int | None = None) -> None:
        """`what` has that value, or one from there to `most`."""
        if not self.guarded or not number:
            self.linear.add_range(number, what, number if most is None else most)
            return
        self.linear.add_le(what, number if most is None else most)
        self.linear.add_le(self._guard(who) * number, what)

    def limit(self, what: LinearExpr, limit: int, who: object) -> None:
        """`what` is at most that."""
        beyond = self.linear.upper_bound(what) - limit
        if not self.guarded or beyond <= 0:
            self.linear.add_le(what, limit)
        else:  # a coefficient, not an enforcement literal: cores are found in a hundredth of the time (measured)
            self.linear.add_le(what + self._guard(who) * beyond, limit + beyond)

    def _guard(self, who: object) -> LinearExpr:
        if who not in self.guards:
            self.guards[who] = self.linear.variable(0, 1, "guard", who)
        return self.guards[who]

    # ---- asked for by meaning

    def controller_count(self, bus: BusClass) -> LinearExpr:
        """How many controllers of a class there are."""
        if bus in self._controllers:
            return self._controllers[bus]
        if bus.floating_group is not None and bus.parent is not None:
            return self.controller_count(bus.parent)
        return LinearExpr(constant=bus.max_count)

    def attached(self, child: BusClass, host: BusClass) -> LinearExpr:
        """How many of `child` hang on buses of `host`: all, if they are pinned there."""
        return self.controller_count(child) if child.parent is host else self._attached[child, host]

    def hanging(self, host: BusClass) -> LinearExpr:
        """How many controllers hang on buses of `host`, pinned or not."""
        return sum_of(self.attached(child, host) for child in (*self.pinned(host), *self.children(host)))

    def children(self, host: BusClass) -> list[BusClass]:
        """Classes that may hang on `host` (what is pinned there not counted)."""
        return self._children.get(host, [])

    def seated_children(self, host: BusClass) -> list[BusClass]:
        """Those of them that take a slot wherever one is free."""
        return [child for child in self.children(host) if child.home is None]

    def pinned(self, host: BusClass) -> list[BusClass]:
        """Classes of what is pinned on a bus."""
        return self._pinned.get(host, [])

    def below(self, host: BusClass) -> frozenset[BusClass]:
        """All classes that may be below, at whatever level. A set of objects: its order differs from run to run."""
        if host not in self._below:
            found: set[BusClass] = set()
            waiting = [host]
            while waiting:
                bus = waiting.pop()
                more = {*self.children(bus), *self.pinned(bus)} - found
                found |= more
                waiting += more
            self._below[host] = frozenset(found)
        return self._below[host]

    def around(self, bus: BusClass) -> set[BusClass]:
        """All classes that it may be below, but for root buses, and all that may be below these; itself included."""
        above, waiting = {bus}, [bus]
        while waiting:
            more = {one for one in waiting.pop().above if one.kind not in ROOT_KINDS} - above
            above |= more
            waiting += more
        return above.union(*map(self.below, above))

    def single(self, bus: BusClass, slot: int) -> LinearExpr:
        """Slots given to controllers that share with nobody."""
        return self._single.get((bus, slot), LinearExpr())

    def packed_on(self, bus: BusClass) -> list[Need]:
        """Sorts of controllers that may be packed into slots there: ports, pci-bridges, on pci.0 both."""
        return self._sorts.get(bus, [])

    def packed(self, bus: BusClass, slot: int, sort: Need) -> tuple[LinearExpr, LinearExpr]:
        """Slots given to controllers of one sort packed together, and how many of them sit there."""
        return self._packed.get((bus, slot, sort), (LinearExpr(), LinearExpr()))

    def packed_slots(self, bus: BusClass, slot: int) -> LinearExpr:
        """Slots given to packed controllers of all sorts."""
        return sum_of(self.packed(bus, slot, sort)[0] for sort in self.packed_on(bus))

    def seats_of(self, child: BusClass, bus: BusClass, slot: int) -> LinearExpr:
        """Controllers pinned to a function that sit in a kind of slot."""
        return self._function_seats.get((child, bus, slot), LinearExpr())

    def pinned_functions(self, bus: BusClass, slot: int, sort: Need) -> list[tuple[BusClass, LinearExpr]]:
        """Each class of a sort that is pinned to a function, with its seats in a kind of slot."""
        children = (child for child in self.seated_children(bus) if packed_as(child) is sort)
        return [(child, self.seats_of(child, bus, slot)) for child in children if child.function is not None]

    def patterns(self, bus: BusClass, slot: int) -> list[tuple[Pattern, LinearExpr]]:
        """Slots shared by endpoints, by pattern."""
        return self._patterns.get((bus, slot), [])

    def own_slots(self, bus: BusClass, slot: int) -> OwnSlots:
        """Whether who has virtual functions beyond his slot is in each slot of that kind; of the root bus alone, as
        behind a port there are no others."""
        return self._own_slots.get((bus, slot), {})

    def closed_slots(self, bus: BusClass) -> dict[int, LinearExpr]:
        """Of how many such slots virtual functions are in each slot after these."""
        return closed_by(self.own_slots(bus, index) for index in range(len(bus.slots)))

    def options_on(self, bus: BusClass, slot: SlotKind | None = None, use: SeatUse | None = None) -> Iterator[int]:
        """Indexes of the options on a bus class."""
        for index in self._by_bus.get(bus, []):
            option = self.options[index]
            if (slot is None or option.slot is slot) and (use is None or option.use is use):
                yield index

    def occupants(self, bus: BusClass) -> list[Occupant]:
        """Items that pins put on the one bus of a class: on the root bus, or on a listed controller's."""
        if bus.model is None:
            return self._occupants.get(self.guest.machine_model.root, [])
        return self._occupants.get(bus.listed_ids[0], []) if len(bus.listed_ids) == 1 else []

    def seated(self, bus: BusClass) -> LinearExpr:
        """How many items sit on buses of that class."""
        return sum_of(self.counts[index] for index in self.options_on(bus))


def packed_as(controller: BusClass) -> Need | None:
    """The sort of controllers with which it shares a slot, one a function; None where it is alone in its slot."""
    model = CONTROLLERS.get(str(controller.model))
    return model.needs if model is not None and model.shares_slots else None
