"""Bus classes: the buses a layout may have, those that cannot be told apart counted together.

Three sources: the root bus and controllers pinned below it (they exist as they are); demanded controllers without an
address, each a *unit* with all that is pinned inside it (one class for every level where it may end up); and
controllers that the planner may create (one class a level). A class says where it may hang, never on which bus.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from ..schema.address import FUNCTIONS, SLOTS
from ..schema.connect import CONTROLLERS
from ..schema.device import Controller
from ..schema.firmware.budget import PAGE
from ..schema.firmware.need import NONE, Memory
from ..schema.guest import Guest
from ..schema.weights import WEIGHTS
from .items import Items, Occupant
from .kinds import Fit, Kind, Place

BUS_NUMBERS: Final = 256
ALL: Final = (1 << FUNCTIONS) - 1


class Offer(StrEnum):
    """What a bus is, as far as placing is concerned."""

    ROOT = "root"  # pcie.0 or pci.0
    EXPANDER = "expander"  # of a pxb-pcie: ports only
    PORT = "port"
    SWITCH = "switch"
    CONVENTIONAL = "conventional"


class Join(StrEnum):
    """Who may join the occupants of a slot."""

    EMPTY = "empty"  # nobody there: anything that fits
    CHIPSET = "chipset"  # lone endpoints
    ENDPOINTS = "endpoints"
    PORTS = "ports"
    BRIDGES = "bridges"


@dataclass(frozen=True, slots=True)
class SlotKind:
    """Slots of a bus that cannot be told apart: their free functions as a bit mask, and who is there."""

    mask: int
    join: Join
    has_zero: bool
    cost: int
    """Preference weight that the occupants pay once somebody joins."""
    hot: bool
    numbers: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Where:
    """A level: the root bus above (id, or `node N` for a created expander), its node, depth, what is tracked above."""

    root: str
    node: int | None
    expander: bool
    depth: int
    switches: tuple[str, ...] = ()
    unplugged: bool = False
    """A port with hotplug off is above: ACPI hot-plug ends there."""
    inside: str | None = None
    """The nearest controller above whose reserve depends on what is below: its inside is counted by itself."""

    @property
    def acpi_reaches(self) -> bool:
        """Whether ACPI can offer hot-plug here."""
        return not self.expander and not self.unplugged


@dataclass(eq=False, slots=True)
class BusClass:
    """Controllers that cannot be told apart, and the bus each offers."""

    offer: Offer
    model: str | None
    """QEMU device; None for the root bus."""
    where: Where
    slots: tuple[SlotKind, ...]
    hot: bool
    names: tuple[str, ...] = ()
    """Demanded controllers of this class, in listed order; empty for created ones."""
    unit: int | None = None
    """Number of the unit it belongs to; the unit's own class (not what is pinned inside) is `movable`."""
    movable: bool = False
    function: int | None = None
    """Of a movable one, the function it is pinned to."""
    closed_io: bool = False
    """io-reserve=0: nothing with IO may come on its bus or below."""
    created: bool = False
    most: int = 1
    parent: "BusClass | None" = None
    """Of what is pinned."""
    hosts: list["BusClass"] = field(default_factory=list)
    """Classes it may hang on, where that is open."""
    reserve: int = 0
    """IO pages that each opens at least."""
    shpc: bool = False
    """Opens a page when empty (a conventional bridge with SHPC)."""
    shpc_optional: bool = False
    """The planner turns SHPC off unless a spare slot asks for it."""
    reserving: bool = False
    """A pcie-root-port or pci-bridge whose reserves the firmware heeds."""
    bus_reserve: int | None = None
    left: int = BUS_NUMBERS - 1
    """Bus numbers that there may be below it, at most."""
    base_weight: int = 0
    base_io: int = 0
    base_functions: int = 0
    base_memory: Memory = NONE
    part: int | None = None
    """Number of an IO bus of the exact IO model among those of its level."""
    dry: bool = False
    """No IO device sits directly on these buses; in the exact IO model those with IO are classes of their own."""
    nest: int = 0
    """How many created or movable bridges or switches of its own kind are above it."""

    def below(self, *, switch: str | None = None) -> Where:
        """The level of what hangs on it; `switch` names it where switches are tracked."""
        where = self.where
        switches = where.switches if switch is None else (*where.switches, switch)
        tracked = self.bus_reserve is not None or self.reserve > 1 or self.closed_io
        inside = self.names[0] if tracked else where.inside
        unplugged = where.unplugged or (self.offer is Offer.PORT and where.acpi_reaches and not self.hot)
        return Where(where.root, where.node, where.expander, where.depth + 1, switches, unplugged, inside)

    @property
    def place(self) -> Place | None:
        return {Offer.PORT: Place.PORT, Offer.CONVENTIONAL: Place.CONVENTIONAL, Offer.ROOT: Place.ROOT}.get(self.offer)


