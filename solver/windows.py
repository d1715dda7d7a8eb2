"""IO windows, page by page.

Windows add up: a bridge's window is the pages of the IO BARs on its bus plus the windows below it, so the total at
root level is the sum over all buses of `pages` (direct IO, rounded up bus by bus) and `extra` (what a bridge opens
although nothing below asks for it: io-reserve, empty SHPC bridges).
"""

from dataclasses import dataclass, field

from ..schema.address import FUNCTIONS
from ..schema.firmware.budget import PAGE, io_budget
from .buses import BusClass, Offer, pages
from .rows import Sum, total
from .variables import Use, Variables


@dataclass(slots=True)
class Windows:
    """Per bus class: pages of direct IO, extra pages, buses with direct IO, bridges that open a window at all."""

    v: Variables
    direct: dict[int, Sum] = field(default_factory=dict)
    extra: dict[int, Sum] = field(default_factory=dict)
    wet: dict[int, Sum] = field(default_factory=dict)
    open: dict[int, Sum] = field(default_factory=dict)

    def pages(self) -> Sum:
        """All windows at root level, in pages."""
        return total([*self.direct.values(), *self.extra.values()])


def io_windows(v: Variables) -> Windows:
    """The pages that the layout opens, for rule io-space and the objective."""
    windows = Windows(v)
    below = [bus for bus in v.classes if bus.model is not None]
    for bus in below:
        _direct(windows, bus)
    # deepest first: whether a bridge below is open decides whether the one above would be empty
    for bus in sorted(below, key=lambda one: -one.where.depth):
        _extra(windows, bus)
    _ordered(windows, below)
    return windows


def _ordered(windows: Windows, below: list[BusClass]) -> None:
    """IO buses of the exact model are interchangeable: each exists for its IO, the fullest come first."""
    v = windows.v
    before: dict[object, BusClass] = {}
    for bus in below:
        if bus.part is None:
            continue
        v.rows.at_most(v.buses(bus), windows.direct[id(bus)])
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
        direct = v.rows.variable(0, pages(v.rows.most(amount)))
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
    single = [i for i in wet if v.options[i].use is not Use.SHARED]
    shared = [i for i in wet if v.options[i].use is Use.SHARED]
    direct = total(v.counts[i] * pages(v.options[i].io) for i in single)
    buses = total(v.counts[i] for i in single)
    if shared:
        amount = total(v.counts[i] * v.options[i].io for i in shared)
        pooled = v.rows.variable(0, pages(v.rows.most(amount)) + bus.most)
        pools = v.rows.variable(0, bus.most)
        v.rows.at_most(amount, pooled * PAGE)
        v.rows.at_most(total(v.counts[i] * v.options[i].kind.size for i in shared), pools * FUNCTIONS)
        v.rows.at_most(pools, pooled)
        direct, buses = direct + pooled, buses + pools
    windows.direct[id(bus)], windows.wet[id(bus)] = direct, buses


def _direct_bridges(windows: Windows, bus: BusClass, wet: list[int]) -> None:
    """Many slots a bus: IO devices fill as few buses as their slots and bytes need."""
    v = windows.v
    amount = total(v.counts[i] * v.options[i].io for i in wet)
    direct = v.rows.variable(0, pages(v.rows.most(amount)) + bus.most)  # each bus rounds up by itself
    buses = v.rows.variable(0, bus.most)
    v.rows.at_most(amount, direct * PAGE)
    v.rows.at_most(_slots(v, wet), buses * (FUNCTIONS * sum(slot.count for slot in bus.slots)))
    v.rows.at_most(buses, v.buses(bus))
    v.rows.at_most(buses, direct)
    windows.direct[id(bus)], windows.wet[id(bus)] = direct, buses


def _slots(v: Variables, options: list[int]) -> Sum:
    """Slots that these options need at least, times eight."""
    return total(
        v.counts[i] * (v.options[i].kind.size if v.options[i].use is Use.SHARED else FUNCTIONS) for i in options
    )


def _extra(windows: Windows, bus: BusClass) -> None:
    """Pages that bridges open although nothing below them has IO."""
    v = windows.v
    demanded = max(bus.reserve, int(bus.shpc and not bus.shpc_optional))
    opened_below = _open_below(windows, bus, demanded > 0 or bus.shpc_optional)
    if bus.shpc_optional and bus.shpc and not demanded:
        extra = _for_spares(windows, bus, opened_below)
    elif demanded:
        extra = v.rows.variable(0, demanded * bus.most)
        have = windows.direct[id(bus)] if bus.most == 1 else windows.wet[id(bus)] * demanded
        v.rows.at_most(v.buses(bus) * demanded - have - opened_below * demanded, extra)
    else:
        extra = Sum()
    windows.extra[id(bus)] = extra
    if windows.wet[id(bus)].terms or windows.wet[id(bus)].constant or extra.terms or opened_below.terms:
        count = v.rows.variable(0, bus.most)
        v.rows.at_most(count, windows.wet[id(bus)] + extra + opened_below)
        v.rows.at_most(count, v.buses(bus))
        windows.open[id(bus)] = count
    else:
        windows.open[id(bus)] = Sum()


def _for_spares(windows: Windows, bus: BusClass, opened_below: Sum) -> Sum:
    """A created pci-bridge keeps its SHPC, and so a page, where it has a spare slot; IO buses have room for those too."""
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
    extra = v.rows.variable(0, bus.most)
    v.rows.at_most(with_spare - opened_below, extra)
    return extra


def _open_below(windows: Windows, bus: BusClass, matters: bool) -> Sum:
    """How many buses of a class have a bridge with a window on them, at most."""
    v = windows.v
    result = Sum()
    if not matters:
        return result
    for child in v.classes:
        count = windows.open.get(id(child), Sum())
        if child.parent is bus:
            result.add(count)
        elif any(host is bus for host in child.hosts) and count.terms:
            here = v.rows.variable(0, child.most)
            v.rows.at_most(here, v.hanging(child, bus))
            v.rows.at_most(here, count)
            result.add(here)
    return result


def io_space(v: Variables, windows: Windows) -> None:
    """Rule io-space: what the firmware shares out holds all windows and root BARs."""
    budget = io_budget(v.guest.platform.family, v.guest.firmware.name)
    root = v.classes[0]
    bars = total(v.counts[i] * v.options[i].io for i in v.options_on(root))
    bars.add(root.base_io + v.guest.platform.io_bytes)
    if budget.root_granule > 1:
        granules = v.rows.variable(0, budget.limit // budget.root_granule)
        v.rows.at_most(bars, granules * budget.root_granule)
        bars = granules * budget.root_granule
    v.rows.at_most(windows.pages() * PAGE + bars, budget.limit)
