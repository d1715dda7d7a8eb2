"""Guest -> items: what takes a slot. A device without group or a whole group, free or pinned, and spare slots."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field

from ...schema.pci.address import FUNCTIONS, ROUTING_IDS, Pin
from ...schema.pci.controllers import CONTROLLERS
from ...schema.records import record
from ...schema.request.device import Controller, Device
from ...schema.request.guest import Guest
from ...schema.request.resolved import ResolvedDevice
from .item_kinds import ItemKind, ItemKinds, Readings


@record(frozen=True)
class Item:
    """Devices (ids in function order, if that is fixed) that stand and fall together."""

    ids: tuple[str, ...]
    kind: ItemKind
    functions: tuple[int, ...] | None


@record(frozen=True, eq=False)
class Occupant:
    """An item whose slot is fixed by a pin."""

    item: Item
    bus: str
    slot: int
    group: str | None = None
    """A group that it may be of: its other members then do not disturb it."""
    settled: bool = True
    """Whether it has just these functions of its slot."""


@record(frozen=True)
class Home:
    """Where something may sit, too, as a pin says that need not be kept. Without `functions` any of the slot's."""

    ids: tuple[str, ...]
    bus: str
    slot: int
    functions: frozenset[int] | None
    kind: ItemKind | None = None
    """Of items that must be somewhere; None of what may be absent, and of controllers."""
    controller: str = ""
    """The model of a controller."""
    group: str | None = None
    """See Occupant."""

    @property
    def fills_zero(self) -> bool:
        """Whether one of its functions is, or may be, function 0."""
        return self.functions is None or 0 in self.functions


@record(frozen=True)
class Open:
    """What a request leaves open, see Relaxation: nothing, where all that it states must hold."""

    least: Mapping[ItemKind, int] = field(default_factory=dict)
    """How many there must be, of kinds of which not all must."""
    instead: Mapping[ItemKind, Mapping[ItemKind, int]] = field(default_factory=dict)
    """How many items of other kinds one item, of groups that may be none, stands for."""
    homes: tuple[Home, ...] = ()
    controllers: tuple[Controller, ...] = ()
    """That may be absent, each asking for nothing."""
    readings: Mapping[str, tuple[Controller, ...]] = field(default_factory=dict)
    """What a controller may say of itself, where that is not one thing."""
    nodes: frozenset[int] = frozenset()
    """NUMA nodes that may have an expander."""
    more_io: bool = False
    """Whether there may be IO ports that nobody counts: spare slots may use the pages of such devices."""
    upset: bool = False
    """Whether what may be there upsets the alignment of memory."""

    @property
    def is_settled(self) -> bool:
        """Whether what is there is known, and what each of it is."""
        return not (self.least or self.instead or self.homes or self.controllers or self.readings or self.more_io)


@record(frozen=True)
class Items:
    """Free items by kind in listed order, pinned ones, and controllers' resolved pins."""

    free: dict[ItemKind, list[Item]]
    pinned: list[Occupant]
    controller_pins: dict[str, Pin]
    resolved: Mapping[str, ResolvedDevice]
    memory: bool
    """Whether memory may be short."""
    reserving: bool
    """Whether bridges reserve some of it for conventional spare slots."""
    controllers: int
    """How many are listed."""
    open: Open = Open()

    @property
    def number(self) -> int:
        """Of all that a slot is sought for, and of pinned controllers."""
        return sum(map(len, self.free.values())) + self.controllers + len(self.open.controllers)


def items_of(
    guest: Guest,
    kinds: ItemKinds | None = None,
    readings: Mapping[str, Readings] | None = None,
    freed: Iterable[str] = (),
    companions: Mapping[str, Pin] | None = None,
) -> Items:
    """Sorts a guest's devices into free and pinned items; a group is pinned if one member is.

    A group of which a member is `freed` may have any functions. `companions` is where QEMU puts what devices bring
    along, in place of what the guest says by itself.
    """
    kinds = kinds or ItemKinds(guest)
    freed = frozenset(freed)
    pins = _resolved_pins(guest, companions_of(guest) if companions is None else companions)
    near = _clusters(guest.devices, "near")
    switches = _clusters(guest.devices, "near_switch")
    free: dict[ItemKind, list[Item]] = {}
    pinned: list[Occupant] = []
    for members in _units(guest):
        settled = not freed or freed.isdisjoint(member.id for member in members)
        one = members[0].id  # a group has one slot, and one cluster: what is said of a member is said of all
        pin = pins.get(one)
        on_bus = pin is not None and pin.bus is not None
        functions = _functions(guest, members, pins) if settled or on_bus else None
        kind = kinds.of(
            [readings[member.id] if readings else (guest.resolved[member.id],) for member in members],
            functions,
            near=near.get(one),
            near_switch=switches.get(one),
        )
        item = _item(members, kind, functions)
        if pin is None or pin.bus is None or pin.slot is None:
            free.setdefault(kind, []).append(item)
        else:
            pinned.append(Occupant(item, pin.bus, pin.slot, settled=settled))
    _keep_spares(guest, kinds, free)
    controller_pins = {c.id: pins[c.id] for c in guest.controllers if c.id in pins}
    return Items(free, pinned, controller_pins, guest.resolved, kinds.memory, kinds.reserving, len(guest.controllers))


