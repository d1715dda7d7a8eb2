"""Rule io-space: what the firmware shares out holds all windows and root BARs, and what alignment loses."""

from collections.abc import Iterator

from ..schema.firmware.budget import PAGE, IoBudget, io_budget
from ..schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from .buses import BusClass, Offer
from .rows import Capacity, Sum, total
from .spares import reserves_of
from .variables import Variables
from .windows import Windows


def io_space(v: Variables, windows: Windows, *, bounded: bool) -> Capacity:
    """If not `bounded`, without what alignment loses."""
    budget = io_budget(v.guest.platform, v.guest.firmware.name)
    taken = windows.pages() * PAGE + _root_bars(v, budget)
    if bounded:
        taken = taken + total(_padded(v, windows)) * PAGE
        reserves = tuple(reserves_of(v, windows))
        taken = taken + total(one.beyond for one in reserves) * PAGE
        for one in reserves:
            _loses(
                v,
                taken,
                budget,
                one.bus,
                total(chosen * budget.lost_to(size * PAGE) for size, chosen in one.size.sizes),
            )
        for bus in v.classes:
            _loses(v, taken, budget, bus, v.buses(bus) * budget.lost_to(max(1, bus.reserve) * PAGE))
    return Capacity("io-space", taken, budget.limit)


def _padded(v: Variables, windows: Windows) -> Iterator[Sum]:
    """Pages for bridges without IO behind a port, where OVMF reserves some by default and never gives that up.

    It gives up the largest first. So where the request states a larger reserve, all that it reserves by default must
    find room beside that, or the larger one is lost. Only a pcie-pci-bridge has no property against it; it takes no
    page where the port that it is on has a window anyway.
    """
    if not _pads_beside_larger(v):
        return
    for bus in v.classes:
        if bus.model == "pcie-pci-bridge":
            spared = windows.opened(bus) + total(_elsewhere(v, bus))
            padded = v.rows.variable(0, min(bus.most, windows.cap))
            v.rows.at_most(v.buses(bus) - spared, padded)
            yield padded


def _pads_beside_larger(v: Variables) -> bool:
    """Of a single root: of several, edk2 hears of the last one's want only. What is left open may not be there."""
    firmware, open_ = v.guest.firmware, v.items.open
    if firmware.name != "ovmf" or firmware.number >= NO_DEFAULT_IO_PADDING:
        return False
    if any(bus.where.expander for bus in v.classes) or open_.controllers or open_.readings or open_.more_io:
        return False
    if any(kind.spare is not None and kind.spare.io for kind in v.items.free):
        return False  # whose port reserves for all that is in it
    return any(bus.reserve and bus.names for bus in v.classes)


def _elsewhere(v: Variables, bus: BusClass) -> Iterator[Sum]:
    """How many are not on a port of which the window would be nothing without them."""
    for host in bus.above:
        if host.offer is not Offer.PORT or host.reserve or host.base_io:
            yield v.buses(bus) if bus.parent is host else v.hanging(bus, host)


def _root_bars(v: Variables, budget: IoBudget) -> Sum:
    root = v.classes[0]
    bars = total(v.counts[i] * v.options[i].io for i in v.options_on(root))
    bars.add(root.base_io + v.guest.platform.io_bytes)
    if budget.root_granule > 1:
        granules = v.rows.variable(0, budget.limit // budget.root_granule)
        v.rows.at_most(bars, granules * budget.root_granule)
        bars = granules * budget.root_granule
    return bars


def _loses(v: Variables, taken: Sum, budget: IoBudget, bus: BusClass, lost: Sum) -> None:
    """Of what is not below an expander, which has a range of its own."""
    if not bus.where.expander and (lost.terms or lost.constant):
        v.rows.at_most(taken + lost, budget.limit)
