"""Memory that nobody gets behind large BARs: a window with anything beside one is rounded up.

SeaBIOS makes each window a multiple of the largest BAR in it. OVMF rounds to MiB only, but lays out what is on the root
bus and the windows there by falling alignment: behind a window with a BAR of 1 GiB and anything else, one of 256 MiB
begins at the next multiple of 256 MiB, and nothing goes back into the gap. Of each set of windows that may have things
in common one is said to be so, if a large BAR is in any but can be in none without company.
"""

from collections.abc import Callable, Iterator
from dataclasses import field
from functools import cached_property
from typing import Final, NamedTuple

from ...schema.firmware.pieces import Memory, Pieces
from ...schema.firmware.tree import WITHOUT_SHPC
from ...schema.pci.machine import Machine
from ...schema.pci.size import MIB
from ...schema.records import record
from ..aggregate.bus_classes import ROOT_KINDS, BusClass, BusKind
from .linear import LinearExpr, sum_of
from .seat_options import Option
from .variables import Variables, packed_as

LEAST: Final = 16 * MIB
"""Smaller BARs round up by too little to be looked at."""


class Rounding(NamedTuple):
    """Bytes of a large BAR, the multiples its window is rounded up to, and whether it is."""

    least: int
    multiple: int
    rounds: LinearExpr


