"""Guest -> items: a device or a whole group, with what each kind of place would cost it.

Items that cannot be told apart form a class; the model counts classes, never devices.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..schema.address import FUNCTIONS, Pin
from ..schema.connect import Connector, VirtioMode
from ..schema.device import Device, Hotplug, Spare
from ..schema.guest import Guest
from ..schema.traits import Traits, mode_on, traits_of
from ..schema.weights import WEIGHTS


class Place(StrEnum):
    """Kinds of bus that take endpoints: a port, a conventional bridge's bus, the main root bus."""

    PORT = "port"
    CONVENTIONAL = "conventional"
    ROOT = "root"


@dataclass(frozen=True, slots=True)
class Fit:
    """What an item pays and needs in a kind of place: preference weight, IO bytes."""

    weight: int
    io: int


@dataclass(frozen=True, slots=True)
class Kind:
    """All that matters of an item to the model: items of one kind are interchangeable."""

    size: int
    """Functions; 0 for a spare slot."""
    functions: frozenset[int] | None
    """The functions it must have; None for a lone device, which takes any."""
    hotplug: Hotplug
    fits: tuple[tuple[Place, Fit], ...]
    allowed: frozenset[Place]
    numa: int | None
    near: int | None
    """Number of its cluster of devices that share a root bus."""
    near_switch: int | None
    grouped: bool = False
    isolated: bool = False
    """A host device of a guest with a vIOMMU: not behind a conventional bridge."""
    spare: Spare | None = None

    def fit(self, place: Place) -> Fit:
        return dict(self.fits)[place]

    @property
    def needs_reserving_port(self) -> bool:
        """A port with io-reserve or pref64-reserve: only pcie-root-port has these."""
        return self.spare is not None and self.spare.kind == "pcie" and (self.spare.io > 0 or self.spare.memory > 0)

    @property
    def fills_zero(self) -> bool:
        return self.functions is None or 0 in self.functions


@dataclass(frozen=True, slots=True)
class Item:
    """Devices (ids in function order, if that is fixed) that stand and fall together."""

    ids: tuple[str, ...]
    kind: Kind
    functions: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Occupant:
    """An item whose slot is fixed by a pin."""

    item: Item
    bus: str
    slot: int


@dataclass(frozen=True, slots=True)
class Items:
    """Free items by kind in listed order, pinned ones, and controllers' resolved pins."""

    free: dict[Kind, list[Item]]
    pinned: list[Occupant]
    controller_pins: dict[str, Pin]
    traits: Mapping[str, Traits]


ALLOWED: Final = {
    Connector.EXPRESS: frozenset({Place.PORT, Place.ROOT}),
    Connector.HYBRID: frozenset(Place),
    Connector.CONVENTIONAL: frozenset({Place.CONVENTIONAL, Place.ROOT}),
    Connector.INTEGRATED: frozenset({Place.ROOT}),
}


def items_of(guest: Guest) -> Items:
    """Sorts a guest's devices into free and pinned items; a group is pinned if one member is."""
    traits = traits_of(guest)
    pins = _resolved_pins(guest)
    near = _clusters(guest.devices, "near")
    switches = _clusters(guest.devices, "near_switch")
    free: dict[Kind, list[Item]] = {}
    pinned: list[Occupant] = []
    for members in _units(guest):
        item = _item(guest, members, traits, pins, near, switches)
        slot = next(((pin.bus, pin.slot) for member in members if (pin := pins.get(member.id)) and pin.bus), None)
        if slot is None or slot[0] is None or slot[1] is None:
            free.setdefault(item.kind, []).append(item)
        else:
            pinned.append(Occupant(item, slot[0], slot[1]))
    for spare in guest.spare:
        kind = _spare_kind(spare)
        free.setdefault(kind, []).extend([Item((), kind, None)] * spare.count)
    controller_pins = {c.id: pins[c.id] for c in guest.controllers if c.id in pins}
    return Items({kind: items for kind, items in free.items() if items}, pinned, controller_pins, traits)


def _units(guest: Guest) -> Iterable[tuple[Device, ...]]:
    seen: set[str] = set()
    for device in guest.devices:
        if device.group is None:
            yield (device,)
        elif device.group not in seen:
            seen.add(device.group)
            yield guest.groups[device.group]


def _item(
    guest: Guest,
    members: tuple[Device, ...],
    traits: Mapping[str, Traits],
    pins: Mapping[str, Pin],
    near: Mapping[str, int],
    switches: Mapping[str, int],
) -> Item:
    functions = _functions(members, pins)
    order = range(len(members)) if functions is None else sorted(range(len(members)), key=functions.__getitem__)
    known = [traits[member.id] for member in members]
    kind = Kind(
        size=len(members),
        functions=None if functions is None else frozenset(functions),
        hotplug=known[0].hotplug,
        fits=tuple((place, _fit(guest, known, place)) for place in Place),
        allowed=frozenset.intersection(*(_allowed(guest, one) for one in known)),
        numa=next((m.numa for m in members if m.numa is not None), None),
        near=next((near[m.id] for m in members if m.id in near), None),
        near_switch=next((switches[m.id] for m in members if m.id in switches), None),
        grouped=members[0].group is not None,
        isolated=guest.has_viommu and any(one.is_host_device for one in known),
    )
    return Item(
        tuple(members[i].id for i in order), kind, None if functions is None else tuple(functions[i] for i in order)
    )


