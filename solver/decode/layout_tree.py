"""A seating as a tree: buses in order, who sits where, what has IO."""

from functools import cached_property

from ...schema.firmware.bars import window_bytes
from ...schema.pci.bars import BarKind
from ...schema.pci.controllers import RESERVES
from ...schema.pci.qemu_properties import integer
from ...schema.request.bars import requested_with_rom
from ...schema.request.device import Controller
from ...schema.request.guest import Guest
from ...schema.request.resolved import mode_on
from ..aggregate.bus_classes import BusKind
from ..aggregate.controller_reserves import has_shpc
from ..aggregate.items import Items
from .seats import Assignment, BusInstance

PREFIXES = {
    "pcie-root-port": "rp",
    "pcie-pci-bridge": "p2p",
    "pci-bridge": "br",
    "pxb": "pxb",
    "pxb-pcie": "pxb",
    "x3130-upstream": "sw",
    "xio3130-downstream": "dp",
}


class LayoutTree:
    """Every bus has its name: demanded controllers their own, created ones a prefix and the next number."""

    def __init__(self, guest: Guest, items: Items, assignment: Assignment) -> None:
        self.guest = guest
        self.items = items
        self.seating = assignment
        self.demanded = {controller.id: controller for controller in guest.controllers}
        self.root = assignment.buses[0]
        self._children: dict[BusInstance, list[BusInstance]] = {}
        for bus in assignment.buses:
            if bus.parent is not None:
                self._children.setdefault(bus.parent, []).append(bus)
        self.order = self.walk(self.root)[1:]
        """All but the root bus, parents first."""
        self._name()

    def children(self, bus: BusInstance) -> list[BusInstance]:
        """The buses of the controllers that sit on that bus."""
        return self._children.get(bus, [])

    def walk(self, bus: BusInstance) -> list[BusInstance]:
        """The bus and all below it, parents first, by address."""
        below = sorted(self.children(bus), key=lambda one: (one.slot, one.function))
        return [bus, *(one for child in below for one in self.walk(child))]

    def _name(self) -> None:
        taken = set(self.demanded) | {device.id for device in self.guest.devices}
        last = dict.fromkeys(PREFIXES.values(), 0)
        for bus in self.order:
            if bus.name is None:
                prefix = PREFIXES[str(bus.cls.model)]
                last[prefix] += 1
                while f"{prefix}{last[prefix]}" in taken:
                    last[prefix] += 1
                bus.name = f"{prefix}{last[prefix]}"

    def demanded_as(self, bus: BusInstance) -> Controller | None:
        """What the request says of its controller, if it lists that."""
        return self.demanded.get(str(bus.name))

    def number(self, bus: BusInstance, name: str) -> int | None:
        """A property that the request gives its controller."""
        demanded = self.demanded_as(bus)
        return None if demanded is None else integer(demanded.properties, name)

    def io_below(self, bus: BusInstance) -> bool:
        """Whether any device there or deeper has an IO BAR."""
        return any(self.io_on(one) for one in self.walk(bus))

    def keeps_shpc(self, bridge: BusInstance) -> bool:
        """Of a conventional bridge; the planner's own have none where an empty one would open a window for nothing."""
        if bridge.cls.model == "pci-bridge" and bridge.cls.created and bridge.cls.shpc_optional:
            return self.io_below(bridge) or any(host is bridge for _, host, _ in self.seating.spares)
        demanded = self.demanded_as(bridge)
        return demanded is None or has_shpc(demanded)

    def io_on(self, bus: BusInstance) -> int:
        """Bytes of IO BARs of the devices on a bus."""
        return self._asked.get(str(bus.name), (0, 0))[0]

    def memory_on(self, bus: BusInstance) -> int:
        """Bytes of what the devices on a bus need of its window of memory that is not prefetchable."""
        return self._asked.get(str(bus.name), (0, 0))[1]

    @cached_property
    def _asked(self) -> dict[str, tuple[int, int]]:
        asked: dict[str, tuple[int, int]] = {}
        for one, (bus, _, _) in self.seats.items():
            resolved = self.items.resolved[one]
            bars, rom = requested_with_rom(resolved, mode_on(resolved, behind_port=bus in self.ports))
            io, memory = asked.get(bus, (0, 0))
            io += sum(size for _, kind, size in bars if kind is BarKind.IO)
            memory += rom + window_bytes(bars)
            asked[bus] = io, memory
        return asked

    @cached_property
    def protected(self) -> frozenset[str]:
        """Rule eject: names of the ports whose hot-plug the policy turns off."""
        if self.guest.policy.eject != "protect":
            return frozenset()
        needs: dict[str, set[str]] = {}
        for one, (bus, _, _) in self.seats.items():
            needs.setdefault(bus, set()).add(self.items.resolved[one].hotplug)
        names = {str(one.name) for one in self.order if self._is_ours(one)}
        return frozenset(name for name in names if needs.get(name) == {"never"})

    def _is_ours(self, bus: BusInstance) -> bool:
        """Whether it is a port of which the request says neither whether it takes hot-plug nor what it keeps."""
        one = self.demanded_as(bus)
        free = one is None or not ("hotplug" in one.model_fields_set or RESERVES & one.properties.keys())
        return bus.cls.kind is BusKind.PORT and free

    @cached_property
    def ports(self) -> set[str]:
        """Names of the buses that ports offer."""
        return {str(one.name) for one in self.order if one.cls.kind is BusKind.PORT}

    @cached_property
    def seats(self) -> dict[str, tuple[str, int, int]]:
        """Bus, slot and function of every device."""
        result = {one: (str(bus.name), slot, function) for one, (bus, slot, function) in self.seating.devices.items()}
        for occupant in self.items.pinned:
            for one, function in zip(occupant.item.ids, occupant.item.functions or (), strict=True):
                result[one] = (occupant.bus, occupant.slot, function)
        return result

    @cached_property
    def occupied(self) -> set[str]:
        """Buses with a device."""
        return {bus for bus, _, _ in self.seats.values()}

    @cached_property
    def shared(self) -> set[tuple[str, int]]:
        """Slots in which a function other than 0 is used: function 0 there needs multifunction. So it does, to QEMU
        10.0, where virtual functions of a device in another slot come to be."""
        seats = [(str(b.parent.name), b.slot, b.function) for b in self.order if b.parent is not None]
        foreign = {
            (bus, place)
            for one, (bus, slot, function) in self.seats.items()
            if (virtual := self.items.resolved[one].virtual_functions) is not None
            for place, _ in virtual.places(slot, function)
            if place != slot
        }
        return foreign | {(bus, slot) for bus, slot, function in (*seats, *self.seats.values()) if function}
