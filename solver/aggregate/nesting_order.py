"""Which of the demanded controllers that are alike may be inside which: of each chain one order is enough.

Controllers that differ in nothing but their ids may change places. So may, with SeaBIOS, those that also differ in
their io-reserve: if the larger one comes above, no window grows. Its own place was inside the other's, whose window
held that reserve already; and the smaller one now opens no more than the larger one did there. Spare slots with IO
ports would tell such reserves apart.
"""

from collections.abc import Sequence
from dataclasses import field

from ...schema.pci.controllers import Need
from ...schema.pci.qemu_properties import integer
from ...schema.records import record
from ...schema.request.device import Controller
from .bus_classes import Level, pages
from .floating_controllers import FloatingController, plain_looks
from .listed_controllers import ListedControllers

IO_RESERVE = "io-reserve"


@record
class NestingOrder:
    """Of the units that are single controllers whose inside is told apart: inside whom they need not be looked at."""

    _never_inside: dict[int, frozenset[str]] = field(default_factory=dict)
    """By number of the unit the ids of those that come later, and its own."""
    _after: dict[str | None, int] = field(default_factory=dict)
    """How many pci-bridges come later, by `Level.reserve_above`; outside of all of them each does."""

    @classmethod
    def of(cls, listed: ListedControllers, units: Sequence[FloatingController]) -> "NestingOrder":
        """The larger reserve above, of equal ones that which is listed first."""
        alike: dict[object, list[tuple[int, int, str]]] = {}
        order = cls()
        for number, unit in enumerate(units):
            one = unit.controllers[0]
            if not unit.optional and listed.tracks_inside(one):
                alike.setdefault(_looks(listed, one), []).append((-_reserved_pages(one), number, one.id))
        for several in map(sorted, alike.values()):
            for index, (_, number, name) in enumerate(several):
                order._never_inside[number] = frozenset(one for _, _, one in several[index:])
                if units[number].needs is Need.PCI_BRIDGE:
                    order._after[name] = len(several) - index - 1
                    order._after[None] = order._after.get(None, 0) + 1
        return order

    def allows(self, number: int, where: Level) -> bool:
        """Whether the unit is looked at on that level."""
        return where.reserve_above not in self._never_inside.get(number, ())

    def later(self, inside: str | None) -> int:
        """How many pci-bridges are never above what is inside that one's reserve, as they come after it."""
        return self._after.get(inside, 0)


def _reserved_pages(controller: Controller) -> int:
    return pages(integer(controller.properties, IO_RESERVE) or 0)


def _looks(listed: ListedControllers, controller: Controller) -> object:
    """All that tells it from others that it may change places with; of one that cannot, its id."""
    plain = plain_looks(listed, controller)
    if plain is None:
        return controller.id
    model, numa, hotplug, properties = plain
    reserve, pin = integer(controller.properties, IO_RESERVE), listed.items.controller_pins.get(controller.id)
    spares = any(kind.spare is not None and kind.spare.io for kind in listed.items.free)
    if reserve and listed.guest.firmware.name == "seabios" and not spares:
        properties = tuple((name, value) for name, value in properties if name != IO_RESERVE)
        return model, numa, hotplug, properties, pin, IO_RESERVE
    return model, numa, hotplug, properties, pin