@dataclass(frozen=True, slots=True)
class Impossible(Exception):  # noqa: N818 - an answer, not an error
    """A pinned part of the request breaks a rule whatever else is done."""

    rule: str
    subjects: tuple[str, ...]


@dataclass(slots=True)
class Tree:
    """What is pinned: who sits where. `inside` maps a bus to the controllers pinned on it."""

    guest: Guest
    items: Items
    occupants: dict[str, dict[int, dict[int, Occupant | Controller | str]]] = field(default_factory=dict)
    inside: dict[str, list[Controller]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        platform = self.guest.platform
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

    def _sit(self, bus: str, slot: int, function: int, what: Occupant | Controller | str, ids: tuple[str, ...]) -> None:
        functions = self.occupants.setdefault(bus, {}).setdefault(slot, {})
        if function >= FUNCTIONS or function in functions:
            raise Impossible("address-unique", ids)
        if self.reserved(bus).get(slot, 0) >> function & 1 and ids:
            raise Impossible("reserve", ids)
        functions[function] = what

    def reserved(self, bus: str) -> dict[int, int]:
        """Slot -> mask of reserved functions."""
        result: dict[int, int] = {}
        for pin in self.guest.reserve:
            if pin.bus == bus and pin.slot is not None:
                mask = ALL if pin.function is None else 1 << pin.function
                result[pin.slot] = result.get(pin.slot, 0) | mask
        return result


def slot_kinds(tree: Tree, bus: str, first: int, last: int, *, hot: bool, express: bool) -> tuple[SlotKind, ...]:
    """The usable slots of a bus, by what is free in them. Raises Impossible where function 0 can never be filled."""
    platform = tree.guest.platform
    chipset = platform.chipset_slot if bus == platform.root else None
    reserved = tree.reserved(bus)
    occupants = tree.occupants.get(bus, {})
    found: dict[tuple[int, Join, bool, int, bool], list[int]] = {}
    for slot in range(SLOTS):
        if bus == platform.root and slot in platform.closed:
            continue
        here = occupants.get(slot, {})
        free = ALL & ~reserved.get(slot, 0) & ~sum(1 << function for function in here)
        slot_hot = hot and (slot > 0 or last == 0)
        if not here:
            if free & 1 and first <= slot <= last:
                found.setdefault((free, Join.EMPTY, False, 0, slot_hot), []).append(slot)
            continue
        join, cost = _join(here, slot_hot, slot == chipset)
        if join is (Join.BRIDGES if express else Join.PORTS):
            join = None  # only pins put pci-bridges on express buses
        if 0 not in here and (join is None or not free & 1):
            raise Impossible("function-zero", _ids(here.values()))
        if join is not None and free:
            found.setdefault((free, join, 0 in here, cost, False), []).append(slot)
    return tuple(
        SlotKind(mask, join, zero, cost, is_hot, tuple(numbers))
        for (mask, join, zero, cost, is_hot), numbers in found.items()
    )


def _ids(sitting: Iterable[Occupant | Controller | str]) -> tuple[str, ...]:
    ids: list[str] = []
    for one in sitting:
        ids += [one.id] if isinstance(one, Controller) else one.item.ids if isinstance(one, Occupant) else []
    return tuple(dict.fromkeys(ids))


def _join(here: dict[int, Occupant | Controller | str], hot: bool, chipset: bool) -> tuple[Join | None, int]:
    """Who may join these occupants, and what that costs them."""
    controllers = {one.model for one in here.values() if isinstance(one, Controller)}
    occupants = {id(one): one for one in here.values() if isinstance(one, Occupant)}.values()
    if controllers:
        if occupants or chipset:
            return None, 0
        if controllers <= {"pcie-root-port", "ioh3420"} or controllers == {"xio3130-downstream"}:
            return Join.PORTS, 0
        return (Join.BRIDGES, 0) if controllers == {"pci-bridge"} else (None, 0)
    if any(occupant.item.kind.hotplug == "required" for occupant in occupants):
        return None, 0
    if chipset:
        return Join.CHIPSET, 0
    if len(occupants) > 1:
        return Join.ENDPOINTS, 0
    (only,) = occupants
    met = hot and only.item.kind.hotplug == "preferred"
    return Join.ENDPOINTS, only.item.kind.size * (WEIGHTS["shared"] + (WEIGHTS["hotplug-unmet"] if met else 0))


@dataclass(frozen=True, slots=True)
class Base:
    """What the pinned devices of one bus pay and need, whatever the rest of the layout is."""

    weight: int
    io: int
    functions: int
    memory: Memory


def pinned_base(tree: Tree, bus: str, place: Place | None, where: Where, *, hot: bool, port: bool) -> Base:
    """Raises Impossible where a pinned device cannot have what it must have."""
    weight = io = functions = 0
    memory = NONE
    for slot, here in tree.occupants.get(bus, {}).items():
        occupants = {id(one): one for one in here.values() if isinstance(one, Occupant)}.values()
        for occupant in occupants:
            item, alone = occupant.item, len(occupants) == 1 and len(here) == occupant.item.kind.size
            met = hot and alone and (slot > 0 or port) and (0 in here or item.kind.hotplug == "preferred")
            _must(tree.guest, item.ids, item.kind, where, place, met=met)
            fit = item.kind.fit(place) if place is not None else Fit(0, 0)
            weight += fit.weight + WEIGHTS["shared"] * item.kind.size * (not alone)
            weight += foreign(item.kind, where) + unmet(item.kind, met=met)
            io += fit.io
            functions += item.kind.size
            memory += fit.beside
    return Base(weight, io, functions, memory)


def _must(guest: Guest, ids: tuple[str, ...], kind: Kind, where: Where, place: Place | None, *, met: bool) -> None:
    if place is None:
        raise Impossible("connect", ids)
    if kind.hotplug == "required" and not met:
        raise Impossible("hotplug", ids)
    if kind.numa is not None and kind.numa != where.node:
        raise Impossible("numa", ids)
    if guest.policy.max_depth is not None and where.depth > guest.policy.max_depth:
        raise Impossible("max-depth", ids)
    if kind.isolated and place is Place.CONVENTIONAL:
        raise Impossible("viommu-host-device", ids)


def foreign(kind: Kind, where: Where) -> int:
    """What sitting below an expander costs a device that did not ask for its node."""
    return WEIGHTS["foreign-node"] * kind.size if where.expander and kind.numa is None else 0


def unmet(kind: Kind, *, met: bool) -> int:
    return WEIGHTS["hotplug-unmet"] * kind.size if kind.hotplug == "preferred" and not met else 0


def pages(io: int) -> int:
    return -(-io // PAGE)


def takes_hotplug(guest: Guest, controller: str, where: Where, *, on: bool, shpc: bool) -> bool:
    """Whether device_add works on the bus of a controller there, and Linux sees the device."""
    model = CONTROLLERS[controller]
    if model.is_port:
        return on and (where.acpi_reaches or guest.platform.native_hotplug)
    if controller not in ("pcie-pci-bridge", "pci-bridge"):
        return False
    return shpc or (where.acpi_reaches and guest.platform.acpi_bridge_hotplug)
