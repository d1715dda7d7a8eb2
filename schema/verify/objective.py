"""What a layout costs: the objective's terms and, device by device, the preferences that it does not meet."""

from collections.abc import Iterator

from ..layout.layout import Layout
from ..pci.controllers import Connector, VirtioMode
from ..request.fields import Term
from ..request.guest import Guest
from ..weights import WEIGHTS
from .context import Context, SeatedDevice, context_of

Preference = tuple[str, str, int]
"""Id of a device or switch, a reason of WEIGHTS, the weight paid."""


def objective(guest: Guest, layout: Layout) -> dict[Term, int]:
    """The value of each term: weights, bytes (`io_windows`) and counts. Devices that hang on no bus cost nothing."""
    return objective_of(context_of(guest, layout))


def objective_of(known: Context) -> dict[Term, int]:
    """The same of a layout in its context."""
    return {
        "moved": 0,
        "guest_visible": 0,
        "preferences": sum(weight for _, _, weight in preferences_of(known)),
        "io_windows": known.io.root_level,
        "controllers": len(known.layout.controllers),
        "depth": sum(place.bus.depth for place in known.places.values()),
    }


def preferences(guest: Guest, layout: Layout) -> list[Preference]:
    """Every weight the layout pays, devices in the layout's order, then switches."""
    return preferences_of(context_of(guest, layout))


def preferences_of(known: Context) -> list[Preference]:
    """The same of a layout in its context."""
    paid = [(name, reason) for name, place in known.places.items() for reason in reasons(known, place)]
    demanded = {controller.id for controller in known.guest.controllers}
    paid += [
        (controller.id, "switch")
        for controller in known.layout.controllers
        if controller.model == "x3130-upstream" and controller.id not in demanded
    ]
    return [(name, reason, WEIGHTS[reason]) for name, reason in paid]


def reasons(known: Context, place: SeatedDevice) -> Iterator[str]:
    """What one device pays for where it sits."""
    resolved, bus = place.resolved, place.bus
    if place.item.hotplug == "preferred" and not place.takes_hotplug:
        yield "hotplug-unmet"
    if known.machine.family == "q35":
        if resolved.connector in {Connector.EXPRESS, Connector.HYBRID}:
            if bus.is_conventional:
                yield "express-on-conventional"
            elif bus.is_root:
                yield "express-on-root"
        elif bus.is_port and resolved.modes and VirtioMode.MODERN not in resolved.modes:
            yield "legacy-on-port"
    if place.shared:
        yield "shared"
    if place.item.numa is None and bus.expander is not None:
        yield "foreign-node"
    if resolved.chipset_place is not None and not bus.is_root:
        yield "chipset-place"
