"""Layouts with one thing edited, whatever that breaks: seats moved, added, left out, told otherwise."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..schema import Guest, Layout
from ..schema.layout.layout import PlacedController, PlacedDevice, SpareSlot
from ..schema.pci.address import FUNCTIONS, SLOTS
from ..schema.pci.controllers import CONTROLLERS

Seat = PlacedController | PlacedDevice
NOWHERE: Final = "nowhere"
"""Id of no bus."""
NEW: Final = "mutant"
"""Id of what is added."""

_VALUES: Final[dict[str, Sequence[Any]]] = {
    "chassis": (1, 2, 256), "slot": (0, 256), "chassis_nr": (0, 1, 2, 16, 256), "bus_nr": (1, 2, 14, 255),
    "shpc": (False, True), "hotplug": (True, False), "io-reserve": (0, 5000, 16384, 65536), "bus-reserve": (0, 1, 255),
    "mem-reserve": (3 << 20, 1 << 30, 1 << 31), "pref32-reserve": (4096, 1 << 30),
    "pref64-reserve": (4096, 1025 << 20), "numa_node": (0, 1, 7),
}  # fmt: skip
"""Values of controllers' properties that are seldom right."""


@dataclass(frozen=True)
class Answer:
    """A layout as the answer to a guest: what edits start from."""

    guest: Guest
    layout: Layout

    @property
    def seats(self) -> tuple[Seat, ...]:
        """Controllers and devices."""
        return (*self.layout.controllers, *self.layout.devices)

    def with_seat(self, old: Seat, **fields: object) -> Layout:
        """The layout with one seat changed."""
        return _reseated(self.layout, {id(old): old.model_copy(update=fields)})

    def buses(self) -> list[str]:
        """Ids of all buses."""
        return [self.guest.machine_model.root, *(one.id for one in self.layout.controllers)]

    def slots(self, bus: str) -> list[int]:
        """Slots of a bus that differ in something: those in use, reserved or at an end, and some more."""
        used = {one.slot for one in self.seats if one.bus == bus}
        reserved = {pin.slot for pin in self.guest.reserve if pin.bus == bus and pin.slot is not None}
        free = [slot for slot in range(2, SLOTS) if slot not in used | reserved]
        return sorted({0, 1, SLOTS - 1, *used, *reserved, *free[:2]})


Edit = Callable[[Answer], Iterator[Layout]]


def _reseated(layout: Layout, instead: Mapping[int, Seat]) -> Layout:
    """With these seats, by the identity of those that they take the place of: ids may stand twice."""
    parts = ("controllers", "devices")
    return layout.model_copy(
        update={part: tuple(instead.get(id(one), one) for one in getattr(layout, part)) for part in parts}
    )


def moved(answer: Answer) -> Iterator[Layout]:
    """Each seat at each place that differs in something, function 0 first, devices before controllers. Who is joined
    says multifunction.
    """
    for function in range(FUNCTIONS):
        for seat in reversed(answer.seats):
            for bus in answer.buses():
                for slot in answer.slots(bus):
                    place = {"bus": bus, "slot": slot, "function": function}
                    yield _joined(answer.with_seat(seat, **place), bus, slot)


def _joined(layout: Layout, bus: str, slot: int) -> Layout:
    seats: tuple[Seat, ...] = (*layout.controllers, *layout.devices)
    there = [one for one in seats if (one.bus, one.slot) == (bus, slot)]
    if not any(one.function for one in there):
        return layout
    return _reseated(layout, {id(one): one.model_copy(update={"multifunction": one.function == 0}) for one in there})


def astray(answer: Answer) -> Iterator[Layout]:
    """Each seat on a bus that is not there."""
    for seat in answer.seats:
        yield answer.with_seat(seat, bus=NOWHERE)


def switched(answer: Answer) -> Iterator[Layout]:
    """Each seat with `multifunction` the other way."""
    for seat in answer.seats:
        yield answer.with_seat(seat, multifunction=not seat.multifunction)


def told_otherwise(answer: Answer) -> Iterator[Layout]:
    """Each controller with another value of a property, or without it."""
    for controller in answer.layout.controllers:
        for name, values in _VALUES.items():
            kept = {key: value for key, value in controller.properties.items() if key != name}
            for value in values:
                yield answer.with_seat(controller, properties={**kept, name: value})
            if name in controller.properties:
                yield answer.with_seat(controller, properties=kept)


def renamed(answer: Answer) -> Iterator[Layout]:
    """Each device of another model."""
    for device in answer.layout.devices:
        yield answer.with_seat(device, model="edu" if device.model != "edu" else "nvme")


def left_out(answer: Answer) -> Iterator[Layout]:
    """Each device left out."""
    for device in answer.layout.devices:
        kept = tuple(one for one in answer.layout.devices if one is not device)
        yield answer.layout.model_copy(update={"devices": kept})


def twice(answer: Answer) -> Iterator[Layout]:
    """Each device a second time, under another id, on every slot of the root bus."""
    for device in answer.layout.devices:
        for slot in range(SLOTS):
            place = {"bus": answer.guest.machine_model.root, "slot": slot, "function": 0, "multifunction": False}
            second = device.model_copy(update={"id": NEW, **place})
            yield answer.layout.model_copy(update={"devices": (*answer.layout.devices, second)})


def one_more(answer: Answer) -> Iterator[Layout]:
    """A controller of each model more, on every slot of the root bus."""
    numbers = {"chassis": 99, "slot": 0, "port": 0, "chassis_nr": 99, "bus_nr": 200, "shpc": True}
    for slot in range(SLOTS):
        for name, model in CONTROLLERS.items():
            own = {key: value for key, value in numbers.items() if key in model.properties}
            place = {"bus": answer.guest.machine_model.root, "slot": slot, "function": 0}
            more = PlacedController.model_validate({"id": NEW, "model": name, "properties": own, **place})
            yield answer.layout.model_copy(update={"controllers": (*answer.layout.controllers, more)})


def spares_moved(answer: Answer) -> Iterator[Layout]:
    """Each spare slot left out, or another one."""
    spare = answer.layout.spare
    for index, one in enumerate(spare):
        others = [SpareSlot(kind=one.kind, bus=bus, slot=slot) for bus in answer.buses() for slot in range(SLOTS)]
        for instead in ((), *((other,) for other in others)):
            yield answer.layout.model_copy(update={"spare": (*spare[:index], *instead, *spare[index + 1 :])})
