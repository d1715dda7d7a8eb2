"""Counts -> addresses, in a canonical order.

Items keep their listed order wherever they are interchangeable; what opens IO windows goes on the first buses of a
class, bridges on the last, spare slots behind everything else.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import field

from ...schema.firmware.budget import PAGE
from ...schema.pci.address import FUNCTIONS
from ...schema.pci.controllers import Need
from ...schema.records import record
from ..aggregate.bus_classes import BusClass, BusKind, SharedBy, SlotKind
from ..aggregate.items import Item
from ..aggregate.places import Place
from ..model.build import Model
from ..model.patterns import Pattern
from ..model.seat_options import Option, SeatUse
from ..model.variables import packed_as
from .packing import attach_anywhere, attach_at_pinned_functions, fill_function_zero
from .seats import Assignment, BusInstance, FreeSlots, NoDecode

Packed = tuple[list[BusInstance], int]
"""Controllers of one sort for one kind of slot, and how many slots are given to them at most."""


def decode(
    model: Model, values: Sequence[int], check: Callable[[], object] = bool, *, backwards: bool = False
) -> Assignment:
    """Raises NoDecode where the counts hide a packing that this order does not find, and what `check` raises.

    `backwards` gives the slots of each bus from the last one on: no cost depends on that, what alignment loses does.
    """
    return _Decoder(model, values, check, backwards).run()


@record
class _Decoder:
    model: Model
    values: Sequence[int]
    check: Callable[[], object]
    backwards: bool
    buses: dict[BusClass, list[BusInstance]] = field(default_factory=dict)
    seats: dict[int, list[Item]] = field(default_factory=dict)
    """Items by option."""
    devices: dict[str, tuple[BusInstance, int, int]] = field(default_factory=dict)
    spares: list[tuple[Item, BusInstance, int]] = field(default_factory=list)
    listed: dict[str, int] = field(default_factory=dict)

    def run(self) -> Assignment:
        v = self.model.variables
        self.listed = {device.id: index for index, device in enumerate(v.guest.devices)}
        self._make_buses()
        self._choose_items()
        for bus in v.classes:
            if self.buses[bus]:
                self.check()
                self._fill(bus)
        for bus in v.classes:
            for one in self.buses[bus]:
                if bus.model is not None and one.parent is None:
                    raise NoDecode(f"{one.name or bus.model} hangs nowhere")
        return Assignment([one for bus in v.classes for one in self.buses[bus]], self.devices, self.spares)

    def _make_buses(self) -> None:
        v = self.model.variables
        left: dict[int, list[str]] = {}
        for bus in v.classes:
            count = v.controller_count(bus).value(self.values)
            names: Iterable[str | None] = bus.listed_ids if not bus.created else [None] * count
            if bus.model is None:
                names = [v.guest.machine_model.root]
            elif bus.is_floating and bus.floating_group is not None:
                waiting = left.setdefault(bus.floating_group, list(bus.listed_ids))
                names = [waiting.pop(0) for _ in range(count)]
            elif not count:
                names = []
            self.buses[bus] = [BusInstance(bus, name, io=bus.base_io) for name in names]
            self._attach_pinned(bus)

    def _attach_pinned(self, bus: BusClass) -> None:
        v = self.model.variables
        if bus.parent is None:
            return
        for one in self.buses[bus]:
            pin = v.items.controller_pins[str(one.name)]
            assert pin.slot is not None
            assert pin.function is not None
            one.parent, one.slot, one.function = self.buses[bus.parent][0], pin.slot, pin.function

    def _choose_items(self) -> None:
        """Items of a kind go to its options in order."""
        v = self.model.variables
        waiting = {kind: list(items) for kind, items in v.items.free.items()}
        for index, option in enumerate(v.options):
            count = v.counts[index].value(self.values)
            self.seats[index] = [waiting[option.kind].pop(0) for _ in range(count)]

    # ---- one class of buses

    def _fill(self, bus: BusClass) -> None:
        v = self.model.variables
        open_children = self._attached(bus)
        closed = {number for number, count in v.closed_slots(bus).items() if count.value(self.values)}
        for index, slot in enumerate(bus.slots):
            numbers = slot.numbers[::-1] if self.backwards else slot.numbers
            own = self._own_slots(bus, index)
            others = [one for one in numbers if one not in closed.union(*own.values())]
            pool = FreeSlots([(one, number) for one in self.buses[bus] for number in others])
            alone = [open_children[None].pop(0) for _ in range(v.single(bus, index).value(self.values))]
            packed = [self._packed(bus, index, sort, open_children[sort]) for sort in v.packed_on(bus)]
            single = [
                (v.options[i], item)
                for i in v.options_on(bus, slot)
                if v.options[i].use is not SeatUse.SHARED
                for item in self.seats[i]
            ]
            if bus.kind is BusKind.ROOT:
                single = self._at_own_slots(single, self.buses[bus][0], own)
                single = self._chipset_places(single, pool)
            if self._one_bridge_per_bus(bus) or (bus.kind is BusKind.ROOT and v.guest.machine_model.family == "q35"):
                self._controllers(bus, packed, alone, slot, pool)
                packed, alone = [], []
            late = [(one, item) for one, item in single if item.kind.spare is not None]
            items = sorted((s for s in single if s[1].kind.spare is None), key=lambda one: self._order(one[1]))
            self._single([*items, *late], bus, pool)
            self._controllers(bus, packed, alone, slot, pool)
            self._shared(bus, index, slot, pool, own)

    def _own_slots(self, bus: BusClass, index: int) -> dict[frozenset[int], list[int]]:
        """Slots that have room for what virtual functions take beyond them, by that, as they are chosen."""
        return {
            reach: sorted(number for number, there in slots.items() if there.value(self.values))
            for reach, slots in self.model.variables.own_slots(bus, index).items()
        }

    def _at_own_slots(
        self, single: list[tuple[Option, Item]], root: BusInstance, own: dict[frozenset[int], list[int]]
    ) -> list[tuple[Option, Item]]:
        """Seats those who are alone in such a slot; returns the others."""
        for _, item in single:
            if item.kind.reach:
                self._seat(item, root, own[item.kind.reach].pop(0))
        return [(option, item) for option, item in single if not item.kind.reach]

    def _packed(self, bus: BusClass, index: int, sort: Need, waiting: list[BusInstance]) -> Packed:
        """Controllers of a sort for one kind of slot: those pinned to a function as counted there, then others."""
        v = self.model.variables
        slots, sitting = v.packed(bus, index, sort)
        count = sitting.value(self.values)
        chosen: list[BusInstance] = []
        for child, seats in v.pinned_functions(bus, index, sort):
            mine = [one for one in waiting if one.cls is child]
            chosen += mine[: seats.value(self.values)]
        loose = [one for one in waiting if one.cls.function is None]
        chosen += loose[: count - len(chosen)]
        waiting[:] = [one for one in waiting if one not in chosen]
        return chosen, slots.value(self.values)

    def _order(self, item: Item) -> int:
        return min(self.listed[one] for one in item.ids)

    def _attached(self, bus: BusClass) -> dict[Need | None, list[BusInstance]]:
        """Controllers to hang here, lone ones and each sort of packed ones, those with open windows last."""
        v = self.model.variables
        result: dict[Need | None, list[BusInstance]] = {None: [], **{sort: [] for sort in v.packed_on(bus)}}
        for child in v.children(bus):
            count = v.attached(child, bus).value(self.values)
            waiting = [one for one in self.buses[child] if one.parent is None]
            for one in waiting[:count]:
                one.parent = self.buses[bus][0]  # the class is settled; the bus follows
                result.setdefault(packed_as(child), []).append(one)
        return result

    def _chipset_places(self, single: list[tuple[Option, Item]], pool: FreeSlots) -> list[tuple[Option, Item]]:
        """Chipset places for those who have a claim, if free."""
        resolved = self.model.variables.items.resolved
        rest = []
        for option, item in single:
            slot = next((t.chipset_place for one in item.ids if (t := resolved[one]).chipset_place is not None), None)
            place = None if slot is None else pool.take_slot(slot)
            if place is None:
                rest.append((option, item))
            else:
                self._seat(item, *place)
        return rest

    def _one_bridge_per_bus(self, bus: BusClass) -> bool:
        """Whether bridges go one to a bus: each may keep another bus from opening a window for being empty."""
        ports_open = self.model.variables.guest.machine_model.port_io_reserve
        return (bus.shpc or ports_open) and len(self.buses[bus]) > 1

    def _controllers(
        self,
        bus: BusClass,
        packed: list[Packed],
        alone: list[BusInstance],
        slot: SlotKind,
        pool: FreeSlots,
    ) -> None:
        """Ports and bridges packed into as few slots as they fill, the others one a slot; all on the last buses."""
        for together, slots in packed:
            self._pack(bus, together, slots, slot, pool)
        for one, (host, number) in zip(alone, pool.take(len(alone), last=True), strict=True):
            one.attach(host, number, 0)

    def _pack(self, bus: BusClass, packed: list[BusInstance], slots: int, slot: SlotKind, pool: FreeSlots) -> None:
        """Those with a pinned function first, then somebody at function 0 of every slot that must be used, then the
        rest."""
        functions = [f for f in range(FUNCTIONS) if slot.mask >> f & 1]
        joined = slot.join in (SharedBy.PORTS, SharedBy.BRIDGES)
        pinned = [one for one in packed if one.cls.function is not None]
        loose = [one for one in packed if one.cls.function is None]
        spread = self._one_bridge_per_bus(bus)
        if spread:
            places = pool.take_spread(slots)
        else:
            fewest = -(-len(packed) // len(functions)) if packed else 0
            places = pool.take(slots if joined or pinned else fewest, last=not joined)
        free = {place: list(functions) for place in places}
        attach_at_pinned_functions(pinned, free)
        if (joined or pinned or spread) and not slot.has_zero:
            loose = fill_function_zero(loose, free)
        attach_anywhere(loose, free)

    def _seat(self, item: Item, bus: BusInstance, slot: int, functions: Sequence[int] | None = None) -> None:
        if item.kind.spare is not None:
            bus.occupy(slot, 0)
            self.spares.append((item, bus, slot))
            return
        for one, function in zip(item.ids, functions or item.functions or (0,), strict=True):
            bus.occupy(slot, function)
            self.devices[one] = (bus, slot, function)

    # ---- endpoints alone in their slot

    def _single(self, single: list[tuple[Option, Item]], bus: BusClass, pool: FreeSlots) -> None:
        """IO first, so that it opens windows on as few buses as the model counted."""
        if bus.kind is BusKind.CONVENTIONAL and len(self.buses[bus]) > 1:
            wet = [(option, item) for option, item in single if option.io]
            single = [(option, item) for option, item in single if not option.io]
            self._seat_io_devices(bus, wet, pool)
            single.sort(key=lambda one: one[1].kind.spare is None)
        for (_, item), (host, number) in zip(single, pool.take(len(single)), strict=True):
            self._seat(item, host, number)

    def _seat_io_devices(self, bus: BusClass, wet: list[tuple[Option, Item]], pool: FreeSlots) -> None:
        """Big BARs first, each on the first bus whose pages still hold it."""
        layers = [layer.value(self.values) for layer in self.model.windows.with_at_least_pages.get(bus, [])]
        hosts = self.buses[bus][: layers[0] if layers else 0]
        room = [PAGE * sum(layer > index for layer in layers) for index in range(len(hosts))]
        for option, item in sorted(wet, key=lambda one: -one[0].io):
            for index, host in enumerate(hosts):
                if room[index] >= option.io and (place := pool.take_on(host)) is not None:
                    room[index] -= option.io
                    self._seat(item, *place)
                    break
            else:
                raise NoDecode(f"IO of {item.ids} fits no bus")

    # ---- shared slots

    def _shared(
        self, bus: BusClass, index: int, slot: SlotKind, pool: FreeSlots, own: dict[frozenset[int], list[int]]
    ) -> None:
        v = self.model.variables
        lone: list[Item] = []
        fixed: dict[frozenset[int], list[Item]] = {}
        for i in v.options_on(bus, slot, SeatUse.SHARED):
            for item in self.seats[i]:
                functions = item.kind.taken
                (lone if functions is None else fixed.setdefault(functions, [])).append(item)
        # IO together, on as few buses as hold it
        lone.sort(key=lambda item: (not item.kind.fit(bus.place or Place.ROOT).io, self._order(item)))
        shared: list[tuple[BusInstance, int, list[int], int]] = []
        for pattern, count in v.patterns(bus, index):
            many = count.value(self.values)
            chosen = own.get(pattern.reach) if pattern.reach else None
            places = pool.take(many) if chosen is None else [(self.buses[bus][0], chosen.pop(0)) for _ in range(many)]
            for host, number in places:
                free = self._seat_pattern(pattern, fixed, host, number, slot)
                shared.append((host, number, free, pattern.least_lone(slot)))
        owed = sum(least for _, _, _, least in shared)
        for host, number, free, least in shared:
            owed -= least
            for function in free[: max(0, len(lone) - owed)]:
                self._seat(lone.pop(0), host, number, (function,))
        if lone:
            raise NoDecode("shared slots are full")

    def _seat_pattern(
        self, pattern: Pattern, fixed: dict[frozenset[int], list[Item]], host: BusInstance, number: int, slot: SlotKind
    ) -> list[int]:
        """Seats the items with fixed functions; returns the functions left."""
        for functions in pattern.sets:
            self._seat(fixed[functions].pop(0), host, number)
        taken = {function for functions in pattern.sets for function in functions}
        return [f for f in range(FUNCTIONS) if slot.mask >> f & 1 and f not in taken]
