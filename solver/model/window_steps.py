"""OVMF: memory that is left behind windows of ports, as it rounds them to MiB and no further.

A window starts at a multiple of its largest BAR. Where it ends inside a block of that size or a smaller one, nothing
else that is aligned to blocks starts there: behind a card with BARs of 256 MiB and 16 MiB the next block of 256 MiB is
the one after the next. And as OVMF lays out a bus by falling alignment, and nothing goes back into a gap, what is left
there is nobody's, but for the last of all such windows.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from ...schema.firmware.need import upsets_alignment
from ...schema.firmware.pieces import CRUMB, Memory, Piece, Pieces, whole
from ...schema.pci.size import MIB
from ...schema.records import record
from ..aggregate.bus_classes import ROOT_KINDS, BusClass, BusKind
from .linear import LinearExpr, sum_of
from .ragged_windows import is_on_root
from .seat_options import Option, SeatUse
from .variables import Variables


@record(frozen=True)
class Steps:
    """Of which blocks windows are counted as multiples, where nothing begins in the rest of their last one."""

    v: Variables
    size: int = 0
    windows: frozenset[int] = frozenset()
    """Options of what ends inside such a block, if nothing else is in its window."""

    def whole(self, index: int, unit: int) -> tuple[int, int]:
        """Of an option, below 4 GiB and what may be above, in blocks of `unit` bytes; what shares a window as it is."""
        option = self.v.options[index]
        low, high = option.memory.low, option.memory.high
        if index not in self.windows or not _has_window(option):
            return whole(low, unit), whole(high, unit)
        return self._up(_low_window(self.v, option), low, unit), self._up(high, high, unit)

    def _up(self, window: Pieces, part: Pieces, unit: int) -> int:
        rest = _rest(window, self.size)
        return (sum(piece.size for piece in window) + rest) // unit if rest else whole(part, unit)

    def begun(self, bus: BusClass) -> LinearExpr:
        """Blocks below 4 GiB that windows of several things on the buses of a class begin besides the whole ones in
        each of them."""
        if bus.kind is BusKind.PORT:
            return self._in_shared_slots(bus)
        if bus.kind is not BusKind.CONVENTIONAL or not _is_outermost(bus):
            return LinearExpr()
        inside = (one for one in self._behind_bridges if one is bus or self._is_only_in(one, bus))
        some = sum_of(count for one in inside for count in self._behind_bridges[one])
        return self.v.linear.is_some(some, "begun_behind_bridge", bus, self.size)

    @cached_property
    def _behind_bridges(self) -> dict[BusClass, list[LinearExpr]]:
        """Counts of what ends inside a block there, by the class that it is on."""
        found: dict[BusClass, list[LinearExpr]] = {}
        for index in sorted(self.windows):
            bus = self.v.options[index].bus
            if bus.kind is BusKind.CONVENTIONAL and self._low_rest(index):
                found.setdefault(bus, []).append(self.v.counts[index])
        return found

    def _is_only_in(self, one: BusClass, bus: BusClass) -> bool:
        """Whether bridges of a class are behind no others than those, with nothing reserved on the way."""
        v = self.v
        around = [other for other in v.classes if one is other or one in v.below(other)]
        conventional = [other for other in around if other.kind is BusKind.CONVENTIONAL]
        outermost = [other for other in conventional if _is_outermost(other)]
        reserving = v.items.reserving or any(any(other.kept_memory) for other in conventional if other is not bus)
        return outermost == [bus] and not reserving

    def _in_shared_slots(self, bus: BusClass) -> LinearExpr:
        """One for each slot with any that ends inside a block; and all of them so many that there is room for what is
        in them."""
        v = self.v
        sharing = list(v.options_on(bus, use=SeatUse.SHARED))
        ragged = [i for i in sharing if i in self.windows and self._low_rest(i)]
        if not ragged:
            return LinearExpr()
        slots = sum_of(count for index in range(len(bus.slots)) for _, count in v.patterns(bus, index))
        slots.add(sum_of(v.counts[i] for i in sharing if i not in ragged), -1)
        rests = sum_of(v.counts[i] * (whole(v.options[i].memory.low, MIB) % (self.size // MIB)) for i in ragged)
        result = v.linear.variable(0, v.linear.upper_bound(slots + rests), "begun_in_shared_slots", bus, self.size)
        v.linear.add_le(slots, result)
        v.linear.add_le(rests, result * (self.size // MIB))
        return result

    def in_switches_too(self) -> "Steps":
        """Only of what is alone behind a port of the main root, and has such a window below 4 GiB."""
        main = (i for i in self.windows if not self.v.options[i].bus.level.expander)
        return replace(self, windows=frozenset(i for i in main if _has_window(self.v.options[i]) and self._low_rest(i)))

    def on_root(self) -> "Steps":
        """Only of those on the main root bus itself."""
        alone = self.in_switches_too().windows
        return replace(self, windows=frozenset(i for i in alone if is_on_root(self.v.options[i].bus)))

    def _low_rest(self, index: int) -> int:
        return _rest(_low_window(self.v, self.v.options[index]), self.size)

    @property
    def largest_rest(self) -> int:
        """MiB at most behind the last of all windows below 4 GiB, which may be of use."""
        return max((self._low_rest(i) // MIB for i in self.windows), default=0)

    def smaller(self) -> LinearExpr:
        """MiB behind bridges of what need not start with a block, and may be in the rest of one."""
        v, result = self.v, LinearExpr()
        for bus in (one for one in v.classes if one.kind not in ROOT_KINDS):
            for i in v.options_on(bus):
                if i not in self.windows:
                    result.add(v.counts[i], self._smaller(v.options[i].memory))
            result.add(v.controller_count(bus), self._smaller(bus.base_memory) + self._smaller(bus.kept_memory))
        return result

    def _smaller(self, memory: Memory) -> int:
        return whole(tuple(piece for piece in memory.low if piece.align < self.size), MIB)


def _ending_inside(v: Variables, size: int) -> Iterator[int]:
    for index, option in enumerate(v.options):
        kind, windows = option.bus.kind, (_low_window(v, option), option.memory.high)
        behind = kind is BusKind.CONVENTIONAL or (kind is BusKind.PORT and option.use is not SeatUse.HOME)
        if behind and any(_rest(one, size) for one in windows):
            yield index


def _is_outermost(bus: BusClass) -> bool:
    return all(one.kind is not BusKind.CONVENTIONAL for one in bus.above)


def _has_window(option: Option) -> bool:
    """Whether one of a port is for it alone."""
    return option.is_alone and option.bus.kind is BusKind.PORT


def _rest(window: Pieces, size: int) -> int:
    """Bytes from the end of a window to that of its last block; none where it need not start with one."""
    if all(piece.align < size for piece in window):
        return 0
    return -sum(piece.size for piece in window) % size


def _low_window(v: Variables, option: Option) -> Pieces:
    """What is in one window below 4 GiB, whole MiB. Nothing is said where some of it is prefetchable and some is not,
    as each may have a window, or where that is left open."""
    memory = option.memory
    if not memory.plain:
        return memory.low if v.items.open.is_settled else ()
    large = tuple(piece for piece in memory.plain if piece != CRUMB)
    if sum(piece.size for piece in memory.low if piece.align > 1) > sum(piece.size for piece in large):
        return ()
    return large if CRUMB not in memory.plain else (*large, Piece(MIB, 1))


def steps_of(v: Variables) -> list[Steps]:
    """One for each size of blocks that a window of OVMF ends in."""
    if v.guest.firmware.name != "ovmf" or v.items.open.upset or upsets_alignment(v.guest.devices):
        return []
    sizes = {piece.align for option in v.options for piece in (*option.memory.low, *option.memory.high)}
    found = (Steps(v, size, frozenset(_ending_inside(v, size))) for size in sorted(sizes) if size > MIB)
    return [one for one in found if one.windows]
