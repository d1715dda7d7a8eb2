"""Bus numbers that each PCI complex has, where the request fixes an expander's `bus_nr`."""

from collections.abc import Mapping

from ..schema.connect import CONTROLLERS
from ..schema.guest import Guest
from ..schema.properties import integer
from .buses import BUS_NUMBERS


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
    rooms = {guest.platform.root: starts[0][1]}
    return rooms | {name: end - start for (name, start), end in zip(starts, ends, strict=True)}


def most_below(guest: Guest, root: str, own: int) -> int:
    """Bus numbers that there may be below a root bus, which takes `own` of its complex's range."""
    rooms = fixed_ranges(guest)
    if not rooms:
        return BUS_NUMBERS - own
    # a complex without a fixed number comes behind another's root bus
    return (rooms[root] if root in rooms else max(rooms.values()) - 1) - own
