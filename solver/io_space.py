"""Rule io-space: what the firmware shares out holds all windows and root BARs, and what alignment loses."""

from ..schema.firmware.budget import PAGE, IoBudget, io_budget
from .buses import BusClass
from .rows import Capacity, Sum, total
from .spares import reserves_of
from .variables import Variables
from .windows import Windows


def io_space(v: Variables, windows: Windows, *, bounded: bool) -> Capacity:
    """If not `bounded`, without what alignment loses."""
    budget = io_budget(v.guest.platform, v.guest.firmware.name)
    taken = windows.pages() * PAGE + _root_bars(v, budget)
    if bounded:
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
