"""Numbers that tell controllers apart: chassis, slot and chassis_nr for QEMU, bus_nr for the firmware."""

from ..schema.connect import CONTROLLERS
from .buses import BUS_NUMBERS
from .placed import Placed
from .seating import Bus

PORTS = frozenset(name for name, model in CONTROLLERS.items() if model.is_port)
MOST = 255


class Numbering:
    """By controller. What the request gives is kept."""

    def __init__(self, placed: Placed) -> None:
        self._placed = placed
        self.chassis = self._unique("chassis", PORTS)
        self.slot_numbers = self._slot_numbers()
        self.bus_nr = self._bus_numbers()
        self.chassis_nr = self._unique("chassis_nr", frozenset({"pci-bridge"}), taken=set(self.bus_nr.values()))

    def _unique(self, name: str, models: frozenset[str], taken: set[int] | None = None) -> dict[str, int]:
        """A number for each controller of these models: the one demanded, else the smallest from 1 that is free."""
        mine = [bus for bus in self._placed.order if bus.cls.model in models]
        fixed = {str(bus.name): value for bus in mine if (value := self._placed.number(bus, name)) is not None}
        used = set(fixed.values()) | (taken or set())
        free = (number for number in range(1, MOST + 1) if number not in used)
        return {str(bus.name): fixed[str(bus.name)] if bus.name in fixed else next(free) for bus in mine}

    def _slot_numbers(self) -> dict[str, int]:
        """`slot` of demanded ports that share a chassis: QEMU takes a missing one as 0 and refuses the pair twice."""
        taken: set[tuple[object, object]] = set()
        result: dict[str, int] = {}
        ports = [c for c in self._placed.guest.controllers if "chassis" in c.properties]
        for controller in sorted(ports, key=lambda one: "slot" not in one.properties):
            chassis = controller.properties["chassis"]
            slot = controller.properties.get("slot")
            if slot is None:
                slot = next(number for number in range(256) if (chassis, number) not in taken)
                if slot:
                    result[controller.id] = slot
            taken.add((chassis, slot))
        return result

    def _size(self, bus: Bus) -> int:
        """Bus numbers of a controller with all below it."""
        below = sum(self._size(child) for child in self._placed.children(bus) if child.cls.where.root != child.name)
        own = CONTROLLERS[str(bus.cls.model)].bus_numbers
        return own + max(below, bus.cls.bus_reserve or 0)

    def _bus_numbers(self) -> dict[str, int]:
        """bus_nr of each expander: demanded ones stay, the others are packed below the end of a gap that holds them."""
        placed = self._placed
        expanders = [bus for bus in placed.order if CONTROLLERS[str(bus.cls.model)].is_expander]
        result = {str(bus.name): value for bus in expanders if (value := placed.number(bus, "bus_nr")) is not None}
        sizes = {str(bus.name): self._size(bus) for bus in expanders}
        main = 1 + sum(self._size(b) for b in placed.children(placed.root) if str(b.name) not in sizes)
        ends = {start: start + sizes[name] for name, start in result.items()} | {0: main}
        starts = sorted([*result.values(), BUS_NUMBERS])
        demanded_chassis = {c.properties.get("chassis_nr") for c in placed.guest.controllers}
        for name in sorted((name for name in sizes if name not in result), key=lambda name: -sizes[name]):
            # from the top, so that the main root keeps the numbers that are left
            gaps = sorted(((ends[low], _after(low, starts)) for low in ends), reverse=True)
            places = (start for low, high in gaps for start in range(high - sizes[name], low - 1, -1))
            result[name] = next((start for start in places if start not in demanded_chassis), 0)
            starts = sorted([*starts, result[name]])
            ends[result[name]] = result[name] + sizes[name]
        return result


def _after(start: int, starts: list[int]) -> int:
    return next(one for one in starts if one > start)
