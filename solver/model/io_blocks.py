"""OVMF: what its alignment of reserves loses of IO space below expanders, as rows.

An expander's bus has one range of ports, aligned to the largest reserve below it; the main root's is there before, as
low as it can be. So in blocks as large as a reserve, each at a multiple of its size, the ranges add up.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ...schema.firmware.budget import PAGE, IoBudget
from ...schema.firmware.ovmf_requests import NO_DEFAULT_IO_PADDING
from ...schema.pci.size import power_of_two
from ..aggregate.bus_classes import BusClass
from .io_windows import Windows
from .linear import Capacity, LinearExpr, sum_of
from .spare_slots import Reserve, spares_on
from .variables import Variables

BLOCKS: Final = (2, 4, 8)
"""Pages of reserves: larger ones leave no room for the chipset."""
OF_RANGES: Final = "ranges of expanders"


def io_blocks(
    v: Variables, windows: Windows, budget: IoBudget, root_bars: LinearExpr, reserves: Sequence[Reserve]
) -> Iterator[Capacity]:
    """`root_bars`: whole pages, in bytes, of the BARs on the main root bus. Where no block is reserved none counts."""
    expanders = sorted({bus.level.root for bus in v.classes if bus.level.expander})
    if v.guest.firmware.name != "ovmf" or not expanders:
        return
    first = budget.first // PAGE
    for unit in BLOCKS:
        start = -(-first // unit)
        there = (first + budget.limit // PAGE) // unit - start
        used = [blocks for root in expanders if (blocks := _below(v, windows, root, unit, reserves)) is not None]
        if used:
            before = _before(v, unit, start * unit - first, reserves)
            main = [pages - before for pages in _of_main(v, windows, root_bars, reserves)]
            used.append(_in_blocks(v, unit, main))
            yield Capacity("io-space", sum_of(used), there, OF_RANGES, unit * PAGE)


def _below(v: Variables, windows: Windows, root: str, unit: int, reserves: Sequence[Reserve]) -> LinearExpr | None:
    """Blocks that the range of an expander's bus has part in, if there is a reserve of that size below it; None where
    there never is."""
    inside = [bus for bus in v.classes if bus.level.root == root]
    aligned = _is_aligned(v, inside, unit, reserves, root)
    if not aligned.terms and not aligned.constant:
        return None
    length = _length(v, windows, inside, reserves)
    return _in_blocks(v, unit, [length - (aligned * -1 + 1) * max(0, v.linear.upper_bound(length))])


def _before(v: Variables, unit: int, pages: int, reserves: Sequence[Reserve]) -> LinearExpr:
    """Of the pages before the first block those that the main root's range may begin with: none if a reserve of that
    size is in it."""
    inside = [bus for bus in v.classes if not bus.level.expander]
    return (_is_aligned(v, inside, unit, reserves, "the main root") * -1 + 1) * pages


def _is_aligned(v: Variables, inside: list[BusClass], unit: int, reserves: Sequence[Reserve], root: str) -> LinearExpr:
    """1 where any reserve is aligned to so many pages, or more; where none is, no row keeps this at 0."""
    return v.linear.is_some(sum_of(_of_size(v, inside, unit, reserves)), "aligned_reserve_below", root, unit)


def _in_blocks(v: Variables, unit: int, lengths: Sequence[LinearExpr]) -> LinearExpr:
    """As many as hold each of these numbers of pages."""
    most = max(0, *(-(-v.linear.upper_bound(length) // unit) for length in lengths))
    blocks = v.linear.variable(0, most, "blocks_of_pages", unit)
    for length in lengths:
        v.linear.add_le(length, blocks * unit)
    return blocks


def _of_size(v: Variables, inside: list[BusClass], unit: int, reserves: Sequence[Reserve]) -> Iterator[LinearExpr]:
    """How many reserves are aligned to so many pages, or more."""
    for bus in inside:
        if power_of_two(bus.io_reserve_pages) >= unit:
            yield v.controller_count(bus)
    for one in reserves:
        large = sum_of(chosen for size, chosen in one.size.sizes if size >= unit)
        if one.bus in inside and large.terms:
            yield large


def _of_main(v: Variables, windows: Windows, root_bars: LinearExpr, reserves: Sequence[Reserve]) -> list[LinearExpr]:
    """Pages that the main root's range has at least: of BARs alone, and of all."""
    inside = [bus for bus in v.classes if not bus.level.expander and bus.model is not None]
    bars = v.linear.variable(0, max(0, -(-v.linear.upper_bound(root_bars) // PAGE)), "pages_of_root_bars")
    v.linear.add_eq(bars * PAGE, root_bars)
    pages = bars + _length(v, windows, inside, reserves)
    return [bars, pages - _bars_in_a_page(v, inside, reserves) if _pads(v) else pages]


def _bars_in_a_page(v: Variables, inside: list[BusClass], reserves: Sequence[Reserve]) -> LinearExpr:
    """1 at most, if BARs on the root bus may lie in the last page of a window that counts as one, but is less."""
    result = v.linear.variable(0, 1, "root_bars_in_a_page")
    less = [_by_default(v, bus, v.controller_count(bus), reserves) for bus in inside]
    less += [v.controller_count(bus) for bus in inside if bus.shpc and not bus.io_reserve_pages]
    v.linear.add_le(result, sum_of(less))
    return result


def _length(v: Variables, windows: Windows, inside: list[BusClass], reserves: Sequence[Reserve]) -> LinearExpr:
    """Pages of the windows of these classes at least: of bridges without devices, what is on an expander's bus."""
    result = sum_of(windows.own_pages(bus) for bus in inside if bus.model != "pxb-pcie")
    result.add(sum_of(one.beyond for one in reserves if one.bus in inside))
    for bus in inside if _pads(v) else ():
        result.add(_in_a_page_of_another(v, bus, reserves), -1)
    return result


def _pads(v: Variables) -> bool:
    """Whether the window of a bridge may be but a part of a page, which the BARs that come next then lie in."""
    return v.guest.firmware.number < NO_DEFAULT_IO_PADDING


def _in_a_page_of_another(v: Variables, bus: BusClass, reserves: Sequence[Reserve]) -> LinearExpr:
    """Pages that BARs on the buses of a class do not take, as they lie in a window that counts as a page for spare
    slots, but is reserved by default."""
    result = v.linear.variable(0, bus.max_count, "pages_inside_default_reserves", bus)
    devices = (i for i in v.options_on(bus) if v.options[i].io and v.options[i].kind.spare is None)
    has = sum_of(v.counts[i] for i in devices)
    has.add(v.controller_count(bus), int(bool(bus.base_io)))
    v.linear.add_le(result, has)
    children = (*v.pinned(bus), *v.children(bus))
    v.linear.add_le(result, sum_of(_by_default(v, child, v.attached(child, bus), reserves) for child in children))
    return result


def _by_default(v: Variables, bus: BusClass, number: LinearExpr, reserves: Sequence[Reserve]) -> LinearExpr:
    """How many of so many bridges may have a window for nothing but spare slots that is less than a page: none that
    states a reserve."""
    result = v.linear.variable(0, 0 if bus.io_reserve_pages else bus.max_count, "reserved_by_default", bus)
    v.linear.add_le(result, number)
    v.linear.add_le(result, sum_of(v.counts[i] for i, spare in spares_on(v, bus) if spare.io))
    large = (sizes for one in reserves if one.bus is bus for sizes in one.size.sizes)
    more = sum_of(chosen for size, chosen in large if size > 1)
    if more.terms:
        v.linear.add_le(result, v.controller_count(bus) - more)
    return result
