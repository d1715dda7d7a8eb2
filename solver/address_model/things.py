"""What a request asks to be seated: items, controllers, spare slots; pins are read as docs/semantics.md says."""

from dataclasses import field
from typing import Final

from ...schema.pci.address import FUNCTIONS, ROUTING_IDS, Pin
from ...schema.pci.controllers import CONTROLLERS
from ...schema.pci.qemu_properties import Properties, canonical_properties
from ...schema.records import record
from ...schema.request.device import Controller, Device, Hotplug, Spare
from ...schema.request.guest import Guest
from ...schema.request.resolved import ResolvedDevice, mode_on

ROOT_PORTS: Final = frozenset({"pcie-root-port", "ioh3420"})
BRIDGES_WITH_SHPC: Final = frozenset({"pci-bridge", "pcie-pci-bridge"})


class Contradiction(Exception):  # noqa: N818 - an answer, not an error
    """The pins of a request exclude each other: no layout keeps them all."""


@record(frozen=True)
class Thing:
    """Whatever takes functions of a slot. `functions` are those that it must have; None: any single one."""

    key: str
    functions: tuple[int, ...] | None
    slot: tuple[str, int] | None
    """Bus and slot that a pin names, if one does."""

    virtual: tuple[tuple[int, int], ...] = field(default=(), kw_only=True)
    """Slot and function of each virtual function that comes with it, as they would be in slot 0."""

    @property
    def size(self) -> int:
        """How many functions it has."""
        return 1 if self.functions is None else len(self.functions)

    @property
    def width(self) -> int:
        """How many functions of its slot it takes."""
        beyond = sum(one >= FUNCTIONS for one in self.functions or ())
        return self.size - beyond + sum(slot == 0 for slot, _ in self.virtual)

    @property
    def reach(self) -> frozenset[int]:
        """How many slots behind its own its virtual functions have some."""
        return frozenset(slot for slot, _ in self.virtual if slot)

    @property
    def taken(self) -> tuple[int, ...]:
        """Functions that it must have, by itself and for its virtual ones; from 8 on in slots after its own."""
        return (*(self.functions or ()), *(slot * FUNCTIONS + function for slot, function in self.virtual))


@record(frozen=True)
class SeatedItem(Thing):
    """A device without a group, or a whole group: its members in the order of `functions`."""

    members: tuple[ResolvedDevice, ...]
    need: Hotplug
    node: int | None
    grouped: bool

    def io(self, *, behind_port: bool) -> int:
        """Bytes of its IO BARs there."""
        return sum(one.io_bytes(mode_on(one, behind_port=behind_port)) for one in self.members)

    @property
    def ids(self) -> tuple[str, ...]:
        """Of its devices, as listed."""
        return tuple(one.device.id for one in self.members)

    @property
    def alike(self) -> object:
        """Items that are equal in this may change places."""
        return (self.functions, self.need, self.node, self.grouped, *(_nature(one) for one in self.members))


@record(frozen=True)
class Bridge(Thing):
    """A controller: demanded by the request, or one that the planner may create."""

    model: str
    created: bool
    node: int | None
    """Of an expander its own node, of others the one that they ask for."""
    hotplug: bool
    """Of a port."""
    shpc: bool
    """Of a demanded bridge; the planner decides it for its own."""
    given: Properties
    """Properties that the request sets, as their types have them."""

    @property
    def is_port(self) -> bool:
        """Whether it is a root or downstream port."""
        return CONTROLLERS[self.model].is_port

    @property
    def packs(self) -> bool:
        """Whether it may share a slot with others of its sort, ports or pci-bridges, at no cost."""
        return self.functions is None and (self.is_port or self.model == "pci-bridge")

    @property
    def is_expander(self) -> bool:
        """Whether it is a pxb or pxb-pcie."""
        return CONTROLLERS[self.model].is_expander

    def number(self, name: str) -> int | None:
        """A property that is a count or bytes."""
        value = self.given.get(name)
        return value if type(value) is int else None


Seated = SeatedItem | Bridge


@record(frozen=True)
class SpareRoom:
    """One spare slot, to be left free; it answers the wish of that index."""

    key: str
    wish: int
    spare: Spare


@record(frozen=True)
class Things:
    """All of a request, pinned or not, in listed order."""

    items: tuple[SeatedItem, ...]
    bridges: tuple[Bridge, ...]
    rooms: tuple[SpareRoom, ...]

    @property
    def seated(self) -> tuple[Seated, ...]:
        """Bridges, then items: all that has an address."""
        return (*self.bridges, *self.items)

    @property
    def pinned(self) -> list[Seated]:
        """Those whose slot the request names."""
        return [thing for thing in self.seated if thing.slot is not None]

    @property
    def floating(self) -> list[Seated]:
        """What a pin gives no slot."""
        return [thing for thing in self.seated if thing.slot is None]


def things_of(guest: Guest) -> Things:
    """Raises Contradiction where pins leave something without a function."""
    functions = resolved_pins(guest)
    rooms = [
        SpareRoom(f"spare {wish}.{n}", wish, one) for wish, one in enumerate(guest.spare) for n in range(one.count)
    ]
    return Things(
        tuple(_item(guest, members, functions) for members in _units(guest)),
        tuple(_demanded(controller, functions) for controller in guest.controllers),
        tuple(rooms),
    )


