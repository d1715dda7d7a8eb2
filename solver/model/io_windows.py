"""IO windows, page by page.

Windows add up: a bridge's window is the pages of the IO BARs on its bus plus the windows below it, so the total at
root level is the sum over all buses of `pages` (direct IO, rounded up bus by bus) and `extra` (what a bridge opens
although nothing below asks for it: io-reserve, empty SHPC bridges).
"""

from collections.abc import Callable
from dataclasses import field
from itertools import pairwise

from ...schema.firmware.budget import PAGE, io_budget
from ...schema.pci.address import FUNCTIONS
from ...schema.records import record
from ..aggregate.bus_classes import BusClass, BusKind, pages
from .linear import LinearExpr, sum_of
from .pages_in_all import pages_of_each, pages_together
from .seat_options import opens
from .variables import Variables


@record
class Windows:
    """Per bus class: pages of direct IO, extra pages, buses with direct IO."""

    v: Variables
    cap: int
    """Pages that all windows together can have."""
    pages_for_bars: dict[BusClass, LinearExpr] = field(default_factory=dict)
    pages_reserved: dict[BusClass, LinearExpr] = field(default_factory=dict)
    with_io: dict[BusClass, LinearExpr] = field(default_factory=dict)
    with_at_least_pages: dict[BusClass, list[LinearExpr]] = field(default_factory=dict)
    """Of classes of many bridges: how many have one page of direct IO or more, two or more, ..."""
    shares: dict[tuple[BusClass, str], dict[BusClass, LinearExpr]] = field(default_factory=dict)
    _opened: dict[BusClass, LinearExpr] = field(default_factory=dict)
    _pages_of: dict[BusClass, LinearExpr] = field(default_factory=dict)
    nested_open: dict[BusClass, LinearExpr] = field(default_factory=dict)

    def opened(self, bus: BusClass) -> LinearExpr:
        """How many controllers of a class have a window, at most."""
        if bus not in self._opened:
            linear = self.v.linear
            most = self.with_io[bus] + self.pages_reserved[bus] + _open_through_nested(self, bus)
            highest = min(bus.max_count, self.cap, linear.upper_bound(most))
            count = linear.variable(0, highest, "windows", bus)
            linear.add_le(count, most)
            linear.add_le(count, self.v.controller_count(bus))
            self._opened[bus] = count
        return self._opened[bus]

    def pages_of(self, bus: BusClass) -> LinearExpr:
        """Pages of the windows of a class, those below included."""
        if bus not in self._pages_of:
            self._pages_of[bus] = self.own_pages(bus) + _below(self, bus, self.pages_of)
        return self._pages_of[bus]

    def own_pages(self, bus: BusClass) -> LinearExpr:
        """Pages of the windows of a class, without those below."""
        return self.pages_for_bars[bus] + self.pages_reserved[bus]

    def pages_below(self, bus: BusClass) -> LinearExpr:
        """Pages of the windows of the bridges on the buses of a class, at most."""
        return _below(self, bus, self.pages_of)

    def pages(self) -> LinearExpr:
        """All windows at root level, in pages."""
        return sum_of([*self.pages_for_bars.values(), *self.pages_reserved.values()])


