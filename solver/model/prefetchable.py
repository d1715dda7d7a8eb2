"""SeaBIOS: prefetchable memory that a 32-bit BAR behind the same bridge keeps below 4 GiB, 64-bit BARs' included.

A bridge has one prefetchable window. With any 32-bit BAR in it, or in a window inside it, it lies below 4 GiB as a
whole, and so does all that is in it. Of a class of several buses only what is so of each of them is said.
"""

from collections.abc import Callable
from dataclasses import field
from typing import Final

from ...schema.firmware.need import window_with_room_of
from ...schema.firmware.pieces import whole
from ...schema.records import record
from ..aggregate.bus_classes import ROOT_KINDS, BusClass
from .elsewhere import Elsewhere
from .linear import LinearExpr, sum_of
from .ragged_windows import is_lone
from .variables import Variables

MOST_BELOW: Final = 64
"""Classes of which it is asked whether all their controllers are below a certain one."""


@record
class Held:
    """Memory held below 4 GiB by others: with OVMF none, as such BARs go where memory that is not prefetchable does."""

    v: Variables
    _narrow: dict[BusClass, LinearExpr] = field(default_factory=dict)
    """Whether on each bus of a class, or below, there is such a BAR."""
    _some: dict[BusClass, LinearExpr] = field(default_factory=dict)
    """Whether on one of them, or below, there is."""
    _low: dict[BusClass, LinearExpr] = field(default_factory=dict)
    """Whether the prefetchable window of each is below 4 GiB."""
    _known: dict[tuple[object, ...], LinearExpr] = field(default_factory=dict)
    """What has been said, once: who asks twice has the same variable."""

    _elsewhere: Elsewhere = field(init=False)

    def __post_init__(self) -> None:
        self._elsewhere = Elsewhere(self.v)
        if self.v.guest.firmware.name != "seabios":
            return
        bridges = [bus for bus in self.v.classes if bus.kind not in ROOT_KINDS]
        padded = window_with_room_of(self.v.guest) > 0
        kept = any(bus.kept_memory.high for bus in bridges)
        if not padded and not kept and not any(self.v.linear.upper_bound(self._wide(bus, 1)) for bus in bridges):
            return
        for bus in sorted(bridges, key=lambda one: -one.level.depth):
            self._from_below(bus)
        for bus in sorted(bridges, key=lambda one: one.level.depth) if self._narrow else ():
            self._from_above(bus)

    def below(self, bus: BusClass, unit: int) -> LinearExpr:
        """What of the 64-bit memory on the buses of a class is below 4 GiB, in blocks of `unit` bytes at least."""
        return self._if_low(bus, lambda: self._wide(bus, unit), "held_below_4_gib", unit)

    def reserve(self, bus: BusClass, unit: int) -> LinearExpr:
        """The same of what they reserve of prefetchable memory, whatever is in it."""
        units = whole(bus.kept_memory.high, unit)
        return self._if_low(bus, lambda: self.v.controller_count(bus) * units, "reserve_below_4_gib", unit)

    def _if_low(self, bus: BusClass, amount: Callable[[], LinearExpr], *name: object) -> LinearExpr:
        """So much, if the windows of these buses are below 4 GiB."""
        low = self._low.get(bus)
        if low is None:
            return LinearExpr()
        if (*name, bus) not in self._known:
            units = amount()
            most = self.v.linear.upper_bound(units)
            result = self._known[*name, bus] = self.v.linear.variable(0, most, *name, bus)
            self.v.linear.add_le(units - (low * -1 + 1) * most, result)
        return self._known[*name, bus]

    def at_most(self, unit: int) -> LinearExpr:
        """What may be held there of all 64-bit memory and its reserves: where a 32-bit BAR may be around. Of what is
        alone behind a port of a root bus nothing is."""
        result = LinearExpr()
        for bus in (bus for bus in self.v.classes if bus.kind not in ROOT_KINDS):
            units = self._wide(bus, unit, lone=False).add(
                self.v.controller_count(bus), whole(bus.kept_memory.high, unit)
            )
            most = self.v.linear.upper_bound(units)
            if not most:
                continue
            held = self.v.linear.variable(0, most, "may_be_held", bus, unit)
            self.v.linear.add_le(held, units)
            around = self.v.around(bus)
            self.v.linear.add_le(held, sum_of(self._number(one) for one in self.v.classes if one in around) * most)
            result.add(held)
        return result

    def is_low(self, bus: BusClass) -> LinearExpr | None:
        """Whether the prefetchable window of each bus of a class is below 4 GiB; None where nothing keeps it there."""
        return self._low.get(bus)

    def _wide(self, bus: BusClass, unit: int, *, lone: bool = True) -> LinearExpr:
        """What may be above on the buses of a class, `lone` behind a port of a root bus or not."""
        v = self.v
        here = [i for i in v.options_on(bus) if lone or not is_lone(v.options[i])]
        result = sum_of(v.counts[i] * whole(v.options[i].memory.high, unit) for i in here)
        return result.add(v.controller_count(bus), whole(bus.base_memory.high, unit))

    def _from_below(self, bus: BusClass) -> None:
        """Those below have been looked at."""
        linear = self.v.linear
        if bus.base_memory.narrow:
            self._narrow[bus], self._some[bus] = LinearExpr(constant=1), self._any(bus)
            return
        narrow = self._number(bus)
        children = (*self.v.pinned(bus), *self.v.children(bus))
        here_too = [(child, self.v.attached(child, bus)) for child in children if child in self._some]
        if not narrow.terms and not here_too:
            return
        some = self._some[bus] = linear.variable(0, 1, "some_32_bit_prefetchable", bus)
        linear.add_le(narrow, some * linear.upper_bound(narrow))
        for child, number in here_too:
            elsewhere = self.v.controller_count(child) - number
            linear.add_le(self._some[child] - elsewhere, some)
        alone = bus.max_count == 1
        if alone and bus.kept_memory.high:
            self._from_anywhere_below(bus, some)
        here = self._narrow[bus] = some if alone else linear.variable(0, 1, "has_32_bit_prefetchable", bus)
        others = LinearExpr() if alone else self.v.controller_count(bus) - 1
        linear.add_le(some - others, here)
        linear.add_le(narrow, (here + others) * linear.upper_bound(narrow))
        for child, number in here_too:
            linear.add_le(number, (here - self._narrow[child] + others + 1) * child.max_count)

    def _number(self, bus: BusClass) -> LinearExpr:
        """How many items with such BARs are on the buses of a class, and pinned there."""
        items = sum_of(self.v.counts[i] for i in self.v.options_on(bus) if self.v.options[i].memory.narrow)
        return items.add(self.v.controller_count(bus), int(bus.base_memory.narrow))

    def _from_anywhere_below(self, bus: BusClass, some: LinearExpr) -> None:
        """What is on any of several buses is below this one where all of them are. Of many it is not asked: there are
        as many variables for each as it has hosts."""
        linear, below = self.v.linear, self.v.below(bus)
        if len(below) > MOST_BELOW:
            return
        for one in (one for one in self.v.classes if one in below):
            narrow = self._number(one)
            if narrow.terms or narrow.constant:
                linear.add_le(linear.is_some(narrow, "narrow_on", one, bus) - self._elsewhere.of(one, bus), some)

    def _any(self, bus: BusClass) -> LinearExpr:
        """Whether there is a bus of the class at all: of one that stays empty nothing is on one of its buses."""
        count = self.v.controller_count(bus)
        if bus.max_count == 1:
            return count
        some = self.v.linear.variable(0, 1, "some_bus", bus)
        self.v.linear.add_le(count, some * bus.max_count)
        return some

    def _from_above(self, bus: BusClass) -> None:
        """Those above have been looked at."""
        linear, narrow = self.v.linear, self._narrow.get(bus, LinearExpr())
        above = [host for host in bus.above if host in self._low]
        if not above:
            if bus in self._narrow:
                self._low[bus] = narrow
            return
        here = self._low[bus] = linear.variable(0, 1, "prefetchable_below_4_gib", bus)
        linear.add_le(narrow, here)
        for host in above:
            elsewhere = self.v.controller_count(bus) - self.v.attached(bus, host)
            linear.add_le(self._low[host] - elsewhere, here)