@record
class RaggedWindows:
    """In MiB, of memory below 4 GiB that is not prefetchable."""

    v: Variables
    _alone: dict[tuple[BusClass, int], LinearExpr] = field(default_factory=dict)
    _large: dict[tuple[BusClass, int], LinearExpr] = field(default_factory=dict)
    """What has been summed up once: see `_mib`."""

    def beyond(self, there: Callable[[set[BusClass]], LinearExpr]) -> LinearExpr:
        """MiB that windows take beyond what is `there` on the buses of some classes, in all of them at least: of
        classes that may have windows in common the most that one of them loses."""
        losses: list[tuple[set[BusClass], list[LinearExpr]]] = []
        for bus in self.v.classes:
            found = [
                one for step in self._steps if self._holds(bus, step.least) for one in self._rows(bus, step, there)
            ]
            if found:
                together = [(self.v.around(bus), found)]
                together += [one for one in losses if one[0] & together[0][0]]
                losses = [one for one in losses if not one[0] & together[0][0]]
                losses.append((set().union(*(on for on, _ in together)), [row for _, rows in together for row in rows]))
        return sum_of(self._most(rows) for _, rows in losses)

    def _most(self, rows: list[LinearExpr]) -> LinearExpr:
        linear = self.v.linear
        result = linear.variable(0, max(0, *map(linear.upper_bound, rows)), "rounded_up")
        for row in rows:
            linear.add_le(row, result)
        return result

    def _rows(
        self, bus: BusClass, step: Rounding, there: Callable[[set[BusClass]], LinearExpr]
    ) -> Iterator[LinearExpr]:
        """What is lost where a large BAR is on such a bus: with all in the same windows, wherever these are, and with
        what may be there if all buses of the class hang on those of one."""
        linear, least = self.v.linear, step.least
        ragged = linear.variable(0, 1, "ragged_window", bus, least)
        self._state(bus, step, ragged)
        yield self._lost(self.v.around(bus), step, ragged, there)
        for host in bus.possible_parents:
            elsewhere = linear.variable(0, 1, "elsewhere", bus, host)
            linear.add_le(elsewhere, sum_of(self.v.attached(bus, other) for other in bus.above if other is not host))
            yield self._lost(self._with(bus, host), step, ragged - elsewhere, there)

    def _with(self, bus: BusClass, host: BusClass) -> set[BusClass]:
        """Classes of all that may be in the same windows if all buses of a class hang on those of one."""
        here = {bus, *self.v.below(bus)}
        alone = bus.home is None and packed_as(bus) is None and is_on_root(host)
        return here if host.kind in ROOT_KINDS or alone else here | self.v.around(host)

    def _lost(
        self, classes: set[BusClass], step: Rounding, ragged: LinearExpr, there: Callable[[set[BusClass]], LinearExpr]
    ) -> LinearExpr:
        """MiB, if it is ragged; else nothing."""
        large = sum_of(self._mib(bus, step.least) for bus in self.v.classes if bus in classes)
        mib = step.multiple // MIB
        return large + ragged * mib - there(classes) + (ragged - 1) * self.v.linear.upper_bound(large)

    @cached_property
    def _steps(self) -> list[Rounding]:
        if self.v.guest.firmware.name == "seabios":
            behind = (one for bus in self.v.classes if bus.kind not in ROOT_KINDS for one in self._needs(bus))
            sizes = {piece.align for memory in behind for piece in memory.plain if piece.align >= LEAST}
            return [Rounding(size, size, LinearExpr(constant=1)) for size in sorted(sizes)]
        (root,) = (bus for bus in self.v.classes if bus.model is None)
        sizes = {piece.align for memory in self._needs(root) for piece in memory.low if piece.align >= LEAST}
        return [Rounding(2 * size, size, self._any(root, size)) for size in sorted(sizes)]

    def _needs(self, bus: BusClass) -> list[Memory]:
        return [bus.base_memory, *(memory for _, memory in self._beside_others(bus))]

    def _beside_others(self, bus: BusClass) -> list[tuple[LinearExpr, Memory]]:
        """Counts and needs of items on the buses of a class, but of those alone behind a port: what a port's window is
        for them, they say themselves."""
        return [
            (self.v.counts[i], self.v.options[i].memory)
            for i in self.v.options_on(bus)
            if not is_lone(self.v.options[i])
        ]

    def _any(self, root: BusClass, size: int) -> LinearExpr:
        """Whether a BAR of that size is on the root bus."""
        if any(piece.align == size for piece in root.base_memory.low):
            return LinearExpr(constant=1)
        here = (count for count, memory in self._beside_others(root) if any(p.align == size for p in memory.low))
        return self.v.linear.is_some(sum_of(here), "large_on_root", size)

    def _holds(self, bus: BusClass, least: int) -> bool:
        """Whether there may be a large BAR. OVMF's windows are those of the main root alone: others begin elsewhere."""
        if bus.kind in ROOT_KINDS or (bus.level.expander and self.v.guest.firmware.name == "ovmf"):
            return False
        return any(_large(memory.plain, least) for memory in self._needs(bus))

    def _mib(self, bus: BusClass, least: int) -> LinearExpr:
        """Of large BARs on the buses of a class."""
        if (bus, least) not in self._large:
            result = sum_of(count * _large(memory.plain, least) for count, memory in self._beside_others(bus))
            self._large[bus, least] = result.add(self.v.controller_count(bus), _large(bus.base_memory.plain, least))
        return self._large[bus, least]

    def _state(self, bus: BusClass, step: Rounding, ragged: LinearExpr) -> None:
        """A large BAR that brings company along, or that is where it cannot be without."""
        linear, least = self.v.linear, step.least
        for own in (True, False):
            some = sum_of(
                count
                for count, memory in self._beside_others(bus)
                if _large(memory.plain, least) and _small(memory.plain, least) is own
            )
            if _large(base := bus.base_memory.plain, least) and _small(base, least) is own:
                some = some + self.v.controller_count(bus)
            lone = LinearExpr() if own else self._may_be_alone(bus, least)
            linear.add_le(linear.is_some(some, "large_bar", bus, least, own) + step.rounds - 1 - lone, ragged)

    def _may_be_alone(self, bus: BusClass, least: int) -> LinearExpr:
        """Whether some bus of a class may be in a window with nothing small on it, nor on those above."""
        if (bus, least) not in self._alone:
            linear = self.v.linear
            alone = self._alone[bus, least] = linear.variable(0, 1, "may_be_alone", bus, least)
            linear.add_le(alone, sum_of(self._below_one(bus, host, least) for host in bus.above))
            small = linear.is_some(self._smalls(bus, least), "small_bars", bus, least)
            linear.add_le(alone + small, self.v.controller_count(bus))
        return self._alone[bus, least]

    def _smalls(self, bus: BusClass, least: int) -> LinearExpr:
        """How many things on the buses of a class are small; of one bus, also of what can be below nothing else."""
        result = sum_of(count for count, memory in self._beside_others(bus) if _small(memory.plain, least))
        result.add(self.v.controller_count(bus), int(_small(bus.base_memory.plain, least)))
        for child in (*self.v.pinned(bus), *self.v.children(bus)) if bus.max_count == 1 else ():
            if child.above == (bus,):
                result.add(self.v.controller_count(child), int(has_shpc_bar(child, self.v.guest.machine_model)))
                result.add(self._smalls(child, least))
        return result

    def _below_one(self, bus: BusClass, host: BusClass, least: int) -> LinearExpr:
        """Whether one hangs there, which may be so itself."""
        if host.kind not in ROOT_KINDS and has_shpc_bar(bus, self.v.guest.machine_model):
            return LinearExpr()
        if host.kind in ROOT_KINDS and len(bus.above) == 1:
            return LinearExpr(constant=1)
        linear = self.v.linear
        result = linear.variable(0, 1, "alone_below", bus, host, least)
        if bus.parent is None:
            linear.add_le(result, self.v.attached(bus, host))
        if host.kind not in ROOT_KINDS:
            linear.add_le(result, self._may_be_alone(host, least))
        return result


def is_lone(option: Option) -> bool:
    """Whether an item is all that is behind a port of a root bus."""
    return option.is_alone and is_on_root(option.bus)


def is_on_root(bus: BusClass) -> bool:
    """Whether it is one of ports of root buses: it has a single slot."""
    return bus.kind is BusKind.PORT and all(one.kind in ROOT_KINDS for one in bus.above)


def has_shpc_bar(bus: BusClass, machine: Machine) -> bool:
    """Whether a controller of a class is sure to have a BAR, for its SHPC, on the bus that it is on."""
    if bus.model == "pci-bridge" and machine.version != WITHOUT_SHPC:
        return bus.keeps_shpc
    return bus.model == "pcie-pci-bridge"


def _large(plain: Pieces, least: int) -> int:
    """MiB of the pieces that are aligned to so much: a multiple of it."""
    return sum(piece.size for piece in plain if piece.align >= least) // MIB


def _small(plain: Pieces, least: int) -> bool:
    """Whether there is any other."""
    return any(piece.align < least for piece in plain)
