"""What is pinned: who sits where, which slots that leaves to others, and what the pinned pay."""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Final

from ...schema.firmware.pieces import NONE, Memory
from ...schema.pci.address import FUNCTIONS, ROUTING_IDS, SLOTS
from ...schema.pci.controllers import CONTROLLERS, may_share_slot
from ...schema.records import record
from ...schema.request.device import Controller
from ...schema.request.guest import Guest
from .bus_classes import ALL_FUNCTIONS, JOINED_BY, Level, SharedBy, SlotKind
from .item_kinds import Fit, ItemKind
from .items import Home, Items, Occupant
from .places import Place
from .preferences import foreign_node, sharing, unmet_hotplug


@record(frozen=True)
class PinConflict(Exception):  # noqa: N818 - an answer, not an error
    """A pinned part of the request breaks a rule whatever else is done."""

    rule: str
    subjects: tuple[str, ...]


@record
class Occupancy:
    """What is pinned: who sits where. `inside` maps a bus to the controllers pinned on it."""

    guest: Guest
    items: Items
    occupants: dict[str, dict[int, dict[int, Occupant | Controller | str]]] = field(default_factory=dict)
    inside: dict[str, list[Controller]] = field(default_factory=dict)
    homes: dict[str, dict[int, list[Home]]] = field(default_factory=dict)
    """Who may sit there, too."""
    virtual: dict[str, dict[int, int]] = field(default_factory=dict)
    """By bus and slot, the mask of functions that virtual functions of what is pinned take."""

    def __post_init__(self) -> None:
        platform = self.guest.machine_model
        for (slot, function), holder in platform.taken.items():
            self._sit(platform.root, slot, function, holder, ())
        for controller in self.guest.controllers:
            pin = self.items.controller_pins.get(controller.id)
            if pin is not None and pin.bus is not None and pin.slot is not None and pin.function is not None:
                self._sit(pin.bus, pin.slot, pin.function, controller, (controller.id,))
                self.inside.setdefault(pin.bus, []).append(controller)
        for occupant in self.items.pinned:
            for function in occupant.item.functions or ():
                self._sit(occupant.bus, occupant.slot, function, occupant, occupant.item.ids)
        for occupant in self.items.pinned:
            if occupant.settled:
                self._close_virtual(occupant)
        for home in self.items.open.homes:
            if self._may_hold(home):
                self.homes.setdefault(home.bus, {}).setdefault(home.slot, []).append(home)

    def _sit(self, bus: str, slot: int, function: int, what: Occupant | Controller | str, ids: tuple[str, ...]) -> None:
        functions = self.occupants.setdefault(bus, {}).setdefault(slot, {})
        if isinstance(what, Occupant) and not what.settled:
            functions.setdefault(function, what)
            return
        if function >= ROUTING_IDS or function in functions:
            raise PinConflict("address-unique", ids)
        if self.reserved(bus).get(slot, 0) >> function & 1 and ids:
            brought = isinstance(what, Occupant) and what.item.kind.alone
            raise PinConflict("companion" if brought else "reserve", ids)
        functions[function] = what

    def _close_virtual(self, occupant: Occupant) -> None:
        """Rule virtual-functions: nobody else has what those of a pinned item take."""
        bus, root = occupant.bus, self.guest.machine_model.root
        for one, function in zip(occupant.item.ids, occupant.item.functions or (), strict=True):
            virtual = self.items.resolved[one].virtual_functions
            for slot, place in virtual.places(occupant.slot, function) if virtual else ():
                there = self._at(bus, slot, place)
                held = there is not None and (not isinstance(there, Occupant) or there.settled)
                closed = bus == root and slot in self.guest.machine_model.closed
                if slot >= SLOTS or held or closed or self.reserved(bus).get(slot, 0) >> place & 1:
                    raise PinConflict("virtual-functions", (one, *_ids([there] if there else [])))
                mine = self.virtual.setdefault(bus, {})
                mine[slot] = mine.get(slot, 0) | 1 << place

    def _at(self, bus: str, slot: int, function: int) -> Occupant | Controller | str | None:
        """Who has that function; behind a port slot 0 goes on past its 8."""
        slots = self.occupants.get(bus, {})
        return slots.get(slot, {}).get(function) or slots.get(0, {}).get(slot * FUNCTIONS + function)

    def taken_after(self, bus: str) -> frozenset[int]:
        """What virtual functions take in the slots of a bus after the first, counted from function 0 of that."""
        listed = frozenset(one for one in self.occupants.get(bus, {}).get(0, {}) if one >= FUNCTIONS)
        return listed | _routing_ids({slot: mask for slot, mask in self.virtual.get(bus, {}).items() if slot})

    def routing_ids_taken(self, bus: str) -> frozenset[int]:
        """Rule virtual-functions, of what is not pinned: reserved ones, and all of a slot where somebody surely is."""
        machine = self.guest.machine_model
        masks = self.reserved(bus)
        masks |= dict.fromkeys(self.virtual.get(bus, {}), ALL_FUNCTIONS)
        masks |= dict.fromkeys(machine.closed if bus == machine.root else (), ALL_FUNCTIONS)
        for slot, here in self.occupants.get(bus, {}).items():
            if any(not isinstance(one, Occupant) or one.settled for one in here.values()):
                masks[slot] = ALL_FUNCTIONS
        return _routing_ids(masks)

    def all_homes(self) -> list[Home]:
        """The homes of all slots of all buses."""
        return [home for slots in self.homes.values() for there in slots.values() for home in there]

    def _may_hold(self, home: Home) -> bool:
        """Whether those who are surely in the slot leave it the function that it has, and do not disturb it."""
        here = self.occupants.get(home.bus, {}).get(home.slot, {})
        alone = home.fills_zero and all(_of_group(other, home.group) for other in here.values())
        if home.kind is not None and home.kind.hotplug == "required" and not alone:
            return False
        settled = {function for function, other in here.items() if not isinstance(other, Occupant) or other.settled}
        reserved = self.reserved(home.bus).get(home.slot, 0)
        return home.functions is None or not any(f in settled or reserved >> f & 1 for f in home.functions)

    def reserved(self, bus: str) -> dict[int, int]:
        """Slot -> mask of functions that are reserved, or virtual functions'."""
        result = dict(self.virtual.get(bus, {}))
        for pin in self.guest.reserve:
            if pin.bus == bus and pin.slot is not None:
                mask = ALL_FUNCTIONS if pin.function is None else 1 << pin.function
                result[pin.slot] = result.get(pin.slot, 0) | mask
        return result


