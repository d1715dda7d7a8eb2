"""What fits into a free slot of a running guest: IO ports and memory that the firmware has reserved at the bridge.

A guest gives a plugged device what the windows of the bridge above still hold. On the root bus of pc there is no
window: what is left there is the root's, which no layout says.
"""

from collections.abc import Iterable, Iterator, Sequence

from ..firmware import Prediction, predict
from ..firmware.bars import device_bars
from ..layout.layout import Layout, PlacedDevice
from ..layout.topology import Bus, topology_of
from ..pci.bars import BarKind, Bars
from ..pci.machine import Machine
from ..records import record
from .slots import FreePlace, free_places

Hole = tuple[int, int]
"""A free range: base and size in bytes."""

Holes = tuple[Hole, ...]

IN_PREFETCHABLE = frozenset({BarKind.PREF32, BarKind.PREF64})


@record(frozen=True)
class Room:
    """Free ranges of the windows above a bus; None is a bus without windows of its own, the root's."""

    io: Holes | None = ()
    memory: Holes | None = ()
    prefetchable: Holes | None = ()
    """Of memory that is prefetchable; BARs that are not cannot go there."""
    high: bool = False
    """Whether the prefetchable window lies above 4 GiB, where no BAR of 32 bits can be."""

    def without(self, bars: Bars) -> "Room | None":
        """What is left once these BARs are there, the largest first; None where one of them does not fit."""
        left = {"io": self.io, "memory": self.memory, "prefetchable": self.prefetchable}
        for _, kind, size in sorted(bars, key=lambda bar: -bar.size):
            for name in self._windows(kind):
                holes = left[name]
                taken = holes if holes is None else _taken(holes, size)
                if holes is None or taken is not None:
                    left[name] = taken
                    break
            else:
                return None
        return Room(left["io"], left["memory"], left["prefetchable"], self.high)

    def _windows(self, kind: BarKind) -> tuple[str, ...]:
        """Where a BAR may go, the best first."""
        if kind is BarKind.IO:
            return ("io",)
        if kind in IN_PREFETCHABLE and not (self.high and kind is BarKind.PREF32):
            return ("prefetchable", "memory")
        return ("memory",)


def free_bytes(holes: Holes | None) -> int | None:
    """How many bytes these are together; None where no window limits them."""
    return None if holes is None else sum(size for _, size in holes)


@record(frozen=True)
class FreeSlot(FreePlace):
    """A free hot-pluggable slot, and the room of its bus, which free slots of one bus share."""

    room: Room
    others: frozenset[int] = frozenset()
    """All such slots of its bus."""


def free_slots(layout: Layout, prediction: Prediction | None = None) -> list[FreeSlot]:
    """All free slots that take hot-plug, each with the room that its bus has left."""
    machine = layout.machine_model
    prediction = prediction or predict(layout)
    topology = topology_of(machine, layout)
    rooms: dict[str, Room] = {}
    found = []
    places = list(free_places(layout, topology))
    numbers: dict[str, set[int]] = {}
    for place in places:
        numbers.setdefault(place.bus.id, set()).add(place.slot)
    for place in places:
        if place.bus.id not in rooms:
            rooms[place.bus.id] = _room(place.bus, layout, prediction, machine)
        bus = place.bus.id
        found.append(FreeSlot(place.kind, place.bus, place.slot, rooms[bus], frozenset(numbers[bus])))
    return found


def bars_of(device: PlacedDevice, machine: Machine) -> Bars:
    """What a device asks for when it is plugged: firmware alone runs option ROMs, the guest leaves them out."""
    return device_bars(device, machine)[0]


def _room(bus: Bus, layout: Layout, prediction: Prediction, machine: Machine) -> Room:
    if bus.is_root:
        return Room(None, None, None)
    io = next((one for one in prediction.io_windows if one.controller == bus.id), None)
    memory, prefetchable = prediction.memory_windows.get(bus.id), prediction.prefetchable_windows.get(bus.id)
    used = list(_used(bus, layout, prediction, machine))
    return Room(
        io=_holes(None if io is None else (io.base, io.size), used),
        memory=_holes(memory, used),
        prefetchable=_holes(prefetchable, used),
        high=prefetchable is not None and (prefetchable.base or 0) >= 1 << 32,
    )


def _used(bus: Bus, layout: Layout, prediction: Prediction, machine: Machine) -> Iterator[Hole]:
    """BARs on the bus, and windows of the bridges on it."""
    for device in layout.devices:
        if device.bus == bus.id:
            for number, _, size in bars_of(device, machine):
                for placed in (prediction.io_bars, prediction.memory_bars):
                    if (base := placed.get((device.id, number))) is not None:
                        yield base, size
    below = {controller.id for controller in layout.controllers if controller.bus == bus.id}
    for window in prediction.io_windows:
        if window.controller in below and window.base is not None:
            yield window.base, window.size
    for windows in (prediction.memory_windows, prediction.prefetchable_windows):
        yield from ((one.base, one.size) for name, one in windows.items() if name in below and one.base is not None)
    yield from (  # registers of ports and bridges
        (base, 1 << 12) for (name, _), base in prediction.memory_bars.items() if name in below
    )


def _holes(window: tuple[int | None, int] | None, used: Iterable[Hole]) -> Holes:
    if window is None or window[0] is None:
        return ()
    start, end = window[0], window[0] + window[1]
    holes = []
    for base, size in sorted(used):
        if base + size <= start or base >= end:
            continue
        if base > start:
            holes.append((start, base - start))
        start = max(start, base + size)
    return (*holes, (start, end - start)) if end > start else tuple(holes)


def _taken(holes: Sequence[Hole], size: int) -> Holes | None:
    """The holes once so many bytes, aligned to their size, are taken of the smallest that holds them; None where none
    does."""
    fitting = [(length, base) for base, length in holes if -base % size + size <= length]
    if not fitting:
        return None
    length, base = min(fitting)
    start = base + -base % size
    rest = [(base, start - base), (start + size, base + length - start - size)]
    others = [hole for hole in holes if hole != (base, length)]
    return tuple(sorted([*others, *(hole for hole in rest if hole[1])]))
