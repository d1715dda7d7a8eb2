"""Units: demanded controllers without an address, each with all that is pinned inside it."""

from collections.abc import Iterator

from ...schema.pci.address import Pin
from ...schema.pci.controllers import CONTROLLERS, RESERVES, Need
from ...schema.pci.qemu_properties import integer
from ...schema.records import record
from ...schema.request.device import Controller
from .listed_controllers import ListedControllers
from .pins import PinConflict

WHEREVER_IT_IS = {"function-zero", "address-unique"}
"""Rules that are broken wherever the unit goes."""

_NUMBERS = {"chassis", "slot", "port", "chassis_nr"}
"""Properties that tell controllers apart for the guest, but not for placing."""

PlainLooks = tuple[str, int | None, bool, tuple[tuple[str, object], ...]]
"""Model, node, hotplug, properties."""


@record
class FloatingController:
    """Controllers that cannot be told apart (one, if something is pinned inside)."""

    controllers: tuple[Controller, ...]
    needs: Need
    optional: bool = False
    """Whether they may be absent."""


def floating_controllers(listed: ListedControllers) -> list[FloatingController]:
    """Raises PinConflict where a pci-bridge has the number of a pxb's hidden bridge: rule chassis-nr."""
    guest, pins = listed.guest, listed.items.controller_pins
    numbers = {integer(c.properties, "bus_nr"): c.id for c in guest.controllers if "bus_nr" in c.properties}
    alike: dict[tuple[object, Pin | None, bool], list[Controller]] = {}
    optional = listed.items.open.controllers
    for controller in (*guest.controllers, *optional):
        chassis = integer(controller.properties, "chassis_nr")
        other = None if chassis is None else numbers.get(chassis)
        if other is not None and controller not in optional:
            raise PinConflict("chassis-nr", (controller.id, other))
        pin = pins.get(controller.id)
        if (pin is None or pin.bus is None) and not CONTROLLERS[controller.model].is_expander:
            looks = _looks(listed, controller), pin, controller in optional
            alike.setdefault(looks, []).append(controller)
    return [
        FloatingController(tuple(one), CONTROLLERS[one[0].model].needs, optional=maybe)
        for (_, _, maybe), one in alike.items()
    ]


def _looks(listed: ListedControllers, controller: Controller) -> object:
    plain = plain_looks(listed, controller)
    # what hangs below a reserve is counted bus by bus, and so is what is below whom is told apart
    alone = plain is None or listed.tracks(controller.model) or bool(RESERVES & set(controller.properties))
    return controller.id if alone else plain


def plain_looks(listed: ListedControllers, controller: Controller) -> PlainLooks | None:
    """All that matters of a controller but for its id and where it is pinned; None where something speaks of it by its
    id, so that no other can stand for it."""
    tree, opened = listed.tree, listed.items.open
    named = (
        controller.id in tree.occupants
        or controller.id in tree.homes
        or any(controller.id in home.ids for home in opened.homes)
        or controller.id in opened.readings
        or bool(tree.reserved(controller.id))
    )
    if named:
        return None
    properties = sorted((name, value) for name, value in controller.properties.items() if name not in _NUMBERS)
    return controller.model, controller.numa, controller.hotplug, tuple(properties)


def switches_in(listed: ListedControllers, units: list[FloatingController]) -> int:
    """Upstream ports that move: by themselves, or with the unit that they are pinned in."""
    moving = (controller for unit in units for controller in unit.controllers)
    return sum(one.model == "x3130-upstream" for controller in moving for one in _with_inside(listed, controller))


def _with_inside(listed: ListedControllers, controller: Controller) -> Iterator[Controller]:
    yield controller
    for inside in listed.tree.inside.get(controller.id, []):
        yield from _with_inside(listed, inside)