def _routing_ids(masks: Mapping[int, int]) -> frozenset[int]:
    """Of functions, by slot."""
    return frozenset(slot * FUNCTIONS + f for slot, mask in masks.items() for f in range(FUNCTIONS) if mask >> f & 1)


_Content = tuple[int, SharedBy, bool, int, bool]
"""What tells slots apart, as the first fields of SlotKind; each that may be somebody's home is a kind of its own."""
ALL_SLOTS: Final = frozenset(range(SLOTS))
_Seated = dict[int, Occupant | Controller | str]
"""Who is in a slot, by function."""


def slot_kinds(
    tree: Occupancy, bus: str, first: int, last: int, *, hot: bool, express: bool, copies: int = 1
) -> tuple[SlotKind, ...]:
    """The usable slots of a bus, by what is free in them; `copies` of each that is empty. Raises PinConflict where
    function 0 can never be filled."""
    machine = tree.guest.machine_model
    chipset, closed = (machine.chipset_slot, machine.closed) if bus == machine.root else (None, frozenset())
    reserved, occupants, homes = tree.reserved(bus), tree.occupants.get(bus, {}), tree.homes.get(bus, {})
    found: dict[tuple[_Content, int | None], list[int]] = {}
    for slot in sorted({*range(first, last + 1), *occupants, *homes} & ALL_SLOTS - closed):
        here, maybe = occupants.get(slot, {}), homes.get(slot, [])
        free = ALL_FUNCTIONS & ~reserved.get(slot, 0)
        is_hot = hot and (slot > 0 or last == 0)
        contents: list[_Content]
        if here:
            contents = _occupied(here, maybe, free, hot=is_hot, chipset=slot == chipset, express=express)
        elif free & 1 and first <= slot <= last:
            zero = bool(maybe) and any(home.fills_zero for home in maybe)
            contents = [(free, SharedBy.EMPTY, zero, 0, is_hot)]
        else:
            contents = [(free, join, True, 0, is_hot) for join in _may_join(maybe)]
        for content in contents:
            found.setdefault((content, slot if maybe else None), []).append(slot)
    lent = {slot for slot, maybe in homes.items() if any(not home.controller for home in maybe)}
    after = tree.taken_after(bus) if last == 0 else frozenset()
    return tuple(
        SlotKind(
            *content,
            numbers=tuple(numbers),
            copies=copies if content[1] is SharedBy.EMPTY else 1,
            company=own in lent,
            taken_after=after,
        )
        for (content, own), numbers in found.items()
    )


def _occupied(
    here: _Seated, maybe: Iterable[Home], free: int, *, hot: bool, chipset: bool, express: bool
) -> list[_Content]:
    """What a slot is that surely holds these: none, where nobody may join them."""
    for function, what in here.items():
        if not isinstance(what, Occupant) or what.settled:
            free &= ~(1 << function)
    zero = 0 in here or any(home.fills_zero for home in maybe)
    join, cost = _join(here, hot, chipset)
    if join is SharedBy.BRIDGES and express:
        join = SharedBy.NOBODY  # only pins put pci-bridges there
    if not zero and (join is SharedBy.NOBODY or not free & 1):
        raise PinConflict("function-zero", _ids(here.values()))
    return [(free, join, zero, cost, False)] if (join is not SharedBy.NOBODY and free) or maybe else []


