"""SeaBIOS from 1.16.3 on: windows with room for more, where a 32-bit BAR behind a bridge above keeps them below 4 GiB.

Each window of 64-bit prefetchable memory of a bridge with hot-plug is then a 2048th of what the CPU addresses, or more.
Above 4 GiB there is room for that. Inside a window that has to be below, one of 512 MiB and any BAR beside it are more
than there is.
"""

from dataclasses import field

from ...schema.firmware.need import apertures_of, window_with_room_of
from ...schema.firmware.tree import WITHOUT_SHPC
from ...schema.pci.size import MIB
from ...schema.records import record
from ..aggregate.bus_classes import BusClass, BusKind
from .linear import LinearExpr, sum_of
from .prefetchable import Held
from .seat_options import SeatUse
from .variables import Variables


@record
class Padding:
    """What such windows are below 4 GiB beyond all that is in them, at least."""

    v: Variables
    held: Held
    window: int = field(init=False)
    """Bytes; 0 where there are none, or where who is there is left open: a 32-bit BAR takes a window's room away."""
    _alone: bool = field(init=False)
    """Whether there is no room for two below 4 GiB."""
    _narrow: dict[BusClass, LinearExpr] = field(default_factory=dict)
    _beyond: dict[tuple[BusClass, int], LinearExpr] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.window = window_with_room_of(self.v.guest) if self.v.items.open.is_settled else 0
        self._alone = self.window > 0 and 2 * self.window > apertures_of(self.v.guest)[0].size

    def beyond(self, bus: BusClass, unit: int) -> LinearExpr:
        """Of the buses of a class, in blocks of `unit` bytes."""
        each = self._each(unit)
        if not each or not self._has_room(bus):
            return LinearExpr()
        if (bus, unit) not in self._beyond:
            self._beyond[bus, unit] = LinearExpr()
            self._beyond[bus, unit] = self._state(bus, unit, each)
        return self._beyond[bus, unit]

    def _each(self, unit: int) -> int:
        """Blocks of one window. Beside it is the 32-bit BAR, for which the window around both is as large again; that
        matters where there is no room for two."""
        return self.window * (2 if self._alone and unit <= MIB else 1) // unit

    def _has_room(self, bus: BusClass) -> bool:
        """Whether the firmware is sure to take its controllers for bridges with hot-plug."""
        if bus.kind is BusKind.PORT:
            return True
        unknown = bus.model == "pci-bridge" and self.v.guest.machine_model.version == WITHOUT_SHPC
        return bus.shpc and not bus.shpc_optional and not unknown

    def _state(self, bus: BusClass, unit: int, each: int) -> LinearExpr:
        linear = self.v.linear
        hanging = [self._on(bus, host, low) for host, low in self._low_hosts(bus)]
        if not hanging:
            return LinearExpr()
        padded = linear.variable(0, bus.max_count, "windows_with_room", bus)
        linear.add_le(sum_of(hanging) - self._may_be_narrow(bus), padded)
        result = linear.variable(0, each * bus.max_count, "room_below_4_gib", bus, unit)
        below = self.v.below(bus)
        inside = [one for one in self.v.classes if one in below and one is not bus]
        there = [self.held.below(one, unit) for one in (bus, *inside)]
        there += [part for one in inside for part in (self.held.reserve(one, unit), self.beyond(one, unit))]
        linear.add_le(padded * each - sum_of(there), result)
        return result

    def _low_hosts(self, bus: BusClass) -> list[tuple[BusClass, LinearExpr]]:
        found = ((host, self.held.is_low(host)) for host in bus.above)
        return [(host, low) for host, low in found if low is not None]

    def _on(self, bus: BusClass, host: BusClass, low: LinearExpr) -> LinearExpr:
        """How many of a class hang on buses of `host`, if the windows of those are below 4 GiB."""
        linear = self.v.linear
        number = self.v.attached(bus, host)
        result = linear.variable(0, bus.max_count, "inside_window_below_4_gib", bus, host)
        linear.add_le(number - (low * -1 + 1) * bus.max_count, result)
        return result

    def _may_be_narrow(self, bus: BusClass) -> LinearExpr:
        """On how many of a class, or below, there is 32-bit prefetchable memory at most: each item alone in its slot,
        each shared slot and each bus below has it on one of them, however much it is."""
        if bus not in self._narrow:
            v, self._narrow[bus] = self.v, LinearExpr()
            result = v.controller_count(bus) * int(bus.base_memory.narrow)
            for index, slot in enumerate(bus.slots):
                here = [i for i in v.options_on(bus, slot) if v.options[i].memory.narrow]
                result.add(sum_of(v.counts[i] for i in here if v.options[i].use is not SeatUse.SHARED))
                sharing = sum_of(v.counts[i] for i in here if v.options[i].use is SeatUse.SHARED)
                result.add(self._fewer(sharing, sum_of(count for _, count in v.patterns(bus, index)), bus))
            for child in (*v.pinned(bus), *v.children(bus)):
                result.add(self._fewer(self._may_be_narrow(child), v.attached(child, bus), child))
            self._narrow[bus] = result
        return self._narrow[bus]

    def _fewer(self, one: LinearExpr, other: LinearExpr, of: BusClass) -> LinearExpr:
        """At most the less of two numbers."""
        linear = self.v.linear
        most = min(linear.upper_bound(one), linear.upper_bound(other))
        result = linear.variable(0, most, "narrow_at_most", of)
        linear.add_le(result, one)
        linear.add_le(result, other)
        return result
