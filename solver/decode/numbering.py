"""Numbers that tell controllers apart: chassis, slot and chassis_nr for QEMU, bus_nr for the firmware."""

from collections.abc import Set

from ...schema.pci.address import BUS_NUMBERS
from ...schema.pci.controllers import CONTROLLERS
from ...schema.pci.qemu_properties import integer
from .layout_tree import LayoutTree
from .seats import BusInstance

LARGEST_NUMBER = 255
NOT_LIBVIRTS = 255
"""The bus_nr that QEMU takes and domain XML does not: given where nothing else is left."""


class Numbering:
    """By controller. What the request gives is kept."""

    def __init__(self, placed: LayoutTree) -> None:
        self._placed = placed
        self.chassis = self._unique("chassis")
        self.slot_numbers = self._slot_numbers()
        self.bus_nr = self._bus_numbers()
        self.chassis_nr = self._unique("chassis_nr", taken=set(self.bus_nr.values()))

    def _unique(self, name: str, taken: set[int] | None = None) -> dict[str, int]:
        """A number for each controller with that property: the one demanded, else the smallest from 1 that is free."""
        mine = [bus for bus in self._placed.order if name in CONTROLLERS[str(bus.cls.model)].properties]
        fixed = {str(bus.name): value for bus in mine if (value := self._placed.number(bus, name)) is not None}
        used = set(fixed.values()) | (taken or set())
        free = (number for number in range(1, LARGEST_NUMBER + 1) if number not in used)
        return {str(bus.name): fixed[str(bus.name)] if bus.name in fixed else next(free) for bus in mine}

    def _slot_numbers(self) -> dict[str, int]:
        """`slot` of demanded ports that share a chassis: QEMU takes a missing one as 0 and refuses the pair twice."""
        taken: set[tuple[object, object]] = set()
        result: dict[str, int] = {}
        ports = [c for c in self._placed.guest.controllers if "chassis" in c.properties]
        for controller in sorted(ports, key=lambda one: "slot" not in one.properties):
            chassis, slot = integer(controller.properties, "chassis"), integer(controller.properties, "slot")
            if slot is None:
                slot = next(number for number in range(256) if (chassis, number) not in taken)
                if slot:
                    result[controller.id] = slot
            taken.add((chassis, slot))
        return result

    def _size(self, bus: BusInstance) -> int:
        """Bus numbers of a controller with all below it."""
        below = sum(self._size(child) for child in self._placed.children(bus) if child.cls.level.root != child.name)
        own = CONTROLLERS[str(bus.cls.model)].bus_numbers
        return own + max(below, bus.cls.bus_reserve or 0)

    def _bus_numbers(self) -> dict[str, int]:
        """bus_nr of each expander: demanded ones stay, the others go into what is left between; none where they do not
        fit."""
        placed = self._placed
        expanders = [bus for bus in placed.order if CONTROLLERS[str(bus.cls.model)].is_expander]
        if not expanders:
            return {}
        fixed = {str(bus.name): value for bus in expanders if (value := placed.number(bus, "bus_nr")) is not None}
        sizes = {str(bus.name): self._size(bus) for bus in expanders}
        main = 1 + sum(self._size(b) for b in placed.children(placed.root) if str(b.name) not in sizes)
        ends = [main, *(fixed[name] + sizes[name] for name in sorted(fixed, key=fixed.__getitem__))]
        gaps = tuple(zip(ends, [*sorted(fixed.values()), BUS_NUMBERS], strict=True))
        taken = frozenset(c.properties["chassis_nr"] for c in placed.guest.controllers if "chassis_nr" in c.properties)
        loose = sorted((name for name in sizes if name not in fixed), key=lambda name: -sizes[name])
        wanted = tuple(sizes[name] for name in loose)
        starts = packed(wanted, gaps, taken | {NOT_LIBVIRTS}) or packed(wanted, gaps, taken) or (0,) * len(loose)
        return fixed | dict(zip(loose, starts, strict=True))


def packed(sizes: tuple[int, ...], gaps: tuple[tuple[int, int], ...], taken: Set[object]) -> tuple[int, ...] | None:
    """Starts of ranges of these sizes that fit into the gaps (first number, end) and are not `taken` themselves.

    From the top, so that the main root keeps the numbers that are left; gap by gap, until all fit.

    >>> packed((4, 3, 3), ((1, 7), (10, 14)), set()), packed((2, 2), ((1, 5), (10, 13)), {11})
    ((10, 4, 1), (10, 3))
    """
    if not sizes:
        return ()
    size, *rest = sizes
    tried: set[object] = set()
    for number, (low, high) in sorted(enumerate(gaps), reverse=True):
        start = next((one for one in range(high - size, low - 1, -1) if one not in taken), None)
        alike = high - low, tuple(high - one for one in range(low, high) if one in taken)
        if start is None or alike in tried:
            continue
        tried.add(alike)
        others = packed(tuple(rest), (*gaps[:number], (low, start), *gaps[number + 1 :]), taken)
        if others is not None:
            return start, *others
    return None
