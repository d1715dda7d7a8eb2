"""Rules of the tree: bus numbers, expanders' ranges, near, near_switch, the policy's limit on controllers."""

from collections.abc import Callable
from dataclasses import field

from ...schema.pci.address import BUS_NUMBERS
from ...schema.pci.controllers import CONTROLLERS
from ...schema.records import record
from ..aggregate.bus_classes import BusClass
from ..aggregate.bus_number_ranges import fixed_ranges
from .linear import Capacity, LinearExpr, sum_of
from .variables import Variables


@record
class BusNumbers:
    """Bus numbers of the classes, and below them: asked for only where a bus-reserve must know what it holds."""

    v: Variables
    bounded: bool
    _below: dict[BusClass, LinearExpr] = field(default_factory=dict)
    _parts: dict[BusClass, dict[BusClass, LinearExpr]] = field(default_factory=dict)

    def own(self, bus: BusClass) -> LinearExpr:
        """What the controllers of a class take by themselves; a bus-reserve counts what it leaves unused.

        Rule reserves: SeaBIOS loses devices unless a bus-reserve exceeds the numbers used below.
        """
        if bus.model is None:
            return LinearExpr(constant=1)
        buses = self.v.controller_count(bus)
        numbers = buses * CONTROLLERS[bus.model].bus_numbers
        if bus.bus_reserve is not None:
            below = self._numbers_below(bus)
            self.v.linear.add_le(below, buses * (bus.bus_reserve - 1))
            numbers = numbers + buses * bus.bus_reserve - below
        return numbers

    def _of(self, bus: BusClass) -> LinearExpr:
        """The controllers of a class and all below them; a bus-reserve holds all that is below it."""
        own = CONTROLLERS[str(bus.model)].bus_numbers
        if bus.bus_reserve is not None:
            return self.v.controller_count(bus) * (own + bus.bus_reserve)
        return self.v.controller_count(bus) * own + self._numbers_below(bus)

    def _numbers_below(self, bus: BusClass) -> LinearExpr:
        """All that hangs on the buses of a class."""
        if bus not in self._below:
            result = LinearExpr()
            for child in self.v.pinned(bus):
                result.add(self._of(child))
            for child in self.v.children(bus):
                result.add(self._split_by_parent(child)[bus])
            self._below[bus] = result
        return self._below[bus]

    def _split_by_parent(self, child: BusClass) -> dict[BusClass, LinearExpr]:
        """A class's numbers by the host that it hangs on. They add up: nothing below a reserve hides from it."""
        if child not in self._parts:
            linear, numbers = self.v.linear, self._of(child)
            if len(child.possible_parents) == 1:
                self._parts[child] = {child.possible_parents[0]: numbers}
            else:
                most = min(linear.upper_bound(numbers), BUS_NUMBERS) if self.bounded else linear.upper_bound(numbers)
                parts = {host: linear.variable(0, most, "bus_numbers", child, host) for host in child.possible_parents}
                for host in child.possible_parents:
                    linear.add_le(parts[host], self.v.attached(child, host) * most)
                    linear.add_le(self.v.attached(child, host), parts[host])
                linear.add_eq(sum_of(parts.values()), numbers)
                self._parts[child] = parts
        return self._parts[child]


def bus_numbers(v: Variables, *, bounded: bool) -> Capacity:
    """Rule bus-numbers: 256 in all. If `bounded`, each complex's fit between its expander's bus_nr and the next one's,
    too."""
    sizes: dict[str, LinearExpr] = {}
    numbers = BusNumbers(v, bounded)
    for bus in v.classes:
        sizes.setdefault(bus.level.root, LinearExpr()).add(numbers.own(bus))
    if bounded:
        _ranges(v, sizes)
    used = sum_of(sizes.values())
    if not v.guarded:
        v.linear.add_le(LinearExpr(constant=_largest(v)), used)
    return Capacity("bus-numbers", used, BUS_NUMBERS)


def _largest(v: Variables) -> int:
    """Numbers of the roots and of the largest bus-reserve: each other reserve may be inside that one. Follows from the
    other rows, but not without search."""
    listed = [bus for bus in v.classes if bus.model is not None and bus.is_certain]
    roots = sum(
        CONTROLLERS[str(bus.model)].bus_numbers * bus.max_count for bus in listed if bus.level.root in bus.listed_ids
    )
    reserves = (CONTROLLERS[str(bus.model)].bus_numbers + bus.bus_reserve for bus in listed if bus.bus_reserve)
    return 1 + roots + max(reserves, default=0)


def _ranges(v: Variables, sizes: dict[str, LinearExpr]) -> None:
    rooms = fixed_ranges(v.guest)
    if not rooms:
        return
    used = {name: sizes[name] for name in rooms}
    for root, size in sizes.items():
        if root not in rooms:
            _place_open_expander(v, size, used)
    for name, room in rooms.items():
        v.linear.add_le(used[name], room)


def _place_open_expander(v: Variables, size: LinearExpr, used: dict[str, LinearExpr]) -> None:
    """An expander whose bus_nr is open goes behind one of the others."""
    chosen = []
    for name in used:
        choice = v.linear.variable(0, 1, "expander_behind", name)
        part = v.linear.variable(0, BUS_NUMBERS, "bus_numbers_behind", name)
        v.linear.add_le(part, choice * BUS_NUMBERS)
        used[name] = used[name] + part
        chosen.append((choice, part))
    v.linear.add_eq(sum_of(choice for choice, _ in chosen), 1)
    v.linear.add_eq(sum_of(part for _, part in chosen), size)


def near(v: Variables) -> None:
    """Rules near, near-switch: a cluster chooses one root bus, or one upstream port, and stays below it."""
    _same_ancestor(v, "near", lambda bus: (bus.level.root,))
    _same_ancestor(v, "near_switch", lambda bus: bus.level.switches)


def _same_ancestor(v: Variables, wish: str, above: Callable[[BusClass], tuple[str, ...]]) -> None:
    clusters: dict[int, dict[str, LinearExpr]] = {}

    def chosen(cluster: int, bus: BusClass) -> LinearExpr:
        choices = clusters.setdefault(cluster, {})
        for name in above(bus):
            if name not in choices:
                choices[name] = v.linear.variable(0, 1, wish, cluster, name)
        return sum_of(choices[name] for name in above(bus))

    cluster_of = {kind: cluster for kind in v.items.free if (cluster := getattr(kind, wish)) is not None}
    for option, count in zip(v.options, v.counts, strict=True):
        if option.kind in cluster_of:
            choice = chosen(cluster_of[option.kind], option.bus)
            v.linear.add_le(count, choice * len(v.items.free[option.kind]))
    for bus in v.classes:
        for occupant in v.occupants(bus):
            cluster = getattr(occupant.item.kind, wish)
            if cluster is not None:
                v.linear.add_le(v.controller_count(bus), chosen(cluster, bus))
    for choices in clusters.values():
        v.linear.add_eq(sum_of(choices.values()), 1)


def max_controllers(v: Variables) -> None:
    """Rule max-controllers."""
    if v.guest.policy.max_controllers is not None:
        v.limit(controllers(v), v.guest.policy.max_controllers, "max-controllers")


def controllers(v: Variables) -> LinearExpr:
    """How many controllers the layout has, as an expression."""
    return sum_of(v.controller_count(bus) for bus in v.classes if bus.model is not None)