def resolved_pins(guest: Guest) -> dict[str, Pin]:
    """What is pinned to a slot with the function that it gets there. Where one member of a group is, all are."""
    homes = {d.group: d.address for d in guest.devices if d.group is not None and _names_slot(d.address)}
    pins: dict[str, Pin] = {}
    for part in guest.parts:
        home = homes.get(part.group) if isinstance(part, Device) and part.group is not None else part.address
        if home is not None and _names_slot(home):
            pins[part.id] = Pin(home.bus, home.slot, None if part.address is None else part.address.function)
    pins |= _companions(guest, pins)
    used = {Pin(guest.machine_model.root, slot, function) for slot, function in guest.machine_model.taken}
    listed = {device.id for device in guest.devices if guest.resolved[device.id].is_virtual}
    used |= {pin for pin in (*guest.reserve, *pins.values()) if pin.function is not None}
    for name, (bus, slot, function) in pins.items():
        if function is None:
            last = ROUTING_IDS if name in listed else FUNCTIONS
            free = next((f for f in range(last) if Pin(bus, slot, f) not in used), None)
            if free is None:
                raise Contradiction(f"no function is left for {name}")
            pins[name] = Pin(bus, slot, free)
            used.add(pins[name])
    if len(set(pins.values())) < len(pins):
        raise Contradiction("two pins are one address")
    return pins


def _companions(guest: Guest, pins: dict[str, Pin]) -> dict[str, Pin]:
    """Rule companion: without an address of its own, function 0 of the first slot of pcie.0 that no pin names."""
    root = guest.machine_model.root
    named = {pin.slot for pin in pins.values() if pin.bus == root}
    free = [slot for slot in range(1, 31) if slot not in named and slot not in guest.machine_model.closed]
    return {
        device.id: Pin(root, free[0], 0)
        for device in guest.devices
        if device.model == "amd-iommu" and device.id not in pins and free
    }


def _names_slot(pin: Pin | None) -> bool:
    return pin is not None and pin.bus is not None and pin.slot is not None


def _units(guest: Guest) -> list[tuple[Device, ...]]:
    units: dict[tuple[str, str], list[Device]] = {}
    for device in guest.devices:
        units.setdefault(("device", device.id) if device.group is None else ("group", device.group), []).append(device)
    return [tuple(members) for members in units.values()]


def _item(guest: Guest, members: tuple[Device, ...], pins: dict[str, Pin]) -> SeatedItem:
    first = members[0]
    pin = pins.get(first.id)
    functions = _functions(members, pins)
    virtual: list[tuple[int, int]] = []
    if members[0].group is None and functions is None and guest.resolved[first.id].virtual_functions:
        functions = [0]  # docs/semantics.md, virtual-functions
    for one, function in zip(members, functions or (), strict=False):
        own = guest.resolved[one.id].virtual_functions
        virtual += own.places(0, function) if own is not None else ()
    order = range(len(members)) if functions is None else sorted(range(len(members)), key=functions.__getitem__)
    return SeatedItem(
        key=f"device {first.id}" if first.group is None else f"group {first.group}",
        functions=None if functions is None else tuple(sorted(functions)),
        slot=None if pin is None else (str(pin.bus), int(pin.slot or 0)),
        members=tuple(guest.resolved[members[index].id] for index in order),
        need=guest.resolved[first.id].hotplug,
        node=next((one.numa for one in members if one.numa is not None), None),
        grouped=first.group is not None,
        virtual=tuple(virtual),
    )


def _functions(members: tuple[Device, ...], pins: dict[str, Pin]) -> list[int] | None:
    """A pinned member takes its function, the others the lowest ones left; None for a lone device that takes any."""
    if members[0].id in pins:
        return [int(pins[one.id].function or 0) for one in members]
    own = [None if one.address is None else one.address.function for one in members]
    if members[0].group is None and own[0] is None:
        return None
    left = iter([function for function in range(ROUTING_IDS) if function not in own])
    return [next(left) if function is None else function for function in own]


def _demanded(controller: Controller, pins: dict[str, Pin]) -> Bridge:
    pin = pins.get(controller.id, controller.address)
    given = canonical_properties(controller.properties)
    node = given.get("numa_node", controller.numa)
    return Bridge(
        key=controller.id,
        functions=None if pin is None or pin.function is None else (pin.function,),
        slot=(str(pin.bus), int(pin.slot or 0)) if pin is not None and _names_slot(pin) else None,
        model=controller.model,
        created=False,
        node=node if type(node) is int else None,
        hotplug=controller.hotplug and bool(given.get("hotplug", True)),
        shpc=controller.model in BRIDGES_WITH_SHPC and bool(given.get("shpc", True)),
        given=given,
    )


def candidate(model: str, number: int, node: int | None = None) -> Bridge:
    """A controller that the planner may create."""
    shpc = model in BRIDGES_WITH_SHPC
    return Bridge(f"new {model} {number}", None, None, model, True, node, True, shpc, {})


def _nature(one: ResolvedDevice) -> object:
    device = one.device
    same = device.model_dump(mode="json", exclude={"id", "group", "address", "near", "near_switch"})
    return str(sorted(same.items())), one.chipset_place is None
