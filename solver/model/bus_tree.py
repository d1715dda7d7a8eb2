"""Rules of the tree: bus numbers, expanders' ranges, near, near_switch, the policy's limit on controllers."""

from collections.abc import Callable
from dataclasses import dataclass, field

from ...schema.pci.controllers import CONTROLLERS
from ..aggregate.bus_classes import BUS_NUMBERS, BusClass
from ..aggregate.bus_number_ranges import fixed_ranges
from .linear import Capacity, Sum, total
from .variables import Variables


@dataclass(slots=True)
class Numbers:
    """Bus numbers of the classes, and below them: asked for only where a bus-reserve must know what it holds."""

    v: Variables
    bounded: bool
    _below: dict[int, Sum] = field(default_factory=dict)
    _parts: dict[int, dict[int, Sum]] = field(default_factory=dict)

    def own(self, bus: BusClass) -> Sum:
        """What the controllers of a class take by themselves; a bus-reserve counts what it leaves unused.

        Rule reserves: SeaBIOS loses devices unless a bus-reserve exceeds the numbers used below.
        """
        if bus.model is None:
            return Sum(constant=1)
        buses = self.v.buses(bus)
        numbers = buses * CONTROLLERS[bus.model].bus_numbers
        if bus.bus_reserve is not None:
            below = self._numbers_below(bus)
            self.v.rows.at_most(below, buses * (bus.bus_reserve - 1))
            numbers = numbers + buses * bus.bus_reserve - below
        return numbers

    def _of(self, bus: BusClass) -> Sum:
        """The controllers of a class and all below them; a bus-reserve holds all that is below it."""
        own = CONTROLLERS[str(bus.model)].bus_numbers
        if bus.bus_reserve is not None:
            return self.v.buses(bus) * (own + bus.bus_reserve)
        return self.v.buses(bus) * own + self._numbers_below(bus)

    def _numbers_below(self, bus: BusClass) -> Sum:
        """All that hangs on the buses of a class."""
        if id(bus) not in self._below:
            result = Sum()
            for child in self.v.pinned(bus):
                result.add(self._of(child))
            for child in self.v.children(bus):
                result.add(self._shares(child)[id(bus)])
            self._below[id(bus)] = result
        return self._below[id(bus)]

    def _shares(self, child: BusClass) -> dict[int, Sum]:
        """A class's numbers by the host that it hangs on. They add up: nothing below a reserve hides from it."""
        if id(child) not in self._parts:
            rows, numbers = self.v.rows, self._of(child)
            if len(child.hosts) == 1:
                self._parts[id(child)] = {id(child.hosts[0]): numbers}
            else:
                most = min(rows.most(numbers), BUS_NUMBERS) if self.bounded else rows.most(numbers)
                parts = {id(host): rows.variable(0, most) for host in child.hosts}
                for host in child.hosts:
                    rows.at_most(parts[id(host)], self.v.hanging(child, host) * most)
                    rows.at_most(self.v.hanging(child, host), parts[id(host)])
                rows.equal(total(parts.values()), numbers)
                self._parts[id(child)] = parts
        return self._parts[id(child)]


def bus_numbers(v: Variables, *, bounded: bool) -> Capacity:
    """Rule bus-numbers: 256 in all. If `bounded`, each complex's fit between its expander's bus_nr and the next one's,
    too."""
    sizes: dict[str, Sum] = {}
    numbers = Numbers(v, bounded)
    for bus in v.classes:
        sizes.setdefault(bus.where.root, Sum()).add(numbers.own(bus))
    if bounded:
        _ranges(v, sizes)
    used = total(sizes.values())
    if not v.guarded:
        v.rows.at_most(Sum(constant=_largest(v)), used)
    return Capacity("bus-numbers", used, BUS_NUMBERS)


def _largest(v: Variables) -> int:
    """Numbers of the roots and of the largest bus-reserve: each other reserve may be inside that one. Follows from the
    other rows, but not without search."""
    listed = [bus for bus in v.classes if bus.model is not None and bus.is_certain]
    roots = sum(CONTROLLERS[str(bus.model)].bus_numbers * bus.most for bus in listed if bus.where.root in bus.names)
    reserves = (CONTROLLERS[str(bus.model)].bus_numbers + bus.bus_reserve for bus in listed if bus.bus_reserve)
    return 1 + roots + max(reserves, default=0)


def _ranges(v: Variables, sizes: dict[str, Sum]) -> None:
    rooms = fixed_ranges(v.guest)
    if not rooms:
        return
    used = {name: sizes[name] for name in rooms}
    for root, size in sizes.items():
        if root not in rooms:
            _somewhere(v, size, used)
    for name, room in rooms.items():
        v.rows.at_most(used[name], room)


def _somewhere(v: Variables, size: Sum, used: dict[str, Sum]) -> None:
    """An expander whose bus_nr is open goes behind one of the others."""
    chosen = []
    for name in used:
        choice = v.rows.variable(0, 1)
        part = v.rows.variable(0, BUS_NUMBERS)
        v.rows.at_most(part, choice * BUS_NUMBERS)
        used[name] = used[name] + part
        chosen.append((choice, part))
    v.rows.equal(total(choice for choice, _ in chosen), 1)
    v.rows.equal(total(part for _, part in chosen), size)


def near(v: Variables) -> None:
    """Rules near, near-switch: a cluster chooses one root bus, or one upstream port, and stays below it."""
    _together(v, "near", lambda bus: (bus.where.root,))
    _together(v, "near_switch", lambda bus: bus.where.switches)


def _together(v: Variables, wish: str, above: Callable[[BusClass], tuple[str, ...]]) -> None:
    clusters: dict[int, dict[str, Sum]] = {}

    def chosen(cluster: int, bus: BusClass) -> Sum:
        choices = clusters.setdefault(cluster, {})
        for name in above(bus):
            if name not in choices:
                choices[name] = v.rows.variable(0, 1)
        return total(choices[name] for name in above(bus))

    for option, count in zip(v.options, v.counts, strict=True):
        cluster = getattr(option.kind, wish)
        if cluster is not None:
            v.rows.at_most(count, chosen(cluster, option.bus) * len(v.items.free[option.kind]))
    for bus in v.classes:
        for occupant in v.items.pinned:
            cluster = getattr(occupant.item.kind, wish)
            if cluster is not None and _is_bus(v, bus, occupant.bus):
                v.rows.at_most(v.buses(bus), chosen(cluster, bus))
    for choices in clusters.values():
        v.rows.equal(total(choices.values()), 1)


def _is_bus(v: Variables, bus: BusClass, name: str) -> bool:
    return bus.names == (name,) or (bus.model is None and name == v.guest.platform.root)


def max_controllers(v: Variables) -> None:
    """Rule max-controllers."""
    if v.guest.policy.max_controllers is not None:
        v.limit(controllers(v), v.guest.policy.max_controllers, "max-controllers")


def controllers(v: Variables) -> Sum:
    return total(v.buses(bus) for bus in v.classes if bus.model is not None)
