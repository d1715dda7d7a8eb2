"""SeaBIOS: memory below 4 GiB as its two lists, of what is prefetchable and of what is not, in aligned blocks.

Each begins at a multiple of its largest BAR. So where both have a BAR of a block or more, each takes whole blocks, but
for what the upper one has behind the last of them. Only what is sure to be below 4 GiB is counted.
"""

from collections.abc import Iterator, Set
from dataclasses import field
from functools import cached_property

from ...schema.firmware.apertures import Aperture
from ...schema.firmware.need import apertures_of, chipset_asks
from ...schema.firmware.pieces import CRUMB, Memory, whole
from ...schema.pci.size import MIB
from ...schema.records import record
from ..aggregate.bus_classes import ROOT_KINDS, BusClass
from .linear import Capacity, LinearExpr, sum_of
from .padding import Padding
from .prefetchable import Held
from .variables import Variables


@record
class TwoLists:
    """Of a guest of which nothing is left open."""

    v: Variables
    held: Held
    padding: Padding
    _reserves: dict[BusClass, LinearExpr] = field(default_factory=dict)
    """What is reserved of memory that is not prefetchable beyond all that is inside."""

    def capacities(self) -> Iterator[Capacity]:
        """One for each size of block that both may have."""
        for unit in self._units:
            both = self._has_block(unit, "plain") + self._has_block(unit, "prefetchable")
            behind = self._hole.end % unit // MIB
            on_top = self.v.linear.variable(0, self._may_be_on_top(unit), "memory_above_prefetchable", unit)
            used = self._blocks(self._memory, unit, on_top * behind, both)
            used.add(self._blocks(self._prefetchable, unit, (on_top * -1 + 1) * behind, both))
            yield Capacity("memory-space", used, self._hole.blocks(unit), "below 4 GiB, in two lists", unit)

    @cached_property
    def _hole(self) -> Aperture:
        return apertures_of(self.v.guest)[0]

    @cached_property
    def _units(self) -> list[int]:
        needs = [need for _, need in self._in_all]
        plain = {piece.align for need in needs for piece in need.plain}
        prefetchable = {piece.align for need in needs for piece in need.prefetchable}
        smaller = min(max(plain, default=0), max(prefetchable, default=0))
        return sorted(size for size in plain | prefetchable if MIB < size <= smaller)

    def _may_be_on_top(self, unit: int) -> bool:
        """Whether memory that is not prefetchable may be the upper list: the other has the larger BAR then, be it one
        that might be above 4 GiB."""
        pieces = (piece for _, need in self._in_all for piece in (*need.prefetchable, *need.high))
        return any(2 * unit <= piece.align <= self._hole.size for piece in pieces)

    @cached_property
    def _memory(self) -> LinearExpr:
        """MiB of what is not prefetchable, at least: one for all that is too little for a piece."""
        deepest_first = sorted(self.v.classes, key=lambda one: -one.level.depth)
        for bus in (bus for bus in deepest_first if bus.kept_memory.low):
            reserved = self.v.controller_count(bus) * whole(bus.kept_memory.low, MIB)
            inside, most = {bus, *self.v.below(bus)}, self.v.linear.upper_bound(reserved)
            result = self.v.linear.variable(0, most, "memory_reserve_beyond_content", bus)
            self.v.linear.add_le(reserved - self._plain_in(inside), result)
            self._reserves[bus] = result
        return self._plain_in(set(self.v.classes)).add(self._crumbs())

    def _plain_in(self, classes: Set[BusClass]) -> LinearExpr:
        beyond = sum_of(reserve for bus, reserve in self._reserves.items() if bus in classes)
        return sum_of(times * whole(need.plain, MIB) for times, need in self._needs(classes)).add(beyond)

    def _crumbs(self) -> LinearExpr:
        if chipset_asks(self.v.guest.machine_model):
            return LinearExpr(constant=1)
        on_roots = self._needs({bus for bus in self.v.classes if bus.kind in ROOT_KINDS})
        small = sum_of(times for times, need in on_roots if CRUMB in need.plain)
        return self.v.linear.is_some(small, "crumbs_that_are_not_prefetchable")

    @cached_property
    def _prefetchable(self) -> LinearExpr:
        """MiB of what is, at least."""
        result = sum_of(times * whole(need.prefetchable, MIB) for times, need in self._in_all)
        for bus in self.v.classes:
            result.add(self.held.below(bus, MIB)).add(self.padding.beyond(bus, MIB))
        return result

    @cached_property
    def _in_all(self) -> list[tuple[LinearExpr, Memory]]:
        return self._needs(set(self.v.classes))

    def _needs(self, classes: Set[BusClass]) -> list[tuple[LinearExpr, Memory]]:
        """What is on the buses of these classes, and how often."""
        on = [
            (self.v.counts[i], self.v.options[i].memory)
            for bus in self.v.classes
            if bus in classes
            for i in self.v.options_on(bus)
        ]
        return on + [(self.v.controller_count(bus), bus.base_memory) for bus in self.v.classes if bus in classes]

    def _has_block(self, unit: int, part: str) -> LinearExpr:
        """Whether a BAR of that size or more is in the list."""
        has = (times for times, need in self._in_all if any(one.align >= unit for one in getattr(need, part)))
        return self.v.linear.is_some(sum_of(has), "block_in_list", unit)

    def _blocks(self, mib: LinearExpr, unit: int, behind: LinearExpr, both: LinearExpr) -> LinearExpr:
        """Whole blocks that a list takes, but for what is `behind` them, if `both` have one."""
        most = self.v.linear.upper_bound(mib)
        result = self.v.linear.variable(0, most * MIB // unit + 1, "blocks_of_list", unit)
        self.v.linear.add_le(mib - behind - (both * -1 + 2) * most, result * (unit // MIB))
        return result
