"""Bus numbers that there may be in each PCI complex and below each bus, before anything is placed."""

from collections.abc import Iterable, Mapping

from ...schema.pci.address import BUS_NUMBERS
from ...schema.pci.controllers import CONTROLLERS
from ...schema.pci.qemu_properties import integer
from ...schema.request.guest import Guest
from .bus_classes import BusClass


def fixed_ranges(guest: Guest) -> Mapping[str, int]:
    """By root bus, the main root's and that of each expander with a `bus_nr`: numbers up to the next of those, its own
    included. Complexes without a fixed number share these. Nothing where no expander has one."""
    fixed = {
        c.id: start
        for c in guest.controllers
        if (start := integer(c.properties, "bus_nr")) is not None and CONTROLLERS[c.model].is_expander
    }
    if not fixed:
        return {}
    starts = sorted(fixed.items(), key=lambda one: one[1])
    ends = [start for _, start in starts[1:]] + [BUS_NUMBERS]
    rooms = {guest.machine_model.root: starts[0][1]}
    return rooms | {name: end - start for (name, start), end in zip(starts, ends, strict=True)}


def numbers_left(guest: Guest, bus: BusClass, above: Iterable[BusClass]) -> int:
    """Bus numbers that there may be below a class that hangs on one of those `above`: fewer a level, and fewer than its
    bus-reserve."""
    own = 1 if bus.model is None else CONTROLLERS[bus.model].bus_numbers
    if bus.model is None or CONTROLLERS[bus.model].is_expander:
        return _room(guest, bus.level.root) - own
    left = max(host.bus_numbers_left for host in above) - own
    return left if bus.bus_reserve is None else min(left, bus.bus_reserve - 1)


def _room(guest: Guest, root: str) -> int:
    """Bus numbers of a complex at most."""
    rooms = fixed_ranges(guest)
    if not rooms:
        return BUS_NUMBERS
    # a complex without a fixed number comes behind another's root bus
    return rooms[root] if root in rooms else max(rooms.values()) - 1