def _may_join(homes: Iterable[Home]) -> list[SharedBy]:
    """Who may join those who may be in a slot that is not filled otherwise."""
    models = {home.controller for home in homes}
    found = {_sharers(model) if model else SharedBy.ENDPOINTS for model in models}
    joins: list[SharedBy] = [join for join in (SharedBy.PORTS, SharedBy.BRIDGES, SharedBy.ENDPOINTS) if join in found]
    return joins or ([SharedBy.NOBODY] if models else [])


def _sharers(controller: str) -> SharedBy:
    """Who may join a controller of that model: its like."""
    return JOINED_BY.get(CONTROLLERS[controller].needs, SharedBy.NOBODY)


def _occupants(here: Iterable[Occupant | Controller | str]) -> list[Occupant]:
    """Items in a slot, each once: a group is there at several functions."""
    return list(dict.fromkeys(one for one in here if isinstance(one, Occupant)))


def _of_group(other: Occupant | Controller | str, group: str | None) -> bool:
    return group is not None and isinstance(other, Occupant) and other.group == group


def _ids(sitting: Iterable[Occupant | Controller | str]) -> tuple[str, ...]:
    ids: list[str] = []
    for one in sitting:
        ids += [one.id] if isinstance(one, Controller) else one.item.ids if isinstance(one, Occupant) else []
    return tuple(dict.fromkeys(ids))


def _join(here: _Seated, hot: bool, chipset: bool) -> tuple[SharedBy, int]:
    """Who may join these occupants, and what that costs them."""
    controllers = {one.model for one in here.values() if isinstance(one, Controller)}
    occupants = _occupants(here.values())
    if controllers:
        shared = not occupants and not chipset and may_share_slot(controllers)
        return (_sharers(min(controllers)) if shared else SharedBy.NOBODY), 0
    if any(occupant.item.kind.alone or occupant.item.kind.hotplug == "required" for occupant in occupants):
        return SharedBy.NOBODY, 0
    if chipset:
        return SharedBy.CHIPSET, 0
    if len(occupants) > 1:
        return SharedBy.ENDPOINTS, 0
    (only,) = occupants
    kind = only.item.kind
    lost = unmet_hotplug(kind.size, kind.hotplug, met=False) if hot else 0
    return SharedBy.ENDPOINTS, sharing(kind.size) + lost


@record(frozen=True)
class Base:
    """What the pinned devices of one bus pay and need, whatever the rest of the layout is."""

    weight: int
    io: int
    functions: int
    memory: Memory
    window: int
    """See Fit."""


def pinned_base(tree: Occupancy, bus: str, place: Place | None, where: Level, *, hot: bool, port: bool) -> Base:
    """Raises PinConflict where a pinned device cannot have what it must have."""
    weight = io = functions = window = 0
    memory = NONE
    for slot, here in tree.occupants.get(bus, {}).items():
        occupants = _occupants(here.values())
        for occupant in occupants:
            item, group = occupant.item, occupant.group
            alone = all(other is occupant or _of_group(other, group) for other in here.values())
            zero = 0 in here or group is not None or item.kind.hotplug == "preferred"
            met = hot and alone and (slot > 0 or port) and zero
            _must(tree.guest, item.ids, item.kind, where, place, met=met)
            fit = item.kind.fit(place) if place is not None else Fit(0, 0)
            weight += fit.weight + (0 if alone else sharing(item.kind.size))
            weight += foreign_node(item.kind.size, item.kind.numa, below_expander=where.expander)
            weight += unmet_hotplug(item.kind.size, item.kind.hotplug, met=met)
            io += fit.io
            functions += item.kind.size
            memory += fit.memory_shared
            window += fit.window
    return Base(weight, io, functions, memory, window)


def has_address_space(kind: ItemKind, where: Level, place: Place | None) -> bool:
    """Rule iommu-group, of one item: what must share an address space sits where one is shared; and no device of the
    host behind a bridge that counts as nobody's (there are others that are told apart)."""
    if kind.iommu_groups or (kind.is_assigned and place is Place.CONVENTIONAL):
        return where.space is not None
    return True


def _must(guest: Guest, ids: tuple[str, ...], kind: ItemKind, where: Level, place: Place | None, *, met: bool) -> None:
    if place is None:
        raise PinConflict("connect", ids)
    if kind.hotplug == "required" and not met:
        raise PinConflict("hotplug", ids)
    if kind.numa is not None and kind.numa != where.node:
        raise PinConflict("numa", ids)
    if guest.policy.max_depth is not None and where.depth > guest.policy.max_depth:
        raise PinConflict("max-depth", ids)
    if place not in kind.places_giving_mode:
        raise PinConflict("virtio-slot", ids)
    if not has_address_space(kind, where, place):
        raise PinConflict("iommu-group", ids)
