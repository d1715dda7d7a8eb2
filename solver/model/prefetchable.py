"""SeaBIOS: prefetchable memory that a 32-bit BAR behind the same bridge keeps below 4 GiB, 64-bit BARs' included.

A bridge has one prefetchable window. With any 32-bit BAR in it, or in a window inside it, it lies below 4 GiB as a
whole, and so does all that is in it. Of a class of several buses only what is so of each of them is said.
"""

from dataclasses import dataclass, field

from ...schema.firmware.pieces import whole
from ..aggregate.bus_classes import BusClass, Offer
from .linear import Sum, total
from .variables import Variables


@dataclass(slots=True)
class Held:
    """Memory held below 4 GiB by others: with OVMF none, as such BARs go where memory that is not prefetchable does."""

    v: Variables
    _narrow: dict[int, Sum] = field(default_factory=dict)
    """Whether on each bus of a class, or below, there is such a BAR."""
    _low: dict[int, Sum] = field(default_factory=dict)
    """Whether the prefetchable window of each is below 4 GiB."""

    def __post_init__(self) -> None:
        if self.v.guest.firmware.name != "seabios":
            return
        bridges = [bus for bus in self.v.classes if bus.offer not in (Offer.ROOT, Offer.EXPANDER)]
        if not any(self.v.rows.most(self._wide(bus, 1)) for bus in bridges):
            return
        for bus in sorted(bridges, key=lambda one: -one.where.depth):
            self._from_below(bus)
        for bus in sorted(bridges, key=lambda one: one.where.depth) if self._narrow else ():
            self._from_above(bus)

    def below(self, bus: BusClass, unit: int) -> Sum:
        """What of the 64-bit memory on the buses of a class is below 4 GiB, in blocks of `unit` bytes at least."""
        low = self._low.get(id(bus))
        wide = self._wide(bus, unit)
        most = self.v.rows.most(wide)
        if low is None or not most:
            return Sum()
        result = self.v.rows.variable(0, most)
        self.v.rows.at_most(wide - (low * -1 + 1) * most, result)
        return result

    def _wide(self, bus: BusClass, unit: int) -> Sum:
        v = self.v
        result = total(v.counts[i] * whole(v.options[i].memory.high, unit) for i in v.options_on(bus))
        return result.add(v.buses(bus), whole(bus.base_memory.high, unit))

    def _from_below(self, bus: BusClass) -> None:
        """Those below have been looked at."""
        rows = self.v.rows
        if bus.base_memory.narrow:
            self._narrow[id(bus)] = Sum(constant=1)
            return
        narrow = total(self.v.counts[i] for i in self.v.options_on(bus) if self.v.options[i].memory.narrow)
        here_too = [(child, self.v.buses(child)) for child in self.v.pinned(bus)]
        here_too += [(child, self.v.hanging(child, bus)) for child in self.v.children(bus)]
        here_too = [(child, number) for child, number in here_too if id(child) in self._narrow]
        if not narrow.terms and not here_too:
            return
        here = self._narrow[id(bus)] = rows.variable(0, 1)
        others = self.v.buses(bus) - 1 if bus.most > 1 else Sum()
        rows.at_most(narrow, (here + others) * rows.most(narrow))
        for child, number in here_too:
            rows.at_most(number, (here - self._narrow[id(child)] + others + 1) * child.most)

    def _from_above(self, bus: BusClass) -> None:
        """Those above have been looked at."""
        rows, narrow = self.v.rows, self._narrow.get(id(bus), Sum())
        above = [host for host in bus.above if id(host) in self._low]
        if not above:
            if id(bus) in self._narrow:
                self._low[id(bus)] = narrow
            return
        here = self._low[id(bus)] = rows.variable(0, 1)
        rows.at_most(narrow, here)
        for host in above:
            elsewhere = Sum() if bus.parent is host else self.v.buses(bus) - self.v.hanging(bus, host)
            rows.at_most(self._low[id(host)] - elsewhere, here)
