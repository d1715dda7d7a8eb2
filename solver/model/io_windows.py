"""IO windows, page by page.

Windows add up: a bridge's window is the pages of the IO BARs on its bus plus the windows below it, so the total at
root level is the sum over all buses of `pages` (direct IO, rounded up bus by bus) and `extra` (what a bridge opens
although nothing below asks for it: io-reserve, empty SHPC bridges).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

from ...schema.firmware.budget import PAGE, io_budget
from ...schema.pci.address import FUNCTIONS
from ..aggregate.bus_classes import BusClass, Offer, pages
from .linear import Sum, total
from .variables import Use, Variables, opens


@dataclass(slots=True)
class Windows:
    """Per bus class: pages of direct IO, extra pages, buses with direct IO."""

    v: Variables
    cap: int
    """Pages that all windows together can have."""
    direct: dict[int, Sum] = field(default_factory=dict)
    extra: dict[int, Sum] = field(default_factory=dict)
    wet: dict[int, Sum] = field(default_factory=dict)
    layers: dict[int, list[Sum]] = field(default_factory=dict)
    """Of classes of many bridges: how many have one page of direct IO or more, two or more, ..."""
    shares: dict[tuple[int, str], dict[int, Sum]] = field(default_factory=dict)
    _opened: dict[int, Sum] = field(default_factory=dict)
    _pages_of: dict[int, Sum] = field(default_factory=dict)
    spared: dict[int, Sum] = field(default_factory=dict)

    def opened(self, bus: BusClass) -> Sum:
        """How many controllers of a class have a window, at most."""
        if id(bus) not in self._opened:
            rows, most = self.v.rows, self.wet[id(bus)] + self.extra[id(bus)] + _spared(self, bus)
            count = rows.variable(0, min(bus.most, self.cap, rows.most(most)))
            rows.at_most(count, most)
            rows.at_most(count, self.v.buses(bus))
            self._opened[id(bus)] = count
        return self._opened[id(bus)]

    def pages_of(self, bus: BusClass) -> Sum:
        """Pages of the windows of a class, those below included."""
        if id(bus) not in self._pages_of:
            own = self.direct[id(bus)] + self.extra[id(bus)]
            self._pages_of[id(bus)] = own + _below(self, bus, self.pages_of)
        return self._pages_of[id(bus)]

    def pages_below(self, bus: BusClass) -> Sum:
        """Pages of the windows of the bridges on the buses of a class, at most."""
        return _below(self, bus, self.pages_of)

    def pages(self) -> Sum:
        """All windows at root level, in pages."""
        return total([*self.direct.values(), *self.extra.values()])


def io_windows(v: Variables, *, bounded: bool) -> Windows:
    """The pages that the layout opens, for the objective and, if `bounded`, for rule io-space."""
    budget = io_budget(v.guest.platform, v.guest.firmware.name)
    windows = Windows(v, budget.limit // PAGE if bounded else _all_pages(v))
    below = [bus for bus in v.classes if bus.model is not None]
    for bus in below:
        _direct(windows, bus)
    # deepest first: whether a bridge below is open decides whether the one above would be empty
    for bus in sorted(below, key=lambda one: -one.where.depth):
        windows.extra[id(bus)] = _extra(windows, bus)
        if bus.closed_io:
            _closed(windows, bus)
    _linked(windows, below)
    _ordered(windows, below)
    if not v.guarded:
        v.rows.at_most(Sum(constant=_largest(below)), windows.pages())
    return windows


def _largest(below: list[BusClass]) -> int:
    """Pages of the largest io-reserve that is listed: each other may be inside that one. Follows from the rows of each
    class where that bridge may be, but not without search."""
    return max((bus.reserve for bus in below if bus.is_certain), default=0)


def _all_pages(v: Variables) -> int:
    """More than all windows together can have, where rule io-space is left out: every device and every bridge its own.
    Ranges multiply up level by level, windows do not."""
    devices = sum(len(items) * max(pages(fit.io) for fit in kind.fits) for kind, items in v.items.free.items())
    return devices + sum(bus.most * (pages(bus.base_io) + max(1, bus.reserve)) for bus in v.classes)


def _linked(windows: Windows, below: list[BusClass]) -> None:
    """What of a class counts for a host is the same controllers in both measures: pages only where one is open there,
    and at least one page elsewhere for each that is open elsewhere."""
    rows = windows.v.rows
    for child in sorted(below, key=lambda one: one.where.depth):
        pages_of = windows.shares.get((id(child), "pages_of"))
        if pages_of is None or len(child.hosts) == 1:
            continue
        opened, amount = _shares(windows, child, windows.opened), windows.pages_of(child)
        for host in child.hosts:
            here = pages_of[id(host)]
            rows.at_most(here, opened[id(host)] * min(rows.most(amount), windows.cap))
            rows.at_most(here + windows.opened(child) - opened[id(host)], amount)


def _closed(windows: Windows, bus: BusClass) -> None:
    """Rule reserves: a bridge that says io-reserve=0 forwards no IO; what hangs on it must need none."""
    v = windows.v
    v.rows.at_most(windows.direct[id(bus)], 0)
    for child in v.pinned(bus):
        v.rows.at_most(windows.pages_of(child), 0)
    for child in v.children(bus):
        amount, here = windows.pages_of(child), v.rows.variable(0, 1)
        v.rows.at_most(v.hanging(child, bus), here * child.most)
        v.rows.at_most(amount, (here * -1 + 1) * v.rows.most(amount))


def _ordered(windows: Windows, below: list[BusClass]) -> None:
    """Buses that the exact model looks at one by one are interchangeable: each is used, most IO comes first."""
    v = windows.v
    before: dict[object, BusClass] = {}
    for bus in below:
        if bus.part is None:
            continue
        here = total(v.counts[i] for i in v.options_on(bus) if opens(v.options[i].kind, bus.place))
        v.rows.at_most(v.buses(bus), here)
        level = (bus.model, bus.where)
        if level in before:
            v.rows.at_most(windows.direct[id(bus)], windows.direct[id(before[level])])
        before[level] = bus


def _direct(windows: Windows, bus: BusClass) -> None:
    """Pages for the IO BARs on the buses of a class, and how many of these buses have any."""
    v = windows.v
    wet = [i for i in v.options_on(bus) if v.options[i].io]
    if not wet and not bus.base_io:
        windows.direct[id(bus)] = windows.wet[id(bus)] = Sum()
    elif bus.most == 1:
        # one bus: exact
        amount = total(v.counts[i] * v.options[i].io for i in wet) + v.buses(bus) * bus.base_io
        direct = v.rows.variable(0, min(windows.cap, pages(v.rows.most(amount))))
        v.rows.at_most(amount, direct * PAGE)
        flag = v.rows.variable(0, 1)
        v.rows.at_most(flag, direct)
        windows.direct[id(bus)], windows.wet[id(bus)] = direct, flag
    elif bus.offer is Offer.PORT:
        _direct_ports(windows, bus, wet)
    else:
        _direct_bridges(windows, bus, wet)


def _direct_ports(windows: Windows, bus: BusClass, wet: list[int]) -> None:
    """One slot a port: a lone item opens its own pages; shared slots with IO are counted by size and by functions."""
    v = windows.v
    single = [i for i in wet if v.options[i].use in (Use.HOT, Use.ALONE)]
    shared = [i for i in wet if v.options[i].use in (Use.SHARED, Use.HOME)]
    direct = total(v.counts[i] * pages(v.options[i].io) for i in single)
    buses = total(v.counts[i] for i in single)
    if shared:
        amount = total(v.counts[i] * v.options[i].io for i in shared)
        pooled = v.rows.variable(0, min(windows.cap, pages(v.rows.most(amount)) + bus.most))
        pools = v.rows.variable(0, min(windows.cap, bus.most))
        v.rows.at_most(amount, pooled * PAGE)
        v.rows.at_most(total(v.counts[i] * v.options[i].kind.size for i in shared), pools * FUNCTIONS)
        v.rows.at_most(pools, pooled)
        direct, buses = direct + pooled, buses + pools
    windows.direct[id(bus)], windows.wet[id(bus)] = direct, buses


def _direct_bridges(windows: Windows, bus: BusClass, wet: list[int]) -> None:
    """Many slots a bus: IO devices fill as few buses as their slots and bytes need.

    Buses are counted by pages. For each size of BARs: a bus of so many pages holds only so many of that size or above,
    whatever its slots would hold (16 of 256 bytes a page, so that 31 slots are not filled by one page).
    """
    v = windows.v
    room = FUNCTIONS * sum(slot.count for slot in bus.slots)
    sizes = sorted({v.options[i].io for i in wet})
    most = {v.options[i].kind: v.options[i].io for i in wet}
    deepest = min(
        windows.cap,
        pages(sum(io * len(v.items.free[kind]) for kind, io in most.items())),
        max(pages(v.options[i].io * room // _eighths(v, i)) for i in wet),
    )
    layers = [v.rows.variable(0, min(bus.most, windows.cap // k)) for k in range(1, deepest + 1)]
    for more, fewer in pairwise(layers):
        v.rows.at_most(fewer, more)
    direct = total(layers)
    v.rows.at_most(total(v.counts[i] * v.options[i].io for i in wet), direct * PAGE)
    for size in sizes:
        big = [i for i in wet if v.options[i].io >= size]
        each = max(_eighths(v, i) for i in big)
        held = [min(room, each * (k * PAGE // size)) for k in range(deepest + 1)]
        if size == sizes[0] or held[1] < room:
            v.rows.at_most(_slots(v, big), total(n * (held[k + 1] - held[k]) for k, n in enumerate(layers)))
    v.rows.at_most(layers[0], v.buses(bus))
    windows.direct[id(bus)], windows.wet[id(bus)], windows.layers[id(bus)] = direct, layers[0], layers


def _slots(v: Variables, options: list[int]) -> Sum:
    """Slots that these options need at least, times eight."""
    return total(v.counts[i] * _eighths(v, i) for i in options)


def _eighths(v: Variables, option: int) -> int:
    """Of a slot, by functions: what an item takes at least."""
    return FUNCTIONS if v.options[option].use in (Use.HOT, Use.ALONE) else v.options[option].kind.size


def _extra(windows: Windows, bus: BusClass) -> Sum:
    """Pages that bridges open although nothing below them has that much IO."""
    v = windows.v
    demanded = max(bus.reserve, int(bus.shpc and not bus.shpc_optional))
    if demanded and bus.most == 1:
        extra = v.rows.variable(0, demanded)
        have = windows.direct[id(bus)] + _below(windows, bus, windows.pages_of)
        v.rows.at_most(v.buses(bus) * demanded - have, extra)
        return extra
    if demanded:
        extra = v.rows.variable(0, min(windows.cap, demanded * bus.most))
        opened = windows.wet[id(bus)] + _spared(windows, bus)
        v.rows.at_most((v.buses(bus) - opened) * demanded, extra)
        return extra
    return _for_spares(windows, bus) if bus.shpc else Sum()


def _for_spares(windows: Windows, bus: BusClass) -> Sum:
    """A created pci-bridge keeps its SHPC, and so a page, where it has a spare slot; IO buses have room for those."""
    v = windows.v
    spare = [i for i in v.options_on(bus) if v.options[i].kind.spare is not None and not v.options[i].io]
    if not spare:
        return Sum()
    wet = [i for i in v.options_on(bus) if v.options[i].io]
    with_spare = v.rows.variable(0, bus.most)
    slots = FUNCTIONS * sum(slot.count for slot in bus.slots)
    buses = with_spare + windows.wet[id(bus)]
    v.rows.at_most(_slots(v, spare) + _slots(v, wet), buses * slots)
    v.rows.at_most(buses, v.buses(bus))
    extra = v.rows.variable(0, min(windows.cap, bus.most))
    v.rows.at_most(with_spare - _spared(windows, bus), extra)
    return extra


def _spared(windows: Windows, bus: BusClass) -> Sum:
    """How many bridges without IO on their bus have a window below: at most one a slot with a bridge."""
    v = windows.v
    if id(bus) not in windows.spared:
        spared = opened = _below(windows, bus, windows.opened)
        if opened.terms:
            spared = v.rows.variable(0, bus.most)
            v.rows.at_most(spared, opened)
            if not v.pinned(bus) and all(child.home is None for child in v.children(bus)):
                slots = total(v.grouped(bus, index)[0] + v.alone(bus, index) for index in range(len(bus.slots)))
                v.rows.at_most(spared, slots)
        windows.spared[id(bus)] = spared
    return windows.spared[id(bus)]


def _below(windows: Windows, bus: BusClass, measure: Callable[[BusClass], Sum]) -> Sum:
    """The windows of the bridges on the buses of a class, at most: counted or in pages, as `measure` does."""
    result = Sum()
    for child in windows.v.pinned(bus):
        result.add(measure(child))
    for child in windows.v.children(bus):
        result.add(_shares(windows, child, measure)[id(bus)])
    return result


def _shares(windows: Windows, child: BusClass, measure: Callable[[BusClass], Sum]) -> dict[int, Sum]:
    """How much of a class's windows counts for each class it may hang on."""
    key = (id(child), measure.__name__)
    if key not in windows.shares:
        rows, amount = windows.v.rows, measure(child)
        if len(child.hosts) == 1 or not rows.most(amount):
            windows.shares[key] = dict.fromkeys(map(id, child.hosts), amount)
        else:
            most = min(rows.most(amount), windows.cap)
            each = 1 if measure == windows.opened else most  # a controller has one window, of any size
            parts = {id(host): rows.variable(0, most) for host in child.hosts}
            for host in child.hosts:
                rows.at_most(parts[id(host)], windows.v.hanging(child, host) * each)
            rows.equal(total(parts.values()), amount)
            windows.shares[key] = parts
    return windows.shares[key]
