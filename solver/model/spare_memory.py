"""Memory that bridges reserve for conventional spare slots: powers of two, of all that is in their windows.

A class of one bus is counted as it is; of several buses, each spare slot is what it adds at least, whoever it is with.
"""

from dataclasses import field
from functools import cached_property

from ...schema.firmware.need import SEABIOS_WINDOW
from ...schema.pci.size import MIB, power_of_two
from ...schema.records import record
from ..aggregate.bus_classes import BusClass, BusKind
from ..aggregate.item_kinds import ItemKind
from ..aggregate.places import Place
from .linear import LinearExpr, sum_of
from .powers_of_two import ADDRESSES, PowerOfTwo, rounded_up
from .variables import Variables


@record
class SpareMemory:
    """Of windows that are not prefetchable, in bytes at least; by bus class, the deepest first."""

    v: Variables
    windows: dict[BusClass, LinearExpr] = field(default_factory=dict)
    beyond: dict[BusClass, LinearExpr] = field(default_factory=dict)
    """Whole MiB that a reserve has above all that is in it."""
    reserves: dict[BusClass, PowerOfTwo] = field(default_factory=dict)
    """Of OVMF, which aligns them to their size."""
    _parts: dict[BusClass, dict[BusClass, LinearExpr]] = field(default_factory=dict)
    _exact: set[BusClass] = field(default_factory=set)
    _shared: set[BusClass] = field(default_factory=set)

    def add(self, bus: BusClass, stated: LinearExpr) -> None:
        """Those of the classes on its bus have been added.

        `stated`: MiB that bridges inside keep beyond what is in them; that may be all there is to round up.
        """
        if bus.kind is BusKind.CONVENTIONAL and bus.model is not None:
            held = self._held(bus)
            if self._reserves(bus) and bus.max_count == 1:
                held = held + self._rounded_up(bus, held, stated * MIB)
                self._exact.add(bus)
            elif self._reserves(bus) and not self._exact & self.v.below(bus) and not stated.terms:
                self._shared.add(bus)
                held = held + self.raised(bus, 1)
            self.windows[bus] = held + self._beyond_content(bus, held)

    def raised(self, bus: BusClass, unit: int) -> LinearExpr:
        """Of a class of several buses, what their reserves are above all that is in them, in blocks of `unit` bytes."""
        if bus not in self._shared or (unit > MIB and self.v.guest.firmware.name != "ovmf"):
            return LinearExpr()
        kind, each = self._share
        here = sum_of(self.v.counts[i] for i in self.v.options_on(bus) if self.v.options[i].kind is kind)
        return here * (each // unit - kind.spare.memory // unit if kind is not None and kind.spare is not None else 0)

    @cached_property
    def _share(self) -> tuple[ItemKind | None, int]:
        """The kind of spare slots that is rounded up most, and the bytes that each adds to a reserve at least."""
        items = self.v.items
        window = sum(bus.base_window for bus in self.v.classes)
        window += sum(len(them) * kind.fit(Place.CONVENTIONAL).window for kind, them in items.free.items())
        spares = [(kind, len(them)) for kind, them in items.free.items() if kind.spare and kind.spare.kind == "pci"]
        memory = {kind: number * kind.spare.memory for kind, number in spares if kind.spare}
        best: tuple[ItemKind | None, int] = None, 0
        most = 0
        for kind, number in spares:
            size = kind.spare.memory if kind.spare else 0
            each = share(size, number, window + sum(memory.values()) - memory[kind]) if size else 0
            if number * (each - size) > most:
                best, most = (kind, each), number * (each - size)
        return best

    def _beyond_content(self, bus: BusClass, held: LinearExpr) -> LinearExpr:
        """SeaBIOS gives each bridge with SHPC a window, even where nothing is in it."""
        if self.v.guest.firmware.name != "seabios" or not bus.keeps_shpc:
            return LinearExpr()
        empty = self.v.controller_count(bus) * SEABIOS_WINDOW
        if not held.terms:
            return empty
        beyond = self.v.linear.variable(0, SEABIOS_WINDOW * bus.max_count, "empty_windows", bus)
        self.v.linear.add_le(empty - held, beyond)
        self.v.linear.add_le(beyond, empty)  # no more: what is held is not counted once more in a reserve around it
        return beyond

    def _reserves(self, bus: BusClass) -> bool:
        """Whether the planner may have it reserve memory for them; what the request may state stands."""
        open_ = self.v.items.open
        stated = bus.spare_room.low is not None or open_.readings
        return not stated and (bus.max_count == 1 or not open_.more_io) and bool(self._spares(bus).terms)

    def _spares(self, bus: BusClass) -> LinearExpr:
        options = ((self.v.counts[i], self.v.options[i].kind.spare) for i in self.v.options_on(bus))
        return sum_of(count * spare.memory for count, spare in options if spare is not None and spare.memory)

    def _held(self, bus: BusClass) -> LinearExpr:
        result = self._spares(bus) + self.v.controller_count(bus) * bus.base_window
        for index in self.v.options_on(bus):
            result.add(self.v.counts[index], self.v.options[index].kind.fit(Place.CONVENTIONAL).window)
        for child in self.v.pinned(bus):
            result.add(self.windows.get(child, LinearExpr()))
        for child in self.v.children(bus):
            result.add(self._shared_out(child)[bus])
        return result

    def _shared_out(self, child: BusClass) -> dict[BusClass, LinearExpr]:
        """The windows of a class, by the class that it hangs on: they add up, so that nothing hides."""
        window = self.windows.get(child, LinearExpr())
        if len(child.possible_parents) == 1 or not window.terms:
            return dict.fromkeys(child.possible_parents, window)
        if child not in self._parts:
            linear = self.v.linear
            most = min(ADDRESSES, linear.upper_bound(window))  # which doubles with each class that may be inside others
            parts = {host: linear.variable(0, most, "memory_windows", child, host) for host in child.possible_parents}
            for host in child.possible_parents:
                linear.add_le(parts[host], self.v.attached(child, host) * most)
            linear.add_eq(sum_of(parts.values()), window)
            self._parts[child] = parts
        return self._parts[child]

    def _rounded_up(self, bus: BusClass, held: LinearExpr, stated: LinearExpr) -> LinearExpr:
        """Bytes up to the next power of two, if there are spare slots at all."""
        linear, spares = self.v.linear, self._spares(bus)
        reserve = rounded_up(linear, held, MIB, name=bus)
        if self.v.guest.firmware.name == "ovmf":
            self.reserves[bus] = reserve
        linear.add_le(spares, reserve.used * linear.upper_bound(spares))
        result = linear.variable(0, reserve.most, "reserved_bytes_beyond", bus)
        whole = linear.variable(0, reserve.most // MIB, "reserved_mib_beyond", bus)
        linear.add_le(reserve.value - held - stated, result)
        linear.add_le(result - (MIB - 1), whole * MIB)
        self.beyond[bus] = whole
        return result


def share(size: int, number: int, others: int) -> int:
    """Bytes that each of so many equal spare slots adds to reserves at least, however they are shared out.

    A reserve is the power of two from all that is in it on: spare slots, and of the `others` bytes any part, which
    counts for itself. Bridges inside a bridge only make that larger.
    """
    least = power_of_two(size)
    for together in range(1, number + 1):
        reserve = power_of_two(together * size)
        while reserve < 2 * (together * size + others):
            filled = min(others, reserve - together * size)
            least = min(least, (reserve - filled) // together)
            reserve *= 2
    return least
