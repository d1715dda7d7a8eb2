"""OVMF: what its alignment of reserves loses of IO space below expanders, as rows.

An expander's bus has one range of ports, aligned to the largest reserve below it; the main root's is there before, as
low as it can be. So in blocks as large as a reserve, each at a multiple of its size, the ranges add up.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ...schema.firmware.budget import PAGE, IoBudget, power_of_two
from ...schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ..aggregate.bus_classes import BusClass
from .io_windows import Windows
from .linear import Capacity, Sum, total
from .spare_slots import Reserve, spares_on
from .variables import Variables

BLOCKS: Final = (2, 4, 8)
"""Pages of reserves: larger ones leave no room for the chipset."""
OF_RANGES: Final = "ranges of expanders"


def io_blocks(
    v: Variables, windows: Windows, budget: IoBudget, root_bars: Sum, reserves: Sequence[Reserve]
) -> Iterator[Capacity]:
    """`root_bars`: whole pages, in bytes, of the BARs on the main root bus. Where no block is reserved none counts."""
    expanders = sorted({bus.where.root for bus in v.classes if bus.where.expander})
    if v.guest.firmware.name != "ovmf" or not expanders:
        return
    first = budget.first // PAGE
    for unit in BLOCKS:
        start = -(-first // unit)
        there = (first + budget.limit // PAGE) // unit - start
        used = [blocks for root in expanders if (blocks := _below(v, windows, root, unit, reserves)) is not None]
        if used:
            before = start * unit - first
            main = [pages - before for pages in _of_main(v, windows, root_bars, reserves)]
            used.append(_in_blocks(v, unit, main))
            yield Capacity("io-space", total(used), there, OF_RANGES, unit * PAGE)


def _below(v: Variables, windows: Windows, root: str, unit: int, reserves: Sequence[Reserve]) -> Sum | None:
    """Blocks that the range of an expander's bus has part in, if there is a reserve of that size below it; None where
    there never is."""
    inside = [bus for bus in v.classes if bus.where.root == root]
    large = list(_of_size(v, inside, unit, reserves))
    if not large:
        return None
    aligned = v.rows.variable(0, 1)
    for bus, number in large:
        v.rows.at_most(number, aligned * bus.most)
    length = _length(v, windows, inside, reserves)
    return _in_blocks(v, unit, [length - (aligned * -1 + 1) * max(0, v.rows.most(length))])


def _in_blocks(v: Variables, unit: int, lengths: Sequence[Sum]) -> Sum:
    """As many as hold each of these numbers of pages."""
    blocks = v.rows.variable(0, max(0, *(-(-v.rows.most(length) // unit) for length in lengths)))
    for length in lengths:
        v.rows.at_most(length, blocks * unit)
    return blocks


def _of_size(
    v: Variables, inside: list[BusClass], unit: int, reserves: Sequence[Reserve]
) -> Iterator[tuple[BusClass, Sum]]:
    """How many reserves are aligned to so many pages, or more."""
    for bus in inside:
        if power_of_two(bus.reserve) >= unit:
            yield bus, v.buses(bus)
    for one in reserves:
        large = total(chosen for size, chosen in one.size.sizes if size >= unit)
        if one.bus in inside and large.terms:
            yield one.bus, large


def _of_main(v: Variables, windows: Windows, root_bars: Sum, reserves: Sequence[Reserve]) -> list[Sum]:
    """Pages that the main root's range has at least: of BARs alone, and of all."""
    inside = [bus for bus in v.classes if not bus.where.expander and bus.model is not None]
    bars = v.rows.variable(0, max(0, -(-v.rows.most(root_bars) // PAGE)))
    v.rows.equal(bars * PAGE, root_bars)
    return [bars, bars + _length(v, windows, inside, reserves) - int(_pads(v))]


def _length(v: Variables, windows: Windows, inside: list[BusClass], reserves: Sequence[Reserve]) -> Sum:
    """Pages of the windows of these classes at least: of bridges without devices, what is on an expander's bus."""
    result = total(windows.direct[id(bus)] + windows.extra[id(bus)] for bus in inside if bus.model != "pxb-pcie")
    result.add(total(one.beyond for one in reserves if one.bus in inside))
    for bus in inside if _pads(v) else ():
        result.add(_in_a_page_of_another(v, bus, reserves), -1)
    return result


def _pads(v: Variables) -> bool:
    """Whether the window of a bridge may be but a part of a page, which the BARs that come next then lie in."""
    return v.guest.firmware.number < NO_DEFAULT_IO_PADDING


def _in_a_page_of_another(v: Variables, bus: BusClass, reserves: Sequence[Reserve]) -> Sum:
    """Pages that BARs on the buses of a class do not take, as they lie in a window that counts as a page for spare
    slots, but is reserved by default."""
    result = v.rows.variable(0, bus.most)
    devices = (i for i in v.options_on(bus) if v.options[i].io and v.options[i].kind.spare is None)
    has = total(v.counts[i] for i in devices)
    has.add(v.buses(bus), int(bool(bus.base_io)))
    v.rows.at_most(result, has)
    bridges = [_by_default(v, child, v.buses(child), reserves) for child in v.pinned(bus)]
    bridges += [_by_default(v, child, v.hanging(child, bus), reserves) for child in v.children(bus)]
    v.rows.at_most(result, total(bridges))
    return result


def _by_default(v: Variables, bus: BusClass, number: Sum, reserves: Sequence[Reserve]) -> Sum:
    """How many of so many bridges may have a window for nothing but spare slots that is less than a page: none that
    states a reserve."""
    result = v.rows.variable(0, 0 if bus.reserve else bus.most)
    v.rows.at_most(result, number)
    v.rows.at_most(result, total(v.counts[i] for i, spare in spares_on(v, bus) if spare.io))
    large = (sizes for one in reserves if one.bus is bus for sizes in one.size.sizes)
    more = total(chosen for size, chosen in large if size > 1)
    if more.terms:
        v.rows.at_most(result, v.buses(bus) - more)
    return result
