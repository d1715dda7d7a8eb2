"""What memory items, ports and reserves need at least, in MiB or in larger blocks, below 4 GiB and above."""

from dataclasses import field
from functools import cached_property
from typing import Final

from ...schema.firmware.need import chipset_asks, port_memory, stated_rom
from ...schema.firmware.ovmf_requests import DEFAULT_MEMORY_PADDING, VGA_CLASS
from ...schema.firmware.pieces import CRUMB, Memory, Pieces, whole
from ...schema.pci.size import MIB
from ...schema.records import record
from ..aggregate.bus_classes import ROOT_KINDS, BusClass, BusKind
from .io_space import always_pads
from .linear import LinearExpr, sum_of
from .padding import Padding
from .powers_of_two import PowerOfTwo
from .prefetchable import Held
from .ragged_windows import has_shpc_bar, is_lone, is_on_root
from .spare_memory import SpareMemory
from .variables import Variables
from .window_steps import Steps

NOTHING: Final = LinearExpr()
Part = tuple[LinearExpr, LinearExpr]
"""Below 4 GiB, and what may be above."""


@record
class MemoryNeed:
    """In whole units, so that nothing that fits is refused."""

    v: Variables
    held: Held
    padding: Padding
    spares: SpareMemory
    steps: Steps
    unit: int = MIB
    """Bytes."""
    kept: dict[BusClass, Part] = field(default_factory=dict)
    """By bus class: what its reserve is above all that is inside, if it is."""
    _seated: dict[tuple[BusClass, bool], Part] = field(default_factory=dict)
    """What has been summed up once: see `_on`."""

    def in_all(self) -> Part:
        """The deepest bridges first: what one keeps is inside those above."""
        for bus in sorted(self.v.classes, key=lambda one: -one.level.depth):
            if self.v.items.reserving and self.unit == MIB:
                below = self.v.below(bus)
                self.spares.add(bus, sum_of(low for one, (low, _) in self.kept.items() if one in below))
            if any(bus.kept_memory):
                low, high = self._below(bus)
                held, aside = self.held.reserve(bus, self.unit), self._prefetchable(bus)
                self.kept[bus] = (
                    self._beyond(bus, bus.kept_memory.low, low, held, aside),
                    self._beyond(bus, bus.kept_memory.high, high),
                )
            elif self.unit > MIB and bus in self.spares.reserves:
                self.kept[bus] = (
                    self._spare_blocks(self.spares.reserves[bus], self._below(bus)[0]),
                    LinearExpr(),
                )
        low, high = self._inside(self.v.classes)
        if self.unit == MIB:
            low.add(self._crumbs())
        return low, high

    def counted(self, unit: int, steps: Steps | None = None) -> "MemoryNeed":
        """The same in other units, or with windows as multiples of larger blocks."""
        return MemoryNeed(self.v, self.held, self.padding, self.spares, steps or self.steps, unit)

    def of_expanders(self) -> LinearExpr:
        """What is below 4 GiB behind expanders, once all has been counted."""
        return self._inside([bus for bus in self.v.classes if bus.level.expander])[0]

    def beside_others(self, on: set[BusClass]) -> LinearExpr:
        """On the buses of these classes below 4 GiB, but for what is alone behind a port of a root bus."""
        return self._inside([bus for bus in self.v.classes if bus in on], lone=False)[0]

    def _crumbs(self) -> LinearExpr:
        """One MiB if anything on a root bus is too little for a piece: what is counted are whole MiB."""
        if chipset_asks(self.v.guest.machine_model):
            return LinearExpr(constant=1)
        some = LinearExpr()
        for bus in self.v.classes:
            if bus.kind in ROOT_KINDS:
                here = (i for i in self.v.options_on(bus) if _has_crumb(self.v.options[i].memory))
                some.add(sum_of(self.v.counts[i] for i in here))
                some.add(self.v.controller_count(bus), int(_has_crumb(bus.base_memory)))
            else:
                some.add(self.v.controller_count(bus), int(_is_port_with_bar(bus)))
        return self.v.linear.is_some(some, "crumbs_on_root")

    def of_main_first(self) -> LinearExpr:
        """One block if anything of the main root asks for memory below 4 GiB."""
        if chipset_asks(self.v.guest.machine_model):
            return LinearExpr(constant=1)
        asking = LinearExpr()
        for bus in (bus for bus in self.v.classes if not bus.level.expander):
            asking.add(sum_of(self.v.counts[i] for i in self.v.options_on(bus) if self.v.options[i].memory.some))
            asking.add(self.v.controller_count(bus), int(bus.base_memory.some or self._has_low_bar(bus)))
        return self.v.linear.is_some(asking, "main_root_asks", self.unit)

    def _has_low_bar(self, bus: BusClass) -> bool:
        """Whether a controller has memory below 4 GiB for itself: that behind a bridge is, whatever a BAR's width. What
        OVMF reserves by default is, too, if it gives up what asks for such a block before."""
        behind_bridge = all(one.kind not in ROOT_KINDS for one in bus.above)
        if _is_port_with_bar(bus) or (behind_bridge and has_shpc_bar(bus, self.v.guest.machine_model)):
            return True
        return self.unit > DEFAULT_MEMORY_PADDING and self._gives_up_blocks and always_pads(self.v, bus)

    @cached_property
    def _gives_up_blocks(self) -> bool:
        """Whether the firmware gives up whoever does not get such a block: an option ROM it never does, nor VGA."""
        return not any(device.model in VGA_CLASS or stated_rom(device) >= self.unit for device in self.v.guest.devices)

    def _below(self, bus: BusClass) -> Part:
        """On the buses of a class and below; of what has a reserve of its own, and below no other."""
        below = self.v.below(bus)
        return self._inside([one for one in self.v.classes if one is bus or one in below])

    def _prefetchable(self, bus: BusClass) -> LinearExpr:
        """Of SeaBIOS: what is counted below 4 GiB on the buses of a class and below, but is in windows of prefetchable
        memory. It takes nothing of what is reserved of the other."""
        settled = self.v.guest.firmware.name == "seabios" and self.v.items.open.is_settled
        if not bus.kept_memory.low or not settled:
            return NOTHING
        result, below = LinearExpr(), self.v.below(bus)
        for one in (one for one in self.v.classes if one is bus or one in below):
            result.add(self.held.below(one, self.unit))
            result.add(self.padding.beyond(one, self.unit))
            for i in self.v.options_on(one) if one.kind is BusKind.CONVENTIONAL else ():
                memory = self.v.options[i].memory
                if memory.narrow:
                    result.add(self.v.counts[i], whole(memory.low, self.unit) - whole(memory.plain, self.unit))
        return result

    def _inside(self, classes: list[BusClass], *, lone: bool = True) -> Part:
        """What sits on these buses, `lone` behind a port or not, what they keep beyond it, and what empty ports have
        anyway."""
        low, high = _empty_ports(self.v, classes) * self._anyway, LinearExpr()
        for bus in classes:
            for part, here in zip((low, high), self._on(bus, lone=lone), strict=True):
                part.add(here)
            low.add(self.held.below(bus, self.unit))
            low.add(self.padding.beyond(bus, self.unit))
            if bus in self.kept:
                low.add(self.kept[bus][0])
                high.add(self.kept[bus][1])
            low.add(self.spares.raised(bus, self.unit))
            if self.unit == MIB:
                low.add(self.spares.beyond.get(bus, 0))
        return low, high

    @property
    def _anyway(self) -> int:
        """What the window of an empty port has."""
        return port_memory(self.v.guest.firmware.name) // self.unit

    def _on(self, bus: BusClass, *, lone: bool) -> Part:
        """What sits on the buses of a class; of a port's window, beyond what it has anyway."""
        if (bus, lone) not in self._seated:
            low, high = self._seated[bus, lone] = LinearExpr(), LinearExpr()
            spared = self._anyway if bus.kind is BusKind.PORT else 0
            for index in self.v.options_on(bus):
                if lone or not is_lone(self.v.options[index]):
                    here, above = self.steps.whole(index, self.unit)
                    low.add(self.v.counts[index], max(0, here - spared))
                    high.add(self.v.counts[index], above)
            low.add(self.v.controller_count(bus), max(0, whole(bus.base_memory.low, self.unit) - spared))
            high.add(self.v.controller_count(bus), whole(bus.base_memory.high, self.unit))
            if self.unit == self.steps.size:
                low.add(self.steps.begun(bus))
        return self._seated[bus, lone]

    def _beyond(
        self,
        bus: BusClass,
        reserve: Pieces,
        there: LinearExpr,
        other: LinearExpr = NOTHING,
        aside: LinearExpr = NOTHING,
    ) -> LinearExpr:
        """A bridge's window is its reserve, if what is inside takes less. Of two, with an `other` reserve, that is said
        of both together: which of them holds what is there is not told, but for what is `aside` in the other."""
        units = whole(reserve, self.unit)
        most = units * bus.max_count + self.v.linear.upper_bound(other)
        result = self.v.linear.variable(0, most, "reserve_beyond_content", bus, self.unit)
        self.v.linear.add_le(self.v.controller_count(bus) * units + other - there, result)
        if aside.terms:
            self.v.linear.add_le(self.v.controller_count(bus) * units + aside - there, result)
        return result

    def _spare_blocks(self, reserve: PowerOfTwo, there: LinearExpr) -> LinearExpr:
        """OVMF aligns what is reserved for spare slots to its size."""
        result = self.v.linear.variable(0, reserve.most // self.unit, "spare_blocks", self.unit)
        blocks = sum_of(chosen * (size // self.unit) for size, chosen in reserve.sizes)
        self.v.linear.add_le(blocks - there, result)
        return result


def _has_crumb(memory: Memory) -> bool:
    return CRUMB in memory.plain or CRUMB in memory.prefetchable


def _is_port_with_bar(bus: BusClass) -> bool:
    """Whether it is a port with a BAR on a root bus."""
    return bus.model == "pcie-root-port" and is_on_root(bus)


def _empty_ports(v: Variables, classes: list[BusClass]) -> LinearExpr:
    """Of these classes the ports that no bridge hangs on: of the others, the window is what is below."""
    ports = [bus for bus in classes if bus.kind is BusKind.PORT]
    return sum_of(v.controller_count(port) - v.hanging(port) for port in ports)
