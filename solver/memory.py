"""Rule memory-space as sums: what items, ports and reserves need at least, and what there is, in MiB.

Only necessary: alignment may still say no, which the exact prediction finds. A guest that cannot be short of memory has
no such sums, and its kinds no needs, so that devices with other BARs stay interchangeable.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ..schema.firmware.budget import MIB, power_of_two
from ..schema.firmware.need import available_to, port_memory
from .buses import BusClass, Offer
from .kinds import Place
from .rows import Capacity, Sum, total
from .variables import Variables

BELOW: Final = "below 4 GiB"


def memory_space(v: Variables) -> Iterator[Capacity]:
    """Memory below 4 GiB, and above where that has an end. Each root's 64-bit memory lies on one side as a whole."""
    if not v.items.memory:
        return
    below, above = available_to(v.guest)
    low, high = _Need(v).in_all()
    yield Capacity("memory-space", low, below // MIB, BELOW, MIB)
    if above is not None and any(bus.where.expander for bus in v.classes):
        yield Capacity("memory-space", high + low, (below + above) // MIB, "all", MIB)
    elif above is not None:
        yield Capacity("memory-space", high, max(below, above) // MIB, "64-bit", MIB)


Part = tuple[Sum, Sum]
"""Below 4 GiB, and what may be above."""


@dataclass(slots=True)
class _Need:
    """Rounded down to MiB, so that nothing that fits is refused."""

    v: Variables
    kept: dict[int, Part] = field(default_factory=dict)
    """By bus class: what its reserve is above all that is inside, if it is."""
    rounded: dict[int, Sum] = field(default_factory=dict)
    """The same of reserves for conventional spare slots, below 4 GiB."""

    def in_all(self) -> Part:
        """The deepest bridges first: what one keeps is inside those above."""
        for bus in sorted(self.v.classes, key=lambda one: -one.where.depth):
            if self._reserves_for_spares(bus):
                self.rounded[id(bus)] = self._rounded(bus)
            if any(bus.kept_memory):
                low, high = self._inside(list(dict.fromkeys(self._below(bus))))
                reserves = bus.kept_memory
                self.kept[id(bus)] = self._beyond(bus, reserves.low, low), self._beyond(bus, reserves.high, high)
        return self._inside(self.v.classes)

    def _inside(self, classes: list[BusClass]) -> Part:
        """What sits on these buses, what they keep beyond it, and what empty ports have anyway."""
        low = _empty_ports(self.v, classes) * (port_memory(self.v.guest.firmware.name) // MIB)
        high = Sum()
        for bus in classes:
            for index in self.v.options_on(bus):
                low.add(self.v.counts[index], self.v.options[index].memory.low // MIB)
                high.add(self.v.counts[index], self.v.options[index].memory.high // MIB)
            low.add(self.v.buses(bus), bus.base_memory.low // MIB)
            high.add(self.v.buses(bus), bus.base_memory.high // MIB)
            if id(bus) in self.kept:
                low.add(self.kept[id(bus)][0])
                high.add(self.kept[id(bus)][1])
            if id(bus) in self.rounded:
                low.add(self.rounded[id(bus)])
        return low, high

    def _reserves_for_spares(self, bus: BusClass) -> bool:
        """Whether the planner may have a single bridge reserve memory for conventional spare slots."""
        if bus.most > 1 or bus.model is None or bus.offer is not Offer.CONVENTIONAL or bus.spare_room.low is not None:
            return False
        spares = (self.v.options[i].kind.spare for i in self.v.options_on(bus))
        return any(spare is not None and spare.memory for spare in spares)

    def _rounded(self, bus: BusClass) -> Sum:
        """What the reserve for conventional spare slots of a single bridge is above all that is on its bus: it is a
        power of two, that of what nested bridges add left out."""
        v, options = self.v, [(self.v.counts[i], self.v.options[i]) for i in self.v.options_on(bus)]
        spares = [(count, option.kind.spare.memory) for count, option in options if option.kind.spare is not None]
        number = total(count for count, memory in spares if memory)
        asked = total(count * memory for count, memory in spares)
        there = total(count * option.kind.fit(Place.CONVENTIONAL).window for count, option in options)
        held = asked + there + v.buses(bus) * bus.base_window
        most = v.rows.most(held)
        sizes = [MIB << bit for bit in range((power_of_two(most) // MIB).bit_length())] or [MIB]
        chosen = [v.rows.variable(0, 1) for _ in sizes]
        used = total(chosen)
        v.rows.at_most(used, 1)
        v.rows.at_most(number, used * v.rows.most(number))
        reserve = total(one * size for one, size in zip(chosen, sizes, strict=True))
        v.rows.at_most(held - reserve, (used * -1 + 1) * most)
        low = total(count * (option.memory.low // MIB) for count, option in options)
        low.add(v.buses(bus), bus.base_memory.low // MIB)
        result = v.rows.variable(0, sizes[-1] // MIB)
        v.rows.at_most(total(one * (size // MIB) for one, size in zip(chosen, sizes, strict=True)) - low, result)
        return result

    def _beyond(self, bus: BusClass, reserve: int, there: Sum) -> Sum:
        """A bridge's window is its reserve, if what is inside takes less."""
        result = self.v.rows.variable(0, reserve // MIB * bus.most)
        self.v.rows.at_most(self.v.buses(bus) * (reserve // MIB) - there, result)
        return result

    def _below(self, bus: BusClass) -> Iterator[BusClass]:
        """The class and all below it, which is below no other: `BusClass.is_tracked`."""
        yield bus
        for child in (*self.v.children(bus), *self.v.pinned(bus)):
            yield from self._below(child)


def _empty_ports(v: Variables, classes: list[BusClass]) -> Sum:
    """Ports that no bridge hangs on: of the others, the window is what is below."""
    ports = total(v.buses(bus) for bus in classes if bus.offer is Offer.PORT)
    hanging = (bus for bus in classes if any(host.offer is Offer.PORT for host in bus.above))
    return ports - total(map(v.buses, hanging))