def _functions(members: tuple[Device, ...], pins: Mapping[str, Pin]) -> list[int] | None:
    """Pinned functions, the others the lowest left in listed order; None for a lone device without one."""
    fixed = [pins[m.id].function if m.id in pins else None for m in members]
    if len(members) == 1 and members[0].group is None and fixed[0] is None:
        return None
    left = (function for function in range(FUNCTIONS) if function not in fixed)
    return [next(left) if function is None else function for function in fixed]


def _allowed(guest: Guest, traits: Traits) -> frozenset[Place]:
    allowed = ALLOWED[traits.connector]
    if is_legacy_virtio(guest, traits):
        allowed |= {Place.PORT}
    if guest.has_viommu and traits.is_host_device:
        allowed -= {Place.CONVENTIONAL}
    return allowed


def is_legacy_virtio(guest: Guest, traits: Traits) -> bool:
    """On q35, a virtio device that must offer the 0.9 interface, which needs IO ports."""
    return guest.platform.family == "q35" and bool(traits.modes) and VirtioMode.MODERN not in traits.modes


def _fit(guest: Guest, members: Iterable[Traits], place: Place) -> Fit:
    weight = io = 0
    for member in members:
        io += member.io_bytes(mode_on(member, behind_port=place is Place.PORT))
        if member.connector in (Connector.EXPRESS, Connector.HYBRID):
            weight += {
                Place.PORT: 0,
                Place.CONVENTIONAL: WEIGHTS["express-on-conventional"],
                Place.ROOT: WEIGHTS["express-on-root"],
            }[place]
        elif place is Place.PORT and is_legacy_virtio(guest, member):
            weight += WEIGHTS["legacy-on-port"]
        if member.soft_slot is not None and place is not Place.ROOT:
            weight += WEIGHTS["soft-place"]
    return Fit(weight, io)


def _spare_kind(spare: Spare) -> Kind:
    places = {Place.PORT} if spare.kind == "pcie" else {Place.CONVENTIONAL, Place.ROOT}
    return Kind(
        size=0,
        functions=None,
        hotplug="required",
        fits=tuple((place, Fit(0, spare.io)) for place in Place),
        allowed=frozenset(places),
        numa=spare.numa,
        near=None,
        near_switch=None,
        spare=spare.model_copy(update={"count": 1}),
    )


def _resolved_pins(guest: Guest) -> dict[str, Pin]:
    """Pins with their function filled in: the lowest one that no other pin names, in listed order.

    All members of a group of which one is pinned to a slot are pinned to that slot.
    """
    named: dict[tuple[str, int], set[int]] = {}
    pins = _pins(guest)
    root = guest.platform.root
    for slot, function in guest.platform.taken:
        named.setdefault((root, slot), set()).add(function)
    for pin in (*guest.reserve, *pins.values()):
        if pin.bus is not None and pin.slot is not None and pin.function is not None:
            named.setdefault((pin.bus, pin.slot), set()).add(pin.function)
    for name, pin in pins.items():
        if pin.bus is not None and pin.slot is not None and pin.function is None:
            taken = named.setdefault((pin.bus, pin.slot), set())
            function = next((f for f in range(FUNCTIONS) if f not in taken), FUNCTIONS)
            taken.add(function)
            pins[name] = Pin(pin.bus, pin.slot, function)
    return pins


def _pins(guest: Guest) -> dict[str, Pin]:
    """As listed, controllers first; what a group's pin says of its slot said of each member."""
    homes = {d.group: d.address for d in guest.devices if d.group and d.address and d.address.bus is not None}
    pins: dict[str, Pin] = {}
    for item in (*guest.controllers, *guest.devices):
        home = homes.get(item.group) if isinstance(item, Device) and item.group else None
        if home is not None:
            pins[item.id] = Pin(home.bus, home.slot, None if item.address is None else item.address.function)
        elif item.address is not None:
            pins[item.id] = item.address
    return pins


def _clusters(devices: tuple[Device, ...], field: str) -> dict[str, int]:
    """Devices joined by `near` or `near_switch` wishes, or by a group that has one: id -> number of the cluster."""
    parent = {device.id: device.id for device in devices}

    def root(one: str) -> str:
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one

    wished: set[str] = set()
    first: dict[str, str] = {}
    for device in devices:
        for other in getattr(device, field):
            parent[root(device.id)] = root(other)
            wished |= {device.id, other}
        if device.group is not None:
            parent[root(device.id)] = root(first.setdefault(device.group, device.id))
    roots = {root(one) for one in wished}
    numbers: dict[str, int] = {}
    for device in devices:
        if root(device.id) in roots:
            numbers.setdefault(root(device.id), len(numbers))
    return {device.id: numbers[root(device.id)] for device in devices if root(device.id) in roots}