def _keep_spares(guest: Guest, kinds: ItemKinds, free: dict[ItemKind, list[Item]]) -> None:
    """Slots that are kept free are items of no device."""
    for spare in guest.spare:
        if spare.count:
            kind = kinds.of_spare(spare)
            free.setdefault(kind, []).extend([Item((), kind, None)] * spare.count)


def wished_nodes(guest: Guest, items: Items) -> set[int]:
    """NUMA nodes that something asks for, pinned or not: what is pinned may be so inside a controller that is not."""
    wishes = {kind.numa for kind in items.free} | {occupant.item.kind.numa for occupant in items.pinned}
    wishes |= {c.numa for c in guest.controllers if not CONTROLLERS[c.model].is_expander} | items.open.nodes
    return {node for node in wishes if node is not None}


def _units(guest: Guest) -> Iterable[tuple[Device, ...]]:
    seen: set[str] = set()
    for device in guest.devices:
        if device.group is None:
            yield (device,)
        elif device.group not in seen:
            seen.add(device.group)
            yield guest.groups[device.group]


def _item(members: tuple[Device, ...], kind: ItemKind, functions: list[int] | None) -> Item:
    """Members and functions in the order of the functions."""
    if functions is None:
        return Item(tuple(member.id for member in members), kind, None)
    seats = sorted(zip(functions, (member.id for member in members), strict=True))
    return Item(tuple(one for _, one in seats), kind, tuple(function for function, _ in seats))


def _functions(guest: Guest, members: tuple[Device, ...], pins: Mapping[str, Pin]) -> list[int] | None:
    """Pinned functions, the others the lowest left in listed order; None for a lone device without one, but by rule
    virtual-functions function 0 for one that has such."""
    fixed = [pins[m.id].function if m.id in pins else None for m in members]
    if members[0].group is None and fixed[0] is None:
        return None if guest.resolved[members[0].id].virtual_functions is None else [0]
    left = (function for function in range(ROUTING_IDS) if function not in fixed)
    return [next(left) if function is None else function for function in fixed]


def _resolved_pins(guest: Guest, companions: Mapping[str, Pin]) -> dict[str, Pin]:
    """Pins with their function filled in: the lowest one that no other pin names, in listed order.

    All members of a group of which one is pinned to a slot are pinned to that slot.
    """
    named: dict[tuple[str, int], set[int]] = {}
    pins = {**pins_of(guest), **companions}
    virtual = {name for name, one in guest.resolved.items() if one.is_virtual}
    root = guest.machine_model.root
    for slot, function in guest.machine_model.taken:
        named.setdefault((root, slot), set()).add(function)
    for pin in (*guest.reserve, *pins.values()):
        if pin.bus is not None and pin.slot is not None and pin.function is not None:
            named.setdefault((pin.bus, pin.slot), set()).add(pin.function)
    for name, pin in pins.items():
        if pin.bus is not None and pin.slot is not None and pin.function is None:
            taken = named.setdefault((pin.bus, pin.slot), set())
            last = ROUTING_IDS if name in virtual else FUNCTIONS
            function = next((f for f in range(last) if f not in taken), last)
            taken.add(function)
            pins[name] = Pin(pin.bus, pin.slot, function)
    return pins


def companions_of(guest: Guest) -> dict[str, Pin]:
    """Rule companion, by the device that brings one along: the first slot of the root bus that no pin names."""
    platform, pins = guest.machine_model, pins_of(guest)
    used = {pin.slot for pin in pins.values() if pin.bus == platform.root} | platform.closed
    first = next((slot for slot in range(platform.first_slot, platform.last_slot + 1) if slot not in used), None)
    bringing = (one.id for one in guest.devices if one.id not in pins and guest.resolved[one.id].model.brings)
    return {} if first is None else dict.fromkeys(bringing, Pin(platform.root, first, 0))


def pins_of(guest: Guest) -> dict[str, Pin]:
    """As listed, controllers first; what a group's pin says of its slot said of each member."""
    homes = {d.group: d.address for d in guest.devices if d.group and d.address and d.address.bus is not None}
    pins: dict[str, Pin] = {}
    for item in guest.parts:
        home = homes.get(item.group) if isinstance(item, Device) and item.group else None
        if home is not None:
            pins[item.id] = Pin(home.bus, home.slot, None if item.address is None else item.address.function)
        elif item.address is not None:
            pins[item.id] = item.address
    return pins


def _clusters(devices: Sequence[Device], field: str) -> dict[str, int]:
    """Devices joined by `near` or `near_switch` wishes, or by a group that has one: id -> number of the cluster."""
    if not any(getattr(device, field) for device in devices):
        return {}
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
