"""Rule io-space: what the firmware shares out holds all windows and root BARs, and what alignment loses."""

from collections.abc import Sequence

from ..schema.firmware.budget import PAGE, IoBudget, io_budget
from .rows import Capacity, Sum, total
from .spares import Reserve, reserves_of
from .variables import Variables
from .windows import Windows


def io_space(v: Variables, windows: Windows, *, bounded: bool) -> Capacity:
    """If not `bounded`, without what alignment loses."""
    budget = io_budget(v.guest.platform, v.guest.firmware.name)
    taken = windows.pages() * PAGE + _root_bars(v, budget)
    if bounded:
        reserves = tuple(reserves_of(v, windows))
        taken = taken + total(one.beyond for one in reserves) * PAGE + _lost(v, budget, reserves)
    return Capacity("io-space", taken, budget.limit)


def _lost(v: Variables, budget: IoBudget, reserves: Sequence[Reserve]) -> Sum:
    """Bytes that alignment loses to the largest window: of what is not below an expander, which has a range of its
    own."""
    losses = [(bus, v.buses(bus) * budget.lost_to(max(1, bus.reserve) * PAGE)) for bus in v.classes]
    for one in reserves:
        sizes = total(chosen * budget.lost_to(size * PAGE) for size, chosen in one.size.sizes)
        losses.append((one.bus, sizes))
    main = [(bus, lost) for bus, lost in losses if not bus.where.expander and (lost.terms or lost.constant)]
    largest = v.rows.variable(0, max((v.rows.most(lost) for _, lost in main), default=0))
    for bus, lost in main:
        v.rows.at_most(lost, largest * bus.most)
    return largest


def _root_bars(v: Variables, budget: IoBudget) -> Sum:
    root = v.classes[0]
    bars = total(v.counts[i] * v.options[i].io for i in v.options_on(root))
    bars.add(root.base_io + v.guest.platform.io_bytes)
    if budget.root_granule > 1:
        granules = v.rows.variable(0, budget.limit // budget.root_granule)
        v.rows.at_most(bars, granules * budget.root_granule)
        bars = granules * budget.root_granule
    return bars