def io_windows(v: Variables, *, bounded: bool) -> Windows:
    """The pages that the layout opens, for the objective and, if `bounded`, for rule io-space."""
    budget = io_budget(v.guest.machine_model, v.guest.firmware.name)
    windows = Windows(v, budget.limit // PAGE if bounded else _all_pages(v))
    below = [bus for bus in v.classes if bus.model is not None]
    for bus in below:
        _pages_for_bars(windows, bus)
    # deepest first: whether a bridge below is open decides whether the one above would be empty
    for bus in sorted(below, key=lambda one: -one.level.depth):
        windows.pages_reserved[bus] = _pages_reserved(windows, bus)
        if bus.forwards_no_io:
            _forward_no_io(windows, bus)
    _link_pages_to_windows(windows, below)
    _order_pages(windows, below)
    if not v.guarded:
        for pages in pages_of_each(v, windows.own_pages):
            v.linear.add_le(pages * -1, 0)
        for least, buses in pages_together(v):
            v.linear.add_le(least, sum_of(windows.pages_for_bars[bus] for bus in buses))
    return windows


def _all_pages(v: Variables) -> int:
    """More than all windows together can have, where rule io-space is left out: every device and every bridge its own.
    Ranges multiply up level by level, windows do not."""
    devices = sum(len(items) * max(pages(fit.io) for fit in kind.fits) for kind, items in v.items.free.items())
    return devices + sum(bus.max_count * (pages(bus.base_io) + max(1, bus.io_reserve_pages)) for bus in v.classes)


def _link_pages_to_windows(windows: Windows, below: list[BusClass]) -> None:
    """What of a class counts for a host is the same controllers in both measures: pages only where one is open there,
    and at least one page elsewhere for each that is open elsewhere."""
    linear = windows.v.linear
    for child in sorted(below, key=lambda one: one.level.depth):
        pages_of = windows.shares.get((child, "pages_of"))
        if pages_of is None or len(child.possible_parents) == 1:
            continue
        opened, amount = _split_by_parent(windows, child, windows.opened), windows.pages_of(child)
        for host in child.possible_parents:
            here = pages_of[host]
            linear.add_le(here, opened[host] * min(linear.upper_bound(amount), windows.cap))
            linear.add_le(here + windows.opened(child) - opened[host], amount)


def _forward_no_io(windows: Windows, bus: BusClass) -> None:
    """Rule reserves: a bridge that says io-reserve=0 forwards no IO; what hangs on it must need none."""
    v = windows.v
    v.linear.add_le(windows.pages_for_bars[bus], 0)
    for child in v.pinned(bus):
        v.linear.add_le(windows.pages_of(child), 0)
    for child in v.children(bus):
        amount, here = windows.pages_of(child), v.linear.variable(0, 1, "on_bridge_without_io", child, bus)
        v.linear.add_le(v.attached(child, bus), here * child.max_count)
        v.linear.add_le(amount, (here * -1 + 1) * v.linear.upper_bound(amount))


def _order_pages(windows: Windows, below: list[BusClass]) -> None:
    """Buses that the exact model looks at one by one are interchangeable: each is used, most IO comes first."""
    v = windows.v
    before: dict[object, BusClass] = {}
    for bus in below:
        if bus.io_bus_number is None:
            continue
        here = sum_of(v.counts[i] for i in v.options_on(bus) if opens(v.options[i].kind, bus.place))
        v.linear.add_le(v.controller_count(bus), here)
        level = (bus.model, bus.level)
        if level in before:
            v.linear.add_le(windows.pages_for_bars[bus], windows.pages_for_bars[before[level]])
        before[level] = bus


def _pages_for_bars(windows: Windows, bus: BusClass) -> None:
    """Pages for the IO BARs on the buses of a class, and how many of these buses have any."""
    v = windows.v
    with_io = [i for i in v.options_on(bus) if v.options[i].io]
    if not with_io and not bus.base_io:
        windows.pages_for_bars[bus] = windows.with_io[bus] = LinearExpr()
    elif bus.max_count == 1:
        # one bus: exact
        amount = sum_of(v.counts[i] * v.options[i].io for i in with_io) + v.controller_count(bus) * bus.base_io
        most = min(windows.cap, pages(v.linear.upper_bound(amount)))
        direct = v.linear.variable(0, most, "pages_for_bars", bus)
        v.linear.add_le(amount, direct * PAGE)
        flag = v.linear.variable(0, 1, "has_io", bus)
        v.linear.add_le(flag, direct)
        windows.pages_for_bars[bus], windows.with_io[bus] = direct, flag
    elif bus.kind is BusKind.PORT:
        _pages_for_bars_on_ports(windows, bus, with_io)
    else:
        _pages_for_bars_on_bridges(windows, bus, with_io)


def _pages_for_bars_on_ports(windows: Windows, bus: BusClass, with_io: list[int]) -> None:
    """One slot a port: a lone item opens its own pages; shared slots with IO are counted by size and by functions."""
    v = windows.v
    single = [i for i in with_io if v.options[i].is_alone]
    shared = [i for i in with_io if not v.options[i].is_alone]
    direct = sum_of(v.counts[i] * pages(v.options[i].io) for i in single)
    buses = sum_of(v.counts[i] for i in single)
    if shared:
        amount = sum_of(v.counts[i] * v.options[i].io for i in shared)
        most = min(windows.cap, pages(v.linear.upper_bound(amount)) + bus.max_count)
        pooled = v.linear.variable(0, most, "pages_for_shared_bars", bus)
        pools = v.linear.variable(0, min(windows.cap, bus.max_count), "shared_with_io", bus)
        v.linear.add_le(amount, pooled * PAGE)
        v.linear.add_le(sum_of(v.counts[i] * v.options[i].kind.width for i in shared), pools * FUNCTIONS)
        v.linear.add_le(pools, pooled)
        direct, buses = direct + pooled, buses + pools
    windows.pages_for_bars[bus], windows.with_io[bus] = direct, buses


def _pages_for_bars_on_bridges(windows: Windows, bus: BusClass, with_io: list[int]) -> None:
    """Many slots a bus: IO devices fill as few buses as their slots and bytes need.

    Buses are counted by pages. For each size of BARs: a bus of so many pages holds only so many of that size or above,
    whatever its slots would hold (16 of 256 bytes a page, so that 31 slots are not filled by one page).
    """
    v = windows.v
    room = FUNCTIONS * sum(slot.count for slot in bus.slots)
    sizes = sorted({v.options[i].io for i in with_io})
    most = {v.options[i].kind: v.options[i].io for i in with_io}
    deepest = min(
        windows.cap,
        pages(sum(io * len(v.items.free[kind]) for kind, io in most.items())),
        max(pages(v.options[i].io * room // _eighths(v, i)) for i in with_io),
    )
    layers = [
        v.linear.variable(0, min(bus.max_count, windows.cap // k), "with_at_least_pages", bus, k)
        for k in range(1, deepest + 1)
    ]
    for more, fewer in pairwise(layers):
        v.linear.add_le(fewer, more)
    direct = sum_of(layers)
    v.linear.add_le(sum_of(v.counts[i] * v.options[i].io for i in with_io), direct * PAGE)
    for size in sizes:
        big = [i for i in with_io if v.options[i].io >= size]
        each = max(_eighths(v, i) for i in big)
        held = [min(room, each * (k * PAGE // size)) for k in range(deepest + 1)]
        if size == sizes[0] or held[1] < room:
            v.linear.add_le(_slots(v, big), sum_of(n * (held[k + 1] - held[k]) for k, n in enumerate(layers)))
    v.linear.add_le(layers[0], v.controller_count(bus))
    windows.pages_for_bars[bus], windows.with_io[bus], windows.with_at_least_pages[bus] = direct, layers[0], layers


def _slots(v: Variables, options: list[int]) -> LinearExpr:
    """Slots that these options need at least, times eight."""
    return sum_of(v.counts[i] * _eighths(v, i) for i in options)


def _eighths(v: Variables, option: int) -> int:
    """Of a slot, by functions: what an item takes at least."""
    return FUNCTIONS if v.options[option].is_alone else v.options[option].kind.width


def _pages_reserved(windows: Windows, bus: BusClass) -> LinearExpr:
    """Pages that bridges open although nothing below them has that much IO."""
    v = windows.v
    demanded = max(bus.io_reserve_pages, int(bus.shpc and not bus.shpc_optional))
    if demanded and bus.max_count == 1:
        extra = v.linear.variable(0, demanded, "pages_reserved", bus)
        have = windows.pages_for_bars[bus] + _below(windows, bus, windows.pages_of)
        v.linear.add_le(v.controller_count(bus) * demanded - have, extra)
        return extra
    if demanded:
        extra = v.linear.variable(0, min(windows.cap, demanded * bus.max_count), "pages_reserved", bus)
        opened = windows.with_io[bus] + _open_through_nested(windows, bus)
        v.linear.add_le((v.controller_count(bus) - opened) * demanded, extra)
        return extra
    return _for_spares(windows, bus) if bus.shpc else LinearExpr()


def _for_spares(windows: Windows, bus: BusClass) -> LinearExpr:
    """A created pci-bridge keeps its SHPC, and so a page, where it has a spare slot; IO buses have room for those."""
    v = windows.v
    spare = [i for i in v.options_on(bus) if v.options[i].kind.spare is not None and not v.options[i].io]
    if not spare:
        return LinearExpr()
    with_io = [i for i in v.options_on(bus) if v.options[i].io]
    with_spare = v.linear.variable(0, bus.max_count, "with_spare_slots", bus)
    slots = FUNCTIONS * sum(slot.count for slot in bus.slots)
    buses = with_spare + windows.with_io[bus]
    v.linear.add_le(_slots(v, spare) + _slots(v, with_io), buses * slots)
    v.linear.add_le(buses, v.controller_count(bus))
    extra = v.linear.variable(0, min(windows.cap, bus.max_count), "pages_reserved", bus)
    v.linear.add_le(with_spare - _open_through_nested(windows, bus), extra)
    return extra


def _open_through_nested(windows: Windows, bus: BusClass) -> LinearExpr:
    """How many bridges without IO on their bus have a window below: at most one a slot with a bridge."""
    v = windows.v
    if bus not in windows.nested_open:
        spared = opened = _below(windows, bus, windows.opened)
        if opened.terms:
            spared = v.linear.variable(0, bus.max_count, "open_through_nested", bus)
            v.linear.add_le(spared, opened)
            if not v.pinned(bus) and all(child.home is None for child in v.children(bus)):
                slots = sum_of(v.packed_slots(bus, index) + v.single(bus, index) for index in range(len(bus.slots)))
                v.linear.add_le(spared, slots)
        windows.nested_open[bus] = spared
    return windows.nested_open[bus]


def _below(windows: Windows, bus: BusClass, measure: Callable[[BusClass], LinearExpr]) -> LinearExpr:
    """The windows of the bridges on the buses of a class, at most: counted or in pages, as `measure` does."""
    result = LinearExpr()
    for child in windows.v.pinned(bus):
        result.add(measure(child))
    for child in windows.v.children(bus):
        result.add(_split_by_parent(windows, child, measure)[bus])
    return result


def _split_by_parent(
    windows: Windows, child: BusClass, measure: Callable[[BusClass], LinearExpr]
) -> dict[BusClass, LinearExpr]:
    """How much of a class's windows counts for each class it may hang on."""
    key = (child, measure.__name__)
    if key not in windows.shares:
        linear, amount = windows.v.linear, measure(child)
        if len(child.possible_parents) == 1 or not linear.upper_bound(amount):
            windows.shares[key] = dict.fromkeys(child.possible_parents, amount)
        else:
            most = min(linear.upper_bound(amount), windows.cap)
            each = 1 if measure == windows.opened else most  # a controller has one window, of any size
            parts = {host: linear.variable(0, most, measure.__name__, child, host) for host in child.possible_parents}
            for host in child.possible_parents:
                linear.add_le(parts[host], windows.v.attached(child, host) * each)
            linear.add_eq(sum_of(parts.values()), amount)
            windows.shares[key] = parts
    return windows.shares[key]
