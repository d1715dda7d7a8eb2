"""Rule io-space: what the firmware shares out holds all windows and root BARs, and what alignment loses."""

from collections.abc import Iterator, Sequence, Set

from ...schema.firmware.budget import PAGE, IoBudget, io_budget
from ...schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ..aggregate.bus_classes import ROOT_KINDS, BusClass, BusKind
from ..aggregate.controller_reserves import ports_look_hot
from .io_blocks import io_blocks
from .io_windows import Windows
from .linear import Capacity, LinearExpr, sum_of
from .spare_slots import Reserve, reserves_of
from .variables import Variables


def io_space(v: Variables, windows: Windows, *, bounded: bool) -> Iterator[Capacity]:
    """If not `bounded`, without what the firmware's own reserves take and what alignment loses."""
    budget = io_budget(v.guest.machine_model, v.guest.firmware.name)
    bars = _root_bars(v, budget)
    if not bounded:
        yield Capacity("io-space", windows.pages() * PAGE + bars, budget.limit)
        return
    reserves = tuple(reserves_of(v, windows))
    opened = [(bus, windows.own_pages(bus)) for bus in windows.pages_for_bars]
    pages = [*opened, *_padded(v, windows, reserves), *((one.bus, one.beyond) for one in reserves)]
    main = sum_of(number for bus, number in pages if not bus.level.expander)
    yield Capacity("io-space", main * PAGE + bars + _lost(v, budget, reserves), budget.limit)
    if any(bus.level.expander for bus in v.classes):
        # expanders have ranges of their own, which may be in what is lost to the main root's
        yield Capacity("io-space", sum_of(number for _, number in pages) * PAGE + bars, budget.limit)
        yield from io_blocks(v, windows, budget, bars, reserves)


def _lost(v: Variables, budget: IoBudget, reserves: Sequence[Reserve]) -> LinearExpr:
    """Bytes below the main root's range, which is aligned to its largest window, that are lost to that range."""
    losses = [
        (bus, v.controller_count(bus) * size)
        for bus in v.classes
        if not bus.level.expander and (size := budget.lost_to(max(1, bus.io_reserve_pages) * PAGE))
    ]
    for one in reserves:
        if not one.bus.level.expander:
            losses.append((one.bus, sum_of(n * budget.lost_to(size * PAGE) for size, n in one.size.sizes)))
    most = max((v.linear.upper_bound(lost) for _, lost in losses), default=0)
    largest = v.linear.variable(0, most, "lost_to_alignment")
    for bus, lost in losses:
        v.linear.add_le(lost, largest * bus.max_count)
    return largest


def _padded(v: Variables, windows: Windows, reserves: Sequence[Reserve]) -> Iterator[tuple[BusClass, LinearExpr]]:
    """Pages for bridges and ports without IO, where OVMF reserves some by default and never gives that up.

    It gives up the largest first, of all roots, or nothing where the last root finds room and another one does not. So
    where the layout states a larger reserve, all that it reserves by default must find room beside that, or the larger
    one is lost. A pcie-root-port and a pci-bridge have a property against it. The others take no page where they are
    inside a window that is there anyway; nor does a port with a bridge behind it, which may take that page. Of those
    on a root bus the last one's window ends before its page does, and the BARs there are in the rest.
    """
    larger = _is_larger_reserved(v, reserves)
    if not larger.constant and not larger.terms:
        return
    keepers = [bus for bus in v.classes if bus.io_reserve_pages]
    held = {*keepers}.union(*map(v.below, keepers))
    last: dict[BusClass, list[LinearExpr]] = {}
    for bus in v.classes:
        if always_pads(v, bus):
            port = bus.kind is BusKind.PORT
            beside = _beside_bars(v, bus)
            for root, number in beside.items():
                last.setdefault(root, []).append(number)
            spared = sum_of([*_elsewhere(v, bus, held), *beside.values()])
            spared.add(windows.with_io[bus] + v.hanging(bus) if port else windows.opened(bus))
            padded = v.linear.variable(0, min(bus.max_count, windows.cap), "padded", bus)
            spared.add(larger * -1 + 1, bus.max_count)
            v.linear.add_le(v.controller_count(bus) - spared, padded)
            yield bus, padded
    for root, numbers in last.items():
        v.linear.add_le(sum_of(numbers), _may_have_bars(v, root))


def always_pads(v: Variables, bus: BusClass) -> bool:
    """Whether OVMF takes it for hot-pluggable, and it has no property to state a reserve of nothing."""
    if bus.model == "pcie-pci-bridge":
        return True
    guest, port = v.guest, bus.kind is BusKind.PORT and bus.model != "pcie-root-port"
    return port and bus.takes_hotplug and guest.policy.eject != "protect" and ports_look_hot(guest)


def _is_larger_reserved(v: Variables, reserves: Sequence[Reserve]) -> LinearExpr:
    """Whether a reserve larger than those by default is certain. What is left open may not be there."""
    firmware, open_ = v.guest.firmware, v.items.open
    if firmware.name != "ovmf" or firmware.number >= NO_DEFAULT_IO_PADDING:
        return LinearExpr()
    if open_.controllers or open_.readings or open_.more_io:
        return LinearExpr()
    spares = (kind.spare for kind in v.items.free if kind not in open_.least)
    if any(spare is not None and spare.kind == "pcie" and spare.io for spare in spares):
        return LinearExpr(constant=1)  # the port of each states a page
    if any(bus.io_reserve_pages and bus.listed_ids for bus in v.classes):
        return LinearExpr(constant=1)
    pages = (chosen for one in reserves for size, chosen in one.size.sizes if size > 1)
    return v.linear.is_some(sum_of(pages), "larger_reserve")


def _elsewhere(v: Variables, bus: BusClass, held: Set[BusClass]) -> Iterator[LinearExpr]:
    """How many may be inside of a window that would be no smaller without them; `held` are those whose controller, or
    one that may be above, reserves IO: that may hold all that is below."""
    for host in bus.above:
        if host in held or (host.base_io if host.kind is BusKind.PORT else host.kind is BusKind.CONVENTIONAL):
            yield v.attached(bus, host)


def _beside_bars(v: Variables, bus: BusClass) -> dict[BusClass, LinearExpr]:
    """By root bus, how many of a class there may have a window that BARs share the page of."""
    result: dict[BusClass, LinearExpr] = {}
    for root in (host for host in bus.above if host.kind in ROOT_KINDS):
        result[root] = v.linear.variable(0, bus.max_count, "padded_beside_bars", bus, root)
        v.linear.add_le(result[root], v.attached(bus, root))
    return result


def _may_have_bars(v: Variables, root: BusClass) -> LinearExpr:
    """On how many of such root buses there may be BARs of IO: the chipset has some on the main one."""
    if root.model is None:
        return LinearExpr(constant=1)
    here = sum_of(v.counts[i] for i in v.options_on(root) if v.options[i].io)
    return here.add(v.controller_count(root), int(root.base_io > 0))


def _root_bars(v: Variables, budget: IoBudget) -> LinearExpr:
    root = v.classes[0]
    bars = sum_of(v.counts[i] * v.options[i].io for i in v.options_on(root))
    bars.add(root.base_io + v.guest.machine_model.io_bytes)
    if budget.root_granule > 1:
        granules = v.linear.variable(0, budget.limit // budget.root_granule, "root_bar_granules")
        v.linear.add_le(bars, granules * budget.root_granule)
        bars = granules * budget.root_granule
    return bars
