"""Memory that bridges reserve for conventional spare slots: powers of two, of all that is in their windows.

Counted bus by bus; only necessary where a class has several. What alignment adds, the exact prediction knows.
"""

from dataclasses import dataclass, field

from ..schema.firmware.budget import MIB
from .buses import BusClass, Offer
from .kinds import Place
from .powers import rounded_up
from .rows import Sum, total
from .variables import Variables


@dataclass(slots=True)
class SpareMemory:
    """Of windows that are not prefetchable, in bytes at least; by bus class, the deepest first."""

    v: Variables
    windows: dict[int, Sum] = field(default_factory=dict)
    beyond: dict[int, Sum] = field(default_factory=dict)
    """Whole MiB that a reserve has above all that is in it."""
    _parts: dict[int, dict[int, Sum]] = field(default_factory=dict)

    def add(self, bus: BusClass) -> None:
        """Those of the classes on its bus have been added."""
        if bus.offer is Offer.CONVENTIONAL and bus.model is not None:
            held = self._held(bus)
            self.windows[id(bus)] = held + self._rounded_up(bus, held) if self._reserves(bus) else held

    def _reserves(self, bus: BusClass) -> bool:
        """Whether the planner may have a single bridge reserve memory for them; what the request may state stands."""
        stated = bus.spare_room.low is not None or self.v.items.open.readings
        return bus.most == 1 and not stated and bool(self._spares(bus).terms)

    def _spares(self, bus: BusClass) -> Sum:
        options = ((self.v.counts[i], self.v.options[i].kind.spare) for i in self.v.options_on(bus))
        return total(count * spare.memory for count, spare in options if spare is not None and spare.memory)

    def _held(self, bus: BusClass) -> Sum:
        result = self._spares(bus) + self.v.buses(bus) * bus.base_window
        for index in self.v.options_on(bus):
            result.add(self.v.counts[index], self.v.options[index].kind.fit(Place.CONVENTIONAL).window)
        for child in self.v.pinned(bus):
            result.add(self.windows.get(id(child), Sum()))
        for child in self.v.children(bus):
            result.add(self._shared_out(child)[id(bus)])
        return result

    def _shared_out(self, child: BusClass) -> dict[int, Sum]:
        """The windows of a class, by the class that it hangs on: they add up, so that nothing hides."""
        window = self.windows.get(id(child), Sum())
        if len(child.hosts) == 1 or not window.terms:
            return dict.fromkeys(map(id, child.hosts), window)
        if id(child) not in self._parts:
            rows, most = self.v.rows, self.v.rows.most(window)
            parts = {id(host): rows.variable(0, most) for host in child.hosts}
            for host in child.hosts:
                rows.at_most(parts[id(host)], self.v.hanging(child, host) * most)
            rows.equal(total(parts.values()), window)
            self._parts[id(child)] = parts
        return self._parts[id(child)]

    def _rounded_up(self, bus: BusClass, held: Sum) -> Sum:
        """Bytes up to the next power of two, if there are spare slots at all."""
        rows, spares = self.v.rows, self._spares(bus)
        reserve = rounded_up(rows, held, MIB)
        rows.at_most(spares, reserve.used * rows.most(spares))
        result, whole = rows.variable(0, reserve.most), rows.variable(0, reserve.most // MIB)
        rows.at_most(reserve.value - held, result)
        rows.at_most(result - (MIB - 1), whole * MIB)
        self.beyond[id(bus)] = whole
        return result
