"""Rule io-space: what the firmware shares out holds all windows and root BARs, and what alignment loses."""

from collections.abc import Iterator, Sequence, Set

from ...schema.firmware.budget import PAGE, IoBudget, io_budget
from ...schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ..aggregate.bus_classes import BusClass, BusKind
from .io_blocks import io_blocks
from .io_windows import Windows
from .linear import Capacity, LinearExpr, sum_of
from .spare_slots import Reserve, reserves_of
from .variables import Variables


def io_space(v: Variables, windows: Windows, *, bounded: bool) -> Iterator[Capacity]:
    """If not `bounded`, without what alignment loses."""
    budget = io_budget(v.guest.machine_model, v.guest.firmware.name)
    bars = _root_bars(v, budget)
    taken = windows.pages() * PAGE + bars
    if not bounded:
        yield Capacity("io-space", taken, budget.limit)
        return
    reserves = tuple(reserves_of(v, windows))
    taken = taken + sum_of(_padded(v, windows)) * PAGE
    taken = taken + sum_of(one.beyond for one in reserves) * PAGE + _lost(v, budget, reserves)
    yield Capacity("io-space", taken, budget.limit)
    yield from io_blocks(v, windows, budget, bars, reserves)


def _lost(v: Variables, budget: IoBudget, reserves: Sequence[Reserve]) -> LinearExpr:
    """Bytes that alignment loses to the largest window: of what is not below an expander, which has a range of its
    own."""
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


def _padded(v: Variables, windows: Windows) -> Iterator[LinearExpr]:
    """Pages for bridges without IO behind a port, where OVMF reserves some by default and never gives that up.

    It gives up the largest first. So where the layout states a larger reserve, all that it reserves by default must
    find room beside that, or the larger one is lost. Only a pcie-pci-bridge has no property against it; it takes no
    page where it is inside a window that is there anyway.
    """
    if not _pads_beside_larger(v):
        return
    keepers = [bus for bus in v.classes if bus.io_reserve_pages]
    held = {*keepers}.union(*map(v.below, keepers))
    for bus in v.classes:
        if bus.model == "pcie-pci-bridge":
            spared = windows.opened(bus) + sum_of(_elsewhere(v, bus, held))
            padded = v.linear.variable(0, min(bus.max_count, windows.cap), "padded", bus)
            v.linear.add_le(v.controller_count(bus) - spared, padded)
            yield padded


def _pads_beside_larger(v: Variables) -> bool:
    """Of a single root: of several, edk2 hears of the last one's want only. What is left open may not be there."""
    firmware, open_ = v.guest.firmware, v.items.open
    if firmware.name != "ovmf" or firmware.number >= NO_DEFAULT_IO_PADDING:
        return False
    if any(bus.level.expander for bus in v.classes) or open_.controllers or open_.readings or open_.more_io:
        return False
    spares = (kind.spare for kind in v.items.free if kind not in open_.least)
    if any(spare is not None and spare.kind == "pcie" and spare.io for spare in spares):
        return True  # the port of each states a page
    return any(bus.io_reserve_pages and bus.listed_ids for bus in v.classes)


def _elsewhere(v: Variables, bus: BusClass, held: Set[BusClass]) -> Iterator[LinearExpr]:
    """How many may be inside of a window that would be no smaller without them; `held` are those whose controller, or
    one that may be above, reserves IO: that may hold all that is below."""
    for host in bus.above:
        if host.kind is not BusKind.PORT or host.base_io or host in held:
            yield v.controller_count(bus) if bus.parent is host else v.attached(bus, host)


def _root_bars(v: Variables, budget: IoBudget) -> LinearExpr:
    root = v.classes[0]
    bars = sum_of(v.counts[i] * v.options[i].io for i in v.options_on(root))
    bars.add(root.base_io + v.guest.machine_model.io_bytes)
    if budget.root_granule > 1:
        granules = v.linear.variable(0, budget.limit // budget.root_granule, "root_bar_granules")
        v.linear.add_le(bars, granules * budget.root_granule)
        bars = granules * budget.root_granule
    return bars
