"""Rule memory-space as sums: what items, ports and reserves need at least, and what there is, in MiB and in blocks.

A block starts at a multiple of its size, as do BARs: of each size there are only so many, whatever the order. Only
necessary: the order of windows may still say no, which the exact prediction finds. A guest that cannot be short of
memory has no such sums, and its kinds no needs, so that devices with other BARs stay interchangeable.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from ...schema.firmware.apertures import Aperture
from ...schema.firmware.need import apertures_of, room_above, upsets_alignment
from ...schema.firmware.pieces import whole
from ...schema.pci.size import MIB
from ..aggregate.item_kinds import ItemKind
from .linear import Capacity, LinearExpr
from .memory_blocks import begun, blocks, units_of
from .memory_need import MemoryNeed
from .padding import Padding
from .prefetchable import Held
from .ragged_windows import RaggedWindows
from .spare_memory import SpareMemory
from .two_lists import TwoLists
from .variables import Variables
from .window_steps import Steps, steps_of

BELOW: Final = "below 4 GiB"
OF_EXPANDERS: Final = f"{BELOW}, of expanders"
"""OVMF serves the main root first, from the start of what there is: where that asks for any, no expander gets the block
that begins there."""


def memory_space(v: Variables, *, bounded: bool) -> Iterator[Capacity]:
    """Memory below 4 GiB, and above where that has an end. Each root's 64-bit memory lies on one side as a whole.

    If `bounded`, no more is said of what is too much wherever it is: that may take long, of many bus classes.
    """
    if not v.items.memory:
        return
    below, above = apertures_of(v.guest)
    least_low, least_high = _wherever_it_is(v)
    if bounded and least_low > blocks(below, MIB):
        yield Capacity("memory-space", LinearExpr(constant=least_low), blocks(below, MIB), BELOW, MIB)
        return
    held = Held(v)
    padding = Padding(v, held)
    need, units = MemoryNeed(v, held, padding, SpareMemory(v), Steps(v)), units_of(v, (below, above), padding.window)
    if above is not None:
        yield from _of_ovmf(need, units, below, above)
        return
    room, goes_up = room_above(v.guest), least_high > blocks(below, MIB)
    for unit in (MIB, *units):
        counted, there = need.counted(unit), blocks(below, unit)
        low, high = counted.in_all()
        if unit == MIB:
            low.add(RaggedWindows(v).beyond(counted.beside_others))
        yield Capacity("memory-space", low, there, BELOW, unit)
        if room is not None:
            # all of it may be below 4 GiB; else what is not held there is above
            rest, most = (high - held.at_most(unit), 0) if goes_up else (high, there)
            yield Capacity("memory-space", rest, room // unit + most, "64-bit", unit)
    if v.items.open.is_settled and not upsets_alignment(v.guest.devices):
        yield from TwoLists(v, held, padding).capacities()


def _of_ovmf(need: MemoryNeed, units: Sequence[int], below: Aperture, above: Aperture) -> Iterator[Capacity]:
    low, high = need.in_all()
    rounded_up = RaggedWindows(need.v).beyond(need.beside_others)
    expanders = any(bus.level.expander for bus in need.v.classes)
    yield from _on_sides(low + rounded_up, high, (blocks(below, MIB), blocks(above, MIB)), MIB, expanders)
    for unit in units:
        counted, there = need.counted(unit), blocks(below, unit)
        yield from _on_sides(*counted.in_all(), (there, blocks(above, unit)), unit, expanders)
        if expanders and below.start % unit == 0 and there:
            used = counted.of_expanders() + counted.of_main_first()
            yield Capacity("memory-space", used, there, OF_EXPANDERS, unit)
    for steps in steps_of(need.v):
        unit = steps.size
        in_blocks = need.counted(unit, steps).in_all()
        yield from _on_sides(*in_blocks, (begun(below, unit), begun(above, unit)), unit, expanders)
        if need.v.items.reserving:
            continue  # reserves for spare slots may be in what is left of a block
        for some, beside in ((steps.on_root(), rounded_up), (steps.in_switches_too(), steps.smaller() * -1)):
            if some.windows:
                low, _ = need.counted(MIB, some).in_all()
                yield Capacity("memory-space", low + beside - some.largest_rest, blocks(below, MIB), BELOW, MIB)


def _on_sides(
    low: LinearExpr, high: LinearExpr, there: tuple[int, int], unit: int, expanders: bool
) -> Iterator[Capacity]:
    """64-bit memory of a root lies on one side of 4 GiB as a whole."""
    yield Capacity("memory-space", low, there[0], BELOW, unit)
    if expanders:
        yield Capacity("memory-space", high + low, sum(there), "all", unit)
    else:
        yield Capacity("memory-space", high, max(there), "64-bit", unit)


def _wherever_it_is(v: Variables) -> tuple[int, int]:
    """MiB below 4 GiB, and of what may be above, that all items take at least, each where that is least."""
    least: dict[ItemKind, tuple[int, int]] = {}
    for option in v.options if v.items.open.is_settled else ():
        here = whole(option.memory.low, MIB), whole(option.memory.high, MIB)
        known = least.get(option.kind, here)
        least[option.kind] = min(here[0], known[0]), min(here[1], known[1])
    low = sum(len(v.items.free[kind]) * mib for kind, (mib, _) in least.items())
    high = sum(len(v.items.free[kind]) * mib for kind, (_, mib) in least.items())
    return low, high
