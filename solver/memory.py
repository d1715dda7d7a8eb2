"""Rule memory-space as sums: what items, ports and reserves need at least, and what there is, in MiB.

Only necessary: alignment may still say no, which the exact prediction finds. A guest that cannot be short of memory has
no such sums, and its kinds no needs, so that devices with other BARs stay interchangeable.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from ..schema.firmware.budget import MIB
from ..schema.firmware.need import available_to, port_memory
from .buses import BusClass, Offer
from .rows import Capacity, Sum, total
from .spare_memory import SpareMemory
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
    spares: SpareMemory = field(init=False)

    def __post_init__(self) -> None:
        self.spares = SpareMemory(self.v)

    def in_all(self) -> Part:
        """The deepest bridges first: what one keeps is inside those above."""
        for bus in sorted(self.v.classes, key=lambda one: -one.where.depth):
            if self.v.items.reserving:
                self.spares.add(bus)
            if any(bus.kept_memory):
                below = self.v.below(bus)  # and below no other: BusClass.is_tracked
                low, high = self._inside([one for one in self.v.classes if one is bus or one in below])
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
            low.add(self.spares.beyond.get(id(bus), 0))
        return low, high

    def _beyond(self, bus: BusClass, reserve: int, there: Sum) -> Sum:
        """A bridge's window is its reserve, if what is inside takes less."""
        result = self.v.rows.variable(0, reserve // MIB * bus.most)
        self.v.rows.at_most(self.v.buses(bus) * (reserve // MIB) - there, result)
        return result


def _empty_ports(v: Variables, classes: list[BusClass]) -> Sum:
    """Ports that no bridge hangs on: of the others, the window is what is below."""
    ports = total(v.buses(bus) for bus in classes if bus.offer is Offer.PORT)
    hanging = (bus for bus in classes if any(host.offer is Offer.PORT for host in bus.above))
    return ports - total(map(v.buses, hanging))
