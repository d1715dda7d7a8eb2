"""A layout in which devices are told in the order that the request asks for, by giving each what another had.

What changes places costs the same wherever it is: what is behind created ports of one bus, and what is alone in a slot
of one bus. Whether all rules still hold, and what it costs, is for others to say.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import field

from ...schema.layout.layout import Layout, PlacedController, PlacedDevice, Seat
from ...schema.pci.controllers import CONTROLLERS
from ...schema.pci.qemu_properties import Properties
from ...schema.records import record
from ...schema.request.guest import Guest

OF_THE_PLACE = frozenset({"chassis", "port", "slot"})
"""Properties of a port that stay with it, whatever is behind."""


def in_order(guest: Guest, layout: Layout) -> Layout:
    """The layout with as much in order as such changes can do."""
    return _Ordering(guest, layout).run()


@record
class _Ordering:
    guest: Guest
    layout: Layout
    controllers: dict[str, PlacedController] = field(init=False)
    devices: dict[str, PlacedDevice] = field(init=False)

    def __post_init__(self) -> None:
        self.controllers = {one.id: one for one in self.layout.controllers}
        self.devices = {one.id: one for one in self.layout.devices}

    def run(self) -> Layout:
        fixed = {one.id for one in self.guest.parts if one.address is not None}
        fixed |= {one.id for one in self.guest.devices if one.group is not None}
        listed = {one.id for one in self.guest.controllers}
        for bus in (self.layout.machine_model.root, *self.controllers):
            ranked = [(rank, one) for one in self._on(bus) if (rank := self._rank(one)) is not None]
            free = [one for _, one in sorted(ranked, key=lambda pair: pair[0]) if one.id not in fixed]
            ports = [one for one in free if _is_port(one) and one.id not in listed]
            self._exchange_contents([self.controllers[one.id] for one in ports])
            self._exchange_slots([one for one in free if not _is_port(one) and self._is_alone(one)])
        controllers = tuple(self._parents_first(self.layout.machine_model.root))
        devices = tuple(self.devices[one.id] for one in self.layout.devices)
        return _named_in_order(self.layout.model_copy(update={"controllers": controllers, "devices": devices}), listed)

    def _on(self, bus: str) -> list[Seat]:
        seats: Iterable[Seat] = (*self.controllers.values(), *self.devices.values())
        return sorted((one for one in seats if one.bus == bus), key=lambda one: (one.slot, one.function))

    def _rank(self, seat: Seat) -> int | None:
        """The first place in the order of what is there or below; None where nobody there is in the order."""
        if isinstance(seat, PlacedDevice):
            return self.guest.order.index(seat.id) if seat.id in self.guest.order else None
        return min((rank for one in self._on(seat.id) if (rank := self._rank(one)) is not None), default=None)

    def _is_alone(self, seat: Seat) -> bool:
        """Nor are its virtual functions in slots after its own, which would go along."""
        virtual = self.guest.resolved[seat.id].virtual_functions if isinstance(seat, PlacedDevice) else None
        places = virtual.places(seat.slot, 0) if virtual is not None else ()
        return not seat.function and not seat.multifunction and all(slot == seat.slot for slot, _ in places)

    def _exchange_contents(self, wanted: Sequence[PlacedController]) -> None:
        """The first port gets what is behind the first one wanted, with the room that is kept for it."""
        there = sorted(wanted, key=lambda one: (one.slot, one.function))
        behind = {one.id: [seat.id for seat in self._on(one.id)] for one in there}
        for port, other in zip(there, wanted, strict=True):
            properties = {**_moving(other.properties, moves=True), **_moving(port.properties, moves=False)}
            self.controllers[port.id] = port.model_copy(update={"properties": properties})
            for name in behind[other.id]:
                self._put(name, bus=port.id)

    def _exchange_slots(self, wanted: Sequence[Seat]) -> None:
        slots = sorted(one.slot for one in wanted)
        for one, slot in zip(wanted, slots, strict=True):
            self._put(one.id, slot=slot)

    def _put(self, name: str, **seat: str | int) -> None:
        if name in self.devices:
            self.devices[name] = self.devices[name].model_copy(update=seat)
        else:
            self.controllers[name] = self.controllers[name].model_copy(update=seat)

    def _parents_first(self, bus: str) -> Iterable[PlacedController]:
        for one in self._on(bus):
            if isinstance(one, PlacedController):
                yield one
                yield from self._parents_first(one.id)


def _is_port(seat: Seat) -> bool:
    return isinstance(seat, PlacedController) and CONTROLLERS[seat.model].is_port


def _moving(properties: Properties, *, moves: bool) -> Properties:
    return {name: value for name, value in properties.items() if (name not in OF_THE_PLACE) is moves}


def _named_in_order(layout: Layout, listed: Set[str]) -> Layout:
    """The layout in which the planner's own controllers have their names again in the order in which they stand."""
    own: dict[str, list[str]] = {}
    for one in layout.controllers:
        if one.id not in listed:
            own.setdefault(one.model, []).append(one.id)
    names = {
        old: new
        for there in own.values()
        for old, new in zip(there, sorted(there, key=lambda name: (len(name), name)), strict=True)
    }
    renamed: dict[str, tuple[Seat, ...]] = {
        part: tuple(_called(one, names) for one in getattr(layout, part)) for part in ("controllers", "devices")
    }
    spare = tuple(one.model_copy(update={"bus": names.get(one.bus, one.bus)}) for one in layout.spare)
    return layout.model_copy(update={**renamed, "spare": spare})


def _called(seat: Seat, names: Mapping[str, str]) -> Seat:
    return seat.model_copy(update={"id": names.get(seat.id, seat.id), "bus": names.get(seat.bus, seat.bus)})
